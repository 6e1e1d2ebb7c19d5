import json
from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.core.maintenance.prune import SWEEP_MS, Pruning, Retention
from spooled_lite.core.maintenance.remove import COUNTS_MAX
from spooled_lite.events import Deadline
from spooled_lite.plans import OwnLimits, Plans
from spooled_lite.storage.transaction import Tx
from tests.core.job_stage import JobStage
from tests.core.store import NOW_MS
from tests.factories import a_job

DAY = 86_400


@pytest.fixture
def kept_for(request: pytest.FixtureRequest) -> Iterator[JobStage]:
    """A stage with the retention of the test's parameter."""
    stage = JobStage(request.param)
    yield stage
    stage.close()


def with_retention(**fields: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("kept_for", [Retention(**fields)], indirect=True)


def custom(stage: JobStage, limits: dict[str, Any] | None, tier: str = "free") -> None:
    blob = None if limits is None else json.dumps(limits).encode()
    stage.run(
        lambda tx: tx.execute(
            "UPDATE organizations SET custom_limits = :blob, plan_tier = :tier",
            {"blob": blob, "tier": tier},
        )
    )


def jobs(stage: JobStage) -> int:
    count: int = stage.value("SELECT count(*) FROM jobs")
    return count


def lines(stage: JobStage) -> int:
    count: int = stage.value("SELECT count(*) FROM job_history")
    return count


# -- windows ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("retention", "tier", "own", "expected"),
    [
        (Retention(), "free", None, (30, 7)),
        (Retention(job_days=1, history_days=2), "free", OwnLimits(), (1, 2)),
        (Retention(plans=Plans()), "free", None, (3, 1)),
        (Retention(plans=Plans()), "starter", None, (14, 7)),
        (Retention(plans=Plans()), "pro", None, (30, 30)),
        (Retention(plans=Plans()), "enterprise", None, (90, 90)),
        (Retention(plans=Plans()), "unheard of", None, (3, 1)),
        (Retention(), "free", OwnLimits(job_retention_days=5), (5, 7)),
        (Retention(plans=Plans()), "free", OwnLimits(history_retention_days=5), (3, 5)),
        (Retention(), "free", OwnLimits(job_retention_days=0, history_retention_days=-1), (0, -1)),
        (Retention(), "free", OwnLimits(job_retention_days=None), (30, 7)),
    ],
)
def test_a_window_is_a_custom_limit_or_the_plans_or_the_servers(
    retention: Retention, tier: str, own: OwnLimits | None, expected: tuple[int, int]
) -> None:
    assert retention.windows(tier, own) == expected


# -- jobs ------------------------------------------------------------------------------------


def test_finished_jobs_go_when_they_are_old_and_others_stay(stage: JobStage) -> None:
    done = stage.completed(idempotency_key="k")
    cancelled = stage.enqueue()
    stage.cancel(cancelled)
    kept = [stage.dead_letter(), stage.enqueue(), stage.enqueue(delay_ms=90 * DAY * 1000)]

    stage.wait(seconds=30 * DAY)
    stage.wait(seconds=SWEEP_MS / 1000)

    left = [row["id"] for row in stage.rows("SELECT id FROM jobs ORDER BY seq")]
    assert left == [job["id"] for job in kept]
    assert done["id"] not in left
    assert stage.enqueue(idempotency_key="k")["id"] != done["id"]
    stage.check_books()


def test_a_job_stays_to_the_end_of_its_window(stage: JobStage) -> None:
    stage.completed()

    stage.wait(seconds=30 * DAY)
    assert jobs(stage) == 1

    stage.wait(seconds=SWEEP_MS / 1000)
    assert jobs(stage) == 0


def test_age_counts_from_the_end_of_a_job(stage: JobStage) -> None:
    stage.enqueue()
    stage.clock.advance(seconds=29 * DAY)
    stage.complete(stage.take())

    stage.wait(seconds=29 * DAY)

    assert jobs(stage) == 1


@with_retention(job_days=0, history_days=0)
def test_nothing_is_kept_for_ever(kept_for: JobStage) -> None:
    kept_for.completed()

    kept_for.wait(seconds=10_000 * DAY)

    assert (jobs(kept_for), lines(kept_for)) == (1, 3)


@with_retention(job_days=2, history_days=1)
def test_a_custom_limit_wins(kept_for: JobStage) -> None:
    custom(kept_for, {"job_retention_days": 0, "history_retention_days": 10})
    kept_for.completed()

    kept_for.wait(seconds=9 * DAY)
    assert (jobs(kept_for), lines(kept_for)) == (1, 3)

    kept_for.wait(seconds=2 * DAY)
    assert (jobs(kept_for), lines(kept_for)) == (1, 0)


