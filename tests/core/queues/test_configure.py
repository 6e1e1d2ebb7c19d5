import msgspec
import pytest

from spooled_lite.core.queues.configure import configure
from spooled_lite.core.queues.pause import pause, resume
from spooled_lite.core.queues.query import get_queue
from spooled_lite.core.queues.records import Admission, QueueChanges
from spooled_lite.errors import NotFound, QuotaExceeded
from spooled_lite.wire.shapes.queues import QueueView
from tests.core.stage import OPEN, Stage, capped

NOTHING = QueueChanges()


def view(stage: Stage, queue_name: str = "emails") -> QueueView:
    return QueueView.of(stage.read(get_queue, stage.org, queue_name), "org-id")


def test_a_queue_that_is_not_there_is_made_with_defaults(stage: Stage) -> None:
    made = stage.run(configure, stage.org, "emails", NOTHING, OPEN)

    shown = view(stage)
    assert made.created
    assert (shown.max_retries, shown.default_timeout) == (3, 300)
    assert (shown.rate_limit, shown.max_concurrency, shown.description) == (None, None, None)
    assert shown.enabled
    assert bytes(shown.settings) == b"{}"
    assert stage.happened() == ["queue.created"]


def test_the_defaults_of_a_new_queue_are_the_servers(stage: Stage) -> None:
    admission = Admission(max_retries=7, timeout_seconds=60)

    stage.run(configure, stage.org, "emails", QueueChanges({"rate_limit": 5}), admission)

    shown = view(stage)
    assert (shown.max_retries, shown.timeout_seconds, shown.rate_limit) == (7, 60, 5)


def test_what_a_change_leaves_out_is_kept(stage: Stage) -> None:
    first = QueueChanges({"max_retries": 9, "rate_limit": 5, "settings": b'{"a":1}'})
    stage.run(configure, stage.org, "emails", first, OPEN)
    stage.happened()

    made = stage.run(configure, stage.org, "emails", QueueChanges({"description": "mail"}), OPEN)

    shown = view(stage)
    assert not made.created
    assert (shown.max_retries, shown.rate_limit, shown.description) == (9, 5, "mail")
    assert bytes(shown.settings) == b'{"a":1}'
    assert stage.happened() == ["queue.changed"]


def test_an_empty_change_of_a_known_queue_changes_nothing(stage: Stage) -> None:
    stage.run(configure, stage.org, "emails", NOTHING, OPEN)
    before = view(stage)
    stage.happened()
    stage.clock.advance(seconds=5)

    stage.run(configure, stage.org, "emails", NOTHING, OPEN)

    assert view(stage) == before
    assert stage.happened() == []


def test_a_limit_can_be_cleared(stage: Stage) -> None:
    stage.run(configure, stage.org, "emails", QueueChanges({"rate_limit": 5}), OPEN)

    stage.run(configure, stage.org, "emails", QueueChanges({"rate_limit": None}), OPEN)

    assert view(stage).rate_limit is None


def test_settings_replace_the_old_ones(stage: Stage) -> None:
    stage.run(configure, stage.org, "emails", QueueChanges({"settings": b'{"a":1}'}), OPEN)

    stage.run(configure, stage.org, "emails", QueueChanges({"settings": b'{"b":2}'}), OPEN)

    assert bytes(view(stage).settings) == b'{"b":2}'


def test_settings_of_a_paused_queue_carry_the_reserved_keys(stage: Stage) -> None:
    stage.run(pause, stage.org, "emails", "deploy", OPEN)

    stage.run(configure, stage.org, "emails", QueueChanges({"settings": b'{"b":2}'}), OPEN)

    assert msgspec.json.decode(bytes(view(stage).settings)) == {
        "paused": True,
        "paused_at": "2027-01-15T08:00:00.000Z",
        "paused_reason": "deploy",
        "b": 2,
    }


def test_disabling_is_a_pause(stage: Stage) -> None:
    stage.enqueue()
    stage.happened()

    made = stage.run(configure, stage.org, "emails", QueueChanges(enabled=False), OPEN)

    assert (made.row["enabled"], made.row["paused_at_ms"]) == (0, stage.clock.now_ms())
    assert stage.happened() == ["queue.paused"]
    assert stage.claim() == []


def test_disabling_a_paused_queue_keeps_its_reason(stage: Stage) -> None:
    stage.run(pause, stage.org, "emails", "deploy", OPEN)
    stage.happened()

    made = stage.run(configure, stage.org, "emails", QueueChanges(enabled=False), OPEN)

    assert made.row["paused_reason"] == "deploy"
    assert stage.happened() == []


