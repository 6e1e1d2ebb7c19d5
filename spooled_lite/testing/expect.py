"""Expectations: whether what a test wants has happened, or happens within a time."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from spooled_lite.config_names import nearest
from spooled_lite.errors import NotFound, RuleBroken
from spooled_lite.storage.database import Database
from spooled_lite.testing.calls import WorldOfCall
from spooled_lite.testing.expect_shapes import (
    EXPECT_REAL_MS_MAX,
    EventExpected,
    Expected,
    ExpectedResult,
    FaultExpected,
    JobsExpected,
    MailExpected,
    MessagesExpected,
    NearMiss,
    RequestExpected,
    WebhookExpected,
)
from spooled_lite.testing.journal import JournalKind, JournalLine
from spooled_lite.testing.looks import (
    Look,
    attempt_times,
    counted,
    is_within,
    look_for_deliveries,
    look_for_jobs,
    look_for_messages,
    may_hold_early,
)
from spooled_lite.testing.matching import differences
from spooled_lite.testing.move import How
from spooled_lite.testing.refusals import Stopped
from spooled_lite.wire.http.body import UNKNOWN_CHARS_MAX, decode

REQUESTS: Final[tuple[JournalKind, ...]] = ("request",)
EVENTS: Final[tuple[JournalKind, ...]] = ("event",)
# The member that says what an expectation is about: the first of these that it has.
KINDS_OF: Final[dict[str, type[Expected]]] = {
    "webhook": WebhookExpected,
    "event": EventExpected,
    "queue": JobsExpected,
    "job_id": JobsExpected,
    "messages": MessagesExpected,
    "request": RequestExpected,
    "mail": MailExpected,
    "fault": FaultExpected,
}


class Want(Struct, frozen=True):
    """One expectation."""

    asked: msgspec.Raw
    it: Expected

    @property
    def is_early(self) -> bool:
        """Whether it counts once it holds. What has to be exact is judged at the end."""
        if isinstance(self.it, JobsExpected) and self.it.at is not UNSET:
            return True
        match self.it:
            case WebhookExpected(delivered=count) | FaultExpected(struck=count):
                return may_hold_early(count)
            case _:
                return may_hold_early(self.it.count)


def read_wanted(asked: Sequence[msgspec.Raw]) -> list[Want]:
    """Raises what `decode` raises, with the path `expect[N]` before it."""
    return [Want(each, _decoded(each, f"expect[{number}]")) for number, each in enumerate(asked)]


class Expecting:
    """One call. Used on the event loop's thread."""

    def __init__(
        self, world: WorldOfCall, database: Database, *, org: int, seen_by: int | None
    ) -> None:
        self._world = world
        self._database = database
        self._org = org
        self._seen_by = seen_by
        self._ends_at = time.monotonic() + EXPECT_REAL_MS_MAX / 1000

    async def within(self, wants: Sequence[Want], within_ms: int, how: How) -> list[ExpectedResult]:
        """Let time pass step by step until all hold that may hold early, then to the end if
        anything has to be exact.

        Raises:
            NotFound: one is about a fault that there is not; otherwise as the moves of `Stepper`.
        """
        self._check_faults(wants)
        stepper = self._world.stepper
        until_ms = stepper.clock.now_ms() + within_ms
        await stepper.settle(how, report=0)
        held = await self._look_at_early(wants, {})
        while within_ms and len(held) < sum(each.is_early for each in wants):
            due = stepper.due()
            now_ms = stepper.clock.now_ms()
            if not due or due[0][0] > until_ms or now_ms >= until_ms:
                break
            await stepper.advance(max(due[0][0], now_ms), how, report=0)
            held = await self._look_at_early(wants, held)
        if within_ms and len(held) < len(wants):
            await stepper.advance(max(until_ms, stepper.clock.now_ms()), how, report=0)
        return await self._results(wants, held)

    async def in_real_time(self, wants: Sequence[Want], real_ms: int) -> list[ExpectedResult]:
        """Wait until all hold, at most so long; as long as anything has to be exact to the end.

        Raises: NotFound, as `within`.
        """
        self._check_faults(wants)
        ends_at = time.monotonic() + real_ms / 1000
        self._ends_at += real_ms / 1000  # the looks have theirs beside the wait
        held: dict[int, Look] = {}
        while True:
            changed = self._world.journal.kept.changed()
            held = await self._look_at_early(wants, held)
            seconds = ends_at - time.monotonic()
            if len(held) == len(wants) or seconds <= 0:
                break
            try:
                async with asyncio.timeout(seconds):
                    await changed.wait()
            except TimeoutError:
                pass
        return await self._results(wants, held)

    async def _look_at_early(self, wants: Sequence[Want], held: dict[int, Look]) -> dict[int, Look]:
        """Those that hold, by their place: they held before, or do now."""
        found = dict(held)
        for number, want in enumerate(wants):
            if want.is_early and number not in found:
                look = await self._look(want.it)
                if look.passed:
                    found[number] = look
        return found

    async def _results(self, wants: Sequence[Want], held: dict[int, Look]) -> list[ExpectedResult]:
        looks = [held.get(number) or await self._look(want.it) for number, want in enumerate(wants)]
        return [
            ExpectedResult(
                passed=look.passed,
                expected=want.asked,
                actual=look.actual,
                nearest=list(look.nearest),
            )
            for want, look in zip(wants, looks, strict=True)
        ]

    async def _look(self, wanted: Expected) -> Look:
        self._check()
        readers = self._database.readers
        match wanted:
            case JobsExpected():
                return await readers.read(look_for_jobs, self._org, wanted)
            case MessagesExpected():
                return await readers.read(look_for_messages, self._org, wanted)
            case WebhookExpected():
                return await readers.read(look_for_deliveries, self._org, wanted)
            case RequestExpected():
                return self._look_for_requests(wanted)
            case EventExpected():
                return self._look_for_events(wanted)
            case MailExpected():
                return self._look_for_mails(wanted)
            case FaultExpected():
                return self._look_at_fault(wanted)

    def _look_for_requests(self, wanted: RequestExpected) -> Look:
        lines = self._world.journal.lines(kinds=REQUESTS, org=self._seen_by)
        fields: dict[str, Any] = {"request": wanted.request}
        if wanted.status_code is not UNSET:
            fields["status_code"] = wanted.status_code
        misses = (
            NearMiss(
                n=line.n,
                differs=differences(
                    fields,
                    {
                        "request": wanted.request
                        if wanted.request == f"{line.method} {line.path}"
                        else line.what,
                        "status_code": None if line.status_code is UNSET else line.status_code,
                    },
                ),
            )
            for line in lines
        )
        return counted(wanted.count, misses)

    def _look_for_events(self, wanted: EventExpected) -> Look:
        fields: dict[str, Any] = {"event": wanted.event}
        for name in ("queue", "job_id", "message_id"):
            if (value := getattr(wanted, name)) is not UNSET:
                fields[name] = value
        return counted(
            wanted.count,
            (
                NearMiss(n=line.n, differs=differences(fields, _of_event(line)))
                for line in self._world.journal.lines(kinds=EVENTS, org=self._seen_by)
            ),
        )

    def _look_for_mails(self, wanted: MailExpected) -> Look:
        fields = {"to": wanted.mail}
        if wanted.subject is not UNSET:
            fields["subject"] = wanted.subject
        mails = self._world.mails.read(to=None, after=0)
        return counted(
            wanted.count,
            (
                NearMiss(n=it.n, differs=differences(fields, {"to": it.to, "subject": it.subject}))
                for it in mails
            ),
        )

    def _check_faults(self, wants: Sequence[Want]) -> None:
        """Before time passes: a fault that there is not would never strike."""
        known = {rule.id for rule in self._world.faults.all()}
        for number, want in enumerate(wants):
            if isinstance(want.it, FaultExpected) and want.it.fault not in known:
                raise NotFound(
                    f"Field `expect[{number}].fault` names no fault of this world;"
                    " GET /api/v1/test/faults lists them"
                )

    def _look_at_fault(self, wanted: FaultExpected) -> Look:
        """Raises NotFound: it was removed meanwhile."""
        for rule in self._world.faults.all():
            if rule.id == wanted.fault:
                return Look(is_within(wanted.struck, rule.struck), rule.struck)
        raise NotFound.thing("Fault")

    def _check(self) -> None:
        if time.monotonic() >= self._ends_at:
            raise Stopped.by_budget(f"This took {EXPECT_REAL_MS_MAX} ms of real time")


def _of_event(line: JournalLine) -> dict[str, Any]:
    found = {"queue": line.queue_name, "job_id": line.job_id, "message_id": line.message_id}
    return {
        "event": line.what,
        **{name: None if value is UNSET else value for name, value in found.items()},
    }


def _decoded(asked: msgspec.Raw, at: str) -> Expected:
    members: Any = decode(Any, bytes(asked), at=at)
    kind = None
    if isinstance(members, dict):
        kind = next((KINDS_OF[name] for name in KINDS_OF if name in members), None)
    if kind is None:
        said = f"Field `{at}` must be an object with one of: {', '.join(KINDS_OF)}"
        if isinstance(members, dict) and members:
            shown = next(iter(members))[:UNKNOWN_CHARS_MAX]
            said += f"; `{shown}` is nearest to `{nearest(shown, KINDS_OF)}`"
        raise RuleBroken.of(at, said, "invalid_value")
    wanted: Expected = decode(kind, bytes(asked), at=at)
    if isinstance(wanted, JobsExpected) and wanted.at is not UNSET:
        attempt_times(wanted.at, 0, f"{at}.at")
    return wanted
