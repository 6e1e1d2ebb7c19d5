"""The metrics of runs of flows and of steps. Contract: catbird-capabilities, section 19.10."""

import pytest

from spooled_lite import flow_metrics
from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi

TOKEN = "a token for the metrics of these tests"


def with_runs(api: WatchedApi, flow: str) -> None:
    """One is completed, with a step that is skipped; one is cancelled."""
    steps = [{"key": "a"}, {"key": "b", "depends_on": ["a"], "condition": "a.more"}]
    api.shown("PUT", f"flows/{flow}", json={"steps": steps, "output_priority": ["b", "a"]})
    api.shown("POST", f"flows/{flow}/runs", 201)
    [job] = api.claim(flow)
    body = {"worker_id": "w-1", "lease_id": job["lease_id"], "result": {}}
    api.shown("POST", f"jobs/{job['id']}/complete", json=body)
    run = api.shown("POST", f"flows/{flow}/runs", 201)
    api.shown("POST", f"workflows/{run['id']}/cancel")


def text_of(api: WatchedApi) -> str:
    return api.request("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text


def of_runs(flow: str, state: str, count: int) -> str:
    return f'spooled_workflow_runs_total{{flow="{flow}",state="{state}"}} {count}.0'


def of_steps(flow: str, step: str, state: str, count: int) -> str:
    labels = f'flow="{flow}",state="{state}",step="{step}"'
    return f"spooled_steps_total{{{labels}}} {count}.0"


def test_runs_and_steps_are_counted_by_what_came_of_them() -> None:
    with WatchedApi(":memory:", Settings(metrics_token=TOKEN)) as api:
        with_runs(api, "orders")

        text = text_of(api)

        for state, count in (("started", 1), ("completed", 1), ("canceled", 1)):
            assert of_runs("orders", state, count) in text
        for step, state, count in (
            *(("a", "queued", 2), ("a", "completed", 1), ("a", "canceled", 1)),
            *(("b", "queued", 2), ("b", "skipped", 1), ("b", "canceled", 1)),
        ):
            assert of_steps("orders", step, state, count) in text
        assert "spooled_step_duration_seconds_count 1.0" in text


def test_who_needs_no_credential_sees_no_names_of_flows() -> None:
    with WatchedApi(":memory:", Settings()) as api:
        with_runs(api, "orders")
        with_runs(api, "returns")

        text = text_of(api)

        assert 'flow="orders"' not in text
        assert of_runs("other flows", "completed", 2) in text
        assert of_steps("other flows", "other steps", "queued", 8) in text


def test_only_so_many_flows_and_steps_have_values_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flow_metrics, "FLOWS_SHOWN_MAX", 1)
    monkeypatch.setattr(flow_metrics, "STEPS_SHOWN_MAX", 3)
    with WatchedApi(":memory:", Settings(metrics_token=TOKEN)) as api:
        for flow in ("first", "second", "third"):
            with_runs(api, flow)

        text = text_of(api)

        assert of_runs("first", "completed", 1) in text
        assert of_runs("other flows", "completed", 2) in text
        assert of_steps("second", "a", "completed", 1) in text
        assert of_steps("other flows", "other steps", "completed", 1) in text
