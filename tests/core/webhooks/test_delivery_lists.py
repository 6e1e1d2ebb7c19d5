"""Which deliveries of a webhook, and of a job, can be read."""

import pytest

from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.maintenance.prune import SWEEP_MS
from spooled_lite.core.webhooks.query import (
    DeliveriesAsked,
    list_deliveries,
    list_deliveries_of_job,
)
from spooled_lite.core.webhooks.subscribe import delete_webhook
from spooled_lite.errors import NotFound
from tests.core.webhooks.hook_stage import TAKEN, HookStage

DAY = 24 * 60 * 60
RETRIES = 40  # of a job that three webhooks and more are told of at each step


def asked(status: str | None = None, limit: int = 100, offset: int = 0) -> DeliveriesAsked:
    return DeliveriesAsked(status=status, limit=limit, offset=offset)


def of_job(
    stage: HookStage, job_id: str, shown: DeliveriesAsked | None = None
) -> list[tuple[str, str | None]]:
    """The events a job caused and the webhooks they are owed to."""
    found = stage.read(list_deliveries_of_job, stage.org, job_id, ALL_QUEUES, shown or asked())
    return [(row["event"], webhook) for row, webhook in found]


def test_the_newest_hundred_of_a_webhook_can_be_read(stage: HookStage) -> None:
    webhook = stage.subscribe()
    for _ in range(105):
        stage.enqueue()
    newest = [row["id"] for row in reversed(stage.owed())]
    stage.attempt(stage.owed()[-3], TAKEN)
    stage.attempt(stage.owed()[0], TAKEN)

    def listed(wanted: DeliveriesAsked) -> list[str]:
        rows = stage.read(list_deliveries, stage.org, webhook["id"], wanted)
        return [row["id"] for row in rows]

    assert listed(asked()) == newest[:100]
    assert listed(asked(offset=98)) == newest[98:100]
    assert listed(asked(offset=100)) == []
    assert listed(asked("success")) == [newest[2]]
    assert len(listed(asked("pending"))) == 99


def test_what_a_job_caused_is_listed_with_its_completion_webhook(stage: HookStage) -> None:
    made, done = stage.subscribe(), stage.subscribe("job.completed", "job.created")
    stage.enqueue()
    job = stage.completed(completion_webhook="https://x.example.com/")

    assert set(of_job(stage, job["id"])[:2]) == {
        ("job.completed", None),
        ("job.completed", done["id"]),
    }
    assert set(of_job(stage, job["id"])[2:]) == {
        ("job.created", made["id"]),
        ("job.created", done["id"]),
    }


def test_the_newest_hundred_of_a_job_can_be_read(stage: HookStage) -> None:
    for _ in range(3):
        stage.subscribe("job.deadlettered")
    job = stage.dead_letter()
    for _ in range(RETRIES):
        stage.retry(job)
        stage.fail(stage.take(), may_retry=False)
    newest = [row["id"] for row in reversed(stage.owed())]
    assert len(newest) == 3 * (RETRIES + 1)
    stage.attempt(stage.owed()[-2], TAKEN)

    def listed(wanted: DeliveriesAsked) -> list[str]:
        found = stage.read(list_deliveries_of_job, stage.org, job["id"], ALL_QUEUES, wanted)
        return [row["id"] for row, _ in found]

    assert listed(asked()) == newest[:100]
    assert listed(asked(limit=7, offset=60)) == newest[60:67]
    assert listed(asked(offset=100)) == []
    assert listed(asked("success")) == [newest[1]]


def test_those_of_a_webhook_that_is_being_deleted_are_hidden(stage: HookStage) -> None:
    webhook, stays = stage.subscribe(), stage.subscribe()
    job = stage.enqueue()

    stage.run(delete_webhook, stage.org, webhook["id"])

    assert len(stage.owed()) == 2, "its rows go later"
    assert of_job(stage, job["id"]) == [("job.created", stays["id"])]


def test_a_job_that_is_not_there_has_no_deliveries_to_show(stage: HookStage) -> None:
    stage.subscribe("job.completed")
    job = stage.completed()

    for org, job_id, scope in (
        (stage.other_org(), job["id"], ALL_QUEUES),
        (stage.org, "nowhere", ALL_QUEUES),
        (stage.org, job["id"], Scope(["others"])),
    ):
        with pytest.raises(NotFound):
            stage.read(list_deliveries_of_job, org, job_id, scope, asked())


def test_they_go_with_the_job_and_its_history(stage: HookStage) -> None:
    stage.subscribe("job.completed", "job.deadlettered")
    job, dead = stage.completed(), stage.dead_letter()
    for row in stage.owed():
        stage.attempt(row, TAKEN)
    assert of_job(stage, job["id"]) != []

    stage.wait(seconds=31 * DAY)
    stage.wait(seconds=SWEEP_MS / 1000)

    assert stage.owed() == []
    assert of_job(stage, dead["id"]) == [], "a dead letter is kept"
    with pytest.raises(NotFound):
        of_job(stage, job["id"])
