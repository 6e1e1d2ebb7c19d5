"""Sign-in with a code that is mailed. Contract: platform, section 7.6.

Until a code is shown, no answer tells whether an address has an account: it is the same answer, in
the same time, and the mail is sent after it.
"""

from functools import partial
from typing import Final

from spooled_lite.core.auth import sign_in
from spooled_lite.core.auth.records import CODE_SECONDS, Subject, checked_email, masked_email
from spooled_lite.core.auth.sign_up import BAD_TOKEN, complete_signup
from spooled_lite.core.keys.onboard import Onboarded
from spooled_lite.core.orgs.records import NewOrganization
from spooled_lite.errors import AccessDenied, BadRequest, NotFound, WrongShape
from spooled_lite.outbound.mail import Message
from spooled_lite.wire.http.admit import may_register
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.resources.auth import tokens_for
from spooled_lite.wire.http.resources.confirmation import check_mail_is_on, is_mail_on
from spooled_lite.wire.rates.rate_limit import client_address
from spooled_lite.wire.shapes.sign_in import (
    CodeSent,
    CompleteSignup,
    EmailAddress,
    EmailChecked,
    EmailCode,
    MaySignUp,
    Membership,
    OrganizationOfSignup,
    SignedIn,
    SignedUp,
)

SUBJECT: Final = "Your sign-in code"
TEXT: Final = """\
Your code to sign in to Spooled is {code}

The code works once, for {minutes} minutes. If you did not ask for it, ignore this mail.
"""


async def start(call: Call) -> Reply:
    check_mail_is_on(call)
    email = checked_email((await call.body(EmailAddress)).email)
    requests, address = call.services.code_requests, client_address(call)
    requests.check(address, call.now_ms)
    requests.fail(address, call.now_ms)
    call.services.mail.check_room()
    operation = partial(sign_in.start, may_register=await may_register(call))
    code: str | None = await call.write(operation, email, call.services.signer.secret)
    if code is not None:
        text = TEXT.format(code=code, minutes=CODE_SECONDS // 60)
        call.services.mail.post(Message(email, SUBJECT, text))
    return reply(CodeSent(email_sent_to=masked_email(email)))


async def verify(call: Call) -> Reply:
    check_mail_is_on(call)
    body = await call.body(EmailCode)
    email = checked_email(body.email)
    failures, address = call.services.login_failures, client_address(call)
    failures.check(address, call.now_ms)
    operation = partial(
        sign_in.verify, may_register=await may_register(call), is_live=_is_production(call)
    )
    secret = call.services.signer.secret
    verified = await call.write(operation, email, body.code, secret)
    if verified.tried != "right":
        failures.fail(address, call.now_ms)
        if verified.tried == "nothing pending":
            raise NotFound("No code is pending for this address")
        raise BadRequest("The code is wrong or has expired")
    if verified.subject is None:
        return reply(_signup_of(call, email))
    return reply(_signed_in(call, email, verified, verified.subject))


async def complete(call: Call) -> Reply:
    check_mail_is_on(call)
    if not await may_register(call):
        raise AccessDenied("Registration is closed")
    body = await call.body(CompleteSignup)
    claims = call.services.signer.read_signup(body.signup_token, now_ms=call.now_ms)
    if claims is None:
        raise BadRequest(BAD_TOKEN)
    organization = NewOrganization(
        name=body.name,
        slug=body.slug or None,
        tier=call.settings.default_plan_tier,
        billing_email=claims.email,
        is_email_verified=True,
    ).checked()
    operation = partial(complete_signup, is_live=_is_production(call))
    made = await call.write(operation, claims, organization)
    return reply(_signed_up(call, claims.email, made), 201)


async def check(call: Call) -> Reply:
    """In production always answers 'available', so that addresses cannot be probed."""
    email = call.query.get("email") if call.method != "POST" else None
    if call.method == "POST":
        email = (await call.body(EmailAddress)).email
    if email is None:
        raise WrongShape.missing("email")
    address = checked_email(email)
    may_know = not _is_production(call)
    exists = may_know and await call.reads.point(sign_in.has_account, address)
    is_open = call.settings.registration_mode == "open"
    return reply(
        EmailChecked(
            exists=exists,
            available=not exists,
            signup_enabled=is_open and is_mail_on(call),
            has_organizations=exists,
            can_register=is_open,
        )
    )


def _signed_in(call: Call, email: str, verified: sign_in.Verified, subject: Subject) -> SignedIn:
    return SignedIn.of(
        tokens_for(call, subject),
        user_id=subject.key_id,
        email=email,
        organizations=[Membership(each) for each in verified.organization_ids],
    )


def _signup_of(call: Call, email: str) -> MaySignUp:
    services = call.services
    token = services.signer.signup_token(email, now_ms=call.now_ms, token_id=services.ids.new_id())
    return MaySignUp(signup_token=token, email=email)


def _signed_up(call: Call, email: str, made: Onboarded) -> SignedUp:
    organization, key = made.row, made.key
    subject = Subject(
        org_id=organization["id"],
        key_id=key.row["id"],
        secret_id=key.row["secret_id"],
        queues=["*"],
    )
    return SignedUp.of(
        tokens_for(call, subject),
        api_key=key.secret,
        organization=OrganizationOfSignup(
            organization["id"], organization["name"], organization["slug"], email
        ),
    )


def _is_production(call: Call) -> bool:
    return call.settings.environment == "production"
