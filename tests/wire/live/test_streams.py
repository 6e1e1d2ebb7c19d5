"""Messages to topics, from the call that sends one to the streams that listen."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

import pytest

from spooled_lite.core.topics.notify import NOTICE_BYTES_MAX
from spooled_lite.wire.realtime.timing import Timing
from tests.wire.http.admin_calls import ADMIN_KEY
from tests.wire.realtime.stage import QUIET, EventStream, Stage, on_stage, with_times

REVOKED: Final = "Token has been revoked"
INVALID: Final = "Invalid or expired token"

Told = tuple[int, str, str]


def played(
    test: Callable[[Stage], Awaitable[None]], timing: Timing = QUIET, **settings: Any
) -> None:
    async def run(stage: Stage) -> None:
        stage.services.hub.timing = timing
        await test(stage)

    on_stage(run, **settings)


async def token(stage: Stage, *topics: str, key: str | None = None, **more: Any) -> str:
    headers = {"Authorization": f"Bearer {key or stage.key}"}
    body = {"topics": list(topics), **more}
    answer = await stage.call("POST", "/api/v1/realtime/tokens", body, headers=headers)
    assert answer.status == 200, answer.body
    return str(answer.json["token"])


async def listening(stage: Stage, *patterns: str, **query: str) -> EventStream:
    """A stream opened with the key."""
    more = "".join(f"&{name}={quote(value)}" for name, value in query.items())
    return await stage.stream(f"realtime/stream?patterns={quote(','.join(patterns))}{more}")


async def opened(stage: Stage, shown: str, **query: str) -> EventStream:
    """A stream opened with a token, and nothing else."""
    more = "".join(f"&{name}={quote(value)}" for name, value in query.items())
    return await stage.stream(f"realtime/sse?token={shown}{more}", {})


async def sent(stage: Stage, topic: str, message: str | None = None, **more: Any) -> int:
    body = {"topic": topic, "message": message, **more}
    answer = await stage.call("POST", "/api/v1/realtime/notify", body)
    assert answer.status == 202, answer.body
    return int(answer.json["delivered"])


async def refused(stage: Stage, path: str, headers: dict[str, str] | None = None) -> Told:
    answer = await stage.refused(path, headers)
    return answer.status, answer.json["code"], answer.json["message"]


async def raw(stream: EventStream) -> str:
    return (await stream.next()).raw


def test_a_message_reaches_every_stream_that_listens_to_its_topic() -> None:
    async def test(stage: Stage) -> None:
        by_token = await opened(stage, await token(stage, "order.7"))
        by_key = await listening(stage, "order.*")
        elsewhere = await listening(stage, "invoice.#")

        assert await sent(stage, "order.7", "placed") == 2
        assert await sent(stage, "invoice.1") == 1
        assert await sent(stage, "nobody.listens", "x") == 0

        assert await raw(by_token) == await raw(by_key) == "event: order.7\ndata: placed"
        assert await raw(elsewhere) == "event: invoice.1\ndata:"

    played(test)


@pytest.mark.parametrize(
    ("pattern", "topic", "is_heard"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a", False),
        ("a.b", "a.b.c", False),
        ("a.b", "A.b", False),
        ("a.*", "a.b", True),
        ("a.*", "a", False),
        ("a.*.c", "a.b.c", True),
        ("a.#", "a", True),
        ("a.#", "a.b.c", True),
        ("a.#", "ab", False),
        ("a.*.#", "a", False),
        ("#", "a.b", True),
    ],
)
def test_patterns_are_those_of_bindings(pattern: str, topic: str, is_heard: bool) -> None:
    async def test(stage: Stage) -> None:
        stream = await listening(stage, pattern)

        assert await sent(stage, topic, "x") == int(is_heard)
        if is_heard:
            assert await raw(stream) == f"event: {topic}\ndata: x"

    played(test)


def test_a_stream_gets_a_message_once_whatever_number_of_patterns_match() -> None:
    async def test(stage: Stage) -> None:
        stream = await listening(stage, "#", "a.*", "a.b", "a.b", "*.b")

        assert await sent(stage, "a.b", "once") == 1
        await sent(stage, "a.c", "next")

        assert await raw(stream) == "event: a.b\ndata: once"
        assert await raw(stream) == "event: a.c\ndata: next"

    played(test)


def test_no_message_can_begin_a_line_of_its_own() -> None:
    async def test(stage: Stage) -> None:
        stream = await listening(stage, "a")

        await sent(stage, "a", "1\nevent: b\r\ndata: 2\r\rid: 3\n")

        assert await raw(stream) == (
            "event: a\ndata: 1\ndata: event: b\ndata: data: 2\ndata:\ndata: id: 3\ndata:"
        )

    played(test)


def test_a_client_does_not_hear_what_it_sends_itself() -> None:
    async def test(stage: Stage) -> None:
        mine = await listening(stage, "a", client_id="tab 1")
        same = await opened(stage, await token(stage, "a"), client_id="tab 1")
        other = await opened(stage, await token(stage, "a"), client_id="tab 2")

        assert await sent(stage, "a", "own", sent_by="tab 1") == 1
        assert await sent(stage, "a", "of all") == 3

        assert await raw(mine) == await raw(same) == "event: a\ndata: of all"
        assert await raw(other) == "event: a\ndata: own"

    played(test)


def test_the_answer_is_that_of_an_event_stream() -> None:
    async def test(stage: Stage) -> None:
        headers = {"Origin": "https://shop.example"}
        stream = await stage.stream(f"realtime/sse?token={await token(stage, 'a')}", headers)

        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["cache-control"] == "no-cache"
        assert stream.headers["x-accel-buffering"] == "no"
        assert stream.headers["access-control-allow-origin"] == "*"

    played(test)


@pytest.mark.parametrize("shown", ["", "x", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"])
def test_a_bad_token_opens_nothing(shown: str) -> None:
    async def test(stage: Stage) -> None:
        message = INVALID if shown else "Missing authentication token"

        assert await refused(stage, f"realtime/sse?token={shown}", {}) == (
            401,
            "UNAUTHORIZED",
            message,
        )

    played(test)


def test_a_key_is_no_token_and_a_token_no_key() -> None:
    async def test(stage: Stage) -> None:
        made = await token(stage, "#")
        access, _ = await stage.tokens()

        for shown in (stage.key, access):
            assert (await refused(stage, f"realtime/sse?token={shown}", {}))[0] == 401
        for headers in ({"Authorization": f"Bearer {made}"}, {"X-API-Key": made}):
            assert (await refused(stage, "realtime/stream?patterns=a", headers))[0] == 401
            assert (await refused(stage, "jobs", headers))[0] == 401
        for path in (f"realtime/stream?patterns=a&token={made}", f"events?token={made}"):
            assert (await refused(stage, path, {}))[0] == 401

    played(test)


def test_a_token_opens_streams_until_it_expires_and_what_is_open_goes_on() -> None:
    async def test(stage: Stage) -> None:
        made = await token(stage, "a", ttl_seconds=60)
        for_ever = await token(stage, "a", ttl_seconds=0)
        stream = await opened(stage, made)

        stage.clock.advance(seconds=59.999)
        await opened(stage, made)
        stage.clock.advance(seconds=0.001)

        assert await refused(stage, f"realtime/sse?token={made}", {}) == (
            401,
            "UNAUTHORIZED",
            INVALID,
        )
        stage.clock.advance(seconds=10 * 365 * 86_400)
        await opened(stage, for_ever)
        await sent(stage, "a", "still")
        assert await raw(stream) == "event: a\ndata: still"

    played(test)


def test_streams_of_one_organization_hear_nothing_of_another() -> None:
    async def test(stage: Stage) -> None:
        other = await stage.other_org()
        theirs = await opened(stage, await token(stage, "#", key=other, identity="eve"))
        assert await raw(theirs) == "event: #\ndata:"

        assert await sent(stage, "a", "ours") == 0
        presence = await stage.call("GET", "/api/v1/realtime/presence?topic=%23")
        assert presence.json == {"topic": "#", "identities": []}

    played(test)


# -- the key behind it -----------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["revoke", "regenerate", "limit", "take the word"])
def test_a_token_ends_with_the_right_to_make_it(act: str) -> None:
    async def test(stage: Stage) -> None:
        key = await stage.issue()
        made = await token(stage, "a", key=key.secret)
        stream = await opened(stage, made)
        path = f"/api/v1/api-keys/{key.row['id']}"
        calls: dict[str, tuple[str, str, Any]] = {
            "revoke": ("DELETE", path, None),
            "regenerate": ("POST", f"{path}/regenerate", {}),
            "limit": ("PUT", path, {"queues": ["emails"]}),
            "take the word": ("PUT", path, {"permissions": ["jobs:read"]}),
        }
        method, where, body = calls[act]

        answer = await stage.call(method, where, body)

        assert answer.status < 300, answer.body
        assert await stream.rest() == []
        assert await refused(stage, f"realtime/sse?token={made}", {}) == (
            401,
            "UNAUTHORIZED",
            REVOKED,
        )

    played(test)


def test_a_stream_of_a_key_ends_with_the_key() -> None:
    async def test(stage: Stage) -> None:
        key = await stage.issue()
        headers = {"Authorization": f"Bearer {key.secret}"}
        stream = await stage.stream("realtime/stream?patterns=a", headers)

        await stage.call("DELETE", f"/api/v1/api-keys/{key.row['id']}")

        assert await stream.rest() == []

    played(test)


def test_a_suspended_organization_neither_listens_nor_opens() -> None:
    async def test(stage: Stage) -> None:
        made = await token(stage, "a")
        stream = await opened(stage, made)
        path = f"/api/v1/admin/organizations/{stage.it.organization_id}"

        admin = {"X-Admin-Key": ADMIN_KEY}
        answer = await stage.call("PATCH", path, {"is_active": False}, headers=admin)

        assert answer.status == 200, answer.body
        assert await stream.rest() == []
        assert (await refused(stage, f"realtime/sse?token={made}", {}))[0] == 403

    played(test, admin_key=ADMIN_KEY)


def test_who_may_send_listen_and_make_tokens() -> None:
    async def test(stage: Stage) -> None:
        reader = await stage.issue(permissions=("jobs:read",))
        writer = await stage.issue(permissions=("jobs:write",))
        scoped = await stage.issue(queues=("emails",))
        nobody = {"Authorization": "Bearer sk_test_of_nobody_0123456789"}
        calls: dict[str, tuple[str, Any]] = {
            "realtime/notify": ("POST", {"topic": "a"}),
            "realtime/tokens": ("POST", {"topics": ["a"]}),
            "realtime/presence?topic=a": ("GET", None),
        }

        async def statuses(headers: dict[str, str]) -> list[int]:
            return [
                (await stage.call(method, f"/api/v1/{path}", body, headers=headers)).status
                for path, (method, body) in calls.items()
            ]

        def bearer(secret: str) -> dict[str, str]:
            return {"Authorization": f"Bearer {secret}"}

        assert await statuses(bearer(reader.secret)) == [403, 403, 200]
        assert await statuses(bearer(writer.secret)) == [202, 200, 200]
        assert await statuses(bearer(scoped.secret)) == [403, 403, 403]
        assert await statuses(nobody) == [401, 401, 401]
        await stage.stream("realtime/stream?patterns=a", bearer(reader.secret))
        stream_of_scoped = await refused(stage, "realtime/stream?patterns=a", bearer(scoped.secret))
        assert stream_of_scoped[:2] == (403, "ACCESS_DENIED")
        assert (await refused(stage, "realtime/stream?patterns=a", nobody))[0] == 401

    played(test)


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("notify", {}, 422),
        ("notify", {"topic": ""}, 400),
        ("notify", {"topic": "a.*"}, 400),
        ("notify", {"topic": "a..b"}, 400),
        ("notify", {"topic": "a" * 256}, 400),
        ("notify", {"topic": "spooled.queue.created"}, 400),
        ("notify", {"topic": "catbird.x"}, 400),
        ("notify", {"topic": "a", "message": {"x": 1}}, 422),
        ("notify", {"topic": "a", "message": "x" * (NOTICE_BYTES_MAX + 1)}, 413),
        ("notify", {"topic": "a", "message": "ü" * (NOTICE_BYTES_MAX // 2 + 1)}, 413),
        ("notify", {"topic": "a", "sent_by": "x" * 256}, 400),
        ("notify", {"topic": "a", "message": "x" * NOTICE_BYTES_MAX}, 202),
        ("notify", {"topic": "spooled"}, 202),
        ("notify", {"topic": "spooledx.a", "message": None, "sent_by": None}, 202),
        ("tokens", {}, 422),
        ("tokens", {"topics": []}, 400),
        ("tokens", {"topics": "a"}, 422),
        ("tokens", {"topics": ["a"] * 65}, 400),
        ("tokens", {"topics": ["a" * 255] * 17}, 400),
        ("tokens", {"topics": ["a.#.b"]}, 400),
        ("tokens", {"topics": ["a", ""]}, 400),
        ("tokens", {"topics": ["a"], "identity": ""}, 400),
        ("tokens", {"topics": ["a"], "identity": "x" * 256}, 400),
        ("tokens", {"topics": ["a"], "ttl_seconds": -1}, 400),
        ("tokens", {"topics": ["a"], "ttl_seconds": 10**10}, 400),
        ("tokens", {"topics": ["spooled.#"], "identity": None, "ttl_seconds": None}, 200),
    ],
)
def test_what_is_not_as_it_should_be_is_refused(path: str, body: Any, status: int) -> None:
    async def test(stage: Stage) -> None:
        answer = await stage.call("POST", f"/api/v1/realtime/{path}", body)

        assert answer.status == status, answer.body
        if status >= 400:
            assert answer.json["code"] in ("VALIDATION_ERROR", "PAYLOAD_TOO_LARGE")

    played(test)


@pytest.mark.parametrize(
    "path",
    [
        "stream",
        "stream?patterns=",
        "stream?patterns=,",
        "stream?patterns=a..b",
        "stream?patterns=" + ",".join(["a"] * 65),
        "stream?patterns=a&client_id=" + "x" * 256,
        "presence",
        "presence?topic=",
        "presence?topic=a..b",
    ],
)
def test_a_query_that_says_no_topic_is_refused(path: str) -> None:
    async def test(stage: Stage) -> None:
        assert (await stage.refused(f"realtime/{path}")).status == 400

    played(test)


# -- who is there ----------------------------------------------------------------------------------


async def present(stage: Stage, topic: str) -> list[str]:
    answer = await stage.call("GET", f"/api/v1/realtime/presence?topic={quote(topic)}")
    assert answer.status == 200, answer.body
    assert answer.json["topic"] == topic
    return list(answer.json["identities"])


def test_an_identity_is_present_once_until_its_last_stream_has_ended() -> None:
    async def test(stage: Stage) -> None:
        hub = stage.services.hub
        first = await opened(stage, await token(stage, "a", "b.*", identity="ada"))
        second = await opened(stage, await token(stage, "a", identity="ada"))
        await opened(stage, await token(stage, "a", identity="Zoe"))
        await opened(stage, await token(stage, "a"))
        await listening(stage, "a")

        assert await present(stage, "a") == ["Zoe", "ada"]
        assert await present(stage, "b.*") == ["ada"]
        assert await present(stage, "b.c") == []

        await first.client.close()
        await stage.until(lambda: hub.streams.count == 4)
        assert await present(stage, "a") == ["Zoe", "ada"]
        assert await present(stage, "b.*") == []

        await second.client.close()
        await stage.until(lambda: hub.streams.count == 3)
        assert await present(stage, "a") == ["Zoe"]

    played(test)


def test_who_listens_is_told_when_somebody_comes_and_goes() -> None:
    async def test(stage: Stage) -> None:
        hub = stage.services.hub
        watching = await listening(stage, "room.#")
        ada = await token(stage, "room.1", identity="ada")
        first = await opened(stage, ada)
        assert await raw(watching) == "event: room.1\ndata:"
        second = await opened(stage, ada)  # she was there already
        await first.client.close()
        await stage.until(lambda: hub.streams.count == 2)
        await sent(stage, "room.1", "mark")
        assert await raw(watching) == "event: room.1\ndata: mark"

        await second.client.close()

        assert await raw(watching) == "event: room.1\ndata:"
        assert await present(stage, "room.1") == []

    played(test)


# -- the life of a stream --------------------------------------------------------------------------


def test_a_stream_that_is_silent_is_kept_alive() -> None:
    async def test(stage: Stage) -> None:
        stream = await listening(stage, "a")

        for _ in range(2):
            block = await stream.block()
            assert block is not None
            assert block.raw == ": ping"

    played(test, with_times(keep_alive_seconds=0.05))


def test_a_stream_ends_in_order_after_its_time() -> None:
    async def test(stage: Stage) -> None:
        stream = await listening(stage, "a")

        assert await stream.rest() == []

    played(test, with_times(lifetime_seconds=0.05))


def test_streams_end_in_order_when_the_server_stops() -> None:
    async def test(stage: Stage) -> None:
        stream = await listening(stage, "a")
        await sent(stage, "a", "last")

        stage.it.begin_stop()

        assert [each.raw for each in await stream.rest()] == ["event: a\ndata: last"]
        assert (await refused(stage, "realtime/stream?patterns=a"))[0] == 503

    played(test)


def test_an_organization_may_have_so_many_streams_and_no_more() -> None:
    async def test(stage: Stage) -> None:
        first = await listening(stage, "a")
        made = await token(stage, "a")
        await opened(stage, made)
        other = await stage.other_org()

        answer = await stage.refused(f"realtime/sse?token={made}", {})
        assert (answer.status, answer.json["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert answer.headers["retry-after"] == "30"
        await opened(stage, await token(stage, "a", key=other))
        await first.client.close()
        await stage.until(lambda: stage.services.hub.streams.count == 2)
        await opened(stage, made)

    played(test, streams_per_org_max=2)


def test_open_streams_are_counted_in_the_metrics() -> None:
    async def test(stage: Stage) -> None:
        await asyncio.gather(listening(stage, "a"), listening(stage, "b"))

        text = stage.services.metrics.text().decode()

        assert "spooled_realtime_connections 2.0" in text
        assert "spooled_realtime_dropped_total 0.0" in text

    played(test)
