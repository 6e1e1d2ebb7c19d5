"""Requests over HTTP in the access log: what a line says, when it comes, and what it never says."""

import asyncio
import json
import logging
import re
import socket
import sys
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect

from spooled_lite.app import running
from spooled_lite.config import Settings
from spooled_lite.log_lines import JsonLines, LogMasks, PlainLines
from spooled_lite.logs import set_up_logging
from spooled_lite.output import Output
from spooled_lite.serving import serving
from spooled_lite.wire.access_log import GATHERED_MAX, LOGGER, AccessLine, AccessLog
from spooled_lite.wire.http.access_log import SHOWN_BYTES_MAX, shown_path
from tests.wire.access_stage import AccessStage, play
from tests.wire.http.raw_http import short_limits

ID = re.compile(r"[0-9a-f-]{36}")


def test_a_line_says_who_asked_for_what_and_how_it_ended() -> None:
    async def script(stage: AccessStage) -> None:
        body = json.dumps({"queue_name": "emails", "payload": {}}).encode()
        answer = await stage.client.post(
            "/api/v1/jobs", content=body, headers={"x-request-id": "mine"}
        )

        line = await stage.line()
        assert line.pop("ms") > 0
        assert ID.fullmatch(line.pop("key"))
        assert line == {
            "protocol": "http",
            "method": "POST",
            "route": "/api/v1/jobs",
            "path": "/api/v1/jobs",
            "status": 201,
            "bytes_in": len(body),
            "bytes_out": len(answer.content),
            "peer": "127.0.0.1",
            "org": stage.org_id,
            "request_id": "mine",
        }

        await stage.client.get(f"/api/v1/jobs/{answer.json()['id']}?queue=emails")

        line = await stage.line()
        assert line["route"] == "/api/v1/jobs/{id}"
        assert line["path"] == f"/api/v1/jobs/{answer.json()['id']}?queue=emails"

    play(script)


def test_requests_one_after_the_other_on_a_connection_are_told_apart() -> None:
    async def script(stage: AccessStage) -> None:
        first = f"GET /api/v1/jobs HTTP/1.1\r\nHost: t\r\nX-API-Key: {stage.key}\r\n\r\n"
        second = "GET /nothing HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
        await stage.say((first + second).encode())

        known, unknown = await stage.lines.take(2)
        assert (known["route"], known["org"], known["status"]) == (
            "/api/v1/jobs", stage.org_id, 200,
        )  # fmt: skip
        assert (unknown["route"], unknown["org"], unknown["status"]) == (None, None, 404)

    play(script)


def test_a_line_of_text_says_as_much_as_its_fields() -> None:
    async def script(stage: AccessStage) -> None:
        await stage.client.get("/health")
        await stage.lines.take()

    [record] = play(script)

    text = PlainLines(LogMasks()).format(record)
    assert re.search(
        r" INFO     spooled_lite\.access: GET /health 200 protocol=http route=/health ms=[0-9.]+"
        r" bytes_in=0 bytes_out=[0-9]+ peer=127\.0\.0\.1 org=- key=- request_id=[0-9a-f-]{36}$",
        text,
    )
    found = json.loads(JsonLines(LogMasks()).format(record))
    assert (found["path"], found["status"], found["org"]) == ("/health", 200, None)


def test_the_admin_key_is_named_and_never_shown() -> None:
    async def script(stage: AccessStage) -> None:
        for key in ("the-admin-key-0123", "another-key-0123"):
            await stage.client.get("/api/v1/admin/stats", headers={"x-admin-key": key})

        right, wrong = await stage.lines.take(2)
        assert (right["key"], right["status"]) == ("admin", 200)
        assert (wrong["key"], wrong["status"]) == (None, 401)

    records = play(script, admin_key="the-admin-key-0123")

    assert "0123" not in "".join(str(record.__dict__) for record in records)


def test_what_a_client_makes_up_forges_no_line_and_shows_no_secret() -> None:
    async def script(stage: AccessStage) -> None:
        request = (
            b'GET /api/v1/jobs/%0d%0aERROR"{x}?token=abc&queue=a%20b"c&evil\x1b=1&sk_live_12345678'
            b" HTTP/1.1\r\nHost: t\r\nConnection: close\r\nX-Request-ID: a b\r\n"
            b"X-Forwarded-For: 9.9.9.9 org=forged\r\n\r\n"
        ).replace(b"\x1b", b"%1b")
        await stage.say(request)

        line = await stage.line()
        assert line["path"] == '/api/v1/jobs/%0d%0aERROR"{x}?token=***&queue=a%20b"c&***&***'
        assert ID.fullmatch(line["request_id"])
        assert line["peer"] == "127.0.0.1"

    play(script, trust_proxy=True)


