"""How a handler finds the world that its call belongs to, and the other worlds."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final, Protocol, Self

from msgspec import Struct

from spooled_lite.core.keys.records import NewKey
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.core.orgs.create import get_by_id
from spooled_lite.errors import NotFound
from spooled_lite.testing.asking import Gone
from spooled_lite.testing.faults.rules import Faults
from spooled_lite.testing.inboxes import MailInbox, WebhookInbox
from spooled_lite.testing.journal import Journal
from spooled_lite.testing.origin import Entrance
from spooled_lite.testing.stepper import Stepper
from spooled_lite.wire.http.call import Call

WORLD: Final = "spooled.world"  # in the extensions of the scope of each request
WORLDS: Final = "spooled.worlds"


class WorldOfCall(Protocol):
    """What a handler needs of a world."""

    entrance: Entrance
    faults: Faults

    @property
    def name(self) -> str: ...
    @property
    def seed(self) -> int | None: ...
    @property
    def stepper(self) -> Stepper: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def webhooks(self) -> WebhookInbox: ...
    @property
    def mails(self) -> MailInbox: ...


class Fork(Struct, frozen=True, kw_only=True):
    """A fork that has begun."""

    name: str
    organization_id: str
    api_key: str
    keys: Mapping[str, str]
    now_ms: int
    jobs: int
    real_ms: float

    @classmethod
    def of(cls, it: WorldOfCall, *, jobs: int, real_ms: float) -> Self:
        entrance = it.entrance
        assert entrance.api_key is not None, "a fork has a key of its own"
        return cls(
            name=it.name,
            organization_id=entrance.organization_id,
            api_key=entrance.api_key,
            keys=entrance.keys,
            now_ms=it.stepper.clock.now_ms(),
            jobs=jobs,
            real_ms=real_ms,
        )


class WorldsOfCall(Protocol):
    """What a handler needs of all worlds; for what they raise see `Worlds`."""

    @property
    def forks_max(self) -> int: ...
    async def fork(
        self,
        parent: str,
        name: str | None,
        *,
        org: int,
        org_id: str,
        keys: Sequence[NewKey] = (),
        at_ms: int | None = None,
        copies_faults: bool = False,
        gone: Gone | None = None,
    ) -> Fork: ...
    def forks(self, owner: str | None) -> Sequence[WorldOfCall]: ...
    async def drop(self, name: str, owner: str | None) -> None: ...
    async def reset(self, name: str, gone: Gone | None = None) -> WorldOfCall: ...
    async def baseline(self, name: str) -> None: ...
    def reserving(
        self, name: str, secrets: Sequence[tuple[str, str]]
    ) -> AbstractAsyncContextManager[None]: ...


def world_of(call: Call) -> WorldOfCall:
    world: WorldOfCall | None = call.extension(WORLD)
    assert world is not None, "the application of a world puts it there"
    return world


def worlds_of(call: Call) -> WorldsOfCall:
    """Raises NotFound: the world is served alone."""
    worlds: WorldsOfCall | None = call.extension(WORLDS)
    if worlds is None:
        raise NotFound("This world is served alone: it cannot be forked or reset")
    return worlds


def reserving(call: Call, secrets: Sequence[tuple[str, str]]) -> AbstractAsyncContextManager[None]:
    """See `Belongings`; a world that is served alone has no other that a key could lead to."""
    worlds: WorldsOfCall | None = call.extension(WORLDS)
    return nullcontext() if worlds is None else worlds.reserving(world_of(call).name, secrets)


async def org_of(call: Call) -> int:
    """The organization that is meant: with the admin key the one that the world began with."""
    return (await first_org(call))["seq"] if call.is_admin else call.org


async def first_org(call: Call) -> OrgRow:
    """The organization that the world began with."""
    return await call.reads.read(get_by_id, world_of(call).entrance.organization_id)


def seen_by(call: Call) -> int | None:
    """Of which organization the caller sees what happened; None: of all."""
    return None if call.is_admin else call.org


def fork_count(call: Call) -> tuple[int, int]:
    """How many forks there are, whoever's, and how many there may be."""
    worlds: WorldsOfCall | None = call.extension(WORLDS)
    return (0, 0) if worlds is None else (len(worlds.forks(None)), worlds.forks_max)
