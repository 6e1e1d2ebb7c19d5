"""Random lives of runs of a flow, over HTTP, beside the reference."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from tests.flow_model.compare import differences
from tests.flow_model.documents import FLOW, INPUT, ITEM_QUEUE, QUEUES, VALUES, a_value
from tests.flow_model.handed_out import is_producer
from tests.flow_model.run import Run
from tests.flow_model.units import BACKOFF_MS_MAX, Lease
from tests.flow_model.work import SHORT_LEASES, WHOLE_HOUR, Work

Json = Any

TURNS_MAX: Final = 3_000  # until a run that nobody disturbs has ended


class Life(Work):
    async def live(self, acts: int) -> None:
        """From the definition to the end of every run, compared after every act."""
        await self.begin()
        await self.begin_run()
        await self.check()
        for _ in range(acts):
            await self.act()
            await self.check()
        await self.end()

    # -- one act after the other -------------------------------------------------------------

    async def act(self) -> None:
        acts: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.work, 20),
            (self.claim, 10),
            (self.settle_one, 12),
            (self.produce, 6),
            (self.signal, 5),
            (self.advance, 5),
            (self.renew, 3),
            (self.begin_run, 2),
            (self.retry, 3),
            (self.complete_early, 1),
            (self.cancel, 1),
        ]
        [act] = self.choose.choices([each for each, _ in acts], [often for _, often in acts])
        await act()

    async def begin_run(self) -> None:
        choose = self.choose
        given = a_value(choose, self.document, INPUT)
        key = choose.choice((None, None, "k"))
        body: dict[str, Json] = {"input": given}
        run = Run(self.document, given, self.now_ms, concurrency_key=key)
        if choose.random() < 0.1:
            body["delay_ms"] = 5_000
            run = Run(self.document, given, self.now_ms, self.now_ms + 5_000, concurrency_key=key)
        if key is not None:
            body["concurrency_key"] = key
        if choose.random() < 0.1:
            body["expires_in_ms"] = 30_007
            run.expires_ms = self.now_ms + 30_007
        made = await self._call("POST", f"flows/{FLOW}/runs", body)
        holders = [
            each
            for each, known in self.runs.items()
            if key is not None and known.concurrency_key == key and known.state == "started"
        ]
        assert made["created"] is not bool(holders), made
        if holders:
            assert [made["workflow_id"]] == holders
            return
        self.runs[made["workflow_id"]] = run
        for each in made["job_ids"]:
            run.steps[each["key"]].job_id = each["job_id"]
        assert all(each.job_id for each in run.steps.values()), made

    async def work(self) -> None:
        """Claim one and settle it."""
        for run, of, unit in await self._claim(self._queue(), 1, WHOLE_HOUR):
            await self._settle(run, of, unit)

    async def claim(self) -> None:
        limit = self.choose.choice((1, 1, 3, 10))
        seconds = WHOLE_HOUR if limit > 1 else self._seconds_of_its_own()
        await self._claim(self._queue(), limit, seconds)

    async def settle_one(self) -> None:
        if held := self.held:
            await self._settle(*self.choose.choice(held))

    async def produce(self) -> None:
        held = [each for each in self.held if is_producer(*each[1:])]
        if held:
            await self._produce(*self.choose.choice(held))

    async def renew(self) -> None:
        if not self.held:
            return
        run, _, unit = self.choose.choice(self.held)
        assert unit.lease is not None
        # Never shorter than it is: when that is noticed is not said.
        left_seconds = -(-(unit.lease.ends_ms - self.now_ms) // 1000)
        seconds = WHOLE_HOUR if left_seconds > SHORT_LEASES.stop else self._seconds_of_its_own()
        seconds = self._alone(max(seconds, left_seconds))
        body = {"lease_id": unit.lease.lease_id, "lease_duration_secs": seconds}
        path = f"jobs/{unit.lease.job_id}/heartbeat"
        if run.tells_to_stop:
            await self._refused(path, body, {"workflow_canceled"})
            run.stop(unit)
        else:
            await self._call("POST", path, body)
            ends_ms = self.now_ms + seconds * 1000
            unit.lease = Lease(unit.lease.job_id, unit.lease.lease_id, ends_ms)

    async def signal(self) -> None:
        """Most often to a step that waits for one."""
        if not self.runs:
            return
        id, run = self._any_run()
        wanting = [key for key, each in run.steps.items() if not run.refusals_of_signal(key)]
        keys = wanting if wanting and self.choose.random() < 0.8 else list(run.steps)
        await self._signal(id, run, self.choose.choice(keys))

    async def complete_early(self) -> None:
        id, run = self._any_run() if self.runs else ("", None)
        if run is None or self.choose.random() < 0.5:
            return
        output, reason = self.choose.choice(VALUES), self.choose.choice((None, "enough"))
        body = {"output": output, **({} if reason is None else {"reason": reason})}
        held = [
            unit for of, unit in run.held if unit is not of or of.step.kind in ("normal", "mapper")
        ]
        path = f"workflows/{id}/complete"
        if held and self.choose.random() < 0.7:
            lease = self.choose.choice(held).lease
            assert lease is not None
            if self.choose.random() < 0.5:
                body |= {"job_id": lease.job_id, "lease_id": lease.lease_id}
            elif run.state == "started":
                path = f"jobs/{lease.job_id}/complete"
                body = {"lease_id": lease.lease_id, "result": 1, "complete_workflow": body}
        answer = await self._call("POST", path, body)
        was_applied = run.complete_early(output, reason)
        if path.startswith("workflows"):
            assert answer["applied"] is was_applied, answer

    async def cancel(self) -> None:
        if not self.runs or self.choose.random() < 0.5:
            return
        id, run = self._any_run()
        body: dict[str, Json] = {"reason": "why"}
        stops_running = self.choose.random() < 0.5
        if not stops_running:
            body["stop_running"] = False
        if run.state in ("completed", "failed"):
            await self._call("POST", f"workflows/{id}/cancel", body, status=409)
            return
        await self._call("POST", f"workflows/{id}/cancel", body)
        if run.state in ("started", "canceling"):
            run.cancel("why", stops_running=stops_running)

    async def retry(self) -> None:
        failed = [each for each in self.runs.items() if each[1].state == "failed"]
        failed = [
            each
            for each in failed
            if not each[1].has_no_candidate
            and (each[1].expires_ms or self.now_ms + 1) > self.now_ms
        ]
        if failed and self._is_key_free(failed[0][1]):
            id, run = failed[0]
            await self._call("POST", f"workflows/{id}/retry")
            run.retry()

    async def advance(self) -> None:
        await self._advance(self.choose.choice((1, 700, 2_000, 6_000, 40_000)))

    # -- to the end --------------------------------------------------------------------------

    async def end(self) -> None:
        """Whatever has happened, a run that nobody disturbs comes to its end."""
        self.failures_wanted = 0.0
        for _ in range(TURNS_MAX):
            if not any(run.state in ("started", "canceling") for run in self.runs.values()):
                break
            await self._one_turn()
        else:
            raise AssertionError(f"stuck: {[run.state for run in self.runs.values()]}")
        await self.check(whole=True)

    async def _one_turn(self) -> None:
        for id, run in self.runs.items():
            for key in run.steps:
                if not run.refusals_of_signal(key):
                    await self._signal(id, run, key)
        has_done = bool(self.held)
        for each in self.held:
            if each[2].lease is not None:  # it may have ended with another one
                await self._settle(*each)
        for queue in (*QUEUES, ITEM_QUEUE):
            has_done |= bool(await self._claim(queue, 100, WHOLE_HOUR))
        if not has_done:
            await self._advance(BACKOFF_MS_MAX)

    async def check(self, *, whole: bool = False) -> None:
        for id, run in self.runs.items():
            with_items = whole or self.choose.random() < 0.1
            wrong = await differences(self.stage, id, run, with_items=with_items)
            assert not wrong, wrong