def test_behind_a_proxy_the_peer_is_the_client() -> None:
    async def script(stage: AccessStage) -> None:
        await stage.client.get("/health", headers={"x-forwarded-for": "203.0.113.7, 10.0.0.1"})

        assert (await stage.line())["peer"] == "203.0.113.7"

    play(script, trust_proxy=True)


@pytest.mark.parametrize(
    ("raw_path", "query", "shown"),
    [
        (b"/a", b"", "/a"),
        (b"/a\r\nb c\x7f\xff", b"", r"/a\x0d\x0ab\x20c\x7f\xff"),
        (b"/a", b"limit=5&cursor=x", "/a?limit=5&cursor=x"),
        (b"/a", b"limit=\r\n5", r"/a?limit=\x0d\x0a5"),
        (b"/a", b"api_key=sk_live_abcdefgh&q=words", "/a?api_key=***&q=***"),
        (b"/a", b"sk_live_abcdefgh", "/a?***"),
        (b"/a", b"%73tatus=1&st\x00=2&=3", "/a?***&***&***"),
    ],
)
def test_of_a_query_only_harmless_values_are_shown(
    raw_path: bytes, query: bytes, shown: str
) -> None:
    assert shown_path(raw_path, query) == shown


def test_a_path_is_bounded() -> None:
    shown = shown_path(b"/" + b"a" * 8000, b"limit=" + b"b" * 8000)

    assert len(shown) == 2 * SHOWN_BYTES_MAX + 1


@pytest.mark.parametrize(
    ("said", "status", "method", "path"),
    [
        (b"NONSENSE\r\n\r\n", 400, None, None),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 414, None, None),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: t\r\n\r\n", 400, "CONNECT", None),
        (b"POST /x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: odd\r\n\r\n", 501, None, None),
    ],
)
def test_a_request_that_the_server_refuses_by_itself_has_a_line_too(
    said: bytes, status: int, method: str | None, path: str | None
) -> None:
    async def script(stage: AccessStage) -> None:
        answer = await stage.say(said)

        line = await stage.line()
        assert line["status"] == status
        assert (line["method"], line["path"]) == (method, path)
        assert (line["peer"], line["ms"]) == ("127.0.0.1", None)
        assert line["request_id"].encode() in answer
        assert line["bytes_out"] == len(answer.partition(b"\r\n\r\n")[2])

    play(script)


def test_a_request_whose_body_turns_out_bad_has_one_line_with_the_status_it_was_told() -> None:
    async def script(stage: AccessStage) -> None:
        head = (
            f"POST /api/v1/jobs HTTP/1.1\r\nHost: t\r\nX-API-Key: {stage.key}\r\n"
            'Transfer-Encoding: chunked\r\n\r\n5\r\n{"que\r\n'
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.server.http.port)
        writer.write(head.encode())
        await writer.drain()
        answer = await reader.read()  # the rest does not come in time
        writer.close()

        line = await stage.line()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert (line["status"], line["route"]) == (408, "/api/v1/jobs")

    play(script, limits=short_limits(header_seconds_max=5.0))


def test_a_client_that_leaves_before_its_answer_has_a_line_without_a_status() -> None:
    async def script(stage: AccessStage) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", stage.server.http.port)
        head = f"POST /api/v1/jobs HTTP/1.1\r\nHost: t\r\nX-API-Key: {stage.key}\r\n"
        writer.write(f"{head}Content-Length: 9\r\n\r\n".encode())
        await writer.drain()
        writer.close()

        line = await stage.line()
        assert (line["status"], line["org"]) == (None, stage.org_id)

    play(script)


def test_an_application_that_fails_has_a_line_with_500() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    async def script(stage: AccessStage) -> None:
        await stage.client.get("/x")

        assert (await stage.line())["status"] == 500

    play(script, asgi=broken)


