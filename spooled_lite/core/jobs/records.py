"""The commands that core is given about jobs, and the rules of what is in them."""

from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta, Raw, Struct

from spooled_lite.core.queues.names import QUEUE_NAME_MAX, checked_queue_name
from spooled_lite.errors import PayloadTooLarge, RuleBroken, WrongShape
from spooled_lite.outbound.targets import is_web_address

# Bounds of a lease and of a result, over REST and gRPC alike.
LEASE_SECONDS_MIN: Final = 5
LEASE_SECONDS_MAX: Final = 3_600
RESULT_BYTES_MAX: Final = 1_048_576
TAGS_BYTES_MAX: Final = 65_536
ERROR_TYPE_MAX: Final = 255  # characters: the name of a class, with its module
TRACEBACK_BYTES_MAX: Final = 65_536
LEFT_OUT: Final = b"\n... left out ...\n"  # stands in the middle of a traceback that was cut
JOB_TYPE_MAX: Final = 255  # a longer one is no type: it would be a megabyte in an index
ESCAPED_BYTES_MAX: Final = 12  # of one character in JSON
CENTURY_SECONDS: Final = 3_155_760_000  # a delay has to end in a year that can be written down
WEBHOOK_CHARACTERS_MAX: Final = 2_048

WHITE_SPACE: Final = b" \t\r\n"

NULL: Final = Raw(b"null")  # what stands in for a JSON value that was left out

PRIORITIES: Final = Meta(ge=-100, le=100)
RETRIES: Final = Meta(ge=0, le=100)
TIMEOUT_SECONDS: Final = Meta(ge=1, le=86_400)
SHORT: Final = Meta(max_length=255)  # an id, a key or a secret that a caller chooses

Priority = Annotated[int, PRIORITIES]
MaxRetries = Annotated[int, RETRIES]
TimeoutSeconds = Annotated[int, TIMEOUT_SECONDS]
DelaySeconds = Annotated[int, Meta(ge=0, le=CENTURY_SECONDS)]
IdempotencyKey = Annotated[str, SHORT]


class Claimant(Struct, frozen=True, kw_only=True):
    """The worker that reports on a job, and the lease it holds."""

    worker_id: Annotated[str, SHORT] | None = None
    lease_id: Annotated[str, SHORT] | None = None


class ErrorDetail(Struct, frozen=True):
    """What is known of a failure beside its text. It is kept as long as the text is."""

    error_type: str | None = None
    traceback: bytes | None = None

    @classmethod
    def of(cls, error_type: str | None, traceback: str | None) -> Self:
        """Cut to what is kept: of a long traceback the first and the last part."""
        return cls(
            error_type[:ERROR_TYPE_MAX] or None if error_type else None,
            _cut(traceback) if traceback else None,
        )


NO_DETAIL: Final = ErrorDetail()


def _cut(traceback: str) -> bytes:
    text = traceback.encode("utf-8", "replace")
    if len(text) <= TRACEBACK_BYTES_MAX:
        return text
    half = (TRACEBACK_BYTES_MAX - len(LEFT_OUT)) // 2
    first, last = text[:half].decode("utf-8", "ignore"), text[-half:].decode("utf-8", "ignore")
    return first.encode() + LEFT_OUT + last.encode()


def check_json_size(value: bytes, bytes_max: int, field: str) -> None:
    """Raises PayloadTooLarge when a JSON value is over the limit even without its white space."""
    if len(value) <= bytes_max:
        return
    # Only what is mostly white space has to be read for that.
    if len(value) - sum(map(value.count, WHITE_SPACE)) > bytes_max or json_size(value) > bytes_max:
        raise PayloadTooLarge(f"Field `{field}` is larger than {bytes_max} bytes")


def json_size(value: bytes) -> int:
    """How long a JSON value is without its white space."""
    return len(msgspec.json.format(value, indent=-1))


_BACKSLASH: Final = ord("\\")


class _Typed(Struct):
    job_type: Raw = Raw(b"")  # in place of a value that is missing


_TYPED: Final = msgspec.json.Decoder(_Typed)


def job_type_of(payload: bytes) -> str:
    """`payload.job_type` when the payload is an object and the value a text, else an empty text."""
    # The name can also be spelled with escapes; nothing else in a payload can be the name.
    if payload[:1] != b"{" or (payload.find(b'"job_type"') < 0 and _BACKSLASH not in payload):
        return ""
    raw = bytes(_TYPED.decode(payload).job_type)
    if raw[:1] != b'"' or len(raw) > JOB_TYPE_MAX * ESCAPED_BYTES_MAX:
        return ""
    value = msgspec.json.decode(raw, type=str)
    # A name with NUL in it could be asked for, and would be cut off where it is looked for.
    return value if len(value) <= JOB_TYPE_MAX and "\0" not in value else ""


def with_job_type(payload: bytes, job_type: str | None) -> bytes:
    """The payload with a type in it, when it is an object that has none that is a text.

    Contract: schedules-workflows-webhooks, sections 1.2 and 2.4.
    """
    if job_type is None or payload[:1] != b"{":
        return payload
    known = bytes(_TYPED.decode(payload).job_type)
    if known[:1] == b'"':
        return payload
    if known:
        fields = msgspec.json.decode(payload, type=dict[str, Raw])
        return msgspec.json.encode({**fields, "job_type": job_type})
    start = payload.rstrip()[:-1].rstrip()
    comma = b"" if start == b"{" else b","
    return b'%b%b"job_type":%b}' % (start, comma, msgspec.json.encode(job_type))


def checked_web_address(given: str | None, field: str) -> str | None:
    """Any http(s) address; where it leads is looked at before each call (and in production here).

    Raises RuleBroken, with words that clients search for: contract README, section 5.
    """
    if not given:
        return None
    if len(given) > WEBHOOK_CHARACTERS_MAX or not is_web_address(given):
        raise RuleBroken.of(
            field, f"Invalid webhook URL: field `{field}` must be an http(s) URL", "invalid_url"
        )
    return given


def queue_of(
    name: str | None,
    alias: str | None,
    default: str | None = None,
    *,
    at: str = "",
    most: int = QUEUE_NAME_MAX,
) -> str:
    """The first spelling that is there; `most`: of its characters.

    Raises WrongShape: none; RuleBroken: a bad one.
    """
    if name is None and alias is not None:
        return checked_queue_name(alias, f"{at}queue", most=most)
    found = default if name is None else name
    if found is None:
        raise WrongShape.missing(f"{at}queue_name")
    return checked_queue_name(found, f"{at}queue_name", most=most)


def strict_tags(value: Raw, field: str) -> bytes | None:
    """As `checked_tags`. Raises WrongShape when they are neither an object nor an array."""
    tags = checked_tags(value, field)
    if tags is not None and tags[:1] not in (b"{", b"["):
        raise WrongShape.wrong_type(field, "an object or an array")
    return tags


def checked_tags(value: Raw, field: str) -> bytes | None:
    """Raises RuleBroken when they are too many bytes."""
    tags = bytes(value)
    if tags == b"null":
        return None
    if len(tags) > TAGS_BYTES_MAX:
        raise RuleBroken.of(
            field, f"Field `{field}` is larger than {TAGS_BYTES_MAX} bytes", "tags_too_large"
        )
    return tags
