"""Sign-in with an API key, and tokens. Contract: platform, sections 7.1 to 7.5."""

from collections.abc import Iterator
from contextlib import contextmanager

from spooled_lite.core.auth.records import Claims, Subject, TokenPair
from spooled_lite.core.auth.revoke import revoke_tokens
from spooled_lite.core.auth.sign_in import get_signed_in
from spooled_lite.errors import AccessDenied, AuthenticationFailed, Unauthorized
from spooled_lite.wire.caller import Caller
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.resources.confirmation import ask_to_confirm
from spooled_lite.wire.rates.rate_limit import client_address
from spooled_lite.wire.shapes.sign_in import (
    Login,
    Logout,
    Me,
    Refresh,
    Refreshed,
    Tokens,
    Validate,
    Validated,
)


async def login(call: Call) -> Reply:
    body = await call.body(Login)
    failures, address = call.services.login_failures, client_address(call)
    failures.check(address, call.now_ms)
    try:
        caller = await call.services.callers.find_key(body.api_key)
    except Unauthorized:
        failures.fail(address, call.now_ms)
        raise AuthenticationFailed from None
    await ask_to_confirm(call, caller.org)
    return reply(Tokens.of(tokens_for(call, _subject(caller))))


async def refresh(call: Call) -> Reply:
    body = await call.body(Refresh)
    services = call.services
    with _as_failed_sign_in():
        claims = services.signer.read(body.refresh_token, now_ms=call.now_ms)
        if claims is None or claims.token_type != "refresh":
            raise Unauthorized
        caller = await services.callers.of_claims(claims)
    token = services.signer.access_token(
        _subject(caller), now_ms=call.now_ms, token_id=services.ids.new_id()
    )
    return reply(Refreshed(access_token=token, expires_in=services.signer.access_seconds))


async def logout(call: Call) -> Reply:
    """An API key has no session to end: with one, a refresh token can be revoked."""
    body = await call.body_or_empty(Logout)
    caller = _caller(call)
    if caller.token is None and not body.refresh_token:
        raise Unauthorized(
            "An API key cannot be logged out: send a refresh token, or revoke the key"
        )
    tokens = [caller.token, _own_refresh_token(call, body.refresh_token)]
    revoked = [each for each in tokens if each is not None]
    if revoked:
        await call.write(revoke_tokens, call.org, revoked)
    return NO_CONTENT


async def me(call: Call) -> Reply:
    caller = _caller(call)
    row = await call.reads.point(get_signed_in, caller.key)
    return reply(Me.of(row, caller.scope, caller.token))


async def validate(call: Call) -> Reply:
    """Whether a token would be accepted, as an access or a refresh token."""
    body = await call.body(Validate)
    claims = call.services.signer.read(body.token, now_ms=call.now_ms)
    if claims is not None and not await _is_accepted(call, claims):
        claims = None
    return reply(Validated.of(claims))


def tokens_for(call: Call, subject: Subject) -> TokenPair:
    services = call.services
    return services.signer.tokens(
        subject,
        now_ms=call.now_ms,
        access_id=services.ids.new_id(),
        refresh_id=services.ids.new_id(),
    )


def _subject(caller: Caller) -> Subject:
    return Subject(
        org_id=caller.org_id,
        key_id=caller.key_id,
        secret_id=caller.secret_id,
        queues=caller.scope.entries,
    )


def _caller(call: Call) -> Caller:
    assert call.caller is not None, "the table of routes admits only calls with a key"
    return call.caller


def _own_refresh_token(call: Call, token: str | None) -> Claims | None:
    claims = call.services.signer.read(token, now_ms=call.now_ms) if token else None
    if claims is None or claims.token_type != "refresh" or claims.org_id != call.org_id:
        return None
    return claims


async def _is_accepted(call: Call, claims: Claims) -> bool:
    try:
        await call.services.callers.of_claims(claims)
    except (Unauthorized, AccessDenied):
        return False
    return True


@contextmanager
def _as_failed_sign_in() -> Iterator[None]:
    try:
        yield
    except Unauthorized:
        raise AuthenticationFailed from None
