"""Random lives of messages beside jobs in the same queues, step by step against the reference."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from spooled_lite.core.batch.run import BatchStep, all_or_nothing
from spooled_lite.core.jobs.columns import JobRow, Labels
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.messages.change import delete_messages, hide_messages
from spooled_lite.core.messages.records import UNLIMITED_RETRIES, NewMessage
from spooled_lite.core.messages.send import SentMessage, send
from spooled_lite.core.overview.totals import figures
from spooled_lite.core.topics.bind import bind, unbind
from spooled_lite.core.topics.publish import CopyMade, publish
from spooled_lite.errors import LeaseExpired, NotFound
from tests.core.job_stage import JobStage
from tests.core.message_reference import ACTIVE, Message, MessageReference
from tests.core.reference import Job
from tests.core.stage import OPEN
from tests.core.store import NOW_MS
from tests.core.test_model import PICKS, QUEUES, Lives, live
from tests.factories import a_claim, a_job

SENT = st.fixed_dictionaries(
    {
        "key": st.sampled_from([None, "k", "l"]),
        "priority": st.integers(-1, 1),
        "delay": st.sampled_from([None, None, None, None, 0, 5, 60]),
        "expires": st.sampled_from([None, None, None, 0, 10, 100]),
    }
)
SOME = st.lists(SENT, min_size=1, max_size=3)
PATTERNS = st.sampled_from(["#", "a", "a.*", "a.#", "*.b", "*.*.c"])
TOPICS = st.sampled_from(["a", "a.b", "a.b.c", "b", "b.b"])
# Whose lease a call shows: nobody's, that of a read, most often the last one, or none there was.
LEASES = st.sampled_from(["none", "none", "its", "its", "its", "foreign"])
SECONDS = st.sampled_from([0.001, 5, 30])
READ_SECONDS: Final = 20


class LivesOfMessages(Lives):
    model: MessageReference

    def __init__(self) -> None:
        super(Lives, self).__init__()
        self.stage = JobStage()
        self.model = MessageReference(NOW_MS)
        self.begin_books()

    # -- sending -----------------------------------------------------------------------------

    @initialize(some=SOME)
    def begin_with_messages(self, some: list[dict[str, Any]]) -> None:
        for queue in ("a", "b"):
            self.stage.configure(queue)
            self.send(queue, some)
            self.bind(queue, "a.#", undo=False)

    @rule(queue=QUEUES, some=SOME)
    def send(self, queue: str, some: list[dict[str, Any]]) -> None:
        messages = [self._new(**each) for each in some]
        if not self._knows(queue):
            self._refused(NotFound, send, queue, messages, None)
            return
        sent = self.stage.run(send, self.stage.org, queue, messages, None)
        self._stored(queue, messages, sent)

    @rule(queue=QUEUES, asked=SENT, retries=st.integers(0, 1), parent=st.none() | PICKS)
    def enqueue_with_a_concurrency_key(
        self, queue: str, asked: dict[str, Any], retries: int, parent: int | None
    ) -> None:
        new = self._new(**asked)
        parents = [job.id for job in self.model.jobs.values() if job.kind == "job"]
        parent_id = parents[parent % len(parents)] if parents and parent is not None else None
        job = a_job(
            queue_name=queue,
            priority=new.priority,
            delay_ms=new.delay_ms,
            expires_at_ms=new.expires_at_ms,
            max_retries=retries,
            parent_job_id=parent_id,
            labels=Labels(concurrency_key=new.concurrency_key),
        )
        enqueued = self.stage.run(enqueue, self.stage.org, job, OPEN, ALL_QUEUES)
        holder = self.model.holder(queue, new.concurrency_key)
        assert enqueued.created is (holder is None)
        if holder is not None:
            assert enqueued.row["id"] == holder.id
            return
        self.order += 1
        self.model.add(
            self._as_expected(Job, enqueued.row["id"], queue, new, retries, parent=parent_id)
        )
        self._families()

    @precondition(lambda self: self.model.messages())
    @rule(pick=PICKS, asked=SENT)
    def send_again(self, pick: int, asked: dict[str, Any]) -> None:
        """Another one with the key of one that is there, most often one that is being read."""
        held = [each for each in self.model.messages() if each.status == "processing"]
        known = held or self.model.messages()
        first = known[pick % len(known)]
        self.send(first.queue, [{**asked, "key": first.concurrency_key}])

    @rule(queue=QUEUES, pattern=PATTERNS, undo=st.booleans())
    def bind(self, queue: str, pattern: str, undo: bool) -> None:
        target, known = ("queue", queue), (queue, pattern) in self.model.bindings
        if undo:
            assert self.stage.run(unbind, self.stage.org, target, pattern) is known  # type: ignore[arg-type]
            self.model.bindings.discard((queue, pattern))
        elif not self._knows(queue):
            self._refused(NotFound, bind, target, pattern)
        else:
            made = self.stage.run(bind, self.stage.org, target, pattern)  # type: ignore[arg-type]
            assert made.created is not known
            self.model.bindings.add((queue, pattern))

    @precondition(lambda self: self.model.bindings)
    @rule(topic=TOPICS, some=SOME)
    def publish(self, topic: str, some: list[dict[str, Any]]) -> None:
        messages = [self._new(**each) for each in some]
        delivered = self.stage.run(publish, self.stage.org, topic, messages, OPEN)
        reached = [each.target[1] for each in delivered]
        assert len(set(reached)) == len(reached)
        assert set(reached) == self.model.targets(topic)
        for each in delivered:
            self._stored(each.target[1], messages, each.copies, topic)

    # -- reading -----------------------------------------------------------------------------

    @rule(queue=QUEUES, quantity=st.integers(1, 3))
    def read(self, queue: str, quantity: int) -> None:
        self._read(queue, quantity)

    @rule(queue=QUEUES, what=st.sampled_from(["hide", "delete", "fail"]), seconds=SECONDS)
    def read_and_act(self, queue: str, what: str, seconds: float) -> None:
        rows = self._read(queue, 2)
        if not rows:
            return
        if what == "fail":
            self.fail(0, "right", may_retry=True)
        elif what == "delete":
            self._delete(queue, [rows[0]["id"]], rows[0]["lease_id"])
        else:
            self._hide(queue, [row["id"] for row in rows], seconds, rows[0]["lease_id"])

    def _read(self, queue: str, quantity: int) -> list[JobRow]:
        wanted = a_claim(
            queue_name=queue,
            limit=quantity,
            worker_id="r",
            lease_ms=READ_SECONDS * 1000,
            kind="message",
        )
        if not self._knows(queue):
            self._refused(NotFound, claim, wanted)
            return []
        expected = self.model.next_of(queue, quantity, "message")
        rows = self.stage.run(claim, self.stage.org, wanted)
        assert [row["id"] for row in rows] == [each.id for each in expected]
        for row, each in zip(rows, expected, strict=True):
            assert not self.model.is_live(each), "two live leases"
            assert row["lease_id"] is not None
            self.model.hand_out(each, "r", row["lease_id"], self.model.now_ms + READ_SECONDS * 1000)
        self.leases += rows
        return rows

    @precondition(lambda self: self.model.messages())
    @rule(picks=st.lists(PICKS, min_size=1, max_size=3), lease=LEASES, queue=QUEUES)
    def delete(self, picks: list[int], lease: str, queue: str) -> None:
        ids, lease_id = self._some(picks, lease)
        self._delete(queue, ids, lease_id)

    def _delete(self, queue: str, ids: list[str], lease_id: str | None) -> None:
        if not self._knows(queue):
            self._refused(NotFound, delete_messages, queue, ids, lease_id)
            return
        chosen = self.model.named(queue, ids)
        if not self.model.are_held(chosen, lease_id):
            self._refused(LeaseExpired, delete_messages, queue, ids, lease_id)
            return
        deleted = self.stage.run(delete_messages, self.stage.org, queue, ids, lease_id)
        assert deleted == [each.id for each in chosen]
        self.model.remove([*chosen])

    @precondition(lambda self: self.model.messages())
    @rule(
        picks=st.lists(PICKS, min_size=1, max_size=3),
        lease=LEASES,
        seconds=SECONDS,
    )
    def hide(self, picks: list[int], lease: str, seconds: float) -> None:
        ids, lease_id = self._some(picks, lease)
        self._hide(self.model.jobs[ids[0]].queue, ids, seconds, lease_id)

    def _hide(self, queue: str, ids: list[str], seconds: float, lease_id: str | None) -> None:
        hide_ms = round(seconds * 1000)
        chosen = self.model.named(queue, ids)
        if not self.model.are_held(chosen, lease_id):
            self._refused(LeaseExpired, hide_messages, queue, ids, hide_ms, lease_id)
            return
        there = [each for each in chosen if each.status in ACTIVE]
        hidden = self.stage.run(hide_messages, self.stage.org, queue, ids, hide_ms, lease_id)
        assert hidden == [each.id for each in there]
        for each in there:
            self.model.hide(each, self.model.now_ms + hide_ms)

    @precondition(lambda self: self.model.messages())
    @rule(picks=st.lists(PICKS, min_size=1, max_size=2), lease=LEASES, queue=QUEUES, some=SOME)
    def together(
        self, picks: list[int], lease: str, queue: str, some: list[dict[str, Any]]
    ) -> None:
        """What was read is deleted with what comes of it, or nothing happens."""
        ids, lease_id = self._some(picks, lease)
        source, first = self.model.jobs[ids[0]].queue, [self._new(None, 0, None, None)]
        messages = [self._new(**each) for each in some]
        chosen = self.model.named(source, ids)
        org = self.stage.org
        steps = [
            BatchStep("operations[0]", send, (org, source, first, None)),
            BatchStep("operations[1]", delete_messages, (org, source, ids, lease_id)),
            BatchStep("operations[2]", send, (org, queue, messages, None)),
        ]
        if not self.model.are_held(chosen, lease_id):
            self._refused_together(LeaseExpired, steps)
        elif not self._knows(queue):
            self._refused_together(NotFound, steps)
        else:
            sent_first, deleted, sent = self.stage.run(all_or_nothing, steps)
            self._stored(source, first, sent_first)
            assert deleted == [each.id for each in chosen]
            self.model.remove([*chosen])
            self._stored(queue, messages, sent)

    # -- what holds after every step ---------------------------------------------------------

    @invariant()
    def no_two_of_a_queue_have_one_concurrency_key(self) -> None:
        held = Counter(
            (each.queue, each.concurrency_key)
            for each in self.model.jobs.values()
            if each.concurrency_key is not None and each.status in ACTIVE
        )
        assert set(held.values()) <= {1}

    @invariant()
    def keys_and_topics_are_as_they_were_sent(self) -> None:
        names = ("id", "kind", "concurrency_key", "topic", "expires_at_ms")
        rows = self.stage.rows("SELECT * FROM jobs")
        assert {tuple(row[name] for name in names) for row in rows} == {
            (each.id, each.kind, each.concurrency_key, each.topic, each.expires_at)
            for each in self.model.jobs.values()
        }

    @invariant()
    def messages_are_counted_by_themselves(self) -> None:
        counted = self.stage.read(figures)
        stand = Counter(each.status for each in self.model.messages())
        assert counted.messages_ready == stand["pending"]
        assert counted.messages_hidden == stand["scheduled"] + stand["processing"]

    # -- helpers -----------------------------------------------------------------------------

    def _new(
        self, key: str | None, priority: int, delay: int | None, expires: int | None
    ) -> NewMessage:
        return NewMessage(
            body=b"1",
            priority=priority,
            concurrency_key=key,
            delay_ms=None if delay is None else delay * 1000,
            expires_at_ms=None if expires is None else self.model.now_ms + expires * 1000,
        )

    def _stored(
        self,
        queue: str,
        messages: list[NewMessage],
        sent: Sequence[SentMessage | CopyMade],
        topic: str | None = None,
    ) -> None:
        for new, each in zip(messages, sent, strict=True):
            holder = self.model.holder(queue, new.concurrency_key)
            if holder is not None:
                assert (each.created, each.id) == (False, holder.id)
                continue
            assert each.created
            assert each.id not in self.model.jobs
            self.order += 1
            self.model.add(
                self._as_expected(Message, each.id, queue, new, UNLIMITED_RETRIES, topic=topic)
            )

    def _as_expected(
        self, kind: type[Job], id: str, queue: str, new: NewMessage, retries: int, **more: Any
    ) -> Job:
        now_ms = self.model.now_ms
        fields: dict[str, Any] = {"parent": None, **more}
        return kind(
            id=id,
            queue=queue,
            priority=new.priority,
            created_ms=now_ms,
            order=self.order,
            max_retries=retries,
            scheduled_at=None if new.delay_ms is None else now_ms + new.delay_ms,
            expires_at=new.expires_at_ms,
            key=None,
            concurrency_key=new.concurrency_key,
            **fields,
        )

    def _some(self, picks: list[int], lease: str) -> tuple[list[str], str | None]:
        """Ids of messages, in the order in which they were sent, and the lease that is shown."""
        all_of_them = self.model.messages()
        first = all_of_them[picks[0] % len(all_of_them)]
        if lease == "its":
            held = [each for each in all_of_them if each.lease is not None]
            first = held[picks[0] % len(held)] if held else first
        others = [each for each in all_of_them if lease != "its" or each.lease == first.lease]
        ids = {first.id, *(others[pick % len(others)].id for pick in picks[1:])}
        shown = {"none": None, "its": first.lease or "never", "foreign": "foreign"}[lease]
        return [first.id, *sorted(ids - {first.id})], shown

    def _refused_together(self, refusal: type[Exception], steps: list[BatchStep]) -> None:
        with pytest.raises(refusal):
            self.stage.run(all_or_nothing, steps)

    def _delete_queue(self, queue: str) -> None:
        super()._delete_queue(queue)
        self.model.bindings = {each for each in self.model.bindings if each[0] != queue}


@pytest.mark.slow
def test_messages_live_as_the_contract_says_beside_jobs() -> None:
    live(LivesOfMessages, examples=30, steps=60, derandomize=True)


@pytest.mark.long
def test_messages_live_as_the_contract_says_beside_jobs_for_long() -> None:
    live(LivesOfMessages, examples=1_000, steps=100, derandomize=False)
