"""Clients that note in the record what they ask and what they are told."""

import asyncio
import contextlib
import itertools
import random
from typing import Any, Final

import msgspec

from tests.crash.connection import Connection, NoAnswer
from tests.power.promises import Act, Note
from tests.power.recording import Recording

QUEUE: Final = "mail"
CLIENT_COUNT: Final = 6
BALLAST_BYTES: Final = (*(0,) * 6, 3_000, 40_000)  # in the row of the job, and apart from it
LEASE_SECONDS: Final = 3_600  # none ends by itself


class Unavailable(Exception):
    """The server is there and cannot write now."""


class Client:
    def __init__(self, recording: Recording | None, name: str) -> None:
        self._recording = recording
        self._name = name
        self._numbers = itertools.count()
        self._random = random.Random(name)
        self._held: list[tuple[str, str]] = []

    async def run(self, url: str, acts: int) -> None:
        """So many acts, or fewer if the server is gone before."""
        try:
            self._connection = await Connection.open(url)
        except NoAnswer:
            return
        try:
            for _ in range(acts):
                with contextlib.suppress(Unavailable):  # whether it was done is not known
                    await self._random.choice(
                        (self._create, self._bulk, self._claim, self._settle)
                    )()
        except NoAnswer:
            return  # what it holds stays held, as far as it knows
        finally:
            self._connection.close()

    def _note(self, act: Act, name: str, detail: str = "") -> None:
        if self._recording is not None:
            self._recording.note(msgspec.json.encode(Note(act, name, detail)))

    def _asked(self) -> dict[str, Any]:
        token = f"{self._name}.{next(self._numbers)}"
        self._note("asked", token)
        return {"token": token, "ballast": "x" * self._random.choice(BALLAST_BYTES)}

    async def _answer(self, path: str, body: Any) -> Any:
        answer = await self._connection.request("POST", path, body)
        if answer.status == 503:
            raise Unavailable
        assert answer.status in (200, 201), answer
        return answer.body

    async def _create(self) -> None:
        payload = self._asked()
        job = await self._answer("/jobs", {"queue_name": QUEUE, "payload": payload})
        self._note("created", job["id"], payload["token"])

    async def _bulk(self) -> None:
        jobs = [{"payload": self._asked()} for _ in range(self._random.randint(2, 5))]
        answer = await self._answer("/jobs/bulk", {"queue_name": QUEUE, "jobs": jobs})
        for each in answer["succeeded"]:
            self._note("created", each["job_id"], jobs[each["index"]]["payload"]["token"])

    async def _claim(self) -> None:
        body = {"queue_name": QUEUE, "worker_id": self._name, "lease_duration_secs": LEASE_SECONDS}
        for job in (await self._answer("/jobs/claim", body))["jobs"]:
            self._note("claimed", job["id"], job["lease_id"])
            self._held.append((job["id"], job["lease_id"]))

    async def _settle(self) -> None:
        if not self._held:
            return
        job_id, lease_id = self._held.pop()
        word = f"{self._name}.{next(self._numbers)}"
        if self._random.random() < 0.2:
            await self._answer(f"/jobs/{job_id}/fail", {"lease_id": lease_id, "error": word})
            self._note("failed", job_id, word)
            return
        self._note("completing", job_id)
        body = {"lease_id": lease_id, "worker_id": self._name, "result": {"by": word}}
        await self._answer(f"/jobs/{job_id}/complete", body)
        self._note("completed", job_id, word)


def clients_of(recording: Recording | None) -> list[Client]:
    return [Client(recording, f"client-{number}") for number in range(CLIENT_COUNT)]


async def at_work(clients: list[Client], url: str, acts: int) -> None:
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(client.run(url, acts))
