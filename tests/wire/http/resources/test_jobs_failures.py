"""What a failure says beside its text, over REST. Contract: amendments, G7."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.jobs.records import TRACEBACK_BYTES_MAX
from tests.wire.http.job_calls import WatchedApi

TRACE = "Traceback (most recent call last):\n  …\nMailboxFull: full\n"


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def failed(api: WatchedApi, **said: Any) -> dict[str, Any]:
    """The job as it is shown after a failure for good that says this."""
    job = api.claimed()
    api.shown("POST", f"jobs/{job['id']}/fail", json={"error": "boom", "final": True, **said})
    return api.job(job["id"])


def test_type_and_traceback_are_shown_with_the_job_and_among_the_dead_letters(
    api: WatchedApi,
) -> None:
    job = failed(api, error_type="MailboxFull", traceback=TRACE)

    assert (job["last_error"], job["error_type"], job["traceback"]) == (
        "boom",
        "MailboxFull",
        TRACE,
    )
    [dead] = api.get("jobs/dlq").json()
    assert (dead["error_type"], dead["traceback"]) == ("MailboxFull", TRACE)
    assert "values_omitted" not in dead


def test_the_answer_is_what_it_was_where_a_failure_says_neither(api: WatchedApi) -> None:
    job = failed(api)

    [dead] = api.get("jobs/dlq").json()
    for each in (job, dead):
        assert not {"error_type", "traceback", "values_omitted"} & each.keys()


def test_a_longer_one_is_cut_and_not_refused(api: WatchedApi) -> None:
    job = failed(api, error_type="E" * 1_000, traceback="first" + "x" * 200_000 + "last")

    assert job["error_type"] == "E" * 255
    assert len(job["traceback"]) == TRACEBACK_BYTES_MAX
    assert job["traceback"].startswith("first")
    assert job["traceback"].endswith("last")


def test_a_list_of_dead_letters_leaves_out_what_it_has_no_room_for(api: WatchedApi) -> None:
    for _ in range(18):
        failed(api, traceback="x" * TRACEBACK_BYTES_MAX)

    dead: Any = api.get("jobs/dlq", params={"limit": 100}).json()

    with_one = [each for each in dead if "traceback" in each]
    assert len(with_one) == 16  # 1 MiB
    assert all(each["values_omitted"] for each in dead if each not in with_one)


@pytest.mark.parametrize("given", [5, ["line"]])
def test_one_that_is_no_text_is_refused(api: WatchedApi, given: Any) -> None:
    job = api.claimed()

    answer = api.post(f"jobs/{job['id']}/fail", json={"error": "boom", "traceback": given})

    assert answer.status_code == 422


def test_settling_many_keeps_them_for_each_and_an_error_type_alone_is_no_completion(
    api: WatchedApi,
) -> None:
    first, second = api.claimed(), api.claimed()
    said = {"error_type": "MailboxFull", "traceback": TRACE}

    answer = api.shown(
        "POST",
        "jobs/settle",
        json={"jobs": [{"id": first["id"], "error": "boom", **said}, {"id": second["id"], **said}]},
    )

    assert [each["success"] for each in answer["results"]] == [True, False]
    assert api.job(first["id"])["traceback"] == TRACE
    assert api.job(second["id"])["status"] == "processing"
