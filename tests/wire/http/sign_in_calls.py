"""What the sign-in routes can be called with."""

import uuid
from typing import Any, Final

from spooled_lite.core.auth.confirm import CodeToSend, start_confirmation
from spooled_lite.core.auth.sign_in import start
from spooled_lite.core.orgs.records import OrganizationChanges
from spooled_lite.core.orgs.update import update
from spooled_lite.wire.sign_in_link import CODE_BYTES
from tests.wire.http.served import Api

ADA: Final = "ada@example.com"


def sign_in_body(api: Api, path: str) -> dict[str, Any]:
    """A body that one of the routes below /auth takes."""
    act = path.removeprefix("/api/v1/auth/")
    if act == "login":
        return {"api_key": api.key}
    if act == "link":
        services = api.served.services
        secret, now_ms = services.ids.secret(CODE_BYTES), services.clock.now_ms()
        return {"code": services.sign_in_link.make(api.served.org_id, secret, now_ms)}
    if act in ("refresh", "logout"):
        return {"refresh_token": tokens_of(api)["refresh_token"]}
    if act == "validate":
        return {"token": tokens_of(api)["access_token"]}
    if act == "email/verify":
        return {"email": ADA, "code": code_for(api)}
    if act == "signup/complete":
        verified = api.post("auth/email/verify", json={"email": ADA, "code": code_for(api)}).json()
        return {"signup_token": verified["signup_token"], "name": "Ada", "slug": "ada"}
    return {"email": ADA}


def tokens_of(api: Api) -> dict[str, Any]:
    tokens: dict[str, Any] = api.post("auth/login", json={"api_key": api.key}).json()
    return tokens


def code_for(api: Api, email: str = ADA) -> str:
    """A code as the mail to this address would have it."""
    secret = api.served.services.signer.secret
    code: str = api.write(lambda tx: start(tx, email, secret, may_register=True))
    return code


def an_address_for(api: Api, path: str, org: int) -> Any:
    """Give an organization an address that is to be confirmed; the body of the call about it."""
    email = f"{uuid.uuid4().hex}@example.com"
    api.write(lambda tx: update(tx, org, OrganizationChanges({"billing_email": email})))
    secret = api.served.services.signer.secret
    sending: CodeToSend | None = api.write(lambda tx: start_confirmation(tx, org, secret))
    assert sending is not None, "no code was sent to this address before"
    if path.endswith("/code"):
        # Sent long ago: so no sign-in sends one by itself, and another one may be asked for.
        api.write(lambda tx: tx.execute("UPDATE confirmation_codes SET sent_at_ms = 0"))
        return None
    return {"code": sending.code}
