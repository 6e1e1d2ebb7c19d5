"""Strikes mails as the rules say."""

import smtplib
from collections.abc import Callable
from typing import Final

from spooled_lite.outbound.mail import Carry, Message
from spooled_lite.testing.faults.pauses import pause
from spooled_lite.testing.faults.rules import Faults
from spooled_lite.testing.faults.shapes import On

WHAT: Final = "mail"


class MailStrikes:
    """Used on the event loop's thread."""

    def __init__(self, faults: Faults, carry: Carry, told: Callable[[str, str], None]) -> None:
        """`told` is called with the recipient and the subject of a mail that is lost."""
        self._faults = faults
        self._carry = carry
        self._told = told

    async def carry(self, message: Message) -> None:
        """Raises SMTPException: as from a mail server that does not take it."""

        async def holds(on: On) -> bool:
            return (
                on.mail is not None
                and on.mail.to in (None, message.to)
                and on.mail.subject in (None, message.subject)
            )

        strike = await self._faults.strike(WHAT, holds) if self._faults else None
        if strike is None:
            await self._carry(message)
            return
        await pause(self._faults, strike.before_ms)
        do = strike.do
        if do is not None and do.failure:
            raise smtplib.SMTPException("the mail server does not take it")
        if do is not None and do.lose:
            self._told(message.to, message.subject)
        else:
            await self._carry(message)
        if do is not None and do.deliver_twice:
            await self._carry(message)
        await pause(self._faults, strike.after_ms)
