"""What jobs and queues say about failures, over HTTP: catbird-capabilities, section 7."""

from typing import Any

import httpx
import pytest

from spooled_lite.times import parse_ms
from tests.wire.http.served import Api

JITTER = {"strategy": "full_jitter", "min_delay_ms": 100, "max_delay_ms": 2_000}
LINEAR = {"strategy": "linear", "base_delay_ms": 500, "max_delay_ms": 10_000}


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, field and rule of a refusal with one problem."""
    [found] = answer.json()["details"]
    return answer.status_code, found["field"], found["code"]


def create(api: Api, **fields: Any) -> httpx.Response:
    return api.post("jobs", json={"queue_name": "emails", "payload": {}, **fields})


def configured(api: Api, **fields: Any) -> dict[str, Any]:
    answer = api.put("queues/emails/config", json=fields)
    assert answer.status_code == 200
    shown: dict[str, Any] = answer.json()
    return shown


def failed(api: Api, **fields: Any) -> int:
    """How long the one job waits that fails now, in milliseconds."""
    [job] = api.post("jobs/claim", json={"queue_name": "emails", "worker_id": "w"}).json()["jobs"]
    answer = api.post(f"jobs/{job['id']}/fail", json={"error": "boom", **fields})
    assert answer.json()["will_retry"]
    shown = api.get(f"jobs/{job['id']}").json()
    assert shown["status"] == "pending"
    if shown["scheduled_at"] is None:
        return 0  # claimable at once
    return parse_ms(shown["scheduled_at"], "scheduled_at") - api.clock.now_ms()


def test_a_job_shows_its_backoff_with_what_was_left_out(api: Api) -> None:
    job = create(api, backoff={"strategy": "full_jitter"}).json()
    usual = create(api, backoff={}).json()

    assert job["backoff"] == api.get(f"jobs/{job['id']}").json()["backoff"] == JITTER
    assert usual["backoff"] == {
        "strategy": "exponential",
        "base_delay_ms": 1_000,
        "multiplier": 2,
        "max_delay_ms": 60_000,
    }


def test_a_job_without_one_shows_none(api: Api) -> None:
    assert "backoff" not in create(api).json()
    assert "backoff" not in create(api, backoff=None).json()


def test_what_the_strategy_does_not_read_is_not_kept(api: Api) -> None:
    job = create(api, backoff={"strategy": "fixed", "base_delay_ms": 5, "multiplier": 3}).json()

    assert job["backoff"] == {"strategy": "fixed", "base_delay_ms": 5}


def test_a_queue_keeps_its_backoff_until_null_takes_it_back(api: Api) -> None:
    assert "backoff" not in configured(api)
    assert configured(api, backoff=LINEAR)["backoff"] == LINEAR
    assert configured(api, max_retries=5)["backoff"] == LINEAR
    assert api.post("queues", json={"name": "emails", "backoff": None}).json()["backoff"] == LINEAR
    assert "backoff" not in configured(api, backoff=None)


def test_a_queue_is_created_with_its_backoff(api: Api) -> None:
    made = api.post("queues", json={"name": "emails", "backoff": LINEAR})

    assert (made.status_code, made.json()["backoff"]) == (201, LINEAR)
    assert api.get("queues/emails").json()["backoff"] == LINEAR


def test_the_nearest_that_says_something_decides(api: Api) -> None:
    configured(api, backoff=LINEAR, backoff_base_seconds=9)
    job = create(api, backoff={"strategy": "fixed", "base_delay_ms": 0}).json()

    assert failed(api) == 0
    assert failed(api, retry_after_ms=0) == 0
    api.post(f"jobs/{job['id']}/complete", json={})
    api.post("queues/emails/purge")
    create(api)
    assert failed(api) == 500


@pytest.mark.parametrize(
    ("backoff", "field", "code"),
    [
        ({"strategy": "full_jitter", "min_delay_ms": -1}, "backoff.min_delay_ms", "range"),
        ({"strategy": "full_jitter", "max_delay_ms": -1}, "backoff.max_delay_ms", "range"),
        (
            {"strategy": "full_jitter", "min_delay_ms": 5, "max_delay_ms": 5},
            "backoff.max_delay_ms",
            "range",
        ),
        ({"strategy": "full_jitter", "min_delay_ms": 2_000}, "backoff.max_delay_ms", "range"),
        ({"strategy": "sometimes"}, "backoff.strategy", "invalid_value"),
        ({"base_delay_ms": -1}, "backoff.base_delay_ms", "range"),
        ({"base_delay_ms": 3_155_760_000_001}, "backoff.base_delay_ms", "range"),
        ({"multiplier": 0.5}, "backoff.multiplier", "range"),
        ({"multiplier": 10.5}, "backoff.multiplier", "range"),
    ],
)
def test_a_backoff_that_cannot_be_kept_is_refused_by_name(
    api: Api, backoff: dict[str, Any], field: str, code: str
) -> None:
    assert problem(create(api, backoff=backoff)) == (400, field, code)
    answer = api.put("queues/emails/config", json={"backoff": backoff})
    assert problem(answer) == (400, field, code)


def test_full_jitter_may_have_no_bounds(api: Api) -> None:
    none = {"strategy": "full_jitter", "min_delay_ms": 100, "max_delay_ms": 0}

    create(api, backoff=none)

    assert failed(api) == 1


def test_a_bad_item_of_a_bulk_call_fails_alone_and_by_name(api: Api) -> None:
    backoff = {"strategy": "full_jitter", "min_delay_ms": 5, "max_delay_ms": 5}
    items = [{"payload": 1, "backoff": LINEAR}, {"payload": 2, "backoff": backoff}]

    answer = api.post("jobs/bulk", json={"queue_name": "emails", "jobs": items}).json()

    [stored], [refused] = answer["succeeded"], answer["failed"]
    assert api.get(f"jobs/{stored['job_id']}").json()["backoff"] == LINEAR
    assert refused["index"] == 1
    assert "`jobs[1].backoff.max_delay_ms`" in refused["error"]


def test_a_backoff_of_another_type_is_a_wrong_shape(api: Api) -> None:
    assert create(api, backoff=5).status_code == 422
    assert create(api, backoff={"base_delay_ms": "5"}).status_code == 422


# -- timeouts ------------------------------------------------------------------------------------


def test_a_timeout_in_milliseconds_is_shown_beside_its_seconds(api: Api) -> None:
    job = create(api, timeout_ms=1_500, timeout_seconds=60).json()

    assert (job["timeout_ms"], job["timeout_seconds"]) == (1_500, 2)
    [claimed] = api.post("jobs/claim", json={"queue_name": "emails", "worker_id": "w"}).json()[
        "jobs"
    ]
    assert (claimed["timeout_ms"], claimed["timeout_seconds"]) == (1_500, 2)


def test_none_is_shown_where_none_was_given(api: Api) -> None:
    assert "timeout_ms" not in create(api, timeout_seconds=60).json()
    [claimed] = api.post("jobs/claim", json={"queue_name": "emails", "worker_id": "w"}).json()[
        "jobs"
    ]
    assert "timeout_ms" not in claimed


def test_no_end_is_a_day_for_who_knows_seconds(api: Api) -> None:
    job = create(api, timeout_ms=0).json()

    assert (job["timeout_ms"], job["timeout_seconds"]) == (0, 86_400)


@pytest.mark.parametrize("given", [-1, 86_400_001])
def test_a_timeout_out_of_its_range_is_refused(api: Api, given: int) -> None:
    assert problem(create(api, timeout_ms=given)) == (400, "timeout_ms", "range")


def test_a_heartbeat_past_the_timeout_is_told_so(api: Api) -> None:
    create(api, timeout_ms=5_000)
    asked = {"queue_name": "emails", "worker_id": "w", "lease_duration_secs": 60}
    [job] = api.post("jobs/claim", json=asked).json()["jobs"]
    beat = {"lease_id": job["lease_id"], "worker_id": "w", "lease_duration_secs": 60}

    renewed = api.post(f"jobs/{job['id']}/heartbeat", json=beat)
    api.clock.advance(seconds=14.999)
    assert renewed.status_code == 200
    assert api.post(f"jobs/{job['id']}/heartbeat", json=beat).status_code == 200
    api.clock.advance(seconds=0.001)
    refused = api.post(f"jobs/{job['id']}/heartbeat", json=beat)

    assert (refused.status_code, refused.json()["code"]) == (409, "LEASE_EXPIRED")
    assert refused.json()["details"]["reason"] == "timeout"


# -- runs of tasks -------------------------------------------------------------------------------


def test_a_run_waits_as_its_task_is_defined_now_unless_it_says_otherwise(api: Api) -> None:
    task = {"queue_name": "emails", "max_retries": 9}
    fixed = {"strategy": "fixed", "base_delay_ms": 70}
    configured(api, backoff=LINEAR)
    api.put("tasks/mail", json=task)
    api.post("tasks/mail/runs", json={})

    assert failed(api) == 500
    api.clock.advance(seconds=1)
    api.put("tasks/mail", json={**task, "backoff": fixed})
    assert failed(api) == 70
    api.clock.advance(seconds=1)
    assert failed(api, retry_after_ms=5_000) == 5_000

    api.post("queues/emails/purge")
    own = {"strategy": "fixed", "base_delay_ms": 9}
    api.post("tasks/mail/runs", json={"backoff": own})
    assert failed(api) == 9
