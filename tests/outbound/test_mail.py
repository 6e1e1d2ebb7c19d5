"""Mail: how it reaches the server, what is never sent in the clear, and what is bounded."""

import asyncio
import logging
import smtplib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_string
from typing import Any, Final

import pytest

from spooled_lite.config import Settings
from spooled_lite.errors import Unavailable
from spooled_lite.outbound import mail
from spooled_lite.outbound.mail import Mail, Message, Sending, Smtp, smtp_of
from tests.outbound.smtp_server import MailServer, mail_server, trusting

WAIT_SECONDS: Final = 5
MESSAGE: Final = Message("ada@example.com", "Your code", "It is 123456.\n")


def smtp_to(server: MailServer, **more: Any) -> Smtp:
    return Smtp(
        **{
            "host": "127.0.0.1",
            "port": server.port,
            "security": "none",
            "sender": "spooled@example.com",
            **more,
        }
    )


@asynccontextmanager
async def running(it: Mail) -> AsyncIterator[Mail]:
    stop = asyncio.Event()
    task = asyncio.create_task(it.run(stop))
    try:
        yield it
    finally:
        stop.set()
        await task


async def received(server: MailServer) -> tuple[str, str]:
    async with asyncio.timeout(WAIT_SECONDS):
        return await server.messages.get()


def test_a_message_reaches_the_server() -> None:
    async def scenario() -> tuple[str, str]:
        async with mail_server() as server, running(Mail(smtp_to(server))) as it:
            it.post(MESSAGE)
            return await received(server)

    recipient, text = asyncio.run(scenario())

    message = message_from_string(text)
    assert recipient == "ada@example.com"
    assert (message["From"], message["To"]) == ("spooled@example.com", "ada@example.com")
    assert (message["Subject"], message["Auto-Submitted"]) == ("Your code", "auto-generated")
    assert str(message.get_payload()).startswith("It is 123456.")


def test_messages_are_sent_side_by_side() -> None:
    async def scenario() -> set[str]:
        async with mail_server() as server, running(Mail(smtp_to(server))) as it:
            for number in range(10):
                it.post(Message(f"{number}@example.com", "s", "t"))
            return {(await received(server))[0] for _ in range(10)}

    assert len(asyncio.run(scenario())) == 10


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_password_is_shown_over_tls_only(security: str) -> None:
    async def scenario() -> MailServer:
        is_tls = security == "tls"
        async with mail_server(has_tls=is_tls, offers_tls=not is_tls) as server:
            smtp = smtp_to(server, security=security, username="me", password="hunter2")
            await asyncio.to_thread(Sending(smtp, MESSAGE, context=trusting).run)
            await received(server)
            return server

    server = asyncio.run(scenario())

    assert server.signed_in == ["\0me\0hunter2"]
    if security == "starttls":
        assert server.said.index("STARTTLS") < server.said.index("AUTH")


def test_nothing_is_sent_to_a_server_that_offers_no_tls() -> None:
    async def scenario() -> MailServer:
        async with mail_server() as server:
            smtp = smtp_to(server, security="starttls", username="me", password="hunter2")
            with pytest.raises(smtplib.SMTPNotSupportedError):
                await asyncio.to_thread(Sending(smtp, MESSAGE, context=trusting).run)
            return server

    assert not {"AUTH", "MAIL", "DATA"} & set(asyncio.run(scenario()).said)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_is_refused(security: str) -> None:
    async def scenario() -> MailServer:
        is_tls = security == "tls"
        async with mail_server(has_tls=is_tls, offers_tls=not is_tls) as server:
            smtp = smtp_to(server, security=security)
            with pytest.raises(ssl.SSLCertVerificationError):
                await asyncio.to_thread(Sending(smtp, MESSAGE).run)
            return server

    assert not {"AUTH", "MAIL", "DATA"} & set(asyncio.run(scenario()).said)


def test_a_mail_that_fails_holds_nothing_up(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with (
            mail_server(refuses=b"RCPT") as bad,
            mail_server() as good,
        ):
            it = Mail(smtp_to(bad))
            async with running(it):
                it.post(MESSAGE)
                async with asyncio.timeout(WAIT_SECONDS):
                    await bad.left.wait()
                it._smtp = smtp_to(good)
                it.post(Message("bob@example.com", "s", "t"))
                assert (await received(good))[0] == "bob@example.com"

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())

    assert "a mail was not sent: SMTPRecipientsRefused" in caplog.text
    assert "ada@example.com" not in caplog.text


def test_a_server_that_never_greets_is_left_after_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mail, "SEND_SECONDS_MAX", 0.05)

    async def scenario() -> None:
        async with mail_server(is_silent=True) as server, running(Mail(smtp_to(server))) as it:
            it.post(MESSAGE)
            async with asyncio.timeout(WAIT_SECONDS):
                await server.left.wait()

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())

    assert "a mail was not sent: TimeoutError" in caplog.text


def test_a_stop_does_not_wait_for_a_server_that_never_greets() -> None:
    async def scenario() -> None:
        async with mail_server(is_silent=True) as server:
            async with asyncio.timeout(WAIT_SECONDS):
                async with running(Mail(smtp_to(server))) as it:
                    it.post(MESSAGE)
                    await server.came.wait()
                await server.left.wait()

    asyncio.run(scenario())


def test_only_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "WAITING_MAX", 2)
    it = Mail(None)
    it.post(MESSAGE)
    it.check_room()

    it.post(MESSAGE)

    with pytest.raises(Unavailable):
        it.check_room()


def test_what_was_not_sent_before_the_stop_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        it, stop = Mail(None), asyncio.Event()
        stop.set()
        it.post(MESSAGE)
        await it.run(stop)

    with caplog.at_level(logging.INFO):
        asyncio.run(scenario())

    assert "1 mails were not sent before the stop" in caplog.text
    assert "123456" not in caplog.text


@pytest.mark.parametrize(
    ("settings", "port"),
    [({}, 587), ({"smtp_security": "tls"}, 465), ({"smtp_security": "none"}, 25)],
)
def test_the_port_follows_from_the_security(settings: dict[str, Any], port: int) -> None:
    given = {"smtp_host": "smtp.example.com", "smtp_from": "a@example.com", **settings}

    smtp, own = smtp_of(Settings(**given)), smtp_of(Settings(**given, smtp_port=2525))

    assert smtp is not None
    assert own is not None
    assert (smtp.port, own.port) == (port, 2525)


def test_without_a_host_there_is_no_mail() -> None:
    assert smtp_of(Settings(smtp_from="a@example.com")) is None


def test_a_password_is_not_shown() -> None:
    smtp = Smtp(host="h", port=1, security="tls", sender="a@b.io", username="me", password="pw")

    assert "pw" not in f"{smtp!r} {smtp}"
