"""Faults on request: which requests a rule strikes, and what becomes of those."""

import http.client
import json
import math
import time
from typing import Any, Final

import pytest

from spooled_lite.errors import InternalError
from spooled_lite.testing.faults.checks import BODY_BYTES_MAX
from spooled_lite.testing.faults.rules import RULES_MAX, FaultRule
from spooled_lite.testing.faults.shapes import Do, NewFault, On, When
from tests.testing.served import Served, served
from tests.testing.stage import Stage, play

CREATE: Final = "POST /api/v1/jobs"
COMPLETE: Final = "POST /api/v1/jobs/{id}/complete"
OF_JOBS: Final = {"route": CREATE}
CLAIM: Final = "POST /api/v1/jobs/claim"
RENEW: Final = "POST /api/v1/jobs/{id}/heartbeat"
OF_CALLS: Final[dict[str, Any]] = {"delivery": {}}
OF_RPC: Final = {"rpc": "QueueService/Complete"}
INTERNAL: Final = {"error": {"as": "internal"}}
DRAWS: Final = 10_000
DEEP: Final = '{"a":' * 200 + "1" + "}" * 200

WRONG: Final[list[tuple[Any, str]]] = [
    ({}, "`on` is required"),
    ({"on": OF_JOBS}, "`do` is required"),
    ({"on": {}, "do": INTERNAL}, "`route`"),
    ({"on": {**OF_JOBS, "rpc": "*"}, "do": INTERNAL}, "exactly one of `route`, `rpc`"),
    ({"on": {"rpc": "QueueService/Complet"}, "do": INTERNAL}, "is `QueueService/Complete`"),
    ({"on": {"rpc": "Complete"}, "do": INTERNAL}, "is `QueueService/Complete`"),
    ({"on": OF_RPC, "do": {"truncate": 9}}, "only answers over HTTP have a length"),
    ({"on": OF_RPC, "do": {"error": {"status": 503}}}, "named, with `as`"),
    (
        {"on": {"rpc": "QueueService/StreamJobs"}, "do": {"latency_ms": 1, "where": "answer"}},
        "one answer",
    ),
    ({"on": OF_RPC, "do": {"redeliver": True}}, "only a claim hands out jobs"),
    ({"on": OF_RPC, "do": {"expire_lease": True}}, "the nearest is"),
    ({"on": {"route": CLAIM}, "do": {"redeliver": False}}, "can be true only"),
    ({"on": {"route": RENEW}, "do": {"redeliver": True}}, "only a claim hands out jobs"),
    ({"on": OF_CALLS, "do": INTERNAL}, "only requests are refused; the nearest is `receiver`"),
    ({"on": OF_CALLS, "do": {"drop": "before"}}, "`drop` makes no sense with `delivery`"),
    ({"on": OF_CALLS, "do": {"failure": True}}, "only a mail goes through a mail server"),
    ({"on": OF_CALLS, "do": {"lose": False}}, "can be true only"),
    ({"on": OF_CALLS, "do": {"receiver": "slow"}}, "receiver"),
    ({"on": OF_CALLS, "do": {"receiver": {"state": 500}}}, "receiver"),
    ({"on": OF_CALLS, "do": {"receiver": {"status": 99}}}, "receiver"),
    ({"on": OF_CALLS, "do": {"receiver": {"headers": {"a": "\n"}}}}, "no header can have"),
    ({"on": {**OF_CALLS, "worker_id": "w"}, "do": {"lose": True}}, "only requests name a worker"),
    ({"on": {"delivery": {"event": "job.complete"}}, "do": {"lose": True}}, "`job.completed`"),
    ({"on": {"delivery": {"evnt": "x"}}, "do": {"lose": True}}, "the nearest is `event`"),
    ({"on": OF_JOBS, "do": {"receiver": "reset"}}, "only a call of a webhook has a receiver"),
    ({"on": OF_JOBS, "do": {"lose": True}}, "only a call of a webhook and a mail are sent"),
    ({"on": {"mail": {}}, "do": {"receiver": "reset"}}, "`receiver` makes no sense with `mail`"),
    ({"on": {"mail": {}, "queue": "a"}, "do": {"lose": True}}, "nothing goes with it"),
    ({"on": {"mail": {"from": "a"}}, "do": {"lose": True}}, "on.mail"),
    ({"on": {"stream": "wbsocket"}, "do": {"mute_ms": 1}}, "the nearest is `websocket`"),
    ({"on": {"stream": "sse"}, "do": {"truncate": 1}}, "only answers over HTTP have a length"),
    ({"on": {"stream": "sse"}, "do": {"latency_ms": 1, "where": "answer"}}, "no one answer"),
    ({"on": {"stream": "sse", "worker_id": "w"}, "do": {"mute_ms": 1}}, "only requests name"),
    (
        {"on": {"stream": "websocket", "queue": "a"}, "do": {"mute_ms": 1}},
        "no sense with `websocket`",
    ),
    ({"on": {"stream": "grpc"}, "do": {"end_stream": "slow"}}, "never ends as `slow`"),
    ({"on": {"stream": "grpc"}, "do": {"error": {"status": 503}}}, "named, with `as`"),
    ({"on": {"stream": "sse"}, "do": {"end_stream": "done"}}, "do.end_stream"),
    ({"on": {"route": "*"}, "do": {"mute_ms": 1}}, "only a stream says something of its own"),
    ({"on": OF_RPC, "do": {"end_stream": "stopping"}}, "only a stream ends like this"),
    ({"on": {"rout": CREATE}, "do": INTERNAL}, "the nearest is `route`"),
    ({"on": {"route": "POST /api/v1/job"}, "do": INTERNAL}, f"the nearest is `{CREATE}`"),
    ({"on": {"route": "GET /health"}, "do": INTERNAL}, "never struck"),
    ({"on": {"route": "GET /metrics"}, "do": INTERNAL}, "never struck"),
    ({"on": {"route": "GET /api/v1/test"}, "do": INTERNAL}, "nearest"),
    ({"on": {"route": "x" * 10_000}, "do": INTERNAL}, "on.route"),
    ({"on": {**OF_JOBS, "queue": ""}, "do": INTERNAL}, "on.queue"),
    ({"on": {**OF_JOBS, "body": {"a": "x" * BODY_BYTES_MAX}}, "do": INTERNAL}, "on.body"),
    ({"on": {**OF_JOBS, "body": [1]}, "do": INTERNAL}, "on.body"),
    ({"on": {**OF_JOBS, "headers": {"a b": "c"}}, "do": INTERNAL}, "on.headers"),
    ({"on": OF_JOBS, "do": {}}, "exactly one of"),
    ({"on": OF_JOBS, "do": {"drop": "before", "truncate": 1}}, "exactly one of"),
    ({"on": OF_JOBS, "do": {"drops": "before"}}, "the nearest is `drop`"),
    ({"on": OF_JOBS, "do": {"drop": "after"}}, "do.drop"),
    ({"on": OF_JOBS, "do": {"drop": "before", "where": "answer"}}, "latency_ms"),
    ({"on": OF_JOBS, "do": {"latency_ms": -1}}, "latency_ms"),
    ({"on": OF_JOBS, "do": {"latency_ms": 60_001}}, "latency_ms"),
    ({"on": OF_JOBS, "do": {"latency_ms": [400, 50]}}, "smaller bound"),
    ({"on": OF_JOBS, "do": {"latency_ms": [1, 2, 3]}}, "latency_ms"),
    ({"on": OF_JOBS, "do": {"hang_ms": 10**9}}, "hang_ms"),
    ({"on": OF_JOBS, "do": {"truncate": -1}}, "truncate"),
    ({"on": OF_JOBS, "do": {"error": {}}}, "exactly one of `as` and `status`"),
    ({"on": OF_JOBS, "do": {"error": {"as": "internal", "status": 500}}}, "exactly one"),
    ({"on": OF_JOBS, "do": {"error": {"as": "internal", "body": 1}}}, "go with `status`"),
    ({"on": OF_JOBS, "do": {"error": {"as": "disk_full"}}}, "do.error.as"),
    ({"on": OF_JOBS, "do": {"error": {"state": 500}}}, "the nearest is `status`"),
    ({"on": OF_JOBS, "do": {"error": {"status": 199}}}, "do.error.status"),
    ({"on": OF_JOBS, "do": {"error": {"status": 204, "body": 1}}}, "no body"),
    (
        {"on": OF_JOBS, "do": {"error": {"status": 500, "headers": {"Content-Length": "1"}}}},
        "itself",
    ),
    (
        {"on": OF_JOBS, "do": {"error": {"status": 500, "headers": {"a": "1\r\nb: 2"}}}},
        "no header can have",
    ),
    ({"on": OF_JOBS, "do": INTERNAL, "times": 0}, "times"),
    ({"on": OF_JOBS, "do": INTERNAL, "note": "x" * 501}, "note"),
    ({"on": OF_JOBS, "do": INTERNAL, "when": {"match": [1]}}, "the nearest is `matches`"),
    ({"on": OF_JOBS, "do": INTERNAL, "when": {"matches": [0]}}, "matches"),
    ({"on": OF_JOBS, "do": INTERNAL, "when": {"matches": list(range(1, 1002))}}, "matches"),
    ({"on": OF_JOBS, "do": INTERNAL, "when": {"every": 0}}, "every"),
    ({"on": OF_JOBS, "do": INTERNAL, "when": {"probability": 1.5}}, "probability"),
    ({"on": OF_JOBS, "do": INTERNAL, "when": {"after": "soon"}}, "RFC 3339"),
]


