"""Every error has the one body, and everything the decoder can say has its status."""

import asyncio
import json
import logging
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Raw, Struct

from spooled_lite import errors
from spooled_lite.config import Settings
from spooled_lite.errors import RuleBroken, SpooledError, WrongShape
from spooled_lite.wire.envelope import envelope
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.body import BODY_BYTES_MAX, SAID_CHARS_MAX, decode
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.dispatch import Row
from spooled_lite.wire.http.errors import STATUS, status_of
from spooled_lite.wire.http.json_text import is_nested_over
from tests.wire.http.served import Api


class Colour(Enum):
    RED = "red"


class Item(Struct):
    priority: Annotated[int, Meta(ge=-100, le=100)] = 0


class Form(Struct, kw_only=True):
    name: str
    at_least: Annotated[int, Meta(ge=1)] | None = None
    at_most: Annotated[int, Meta(le=5)] | None = None
    above: Annotated[float, Meta(gt=0.5)] | None = None
    below: Annotated[float, Meta(lt=0)] | None = None
    threes: Annotated[int, Meta(multiple_of=3)] | None = None
    text: Annotated[str, Meta(min_length=1, max_length=3)] | None = None
    digits: Annotated[str, Meta(pattern="^[0-9]+$")] | None = None
    short: Annotated[list[int], Meta(min_length=1, max_length=2)] | None = None
    colour: Colour | None = None
    word: Literal["a", "b"] | None = None
    either: int | str | None = None
    yes: bool | None = None
    number: float | None = None
    by_name: dict[str, int] | None = None
    jobs: list[Item] | None = None
    pair: tuple[int, int] | None = None
    payload: Raw = Raw(b"null")


class Optional(Struct):
    reason: str | None = None


async def echo(call: Call) -> Reply:
    form = await call.body(Form)
    return reply({"name": form.name, "payload": form.payload})


async def nothing_required(call: Call) -> Reply:
    body = await call.body_or_empty(Optional)
    return reply({"reason": body.reason})


async def crash(call: Call) -> Reply:
    raise ZeroDivisionError("the secret of the cellar")


async def refuse(call: Call) -> Reply:
    raise _ONE_OF_EACH[call.path("name")]


async def done(call: Call) -> Reply:
    return NO_CONTENT


ROWS: tuple[Row, ...] = (
    ("POST", "/api/v1/echo", echo, Access.PUBLIC, "-"),
    ("POST", "/api/v1/optional", nothing_required, Access.PUBLIC, "-"),
    ("GET", "/api/v1/crash", crash, Access.PUBLIC, "-"),
    ("GET", "/api/v1/refuse/{name}", refuse, Access.PUBLIC, "-"),
    ("DELETE", "/api/v1/done", done, Access.PUBLIC, "-"),
    ("GET", "/api/v1/keyed", done, Access.KEY, "-"),
)

_ONE_OF_EACH: dict[str, SpooledError] = {
    "NotJson": errors.NotJson.empty(),
    "WrongShape": errors.WrongShape.missing("a"),
    "RuleBroken": errors.RuleBroken.of("a", "too long", "length"),
    "BadRequest": errors.BadRequest("no"),
    "Unauthorized": errors.Unauthorized(),
    "AuthenticationFailed": errors.AuthenticationFailed(),
    "AdminNotConfigured": errors.AdminNotConfigured(),
    "MissingAdminKey": errors.MissingAdminKey(),
    "InvalidAdminHeader": errors.InvalidAdminHeader(),
    "InvalidAdminKey": errors.InvalidAdminKey(),
    "AccessDenied": errors.AccessDenied("no"),
    "NotFound": errors.NotFound.thing("Job"),
    "MethodNotAllowed": errors.MethodNotAllowed(["GET"]),
    "RequestTimeout": errors.RequestTimeout("slow"),
    "Conflict": errors.Conflict("no"),
    "WorkerIdTaken": errors.WorkerIdTaken(),
    "LeaseExpired": errors.LeaseExpired(reason="superseded"),
    "PreconditionFailed": errors.PreconditionFailed("other"),
    "PayloadTooLarge": errors.PayloadTooLarge("big"),
    "UnsupportedMediaType": errors.UnsupportedMediaType(),
    "QuotaExceeded": errors.QuotaExceeded(
        "queues", current=2, limit=2, plan="free", upgrade_to="starter"
    ),
    "FeatureDisabled": errors.FeatureDisabled(
        "workflows", current=0, limit=0, plan="free", upgrade_to="starter"
    ),
    "RateLimited": errors.RateLimited(retry_after_seconds=7, limit=5, reset_at=1),
    "Unavailable": errors.Unavailable("overloaded", "busy"),
    "SecretMissing": errors.SecretMissing("no secret"),
    "InternalError": errors.InternalError(),
    "DatabaseError": errors.DatabaseError(),
    "BodyDamaged": errors.BodyDamaged("payload"),
}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with Api(str(tmp_path / "spooled.db"), Settings(), ROWS) as it:
        yield it


