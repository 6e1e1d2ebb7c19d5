"""What the reference of jobs has to know of messages and topics, from the contract alone.

Contract: catbird-capabilities, sections 4 and 5.
"""

from dataclasses import dataclass, field

from tests.core.reference import WAITING, Job, Reference

ACTIVE = (*WAITING, "processing")


@dataclass
class Message(Job):
    kind: str = "message"


@dataclass
class MessageReference(Reference):
    bindings: set[tuple[str, str]] = field(default_factory=set)  # queue, pattern

    def messages(self, queue: str | None = None) -> list[Message]:
        found = (job for job in self.jobs.values() if isinstance(job, Message))
        return [each for each in found if queue in (None, each.queue)]

    # -- sending -----------------------------------------------------------------------------

    def holder(self, queue: str, key: str | None) -> Job | None:
        """What keeps another job or message with its key out. One that has expired and that nobody
        holds gives its key up."""
        for each in self._with(queue, key):
            has_expired = each.expires_at is not None and each.expires_at <= self.now_ms
            if not has_expired or each.status == "processing":
                return each
            each.concurrency_key = None
        return None

    def _with(self, queue: str, key: str | None) -> list[Job]:
        return [
            each
            for each in self.in_queue(queue)
            if key is not None and each.concurrency_key == key and each.status in ACTIVE
        ]

    def targets(self, topic: str) -> set[str]:
        return {queue for queue, pattern in self.bindings if matches(pattern, topic)}

    # -- reading -----------------------------------------------------------------------------

    def named(self, queue: str, ids: list[str]) -> list[Message]:
        return [each for each in self.messages(queue) if each.id in ids]

    def are_held(self, messages: list[Message], lease: str | None) -> bool:
        """Whether a call that shows this lease may touch all of them."""
        return lease is None or all(each.lease == lease and self.is_live(each) for each in messages)

    def hide(self, message: Message, until_ms: int) -> None:
        if message.status == "processing":
            message.lease_ends = until_ms
        else:
            message.status, message.run_at, message.scheduled_at = "scheduled", until_ms, until_ms

    # -- what is different from jobs ---------------------------------------------------------

    def fail(self, job: Job, *, may_retry: bool) -> None:
        """A message never dies: it stays hidden until its lease would have ended."""
        if not isinstance(job, Message):
            super().fail(job, may_retry=may_retry)
            return
        job.retry_count += 1
        job.wait(run_at=job.lease_ends)

    def retry(self, job: Job, *, starts_over: bool) -> None:
        super().retry(job, starts_over=starts_over)
        self._without_a_key_of_others(job)

    def _stands(self, job: Job) -> bool:
        has_ended = job.status not in ACTIVE
        has_changed = super()._stands(job)
        if has_ended and job.status in ACTIVE:
            self._without_a_key_of_others(job)
        return has_changed

    def _without_a_key_of_others(self, job: Job) -> None:
        """It waits again; if another has its key by now, it goes on without."""
        if len(self._with(job.queue, job.concurrency_key)) > 1:
            job.concurrency_key = None

    def expire(self) -> None:
        """A message that has expired goes, unless somebody reads it."""
        gone = [
            each
            for each in self.messages()
            if each.status in WAITING
            and each.expires_at is not None
            and each.expires_at <= self.now_ms
        ]
        self.remove([*gone])
        super().expire()


def matches(pattern: str, topic: str) -> bool:
    return _match(pattern.split("."), topic.split("."))


def _match(pattern: list[str], words: list[str]) -> bool:
    if pattern == ["#"]:
        return True
    if not pattern or not words:
        return not pattern and not words
    return pattern[0] in ("*", words[0]) and _match(pattern[1:], words[1:])
