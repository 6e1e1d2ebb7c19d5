"""The refusals of each route, by status and code; routes with the same ones share a response."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec

from spooled_lite.errors import (
    AccessDenied,
    AdminNotConfigured,
    AuthenticationFailed,
    BadRequest,
    Conflict,
    DatabaseError,
    InternalError,
    InvalidAdminHeader,
    InvalidAdminKey,
    MissingAdminKey,
    NotFound,
    NotJson,
    PayloadTooLarge,
    RateLimited,
    RequestTimeout,
    RuleBroken,
    SecretMissing,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    WrongShape,
)
from spooled_lite.wire.envelope import envelope
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.dispatch import Route
from spooled_lite.wire.http.documents.described.doc import JSON, Doc
from spooled_lite.wire.http.errors import SAMPLES, STATUS, ErrorKind

ALWAYS: Final[tuple[ErrorKind, ...]] = (RequestTimeout, InternalError, DatabaseError, Unavailable)
_KEY: Final[tuple[ErrorKind, ...]] = (Unauthorized, AccessDenied, RateLimited)
_ADMIN: Final[tuple[ErrorKind, ...]] = (
    AdminNotConfigured,
    MissingAdminKey,
    InvalidAdminHeader,
    InvalidAdminKey,
)
BY_ACCESS: Final[Mapping[Access, tuple[ErrorKind, ...]]] = {
    Access.PUBLIC: (RateLimited,),
    Access.KEY: _KEY,
    Access.STREAM: _KEY,
    Access.TOPIC_TOKEN: _KEY,
    Access.UNSCOPED: _KEY,
    Access.REGISTRATION: (AccessDenied, RateLimited),
    Access.BOOTSTRAP: (*_KEY, *_ADMIN),
    Access.UNSCOPED_OR_ADMIN: (*_KEY, *_ADMIN),
    Access.ADMIN: (*_ADMIN, RateLimited),
    Access.METRICS: (Unauthorized, RateLimited),
    Access.OWN_METRICS: (*_KEY, *_ADMIN),
    Access.HOOK_TOKEN: (AuthenticationFailed, RateLimited),
    Access.SIGNATURE: (AuthenticationFailed, SecretMissing, RateLimited),
    Access.NONE: (),
}
OF_BODY: Final[tuple[ErrorKind, ...]] = (
    NotJson,
    RuleBroken,
    WrongShape,
    PayloadTooLarge,
    UnsupportedMediaType,
)

SCHEMAS: Final[Mapping[str, Any]] = {
    "Error": {
        "type": "object",
        "description": "Every refusal. Quotas and rate limits repeat their numbers beside `code`.",
        "properties": {
            "code": {
                "type": "string",
                "description": "What it is, for programs",
                "enum": sorted({kind.code for kind in STATUS}),
            },
            "message": {"type": "string", "description": "What it is, for people"},
            "error": {"type": "string", "description": "A short form of the code"},
            "details": {
                "description": "Absent when there is nothing to add",
                "anyOf": [
                    {"type": "array", "items": {"$ref": "#/components/schemas/Problem"}},
                    {"type": "object"},
                ],
            },
        },
        "required": ["code", "message", "error"],
    },
    "Problem": {
        "type": "object",
        "description": "One field that is wrong",
        "properties": {
            "field": {"type": "string", "description": "Its place in the body"},
            "message": {"type": "string", "description": "What is wrong with it"},
            "code": {"type": "string", "description": "Which rule it breaks"},
        },
        "required": ["field", "message", "code"],
    },
}


class Refusals:
    """Collects the responses; `of` answers with references to them, by status."""

    def __init__(self) -> None:
        self.responses: dict[str, Any] = {}
        self.schemas = SCHEMAS

    def of(self, route: Route, doc: Doc) -> dict[str, Any]:
        by_status: dict[int, list[ErrorKind]] = defaultdict(list)
        for kind in dict.fromkeys(_kinds(route, doc)):
            by_status[STATUS[kind]].append(kind)
        return {
            str(status): self._response(status, sorted(kinds, key=lambda each: each.code))
            for status, kinds in sorted(by_status.items())
            if status not in doc.statuses
        }

    def _response(self, status: int, kinds: list[ErrorKind]) -> dict[str, Any]:
        codes = dict.fromkeys(kind.code for kind in kinds)
        shared = [kind.__name__ for kind in kinds] if len(codes) < len(kinds) else []
        name = "-".join((str(status), *codes, *shared))
        if name not in self.responses:
            self.responses[name] = _response(status, kinds)
        return {"$ref": f"#/components/responses/{name}"}


def _kinds(route: Route, doc: Doc) -> Iterable[ErrorKind]:
    if route.access is Access.NONE:
        yield NotFound
        return
    yield from ALWAYS
    if not route.is_unlimited or route.access is Access.METRICS:
        for kind in BY_ACCESS[route.access]:
            if kind is not RateLimited or not route.is_spared:
                yield kind
    if route.path.startswith("/api/v1"):
        yield BadRequest  # also for a version of the API that there is not
    if doc.body is not None:
        yield from OF_BODY
    if route.parameters:
        yield NotFound
    if route.keeps_answer:
        yield Conflict  # for another call
    yield from doc.errors


def _response(status: int, kinds: list[ErrorKind]) -> dict[str, Any]:
    words = [f"`{kind.code}`: {_about(kind)}" for kind in kinds]
    shown: dict[str, Any] = {"description": f"{HTTPStatus(status).phrase}. " + " ".join(words)}
    if RateLimited in kinds or Unavailable in kinds:
        # Never with a quota: clients tell the two kinds of 429 apart by this header.
        shown["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    shown["content"] = {
        JSON: {
            "schema": {"$ref": "#/components/schemas/Error"},
            "examples": {kind.__name__: {"value": _sample(kind)} for kind in kinds},
        }
    }
    return shown


def _sample(kind: ErrorKind) -> Any:
    return msgspec.to_builtins(envelope(SAMPLES[kind]))


def _about(kind: ErrorKind) -> str:
    return " ".join((kind.__doc__ or "").split())
