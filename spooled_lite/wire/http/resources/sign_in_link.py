"""Sign-in by the link that the server prints when it starts, and the other ways to sign in."""

from spooled_lite.core.auth.link import subject_of_link
from spooled_lite.errors import AuthenticationFailed, NotFound
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.resources.auth import tokens_for
from spooled_lite.wire.http.resources.confirmation import is_mail_on
from spooled_lite.wire.rates.rate_limit import client_address
from spooled_lite.wire.shapes.sign_in import Tokens
from spooled_lite.wire.shapes.sign_in_link import SignInCode, SignInOptions


async def sign_in(call: Call) -> Reply:
    """A code that was shown is used up, whatever comes after.

    An address that has failed too often is refused before its body is looked at.
    """
    link = call.services.sign_in_link
    if not link.is_offered:
        raise NotFound("This server prints no link to sign in with")
    failures, address = call.services.login_failures, client_address(call)
    failures.check(address, call.now_ms)
    code = (await call.body(SignInCode)).code
    org_id = link.take(code, call.now_ms)
    subject = None if org_id is None else await call.reads.read(subject_of_link, org_id)
    if subject is None:
        failures.fail(address, call.now_ms)
        raise AuthenticationFailed(
            "The link is wrong, was used before, or is older than ten minutes; "
            "sign in with an API key, or start the server again for another link"
        )
    return reply(Tokens.of(tokens_for(call, subject)))


async def options(call: Call) -> Reply:
    settings = call.settings
    return reply(
        SignInOptions(
            link=call.services.sign_in_link.is_waiting(call.now_ms),
            email=is_mail_on(call),
            registration=settings.registration_mode,
            environment=settings.environment,
            is_test=call.services.state.is_test,
        )
    )
