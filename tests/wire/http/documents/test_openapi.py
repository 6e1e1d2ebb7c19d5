"""The OpenAPI document: valid, complete, and about nothing that there is not."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from spooled_lite.cli.main import main
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply
from spooled_lite.wire.http.dispatch import Handler, Route
from spooled_lite.wire.http.documents.described.doc import Doc
from spooled_lite.wire.http.documents.described.refusals import BY_ACCESS
from spooled_lite.wire.http.documents.described.table import DESCRIBED
from spooled_lite.wire.http.documents.described.words import PATH_PARAMETERS, SECURITY
from spooled_lite.wire.http.documents.examples import answered
from spooled_lite.wire.http.documents.openapi import document
from spooled_lite.wire.http.documents.operation_ids import OPERATION_IDS
from spooled_lite.wire.http.documents.text import document_text
from spooled_lite.wire.http.routes import ROUTES
from tests.wire.http.documents import example_calls
from tests.wire.http.route_table import MAIN_PORT
from tests.wire.http.served import Api

DOCUMENT: Final[Mapping[str, Any]] = json.loads(document_text())
COMPONENTS: Final[Mapping[str, Any]] = DOCUMENT["components"]["schemas"]
OPERATIONS: Final[Mapping[tuple[str, str], Any]] = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
SUCCESSES: Final = {(row[0], row[1]): row[4].split(",") for row in MAIN_PORT}
STUBS: Final = {(row[0], row[1]) for row in MAIN_PORT if row[5] == "stub"}


def fields() -> Iterator[tuple[str, str, Any]]:
    for name, component in COMPONENTS.items():
        for field, schema in component.get("properties", {}).items():
            yield name, field, schema


def breaks(schema: Any, value: Any) -> list[str]:
    """What keeps the value from being what the schema says."""
    whole = {**schema, "components": DOCUMENT["components"]}
    validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [error.message for error in validator.iter_errors(value)]


def test_it_is_valid() -> None:
    assert list(OpenAPIV31SpecValidator(dict(DOCUMENT)).iter_errors()) == []


def test_it_has_every_route_and_no_other() -> None:
    assert OPERATIONS.keys() == {(row[0], row[1]) for row in ROUTES}


def test_other_routes_have_a_document_of_their_own() -> None:
    async def freeze(call: Call) -> Reply:
        return NO_CONTENT

    said: Mapping[Handler, Doc] = {freeze: Doc(summary="Stop the clock", statuses=(204,))}

    made = document([("POST", "/api/v1/jobs/freeze", freeze, Access.KEY, "-")], said)

    assert list(made["paths"]) == ["/api/v1/jobs/freeze"]
    assert made["paths"]["/api/v1/jobs/freeze"]["post"]["summary"] == "Stop the clock"
    assert list(OpenAPIV31SpecValidator(made).iter_errors()) == []


def test_every_handler_is_described_and_nothing_else() -> None:
    assert DESCRIBED.keys() == {row[2] for row in ROUTES}


def test_every_operation_has_a_name_of_its_own_from_the_table() -> None:
    names = {key: operation["operationId"] for key, operation in OPERATIONS.items()}

    assert names == OPERATION_IDS
    assert len(set(names.values())) == len(names)
    assert [
        name for name in names.values() if not re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name)
    ] == []


def everywhere(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object of the document."""
    if isinstance(schema, dict):
        yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for each in schema:
            yield from everywhere(each)


def test_every_array_says_what_is_in_it() -> None:
    arrays = [each for each in everywhere(DOCUMENT["components"]) if "array" in types_of(each)]

    assert [each for each in arrays if "items" not in each] == []


def types_of(schema: Mapping[str, Any]) -> list[str]:
    given = schema.get("type", [])
    return given if isinstance(given, list) else [given]


def test_a_body_is_one_type_for_programs_that_make_clients() -> None:
    bodies = [
        referred(content["schema"])
        for operation in OPERATIONS.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]

    assert bodies
    assert [each for each in bodies if {"anyOf", "oneOf", "allOf"} & each.keys()] == []
    assert [each for each in bodies if each["type"] != "object"] == []


def referred(schema: Any) -> Any:
    return COMPONENTS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


@pytest.mark.parametrize("given", [{"queue_name": "emails"}, {"queue": "emails"}])
def test_one_spelling_of_a_required_field_will_do(given: dict[str, Any]) -> None:
    create_job = {"$ref": "#/components/schemas/CreateJob"}

    assert breaks(create_job, {"payload": 1, **given}) == []
    assert breaks(create_job, {"payload": 1}) != []
    assert breaks({"$ref": "#/components/schemas/Fail"}, {"error_message": "boom"}) == []
    assert breaks({"$ref": "#/components/schemas/Fail"}, {}) != []


