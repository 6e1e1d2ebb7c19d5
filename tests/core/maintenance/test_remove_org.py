"""Deleting an organization: hidden at once, gone in bounded passes, nothing left behind."""

from typing import Any

import pytest

from spooled_lite.core.jobs.check import conservation
from spooled_lite.core.jobs.passes import PASS_MAX, Pass
from spooled_lite.core.keys.bootstrap import ensure_key
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.records import ALL_QUEUES, hash_of
from spooled_lite.core.keys.verify import check_still_valid, find_by_hash
from spooled_lite.core.maintenance.remove_org import (
    ROW_KEPT_MS,
    delete_organization,
    remove_deleted,
)
from spooled_lite.core.orgs.create import create, find_by_name, find_first
from spooled_lite.core.workers.records import NewWorker
from spooled_lite.core.workers.register import deregister, register
from spooled_lite.errors import Conflict, NotFound, Unauthorized
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN
from tests.factories import a_key, an_org

OF_ORG = ("queues", "jobs", "job_history", "workers", "deliveries", "api_keys", "usage_counters")


def delete(stage: JobStage, org: int | None = None, **how: Any) -> None:
    def run(tx: Tx) -> None:
        delete_organization(tx, stage.org if org is None else org, **how)

    stage.run(run)


def passes(stage: JobStage) -> list[Pass]:
    """Every pass until nothing is left to do now."""
    done: list[Pass] = []
    while not done or done[-1].due_again_ms == stage.clock.now_ms():
        done.append(stage.run(remove_deleted))
    return done


def rows_of(stage: JobStage, org: int) -> dict[str, int]:
    counts = {
        name: stage.value(f"SELECT count(*) FROM {name} WHERE org = :org", org=org)  # noqa: S608
        for name in OF_ORG
    }
    return {name: count for name, count in counts.items() if count}


def owe_delivery(tx: Tx, org: int, number: int) -> None:
    tx.execute(
        "INSERT INTO deliveries (id, org, event, endpoint, url, status, next_attempt_at_ms,"
        " created_at_ms, body)"
        " VALUES (:id, :org, 'e', '//x.test', 'https://x.test', 'pending', 1, 1, x'7b7d')",
        {"id": f"d-{number}", "org": org},
    )


def a_worker(stage: JobStage, worker_id: str = "w-1") -> None:
    worker = NewWorker(
        worker_id=worker_id,
        queue_names=("emails",),
        hostname="h",
        worker_type=None,
        version=None,
        max_concurrency=1,
        metadata=b"{}",
    )
    stage.run(register, stage.org, worker, OPEN)


def test_it_is_hidden_at_once_and_its_slug_is_free(stage: JobStage) -> None:
    issued = stage.run(issue, stage.org, a_key(), is_live=False)
    stage.happened()

    delete(stage)

    assert stage.happened() == ["org.changed"]
    assert stage.read(find_first) is None
    assert stage.read(find_by_name, "acme") is None
    found = stage.read(find_by_hash, hash_of(issued.secret))
    assert found is not None
    assert found.org_is_deleted
    with pytest.raises(Unauthorized):
        stage.run(check_still_valid, issued.row["seq"], issued.row["secret_id"], "emails")
    assert stage.run(create, an_org(slug="acme"))["slug"] == "acme"
    assert stage.due_at_ms[Deadline.DELETION] == stage.clock.now_ms()


def test_its_rows_go_and_those_of_others_stay(stage: JobStage) -> None:
    other = stage.other_org()
    for queue_name in ("a", "b"):
        stage.enqueue(queue_name)
    a_worker(stage)
    stage.run(issue, stage.org, a_key(), is_live=False)
    stage.run(issue, other, a_key(), is_live=False)
    stage.run(owe_delivery, stage.org, 1)
    stage.run(owe_delivery, other, 2)

    delete(stage, even_if_busy=True)
    passes(stage)

    assert rows_of(stage, stage.org) == {}
    assert rows_of(stage, other) == {"deliveries": 1, "api_keys": 1}
    assert stage.read(conservation) == []


def test_its_own_row_goes_when_no_request_can_refer_to_it_any_more(stage: JobStage) -> None:
    delete(stage)
    last = passes(stage)[-1]
    assert last == Pass(0, stage.clock.now_ms() + ROW_KEPT_MS)

    stage.enqueue("late")  # by a request that was let in before
    stage.clock.advance(seconds=ROW_KEPT_MS / 1000)
    last = passes(stage)[-1]

    assert last == Pass(0, None)
    assert rows_of(stage, stage.org) == {}
    assert stage.value("SELECT count(*) FROM organizations") == 0


def test_a_number_never_comes_back(stage: JobStage) -> None:
    delete(stage)
    passes(stage)
    stage.clock.advance(seconds=ROW_KEPT_MS / 1000)
    passes(stage)

    assert stage.run(create, an_org())["seq"] > stage.org


def test_no_pass_is_long(stage: JobStage) -> None:
    for number in range(PASS_MAX + 3):
        stage.run(owe_delivery, stage.org, number)
    for number in range(150):
        stage.enqueue(f"q-{number}")

    delete(stage, even_if_busy=True)
    done = passes(stage)

    assert max(each.done for each in done) == PASS_MAX
    assert rows_of(stage, stage.org) == {}


def test_what_is_owed_to_webhooks_goes_first(stage: JobStage) -> None:
    stage.enqueue("a")
    stage.run(owe_delivery, stage.org, 1)
    delete(stage, even_if_busy=True)

    stage.run(remove_deleted)

    assert "deliveries" not in rows_of(stage, stage.org)
    assert "jobs" in rows_of(stage, stage.org)


def test_active_jobs_then_workers_keep_it(stage: JobStage) -> None:
    job = stage.enqueue("emails")
    a_worker(stage)

    with pytest.raises(Conflict, match="jobs"):
        delete(stage)
    [claimed] = stage.claim()
    with pytest.raises(Conflict, match="jobs"):
        delete(stage)
    stage.complete(claimed)
    with pytest.raises(Conflict, match="workers"):
        delete(stage)
    stage.run(deregister, stage.org, "w-1", ALL_QUEUES)
    delete(stage)

    assert stage.status(job["id"]) == "completed"


def test_a_draining_worker_keeps_it_too(stage: JobStage) -> None:
    a_worker(stage)
    stage.run(lambda tx: tx.execute("UPDATE workers SET status = 'draining'"))

    with pytest.raises(Conflict, match="workers"):
        delete(stage)


def test_it_can_be_deleted_once(stage: JobStage) -> None:
    delete(stage)

    with pytest.raises(NotFound):
        delete(stage)


def test_a_bootstrap_key_of_a_deleted_organization_can_be_had_again(stage: JobStage) -> None:
    secret = "sk_test_0123456789abcdefghij"
    stage.run(ensure_key, stage.org, secret)
    delete(stage)
    fresh: int = stage.run(create, an_org())["seq"]

    stage.run(ensure_key, fresh, secret)

    found = stage.read(find_by_hash, hash_of(secret))
    assert found is not None
    assert (found.org, found.org_is_deleted) == (fresh, False)
