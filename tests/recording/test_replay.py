"""Record a server here and replay it here: no differences; and one for each that there is."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from spooled_lite.recording.replay import CannotReplay
from spooled_lite.recording.report import as_json, as_junit, as_lines
from tests.recording.stage import call, exchanges, in_a_thread, recording, replay_against, told
from tests.testing.served import served
from tests.testing.stage import START_MS

pytestmark = pytest.mark.slow

QUEUE: Final = {"queue_name": "emails"}


def a_day_at_the_shop(url: str, key: str) -> None:
    """Some of everything: ids that come back in later requests, tokens, errors, lists."""

    def api(method: str, path: str, body: Any = None, key: str = key) -> Any:
        return call(url, method, f"/api/v1{path}", body, key=key)[1]

    made = [
        api("POST", "/jobs", {**QUEUE, "payload": {"to": "ada@example.com", "n": n}})["id"]
        for n in range(3)
    ]
    [first, second] = api("POST", "/jobs/claim", {**QUEUE, "worker_id": "w", "limit": 2})["jobs"]
    assert {first["id"], second["id"]} <= set(made)
    api(
        "POST",
        f"/jobs/{first['id']}/complete",
        {"worker_id": "w", "lease_id": first["lease_id"], "result": {"sent": True}},
    )
    api(
        "POST",
        f"/jobs/{second['id']}/fail",
        {"worker_id": "w", "lease_id": second["lease_id"], "error": "the mailbox is full"},
    )
    for job_id in made:
        api("GET", f"/jobs/{job_id}")
    api("GET", "/jobs?queue_name=emails&limit=2")
    api("GET", "/queues/emails/stats")
    api("GET", "/jobs/no-such-job")
    signed_in = api("POST", "/auth/login", {"api_key": key})
    api("GET", "/auth/me", key=signed_in["access_token"])
    other = api("POST", "/api-keys", {"name": "other"})
    api("GET", "/queues", key=other["key"])
    call(url, "GET", "/api/v1/queues", key="sk_test_nobody_has_this_one_0001")


@contextmanager
def mutant(target: str, change: Callable[[str, dict[str, Any]], None]) -> Iterator[str]:
    """A server that answers as another one, but for `change`."""
    import httpx

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            size = int(headers.pop("content-length", headers.pop("Content-Length", "0")))
            body = await reader.readexactly(size)
            headers = {n: v for n, v in headers.items() if n.lower() in ("authorization",)}
            async with httpx.AsyncClient(trust_env=False) as client:
                got = await client.request(method, target + path, content=body, headers=headers)
            data = got.content
            if data[:1] == b"{":
                value = json.loads(data)
                change(path, value)
                data = json.dumps(value).encode()
            writer.write(
                f"HTTP/1.1 {got.status_code} X\r\ncontent-type: {got.headers['content-type']}\r\n"
                f"content-length: {len(data)}\r\nconnection: close\r\n\r\n".encode()
                + data
            )
            await writer.drain()
        finally:
            writer.close()

    async def main(tell: Callable[[str], None], ended: asyncio.Event) -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            tell(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            await ended.wait()

    with in_a_thread(main) as url:
        yield url


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tape") / "shop.ndjson"
    with served() as it, recording(it.url, path) as url:
        a_day_at_the_shop(url, it.key)
    return path


def test_a_recording_replayed_against_the_same_server_has_no_differences(tape: Path) -> None:
    with served() as it:
        call(it.url, "POST", "/api/v1/api-keys", {"name": "first"}, key=it.key)  # shifts all ids

        outcome = replay_against(tape, it.url, it.key)

    assert told(outcome) == []
    assert outcome.sent_count == len(exchanges(tape)) == 17
    assert next(as_lines(outcome)) == "replayed 17 exchanges: 17 equal, 0 differ"


def test_a_mutant_is_found_by_its_one_difference(tape: Path) -> None:
    def change(path: str, answer: dict[str, Any]) -> None:
        if path.endswith("/fail"):
            answer["next_retry_delay_seconds"] = 4321

    with served() as it, mutant(it.url, change) as url:
        outcome = replay_against(tape, url, it.key)

    [(n, place, _, replayed)] = told(outcome)
    assert (n, place, replayed) == (6, "body.next_retry_delay_seconds", 4321)
    [summary, line] = as_lines(outcome)
    assert summary == "replayed 17 exchanges: 16 equal, 1 differ"
    assert line.startswith("#6 POST /api/v1/jobs/{id}/fail   body.next_retry_delay_seconds   rec")
    assert json.loads(as_json(outcome))["differ"] == 1
    assert 'failures="1"' in as_junit(outcome)


def test_another_job_in_a_place_where_one_was_known_is_a_difference(tape: Path) -> None:
    def change(path: str, answer: dict[str, Any]) -> None:
        if path.endswith("/claim"):
            answer["jobs"].reverse()

    with served() as it, mutant(it.url, change) as url:
        outcome = replay_against(tape, url, it.key)

    assert {place for n, place, *_ in told(outcome) if n == 4} >= {
        "body.jobs.0.id",
        "body.jobs.1.id",
    }


def test_in_test_mode_the_clock_moves_by_the_gaps(tmp_path: Path) -> None:
    path = tmp_path / "slow.ndjson"
    with served() as it, recording(it.url, path) as url:
        call(url, "POST", "/api/v1/jobs", {**QUEUE, "payload": 1, "delay_seconds": 60}, key=it.key)
        call(it.url, "POST", "/api/v1/test/clock/advance", {"by": "2m"}, key=it.key)
        call(url, "POST", "/api/v1/jobs/claim", {**QUEUE, "worker_id": "w"}, key=it.key)
    lines = path.read_text().splitlines()
    claim = json.loads(lines[2])
    claim["at_ms"] += 120_000  # as if two minutes had passed, by the clock of a real server
    for line in (made := json.loads(lines[1])), claim:
        line["response"]["headers"].pop("x-spooled-clock")
    path.write_text("\n".join([lines[0], json.dumps(made), json.dumps(claim), ""]))

    with served() as it:
        outcome = replay_against(path, it.url, it.key)
        moved_ms = call(it.url, "GET", "/api/v1/test/clock", key=it.key)[1]["now_ms"]

    assert told(outcome) == []
    assert moved_ms - START_MS == claim["at_ms"] - made["at_ms"]
    assert len(claim["response"]["body"]["jobs"]) == 1


def test_a_server_that_hangs_ends_the_replay_with_a_reason(tape: Path) -> None:
    async def main(tell: Callable[[str], None], ended: asyncio.Event) -> None:
        async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await ended.wait()
            writer.close()

        async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
            tell(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            await ended.wait()

    with in_a_thread(main) as url, pytest.raises(CannotReplay, match=r"no answer within 0\.2 s"):
        replay_against(tape, url, "sk_test_x", seconds=0.2)
