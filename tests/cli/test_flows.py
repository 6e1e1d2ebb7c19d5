"""`spooled-lite flows`."""

import json
from typing import Any

import pytest

from spooled_lite.cli.flow_graph import DrawnStep, drawn
from tests.cli.asking import Asking

STEPS = [
    {"key": "pick", "queue_name": "picking"},
    {"key": "each", "depends_on": ["pick"], "map": {"source": "pick"}},
    {"key": "sum", "depends_on": ["each"], "reduce": {"source": "each"}},
    {"key": "approve", "depends_on": ["pick"], "signal": True, "condition": "pick exists"},
    {"key": "end", "depends_on": ["sum", "approve"], "optional_deps": ["approve"]},
]


@pytest.fixture
def orders(ask: Asking) -> Asking:
    ask.world.call("PUT", "/flows/orders", {"steps": STEPS})
    return ask


def completed(asking: Asking, queue_name: str, result: Any) -> None:
    [job] = asking.world.call("POST", "/jobs/claim", {"queue_name": queue_name})["jobs"]
    body = {"lease_id": job["lease_id"], "result": result}
    asking.world.call("POST", f"/jobs/{job['id']}/complete", body)


def test_a_flow_is_defined_listed_and_drawn(ask: Asking) -> None:
    assert ask.lines("flows", "list") == ["No flows."]
    definition = json.dumps({"steps": STEPS, "retention_seconds": 60})
    assert ask.lines("flows", "define", "orders", definition) == ["orders is at revision 1"]
    again = ask.lines("flows", "define", "orders", "-", given=definition)
    assert again == ["orders is at revision 1, as before"]
    told = ask("flows", "define", "other", '{"steps": [{"key": "a", "condition": "b.x"}]}')
    assert "which is not among its dependencies" in told.stderr

    assert ask.lines("flows", "list")[1].split()[:3] == ["orders", "5", "end"]
    lines = ask.lines("flows", "show", "orders")
    assert lines[-5:] == [
        "pick          in picking",
        "├─ each       maps over pick; in orders",
        "│  └─ sum     reduces each; in orders",
        "│     └─ end  in orders; after approve",
        "└─ approve    waits for a signal; if pick exists; in orders",
    ]
    assert any(line.split() == ["runs", "kept", "60", "s"] for line in lines)
    assert ask.json("flows", "show", "orders")["steps"][0]["key"] == "pick"


def test_a_flow_is_run_signalled_and_cancelled(orders: Asking) -> None:
    [run] = orders.lines("flows", "run", "orders", "7", "--key", "k")
    again = orders("flows", "run", "orders", "--key", "k")
    assert (again.stdout.strip(), again.stderr.strip()) == (
        run,
        "A run with this key has not ended yet.",
    )
    completed(orders, "picking", [])

    lines = orders.lines("flows", "show", run)
    assert lines[-5:] == [
        "pick          completed",
        "├─ each       completed, 0 of 0 items",
        "│  └─ sum     queued",
        "│     └─ end  waiting_for_dependencies; after approve",
        "└─ approve    waiting_for_signal",
    ]
    assert orders.lines("flows", "signal", run, "approve", '{"ok": true}') == ["approve is queued"]
    refused = orders("flows", "signal", run, "approve", code=1)
    assert "Signal not delivered" in refused.stderr
    assert orders.lines("flows", "runs", "orders", "--state", "started")[1].startswith(run)
    assert orders.lines("flows", "cancel", run, "--reason", "enough") == [f"{run} is canceled"]
    assert "had been cancelled" in orders("flows", "cancel", run, code=1).stderr
    assert orders.lines("flows", "runs", "orders", "--state", "failed") == ["No runs."]


def test_a_misspelt_name_is_told_the_nearest(orders: Asking) -> None:
    refused = orders("flows", "run", "order", code=1)

    assert "Did you mean 'orders'?" in refused.stderr


def test_a_step_is_drawn_under_the_one_it_waits_for_longest() -> None:
    diamond = [
        DrawnStep("d", ["b", "c", "a"], ""),
        DrawnStep("a", [], "first"),
        DrawnStep("b", ["a"], ""),
        DrawnStep("c", ["b"], "note"),
        DrawnStep("alone", [], ""),
    ]

    assert drawn(diamond) == [
        "a           first",
        "└─ b",
        "   └─ c     note",
        "      └─ d  after b, a",
        "alone",
    ]
    assert drawn([]) == []


def test_a_chain_of_a_thousand_steps_is_drawn() -> None:
    chain = [DrawnStep(f"s{n}", [f"s{n - 1}"] if n else [], "") for n in range(1_000)]

    assert len(drawn(chain)) == 1_000
