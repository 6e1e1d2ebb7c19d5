"""Webhooks and mails of a world arrive in inboxes that tests read."""

import asyncio
from typing import Any

import msgspec
import pytest

from spooled_lite.outbound.mail import Message
from spooled_lite.outbound.signatures import sign
from spooled_lite.testing import inboxes
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.inboxes import MailInbox, WebhookInbox, inbox_name
from spooled_lite.testing.journal import Journal
from spooled_lite.testing.senders import DeliverySender
from tests.testing.stage import ADMIN_KEY, START_MS, Stage, play
from tests.testing.test_journal import another_organization

SHOP = {"name": "shop", "url": "https://inbox.test/shop", "events": ["job.created"]}


def test_a_webhook_to_the_inbox_arrives_signed_without_a_network() -> None:
    async def script(stage: Stage) -> None:
        await stage.post("outgoing-webhooks", {**SHOP, "secret": "whsec_of_the_shop"})
        await stage.post("outgoing-webhooks", {**SHOP, "url": "https://inbox.test/bare"})
        job_id = await stage.job()

        read = await stage.get("test/inbox/webhooks?name=shop")

        [got] = read["webhooks"]
        assert (got["name"], got["attempt"], got["signature"]) == ("shop", 1, "good")
        assert got["at"] == "2030-01-01T00:00:00.000Z"
        assert got["headers"]["X-Spooled-Delivery-ID"] == got["delivery_id"]
        assert job_id in str(got["body"])
        [bare] = (await stage.get("test/inbox/webhooks?name=bare"))["webhooks"]
        assert bare["signature"] == "none"
        told = (await stage.get("test/journal?kind=delivery"))["lines"]
        assert [each["status_code"] for each in told] == [200, 200]

        assert (await stage.get(f"test/inbox/webhooks?after={read['last']}"))["webhooks"] == []
        assert (await stage.api.delete("test/inbox/webhooks")).status_code == 204
        assert (await stage.get("test/inbox/webhooks"))["webhooks"] == []

    play(script)


def test_two_runs_receive_the_same_calls() -> None:
    async def script(stage: Stage) -> Any:
        for name in ("a", "b", "c"):
            await stage.post(
                "outgoing-webhooks",
                {**SHOP, "url": f"https://inbox.test/{name}", "secret": "whsec_12345678"},
            )
        for _ in range(5):
            await stage.job()
            await stage.move("settle")  # calls under way at once come in any order
        return await stage.get("test/inbox/webhooks")

    assert play(script) == play(script)


def test_a_signature_is_judged_by_the_secrets_of_those_who_may_have_made_the_call() -> None:
    inbox = WebhookInbox(VirtualClock(START_MS))

    def received(secret: str) -> str:
        headers = {"X-Spooled-Timestamp": "5", "X-Spooled-Signature": sign(secret, 5, b"{}")}
        senders = [DeliverySender(1, None), DeliverySender(1, "right")]
        inbox.receive("x", b"{}", headers, delivery_id="", attempt=1, senders=senders)
        return list(inbox.read(name=None, after=0, org=1))[-1].signature

    assert (received("right"), received("wrong")) == ("good", "bad")
    assert "right" not in repr(DeliverySender(1, "right"))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://inbox.test/shop", "shop"),
        ("https://INBOX.test/a%20b/c/", "a b/c"),
        ("https://inbox.test", ""),
        ("https://inbox.test:8443/shop", None),
        ("http://inbox.test/shop", None),
        ("https://inbox.test.example.com/shop", None),
        ("https://user@inbox.test/shop", None),
        ("https://[inbox.test/shop", None),
    ],
)
def test_an_address_leads_to_the_inbox_or_elsewhere(url: str, name: str | None) -> None:
    assert inbox_name(url) == name


def test_another_organization_sees_none_of_the_calls() -> None:
    async def script(stage: Stage) -> None:
        other = await another_organization(stage)
        await stage.post("outgoing-webhooks", SHOP)
        await stage.job()

        async def seen(headers: dict[str, str]) -> int:
            answer = await stage.api.get("test/inbox/webhooks", headers=headers)
            return len(answer.json()["webhooks"])

        assert await seen(other) == 0
        await stage.api.delete("test/inbox/webhooks", headers=other)
        assert await seen({}) == 1
        assert await seen({"X-Admin-Key": ADMIN_KEY}) == 1
        refused = await stage.api.get("test/inbox/webhooks?nmae=shop")
        assert (refused.status_code, "`name`" in refused.text) == (400, True)

    play(script)


def test_a_mail_does_not_leave_and_its_code_signs_in() -> None:
    async def script(stage: Stage) -> None:
        body = {"name": "Ada", "slug": "ada-123456", "billing_email": "ada@example.com"}
        made = await stage.api.post("organizations", json=body, headers={"X-Admin-Key": ADMIN_KEY})
        assert made.status_code == 201
        await stage.api.delete("test/inbox/mails")
        await stage.post("auth/email/start", {"email": "ada@example.com"})

        read = await stage.get("test/inbox/mails?to=ada@example.com")

        [mail] = read["mails"]
        assert mail["subject"] == "Your sign-in code"
        assert mail["code"] in mail["text"]
        body = {"email": "ada@example.com", "code": mail["code"]}
        assert await stage.post("auth/email/verify", body), "the code was taken"
        assert (await stage.get("test/inbox/mails?to=bob@example.com"))["mails"] == []
        [line] = (await stage.get(f"test/journal?kind=mail&after={read['last'] - 1}"))["lines"][-1:]
        assert (line["to"], line["subject"]) == ("ada@example.com", "Your sign-in code")
        assert mail["code"] not in str(line)

    play(script)


def test_a_code_in_a_slug_is_not_taken_for_the_code() -> None:
    clock = VirtualClock(START_MS)
    inbox = MailInbox(clock, Journal(clock).mailed)
    text = 'The organization "shop-999999" has entered this. The code to confirm it is 123456\n'

    async def carry_both() -> None:
        await inbox.carry(Message("ada@example.com", "Confirm", text))
        await inbox.carry(Message("ada@example.com", "Hello", "No such thing is 999999 in here\n"))

    asyncio.run(carry_both())

    assert [each.code for each in inbox.read(to=None, after=0)] == ["123456", None]


def test_inboxes_keep_the_newest_within_their_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inboxes, "WEBHOOK_BYTES_MAX", 100_000)
    inbox = WebhookInbox(VirtualClock(START_MS))
    big = msgspec.json.encode("x" * 20_000)
    for _ in range(5_000):
        inbox.receive("x", big, {}, delivery_id="", attempt=1, senders=())

    kept = list(inbox.read(name=None, after=0, org=None))
    assert (len(kept), kept[-1].n, inbox.kept.dropped) == (4, 5_000, 4_996)
