"""The application under watch, and calls about jobs in short."""

import json
from typing import Any, Final

import httpx

from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Reading
from tests.patience import looks
from tests.wire.http.served import Api

NOW: Final = "2027-01-15T08:00:00.000Z"
UNKNOWN_ID: Final = "00000000-0000-4000-8000-000000000000"

_EVERYTHING: Final = (
    "SELECT * FROM jobs",
    "SELECT * FROM job_history",
    "SELECT * FROM job_dependencies",
    "SELECT * FROM workflows",
    "SELECT * FROM queues",
    "SELECT * FROM queue_counters",
    "SELECT * FROM usage_counters",
    "SELECT * FROM event_log",
    # But for what became of them, which is told by their receivers, at any time.
    "SELECT seq, id, org, webhook, job_id, event, body FROM deliveries",
    "SELECT * FROM webhooks",
    "SELECT * FROM inbound_log",
    "SELECT * FROM workers",
    "SELECT * FROM schedules",
    "SELECT * FROM schedule_runs",
    "SELECT * FROM kept_answers",
    "SELECT * FROM notifications",
    "SELECT * FROM renderers",
    "SELECT * FROM organizations",
    # But for the time of the last use, which is noted of every call.
    "SELECT id, org, name, key_hash, queues, permissions, rate_limit, is_active, expires_at_ms,"
    " updated_at_ms FROM api_keys",
)


class WatchedApi(Api):
    """After every refusal it looks whether the file is as it was."""

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        before = self.state()
        answer = super().request(method, path, **more)
        if answer.status_code >= 400:
            assert self.state() == before, f"{method} {path} was refused and changed something"
            assert_envelope(answer)
        return answer

    def come_to_rest(self) -> None:
        """Until what earlier calls have left to the loops, a deletion for example, is done."""
        before, state = None, self.state()
        while state != before:
            before, state = state, self.state()

    def state(self) -> list[Any]:
        async def read() -> list[Any]:
            return await self.served.db.readers.read(_everything)

        return self._runner.run(read())

    def row(self, statement: str, **params: Any) -> Any:
        async def read() -> Any:
            return await self.served.db.readers.read(
                Reading.row, Statement(dict[str, Any], statement), params
            )

        return self._runner.run(read())

    def skip(self, *, seconds: float) -> None:
        """Move the clock when no loop is looking: what is due now has not been done yet."""
        self.clock._now_ms += round(seconds * 1000)

    # -- the life of a job in short ----------------------------------------------------------

    def enqueue(self, queue_name: str = "emails", **fields: Any) -> dict[str, Any]:
        body = {"queue_name": queue_name, "payload": {}, **fields}
        return self.shown("POST", "jobs", 201, json=body)

    def claim(self, queue_name: str = "emails", **fields: Any) -> list[dict[str, Any]]:
        body = {"queue_name": queue_name, "worker_id": "w-1", **fields}
        jobs: list[dict[str, Any]] = self.shown("POST", "jobs/claim", json=body)["jobs"]
        return jobs

    def claimed(self, queue_name: str = "emails", **fields: Any) -> dict[str, Any]:
        """A new job, claimed."""
        self.enqueue(queue_name, **fields)
        [job] = self.claim(queue_name)
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        return self.shown("GET", f"jobs/{job_id}")

    def dead(self, queue_name: str = "emails", **fields: Any) -> dict[str, Any]:
        """A new job among the dead letters."""
        job = self.claimed(queue_name, **fields)
        self.shown("POST", f"jobs/{job['id']}/fail", json={"error": "boom", "no_retry": True})
        return job

    def history(self, job_id: str) -> list[str]:
        rows: Any = self.shown("GET", f"jobs/{job_id}/history")
        return [row["event_type"] for row in rows]

    def shown(self, method: str, path: str, status: int = 200, **more: Any) -> dict[str, Any]:
        answer = self.request(method, path, **more)
        assert answer.status_code == status, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def until(self, path: str, is_so: Any) -> Any:
        """What a read answers once the loops have done what is due; they work between calls."""
        for _ in looks():
            body: Any = self.shown("GET", path)
            if is_so(body):
                return body
        raise AssertionError(f"{path} still answers {body}")


def _everything(tx: Reading) -> list[Any]:
    return [[tuple(row) for row in tx.rows(Statement(dict, text))] for text in _EVERYTHING]


def assert_envelope(answer: httpx.Response) -> None:
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert isinstance(body["code"], str)
    assert body["message"]
    assert isinstance(body["error"], str)
    assert body.get("details", "there are some")


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, field and rule of a refusal with one problem."""
    [found] = answer.json()["details"]
    assert found["field"] in answer.json()["message"] or found["field"] == "body"
    return answer.status_code, found["field"], found["code"]


def sent(api: Api, method: str, path: str, body: bytes, **more: Any) -> httpx.Response:
    """These bytes as a body, however wrong they are."""
    return api.request(method, path, content=body, **more)


def spelled(**fields: bytes) -> bytes:
    """A JSON object with values that stand in it byte for byte."""
    inside = b",".join(json.dumps(name).encode() + b":" + raw for name, raw in fields.items())
    return b"{" + inside + b"}"