def test_enabling_is_the_end_of_a_pause_and_wakes_waiting_claims(stage: Stage) -> None:
    stage.run(pause, stage.org, "emails", "deploy", OPEN)
    stage.happened()
    stage.fed.clear()

    made = stage.run(configure, stage.org, "emails", QueueChanges(enabled=True), OPEN)

    assert (made.row["enabled"], made.row["paused_reason"]) == (1, None)
    assert stage.happened() == ["queue.resumed"]
    assert stage.fed == {(stage.org, "emails")}


def test_a_changed_limit_wakes_waiting_claims(stage: Stage) -> None:
    stage.run(configure, stage.org, "emails", QueueChanges({"max_concurrency": 1}), OPEN)
    stage.fed.clear()

    stage.run(configure, stage.org, "emails", QueueChanges({"max_concurrency": 2}), OPEN)

    assert stage.fed == {(stage.org, "emails")}


def test_a_change_of_a_paused_queue_wakes_nobody(stage: Stage) -> None:
    stage.run(pause, stage.org, "emails", None, OPEN)

    stage.run(configure, stage.org, "emails", QueueChanges({"max_concurrency": 2}), OPEN)

    assert stage.fed == set()


def test_a_change_touches_new_jobs_only(stage: Stage) -> None:
    before = stage.enqueue()

    stage.run(configure, stage.org, "emails", QueueChanges({"max_retries": 9}), OPEN)

    after = stage.enqueue()
    assert (before["max_retries"], after["max_retries"]) == (3, 9)


def test_one_queue_too_many_is_refused(stage: Stage) -> None:
    stage.run(configure, stage.org, "first", NOTHING, capped(queues=1))

    with pytest.raises(QuotaExceeded):
        stage.run(configure, stage.org, "second", NOTHING, capped(queues=1))

    again = stage.run(configure, stage.org, "first", QueueChanges(enabled=False), capped(queues=1))
    assert not again.created


def test_pausing_stops_claims_and_lets_jobs_in(stage: Stage) -> None:
    stage.enqueue()
    [held] = stage.claim()
    row = stage.run(pause, stage.org, "emails", "deploy", OPEN)

    stage.enqueue()
    stage.complete(held)

    assert stage.claim() == []
    assert (row["enabled"], row["paused_reason"]) == (0, "deploy")
    assert stage.status(held["id"]) == "completed"


def test_pausing_an_unknown_queue_makes_it(stage: Stage) -> None:
    stage.run(pause, stage.org, "emails", None, OPEN)

    assert view(stage).paused
    assert stage.happened() == ["queue.created", "queue.paused"]


def test_pausing_an_unknown_queue_counts_against_the_cap(stage: Stage) -> None:
    with pytest.raises(QuotaExceeded):
        stage.run(pause, stage.org, "emails", None, capped(queues=0))


def test_pausing_again_replaces_the_reason_and_keeps_the_time(stage: Stage) -> None:
    first = stage.run(pause, stage.org, "emails", "deploy", OPEN)
    stage.happened()
    stage.clock.advance(seconds=10)

    again = stage.run(pause, stage.org, "emails", "incident", OPEN)

    assert again["paused_at_ms"] == first["paused_at_ms"]
    assert again["paused_reason"] == "incident"
    assert stage.happened() == ["queue.changed"]


def test_resuming_says_how_long_it_took_and_wakes_waiting_claims(stage: Stage) -> None:
    stage.enqueue()
    stage.run(pause, stage.org, "emails", None, OPEN)
    stage.happened()
    stage.fed.clear()
    stage.clock.advance(seconds=90.9)

    resumed = stage.run(resume, stage.org, "emails")

    assert resumed == 90
    assert stage.happened() == ["queue.resumed"]
    assert stage.fed == {(stage.org, "emails")}
    assert len(stage.claim()) == 1


def test_resuming_a_queue_that_runs_takes_no_time(stage: Stage) -> None:
    stage.run(configure, stage.org, "emails", NOTHING, OPEN)
    stage.happened()

    assert stage.run(resume, stage.org, "emails") == 0
    assert stage.happened() == []


def test_a_pause_never_took_less_than_no_time(stage: Stage) -> None:
    stage.run(pause, stage.org, "emails", None, OPEN)
    stage.clock.advance(seconds=-3_600)

    assert stage.run(resume, stage.org, "emails") == 0


def test_an_unknown_queue_cannot_be_resumed(stage: Stage) -> None:
    stage.run(pause, stage.org, "emails", None, OPEN)

    with pytest.raises(NotFound):
        stage.run(resume, stage.other_org(), "emails")
