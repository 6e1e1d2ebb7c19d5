"""What the rest of the product does with schedules: retention, removal, usage, the safety sweep."""

import json
import logging

import pytest

from spooled_lite.core.maintenance.prune import Retention
from spooled_lite.core.maintenance.remove_org import delete_organization, remove_deleted
from spooled_lite.core.maintenance.safety import EVERY_MS
from spooled_lite.core.orgs import statements as org_statements
from spooled_lite.core.orgs.usage import usage_of
from spooled_lite.errors import Conflict
from spooled_lite.events import Deadline
from spooled_lite.plans import Plans
from spooled_lite.storage.transaction import Reading, Tx
from tests.core.schedules.schedule_stage import ScheduleStage

DAY = 86_400


def run_count(stage: ScheduleStage) -> int:
    count: int = stage.value("SELECT count(*) FROM schedule_runs")
    return count


@pytest.mark.parametrize(
    ("retention", "own", "days"),
    [
        (Retention(), None, 7),
        (Retention(history_days=2), None, 2),
        (Retention(history_days=2), {"history_retention_days": 5}, 5),
        (Retention(plans=Plans()), None, 90),
    ],
)
def test_runs_are_kept_as_long_as_history(
    retention: Retention, own: dict[str, int] | None, days: int
) -> None:
    stage = ScheduleStage(retention)
    if own is not None:
        blob = json.dumps(own).encode()
        stage.run(
            lambda tx: tx.execute("UPDATE organizations SET custom_limits = :it", {"it": blob})
        )
    schedule = stage.schedule(is_active=False)
    stage.trigger(schedule)

    stage.wait(seconds=days * DAY)
    assert run_count(stage) == 1
    stage.wait(seconds=600)

    assert (run_count(stage), stage.again(schedule)["run_count"]) == (0, 1)
    stage.close()


def test_runs_are_kept_for_ever_when_history_is() -> None:
    stage = ScheduleStage(Retention(history_days=0))
    stage.trigger(stage.schedule(is_active=False))

    stage.wait(seconds=1_000 * DAY)

    assert run_count(stage) == 1
    stage.close()


def test_an_organization_with_active_schedules_is_not_deleted_by_mistake(
    stage: ScheduleStage,
) -> None:
    schedule = stage.schedule()

    def remove(tx: Tx) -> None:
        delete_organization(tx, stage.org)

    with pytest.raises(Conflict, match="active schedules"):
        stage.run(remove)
    stage.pause(schedule)
    stage.run(remove)


def test_a_deleted_organization_takes_its_schedules_along(stage: ScheduleStage) -> None:
    for _ in range(3):
        stage.trigger(stage.schedule())

    def remove(tx: Tx) -> None:
        delete_organization(tx, stage.org, even_if_busy=True)

    stage.run(remove)
    while stage.run(remove_deleted).done:
        pass

    assert (run_count(stage), stage.value("SELECT count(*) FROM schedules")) == (0, 0)


def test_active_schedules_are_used(stage: ScheduleStage) -> None:
    stage.schedule()
    stage.schedule(is_active=False)

    def usage(tx: Reading) -> int:
        organization = tx.row(org_statements.BY_SEQ, {"org": stage.org})
        assert organization is not None
        return usage_of(tx, organization, Plans()).resources["schedules"].current

    assert stage.read(usage) == 1


def test_a_slot_that_lost_its_deadline_is_announced_again(
    stage: ScheduleStage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.schedule(cron_expression="* * * * * *")
    del stage.due_at_ms[Deadline.SLOT]

    with caplog.at_level(logging.WARNING):
        stage.wait(seconds=EVERY_MS / 1000)

    assert stage.repaired == [1]
    assert stage.due_at_ms[Deadline.SLOT] == stage.clock.now_ms()
    assert [record.message for record in caplog.records] == [
        "a slot is overdue and no timer noticed it"
    ]
