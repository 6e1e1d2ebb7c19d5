"""Random lives of inboxes against a reference: what waits, what is counted, what is left."""

from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from spooled_lite.core.inbox import seen as seen_module
from spooled_lite.core.inbox.check import wrong_unseen_counts
from spooled_lite.core.inbox.forget import delete_expired_notifications
from spooled_lite.core.inbox.put import put_notification
from spooled_lite.core.inbox.read import unseen
from spooled_lite.core.inbox.records import NewNotification
from spooled_lite.core.inbox.seen import mark_seen, mark_seen_at_once, mark_seen_pass
from tests.core.job_stage import JobStage

WHO: Final = some.sampled_from(["ada", "bob"])
SMALL_PASS: Final = 2


class _Kept:
    """What the reference knows of a notification."""

    def __init__(self, identity: str, key: str | None, expires_at_ms: int | None) -> None:
        self.identity = identity
        self.key = key
        self.expires_at_ms = expires_at_ms
        self.is_seen = False


class LivesOfInboxes(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stage = JobStage()
        self.orgs = (self.stage.org, self.stage.other_org())
        self.kept: dict[int, tuple[int, _Kept]] = {}  # by number, with the organization

    def teardown(self) -> None:
        self.stage.close()

    def waiting(self, org: int, identity: str) -> list[int]:
        now_ms = self.stage.clock.now_ms()
        return [
            number
            for number, (of, it) in self.kept.items()
            if (of, it.identity, it.is_seen) == (org, identity, False)
            and (it.expires_at_ms is None or it.expires_at_ms > now_ms)
        ]

    @rule(
        which=some.integers(0, 1),
        identity=WHO,
        key=some.sampled_from([None, "k", "l"]),
        seconds=some.sampled_from([None, 1, 5]),
    )
    def put(self, which: int, identity: str, key: str | None, seconds: int | None) -> None:
        org = self.orgs[which]
        life_ms = None if seconds is None else seconds * 1000
        new = NewNotification(identity=identity, topic="a", collapse_key=key, expires_in_ms=life_ms)
        number = self.stage.run(put_notification, org, new, None)
        assert number > max(self.kept, default=0)
        for of, it in self.kept.values():
            if key is not None and (of, it.identity, it.key) == (org, identity, key):
                it.is_seen = True
        expires_at_ms = None if life_ms is None else self.stage.clock.now_ms() + life_ms
        self.kept[number] = (org, _Kept(identity, key, expires_at_ms))

    @rule(which=some.integers(0, 1), identity=WHO, share=some.floats(0, 1.2))
    def mark_up_to(self, which: int, identity: str, share: float) -> None:
        until = round(share * max(self.kept, default=0))
        count = self.stage.run(mark_seen_at_once, self.orgs[which], identity, until)
        self._marked(which, identity, set(range(until + 1)), count)

    @rule(which=some.integers(0, 1), identity=WHO, share=some.floats(0, 1.2))
    def mark_in_passes(self, which: int, identity: str, share: float) -> None:
        until = round(share * max(self.kept, default=0))
        left, count = until, 0
        while left is not None:
            done = self.stage.run(mark_seen_pass, self.orgs[which], identity, left)
            count, left = count + done.count, done.until  # type: ignore[assignment]
        self._marked(which, identity, set(range(until + 1)), count)

    @rule(which=some.integers(0, 1), identity=WHO, ids=some.sets(some.integers(0, 30)))
    def mark_named(self, which: int, identity: str, ids: set[int]) -> None:
        count = self.stage.run(mark_seen, self.orgs[which], identity, sorted(ids))
        self._marked(which, identity, ids, count)

    def _marked(self, which: int, identity: str, ids: set[int], count: int) -> None:
        found = [each for each in self.waiting(self.orgs[which], identity) if each in ids]
        assert count == len(found)
        for number in found:
            self.kept[number][1].is_seen = True

    @rule(seconds=some.sampled_from([1, 2, 10]))
    def pass_time(self, seconds: int) -> None:
        self.stage.clock.advance(seconds=seconds)

    @rule(which=some.integers(0, 1))
    def collect(self, which: int) -> None:
        org, now_ms = self.orgs[which], self.stage.clock.now_ms()
        over = {
            number
            for number, (of, it) in self.kept.items()
            if of == org and it.expires_at_ms is not None and it.expires_at_ms <= now_ms
        }
        gone = self.stage.value("SELECT count(*) FROM notifications")
        while self.stage.run(delete_expired_notifications, org):
            pass
        gone -= self.stage.value("SELECT count(*) FROM notifications")
        assert gone <= len(over)
        for number in over:
            self.kept[number][1].is_seen = True  # nobody ever sees it

    @invariant()
    def what_waits_is_what_the_reference_says(self) -> None:
        for org in self.orgs:
            for identity in ("ada", "bob"):
                page = self.stage.read(unseen, org, identity, after=0, limit=1_000)
                assert [row["id"] for row in page.rows] == self.waiting(org, identity)

    @invariant()
    def the_counters_agree(self) -> None:
        assert self.stage.read(wrong_unseen_counts) == []


def lived(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        LivesOfInboxes,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture(autouse=True)
def small_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_module, "PASS_MAX", SMALL_PASS)


def test_some_lives_of_inboxes_are_those_of_the_reference() -> None:
    lived(4, 20)


@pytest.mark.long
def test_many_lives_of_inboxes_are_those_of_the_reference() -> None:
    lived(400, 50)