def assert_envelope(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    body: dict[str, Any] = answer.json()
    assert body["code"] == code
    assert isinstance(body["error"], str)
    assert isinstance(body["message"], str)
    assert body["message"]
    return body


# -- what the decoder says -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ('"at_least":0', "at_least", "range"),
        ('"at_most":6', "at_most", "range"),
        ('"at_most":99999999999999999999999999', "at_most", "range"),
        ('"above":0.5', "above", "range"),
        ('"below":0.0', "below", "range"),
        ('"number":1e999', "number", "range"),
        ('"threes":4', "threes", "range"),
        ('"text":""', "text", "length"),
        ('"text":"abcd"', "text", "length"),
        ('"short":[]', "short", "length"),
        ('"short":[1,2,3]', "short", "length"),
        ('"pair":[1]', "pair", "length"),
        ('"digits":"x >= 1"', "digits", "regex"),
        ('"colour":"blue"', "colour", "invalid_value"),
        ('"word":"c"', "word", "invalid_value"),
        ('"jobs":[{"priority":1},{"priority":101}]', "jobs[1].priority", "range"),
    ],
)
def test_a_value_that_breaks_a_rule_is_400_and_named(
    api: Api, fields: str, field: str, code: str
) -> None:
    answer = api.post("echo", content='{"name":"x",' + fields + "}")

    body = assert_envelope(answer, 400, "VALIDATION_ERROR")
    assert body["error"] == "Validation failed"
    [problem] = body["details"]
    assert (problem["field"], problem["code"]) == (field, code)
    assert field in problem["message"]
    assert body["message"] == problem["message"]


@pytest.mark.parametrize(
    ("text", "field", "code"),
    [
        ("{}", "name", "missing_field"),
        ('{"name":null}', "name", "invalid_type"),
        ('{"name":1}', "name", "invalid_type"),
        ('{"name":"x","at_least":1.5}', "at_least", "invalid_type"),
        ('{"name":"x","at_least":"1"}', "at_least", "invalid_type"),
        ('{"name":"x","yes":1}', "yes", "invalid_type"),
        ('{"name":"x","either":[]}', "either", "invalid_type"),
        ('{"name":"x","colour":1}', "colour", "invalid_type"),
        ('{"name":"x","short":["a"]}', "short[0]", "invalid_type"),
        ('{"name":"x","by_name":{"a":"b"}}', "by_name[...]", "invalid_type"),
        ('{"name":"x","jobs":[{},7]}', "jobs[1]", "invalid_type"),
        ("[]", "body", "invalid_type"),
        ("7", "body", "invalid_type"),
        ("null", "body", "invalid_type"),
    ],
)
def test_a_missing_or_mistyped_field_is_422_and_named(
    api: Api, text: str, field: str, code: str
) -> None:
    answer = api.post("echo", content=text)

    body = assert_envelope(answer, 422, "VALIDATION_ERROR")
    [problem] = body["details"]
    assert (problem["field"], problem["code"]) == (field, code)
    assert field in body["message"]


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"{]",
        b"nonsense",
        b'{"name":"x"} trailing',
        b'{"name":"x","payload":NaN}',
        b'{"name":"x","payload":[1,]}',
        b'{"name":"x","payload":01}',
        b'{"name":"x","payload":"\\q"}',
        b'{"name":"a\nb"}',
        b'\xef\xbb\xbf{"name":"x"}',
        b'{"name":"\xff"}',
        b'{"name":"x","payload":"\xff"}',
        b'{"name":"x","unknown":"\xed\xa0\x80"}',
        b'{"name":"x","payload":' + b"[" * 101 + b"]" * 101 + b"}",
        b'{"name":"x","unknown":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
        b"[" * 100_000,
    ],
)
def test_what_is_not_json_is_400_invalid_json(api: Api, text: bytes) -> None:
    answer = api.post("echo", content=text)

    body = assert_envelope(answer, 400, "INVALID_JSON")
    assert body["error"] == "Invalid JSON"
    assert body["details"][0]["field"] == "body"
    assert body["details"][0]["code"] == "invalid_json"


@pytest.mark.parametrize("text", [b"", b"  \n"])
def test_no_body_where_one_is_required_is_400_empty_body(api: Api, text: bytes) -> None:
    answer = api.post("echo", content=text)

    body = assert_envelope(answer, 400, "INVALID_JSON")
    assert body["details"] == [{"field": "body", "message": body["message"], "code": "empty_body"}]


@pytest.mark.parametrize("text", [b"", b" ", b"{}", b"[]", b" [] ", b'{"other":1}', b"null"])
def test_no_body_is_fine_where_none_is_required(api: Api, text: bytes) -> None:
    answer = api.post("optional", content=text)

    assert (answer.status_code, answer.json()) == (200, {"reason": None})


