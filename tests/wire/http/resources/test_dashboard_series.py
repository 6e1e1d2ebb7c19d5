"""The figures of a chart over HTTP."""

from collections.abc import Iterator

import pytest

import spooled_lite
from spooled_lite.config import Settings
from tests.wire.http.job_calls import NOW, WatchedApi, refusal

NOW_SECONDS = 1_800_000_000


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def test_the_last_hour_is_told_by_the_minute(api: WatchedApi) -> None:
    job = api.claimed()
    api.skip(seconds=0.3)
    api.shown("POST", f"jobs/{job['id']}/complete", json={})

    shown = api.shown("GET", "dashboard/series")

    assert (shown["from"], shown["to"]) == ("2027-01-15T07:01:00.000Z", "2027-01-15T08:01:00.000Z")
    assert shown["step_seconds"] == 60
    assert shown["at"] == [NOW_SECONDS - 60 * each for each in range(59, -1, -1)]
    for name in ("created", "claimed", "completed"):
        assert shown[name] == [0] * 59 + [1]
    for name in ("failed", "deadlettered"):
        assert shown[name] == [0] * 60
    assert shown["duration_ms"]["p50"][:59] == [None] * 59
    assert 256 <= shown["duration_ms"]["p95"][59] <= 362
    assert shown["wait_ms"]["p99"][59] == 0
    assert shown["marks"] == [{"at": NOW, "kind": "started", "text": spooled_lite.__version__}]


@pytest.mark.parametrize(
    ("query", "step", "points"),
    [
        ("from=2027-01-15T04:01:00Z", 60, 240),
        ("from=2027-01-15T03:00:00Z", 120, 151),
        ("from=2027-01-14T08:00:00Z", 600, 145),
        ("from=2027-01-08T08:00:00Z", 3600, 169),
        ("from=2020-01-01T00:00:00Z", 14400, 211),
        ("from=2027-01-13T08:00:00Z&step=7200", 7200, 25),
        ("from=2027-01-15T07:00:00Z&to=2027-01-15T07:59:00Z&step=1800", 1800, 2),
        ("from=2027-01-15T07:50:00Z&to=2030-01-01T00:00:00Z&step=300", 300, 3),
    ],
)
def test_a_step_is_as_short_as_the_number_of_points_allows(
    api: WatchedApi, query: str, step: int, points: int
) -> None:
    shown = api.shown("GET", f"dashboard/series?{query}")

    assert (shown["step_seconds"], len(shown["at"])) == (step, points)
    assert shown["at"][0] % step == 0
    assert len(shown["created"]) == len(shown["wait_ms"]["p50"]) == points


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("from=soon", "from"),
        ("from=2027-01-15T07:00:00Z&to=2027-01-15T06:00:00Z", "from"),
        ("step=90", "step"),
        ("from=2027-01-14T09:00:00Z&step=60", "step"),
        ("from=2027-01-10T09:00:00Z&step=2700", "step"),
        ("step=x", "step"),
    ],
)
def test_a_bad_question_is_refused_with_its_name(api: WatchedApi, query: str, name: str) -> None:
    answer = api.get(f"dashboard/series?{query}")

    assert refusal(answer) == (400, "BAD_REQUEST")
    assert f"`{name}`" in answer.json()["message"]


def test_a_key_with_a_queue_list_names_a_queue_for_more_than_an_hour(api: WatchedApi) -> None:
    api.enqueue("emails")
    api.enqueue("secret")
    key = api.issue(queues=("emails",))
    long = "dashboard/series?from=2027-01-15T01:00:00Z"

    assert sum(api.shown("GET", "dashboard/series", key=key)["created"]) == 1
    assert api.get(f"{long}&queue=emails", key=key).status_code == 200
    assert refusal(api.get(long, key=key)) == (400, "VALIDATION_ERROR")
    assert refusal(api.get(f"{long}&queue=secret", key=key)) == (403, "ACCESS_DENIED")


def test_another_organization_sees_nothing_of_it(api: WatchedApi) -> None:
    api.enqueue()

    assert sum(api.shown("GET", "dashboard/series", key=api.other_org())["created"]) == 0