def test_a_rule_that_makes_no_sense_is_refused_with_the_reason() -> None:
    async def script(stage: Stage) -> list[str]:
        unmet = []
        for body, said in WRONG:
            answer = await stage.api.post("test/faults", json=body)
            if answer.status_code not in (400, 422) or said not in answer.text:
                unmet.append(f"{str(body)[:200]}: {answer.status_code} {answer.text}")
        deep = f'{{"on": {{"route": "*", "body": {DEEP}}}, "do": {{"drop": "before"}}}}'
        assert (await stage.api.post("test/faults", content=deep)).status_code == 400
        assert await stage.get("test/faults") == {"faults": []}
        return unmet

    assert play(script) == []


def test_a_rule_counts_what_it_is_for_and_strikes_those_that_it_names() -> None:
    async def struck(stage: Stage, when: dict[str, Any], **more: Any) -> list[int]:
        rule = {"on": OF_JOBS, "do": INTERNAL, "when": when, **more}
        made = await stage.post("test/faults", rule)
        body = {"queue_name": "emails", "payload": {}}
        found = [(await stage.api.post("jobs", json=body)).status_code for _ in range(6)]
        assert set(found) <= {201, 500}
        await stage.api.delete(f"test/faults/{made['id']}")
        return [at for at, status in enumerate(found, 1) if status == 500]

    async def script(stage: Stage) -> None:
        assert await struck(stage, {}) == [1, 2, 3, 4, 5, 6]
        assert await struck(stage, {"matches": [1, 3]}) == [1, 3]
        assert await struck(stage, {"first": 2}) == [1, 2]
        assert await struck(stage, {"every": 3}) == [3, 6]
        assert await struck(stage, {"every": 2}, times=2) == [2, 4]
        assert await struck(stage, {"probability": 0}) == []
        assert await struck(stage, {"probability": 1}) == [1, 2, 3, 4, 5, 6]
        assert await struck(stage, {"after": "2030-01-02T00:00:00Z"}) == []
        assert await struck(stage, {"until": "2030-01-01T00:00:00Z"}) == []
        assert await struck(stage, {"until": "2030-01-02T00:00:00Z", "first": 1}) == [1]

    play(script)