def test_a_filled_list_is_no_empty_body(api: Api) -> None:
    answer = api.post("optional", content=b"[1]")

    assert_envelope(answer, 422, "VALIDATION_ERROR")


def test_a_body_is_json_whatever_its_content_type(api: Api) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = api.post("echo", content=b'{"name":"x"}', headers=kind)

    assert answer.status_code == 200


def test_a_payload_comes_back_byte_for_byte(api: Api) -> None:
    payload = '{"b" : [1.0,\t1e5, "\\u00e9é"],"a":123456789012345678901234567890}'

    answer = api.post("echo", content='{"name":"x","payload":' + payload + "}")

    assert answer.text == '{"name":"x","payload":' + payload + "}"


def test_a_message_of_an_own_check_is_a_broken_rule() -> None:
    class Checked(Struct):
        a: int = 0

        def __post_init__(self) -> None:
            raise ValueError("a is never right")

    with pytest.raises(RuleBroken) as caught:
        decode(Checked, b"{}", at="jobs[3]")

    assert caught.value.details[0].field == "jobs[3]"
    assert "a is never right" in caught.value.message


def test_a_part_of_a_body_is_named_by_where_it_stands() -> None:
    with pytest.raises(WrongShape) as caught:
        decode(Form, b'{"name":"x","jobs":[{"priority":"y"}]}', at="jobs[2]")

    assert caught.value.details[0].field == "jobs[2].jobs[0].priority"


@pytest.mark.parametrize("value", ["zz", "2026-13-01T00:00:00Z"])
def test_a_value_that_is_no_time_or_id_is_of_the_wrong_type(value: str) -> None:
    import datetime
    import uuid

    for kind in (datetime.datetime, datetime.date, uuid.UUID):
        with pytest.raises(WrongShape):
            decode(kind, msgspec.json.encode(value))


# -- sizes and depths ----------------------------------------------------------------------------


def test_a_hundred_levels_are_accepted(api: Api) -> None:
    payload = b"[" * 99 + b"]" * 99

    answer = api.post("echo", content=b'{"name":"x","payload":' + payload + b"}")

    assert answer.status_code == 200


def test_brackets_in_texts_and_side_by_side_are_not_depth(api: Api) -> None:
    texts = [r"[[[[{{{{\"", "\\\\", '"' + "[" * 300, "]" * 300]
    payload = json.dumps([*texts, *([{"a": []}] * 300)]).encode()

    answer = api.post("echo", content=b'{"name":"x","payload":' + payload + b"}")

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        (b"1", 0),
        (b'"[["', 0),
        (b"[]", 1),
        (b'[{"a":[]},[]]', 3),
        (rb'["\"[[", {"\\":[1]}]', 3),
        (rb'["\\\"[", ["\\"], "]"]', 2),
        (b'["","[",["]",""]]', 2),
    ],
)
def test_depth_is_exact(text: bytes, levels: int) -> None:
    json.loads(text)

    # Few brackets cannot be deep, and are not looked at: so there are many of them here.
    text = b"[%b]" % b",".join([text, *([b"[]"] * 200)])

    deepest = max(levels, 1) + 1

    assert not is_nested_over(text, deepest)
    assert is_nested_over(text, deepest - 1)


def test_a_body_over_5_mib_is_413(api: Api) -> None:
    answer = api.post("echo", content=b" " * (BODY_BYTES_MAX + 1))

    assert_envelope(answer, 413, "PAYLOAD_TOO_LARGE")


def test_a_body_of_5_mib_is_read(api: Api) -> None:
    text = b'{"name":"x","payload":"' + b"y" * (BODY_BYTES_MAX - 25) + b'"}'
    assert len(text) == BODY_BYTES_MAX

    answer = api.post("echo", content=text)

    assert answer.status_code == 200


def test_a_body_of_undeclared_length_is_413_while_it_is_read(api: Api) -> None:
    parts_read = 0

    async def receive() -> dict[str, Any]:
        nonlocal parts_read
        parts_read += 1
        return {"type": "http.request", "body": b" " * 65_536, "more_body": True}

    [start, body] = asyncio.run(_direct(api, receive, "POST", b"/api/v1/echo"))

    assert start["status"] == 413
    assert json.loads(body["body"])["code"] == "PAYLOAD_TOO_LARGE"
    assert parts_read == BODY_BYTES_MAX // 65_536 + 1


def test_nobody_is_answered_when_the_client_left(api: Api) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    sent = asyncio.run(_direct(api, receive, "POST", b"/api/v1/echo"))

    assert sent == []