@pytest.mark.parametrize("route", [Route.of(row) for row in ROUTES], ids=lambda it: it.path)
def test_successes_are_those_of_the_contract(route: Route) -> None:
    key = (route.method, route.path)

    answers = OPERATIONS[key]["responses"]

    if key in STUBS:
        assert not [status for status in answers if status < "400"]
        assert set(SUCCESSES[key]) <= answers.keys()
    else:
        good = [status for status in answers if status < "400" or status in SUCCESSES[key]]
        assert sorted(good) == sorted(SUCCESSES[key])


def test_every_access_has_its_credentials_and_refusals() -> None:
    assert SECURITY.keys() == BY_ACCESS.keys() == set(Access)


def test_a_route_names_its_permission() -> None:
    words = {(row[0], row[1]): [] if row[4] == "-" else row[4].split() for row in ROUTES}

    assert {key: each.get("x-permission", []) for key, each in OPERATIONS.items()} == words


def test_every_field_is_said_in_words() -> None:
    assert [
        f"{name}.{field}" for name, field, schema in fields() if "description" not in schema
    ] == []


def test_the_key_of_a_job_in_a_workflow_is_not_taken_for_a_credential() -> None:
    said = {name: schema["description"] for name, field, schema in fields() if field == "key"}

    assert said["WorkflowJob"] == said["StepStatus"] == said["StepCreated"]
    assert "workflow" in said["WorkflowJob"]


def test_the_parameters_of_paths_are_said_in_words() -> None:
    assert PATH_PARAMETERS.keys() >= {name for row in ROUTES for name in Route.of(row).parameters}


@pytest.mark.parametrize("key", OPERATIONS, ids=" ".join)
def test_a_body_has_an_example_that_is_taken(key: tuple[str, str]) -> None:
    given = OPERATIONS[key].get("requestBody")
    if given is None:
        return
    [content] = given["content"].values()
    [kind] = [DESCRIBED[row[2]].body for row in ROUTES if (row[0], row[1]) == key]
    assert kind is not None

    msgspec.json.decode(json.dumps(content["example"]), type=kind)

    assert breaks(content["schema"], content["example"]) == []
    assert content["example"].keys() <= {each.encode_name for each in msgspec.structs.fields(kind)}


@pytest.mark.parametrize("key", OPERATIONS, ids=" ".join)
def test_an_example_of_a_parameter_can_be_sent_as_it_is(key: tuple[str, str]) -> None:
    for each in OPERATIONS[key].get("parameters", []):
        if "example" in each:
            assert breaks(each["schema"], each["example"]) == [], each["name"]
            assert str(each["example"]).isascii(), each["name"]


@pytest.mark.parametrize("key", OPERATIONS, ids=" ".join)
def test_every_answer_has_an_example_that_is_what_its_schema_says(key: tuple[str, str]) -> None:
    for status, answer in OPERATIONS[key]["responses"].items():
        for media, content in answer.get("content", {}).items():
            if media == "application/json":
                assert breaks(content["schema"], content["example"]) == [], status


def test_examples_of_answers_are_what_the_routes_answer() -> None:
    """When an answer has changed on purpose, or the version, `make examples` writes them anew."""
    found = example_calls.answers()

    for name, given in found.items():
        described = OPERATIONS[example_calls.ROUTE_OF[name]]["responses"]
        for status, answer in given.items():
            shown = described[status]["content"]["application/json"]["example"]
            assert shown == answer, (name, status)


def test_every_answer_in_json_is_recorded_or_has_a_reason_not_to_be() -> None:
    """A new route is called in `example_calls`, or named there with the reason."""
    not_recorded = {
        operation["operationId"]
        for operation in OPERATIONS.values()
        for status, answer in operation["responses"].items()
        if status < "400" and "application/json" in answer.get("content", {})
        if answered(operation["operationId"], int(status)) is None
    }

    assert not_recorded == example_calls.NOT_RECORDED.keys()


def test_no_recorded_answer_holds_a_secret() -> None:
    recorded = json.dumps(example_calls.answers())

    assert re.findall(r"sk_(?:test|live)_\w{5,}|whk_\w+|eyJ\w+", recorded) == []


def test_every_refusal_has_an_example_of_each_code() -> None:
    for answer in DOCUMENT["components"]["responses"].values():
        [content] = answer["content"].values()
        for example in content["examples"].values():
            assert breaks(content["schema"], example["value"]) == []
            assert f"`{example['value']['code']}`" in answer["description"]


def test_a_server_and_the_command_line_have_the_same_document(api: Api) -> None:
    served = api.get("/openapi.json", key=None)
    printed = CliRunner().invoke(main, ["openapi"])

    assert served.status_code == 200
    assert served.headers["content-type"] == "application/json"
    assert served.json() == json.loads(printed.output) == DOCUMENT
    assert CliRunner().invoke(main, ["openapi", "--compact"]).output.strip() == served.text