@pytest.mark.parametrize(
    ("on", "is_struck"),
    [
        ({"queue": "emails"}, True),
        ({"queue": "charges"}, False),
        ({"body": {"payload": {"order": 1}}}, True),
        ({"body": {"payload": {"order": 2}}}, False),
        ({"body": {"payload": {"order": True}}}, False),
        ({"body": {"none": 1}}, False),
        ({"headers": {"X-Tenant": "a"}}, True),
        ({"headers": {"X-Tenant": "b"}}, False),
        ({"key_id": "none"}, False),
        ({"worker_id": "none"}, False),
    ],
)
def test_a_rule_is_for_what_its_members_say(on: dict[str, Any], is_struck: bool) -> None:
    async def script(stage: Stage) -> None:
        await stage.post("test/faults", {"on": {**OF_JOBS, **on}, "do": INTERNAL})
        body = {"queue_name": "emails", "payload": {"order": 1, "more": 2}}
        answer = await stage.api.post("jobs", json=body, headers={"x-tenant": "a"})
        assert (answer.status_code == 500) is is_struck, answer.text
        assert ("X-Spooled-Fault" in answer.headers) is is_struck

    play(script)


def test_a_job_is_known_by_the_path_and_its_queue_by_the_job() -> None:
    async def script(stage: Stage) -> None:
        await stage.post("test/faults", {
            "on": {"route": COMPLETE, "queue": "emails"}, "do": {"error": {"as": "lease_expired"}},
            "times": 1,
        })  # fmt: skip
        await stage.job(queue_name="others")
        await stage.job()
        [other], [job] = await stage.claim(queue_name="others"), await stage.claim()
        for each, status in ((other, 200), (job, 409), (job, 200)):
            body = {"worker_id": "by hand", "lease_id": each["lease_id"]}
            await stage.post(f"jobs/{each['id']}/complete", body, status=status)
        [rule] = (await stage.get("test/faults"))["faults"]
        assert (rule["seen"], rule["struck"]) == (1, 1), "a rule that is used up counts no more"

    play(script)


