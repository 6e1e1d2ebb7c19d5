"""Runs of flows without HTTP: the calls that a life makes, answered by the operations of core.

Much faster than the whole application, so that many lives can be lived. Only what is asked for by
`life.py` and `compare.py` is answered, in the words of the contract.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Raw, Struct

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.policy import USUAL_BACKOFFS, OnFail
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.jobs.states import state_of
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import Claim, claim
from spooled_lite.core.lifecycle.end_run import EarlyEnd, complete_early, complete_with_run
from spooled_lite.core.lifecycle.held_by import HeldJob
from spooled_lite.core.lifecycle.renew import renew
from spooled_lite.core.lifecycle.settle import complete, fail, hand_back
from spooled_lite.core.lifecycle.step_items import NewItems, add_items
from spooled_lite.core.lifecycle.workflow import cancel_workflow, retry_workflow
from spooled_lite.core.maintenance.check import problems
from spooled_lite.core.steps.envelope import payload_given
from spooled_lite.core.steps.given import GivenToWorker, given_to
from spooled_lite.core.steps.item_outputs import page_of_items
from spooled_lite.core.steps.outputs import output_of_run, output_of_step
from spooled_lite.core.steps.signal import deliver_signal
from spooled_lite.core.steps.start import start_run
from spooled_lite.core.workflows.document import (
    FlowDocument,
    StepDocument,
    StepType,
    document_of,
    terminal_steps,
)
from spooled_lite.core.workflows.query import get_workflow
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.core.workflows.states import state_of_workflow
from spooled_lite.core.workflows.store_run import NewRun
from spooled_lite.errors import LeaseExpired, SpooledError
from spooled_lite.wire.http.errors import status_of
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN
from tests.core.workflows.graphs import check
from tests.testing.stage import Stage

Json = Any

_SHOWN: Final[Sequence[str]] = (
    *("status", "total_jobs", "completed_jobs", "failed_jobs", "failed_step", "error_message"),
    *("completion_reason", "cancel_reason"),
)
_COMPLETED_TWICE: Final = """
SELECT job FROM job_history WHERE event_type = 'completed' GROUP BY job HAVING count(*) > 1
"""


class Answer(Struct, frozen=True):
    status_code: int
    body: Json

    @property
    def is_success(self) -> bool:
        return self.status_code < 400

    @property
    def text(self) -> str:
        return json.dumps(self.body)

    @property
    def content(self) -> bool:
        return True

    def json(self) -> Json:
        return self.body


class CoreStage:
    """Answers as a world in test mode does."""

    def __init__(self) -> None:
        self.stage = JobStage()
        self.api = self

    @property
    def now_ms(self) -> int:
        return self.stage.clock.now_ms()

    async def request(self, method: str, path: str, *, json: Json) -> Answer:
        for pattern, answer in _ROUTES.items():
            if found := re.fullmatch(pattern, f"{method} {path}"):
                try:
                    body = answer(self, *found.groups(), json)
                except SpooledError as error:
                    return Answer(status_of(error), {"message": str(error), **_details(error)})
                self.stage.run_due()
                return Answer(200, body)
        raise AssertionError(f"{method} {path} is not made here")

    async def get(self, path: str) -> Json:
        answer = await self.request("GET", path, json={})
        assert answer.is_success, answer.text
        return answer.body

    async def move(self, act: str, by: str) -> None:
        """From one due moment to the next."""
        assert act == "advance"
        until_ms = self.now_ms + int(by.removesuffix("ms"))
        stage = self.stage
        while (at_ms := min(stage.due_at_ms.values(), default=until_ms)) < until_ms:
            stage.clock.advance(seconds=max(0, at_ms - self.now_ms) / 1000)
            stage.run_due()
        stage.clock.advance(seconds=(until_ms - self.now_ms) / 1000)
        stage.run_due()

    def check(self) -> None:
        """The file agrees with itself, and nothing was completed twice."""
        check(self.stage)
        assert self.stage.read(problems, deep=True) == []
        assert self.stage.rows(_COMPLETED_TWICE) == []

    def close(self) -> None:
        self.stage.close()

    # -- what callers do ---------------------------------------------------------------------

    def define(self, name: str, body: Json) -> Json:
        self._document = _document(body)

    def run(self, name: str, body: Json) -> Json:
        options = RunOptions(**{**body, "input": _json(body["input"]), "flow_name": name})
        new = NewRun(name=name, document=self._document, options=options)
        made = self.stage.run(start_run, self.stage.org, new, OPEN)
        steps = [{"key": step.key, "job_id": step.job_id} for step in made.steps]
        return {"workflow_id": made.row["id"], "created": made.created, "job_ids": steps}

    def claim(self, body: Json) -> Json:
        wanted = Claim(
            queue_name=body["queue_name"],
            worker_id=body["worker_id"],
            limit=body["limit"],
            lease_ms=body["lease_duration_secs"] * 1000,
        )
        jobs = self.stage.run(claim, self.stage.org, wanted)
        given = self.stage.read(given_to, jobs)
        return {"jobs": [self._claimed(*each) for each in zip(jobs, given, strict=True)]}

    def _claimed(self, job: JobRow, given: GivenToWorker | None) -> Json:
        assert given is not None, "every job here is a step or an item"
        payload = msgspec.json.decode(payload_given(job, given) or b"")
        step = {
            "workflow_id": given.workflow_id,
            "key": given.key,
            "phase": job["phase"],
            "item_index": job["item_index"],
            "item": payload.get("item"),
        }
        names: tuple[Literal["id", "lease_id", "kind"], ...] = ("id", "lease_id", "kind")
        return {**{name: job[name] for name in names}, "step": step, "payload": payload}

    def complete(self, id: str, body: Json) -> Json:
        who = Claimant(lease_id=body["lease_id"])
        asked = (self.stage.org, id, who, _json(body["result"]))
        if early := body.get("complete_workflow"):
            end = EarlyEnd(output=_json(early["output"]), reason=early.get("reason"))
            self.stage.run(complete_with_run, *asked, end, ALL_QUEUES)
        else:
            self.stage.run(complete, *asked, ALL_QUEUES)

    def fail(self, id: str, body: Json) -> Json:
        who, org = Claimant(lease_id=body["lease_id"]), self.stage.org
        if body.get("released"):
            self.stage.run(hand_back, org, id, who, 0, ALL_QUEUES)
            return
        more = {"may_retry": not body.get("final"), "retry_after_ms": body.get("retry_after_ms")}
        self.stage.run(fail, org, id, who, body["error"], ALL_QUEUES, **more)

    def renew(self, id: str, body: Json) -> Json:
        who, lease_ms = Claimant(lease_id=body["lease_id"]), body["lease_duration_secs"] * 1000
        ends = self.stage.run(renew, self.stage.org, id, who, lease_ms, ALL_QUEUES)
        if isinstance(ends, LeaseExpired):
            raise ends

    def signal(self, id: str, key: str, body: Json) -> Json:
        given = _json(body["input"])
        sent = self.stage.run(deliver_signal, self.stage.org, id, key, given, ALL_QUEUES)
        return {"delivered": True, "state": sent.state}

    def produce(self, id: str, key: str, body: Json) -> Json:
        new = NewItems(
            job_id=body["job_id"],
            lease_id=body["lease_id"],
            items=[_json(item) for item in body["items"]],
            offset=body.get("offset"),
        )
        added = self.stage.run(add_items, self.stage.org, id, key, new, OPEN, ALL_QUEUES)
        return {"accepted": added.accepted, "total": added.total}

    def complete_early(self, id: str, body: Json) -> Json:
        by = None
        if "job_id" in body:
            by = HeldJob(job_id=body["job_id"], claimant=Claimant(lease_id=body["lease_id"]))
        end = EarlyEnd(output=_json(body["output"]), reason=body.get("reason"))
        ended = self.stage.run(complete_early, self.stage.org, id, end, by, ALL_QUEUES)
        return {"applied": ended.was_applied}

    def cancel(self, id: str, body: Json) -> Json:
        told = (body.get("reason"), ALL_QUEUES, body.get("stop_running", True))
        self.stage.run(cancel_workflow, self.stage.org, id, *told)

    def retry(self, id: str, body: Json) -> Json:
        self.stage.run(retry_workflow, self.stage.org, id, ALL_QUEUES, None)

    # -- what they see -----------------------------------------------------------------------

    def show(self, id: str, body: Json) -> Json:
        row = self.stage.read(get_workflow, self.stage.org, id, ALL_QUEUES)
        output = self.stage.read(output_of_run, row)
        steps = self.stage.rows("SELECT * FROM jobs WHERE workflow_id = :id", id=id)
        return {
            **{name: row[name] for name in _SHOWN},  # type: ignore[literal-required]
            "state": state_of_workflow(row),
            "output": None if output is None else msgspec.json.decode(output),
            "input": self._body(row["seq"], "input"),
            "jobs": [
                {"key": step["step_key"], "state": state_of(step), "status": step["status"]}
                for step in steps
            ],
        }

    def _body(self, seq: int, which: str) -> Json:
        asked = "SELECT body FROM workflow_bodies WHERE workflow = :seq AND which = :which"
        rows = self.stage.rows(asked, seq=seq, which=which)
        return msgspec.json.decode(rows[0]["body"]) if rows else None

    def step(self, id: str, key: str, body: Json) -> Json:
        step, document = self._step(id, key)
        if state_of(step) != "completed":
            return {"output": None}
        output = self.stage.read(output_of_step, step, document)
        return {"output": msgspec.json.decode(output or b"")}

    def items(self, id: str, key: str, after: str, limit: str, body: Json) -> Json:
        step, _ = self._step(id, key)
        page = self.stage.read(page_of_items, step, None, after=int(after), limit=int(limit))
        items = [
            {
                "index": row["item_index"],
                "state": state_of(self._job(row["id"])),
                "output": None if row["result"] is None else msgspec.json.decode(row["result"]),
            }
            for row in page.rows
        ]
        return {
            "items": items,
            "next_after_index": page.next_after_index,
            "has_more": page.has_more,
        }

    def _job(self, id: str) -> JobRow:
        return self.stage.job(id)

    def _step(self, id: str, key: str) -> Any:
        asked = "SELECT * FROM jobs WHERE workflow_id = :id AND step_key = :key"
        [step] = self.stage.rows(asked, id=id, key=key)
        row = self.stage.read(get_workflow, self.stage.org, id, ALL_QUEUES)
        assert row["document"] is not None
        document = self.stage.read(document_of, row["document"])
        return step, document.by_key[key]


AnyStage = CoreStage | Stage  # of core, or of the whole application in test mode


def _document(body: Json) -> FlowDocument:
    """As the definition of a flow with this body has it."""
    steps = tuple(_step_document(step) for step in body["steps"])
    on_fail = OnFail() if "on_fail" in body else None
    return FlowDocument(
        steps=steps,
        output_priority=tuple(body.get("output_priority") or terminal_steps(steps)),
        failure_policy=body.get("failure_policy", "fail_fast"),
        on_fail=on_fail,
    )


def _step_document(step: Json) -> StepDocument:
    kinds: dict[str, StepType] = {"map": "mapper", "generate": "generator", "reduce": "reducer"}
    of_kind = next((name for name in kinds if name in step), None)
    source = step[of_kind]["source"] if of_kind in ("map", "reduce") else None
    same = ("key", "queue_name", "dependency_mode", "condition", "signal", "item_queue_name")
    lists = ("depends_on", "optional_deps", "ignore_output")
    given: dict[str, Any] = {
        **{name: step[name] for name in (*same, "priority", "max_retries") if name in step},
        **{name: tuple(step[name]) for name in lists if name in step},
    }
    return StepDocument(
        **given,
        type="normal" if of_kind is None else kinds[of_kind],
        payload_mode="envelope",
        dependency_condition=step.get("dependency_type", "success"),
        source=source,
        initial=Raw(b"0") if of_kind == "reduce" else None,
        timeout_ms=step["timeout_ms"],
        backoff=USUAL_BACKOFFS["full_jitter"],
    )


def _json(value: Json) -> bytes:
    return msgspec.json.encode(value)


def _details(error: SpooledError) -> Json:
    details = getattr(error, "details", None)
    return {"details": details if isinstance(details, dict) else {"reason": str(details)}}


_ROUTES: Final[dict[str, Callable[..., Json]]] = {
    r"PUT flows/(\w+)": CoreStage.define,
    r"POST flows/(\w+)/runs": CoreStage.run,
    r"POST jobs/claim": CoreStage.claim,
    r"POST jobs/([^/]+)/complete": CoreStage.complete,
    r"POST jobs/([^/]+)/fail": CoreStage.fail,
    r"POST jobs/([^/]+)/heartbeat": CoreStage.renew,
    r"POST workflows/([^/]+)/steps/(\w+)/signal": CoreStage.signal,
    r"POST workflows/([^/]+)/steps/(\w+)/items": CoreStage.produce,
    r"POST workflows/([^/]+)/complete": CoreStage.complete_early,
    r"POST workflows/([^/]+)/cancel": CoreStage.cancel,
    r"POST workflows/([^/]+)/retry": CoreStage.retry,
    r"GET workflows/([^/]+)": CoreStage.show,
    r"GET workflows/([^/]+)/steps/(\w+)": CoreStage.step,
    r"GET workflows/([^/]+)/steps/(\w+)/items\?after_index=(-?\d+)&limit=(\d+)": CoreStage.items,
}
