"""Sign-in by a link, and the ways to sign in. Contract: amendments, 2 (S12)."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from spooled_lite.wire.shapes.about import about, one_of

CODE_CHARS_MAX: Final = 128

Code = Annotated[
    str,
    Meta(min_length=1, max_length=CODE_CHARS_MAX),
    about("What stands behind `code=` in the link that `serve` has printed"),
]


class SignInCode(Struct, kw_only=True):
    """Body of POST /auth/link."""

    code: Code


class SignInOptions(Struct, frozen=True, kw_only=True):
    """Answer of GET /auth/options."""

    link: Annotated[bool, about("Whether the link that was printed at the start can be used", True)]
    email: Annotated[bool, about("Whether a code can be mailed", False)]
    registration: Annotated[
        str, one_of("Who may register an organization", "open", "closed", "invite")
    ]
    environment: Annotated[
        str, one_of("What the server is for", "development", "staging", "production")
    ]
    is_test: Annotated[
        bool, about("Whether the server is a test server, with a clock of its own", False)
    ]