@with_retention(plans=Plans())
def test_the_plan_counts_when_plans_are_enforced(kept_for: JobStage) -> None:
    custom(kept_for, None, tier="free")
    kept_for.completed()

    kept_for.wait(seconds=2.9 * DAY)
    assert jobs(kept_for) == 1

    kept_for.wait(seconds=0.2 * DAY)
    assert jobs(kept_for) == 0


def test_a_parent_stays_while_a_waiting_child_refers_to_it(stage: JobStage) -> None:
    parent = stage.completed()
    child = stage.enqueue("children", parent_job_id=parent["id"])

    stage.wait(seconds=31 * DAY)
    assert stage.status(parent["id"]) == "completed"

    stage.complete(stage.take("children"))
    stage.wait(seconds=SWEEP_MS / 1000)
    assert stage.rows("SELECT 1 FROM jobs WHERE id = :id", id=parent["id"]) == []
    assert stage.status(child["id"]) == "completed"


def test_a_sweep_goes_through_all_rows_in_passes(stage: JobStage) -> None:
    for _ in range(5):
        stage.bulk(*(a_job() for _ in range(50)))
        for job in stage.claim(limit=100):
            stage.complete(job)
    for _ in range(2):  # in the way, and staying
        stage.bulk(*(a_job() for _ in range(60)))
        for job in stage.claim(limit=100):
            stage.fail(job, may_retry=False)
    stage.clock.advance(seconds=31 * DAY)
    pruning = Pruning(Retention())

    passes = 1
    while (done := stage.run(pruning.run_once)).due_again_ms == stage.clock.now_ms():
        passes += 1
        assert done.done <= 500

    assert done.due_again_ms == stage.clock.now_ms() + SWEEP_MS
    assert stage.value("SELECT count(*) FROM jobs WHERE status = 'completed'") == 0
    assert jobs(stage) == 120
    assert passes < 26
    stage.check_books()


