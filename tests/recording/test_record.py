"""What a recorder passes on and keeps: unchanged for both sides, and masked on the disk."""

import asyncio
import json
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from spooled.client import SpooledClient
from spooled.worker.worker import SpooledWorker
from websockets.sync.client import connect

from spooled_lite.recording.exchanges import Exchange
from spooled_lite.recording.masking import MaskRules
from spooled_lite.recording.patterns import Pattern
from spooled_lite.recording.tape import read
from tests.recording.stage import call, exchanges, in_a_thread, recording
from tests.sdk.driven import options
from tests.testing.served import served

pytestmark = pytest.mark.slow

SECONDS_MAX: Final = 30.0
EMAIL: Final = "ada.lovelace+jobs@example.com"
CARD: Final = "4111111111111111"
PASSWORD: Final = "correct horse battery"
JOB: Final = {
    "queue_name": "emails",
    "payload": {"to": EMAIL, "card": {"number": CARD}, "password": PASSWORD, "n": 7},
}


def sent(exchange: Exchange) -> dict[str, Any]:
    assert isinstance(exchange.request.body, dict)
    return exchange.request.body


def got(exchange: Exchange) -> dict[str, Any]:
    assert isinstance(exchange.response.body, dict)
    return exchange.response.body


def test_secrets_never_reach_the_disk_and_equal_ones_have_equal_masks(tmp_path: Path) -> None:
    path = tmp_path / "tape.ndjson"
    rules = MaskRules([Pattern.of("payload.card.number")])
    with served() as it, recording(it.url, path, rules) as url:
        call(url, "POST", "/api/v1/jobs", JOB, key=it.key)
        call(url, "POST", "/api/v1/jobs", {**JOB, "idempotency_key": "once"}, key=it.key)
        tokens = call(url, "POST", "/api/v1/auth/login", {"api_key": it.key})[1]
        call(url, "GET", "/api/v1/auth/me", key=tokens["access_token"])
        call(url, "GET", f"/api/v1/jobs?search=ada%40example.com&token={it.key}", key=it.key)
        text = path.read_text()

    for secret in (it.key, EMAIL, CARD, PASSWORD, "ada%40", *tokens.values()):
        if isinstance(secret, str) and secret != "Bearer":
            assert secret not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    made, again, login, me, listed = exchanges(path)
    key = made.request.headers["authorization"].removeprefix("Bearer ")
    assert sent(made)["payload"] == sent(again)["payload"]
    assert sent(made)["payload"] | {"n": 7} == {
        "to": "mask:email:1",
        "card": {"number": "mask:value:1"},
        "password": "mask:secret:1",
        "n": 7,
    }
    assert sent(again)["idempotency_key"] == "once"
    assert login.request.body == {"api_key": key}
    assert me.request.headers["authorization"] == f"Bearer {got(login)['access_token']}"
    assert listed.request.path.endswith(f"token={key}")


def test_payloads_can_be_dropped_to_their_shapes(tmp_path: Path) -> None:
    path = tmp_path / "tape.ndjson"
    with served() as it, recording(it.url, path, MaskRules(drops_payloads=True)) as url:
        made = call(url, "POST", "/api/v1/jobs", JOB, key=it.key)[1]
        call(url, "GET", f"/api/v1/jobs/{made['id']}", key=it.key)

    shape = {"to": "", "card": {"number": ""}, "password": "", "n": 0}
    [created, shown] = exchanges(path)
    assert sent(created)["payload"] == got(shown)["payload"] == shape


def test_a_worker_of_the_official_client_works_through_it_unchanged(tmp_path: Path) -> None:
    path, done = tmp_path / "tape.ndjson", threading.Event()
    with served() as it, recording(it.url, path) as url:
        client = SpooledClient(**options(url, it.key))
        jobs = [client.jobs.create({"queue_name": "emails", "payload": {"n": n}}) for n in range(5)]
        worker = SpooledWorker(client, queue_name="emails", poll_interval=0.01, concurrency=2)
        left = {each.id for each in jobs}

        def process(context: Any) -> dict[str, int]:
            return {"twice": 2 * context.payload["n"]}

        def completed(event: Any) -> None:
            left.discard(event.job_id)
            if not left:
                done.set()

        worker.process(process)
        worker.on("job:completed", completed)
        runs = threading.Thread(target=worker.start)
        runs.start()
        assert done.wait(SECONDS_MAX)
        worker.stop()
        runs.join(SECONDS_MAX)
        results = [client.jobs.get(each.id).result for each in jobs]
        client.close()

    assert results == [{"twice": 2 * n} for n in range(5)]
    asked = {each.request.path.split("?")[0] for each in exchanges(path)}
    assert {"/api/v1/workers/register", "/api/v1/jobs/claim"} <= asked
    assert [each.n for each in exchanges(path)] == list(range(1, len(exchanges(path)) + 1))


