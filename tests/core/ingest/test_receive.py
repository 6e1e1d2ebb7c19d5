"""One operation: the job and the line of the log, or neither."""

from typing import Any

import pytest

from spooled_lite.core.ingest import github
from spooled_lite.core.ingest.receive import receive
from spooled_lite.core.ingest.records import Delivery
from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.enqueue import Enqueued
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.maintenance.remove_org import delete_organization, remove_deleted
from spooled_lite.core.queues.records import Admission
from spooled_lite.errors import AccessDenied, NotFound, QuotaExceeded
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN, capped
from tests.core.store import NOW_MS


def taken(
    stage: JobStage,
    delivery: Delivery,
    admission: Admission = OPEN,
    scope: Scope = ALL_QUEUES,
    org: int | None = None,
) -> Enqueued:
    return stage.run(receive, stage.org if org is None else org, delivery, admission, scope)


def a_push(delivery_id: str | None = "d-1") -> Delivery:
    return github.delivery(b'{"a": 1}', event="push", delivery_id=delivery_id)


def a_custom(**fields: Any) -> Delivery:
    job = NewJob(**{"queue_name": "orders", "payload": b"{}", **fields})
    return Delivery(provider="custom", event_type="custom", job=job)


def lines(stage: JobStage) -> list[dict[str, Any]]:
    return [dict(row) for row in stage.rows("SELECT * FROM inbound_log ORDER BY seq")]


def jobs(stage: JobStage) -> int:
    count: int = stage.value("SELECT count(*) FROM jobs")
    return count


def test_a_job_and_a_line_of_the_log_are_stored_together(stage: JobStage) -> None:
    received = taken(stage, a_push())

    [job] = stage.rows("SELECT * FROM jobs")
    assert (job["id"], job["queue_name"], job["payload"]) == (
        received.row["id"], "github-push", b'{"a": 1}',
    )  # fmt: skip
    assert (job["status"], job["priority"], job["max_retries"], job["timeout_seconds"]) == (
        "pending", 0, 3, 300,
    )  # fmt: skip
    [line] = lines(stage)
    assert line.pop("id") != received.row["id"]
    assert line == {
        "seq": 1,
        "org": stage.org,
        "provider": "github",
        "event_type": "push",
        "matched_queue": "github-push",
        "job_id": received.row["id"],
        "status": "created",
        "created_at_ms": NOW_MS,
    }
    assert received.created


def test_it_is_announced_as_any_job(stage: JobStage) -> None:
    taken(stage, a_push())
    first = stage.happened()
    taken(stage, a_push())

    assert "job.created" in first
    assert stage.happened() == []


def test_the_queue_says_how_often_and_how_long(stage: JobStage) -> None:
    taken(stage, a_push(), Admission(max_retries=7, timeout_seconds=11))

    [job] = stage.rows("SELECT max_retries, timeout_seconds FROM jobs")
    assert tuple(job) == (7, 11)


def test_a_delivery_that_comes_again_is_logged_and_makes_no_job(stage: JobStage) -> None:
    first = taken(stage, a_push())
    [claimed] = stage.claim("github-push")
    again = taken(stage, a_push())
    stage.complete(claimed)
    later = taken(stage, a_push())

    assert jobs(stage) == 1
    assert (again.created, again.row["status"]) == (False, "processing")
    assert later.row["status"] == "completed"
    assert [line["status"] for line in lines(stage)] == ["created", "duplicate", "duplicate"]
    assert {line["job_id"] for line in lines(stage)} == {first.row["id"]}


def test_without_an_id_each_makes_its_job(stage: JobStage) -> None:
    for _ in range(2):
        taken(stage, a_push(None))

    assert jobs(stage) == 2


def test_the_keys_are_those_of_all_jobs(stage: JobStage) -> None:
    job = stage.enqueue("emails", idempotency_key="github:d-1")

    received = taken(stage, a_push())

    assert (received.row["id"], received.row["queue_name"], received.created) == (
        job["id"],
        "emails",
        False,
    )
    [line] = lines(stage)
    assert line["matched_queue"] == "github-push"  # where it would have gone


def test_organizations_do_not_share_keys(stage: JobStage) -> None:
    other = stage.other_org()

    taken(stage, a_push())
    received = taken(stage, a_push(), org=other)

    assert received.created
    assert [line["org"] for line in lines(stage)] == [stage.org, other]


@pytest.mark.parametrize("resource", ["jobs_per_day", "active_jobs", "queues"])
def test_a_cap_refuses_the_job_and_the_line(stage: JobStage, resource: str) -> None:
    with pytest.raises(QuotaExceeded) as refused:
        taken(stage, a_push(), capped(**{resource: 0}))

    assert refused.value.details["resource"] == resource
    assert (jobs(stage), lines(stage)) == (0, [])
    assert stage.value("SELECT count(*) FROM queues") == 0


def test_what_was_there_before_counts_against_no_cap(stage: JobStage) -> None:
    taken(stage, a_push())

    received = taken(stage, a_push(), capped(active_jobs=1, jobs_per_day=1, queues=1))

    assert not received.created


def test_a_key_makes_jobs_of_its_queues_only(stage: JobStage) -> None:
    scope = Scope(["orders"])
    stage.enqueue("emails", idempotency_key="of-emails")

    taken(stage, a_custom(), scope=scope)
    with pytest.raises(AccessDenied):
        taken(stage, a_custom(queue_name="emails"), scope=scope)
    with pytest.raises(AccessDenied):
        taken(stage, a_custom(idempotency_key="of-emails"), scope=scope)

    assert len(lines(stage)) == 1


def test_an_organization_that_was_deleted_meanwhile_gets_nothing(stage: JobStage) -> None:
    stage.run(delete_organization, stage.org)

    with pytest.raises(NotFound):
        taken(stage, a_push())

    assert (jobs(stage), lines(stage)) == (0, [])


def test_the_log_goes_with_its_organization(stage: JobStage) -> None:
    other = stage.other_org()
    for org in (stage.org, other):
        taken(stage, a_push(), org=org)
    [claimed] = stage.claim("github-push")
    stage.complete(claimed)
    stage.run(delete_organization, stage.org)

    while stage.run(remove_deleted).done:
        pass

    assert [line["org"] for line in lines(stage)] == [other]
