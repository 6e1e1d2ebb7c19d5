"""How a run that the server shows differs from the one of the reference."""

from typing import Any

from tests.flow_model.core_stage import AnyStage
from tests.flow_model.run import Run
from tests.flow_model.texts import as_text
from tests.flow_model.units import StepRun

Json = Any
PAGE = 500


async def differences(stage: AnyStage, id: str, run: Run, *, with_items: bool) -> list[str]:
    """A sentence for each; none when all is as it ought to be."""
    shown = await stage.get(f"workflows/{id}")
    wrong = _of_run(run, shown)
    jobs = {job["key"]: job for job in shown["jobs"]}
    if jobs.keys() != run.steps.keys():
        return [*wrong, f"steps: {jobs.keys()}"]
    for key, of in run.steps.items():
        wrong += _of_step(of, jobs[key])
    if with_items:
        for key, of in run.steps.items():
            if of.state != "failed" or of.items:  # else they may have been made just before
                wrong += await _in_detail(stage, f"workflows/{id}/steps/{key}", of)
    return wrong


def _of_run(run: Run, shown: dict[str, Json]) -> list[str]:
    wanted = {
        "state": run.state,
        "output": run.output,
        "total_jobs": len(run.steps),
        "completed_jobs": run.completed_count,
        "failed_jobs": run.failed_count,
        "completion_reason": run.completion_reason,
        "cancel_reason": run.reason,
        "input": run.input,
    }
    if run.document.fails_fast:
        wanted["failed_step"] = run.failed_step
    wrong = [
        f"{name} is {shown.get(name)!r}, not {value!r}"
        for name, value in wanted.items()
        if as_text(shown.get(name)) != as_text(value)
    ]
    if shown["status"] not in run.statuses:
        wrong.append(f"status is {shown['status']}, not {run.statuses}")
    if run.document.fails_fast and (run.error or "") not in (shown["error_message"] or ""):
        wrong.append(f"error is {shown['error_message']!r}, not {run.error!r}")
    return wrong


def _of_step(of: StepRun, shown: dict[str, Json]) -> list[str]:
    statuses = {of.status, "scheduled"} if of.status == "pending" else {of.status}
    wrong = []
    if shown["state"] != of.state or shown["status"] not in statuses:
        found, wanted = (shown["state"], shown["status"]), (of.state, of.status)
        wrong.append(f"step {of.step.key} is {found}, not {wanted}")
    counts = shown.get("item_counts")
    if counts is not None and of.items:
        done = sum(item.state == "completed" for item in of.items)
        if (counts["stored"], counts["completed"]) != (len(of.items), done):
            wrong.append(f"step {of.step.key} counts {counts}, not {len(of.items)} and {done}")
    return wrong


async def _in_detail(stage: AnyStage, path: str, of: StepRun) -> list[str]:
    """The output of a step, and its items."""
    wrong = []
    shown = await stage.get(path)
    output = of.result() if of.state == "completed" else None
    if as_text(shown.get("output")) != as_text(output):
        wrong.append(f"output of {of.step.key} is {shown.get('output')!r}, not {output!r}")
    if not of.step.has_items:
        return wrong
    wanted = [(item.index, item.state, item.output) for item in of.items]
    found, after, has_more = [], -1, True
    while has_more:
        page = await stage.get(f"{path}/items?after_index={after}&limit={PAGE}")
        found += [(each["index"], each["state"], each.get("output")) for each in page["items"]]
        after, has_more = page["next_after_index"], page["has_more"]
    if as_text(found) != as_text(wanted):
        wrong.append(f"items of {of.step.key} are {found}, not {wanted}")
    return wrong
