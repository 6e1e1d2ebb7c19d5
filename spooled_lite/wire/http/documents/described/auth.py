"""The routes of sign-in."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.auth import records
from spooled_lite.errors import (
    AccessDenied,
    AuthenticationFailed,
    BadRequest,
    Conflict,
    NotFound,
    RuleBroken,
    WrongShape,
)
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter
from spooled_lite.wire.http.resources import auth, email_sign_in

_TOKEN: Final = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…"
_KEY: Final = "sk_test_9qX0…"
_EMAIL: Final = {"email": "ada@example.org"}
_OFF: Final = "404 where sign-in by mail is off."

AUTH: Final[Mapping[Handler, Doc]] = {
    auth.login: Doc(
        summary="Tokens for an API key",
        body=records.Login,
        example={"api_key": _KEY},
        answer=records.Tokens,
        errors=(AuthenticationFailed, AccessDenied),
    ),
    auth.refresh: Doc(
        summary="A new access token",
        about="The refresh token stays good.",
        body=records.Refresh,
        example={"refresh_token": _TOKEN},
        answer=records.Refreshed,
        errors=(AuthenticationFailed, AccessDenied),
    ),
    auth.logout: Doc(
        summary="Take tokens back",
        about="The access token that the call is made with, and the refresh token that is named. "
        "With an API key only the latter, which then has to be there.",
        body=records.Logout,
        example={"refresh_token": _TOKEN},
        statuses=(204,),
    ),
    auth.me: Doc(summary="Who is calling?", answer=records.Me),
    auth.validate: Doc(
        summary="Would a token be taken?",
        about="Access and refresh tokens alike; always 200.",
        body=records.Validate,
        example={"token": _TOKEN},
        answer=records.Validated,
    ),
    email_sign_in.start: Doc(
        summary="Have a code mailed",
        about=f"The answer is the same whether or not the address is known. {_OFF}",
        body=records.EmailAddress,
        example=_EMAIL,
        answer=records.CodeSent,
        errors=(NotFound,),
    ),
    email_sign_in.verify: Doc(
        summary="Sign in with a code",
        about=f"Tokens, or a token to sign up with for an address that is new. {_OFF}",
        body=records.EmailCode,
        example={**_EMAIL, "code": "123456"},
        answer=(records.SignedIn, records.MaySignUp),
        errors=(NotFound, BadRequest),
    ),
    email_sign_in.complete: Doc(
        summary="Sign up after a code",
        about=f"Makes an organization and its first key. {_OFF}",
        body=records.CompleteSignup,
        example={"signup_token": _TOKEN, "name": "Acme", "slug": "acme"},
        answer=records.SignedUp,
        statuses=(201,),
        errors=(AccessDenied, NotFound, Conflict),
    ),
    email_sign_in.check: Doc(
        summary="Is an address free?",
        about="In production every address is.",
        parameters=(
            Parameter("email", "The address", is_required=True, example="ada@example.org"),
        ),
        body=records.EmailAddress,
        example=_EMAIL,
        answer=records.EmailChecked,
        errors=(RuleBroken, WrongShape),
    ),
}
