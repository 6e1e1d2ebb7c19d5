"""What the sign-in routes can be called with."""

from typing import Any, Final

from spooled_lite.core.auth.sign_in import start
from tests.api.served import Api

ADA: Final = "ada@example.com"


def sign_in_body(api: Api, path: str) -> dict[str, Any]:
    """A body that one of the routes below /auth takes."""
    act = path.removeprefix("/api/v1/auth/")
    if act == "login":
        return {"api_key": api.key}
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
