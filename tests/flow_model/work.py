"""Workers of runs of a flow: every act is done by the server and by the reference."""

import random
from typing import Any, Final

from tests.flow_model.core_stage import AnyStage
from tests.flow_model.documents import FLOW, ITEM_QUEUE, QUEUES, VALUES, Document, a_value
from tests.flow_model.handed_out import handed_out_wrongly, is_producer, unit_of
from tests.flow_model.run import Run
from tests.flow_model.units import Lease, StepRun, Unit

Json = Any

SHARE_OF_A_RUN: Final = 1_000  # items of a run that are handed out at once
SHARE_OF_A_STEP_MIN: Final = 10
SHORT_LEASES: Final = range(5, 60)
WHOLE_HOUR: Final = 3_600  # as long as a lease may be

Held = tuple[Run, StepRun, Unit]


class Work:
    """Some runs of one flow, and what workers and callers do with them."""

    def __init__(self, stage: AnyStage, choose: random.Random, document: Document) -> None:
        self.stage = stage
        self.choose = choose
        self.document = document
        self.runs: dict[str, Run] = {}
        self.failures_wanted = choose.choice((0.0, 0.1, 0.5))
        self.story: list[str] = []  # for the reader of a failure

    async def begin(self) -> None:
        answer = await self.stage.api.request("PUT", f"flows/{FLOW}", json=self.document.body)
        assert answer.is_success, answer.text

    @property
    def now_ms(self) -> int:
        return self.stage.now_ms

    @property
    def held(self) -> list[Held]:
        return [(run, *each) for run in self.runs.values() for each in run.held]

    async def _claim(self, queue: str, limit: int, seconds: int) -> list[Held]:
        body = {
            "queue_name": queue,
            "worker_id": "w",
            "limit": limit,
            "lease_duration_secs": seconds,
        }
        jobs = (await self._call("POST", "jobs/claim", body))["jobs"]
        taken = []
        for job in jobs:
            run = self.runs[job["step"]["workflow_id"]]
            of, unit = unit_of(run, job)
            run.claim(unit, Lease(job["id"], job["lease_id"], self.now_ms + seconds * 1000))
            wrong = handed_out_wrongly(run, of, unit, job)
            assert not wrong, (wrong, job)
            taken.append((run, of, unit))
        if len(jobs) < limit:
            left = [each for run in self.runs.values() for each in self._left(run, queue)]
            assert not left, f"not handed out: {left}"
        return taken

    def _left(self, run: Run, queue: str) -> list[Unit]:
        """What ought to have been handed out by a claim that had room for more."""
        if not run.may_go_on:
            return []
        left: list[Unit] = []
        share = max(SHARE_OF_A_STEP_MIN, SHARE_OF_A_RUN // max(1, self.document.fan_outs))
        for of in run.steps.values():
            if of.step.queue == queue and self._is_surely_due(of):
                left.append(of)
            out = sum(item.is_open and item.claims > 0 for item in of.items)
            if (of.step.item_queue or of.step.queue) == queue and out < share:
                left += [item for item in of.items if self._is_surely_due(item)]
        return left

    def _is_surely_due(self, unit: Unit) -> bool:
        return unit.is_waiting_for_workers and unit.surely_from_ms <= self.now_ms

    async def _settle(self, run: Run, of: StepRun, unit: Unit) -> None:
        lease, choose = unit.lease, self.choose
        assert lease is not None
        body: dict[str, Json] = {"lease_id": lease.lease_id}
        path = f"jobs/{lease.job_id}"
        kind = choose.random()
        if kind < self.failures_wanted:
            body |= {"error": f"broken {len(self.story)}"}
            if is_final := choose.random() < 0.3:
                body["final"] = True
            elif choose.random() < 0.1:
                body["retry_after_ms"] = 0
            await self._call("POST", f"{path}/fail", body)
            run.fail(of, unit, body["error"], is_final=is_final)
        elif kind < self.failures_wanted + 0.05 and run.state == "started":
            await self._call("POST", f"{path}/fail", {**body, "released": True})
            run.release(unit)
        else:
            if is_producer(of, unit) and choose.random() < 0.5:
                await self._produce(run, of, unit)
            result = a_value(choose, self.document, of.step.key)
            await self._call("POST", f"{path}/complete", {**body, "result": result})
            run.complete(of, unit, result)

    async def _produce(self, run: Run, of: StepRun, unit: Unit) -> None:
        lease, choose = unit.lease, self.choose
        assert lease is not None
        values = [choose.choice(VALUES) for _ in range(choose.choice((1, 2, 5)))]
        body: dict[str, Json] = {
            "job_id": lease.job_id,
            "lease_id": lease.lease_id,
            "items": values,
        }
        offset = choose.choice((None, len(of.items), choose.randint(0, len(of.items))))
        if offset is not None:
            body["offset"] = offset
        id = next(id for id, each in self.runs.items() if each is run)
        path = f"workflows/{id}/steps/{of.step.key}/items"
        if run.state != "started":
            await self._call("POST", path, body, status=409)
            return
        answer = await self._call("POST", path, body)
        accepted = run.produce(of, values, offset)
        assert answer == {"accepted": accepted, "total": len(of.items)}

    async def _signal(self, id: str, run: Run, key: str) -> None:
        signal = self.choose.choice(VALUES)
        path, body = f"workflows/{id}/steps/{key}/signal", {"input": signal}
        if reasons := run.refusals_of_signal(key):
            await self._refused(path, body, reasons)
            return
        answer = await self._call("POST", path, body)
        run.deliver(key, signal)
        of = run.steps[key]
        # That the source of a map is no array may be seen a moment later.
        has_failed = of.step.kind == "mapper" and of.state == "failed"
        states = {of.state, "waiting_for_map_tasks"} if has_failed else {of.state}
        assert answer["delivered"] is True
        assert answer["state"] in states, (answer, states)

    async def _advance(self, by_ms: int) -> None:
        self.story.append(f"{by_ms} ms later")
        await self.stage.move("advance", by=f"{by_ms}ms")
        for run in self.runs.values():
            run.advance(self.now_ms)

    async def _refused(self, path: str, body: Json, reasons: set[str]) -> None:
        answer = await self._call("POST", path, body, status=409)
        assert answer["details"]["reason"] in reasons, (answer, reasons)

    async def _call(self, method: str, path: str, body: Json = None, *, status: int = 0) -> Any:
        self.story.append(f"{method} {path} {body}")
        answer = await self.stage.api.request(method, path, json={} if body is None else body)
        is_right = answer.status_code == status if status else answer.is_success
        assert is_right, (path, body, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def _queue(self) -> str:
        return self.choose.choice((*QUEUES, ITEM_QUEUE))

    def _any_run(self) -> tuple[str, Run]:
        return self.choose.choice(list(self.runs.items()))

    def _seconds_of_its_own(self) -> int:
        return self._alone(self.choose.choice(SHORT_LEASES))

    def _alone(self, seconds: int) -> int:
        """At least so many that no other lease runs out then: which comes first is not said."""
        taken = {unit.lease.ends_ms for _, _, unit in self.held if unit.lease is not None}
        while self.now_ms + seconds * 1000 in taken and seconds < WHOLE_HOUR:
            seconds += 1
        return seconds

    def _is_key_free(self, run: Run) -> bool:
        key = run.concurrency_key
        others = (each for each in self.runs.values() if each is not run)
        return key is None or not any(
            each.concurrency_key == key and each.state == "started" for each in others
        )
