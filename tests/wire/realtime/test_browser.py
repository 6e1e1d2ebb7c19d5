"""A browser's own EventSource, on a page of another origin."""

import json
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.wire.realtime.timing import Timing
from tests.wire.realtime.browser import Page, a_page
from tests.wire.realtime.stage import QUIET, Stage, on_stage, with_times

pytestmark = pytest.mark.slow

# Opens a stream, and keeps what comes: how it came, the type of its JSON, the id of the stream.
OPEN = """
new Promise((done) => {
  window.seen = [];
  window.waiting = [];
  const stream = window.stream = new EventSource(%s);
  const note = (how) => (event) => {
    const data = event.data === undefined ? null : JSON.parse(event.data);
    window.seen.push([how, data && data.type, event.lastEventId || "", data]);
    window.waiting = window.waiting.filter((look) => !look());
  };
  stream.onmessage = note("message");
  stream.onerror = note("broken");
  for (const name of ["job.created", "job.status", "job.started", "queue.stats", "system.health"])
    stream.addEventListener(name, note(name));
  stream.onopen = () => done(stream.readyState);
  setTimeout(() => done(stream.readyState), 3000);
})
"""
# Resolves when something of this kind has come, `count` times.
UNTIL = """
new Promise((done) => {
  const look = () => {
    const found = window.seen.filter(([how, type]) => `${how} ${type}` === %s);
    if (found.length >= %d) { done(found); return true; }
    return false;
  };
  if (!look()) window.waiting.push(look);
})
"""


async def opened(page: Page, stage: Stage, path: str) -> int:
    url = f"http://127.0.0.1:{stage.server.port}/api/v1/{path}"
    state: int = await page.run(OPEN % json.dumps(url))
    return state


async def until(page: Page, what: str, count: int = 1) -> list[Any]:
    found: list[Any] = await page.run(UNTIL % (json.dumps(what), count))
    return found


def in_a_browser(test: Any, folder: Path, timing: Timing = QUIET) -> None:
    async def main(stage: Stage) -> None:
        async with a_page(folder) as page:
            await test(page, stage)

    on_stage(main, timing)


def test_named_and_unnamed_frames_both_arrive(tmp_path: Path) -> None:
    async def test(page: Page, stage: Stage) -> None:
        state = await opened(page, stage, f"events?token={stage.key}")
        assert state == 1

        job_id = await stage.enqueue()
        [named] = await until(page, "job.created JobCreated")
        [unnamed] = await until(page, "message job_created")
        await stage.claim()
        await until(page, "job.status JobStatusChange")
        await until(page, "message job_status_changed")
        seen = await page.run("window.seen")

        assert named[3]["data"] == unnamed[3]["data"]
        assert named[3]["data"]["job_id"] == job_id
        assert named[2] == unnamed[2] == "1"
        assert "broken" not in [how for how, *_ in seen]

    in_a_browser(test, tmp_path)


def test_the_streams_of_a_queue_and_of_a_job(tmp_path: Path) -> None:
    async def test(page: Page, stage: Stage) -> None:
        await opened(page, stage, f"events/queues/emails?token={stage.key}")
        await until(page, "queue.stats QueueStats")
        await until(page, "message queue_stats_updated")
        await page.run("window.stream.close()")

        job_id = await stage.enqueue()
        await opened(page, stage, f"events/jobs/{job_id}?token={stage.key}")
        [first] = await until(page, "message job_status_changed")
        await page.run("window.stream.close()")

        assert first[3]["data"]["new_status"] == "pending"

    in_a_browser(test, tmp_path)


def test_an_error_is_a_message_and_no_broken_connection(tmp_path: Path) -> None:
    async def test(page: Page, stage: Stage) -> None:
        await opened(page, stage, f"events/jobs/nowhere?token={stage.key}")

        [error] = await until(page, "message error")
        seen = await page.run("window.seen")

        assert error[3]["data"]["message"] == "Job not found"
        # What follows is the end of the stream, which has no data.
        assert all(data is None for how, _, _, data in seen if how == "broken")

    in_a_browser(test, tmp_path)


def test_a_browser_comes_back_by_itself_and_misses_nothing(tmp_path: Path) -> None:
    async def test(page: Page, stage: Stage) -> None:
        await opened(page, stage, f"events?token={stage.key}")
        await stage.enqueue("first")
        await until(page, "job.created JobCreated")

        await until(page, "broken null")  # its time is over
        await stage.enqueue("missed")
        found = await until(page, "job.created JobCreated", 2)

        assert [each[3]["data"]["queue_name"] for each in found] == ["first", "missed"]

    in_a_browser(test, tmp_path, with_times(lifetime_seconds=1.0))


def test_a_refused_stream_is_closed_for_good(tmp_path: Path) -> None:
    async def test(page: Page, stage: Stage) -> None:
        state = await opened(page, stage, "events?token=sk_test_nobody")

        assert state == 2  # closed: it does not come back

    in_a_browser(test, tmp_path)
