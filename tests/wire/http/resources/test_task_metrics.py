"""The metrics of runs and schedules. Contract: catbird-capabilities, section 19.10."""

import pytest

from spooled_lite import metrics
from spooled_lite.config import Settings
from tests.patience import looks
from tests.wire.http.job_calls import WatchedApi

TOKEN = "a token for the metrics of these tests"


def with_runs(api: WatchedApi, task: str, count: int = 1) -> None:
    api.shown("PUT", f"tasks/{task}", json={"condition": "input.n gt 0"})
    for n in range(count + 1):
        run = api.shown("POST", f"tasks/{task}/runs", 201, json={"input": {"n": n}})
    api.shown("POST", f"tasks/{task}/runs/{run['id']}/cancel")


def text_of(api: WatchedApi) -> str:
    return api.request("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text


def value(task: str, state: str, count: int) -> str:
    return f'spooled_task_runs_total{{state="{state}",task="{task}"}} {count}.0'


def test_runs_are_counted_by_task_and_by_what_came_of_them() -> None:
    with WatchedApi(":memory:", Settings(metrics_token=TOKEN)) as api:
        with_runs(api, "charge", 2)

        text = text_of(api)

        for state, count in (("queued", 3), ("skipped", 1), ("canceled", 1)):
            assert value("charge", state, count) in text


def test_who_needs_no_credential_sees_no_names_of_tasks() -> None:
    with WatchedApi(":memory:", Settings()) as api:
        with_runs(api, "charge")
        with_runs(api, "refund")

        text = text_of(api)

        assert 'task="charge"' not in text
        assert value("other tasks", "skipped", 2) in text


def test_only_so_many_tasks_have_values_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "TASKS_SHOWN_MAX", 1)
    with WatchedApi(":memory:", Settings(metrics_token=TOKEN)) as api:
        for task in ("first", "second", "third"):
            with_runs(api, task)

        text = text_of(api)

        assert value("first", "canceled", 1) in text
        assert value("other tasks", "canceled", 2) in text


def test_slots_that_fired_are_counted() -> None:
    with WatchedApi(":memory:", Settings()) as api:
        api.shown("PUT", "tasks/charge", json={})
        body = {"cron_expression": "* * * * *", "catch_up": "all"}
        made = api.shown("PUT", "tasks/charge/schedule", json=body)
        api.shown("POST", f"schedules/{made['id']}/trigger")

        api.clock.advance(seconds=60)
        api.until("tasks/charge/runs", lambda runs: len(runs) == 2)

        assert 'spooled_schedule_fired_total{catch_up="all"} 1.0' in text_of(api)


def test_slots_that_nothing_ran_for_are_counted() -> None:
    with WatchedApi(":memory:", Settings()) as api:
        body = {
            "name": "often",
            "cron_expression": "* * * * *",
            "queue_name": "q",
            "payload_template": {},
            "catch_up": "skip",
        }
        api.shown("POST", "schedules", 201, json=body)
        assert "spooled_schedule_missed_total 0.0" in text_of(api)

        api.clock.advance(seconds=600)

        for _ in looks():
            if "spooled_schedule_missed_total 10.0" in (text := text_of(api)):
                break
        else:
            raise AssertionError(text)
        api.until("jobs", lambda jobs: jobs == [])
