"""The routes of sign-in."""

from collections.abc import Mapping
from typing import Final

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
from spooled_lite.wire.http.resources import auth, email_sign_in, sign_in_link
from spooled_lite.wire.shapes import sign_in as shapes
from spooled_lite.wire.shapes.sign_in_link import SignInCode, SignInOptions

_TOKEN: Final = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…"
_KEY: Final = "sk_test_9qX0…"
_EMAIL: Final = {"email": "ada@example.org"}
_OFF: Final = "404 where sign-in by mail is off."

AUTH: Final[Mapping[Handler, Doc]] = {
    auth.login: Doc(
        summary="Exchange an API key for tokens",
        body=shapes.Login,
        example={"api_key": _KEY},
        answer=shapes.Tokens,
        errors=(AuthenticationFailed, AccessDenied),
    ),
    auth.refresh: Doc(
        summary="Make a new access token",
        about="The refresh token stays valid.",
        body=shapes.Refresh,
        example={"refresh_token": _TOKEN},
        answer=shapes.Refreshed,
        errors=(AuthenticationFailed, AccessDenied),
    ),
    auth.logout: Doc(
        summary="Revoke tokens",
        about="The access token of the call, and the refresh token in the body. "
        "A call with an API key must name a refresh token.",
        body=shapes.Logout,
        example={"refresh_token": _TOKEN},
        statuses=(204,),
    ),
    auth.me: Doc(summary="Show who is calling", answer=shapes.Me),
    auth.validate: Doc(
        summary="Check whether a token is valid",
        about="Accepts access and refresh tokens; always 200.",
        body=shapes.Validate,
        example={"token": _TOKEN},
        answer=shapes.Validated,
    ),
    sign_in_link.sign_in: Doc(
        summary="Sign in with the link that the server prints when it starts",
        about="The link works once, for ten minutes. 404 where the server prints none: outside "
        "development, or when it listens on more than this machine.",
        body=SignInCode,
        example={"code": "pJ4vXb1cY0u8H0r9x2sQm7nT5wE3kL6aZdGfRiUoPyA"},
        answer=shapes.Tokens,
        errors=(AuthenticationFailed, NotFound, RuleBroken, WrongShape),
    ),
    sign_in_link.options: Doc(
        summary="Show the ways to sign in that this server offers", answer=SignInOptions
    ),
    email_sign_in.start: Doc(
        summary="Mail a sign-in code",
        about=f"The answer is the same for known and unknown addresses. {_OFF}",
        body=shapes.EmailAddress,
        example=_EMAIL,
        answer=shapes.CodeSent,
        errors=(NotFound,),
    ),
    email_sign_in.verify: Doc(
        summary="Sign in with a code",
        about=f"Answers with tokens, or with a sign-up token for a new address. {_OFF}",
        body=shapes.EmailCode,
        example={**_EMAIL, "code": "123456"},
        answer=(shapes.SignedIn, shapes.MaySignUp),
        errors=(NotFound, BadRequest),
    ),
    email_sign_in.complete: Doc(
        summary="Sign up with a sign-up token",
        about=f"Makes an organization and its first key. {_OFF}",
        body=shapes.CompleteSignup,
        example={"signup_token": _TOKEN, "name": "Acme", "slug": "acme"},
        answer=shapes.SignedUp,
        statuses=(201,),
        errors=(AccessDenied, NotFound, Conflict),
    ),
    email_sign_in.check: Doc(
        summary="Check whether an address is free",
        about="In production always answers 'available', so that addresses cannot be probed.",
        parameters=(
            Parameter("email", "The address", is_required=True, example="ada@example.org"),
        ),
        body=shapes.EmailAddress,
        example=_EMAIL,
        answer=shapes.EmailChecked,
        errors=(RuleBroken, WrongShape),
    ),
}