async def _direct(api: Api, receive: Any, method: str, raw_path: bytes) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": raw_path.decode(),
        "raw_path": raw_path,
        "query_string": b"",
        "headers": [],
    }
    await api.served.app(scope, receive, send)
    return sent


# -- paths, methods, crashes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/crash/", "//api"]
)
def test_an_unknown_path_is_404(api: Api, path: str) -> None:
    answer = api.get(path, key=None)

    assert_envelope(answer, 404, "NOT_FOUND")


def test_another_method_is_405_and_says_which_are_allowed(api: Api) -> None:
    answer = api.request("PATCH", "echo")

    assert_envelope(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "OPTIONS, POST"


def test_no_credential_is_401(api: Api) -> None:
    answer = api.get("keyed", key=None)

    assert_envelope(answer, 401, "UNAUTHORIZED")


def test_a_crash_is_500_and_says_nothing_but_is_logged(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    answer = api.get("crash", headers={"X-Request-Id": "find-me"})

    body = assert_envelope(answer, 500, "INTERNAL_ERROR")
    assert "cellar" not in answer.text
    assert "details" not in body
    [record] = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert "find-me" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


def test_a_request_is_logged_without_secrets_and_in_one_line(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="spooled_lite.wire.http.api")

    api.get("crash/a%0Ab?token=hidden", headers={"X-Request-Id": "find-me"})
    api.post("echo", content=b'{"name":"hidden"}')

    lines = [each.getMessage() for each in caplog.records if each.levelno == logging.DEBUG]
    assert "GET /api/v1/crash/a%0Ab 404 find-me" in lines
    assert not [line for line in lines if "hidden" in line or api.key in line or "\n" in line]


def test_a_websocket_finds_nothing_at_a_path_of_requests(api: Api) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    path, headers = b"/api/v1/jobs", [(b"x-request-id", b"find-me")]
    scope = {
        "type": "websocket",
        "path": path.decode(),
        "raw_path": path,
        "query_string": b"",
        "headers": headers,
    }
    asyncio.run(api.served.app(scope, None, send))  # type: ignore[arg-type]

    [start, body] = sent
    assert start["status"] == 404
    assert (b"x-request-id", b"find-me") in start["headers"]
    assert json.loads(body["body"])["code"] == "NOT_FOUND"


@pytest.mark.parametrize("name", sorted(_ONE_OF_EACH))
def test_each_error_has_its_status_and_the_envelope(api: Api, name: str) -> None:
    error = _ONE_OF_EACH[name]

    answer = api.get(f"refuse/{name}")

    body = assert_envelope(answer, STATUS[type(error)], error.code)
    assert body["error"] == error.error
    assert ("retry-after" in answer.headers) == (name in ("RateLimited", "Unavailable"))


def test_every_error_class_has_a_status() -> None:
    classes = {
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, SpooledError) and hasattr(each, "code")
    }

    assert classes == set(STATUS)
    assert {type(each) for each in _ONE_OF_EACH.values()} == classes


def test_an_error_made_of_another_has_its_status() -> None:
    class Narrower(errors.Conflict):
        pass

    assert status_of(Narrower("no")) == 409


def test_quota_and_rate_repeat_their_numbers_at_the_top() -> None:
    quota = envelope(_ONE_OF_EACH["QuotaExceeded"])
    rate = envelope(_ONE_OF_EACH["RateLimited"])

    assert (quota["current"], quota["limit"], quota["upgrade_to"]) == (2, 2, "starter")
    assert quota["details"]["resource"] == "queues"
    assert "limit reached" in quota["message"]
    assert (rate["retry_after_secs"], rate["remaining"], rate["reset_at"]) == (7, 0, 1)


class Chosen(Struct):
    mode: Literal["fast", "slow"] | None = None
    modes: list[Literal["fast", "slow"]] = []
    colour: Colour | None = None
    inside: "list[Chosen]" = []


@pytest.mark.parametrize(
    ("body", "field", "choices"),
    [
        ('{"mode": "fsat"}', "mode", "`fast` or `slow`"),
        ('{"modes": ["fsat"]}', "modes[0]", "`fast` or `slow`"),
        ('{"colour": "fsat"}', "colour", "`red`"),
        ('{"inside": [{"mode": "fsat"}]}', "inside[0].mode", "`fast` or `slow`"),
    ],
)
def test_who_chooses_what_is_no_choice_is_told_the_choices(
    body: str, field: str, choices: str
) -> None:
    with pytest.raises(RuleBroken) as refused:
        decode(Chosen, body.encode())

    assert refused.value.message == f"Field `{field}`: `fsat` is no choice; choose {choices}"


def test_an_error_does_not_repeat_a_value_of_any_length() -> None:
    with pytest.raises(RuleBroken) as refused:
        decode(Chosen, b'{"mode": "%s"}' % (b"x" * 2_000_000))

    assert len(refused.value.message) < SAID_CHARS_MAX
