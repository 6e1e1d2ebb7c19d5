"""Whether an answer is what the OpenAPI document says of it, to the last field."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import httpx
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from spooled_lite.errors import SpooledError
from spooled_lite.wire.http.dispatch import Dispatch
from spooled_lite.wire.http.documents.text import document_text
from spooled_lite.wire.http.routes import ROUTES

DOCUMENT: Final[Mapping[str, Any]] = json.loads(document_text())
DISPATCH: Final = Dispatch(ROUTES)
OPEN: Final = frozenset({"Error"})  # some refusals repeat their numbers beside the code
JSON: Final = "application/json"


def assert_documented(answer: httpx.Response) -> None:
    """Status, headers, media type and body. A field that the document does not name is wrong."""
    method, raw_path = answer.request.method, answer.request.url.raw_path.partition(b"?")[0]
    try:
        route, _ = DISPATCH.find(method, raw_path)
    except SpooledError:
        return  # no path or method of the document
    described = responses(route.method, route.path)
    status = str(answer.status_code)
    assert status in described, f"{method} {route.path} answered {status}: {answer.text}"
    missing = [name for name in described[status].get("headers", {}) if not may_lack(name, answer)]
    assert not missing, f"{method} {route.path} {status} lacks {missing}"
    content = described[status].get("content")
    if content is None or method == "HEAD":
        assert answer.content == b"", f"{method} {route.path} {status} has a body"
        return
    media = answer.headers["content-type"].partition(";")[0]
    assert media in content, f"{method} {route.path} {status} is {media}"
    if media == JSON:
        problems = [
            f"{error.json_path}: {error.message}"
            for error in validator(route.method, route.path, status).iter_errors(answer.json())
        ]
        assert not problems, f"{method} {route.path} {status}: {problems}"


def may_lack(name: str, answer: httpx.Response) -> bool:
    """Whether the header is there, or is one that this answer need not have."""
    if name in ("Retry-After", "Idempotency-Replayed"):
        return True  # of some answers of a status, not of others
    return name in answer.headers


@cache
def responses(method: str, path: str) -> Mapping[str, Any]:
    given = DOCUMENT["paths"][path][method.lower()]["responses"]
    return {
        status: DOCUMENT["components"]["responses"][each["$ref"].rsplit("/", 1)[1]]
        if "$ref" in each
        else each
        for status, each in given.items()
    }


@cache
def validator(method: str, path: str, status: str) -> Validator:
    schema = responses(method, path)[status]["content"][JSON]["schema"]
    return Draft202012Validator(
        {**schema, "components": {"schemas": closed()}},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


@cache
def closed() -> Mapping[str, Any]:
    """The schemas, with no room for fields that they do not name."""
    return {
        name: {**schema, "additionalProperties": False}
        if "properties" in schema and name not in OPEN
        else schema
        for name, schema in DOCUMENT["components"]["schemas"].items()
    }
