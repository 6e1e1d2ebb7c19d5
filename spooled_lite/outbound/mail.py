"""Mail by SMTP: a short line of messages, sent one after the other beside the requests."""

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
SENDERS: Final = 4  # a server that is slow to greet holds up a quarter of the line
SEND_SECONDS_MAX: Final = 30.0  # for all of one message
STEP_SECONDS_MAX: Final = 10.0  # for one answer of the server
PORTS: Final[dict[Security, int]] = {"starttls": 587, "tls": 465, "none": 25}


class Smtp(Struct, frozen=True, kw_only=True):
    """How to reach the server that takes our mail."""

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
    """The line. Without a server for it, messages are written to the log: for development.

    `post` never waits, so how long an answer takes does not tell whether a mail is sent.
    """

    def __init__(self, smtp: Smtp | None, *, carry: Carry | None = None) -> None:
        """`carry` takes the messages in place of a server."""
        self._smtp = smtp
        self._carry = carry
        self._line: asyncio.Queue[Message] = asyncio.Queue()

    @property
    def has_server(self) -> bool:
        return self._smtp is not None or self._carry is not None

    def check_room(self) -> None:
        """Ask before anything is stored for a message.

        Raises:
            Unavailable: WAITING_MAX messages wait.
        """
        if self._line.qsize() >= WAITING_MAX:
            raise Unavailable("overloaded", "Too many mails are waiting to be sent; try again")

    def post(self, message: Message) -> None:
        """Line a message up. It may be lost: whoever waits for it asks again."""
        self._line.put_nowait(message)

    async def settled(self) -> None:
        """Wait until every message that was posted is sent or given up."""
        await self._line.join()

    async def run(self, stop: asyncio.Event) -> None:
        """Send what is in line until `stop`; what waits then is dropped, and counted in the log."""
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
                # Its text may repeat the address or what the server was told.
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
            # The thread cannot be stopped. Without its connection it stops by itself.
            sending.give_up()


class Sending:
    """One message on its way, in a thread of its own."""

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
        """Raises smtplib.SMTPException, OSError: nothing was sent, or nobody knows."""
        smtp = self._smtp
        with self._connected() as client:
            if smtp.security == "starttls":
                # Raises when the server does not offer it: never on in the clear.
                client.starttls(context=self._context())
            if smtp.username is not None:
                client.login(smtp.username, smtp.password or "")
            client.send_message(_rendered(smtp, self._message), smtp.sender, [self._message.to])

    def give_up(self) -> None:
        """Called from another thread; also when all is done."""
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
    """Shows itself before it connects, so that a server that never greets can be left as well."""

    def __init__(self, sending: Sending, *server: Any, **how: Any) -> None:
        self._sending = sending
        super().__init__(*server, **how)

    def connect(self, *server: Any, **how: Any) -> tuple[int, bytes]:
        self._sending.client = self
        return super().connect(*server, **how)

    def getreply(self) -> tuple[int, bytes]:
        # Given up before there was a connection to shut down: it must not be waited on.
        if self._sending.is_given_up:
            self.close()
            raise smtplib.SMTPServerDisconnected("given up")
        return super().getreply()


class _TlsClient(_Client, smtplib.SMTP_SSL):
    pass


def smtp_of(settings: Settings) -> Smtp | None:
    """None: there is no outgoing mail."""
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