def test_a_refusal_is_the_real_one_and_an_answer_exactly_the_one_given() -> None:
    names = {
        "overloaded": (503, "SERVICE_UNAVAILABLE"),
        "storage_full": (503, "SERVICE_UNAVAILABLE"),
        "storage_error": (503, "SERVICE_UNAVAILABLE"),
        "shutting_down": (503, "SERVICE_UNAVAILABLE"),
        "rate_limited": (429, "RATE_LIMIT_EXCEEDED"),
        "lease_expired": (409, "LEASE_EXPIRED"),
        "unauthorized": (401, "UNAUTHORIZED"),
        "internal": (500, InternalError.code),
    }

    async def script(stage: Stage) -> None:
        body = {"queue_name": "emails", "payload": {}}
        for name, (status, code) in names.items():
            rule = {"on": OF_JOBS, "do": {"error": {"as": name}}, "times": 1}
            made = await stage.post("test/faults", rule)
            answer = await stage.api.post("jobs", json=body)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert answer.headers["X-Spooled-Fault"] == made["id"]
            assert ("Retry-After" in answer.headers) is (status in (429, 503))
        exact = {"status": 502, "body": "<p>", "headers": {"Content-Type": "text/html", "A": "b"}}
        await stage.post("test/faults", {"on": OF_JOBS, "do": {"error": exact}})
        answer = await stage.api.post("jobs", json=body)
        assert (answer.status_code, answer.text, answer.headers["a"]) == (502, "<p>", "b")
        assert answer.headers["content-type"] == "text/html"
        assert await stage.get("jobs") == [], "nothing was done"
        told = (await stage.get("test/journal?kind=fault"))["lines"]
        assert [(each["id"], each["what"]) for each in told][-1] == ("f9", CREATE)

    play(script)


