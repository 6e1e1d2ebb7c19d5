"""What is counted of runs of flows and of their steps: a bounded number of names."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, Metric

FLOW_RUNS: Final = ("spooled_workflow_runs_total", "Runs of flows, by what came of them")
FLOW_STEPS: Final = ("spooled_steps_total", "Steps of runs of flows, by what came of them")
# The first so many flows, and steps of flows, that ran since the start have values of their own.
FLOWS_SHOWN_MAX: Final = 100
STEPS_SHOWN_MAX: Final = 500
OTHER_FLOWS: Final = "other flows"  # no name has a space
OTHER_STEPS: Final = "other steps"


class FlowCounts:
    """Only one thread may add to them."""

    def __init__(self) -> None:
        self._flows = set[str]()
        self._steps = set[tuple[str, str]]()
        self._of_runs: Counter[tuple[str, str]] = Counter()
        self._of_steps: Counter[tuple[str, str, str]] = Counter()

    def run(self, flow_name: str, state: str) -> None:
        """Count a run: that a worker took its first step (`started`), or how it ended."""
        if flow_name not in self._flows and len(self._flows) >= FLOWS_SHOWN_MAX:
            flow_name = OTHER_FLOWS
        self._flows.add(flow_name)
        self._of_runs[flow_name, state] += 1

    def step(self, flow_name: str, key: str, state: str) -> None:
        """Count a step: that it was stored (`queued`), or how it ended."""
        step = (flow_name, key)
        if step not in self._steps and len(self._steps) >= STEPS_SHOWN_MAX:
            step = (OTHER_FLOWS, OTHER_STEPS)
        self._steps.add(step)
        self._of_steps[*step, state] += 1

    def families(self, *, are_named: bool) -> Iterator[Metric]:
        """Without names where reading the metrics needs no credential."""
        runs = CounterMetricFamily(*FLOW_RUNS, labels=("flow", "state"))
        steps = CounterMetricFamily(*FLOW_STEPS, labels=("flow", "step", "state"))
        of_runs, of_steps = self._of_runs, self._of_steps
        if not are_named:
            of_runs, of_steps = Counter(), Counter()
            for (_, state), count in self._of_runs.items():
                of_runs[OTHER_FLOWS, state] += count
            for (_, _, state), count in self._of_steps.items():
                of_steps[OTHER_FLOWS, OTHER_STEPS, state] += count
        for run_labels, count in of_runs.items():
            runs.add_metric(run_labels, count)
        for step_labels, count in of_steps.items():
            steps.add_metric(step_labels, count)
        yield runs
        yield steps
