"""What a worker is given with a step or an item, held against what it ought to be given.

Contract: catbird-capabilities, F11, F13, F33, F42 and section 19.6.
"""

from typing import Any

from tests.flow_model.documents import INPUT
from tests.flow_model.run import Run
from tests.flow_model.texts import as_text
from tests.flow_model.units import StepRun, Unit

Json = Any


def is_producer(of: StepRun, unit: Unit) -> bool:
    return unit is of and of.step.kind == "generator"


def unit_of(run: Run, job: dict[str, Json]) -> tuple[StepRun, Unit]:
    """Which step or item was handed out."""
    of = run.steps[job["step"]["key"]]
    phase = "generate" if of.step.kind == "generator" else "run"
    if job["kind"] == "item":
        assert job["step"]["phase"] == "item"
        return of, of.items[job["step"]["item_index"]]
    assert (job["kind"], job["step"]["phase"], job["id"]) == ("step", phase, of.job_id)
    return of, of


def handed_out_wrongly(run: Run, of: StepRun, unit: Unit, job: dict[str, Json]) -> list[str]:
    """How what a worker is given differs from what it ought to be given."""
    step, payload = job["step"], job["payload"]
    wanted: dict[str, Json] = {}
    got: dict[str, Json] = {}
    if unit is not of:
        wanted["item"], got["item"] = of.items[step["item_index"]].value, step["item"]
        wanted["payload.item"], got["payload.item"] = wanted["item"], payload["item"]
    if unit is of or of.step.kind == "mapper":
        results, skipped = run.dependencies(of)
        results.pop(of.step.source or "", None)
        deps = dict(payload["deps"])
        if of.step.has_items or of.step.kind == "reducer":
            deps.pop(of.step.source or "", None)
        for key in of.step.depends_on:  # one that gave nothing, and may have failed here
            if run.steps[key].state != "completed" and deps.get(key, 0) is None:
                del deps[key]
        if of.step.mode == "all":  # otherwise what was done meanwhile may be there
            wanted["deps"], got["deps"] = results, deps
            wanted["skipped"], got["skipped"] = skipped, payload.get("skipped_deps", [])
        over_input = unit is not of and of.step.source == INPUT  # `item` stands in its place
        wanted["input"], got["input"] = None if over_input else run.input, payload["input"]
        wanted["signal"], got["signal"] = of.signal, payload.get("signal")
    if of.step.kind == "reducer":
        assert of.step.source is not None
        source = run.steps[of.step.source]
        wanted["reduce"], got["reduce"] = (
            {"source": of.step.source, "count": len(source.items), "initial": 0},
            payload["reduce"],
        )
    return [
        f"{key}: {got[key]!r}, not {wanted[key]!r}"
        for key in wanted
        if as_text(wanted[key]) != as_text(got[key])
    ]