def test_a_pass_that_ends_early_because_of_many_edges_is_gone_on_with(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.core.maintenance.remove.EDGES_MAX", 12)
    parent = stage.enqueue("parents")
    for _ in range(10):
        stage.enqueue("children", parent_job_id=parent["id"])
    dead = stage.dead_letter()
    stage.complete(stage.take("parents"))
    stage.run_due()
    for job in stage.claim("children", limit=10):
        stage.complete(job)

    stage.wait(seconds=31 * DAY)

    assert [row["id"] for row in stage.rows("SELECT id FROM jobs")] == [dead["id"]]
    assert stage.value("SELECT count(*) FROM job_dependencies") == 0
    stage.check_books()


def test_every_organization_has_its_own_window(stage: JobStage) -> None:
    stage.completed()
    us, them = stage.org, stage.other_org()
    stage.run(
        lambda tx: tx.execute(
            "UPDATE organizations SET custom_limits = :limits WHERE seq = :seq",
            {"limits": b'{"job_retention_days": 1}', "seq": them},
        )
    )
    stage.org = them
    stage.completed()

    stage.wait(seconds=2 * DAY)

    assert [row["org"] for row in stage.rows("SELECT org FROM jobs")] == [us]


def test_dead_letters_do_not_keep_a_sweep_from_what_is_behind_them(stage: JobStage) -> None:
    for _ in range(250):
        stage.dead_letter()
    stage.completed()

    stage.wait(seconds=31 * DAY)

    assert jobs(stage) == 250
    stage.completed()
    stage.wait(seconds=31 * DAY)
    assert jobs(stage) == 250


# -- history and minutes ---------------------------------------------------------------------


def test_history_goes_before_its_job(stage: JobStage) -> None:
    job = stage.completed()

    stage.wait(seconds=8 * DAY)

    assert (jobs(stage), stage.history(job)) == (1, [])


def test_the_event_log_forgets_after_an_hour_all_but_its_newest_row(stage: JobStage) -> None:
    stage.completed()
    assert stage.value("SELECT count(*) FROM event_log") == 3

    stage.wait(seconds=3_600)
    assert stage.value("SELECT count(*) FROM event_log") == 3

    stage.wait(seconds=SWEEP_MS / 1000)
    assert stage.value("SELECT count(*) FROM event_log") == 1


def test_minutes_are_kept_for_the_day_that_statistics_look_back(stage: JobStage) -> None:
    stage.completed()
    minute = NOW_MS // 60_000
    assert stage.counter("completed", minute=minute) == 1

    stage.wait(seconds=DAY)
    assert stage.counter("completed", minute=minute) == 1

    stage.wait(seconds=2 * 3_600)
    stage.wait(seconds=SWEEP_MS / 1000)
    assert stage.counter("completed", minute=minute) == 0
    assert stage.counter("status.completed") == 1


def test_minutes_of_a_long_time_go_a_pass_at_a_time(stage: JobStage) -> None:
    stage.completed()
    queue = stage.value("SELECT seq FROM queues")
    for key in (queue, -stage.org):
        stage.run(_fill_minutes, key)
    pruning, most = Pruning(Retention()), 0
    before = _minutes(stage)

    stage.clock.advance(seconds=2 * DAY)
    while stage.run(pruning.run_once).due_again_ms == stage.clock.now_ms():
        most, before = max(most, before - _minutes(stage)), _minutes(stage)

    assert 0 < most <= COUNTS_MAX
    assert _minutes(stage) == 0


def _fill_minutes(tx: Tx, key: int) -> None:
    """More than one pass deletes, of counters and of histograms."""
    asked = {"key": key, "last": tx.now_ms // 60_000, "rows": COUNTS_MAX + 500}
    tx.execute(
        """
INSERT INTO minute_histograms
  WITH RECURSIVE each(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM each WHERE n < :rows)
SELECT :key, :last - n % 100, 'e', n, 1 FROM each
""",
        asked,
    )
    tx.execute(
        """
INSERT INTO queue_counters
SELECT key, minute, 'n' || bucket, value FROM minute_histograms WHERE key = :key AND kind = 'e'
""",
        asked,
    )


def _minutes(stage: JobStage) -> int:
    count: int = stage.value(
        "SELECT (SELECT count(*) FROM queue_counters WHERE minute > 0)"
        " + (SELECT count(*) FROM minute_histograms)"
    )
    return count


def test_workers_that_have_long_been_offline_are_forgotten(stage: JobStage) -> None:
    stage.run(
        lambda tx: tx.execute(
            "INSERT INTO workers (id, org, queue_name, queue_names, hostname, max_concurrency,"
            " status, last_heartbeat_ms, registered_at_ms, updated_at_ms)"
            " VALUES ('w', :org, 'q', '[]', 'h', 1, 'offline', :now, :now, :now)",
            {"org": stage.org, "now": tx.now_ms},
        )
    )

    stage.wait(seconds=7 * DAY)
    assert stage.value("SELECT count(*) FROM workers") == 1

    stage.wait(seconds=SWEEP_MS / 1000)
    assert stage.value("SELECT count(*) FROM workers") == 0


def test_a_file_that_has_become_mostly_empty_is_made_smaller(stage: JobStage) -> None:
    for _ in range(30):
        stage.completed(payload=b'"' + b"x" * 500_000 + b'"')
    before = stage.value("PRAGMA page_count")

    stage.wait(seconds=31 * DAY)
    stage.wait(seconds=SWEEP_MS / 1000)

    assert jobs(stage) == 0
    assert stage.value("PRAGMA page_count") < before / 2


def test_sweeps_follow_one_another(stage: JobStage) -> None:
    stage.wait(seconds=SWEEP_MS / 1000)

    assert stage.due_at_ms[Deadline.RETENTION] == stage.clock.now_ms() + SWEEP_MS


ADD_ACT = """
INSERT INTO acts (org, key_id, key_name, act, kind, subject, count, created_at_ms)
VALUES (:org, 'k', 'k', 'pause', 'queue', 'emails', 1, :at_ms)
"""


def test_acts_go_with_the_histories_and_never_grow_beyond_a_bound(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.core.maintenance.prune.ACTS_KEPT_MAX", 3)
    pruning = Pruning(Retention(history_days=7))
    now_ms = stage.clock.now_ms()
    for days in (9, 8, 4, 3, 2, 1):
        stage.run(Tx.execute, ADD_ACT, {"org": stage.org, "at_ms": now_ms - days * DAY * 1000})

    while stage.run(pruning.run_once).due_again_ms == now_ms:
        pass
    assert stage.value("SELECT count(*) FROM acts") == 3
    stage.clock.advance(seconds=5 * DAY)
    while stage.run(pruning.run_once).due_again_ms == stage.clock.now_ms():
        pass

    assert stage.value("SELECT count(*) FROM acts") == 2