def test_a_stream_of_events_has_its_line_when_it_ends() -> None:
    async def script(stage: AccessStage) -> None:
        async with stage.client.stream("GET", f"/api/v1/events?api_key={stage.key}") as answer:
            received = await anext(answer.aiter_raw())
            assert stage.lines.fields == []

        line = await stage.line()
        assert (line["status"], line["route"]) == (200, "/api/v1/events")
        assert line["path"] == "/api/v1/events?api_key=***"
        assert line["bytes_out"] >= len(received) > 0

    play(script)


def test_a_websocket_has_its_line_when_it_ends() -> None:
    async def script(stage: AccessStage) -> None:
        url = stage.server.url.replace("http", "ws")
        async with connect(f"{url}/api/v1/ws?token={stage.key}") as client:
            await client.send('{"type": "ping"}')
            received = await client.recv()
            assert stage.lines.fields == []
            await client.close(1000)

        line = await stage.line()
        assert (line["protocol"], line["status"], line["close_code"]) == ("websocket", 101, 1000)
        assert (line["path"], line["org"]) == ("/api/v1/ws?token=***", stage.org_id)
        assert (line["bytes_in"], line["bytes_out"] >= len(received)) == (16, True)

    play(script)


def test_a_websocket_that_is_refused_has_a_line() -> None:
    async def script(stage: AccessStage) -> None:
        with pytest.raises(Exception, match="401"):
            await connect(f"{stage.server.url.replace('http', 'ws')}/api/v1/ws?token=wrong")

        line = await stage.line()
        assert (line["protocol"], line["status"]) == ("websocket", 401)

    play(script)


def test_requests_that_a_stop_cuts_off_have_lines() -> None:
    async def script(stage: AccessStage) -> None:
        async with stage.client.stream("GET", f"/api/v1/events?api_key={stage.key}") as answer:
            await anext(answer.aiter_raw())
            await stage.server.stop(at_once=True)

    [line] = play(script)

    assert line.getMessage().startswith("GET /api/v1/events")


@pytest.mark.parametrize("is_json", [True, False])
def test_many_lines_are_written_with_one_call_of_the_system(
    is_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def write(self: Output, text: str) -> bool:
        written.append(text)
        return True

    monkeypatch.setattr(Output, "write", write)
    monkeypatch.setattr(sys, "stderr", None)  # closed: what is behind the descriptor counts
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    set_up_logging(Settings(json_logs=is_json))
    try:
        asyncio.run(_write_many(AccessLog()))
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)

    assert len(written) == 2
    lines = "".join(written).splitlines()
    assert len(lines) == GATHERED_MAX + 3
    if is_json:
        assert {json.loads(line)["path"] for line in lines} == {"/sk_live_***"}
    else:
        assert {line.split()[4] for line in lines} == {"/sk_live_***"}


async def _write_many(log: AccessLog) -> None:
    for number in range(GATHERED_MAX + 3):
        log.write(
            AccessLine(
                protocol="http",
                method="GET",
                path="/sk_live_0123456789",
                status=200,
                seconds=number / 1000,
                bytes_in=0,
                bytes_out=1,
                peer=None,
            ),
            None,
        )
    log.flush()


def test_requests_at_the_metrics_port_have_lines() -> None:
    async def script(stage: AccessStage) -> None:
        assert stage.server.metrics_url is not None
        await stage.client.get(f"{stage.server.metrics_url}/health")

        line = await stage.line()
        assert (line["path"], line["status"], line["org"]) == ("/health", 200, None)

    play(script, metrics_port=_free_port())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def test_without_the_setting_nothing_stands_before_the_application() -> None:
    async def main() -> None:
        settings = Settings(database=":memory:", port=0, grpc_port="off")
        async with running(settings) as it, serving(it) as server:
            server_: Any = server.http
            assert server_._app is it.application
            assert server_._on_refusal is None

    asyncio.run(main())


def test_lines_are_written_whatever_the_level_of_others_is() -> None:
    async def script(stage: AccessStage) -> None:
        logging.getLogger().setLevel(logging.CRITICAL)
        await stage.client.get("/health")
        await stage.line()

    before = logging.getLogger().level
    try:
        play(script, log_level="critical")
    finally:
        logging.getLogger().setLevel(before)
    assert logging.getLogger(LOGGER).isEnabledFor(logging.INFO)
