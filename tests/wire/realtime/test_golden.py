"""What goes over the wire, byte by byte, for each framing profile and dialect.

The captures are in `golden/`; ids are replaced, times stand still. After a change that is meant,
write them anew with `SPOOLED_WRITE_GOLDEN=1 pytest tests/wire/realtime/test_golden.py` and read the
difference.
"""

import os
import re
from pathlib import Path
from typing import Final

import pytest

from tests.wire.realtime.stage import Stage, on_stage

GOLDEN: Final = Path(__file__).parent / "golden"
WRITES: Final = os.environ.get("SPOOLED_WRITE_GOLDEN") == "1"
UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
# Not the statistics: they come when the next turn comes.
EVENTS: Final = ",".join(
    [
        *("job.created", "job.started", "job.status", "job.completed", "job.failed"),
        *("job.retrying", "job.deadlettered", "job.cancelled", "job.progress"),
        *("queue.paused", "queue.resumed", "system.health", "workflow.started"),
        *("worker.registered", "worker.heartbeat", "worker.deregistered", "worker.inactive"),
    ]
)
FRAMES: Final = 26  # that the scenario makes, the first one (health, or a ping) included


async def scenario(stage: Stage) -> None:
    """Something of everything."""
    await stage.enqueue(priority=5)
    job = await stage.claim()
    stage.clock.advance(seconds=1.5)
    await stage.post(f"jobs/{job['id']}/progress", {"progress": 40, "message": "so far"})
    await stage.complete(job, result={"sent": ["ä", 1]})
    await stage.enqueue("news", max_retries=1)
    await stage.fail(await stage.claim("news"), error='line\n"quoted"')
    stage.clock.advance(seconds=120)
    await stage.fail(await stage.claim("news"), error="again")
    job_id = await stage.enqueue("later", delay_seconds=60)
    await stage.post(f"jobs/{job_id}/cancel")
    worker = {"queue_name": "emails", "worker_id": "w-7", "hostname": "h", "version": "1.0"}
    await stage.post("workers/register", worker)
    await stage.post("workers/w-7/heartbeat", {"current_jobs": 2})
    await stage.post("workers/w-7/deregister")
    await stage.post("queues/emails/pause", {"reason": "maintenance"})
    await stage.post("queues/emails/resume")


def same(name: str, said: str) -> None:
    """Held against the capture of that name, or written down as it."""
    known: dict[str, str] = {}
    said = UUID.sub(lambda found: known.setdefault(found[0], f"<id {len(known) + 1}>"), said)
    path = GOLDEN / f"{name}.txt"
    if WRITES:
        path.write_text(said)
    assert said == path.read_text()


async def capture(stage: Stage, path: str, blocks: int, headers: dict[str, str]) -> str:
    stream = await stage.stream(path, headers)
    await scenario(stage)
    seen = [": connected"]
    for _ in range(blocks):
        block = await stream.block()
        assert block is not None
        seen.append(block.raw)
    await stage.enqueue("the-end")
    last = await stream.block()
    assert last is not None
    assert "the-end" in last.raw, "the scenario makes more frames than were read"
    return "".join(f"{block}\n\n" for block in seen)


@pytest.mark.parametrize("profile", ["named", "message", "both", "dotted"])
def test_the_framing_profiles(profile: str) -> None:
    async def test(stage: Stage) -> None:
        path = f"events?frames={profile}&events={EVENTS}"
        # An error comes as the only frame of the stream of an unknown job.
        error = await (await stage.stream(f"events/jobs/nowhere?frames={profile}")).rest()

        said = await capture(
            stage, path, FRAMES * (2 if profile == "both" else 1),
            {"Authorization": f"Bearer {stage.key}"},
        )  # fmt: skip

        same(profile, said + "".join(f"{frame.raw}\n\n" for frame in error))

    on_stage(test)


@pytest.mark.parametrize("dialect", ["enum", "dotted"])
def test_the_dialects_of_the_websocket(dialect: str) -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.bare_socket(f"token={stage.key}&dialect={dialect}&events={EVENTS}")

        await scenario(stage)
        said = [str(await socket.connection.recv()) for _ in range(FRAMES)]
        await stage.enqueue("the-end")

        assert "the-end" in str(await socket.connection.recv())
        same(f"websocket-{dialect}", "".join(f"{text}\n" for text in said))

    on_stage(test)


@pytest.mark.parametrize(
    ("profile", "agent", "by", "more"),
    [
        ("dotted", "Go-http-client/2.0", "authorization", {}),
        ("dotted", "spooled-go/1.0", "query", {}),
        ("dotted", "curl/8", "x-api-key", {}),
        ("dotted", "Mozilla/5.0", "x-api-key", {}),
        ("message", "node", "authorization", {}),
        ("message", "Node.js/22", "query", {}),
        ("message", "undici", "authorization", {}),
        ("message", "Bun/1.1", "authorization", {}),
        ("message", "Deno/2", "authorization", {}),
        ("both", "Mozilla/5.0 (X11)", "query", {}),
        ("both", "anything", "query", {"Sec-Fetch-Mode": "cors"}),
        ("named", "Mozilla/5.0 (X11)", "authorization", {}),
        ("named", "curl/8", "query", {}),
        ("named", "python-httpx/0.27", "authorization", {}),
        ("named", "", "authorization", {}),
    ],
)
def test_who_gets_which_profile(profile: str, agent: str, by: str, more: dict[str, str]) -> None:
    async def test(stage: Stage) -> None:
        headers = {"User-Agent": agent, **more}
        if by == "authorization":
            headers["Authorization"] = f"Bearer {stage.key}"
        elif by == "x-api-key":
            headers["X-API-Key"] = stage.key
        path = f"token={stage.key}" if by == "query" else ""

        chosen = await stage.stream(f"events?{path}", headers)
        asked = await stage.stream(f"events?frames={profile}")
        other = await stage.stream(f"events?{path}&frames=message", headers)
        nonsense = await stage.stream(f"events?{path}&frames=nonsense", headers)

        expected = [await asked.block() for _ in range(2 if profile == "both" else 1)]
        for stream in (chosen, nonsense):
            assert [await stream.block() for _ in expected] == expected
        frame = await other.next()
        assert (frame.event, frame.type) == (None, "SystemHealth")

    on_stage(test)
