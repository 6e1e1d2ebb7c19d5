"""The stage with schedules on it, and the rounds of the loop that fires them, run by hand."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from spooled_lite.background.scheduler import in_passes
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.maintenance.prune import Retention
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.schedules.columns import RunRow, ScheduleRow
from spooled_lite.core.schedules.define import (
    RESUME,
    change,
    create,
    first_slot,
    pause,
    worked_out,
)
from spooled_lite.core.schedules.fire import Terms, find_due, fire, trigger
from spooled_lite.core.schedules.missed import Firing, decide
from spooled_lite.core.schedules.query import get_schedule, list_runs
from spooled_lite.core.schedules.records import NewSchedule, ScheduleChanges
from spooled_lite.plans import Caps, Plans
from tests.core.job_stage import PASSES_MAX, JobStage
from tests.core.stage import OPEN

TEMPLATE_BYTES_MAX: Final = 1024 * 1024
DUE_MAX: Final = 500
OPEN_TERMS: Final = Terms(
    plans=Plans(),
    is_enforced=False,
    payload_bytes_max=TEMPLATE_BYTES_MAX,
    max_retries=3,
    timeout_seconds=300,
)


def a_schedule(**overrides: Any) -> NewSchedule:
    """On every full hour, unless told otherwise."""
    asked = {
        "name": "report",
        "cron_expression": "0 * * * *",
        "queue_name": "reports",
        "payload_template": b'{"kind":"daily"}',
    }
    return NewSchedule(**{**asked, **overrides})


def at(text: str) -> int:
    """Milliseconds of a moment of 15 January 2027, where the clock of the stage begins at 08:00."""
    moment = datetime.fromisoformat(f"2027-01-15T{text}").replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


class ScheduleStage(JobStage):
    terms = OPEN_TERMS

    def __init__(self, retention: Retention | None = None) -> None:
        super().__init__(retention)

    def schedule(self, admission: Admission = OPEN, **fields: Any) -> ScheduleRow:
        new = a_schedule(**fields)
        slot = first_slot(new.cron_expression, new.timezone, self.clock.now_ms())
        return self.run(create, self.org, new, slot, admission)

    def change(
        self,
        schedule: ScheduleRow,
        caps: Caps | None = None,
        *,
        job_type: str | None = None,
        **columns: Any,
    ) -> ScheduleRow | None:
        return self._change(schedule, ScheduleChanges(columns=columns, job_type=job_type), caps)

    def resume(self, schedule: ScheduleRow, caps: Caps | None = None) -> ScheduleRow | None:
        return self._change(schedule, RESUME, caps)

    def pause(self, schedule: ScheduleRow) -> ScheduleRow:
        return self.run(pause, self.org, schedule["id"], ALL_QUEUES)

    def trigger(self, schedule: ScheduleRow, admission: Admission = OPEN) -> JobRow:
        return self.run(trigger, self.org, schedule["id"], admission, ALL_QUEUES)

    def again(self, schedule: ScheduleRow, scope: Scope = ALL_QUEUES) -> ScheduleRow:
        """The schedule as it is now."""
        return self.read(get_schedule, self.org, schedule["id"], scope)

    def runs(self, schedule: ScheduleRow) -> list[RunRow]:
        """Newest first."""
        asked = {"limit": 2_000, "offset": 0}
        return self.read(list_runs, self.org, schedule["id"], ALL_QUEUES, **asked)

    def slots(self, schedule: ScheduleRow) -> list[int]:
        """The slots that have been taken, in the order in which they were."""
        rows = self.rows(
            "SELECT slot_at_ms FROM schedule_runs WHERE schedule = :seq ORDER BY seq",
            seq=schedule["seq"],
        )
        return [row["slot_at_ms"] for row in rows]

    def job_count(self) -> int:
        count: int = self.value("SELECT count(*) FROM jobs")
        return count

    def decided(self) -> list[Firing]:
        due = self.read(find_due, DUE_MAX)
        return decide(due.rows, due.now_ms)

    def fire(self, firings: Sequence[Firing], refusal: str | None = None) -> int:
        return self.run(fire, firings, self.terms, refusal).schedules

    def fire_due(self) -> int:
        """One round of the loop; how many schedules moved on."""
        return sum(self.fire(some) for some in in_passes(self.decided()))

    def pass_time(self, *, seconds: float) -> None:
        """Time goes by at once, as when the server was down, and then the loop is at work."""
        self.clock.advance(seconds=seconds)
        self.come_to_rest()

    def come_to_rest(self) -> None:
        for _ in range(PASSES_MAX):
            if not self.fire_due():
                return
        raise AssertionError("the schedules do not come to rest")

    def _change(
        self, schedule: ScheduleRow, changes: ScheduleChanges, caps: Caps | None
    ) -> ScheduleRow | None:
        wanted = worked_out(
            changes,
            self.again(schedule),
            now_ms=self.clock.now_ms(),
            template_bytes_max=TEMPLATE_BYTES_MAX,
        )
        return self.run(change, self.org, schedule["id"], wanted, ALL_QUEUES, caps)


def a_schedule_stage() -> Iterator[ScheduleStage]:
    """The body of the fixtures that hand one out."""
    stage = ScheduleStage()
    try:
        yield stage
    finally:
        stage.close()