def test_streams_pass_through_and_their_frames_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "tape.ndjson"
    with served() as it, recording(it.url, path) as url:
        headers = {"Authorization": f"Bearer {it.key}"}
        with (
            connect(f"ws{url[4:]}/api/v1/ws?token={it.key}", proxy=None) as socket,
            httpx.stream(
                "GET", f"{url}/api/v1/events", headers=headers, timeout=SECONDS_MAX
            ) as events,
        ):
            lines = events.iter_lines()
            socket.send(json.dumps({"type": "subscribe", "queue": "emails"}))
            call(it.url, "POST", "/api/v1/jobs", JOB, key=it.key)
            while "job.created" not in next(lines):
                pass
            while "emails" not in str(socket.recv(SECONDS_MAX)):
                pass
    text = path.read_text()

    assert it.key not in text
    kinds = {each.response.status: each for each in exchanges(path)}
    assert set(kinds) == {101, 200}
    senders = {frame.sender for frame in kinds[101].response.frames or []}
    assert senders == {"client", "server"}
    assert any("job.created" in (frame.text or "") for frame in kinds[200].response.frames or [])


def test_a_target_that_is_not_there_is_said_and_not_recorded(tmp_path: Path) -> None:
    path = tmp_path / "tape.ndjson"
    with recording("http://127.0.0.1:9", path) as url:
        status, answer = call(url, "GET", "/api/v1/jobs")

    assert (status, answer["code"]) == (502, "RECORDER")
    assert exchanges(path) == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"\x00\x01 no http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50_000 + b"\r\n",
        b"HTTP/1.1 999 Strange\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["cut short", "no HTTP", "headers without end", "no status"],
)
def test_a_hostile_target_is_survived(tmp_path: Path, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def main(tell: Callable[[str], None], ended: asyncio.Event) -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            tell(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            await ended.wait()

    path = tmp_path / "tape.ndjson"
    with in_a_thread(main) as target, recording(target, path) as url:
        for _ in range(2):
            with httpx.Client(trust_env=False, timeout=SECONDS_MAX) as client:
                try:
                    assert client.get(url).status_code == 502
                except httpx.RemoteProtocolError:
                    assert b"short" in answer, "it had begun to answer"

    assert exchanges(path) == []


def record(*arguments: str, **how: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "spooled_lite", "record", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how,
    )  # fmt: skip


def test_a_killed_recorder_leaves_a_readable_file(tmp_path: Path) -> None:
    path, ready = tmp_path / "tape.ndjson", tmp_path / "ready.json"
    with served() as it:
        process = record("--to", it.url, "--out", str(path), "--ready-file", str(ready))
        try:
            until = time.monotonic() + SECONDS_MAX
            while not ready.exists():
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < until
                time.sleep(0.02)
            url = json.loads(ready.read_bytes())["url"]
            for _ in range(3):
                call(url, "POST", "/api/v1/jobs", JOB, key=it.key)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=SECONDS_MAX)
        finally:
            process.kill()
            process.communicate()

    assert [each.response.status for each in read(str(path)).exchanges] == [201, 201, 201]
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    cut = read(str(path))
    assert (len(cut.exchanges), cut.is_cut_short) == (2, True)


def test_a_recording_replaces_no_file_and_a_port_in_use_leaves_none(tmp_path: Path) -> None:
    there, other = tmp_path / "there", tmp_path / "other"
    there.write_text("mine")
    with served() as it:
        port = it.url.rsplit(":", 1)[1]
        exists = record("--to", it.url, "--out", str(there))
        in_use = record("--to", it.url, "--out", str(other), "--port", port)
        bad = record("--to", "ftp://example.com", "--out", str(other))
        said = [each.communicate(timeout=SECONDS_MAX)[1] for each in (exists, in_use, bad)]

    assert [each.returncode for each in (exists, in_use, bad)] == [1, 1, 2]
    assert "exists" in said[0]
    assert "the port is in use" in said[1]
    assert "ftp" in said[2]
    assert there.read_text() == "mine"
    assert not other.exists()
