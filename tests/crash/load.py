"""Clients that create, claim, renew and settle until the server is gone, each with its own seed."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from tests.crash.connection import Answer, Connection, NoAnswer
from tests.crash.ledger import Asked, Lease, Ledger

QUEUES: Final = ("mail", "reports")
CLIENT_COUNT: Final = 12
KEY_COUNT: Final = 400  # few enough that keys are used again, in the same round and in later ones
BULK_MAX: Final = 8
HELD_MAX: Final = 6
WAIT_MS: Final = 100
LEASE_SECONDS: Final = 5  # the shortest there is: some run out during the rounds
RENEWED_SECONDS: Final = 60
# Of payloads and results: in the row of the job, apart from it, and as large as they get.
BALLAST_BYTES: Final = (*(0,) * 12, *(3_000,) * 3, 60_000, 1_000_000)
ALREADY: Final = "Job is already completed"  # official workers take this for success, too


class Client:
    """One client: a connection, the jobs it holds, and the book it writes in."""

    def __init__(self, name: str, ledger: Ledger, seed: str) -> None:
        self._name = name
        self._ledger = ledger
        self._random = random.Random(seed)
        self._count = 0
        self._held: list[Lease] = []
        self._unanswered: Lease | None = None

    async def run(self, url: str) -> None:
        """Work until the connection breaks. What is held stays held for the next time."""
        acts: list[Callable[[], Awaitable[None]]] = [
            *(self._create,) * 4,
            *(self._create_with_key,) * 3,
            *(self._create_bulk,) * 1,
            *(self._claim,) * 5,
            *(self._complete,) * 6,
            *(self._fail,) * 3,
            *(self._renew,) * 2,
        ]
        try:
            self._connection = await Connection.open(url)
        except NoAnswer:
            return
        try:
            await self._complete_again()
            while await self._goes_on():
                await self._random.choice(acts)()
        except NoAnswer:
            return
        finally:
            self._connection.close()

    async def _goes_on(self) -> bool:
        """Asked before each act."""
        return True

    def _unique(self) -> str:
        self._count += 1
        return f"{self._name}.{self._count}"

    def _ask(self, queue_name: str, **more: Any) -> Asked:
        # Noted before it is sent: until an answer arrives nobody knows what became of it.
        token = self._unique()
        asked = self._ledger.asked[token] = Asked(token, queue_name, "unknown", **more)
        return asked

    def _ballast(self) -> str:
        return "x" * self._random.choice(BALLAST_BYTES)

    def _expect(self, answer: Answer, *statuses: int) -> None:
        if answer.status not in statuses and answer.status != 503:
            self._ledger.complaints.append(f"{self._name} was answered {answer}")

    async def _create(self, key: str | None = None) -> None:
        asked = self._ask(self._random.choice(QUEUES), key=key)
        body: dict[str, Any] = {
            "queue_name": asked.queue_name,
            "payload": {"token": asked.token, "ballast": self._ballast()},
            "max_retries": self._random.randrange(4),
            "priority": self._random.randrange(3),
        }
        if key is not None:
            body["idempotency_key"] = key
        answer = await self._connection.request("POST", "/jobs", body)
        self._expect(answer, 200, 201)
        if answer.status in (200, 201):
            self._ledger.note_created(asked, answer.body["id"], answer.body["created"])
        elif answer.is_refusal:
            asked.outcome = "refused"

    async def _create_with_key(self) -> None:
        await self._create(f"key-{self._random.randrange(KEY_COUNT)}")

    async def _create_bulk(self) -> None:
        queue_name = self._random.choice(QUEUES)
        count = self._random.randint(2, BULK_MAX)
        bulk = len(self._ledger.asked)
        asked = [self._ask(queue_name, bulk=bulk) for _ in range(count)]
        jobs = [{"payload": {"token": one.token}} for one in asked]
        body = {"queue_name": queue_name, "jobs": jobs}
        answer = await self._connection.request("POST", "/jobs/bulk", body)
        self._expect(answer, 200)
        if answer.status == 200:
            for item in answer.body["succeeded"]:
                self._ledger.note_created(asked[item["index"]], item["job_id"], item["created"])
        elif answer.is_refusal:
            for one in asked:
                one.outcome = "refused"

    async def _claim(self) -> None:
        if len(self._held) >= HELD_MAX:
            return
        body = {
            "queue_name": self._random.choice(QUEUES),
            "worker_id": self._name,
            "limit": self._random.randint(1, 3),
            "lease_duration_secs": LEASE_SECONDS,
            "wait_ms": self._random.choice((0, WAIT_MS)),
        }
        answer = await self._connection.request("POST", "/jobs/claim", body)
        self._expect(answer, 200)
        if answer.status == 200:
            self._held += self._ledger.note_claimed(answer.body["jobs"])

    def _take(self) -> Lease | None:
        return self._held.pop(self._random.randrange(len(self._held))) if self._held else None

    async def _complete(self) -> None:
        lease = self._take()
        if lease is None:
            return
        lease.ending_sent, lease.completed, self._unanswered = True, "unknown", lease
        lease.result = {"by": self._name, "ballast": self._ballast()}
        answer = await self._send_completion(lease)
        self._expect(answer, 200, 409)
        if answer.status == 200:
            lease.completed = "acknowledged"
        elif answer.is_refusal:
            lease.completed = "refused"

    async def _complete_again(self) -> None:
        """Ask again what became of a completion: its lease tells whether it was done."""
        lease = self._unanswered
        if lease is None:
            return
        lease.was_asked_again = True
        answer = await self._send_completion(lease)
        self._expect(answer, 200, 409)
        if answer.status == 200 or (answer.body or {}).get("message") == ALREADY:
            lease.completed = "acknowledged"
        elif answer.status == 409:
            lease.completed = "refused"

    async def _send_completion(self, lease: Lease) -> Answer:
        body = {"worker_id": self._name, "lease_id": lease.lease_id, "result": lease.result}
        path = f"/jobs/{lease.job_id}/complete"
        answer = await self._connection.request("POST", path, body)
        self._unanswered = None
        return answer

    async def _fail(self) -> None:
        lease = self._take()
        if lease is None:
            return
        lease.ending_sent, lease.failed, lease.error = True, "unknown", self._unique()
        body = {"lease_id": lease.lease_id, "error": lease.error}
        answer = await self._connection.request("POST", f"/jobs/{lease.job_id}/fail", body)
        self._expect(answer, 200, 409)
        if answer.status == 200:
            lease.failed = "acknowledged"
        elif answer.is_refusal:
            lease.failed = "refused"

    async def _renew(self) -> None:
        if not self._held:
            return
        lease = self._random.choice(self._held)
        body = {"lease_id": lease.lease_id, "lease_duration_secs": RENEWED_SECONDS}
        answer = await self._connection.request("POST", f"/jobs/{lease.job_id}/heartbeat", body)
        self._expect(answer, 200, 409)
        if answer.status == 200:
            lease.renewed_to(answer.body["lease_expires_at"])


def all_clients(ledger: Ledger, seed: str) -> list[Client]:
    return [Client(name, ledger, name) for name in (f"{seed}.{n}" for n in range(CLIENT_COUNT))]


async def let_loose(
    clients: Sequence[Client], url: str, stop: Callable[[], Awaitable[None]]
) -> None:
    """Let all clients work, `stop` the server among them, and wait until all have noticed."""
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(client.run(url))
        await stop()
