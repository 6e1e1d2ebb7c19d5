"""A file with some of everything, made over the API, and the ledger of what it answered then."""

import gzip
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

import spooled_lite
from spooled_lite.config import Settings
from spooled_lite.ids import Ids
from spooled_lite.storage.migrate import newest_version
from tests.wire.http.served import Served, serving

FOLDER: Final = Path(__file__).parent
FILE_SUFFIX: Final = ".db.gz"
LEDGER_SUFFIX: Final = ".json"
CHANGELOG: Final = FOLDER.parent.parent / "CHANGELOG.md"

# What a file is asked, when it is made and by every later version.
LISTS: Final = ("/queues", "/schedules", "/jobs/dlq", "/outgoing-webhooks", "/workers")


class Ledger(Struct, frozen=True, kw_only=True):
    """What a file holds, as the version that made it said to its clients."""

    program: str
    schema: int
    key: str  # an API key of its one organization
    waiting: str  # a job that is to be claimed
    held: str  # a job that a worker holds
    answers: dict[str, Any]  # by the path of a GET


async def make(path: Path) -> Ledger:
    """Make the file. The same code makes the same rows, at the same moment."""
    async with serving(str(path), Settings(), ids=Ids(1)) as served:
        ledger = await _filled(served)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # Where it was made is nobody's business.
        connection.execute("DELETE FROM server_state WHERE name = 'path'")
        connection.execute("VACUUM")
    return ledger


async def _filled(served: Served) -> Ledger:
    async def post(path: str, body: object = None) -> dict[str, Any]:
        answer = await served.client.post(f"/api/v1{path}", json=body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    async def job(queue: str, payload: object, **more: object) -> str:
        body = {"queue_name": queue, "payload": payload, **more}
        created: str = (await post("/jobs", body))["id"]
        return created

    async def claim(queue: str) -> dict[str, Any]:
        asked = {"queue_name": queue, "worker_id": "worker-1", "lease_duration_secs": 3_600}
        [claimed] = (await post("/jobs/claim", asked))["jobs"]
        found: dict[str, Any] = claimed
        return found

    await served.client.put("/api/v1/queues/emails/config", json={"max_retries": 5})
    jobs = {
        "done": await job("emails", {"to": "ä@example.com"}, priority=9, tags={"kind": "letter"}),
        "dead": await job("charges", {"amount": 12.50}, max_retries=0),
        "large": await job("reports", "x" * 5_000, idempotency_key="report-1"),
        "delayed": await job("emails", None, scheduled_at="2030-01-01T00:00:00Z"),
        "cancelled": await job("emails", [1, 2, 3]),
        "held": await job("held", {"n": 1}),
        "waiting": await job("emails", {"n": 2}, timeout_seconds=60),
    }
    done = await claim("emails")
    await post(
        f"/jobs/{done['id']}/complete", {"lease_id": done["lease_id"], "result": {"sent": True}}
    )
    dead = await claim("charges")
    await post(f"/jobs/{dead['id']}/fail", {"lease_id": dead["lease_id"], "error": "declined"})
    await claim("held")
    await served.client.delete(f"/api/v1/jobs/{jobs['cancelled']}")
    steps = [
        {"key": "first", "queue_name": "steps", "payload": 1},
        {"key": "second", "queue_name": "steps", "payload": 2, "depends_on": ["first"]},
    ]
    workflow = await post("/workflows", {"name": "two steps", "jobs": steps})
    schedule = {
        "name": "nightly",
        "cron_expression": "0 0 3 * * *",
        "timezone": "Europe/Vienna",
        "queue_name": "reports",
        "payload_template": {"kind": "night"},
    }
    await post("/schedules", schedule)
    worker = {"queue_name": "emails", "hostname": "host-1", "max_concurrency": 4}
    await post("/workers/register", worker)
    # For what does not happen here: nothing is to be sent.
    hook = {"name": "w", "url": "https://hooks.example.com/in", "events": ["queue.paused"]}
    await post("/outgoing-webhooks", hook)
    asked = [
        *LISTS,
        *(f"/jobs/{each}" for each in jobs.values()),
        *(f"/jobs/{each}/history" for each in jobs.values()),
        f"/workflows/{workflow.get('workflow_id') or workflow['id']}",
    ]
    return Ledger(
        program=spooled_lite.__version__,
        schema=newest_version(),
        key=served.key,
        waiting=jobs["waiting"],
        held=jobs["held"],
        answers={path: await answer_of(served, path) for path in asked},
    )


async def answer_of(served: Served, path: str) -> Any:
    answer = await served.client.get(f"/api/v1{path}")
    assert answer.is_success, f"{path}: {answer.text}"
    return answer.json()


def released() -> set[str]:
    """The versions that the changelog says were released: their files are never made again."""
    return set(re.findall(r"^## \[?([0-9]+\.[0-9]+\.[0-9]+)", CHANGELOG.read_text("utf-8"), re.M))


def kept() -> list[str]:
    """The versions that have a file here."""
    files = FOLDER.glob(f"*{FILE_SUFFIX}")
    return sorted(each.name.removesuffix(FILE_SUFFIX) for each in files)


def keep(version: str, file: Path, ledger: Ledger) -> None:
    _file_of(version).write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))
    text = msgspec.json.format(msgspec.json.encode(ledger, order="sorted"), indent=1)
    _ledger_of(version).write_bytes(text + b"\n")


def remove(version: str) -> None:
    for each in (_file_of(version), _ledger_of(version)):
        each.unlink()


def unpacked(version: str, file: Path) -> Ledger:
    """Put the file of a version where it can be opened; its ledger."""
    file.write_bytes(gzip.decompress(_file_of(version).read_bytes()))
    return msgspec.json.decode(_ledger_of(version).read_bytes(), type=Ledger)


def _file_of(version: str) -> Path:
    return FOLDER / f"{version}{FILE_SUFFIX}"


def _ledger_of(version: str) -> Path:
    return FOLDER / f"{version}{LEDGER_SUFFIX}"
