"""The deliveries that a job caused, over HTTP."""

from collections.abc import Iterator

import httpx
import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import UNKNOWN_ID, WatchedApi, refusal
from tests.wire.http.webhook_calls import NOBODY, Busy, a_webhook

SECRET = "signs-the-call-at-its-end"


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with Busy(":memory:", Settings()) as it:
        yield it


def path(job: dict[str, str]) -> str:
    return f"jobs/{job['id']}/deliveries"


def listed(answer: httpx.Response) -> list[tuple[str, str | None]]:
    assert answer.status_code == 200, answer.text
    return [(row["event"], row["webhook_id"]) for row in answer.json()]


def test_they_are_listed_with_the_fields_of_any_delivery(api: WatchedApi) -> None:
    webhook = a_webhook(api, events=["job.created", "job.completed"])
    api.enqueue("others")
    job = api.claimed(completion_webhook=NOBODY, completion_webhook_secret=SECRET)
    api.shown("POST", f"jobs/{job['id']}/complete", json={"result": 7})

    answer = api.get(path(job))

    assert sorted(listed(answer)[:2], key=str) == [
        ("job.completed", webhook["id"]),
        ("job.completed", None),
    ]
    assert listed(answer)[2:] == [("job.created", webhook["id"])]
    assert SECRET not in answer.text
    of_webhook = api.get(f"outgoing-webhooks/{webhook['id']}/deliveries").json()
    [same] = [row for row in of_webhook if row["id"] == answer.json()[2]["id"]]
    assert list(answer.json()[2]) == list(same)
    assert answer.json()[2]["payload"]["data"]["job_id"] == job["id"]


def test_pages_of_what_a_job_caused(api: WatchedApi) -> None:
    for _ in range(3):
        a_webhook(api, events=["job.deadlettered"])
    job = api.dead()
    for _ in range(40):
        api.shown("POST", f"jobs/{job['id']}/retry")
        [again] = api.claim()
        api.shown("POST", f"jobs/{again['id']}/fail", json={"error": "e", "no_retry": True})

    def page(query: str) -> tuple[int, str]:
        answer = api.get(f"{path(job)}?{query}")
        return len(answer.json()), answer.headers["x-has-more"]

    assert page("") == (100, "false"), "what is older cannot be read"
    assert page("limit=50") == (50, "true")
    assert page("limit=50&offset=50") == (50, "false")
    assert page("offset=100") == (0, "false")
    assert page("status=nonsense&limit=3") == (3, "true")
    assert page("status=success") == (0, "false")
    assert refusal(api.get(f"{path(job)}?limit=x")) == (400, "BAD_REQUEST")


def test_a_job_without_any_has_an_empty_list(api: WatchedApi) -> None:
    assert listed(api.get(path(api.enqueue()))) == []


def test_they_are_read_with_the_word_of_webhooks_in_the_scope_of_the_job(api: WatchedApi) -> None:
    a_webhook(api, events=["job.created"])
    job = api.enqueue()

    assert refusal(api.get(path(job), key=api.issue(permissions=("jobs:read",)))) == (
        403, "ACCESS_DENIED",
    )  # fmt: skip
    own = api.issue(queues=("emails",), permissions=("webhooks:read",))
    assert len(listed(api.get(path(job), key=own))) == 1


def test_an_unknown_foreign_or_deleted_job_is_not_found(api: WatchedApi) -> None:
    a_webhook(api, events=["job.created"])
    job, gone = api.enqueue(), api.dead()
    api.shown("POST", "jobs/dlq/purge", json={"confirm": True})

    for answer in (
        api.get(f"jobs/{UNKNOWN_ID}/deliveries"),
        api.get(path(job), key=api.other_org()),
        api.get(path(job), key=api.issue(queues=("other",))),
        api.get(path(gone)),
    ):
        assert refusal(answer) == (404, "NOT_FOUND")


def test_the_completion_webhook_is_called_again_by_hand(api: WatchedApi) -> None:
    webhook = a_webhook(api, events=["job.completed"])
    job = api.claimed(completion_webhook=NOBODY)
    api.shown("POST", f"jobs/{job['id']}/complete")
    rows = api.get(path(job)).json()
    [completion] = [row for row in rows if row["webhook_id"] is None]
    [other] = [row for row in rows if row["webhook_id"] == webhook["id"]]
    again = f"{path(job)}/{completion['id']}/retry"

    answer = api.shown("POST", again)

    assert answer["success"] is False
    [after] = [row for row in api.get(path(job)).json() if row["id"] == completion["id"]]
    assert after["attempts"] > completion["attempts"]
    assert after["status"] == "failed"
    [act] = api.get("acts?kind=job").json()
    assert (act["act"], act["subject"]) == ("resend", job["id"])
    for refused in (
        api.post(f"{path(job)}/{other['id']}/retry"),
        api.post(f"{path(job)}/{UNKNOWN_ID}/retry"),
        api.post(f"jobs/{UNKNOWN_ID}/deliveries/{completion['id']}/retry"),
        api.post(again, key=api.other_org()),
        api.post(again, key=api.issue(queues=("other",))),
    ):
        assert refusal(refused) == (404, "NOT_FOUND")
