"""A courier over a real file, a clock that is moved by hand, and a receiver that misbehaves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from spooled_lite.app import hooks
from spooled_lite.background.courier import Courier
from spooled_lite.background.deadlines import Deadlines
from spooled_lite.background.sender import Sender
from spooled_lite.background.supervisor import AsyncLoop, Loop, run_loops
from spooled_lite.clock import ManualClock
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.jobs.passes import Pass
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.orgs.create import create, find_first
from spooled_lite.core.webhooks.clear import clear_webhooks
from spooled_lite.core.webhooks.columns import WebhookRow
from spooled_lite.core.webhooks.records import NewWebhook
from spooled_lite.core.webhooks.spread import spread_owed
from spooled_lite.core.webhooks.subscribe import create_webhook
from spooled_lite.events import Deadline
from spooled_lite.metrics import Metrics
from spooled_lite.outbound.http_client import HttpClient
from spooled_lite.outbound.targets import Policy
from spooled_lite.storage.database import Database
from spooled_lite.storage.transaction import Tx
from tests.core.stage import OPEN
from tests.core.webhooks.hook_stage import DELIVERIES, WEBHOOK, StoredDelivery
from tests.factories import a_job, an_org
from tests.outbound.receiver import Receiver, Request
from tests.storage.stage import NOON_MS, a_database

PLACES_MAX = 64
ATTEMPTS_MAX = 5


class CourierStage:
    def __init__(self, database: Database, clock: ManualClock, deadlines: Deadlines) -> None:
        self.database = database
        self.clock = clock
        self.metrics = Metrics()
        self.org = 0
        self._deadlines = deadlines
        self._stop = asyncio.Event()
        self._begun = 0
        self._over = 0
        self._passed = asyncio.Condition()
        self.courier = Courier(
            Sender(HttpClient(Policy(is_production=False), clock), clock),
            places_max=PLACES_MAX,
            attempts_max=ATTEMPTS_MAX,
            metrics=self.metrics,
            wake=self.wake,
        )

    async def begin(self) -> None:
        self.org = await self.database.write(_first_org)
        table: list[Loop | AsyncLoop] = [
            AsyncLoop("deliver", Deadline.DELIVERY, self._run_once),
            Loop("spread-owed", Deadline.SPREADING, spread_owed),
        ]
        self._loops = asyncio.create_task(
            run_loops(self.database, self._deadlines, table, self._stop), name="loops"
        )

    async def end(self, grace_seconds: float = 0.0) -> None:
        self._stop.set()
        self._deadlines.wake_all()
        await self._loops
        await self.courier.finish(grace_seconds, asyncio.Event())

    def wake(self) -> None:
        self._deadlines.announce(Deadline.DELIVERY, 0)

    async def _run_once(self, database: Database) -> Pass:
        self._begun += 1
        number = self._begun
        try:
            return await self.courier.run_once(database)
        finally:
            async with self._passed:
                self._over = number
                self._passed.notify_all()

    async def looked(self) -> None:
        """Until the courier has begun all that it can begin now."""
        wanted = self._begun + 1
        self.wake()
        async with self._passed:
            await self._passed.wait_for(lambda: self._over >= wanted)

    async def settled(self) -> None:
        """Until nothing is under way, and nothing more is due."""
        while (await self.database.write(spread_owed)).done:
            pass
        await self.looked()
        while self.courier._tasks:
            await asyncio.wait(self.courier._tasks)
            await self.looked()

    async def cleared(self) -> None:
        """Until nothing is left of what was deleted or switched off."""
        while (await self.database.write(clear_webhooks)).done:
            pass

    async def subscribe(self, url: str, *events: str, **fields: Any) -> WebhookRow:
        webhook = NewWebhook(name="n", url=url, events=events or ("job.created",), **fields)
        return await self.database.write(create_webhook, self.org, webhook, None)

    async def enqueue(self, count: int = 1, **fields: Any) -> None:
        def some(tx: Tx) -> None:
            for _ in range(count):
                enqueue(tx, self.org, a_job(**fields), OPEN, ALL_QUEUES)

        await self.database.write(some)

    async def deliveries(self, webhook: WebhookRow | None = None) -> list[StoredDelivery]:
        """Of one webhook, or all there are; oldest first."""
        found = await self.database.readers.read(lambda tx: tx.rows(DELIVERIES))
        return [row for row in found if webhook is None or row["webhook"] == webhook["seq"]]

    async def hook(self, webhook: WebhookRow) -> WebhookRow:
        asked = {"seq": webhook["seq"]}
        row = await self.database.readers.read(lambda tx: tx.row(WEBHOOK, asked))
        assert row is not None
        return row


@asynccontextmanager
async def delivering(path: Path) -> AsyncIterator[CourierStage]:
    clock = ManualClock(NOON_MS)
    deadlines = Deadlines(clock)
    async with a_database(
        path, table=False, clock=clock, hooks=hooks(), on_due=deadlines.announce
    ) as database:
        stage = CourierStage(database, clock, deadlines)
        await stage.begin()
        try:
            yield stage
        finally:
            await stage.end()


async def received(receiver: Receiver, path: str | None = None, **asked: Any) -> list[Request]:
    return await asyncio.to_thread(partial(receiver.requests, path, **asked))


def _first_org(tx: Tx) -> int:
    row = find_first(tx)
    seq: int = (create(tx, an_org()) if row is None else row)["seq"]
    return seq