def test_latencies_add_up_and_the_first_other_rule_ends_the_search() -> None:
    async def script(stage: Stage) -> None:
        for do in ({"latency_ms": 20}, {"latency_ms": [10, 30], "where": "answer"}, INTERNAL):
            await stage.post("test/faults", {"on": {"route": "*"}, "do": do})
        await stage.post("test/faults", {"on": {"route": "*"}, "do": {"drop": "before"}})
        began = time.monotonic()
        answer = await stage.api.get("jobs")
        assert answer.headers["X-Spooled-Fault"] == "f1, f2, f3"
        assert answer.status_code == 500
        assert time.monotonic() - began >= 0.02
        for path in ("/health", "/metrics", "/openapi.json", "/api/v1/test"):
            answer = await stage.api.get(f"http://spooled.test{path}")
            assert "X-Spooled-Fault" not in answer.headers, "it is never struck"

    play(script)


def test_there_is_a_bound_to_rules_and_used_up_ones_make_room() -> None:
    async def script(stage: Stage) -> None:
        rule: dict[str, Any] = {"on": OF_JOBS, "do": INTERNAL}
        await stage.post("test/faults", {**rule, "times": 1})
        for _ in range(RULES_MAX - 1):
            await stage.post("test/faults", rule)
        full = await stage.post("test/faults", rule, status=429)
        assert full["details"]["reason"] == "faults_full"
        await stage.api.post("jobs", json={"queue_name": "emails", "payload": {}})
        await stage.post("test/faults", rule)
        assert (await stage.api.delete("test/faults/f1")).status_code == 404
        assert (await stage.api.delete("test/faults/f2")).status_code == 204
        assert (await stage.api.delete("test/faults")).status_code == 204
        assert await stage.get("test/faults") == {"faults": []}

    play(script)


def test_a_share_is_drawn_alike_from_equal_seeds_and_fairly() -> None:
    def drawn(seed: int) -> list[bool]:
        said = NewFault(on=On(route="*"), do=Do(drop="before"), when=When(probability=0.3))
        rule = FaultRule("f1", said, seed)
        return [rule.strikes() for _ in range(DRAWS)]

    first = drawn(1)
    assert abs(sum(first) - 0.3 * DRAWS) <= 3 * math.sqrt(DRAWS * 0.3 * 0.7)
    assert drawn(1) == first
    assert drawn(2) != first


# -- connections that are cut -----------------------------------------------------------------


def _raw(server: Served, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
    host = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {server.key}"}
        connection.request(method, f"/api/v1/{path}", json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_cut_connection_stores_nothing_before_and_everything_after_the_commit() -> None:
    body = {"queue_name": "emails", "payload": {}}
    gone = (http.client.RemoteDisconnected, ConnectionResetError)
    with served() as server:
        for do, stored in (
            ({"drop": "before"}, 0),
            ({"hang_ms": 20}, 0),
            ({"drop": "after_commit"}, 1),
        ):
            server.call("POST", "test/faults", {"on": OF_JOBS, "do": do, "times": 1})
            before = len(server.call("GET", "jobs"))
            with pytest.raises(gone):
                _raw(server, "POST", "jobs", body)
            assert len(server.call("GET", "jobs")) - before == stored, do

        server.call("POST", "test/faults", {"on": OF_JOBS, "do": {"truncate": 9}, "times": 1})
        with pytest.raises(http.client.IncompleteRead) as raised:
            _raw(server, "POST", "jobs", body)
        assert len(raised.value.partial) == 9
        assert len(server.call("GET", "jobs")) == 2

        # Streams have no end to cut short: they are cut at once, and given back.
        server.call(
            "POST", "test/faults",
            {"on": {"route": "GET /api/v1/events"}, "do": {"drop": "after_commit"}, "times": 1},
        )  # fmt: skip
        with pytest.raises(gone):
            _raw(server, "GET", "events")
        assert server.call("GET", "test/faults")["faults"][-1]["struck"] == 1
