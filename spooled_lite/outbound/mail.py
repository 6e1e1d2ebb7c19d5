"""Mail by SMTP: a short line of messages, which are sent beside the requests."""

import asyncio
import contextlib
import logging
import smtplib
import socket
import ssl
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Any, Final, Literal

from msgspec import Struct

from spooled_lite.config import Settings
from spooled_lite.errors import Unavailable

logger = logging.getLogger(__name__)

Security = Literal["starttls", "tls", "none"]

WAITING_MAX: Final = 100  # messages in line; more are refused
SENDERS: Final = 4  # at once: one message that is slow to send does not delay all others
SEND_SECONDS_MAX: Final = 30.0  # for all of one message
STEP_SECONDS_MAX: Final = 10.0  # for each answer of the mail server
PORTS: Final[dict[Security, int]] = {"starttls": 587, "tls": 465, "none": 25}


class Smtp(Struct, frozen=True, kw_only=True):
    """How to reach the mail server."""

    host: str
    port: int
    security: Security
    sender: str
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Smtp({self.host}:{self.port}, {self.security})"


class Message(Struct, frozen=True):
    to: str  # an address that was checked: it has no line ends
    subject: str
    text: str


Carry = Callable[[Message], Awaitable[None]]


class Mail:
    """The line of messages. Without a mail server they are written to the log, for development.

    `post` never waits, so the time of an answer does not reveal whether a mail is sent.
    """

    def __init__(self, smtp: Smtp | None, *, carry: Carry | None = None) -> None:
        """`carry` sends the messages instead of a mail server."""
        self._smtp = smtp
        self._carry = carry
        self._line: asyncio.Queue[Message] = asyncio.Queue()

    @property
    def has_server(self) -> bool:
        return self._smtp is not None or self._carry is not None

    def check_room(self) -> None:
        """Called before anything is stored for a message.

        Raises:
            Unavailable: WAITING_MAX messages are waiting.
        """
        if self._line.qsize() >= WAITING_MAX:
            raise Unavailable("overloaded", "Too many mails are waiting to be sent; try again")

    def post(self, message: Message) -> None:
        """Add a message to the line. It may be lost; then its recipient asks for another one."""
        self._line.put_nowait(message)

    async def settled(self) -> None:
        """Wait until every posted message is sent or given up."""
        await self._line.join()

    async def run(self, stop: asyncio.Event) -> None:
        """Send messages until `stop`. The log says how many still waited then and are lost."""
        async with asyncio.TaskGroup() as group:
            senders = [
                group.create_task(self._send_waiting(), name=f"mail-{number}")
                for number in range(SENDERS)
            ]
            await stop.wait()
            for sender in senders:
                sender.cancel()
        if self._line.qsize():
            logger.warning("%d mails were not sent before the stop", self._line.qsize())

    async def _send_waiting(self) -> None:
        while True:
            message = await self._line.get()
            try:
                await self._send(message)
            except Exception as error:
                # Its text may repeat the address or the message.
                logger.warning("a mail was not sent: %s", type(error).__name__)
            finally:
                self._line.task_done()

    async def _send(self, message: Message) -> None:
        if self._carry is not None:
            await self._carry(message)
            return
        if self._smtp is None:
            logger.info("mail to %s: %s", message.to, message.text)
            return
        sending = Sending(self._smtp, message)
        try:
            async with asyncio.timeout(SEND_SECONDS_MAX):
                await asyncio.to_thread(sending.run)
        finally:
            # The thread cannot be stopped, but ends by itself once its connection is closed.
            sending.give_up()


class Sending:
    """The sending of one message, in a thread."""

    def __init__(
        self,
        smtp: Smtp,
        message: Message,
        *,
        context: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self._smtp = smtp
        self._message = message
        self._context = context
        self.client: smtplib.SMTP | None = None
        self.is_given_up = False

    def run(self) -> None:
        """Send it. After an smtplib.SMTPException or an OSError it may have been sent or not."""
        smtp = self._smtp
        with self._connected() as client:
            if smtp.security == "starttls":
                # Raises when the server does not offer it, so nothing goes on unencrypted.
                client.starttls(context=self._context())
            if smtp.username is not None:
                client.login(smtp.username, smtp.password or "")
            client.send_message(_rendered(smtp, self._message), smtp.sender, [self._message.to])

    def give_up(self) -> None:
        """Close the connection. Called from another thread, also after the message is sent."""
        self.is_given_up = True
        client = self.client
        connection = None if client is None else client.sock
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _connected(self) -> smtplib.SMTP:
        host, port, timeout = self._smtp.host, self._smtp.port, STEP_SECONDS_MAX
        if self._smtp.security == "tls":
            return _TlsClient(self, host, port, timeout=timeout, context=self._context())
        return _Client(self, host, port, timeout=timeout)


class _Client(smtplib.SMTP):
    """Is known to `Sending` before it connects, so that it can be given up before the greeting."""

    def __init__(self, sending: Sending, *server: Any, **how: Any) -> None:
        self._sending = sending
        super().__init__(*server, **how)

    def connect(self, *server: Any, **how: Any) -> tuple[int, bytes]:
        self._sending.client = self
        return super().connect(*server, **how)

    def getreply(self) -> tuple[int, bytes]:
        # Given up before there was a connection to shut down: do not wait on the new one.
        if self._sending.is_given_up:
            self.close()
            raise smtplib.SMTPServerDisconnected("given up")
        return super().getreply()


class _TlsClient(_Client, smtplib.SMTP_SSL):
    pass


def smtp_of(settings: Settings) -> Smtp | None:
    """None when no mail server is configured."""
    if settings.smtp_host is None or settings.smtp_from is None:
        return None
    security = settings.smtp_security
    return Smtp(
        host=settings.smtp_host,
        port=settings.smtp_port or PORTS[security],
        security=security,
        sender=settings.smtp_from,
        username=settings.smtp_username,
        password=settings.smtp_password,
    )


def _rendered(smtp: Smtp, message: Message) -> EmailMessage:
    rendered = EmailMessage(policy=SMTP_POLICY)
    rendered["From"] = smtp.sender
    rendered["To"] = message.to
    rendered["Subject"] = message.subject
    rendered["Auto-Submitted"] = "auto-generated"
    rendered.set_content(message.text)
    return rendered
