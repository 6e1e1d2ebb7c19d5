"""Confirming the address of an organization over HTTP. Contract: platform, section 7.6."""

from typing import Final

from spooled_lite.core.auth import confirm as confirming
from spooled_lite.core.auth.records import (
    CODE_SECONDS,
    masked_email,
)
from spooled_lite.core.orgs.create import get_organization
from spooled_lite.errors import (
    AccessDenied,
    BadRequest,
    Conflict,
    NotFound,
    RateLimited,
    SpooledError,
)
from spooled_lite.outbound.mail import Message
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.rates.rate_limit import client_address
from spooled_lite.wire.shapes.organizations import AddressCode, ConfirmationSent, OrganizationView

SUBJECT: Final = "Confirm your address"
TEXT: Final = """\
The organization "{slug}" on Spooled has entered this address. The code to confirm it is {code}

The code works once, for {minutes} minutes. An administrator of the organization has to enter it;
after that you can sign in to the organization with this address. If you do not know the
organization, ignore this mail and do not pass the code on.
"""
RESEND_SECONDS: Final = 60


async def confirm(call: Call) -> Reply:
    """Needs a key without limits, because the address can then sign in without limits.

    Raises AccessDenied: the key has limits.
    """
    check_is_own(call)
    check_mail_is_on(call)
    assert call.caller is not None, "it shows a key"
    if not call.caller.grants.is_unlimited:
        raise AccessDenied("An address that can do everything is not confirmed with a limited key")
    code = (await call.body(AddressCode)).code
    failures, address = call.services.login_failures, client_address(call)
    failures.check(address, call.now_ms)
    arguments = (call.org, code, call.services.signer.secret)
    found = await call.write_while_valid(confirming.confirm, *arguments)
    if found.row is None:
        failures.fail(address, call.now_ms)
        if found.tried == "nothing pending":
            raise NotFound("No code is pending for this organization")
        raise BadRequest("The code is wrong or has expired")
    return reply(OrganizationView.of(found.row))


async def send_again(call: Call) -> Reply:
    check_is_own(call)
    check_mail_is_on(call)
    row = await call.reads.point(get_organization, call.org)
    if row["billing_email"] is None:
        raise NotFound("The organization has no billing_email")
    if row["billing_email_verified_at_ms"] is not None:
        raise Conflict("The address is confirmed already")
    if not await _send(call, call.org, again=True):
        raise RateLimited(
            retry_after_seconds=RESEND_SECONDS,
            limit=1,
            reset_at=call.now_ms // 1000 + RESEND_SECONDS,
            scope="login",
            message="A code was sent to this address a moment ago",
        )
    return reply(ConfirmationSent(email_sent_to=masked_email(row["billing_email"])))


async def ask_to_confirm(call: Call, org: int) -> None:
    """Mail a code when the address of an organization is new, or when its key first signs in.

    An error here does not fail the call: the code can be asked for again.
    """
    if not is_mail_on(call):
        return
    try:
        if await call.reads.point(confirming.is_unconfirmed, org):
            await _send(call, org, again=False)
    except SpooledError:
        return


async def _send(call: Call, org: int, *, again: bool) -> bool:
    """Raises RateLimited, Unavailable: too many such mails, from this address or at all."""
    requests, address = call.services.confirmation_requests, client_address(call)
    requests.check(address, call.now_ms)
    requests.fail(address, call.now_ms)
    call.services.mail.check_room()
    sending: confirming.CodeToSend | None = await call.write(
        confirming.start_confirmation, org, call.services.signer.secret, again=again
    )
    if sending is None:
        return False
    text = TEXT.format(slug=sending.slug, code=sending.code, minutes=CODE_SECONDS // 60)
    call.services.mail.post(Message(sending.email, SUBJECT, text))
    return True


def check_mail_is_on(call: Call) -> None:
    if not is_mail_on(call):
        raise NotFound("Sign-in by email is off")


def is_mail_on(call: Call) -> bool:
    """Without outgoing mail codes are logged, but only in development."""
    settings = call.settings
    has_way = call.services.mail.has_server or settings.environment == "development"
    return settings.email_signup_enabled and has_way


def check_is_own(call: Call) -> None:
    """Another organization is answered as not found, whether or not it exists."""
    if call.path("id") != call.org_id:
        raise NotFound.thing("Organization")
