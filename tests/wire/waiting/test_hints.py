"""Who waits for a job or a workflow is woken by what is committed about it, a few at a time."""

import asyncio
from contextlib import ExitStack
from typing import Any

from spooled_lite.events import Event, EventBus, EventType
from spooled_lite.wire.waiting import hints as hints_module
from spooled_lite.wire.waiting.hints import Hint, Hints
from tests.wire.http.raw_http import run


def an_event(kind: EventType, org: int = 1, **row: Any) -> Event:
    return Event(kind, org, 0, {"id": "j", "workflow_id": None, "status": "pending", **row})


class Waiters:
    """Hints of organization 1, unless told otherwise."""

    def __init__(self) -> None:
        self._bus = EventBus()
        self._hints = Hints(self._bus)
        self._open = ExitStack()

    def __enter__(self) -> "Waiters":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        assert not self._hints._of_thing
        assert not self._hints._of_org
        assert not self._hints._due

    def hint(self, *ids: str, org: int = 1, ends_only: bool = True) -> Hint:
        return self._open.enter_context(self._hints.of(org, ids, ends_only=ends_only))

    def tell(self, *events: Event) -> None:
        self._bus.publish(events)


def test_a_hint_for_ends_is_woken_by_ends_alone() -> None:
    async def script() -> None:
        with Waiters() as waiters:
            end, every = waiters.hint("j"), waiters.hint("j", ends_only=False)

            waiters.tell(an_event("job.claimed", status="processing"))
            assert (end.woken.done(), every.woken.done()) == (False, True)
            waiters.tell(an_event("job.completed", status="completed"))
            assert end.woken.done()

    run(script())


def test_a_hint_of_several_things_is_woken_by_each_and_again_when_it_was_renewed() -> None:
    async def script() -> None:
        with Waiters() as waiters:
            hint = waiters.hint("a", "b", "b")

            for thing in ("a", "b"):
                waiters.tell(an_event("job.deleted", id=thing))
                assert hint.woken.done()
                hint.renew()
            waiters.tell(an_event("job.deleted", id="c"))
            assert not hint.woken.done()

    run(script())


def test_a_step_wakes_who_looks_at_everything_about_its_workflow() -> None:
    async def script() -> None:
        with Waiters() as waiters:
            end, every = waiters.hint("w"), waiters.hint("w", ends_only=False)

            waiters.tell(an_event("job.completed", workflow_id="w", status="completed"))
            assert (end.woken.done(), every.woken.done()) == (False, True)
            waiters.tell(an_event("workflow.failed", id="w", status="failed"))
            assert end.woken.done()

    run(script())


def test_what_closes_an_organization_or_a_queue_wakes_nobody_of_another() -> None:
    async def script() -> None:
        for kind in ("key.changed", "org.changed", "token.revoked", "queue.deleted"):
            with Waiters() as waiters:
                mine, other = waiters.hint("a"), waiters.hint("b", org=2)

                waiters.tell(Event(kind, 1, 0, {"id": "x"}))

                assert (mine.woken.done(), other.woken.done()) == (True, False), kind

    run(script())


def test_those_who_wait_for_one_thing_are_woken_a_few_at_a_time_in_their_order() -> None:
    async def script() -> None:
        some = hints_module.WOKEN_AT_ONCE
        with Waiters() as waiters:
            all_of_them = [waiters.hint("j") for _ in range(3 * some)]

            waiters.tell(an_event("job.completed", status="completed"))

            assert [each.woken.done() for each in all_of_them] == [True] * some + [False] * 2 * some
            await asyncio.wait([each.woken for each in all_of_them])

    run(script())
