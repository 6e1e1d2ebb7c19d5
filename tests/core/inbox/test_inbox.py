"""Inboxes in core: order, passes, what is deleted when, and whether the counters agree."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from spooled_lite.core.batch.run import BatchStep, all_or_nothing
from spooled_lite.core.inbox import seen as seen_module
from spooled_lite.core.inbox.check import skip_notification_numbers, wrong_unseen_counts
from spooled_lite.core.inbox.put import put_notification
from spooled_lite.core.inbox.read import seen, unseen
from spooled_lite.core.inbox.records import ID_MAX, READ_BYTES_MAX, NewNotification
from spooled_lite.core.inbox.seen import mark_seen, mark_seen_at_once, mark_seen_pass
from spooled_lite.core.jobs.passes import PASS_MAX
from spooled_lite.core.maintenance.collect import collect_pass
from spooled_lite.core.maintenance.prune import Retention
from spooled_lite.core.maintenance.remove_org import delete_organization
from spooled_lite.core.orgs.create import create
from spooled_lite.errors import RuleBroken
from spooled_lite.events import Deadline
from spooled_lite.storage.counters import DAY_MS
from tests.core.export.stage import exported, read, taken
from tests.core.job_stage import JobStage
from tests.factories import an_org

COUNT: Final = PASS_MAX * 2 + 7


@pytest.fixture
def stage() -> Iterator[JobStage]:
    it = JobStage()
    yield it
    it.close()


def put(stage: JobStage, identity: str = "ada", org: int | None = None, **fields: Any) -> int:
    new = NewNotification(identity=identity, topic="a.b", **fields)
    return stage.run(put_notification, org or stage.org, new, None)


def many(stage: JobStage, count: int, identity: str = "ada") -> list[int]:
    new = NewNotification(identity=identity, topic="a.b")
    step = BatchStep("", put_notification, (stage.org, new, None))
    return stage.run(all_or_nothing, [step] * count)


def waiting(stage: JobStage, identity: str = "ada", org: int | None = None) -> list[int]:
    page = stage.read(unseen, org or stage.org, identity, after=0, limit=10_000)
    return [row["id"] for row in page.rows]


def are_right(stage: JobStage) -> bool:
    return stage.read(wrong_unseen_counts) == []


def swept(stage: JobStage) -> None:
    """A sweep of old rows, to its end."""
    stage.due_at_ms[Deadline.RETENTION] = stage.clock.now_ms()
    stage.run_due()


def test_numbers_grow_and_none_is_given_twice(stage: JobStage) -> None:
    first, second = put(stage), put(stage, identity="bob")
    last = put(stage, expires_in_ms=1)
    stage.clock.advance(seconds=1)
    swept(stage)

    after = put(stage)

    assert first < second < last < after
    assert stage.value("SELECT count(*) FROM notifications") == 3


def test_many_are_marked_in_passes_and_each_is_counted_once(stage: JobStage) -> None:
    ids, others = many(stage, COUNT), many(stage, 3, identity="bob")

    counts, until = [], ids[-2]
    while until is not None:
        done = stage.run(mark_seen_pass, stage.org, "ada", until)
        counts.append(done.count)
        until = done.until  # type: ignore[assignment]

    assert counts == [PASS_MAX, PASS_MAX, COUNT - 1 - 2 * PASS_MAX]
    assert (waiting(stage), waiting(stage, "bob")) == ([ids[-1]], others)
    assert are_right(stage)


def test_what_comes_between_two_passes_is_not_marked(stage: JobStage) -> None:
    many(stage, PASS_MAX)
    first = stage.run(mark_seen_pass, stage.org, "ada", ID_MAX)
    assert first.until is not None
    late = put(stage)

    last = stage.run(mark_seen_pass, stage.org, "ada", first.until)

    assert (first.count, last.count, last.until) == (PASS_MAX, 0, None)
    assert waiting(stage) == [late]


def test_one_batch_marks_so_many_up_to_a_number(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen_module, "AT_ONCE_MAX", 5)
    ids, others = many(stage, 3), many(stage, 3, identity="bob")
    steps = [
        BatchStep(name, mark_seen_at_once, (stage.org, name, ID_MAX)) for name in ("ada", "bob")
    ]

    with pytest.raises(RuleBroken, match="until"):
        stage.run(all_or_nothing, steps)
    assert (waiting(stage), waiting(stage, "bob")) == (ids, others)

    assert stage.run(all_or_nothing, steps[:1]) == [3]
    assert stage.run(all_or_nothing, steps) == [0, 3]
    assert are_right(stage)


def test_expired_ones_cannot_be_seen_and_stay_in_the_file_until_a_sweep(stage: JobStage) -> None:
    lasting, short = put(stage), put(stage, expires_in_ms=1_000)
    stage.clock.advance(seconds=1)

    assert waiting(stage) == [lasting]
    assert stage.run(mark_seen, stage.org, "ada", [short]) == 0
    assert stage.value("SELECT count(*) FROM notifications") == 2
    assert are_right(stage)

    swept(stage)

    assert stage.value("SELECT count(*) FROM notifications") == 1
    assert are_right(stage)


def test_a_mark_counts_what_could_be_seen_and_is_through_with_what_has_expired(
    stage: JobStage,
) -> None:
    for _ in range(3):
        put(stage, expires_in_ms=1_000)
    lasting = put(stage)
    stage.clock.advance(seconds=1)

    done = stage.run(mark_seen_pass, stage.org, "ada", ID_MAX)

    assert (done.count, waiting(stage)) == (1, [])
    assert are_right(stage)
    page = stage.read(seen, stage.org, "ada", before=ID_MAX, limit=10)
    assert [row["id"] for row in page.rows] == [lasting]
    assert stage.run(collect_pass, stage.org, True).notifications == 3
    assert are_right(stage)


def test_garbage_is_collected_in_passes_of_one_organization(stage: JobStage) -> None:
    other = stage.other_org()
    for org in (stage.org, other):
        for _ in range(3):
            put(stage, org=org, expires_in_ms=1)
    put(stage)
    stage.clock.advance(seconds=1)

    assert stage.run(collect_pass, stage.org, True).notifications == 3
    assert stage.run(collect_pass, stage.org, True).is_through
    assert stage.value("SELECT count(*) FROM notifications WHERE org = :org", org=other) == 3
    assert are_right(stage)


@pytest.mark.parametrize(("days", "left"), [(30, 1), (0, 2)])
def test_seen_ones_are_kept_as_long_as_finished_jobs(days: int, left: int) -> None:
    stage = JobStage(Retention(job_days=days))
    many(stage, 2)
    [old, new] = waiting(stage)
    stage.run(mark_seen, stage.org, "ada", [old])
    stage.clock.advance(seconds=30 * DAY_MS / 1000 + 1)
    stage.run(mark_seen, stage.org, "ada", [new])

    swept(stage)

    rows = stage.read(seen, stage.org, "ada", before=ID_MAX, limit=10).rows
    assert [row["id"] for row in rows] == [new, old][:left]
    stage.close()


def test_unseen_ones_wait_for_years(stage: JobStage) -> None:
    made = put(stage)
    stage.clock.advance(seconds=10 * 366 * DAY_MS / 1000)

    swept(stage)

    assert waiting(stage) == [made]


def test_a_page_is_bounded_by_bytes_and_the_next_goes_on_behind_it(stage: JobStage) -> None:
    text = "x" * 65_536
    ids = [put(stage, message=text) for _ in range(READ_BYTES_MAX // len(text) + 2)]

    first = stage.read(unseen, stage.org, "ada", after=0, limit=1_000)
    second = stage.read(unseen, stage.org, "ada", after=first.cursor, limit=1_000)
    last = stage.read(unseen, stage.org, "ada", after=second.cursor, limit=1_000)

    assert [row["id"] for row in first.rows] == ids[:-2]
    assert [row["id"] for row in second.rows] == ids[-2:]
    assert (last.rows, last.cursor) == ([], ids[-1])


def test_a_collapse_key_has_one_that_waits_whatever_has_expired(stage: JobStage) -> None:
    put(stage, collapse_key="k", expires_in_ms=1_000)
    other = put(stage, collapse_key="other")
    bob = put(stage, identity="bob", collapse_key="k")
    stage.clock.advance(seconds=1)

    newest = put(stage, collapse_key="k")

    assert (waiting(stage), waiting(stage, "bob")) == ([other, newest], [bob])
    assert are_right(stage)


def test_a_deleted_organization_takes_its_inboxes_with_it(stage: JobStage) -> None:
    other = stage.run(create, an_org(slug="going"))["seq"]
    many(stage, 3)
    for number in range(4):
        put(stage, org=other, identity=f"user-{number}", expires_in_ms=None)
    stage.run(mark_seen, other, "user-1", waiting(stage, "user-1", other))

    stage.run(delete_organization, other)
    stage.run_due()

    assert stage.value("SELECT count(*) FROM notifications") == 3
    assert are_right(stage)


def test_an_export_takes_inboxes_along_and_numbers_go_on_behind_all_that_were_seen(
    stage: JobStage,
) -> None:
    many(stage, 2)
    put(stage, message='{"a": 1}', collapse_key="k", expires_in_ms=60_000)
    put(stage, identity="bob")
    stage.run(mark_seen, stage.org, "ada", waiting(stage)[:1])
    lines = exported(stage)

    there = taken(lines)
    there.run(skip_notification_numbers)
    made = put(there)

    assert read(exported(there), "notification")[:4] == read(lines, "notification")
    assert made > 1_000_000_000
    assert are_right(there)
    there.close()


def test_numbers_that_a_file_has_given_already_are_given_anew(stage: JobStage) -> None:
    put(stage)
    [line] = [each for each in exported(stage) if b'"notification"' in each]
    rest = [each for each in exported(stage) if b'"notification"' not in each]

    there = taken([*rest, line, line])

    assert waiting(there) == [1, 2]
    there.close()
