"""Sign-in with an API key, and tokens. Contract: platform, sections 7.1 to 7.5."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from spooled_lite.core.auth.records import (
    Claims,
    ClaimsShown,
    Login,
    Logout,
    Me,
    OrganizationOfMe,
    Refresh,
    Subject,
    Tokens,
    Validate,
    Validated,
)
from spooled_lite.core.auth.revoke import revoke_tokens
from spooled_lite.core.auth.sign_in import get_signed_in
from spooled_lite.core.keys.records import shown_permissions
from spooled_lite.errors import AccessDenied, AuthenticationFailed, Unauthorized
from spooled_lite.times import format_ms
from spooled_lite.wire.caller import Caller
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.resources.confirmation import ask_to_confirm
from spooled_lite.wire.rates.rate_limit import client_address

FOR_EVER: Final = "9999-12-31T23:59:59Z"
NO_TOKEN: Final = "The token is wrong, expired or revoked"


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
    return reply(tokens_for(call, _subject(caller)))


async def refresh(call: Call) -> Reply:
    body = await call.body(Refresh)
    services = call.services
    with _as_failed_sign_in():
        claims = services.signer.read(body.refresh_token, now_ms=call.now_ms)
        if claims is None or claims.token_type != "refresh":
            raise Unauthorized
        caller = await services.callers.of_claims(claims)
    made = services.signer.refreshed(
        _subject(caller), now_ms=call.now_ms, access_id=services.ids.new_id()
    )
    return reply(made)


async def logout(call: Call) -> Reply:
    """An API key has no session to end: it can only take a refresh token back."""
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
    token, ends_at_ms = caller.token, row["expires_at_ms"]
    if token is not None:
        issued_at, expires_at = format_ms(token.iat * 1000), format_ms(token.exp * 1000)
    else:
        issued_at = format_ms(row["created_at_ms"])
        expires_at = FOR_EVER if ends_at_ms is None else format_ms(ends_at_ms)
    return reply(
        Me(
            organization_id=row["org_id"],
            api_key_id=row["id"],
            queues=caller.scope.entries,
            issued_at=issued_at,
            expires_at=expires_at,
            organization=OrganizationOfMe(
                row["org_id"], row["org_name"], row["slug"], row["plan_tier"], row["billing_email"]
            ),
            permissions=shown_permissions(row["permissions"]),
            id=row["id"],
            email=row["billing_email"] or "",
            name=row["name"],
            role="owner" if caller.scope.is_unrestricted else "member",
            created_at=format_ms(row["created_at_ms"]),
            updated_at=format_ms(row["updated_at_ms"]),
        )
    )


async def validate(call: Call) -> Reply:
    """Whether a token would be taken, as an access or a refresh token."""
    body = await call.body(Validate)
    claims = call.services.signer.read(body.token, now_ms=call.now_ms)
    if claims is None or not await _is_accepted(call, claims):
        return reply(Validated(valid=False, error=NO_TOKEN, message=NO_TOKEN))
    said = msgspec.structs.asdict(claims)
    return reply(
        Validated(
            valid=True,
            claims=ClaimsShown(**said, organization_id=claims.org_id),
            organization_id=claims.org_id,
            api_key_id=claims.api_key_id,
            queues=claims.queues,
            expires_at=format_ms(claims.exp * 1000),
        )
    )


def tokens_for(call: Call, subject: Subject) -> Tokens:
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
    assert call.caller is not None, "the table of routes lets nobody else in"
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
