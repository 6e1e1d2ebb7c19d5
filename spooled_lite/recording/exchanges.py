"""What a recording consists of: its first line, and an exchange for each further line."""

from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType, field

FORMAT: Final = "spooled-recording"
VERSION: Final = 1
AT_MS_MAX: Final = 10 * 366 * 86_400_000  # ten years, which is as far as one move of a clock goes


class Beginning(Struct, kw_only=True):
    """The first line of the file."""

    format: str = FORMAT
    version: int = VERSION
    target: str
    masked: bool = True


class Body(Struct, kw_only=True, omit_defaults=True):
    """At most one of the three is there: JSON as it is, other text, or why nothing was kept."""

    body: Any | UnsetType = UNSET
    text: str | None = None
    omitted: str | None = None

    @property
    def content(self) -> "Body":
        return Body(body=self.body, text=self.text, omitted=self.omitted)


class KeptFrame(Struct, kw_only=True, omit_defaults=True):
    """One event of a stream, or one message of a WebSocket."""

    at_ms: int
    sender: str = field(name="from")  # "client" or "server"
    text: str | None = None
    omitted: str | None = None


class KeptRequest(Body, kw_only=True, omit_defaults=True):
    method: str
    path: str  # with the query
    headers: dict[str, str]


class KeptResponse(Body, kw_only=True, omit_defaults=True):
    status: int
    headers: dict[str, str]
    frames: list[KeptFrame] | None = None  # of a stream, which has no body
    frames_left_out: int = 0
    ms: int


class Exchange(Struct, kw_only=True):
    """A request and its answer.

    `n` counts in the order in which answers ended. `at_ms` is when the request came, from the
    beginning of the recording.
    """

    n: int = 0  # the file gives it
    at_ms: Annotated[int, Meta(ge=0, le=AT_MS_MAX)]
    request: KeptRequest
    response: KeptResponse

    @property
    def is_stream(self) -> bool:
        return self.response.frames is not None
