"""The OpenAPI document: made from a table of routes, what is said of them, and their types."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import spooled_lite
from spooled_lite.wire.http.admit import UNSCOPED, Access
from spooled_lite.wire.http.dispatch import API_PREFIX, Handler, Route, Row
from spooled_lite.wire.http.documents.described.doc import JSON, Doc, Parameter
from spooled_lite.wire.http.documents.described.refusals import Refusals
from spooled_lite.wire.http.documents.described.words import (
    ABOUT,
    API_HEADERS,
    EVERY_HEADERS,
    HAS_MORE,
    HEADERS,
    KEY_OF_CALL,
    PATH_PARAMETERS,
    RATE_HEADERS,
    REPLAYED_NAME,
    SECURITY,
    SECURITY_SCHEMES,
    TAGS,
)
from spooled_lite.wire.http.documents.examples import answered, example_of
from spooled_lite.wire.http.documents.operation_ids import operation_id
from spooled_lite.wire.http.documents.schemas import Schemas

VERSION: Final = "3.1.0"
BY_ADMIN: Final = (
    Access.ADMIN,
    Access.BOOTSTRAP,
    Access.UNSCOPED_OR_ADMIN,
)  # its key is not limited
NOT_YET: Final = Doc(summary="Not described yet")  # a test finds them: none is released so
WITHOUT_CONTENT: Final = frozenset(
    {HTTPStatus.NO_CONTENT, HTTPStatus.SWITCHING_PROTOCOLS, HTTPStatus.NOT_MODIFIED}
)


def document(rows: Iterable[Row], described: Mapping[Handler, Doc]) -> dict[str, Any]:
    """The document of these routes. It depends on nothing but its arguments and the version."""
    routes = [Route.of(row) for row in rows]
    schemas, refusals = Schemas(), Refusals()
    paths: dict[str, Any] = {}
    for route in routes:
        operation = _operation(route, described.get(route.handler, NOT_YET), schemas, refusals)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    used = {_tag(route.path) for route in routes}
    return {
        "openapi": VERSION,
        "info": {
            "title": "Spooled Lite",
            "version": spooled_lite.__version__,
            "summary": "A durable job queue and scheduler in one process, on one SQLite file.",
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This server"}],
        "tags": [
            {"name": n, "description": about}
            for n, about in dict(TAGS.values()).items()
            if n in used
        ],
        "paths": paths,
        "components": {
            "schemas": dict(sorted({**schemas.components, **refusals.schemas}.items())),
            "responses": refusals.responses,
            "headers": HEADERS,
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _operation(route: Route, doc: Doc, schemas: Schemas, refusals: Refusals) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation_id(route),
        "summary": doc.summary,
        "tags": [_tag(route.path)],
        "security": SECURITY[route.access],
    }
    about = " ".join((doc.about, *_about_keys(route))).strip()
    if about:
        described["description"] = about
    if route.words:
        described["x-permission"] = list(route.words)
    has_body = doc.body is not None and route.method != "GET"
    given = (each for each in doc.parameters if each.place != "query" or not has_body)
    keyed = (KEY_OF_CALL,) if route.keeps_answer else ()
    parameters = [*_path_parameters(route), *(_parameter(each) for each in (*given, *keyed))]
    if parameters:
        described["parameters"] = parameters
    if has_body:
        described["requestBody"] = _body(doc, schemas)
    described["responses"] = {
        **_successes(route, doc, schemas),
        **refusals.of(route, doc),
    }
    return described


def _about_keys(route: Route) -> Iterable[str]:
    if route.access in UNSCOPED:
        yield "A key that is limited to some queues is refused."
    if route.words:
        named = " or ".join(f"`{word}`" for word in route.words)
        yield f"A key with a list of permissions needs {named}."


def _tag(path: str) -> str:
    name, _ = TAGS.get(path.removeprefix(API_PREFIX).split("/")[1], TAGS[""])
    return name


def _path_parameters(route: Route) -> Iterable[dict[str, Any]]:
    for name in route.parameters:
        about, schema, example = PATH_PARAMETERS[name]
        yield _parameter(
            Parameter(name, about, schema, place="path", is_required=True, example=example)
        )


def _parameter(parameter: Parameter) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.about,
        "schema": dict(parameter.schema),
    }
    if parameter.is_required:
        shown["required"] = True
    if parameter.example is not None:
        shown["example"] = parameter.example
    return shown


def _body(doc: Doc, schemas: Schemas) -> dict[str, Any]:
    assert doc.body is not None, "only called for a route with a body"
    schema = schemas.of(doc.body, is_answer=False)
    for part in doc.parts:
        schemas.of(part, is_answer=False)
    if doc.needs:
        schemas.require_one_of(doc.body, doc.needs)
    component = schemas.components[doc.body.__name__]
    return {
        "required": bool(doc.needs or component.get("required")),
        "content": {JSON: {"schema": schema, "example": doc.example}},
    }


def _successes(route: Route, doc: Doc, schemas: Schemas) -> dict[str, Any]:
    return {str(status): _success(route, doc, status, schemas) for status in doc.statuses}


def _success(route: Route, doc: Doc, status: int, schemas: Schemas) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"} for name in _headers(route, doc)
        },
    }
    if status not in WITHOUT_CONTENT:
        schema = _answer(doc, schemas)
        shown["content"] = {media: {"schema": schema} for media in doc.media}
        if JSON in doc.media:
            example = answered(operation_id(route), status)
            shown["content"][JSON]["example"] = (
                example_of(schema, schemas.components) if example is None else example
            )
    return shown


def _headers(route: Route, doc: Doc) -> Iterable[str]:
    yield from API_HEADERS if route.path.startswith(API_PREFIX) else EVERY_HEADERS
    if route.path.startswith(API_PREFIX) and route.access not in BY_ADMIN:
        yield from RATE_HEADERS
    if doc.is_paged:
        yield HAS_MORE
    if route.keeps_answer or KEY_OF_CALL.name in (each.name for each in doc.parameters):
        yield REPLAYED_NAME


def _answer(doc: Doc, schemas: Schemas) -> dict[str, Any]:
    if isinstance(doc.answer, tuple):
        return {"anyOf": [schemas.of(each, is_answer=True) for each in doc.answer]}
    return schemas.of(doc.answer, is_answer=True)
