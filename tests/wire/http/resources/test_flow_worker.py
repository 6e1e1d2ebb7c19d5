"""A worker of a whole flow: one loop of claims by the names of its steps, over HTTP."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Raw

from spooled_lite.core.flows.run import run_flow
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.steps.item_outputs import ItemPage, page_of_items
from spooled_lite.core.workflows import statements
from spooled_lite.core.workflows.document import StepDocument
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.storage.transaction import Tx
from tests.core.flows.defined import keep_flow
from tests.core.stage import OPEN
from tests.core.workflows.runs import a_node
from tests.wire.http.served import Api

ROUNDS_MAX = 50  # of claims: a worker that finds no end is a failure and no hang

Handler = Callable[..., Any]


class FlowWorker:
    """Handlers by the keys of steps. Each is called as a client library would call it: with the
    item, the outputs of the steps before by name, or what a reducer has so far."""

    def __init__(self, api: Api, flow: str, handlers: dict[str, Handler]) -> None:
        self.api = api
        self.flow = flow
        self.handlers = handlers
        self.done: list[str] = []

    def work(self) -> None:
        names = [f"{self.flow}.{key}" for key in self.handlers]
        body = {"worker_id": "w-1", "queue_name": self.flow, "step_handlers": names}
        assert self.api.post("workers/register", json=body).status_code == 201
        for _ in range(ROUNDS_MAX):
            asked = {"step_handlers": names, "worker_id": "w-1", "limit": 3, "raw": True}
            jobs = self.api.post("jobs/claim", json=asked).json()["jobs"]
            if not jobs:
                return
            for job in jobs:
                self._do(job)
        raise AssertionError("there is always more to do")

    def _do(self, job: dict[str, Any]) -> None:
        step = job["step"]
        handler = self.handlers[step["key"]]
        if step.get("reduce"):
            result = step["reduce"]["initial"]
            for output in self._outputs(step["workflow_id"], step["reduce"]["source"]):
                result = handler(result, output)
        elif step["phase"] == "item":
            result = handler(step["item"], **step["deps"])
        else:
            result = handler(step["input"], **step["deps"])
        self.done.append(step["key"])
        body = {"lease_id": job["lease_id"], "result": result}
        answer = self.api.post(f"jobs/{job['id']}/complete", json=body)
        assert answer.status_code == 200, answer.json()

    def _outputs(self, workflow_id: str, source: str) -> Sequence[Any]:
        """What the items of a step have given, page by page."""
        outputs: list[Any] = []
        after = -1
        while True:
            page = self.api.write(a_page, workflow_id, source, after)
            outputs += [json.loads(row["result"]) for row in page.rows]
            if not page.has_more:
                return outputs
            after = page.next_after_index


def a_page(tx: Tx, workflow_id: str, source: str, after: int) -> ItemPage:
    asked = {"workflow_id": workflow_id, "limit": 100}
    steps = tx.rows(statements.STEP_STATUSES, asked)
    step = next(each for each in steps if each["step_key"] == source)
    return page_of_items(tx, {"seq": step["seq"]}, "completed", after=after, limit=2)


def test_a_worker_does_a_flow_with_a_map_and_a_reducer(api: Api) -> None:
    def step(key: str, *depends_on: str, **more: Any) -> StepDocument:
        return a_node(
            key, *depends_on, **{"queue_name": "bills", "payload_mode": "envelope", **more}
        )

    steps = (
        step("rate"),
        step("price", "rate", type="mapper", source="input", item_queue_name="lines"),
        step("total", "price", type="reducer", source="price", initial=Raw(b"0")),
        step("tell", "total", "price"),
    )
    api.write(keep_flow, api.org, "bills", *steps)
    lines = [1, 2, 3, 4, 5]
    options = RunOptions(input=b"[1,2,3,4,5]")
    run = api.write(run_flow, api.org, "bills", options, OPEN, ALL_QUEUES)
    worker = FlowWorker(
        api,
        "bills",
        {
            "rate": lambda order: len(order) * 2,
            "price": lambda line, rate: line * rate,
            "total": lambda total, price: total + price,
            "tell": lambda order, total, price: f"{len(order)}: {price} = {total}",
        },
    )

    worker.work()

    assert worker.done == ["rate", *["price"] * len(lines), "total", "tell"]
    shown = api.get(f"workflows/{run.row['id']}/wait").json()
    assert (shown["state"], shown["output"]) == ("completed", "5: [10, 20, 30, 40, 50] = 150")
