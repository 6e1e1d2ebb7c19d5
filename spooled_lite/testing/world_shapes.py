"""What the routes of forks take and answer. Unknown members are refused."""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from msgspec import Meta, Struct

from spooled_lite.core.keys.records import NewKey
from spooled_lite.errors import RuleBroken
from spooled_lite.testing.calls import Fork, WorldOfCall
from spooled_lite.times import Time, format_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about
from spooled_lite.wire.shapes.common import AN_ID

KEYS_MAX: Final = 100  # of a fork, made with it; more are made with POST /api-keys

# One line a field, however long.
# fmt: off
ForkName = Annotated[str, about("The name of the fork", "test_pay.py::test_refund")]
FaultsOfFork = Annotated[Literal["none", "copy"], about("Whether faults are copied", "copy")]
OwnOrganization = Annotated[str, about("The caller's organization has this id in the fork", AN_ID)]
OwnKey = Annotated[str, about("A key without limits, known in the fork only", "sk_test_1")]
Now = Annotated[str, a_time("The time of the world", "2030-01-01T00:00:00.000Z")]
RealMs = Annotated[float, about("How long it took", 3.1)]
# fmt: on


class ForkKey(Struct, forbid_unknown_fields=True, kw_only=True):
    """A key to make in the fork."""

    name: Annotated[str, about("Its name, by which the answer tells it", "web")]
    queues: Annotated[list[str], about("The queues it may use; none: all", ["emails"])] = []


class ForkWorld(Struct, forbid_unknown_fields=True, kw_only=True):
    """Body of POST /test/fork."""

    name: Annotated[str, about("How to name the fork; else it is `fork-1` and so on")] | None = None
    at: Annotated[Time, about("Where to lead its clock at once")] | None = None
    faults: FaultsOfFork = "none"
    keys: Annotated[list[ForkKey], Meta(max_length=KEYS_MAX), about("More keys for it")] = []

    def new_keys(self) -> list[NewKey]:
        """Raises RuleBroken: two of them have one name, and the answer could tell one only."""
        names = Counter(each.name for each in self.keys)
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise RuleBroken.of(
                "keys", f"Field `keys` has the name `{twice[0]}` more than once", "invalid_value"
            )
        return [NewKey(name=each.name, queues=tuple(each.queues)) for each in self.keys]


class CopiedView(Struct, frozen=True):
    jobs: Annotated[int, a_count("Jobs that the fork began with", 12)]


class ForkedView(Struct, frozen=True, kw_only=True):
    """Answer of POST /test/fork."""

    name: ForkName
    organization_id: OwnOrganization
    api_key: OwnKey
    keys: Annotated[Mapping[str, str], about("The keys that were asked for", {"web": "sk_test_2"})]
    now: Now
    copied: Annotated[CopiedView, about("What it began with")]
    real_ms: RealMs

    @classmethod
    def of(cls, fork: Fork) -> Self:
        return cls(
            name=fork.name,
            organization_id=fork.organization_id,
            api_key=fork.api_key,
            keys=fork.keys,
            now=format_ms(fork.now_ms),
            copied=CopiedView(fork.jobs),
            real_ms=round(fork.real_ms, 1),
        )


class ForkView(Struct, frozen=True, kw_only=True):
    """A fork in the list."""

    name: ForkName
    organization_id: OwnOrganization
    seed: Annotated[int, about("What its ids and secrets are made from", 1)] | None
    now: Now

    @classmethod
    def of(cls, it: WorldOfCall) -> Self:
        return cls(
            name=it.name,
            organization_id=it.entrance.organization_id,
            seed=it.seed,
            now=format_ms(it.stepper.clock.now_ms()),
        )


class ForksView(Struct, frozen=True):
    """Answer of GET /test/forks."""

    forks: Annotated[list[ForkView], about("The oldest first")]


class ResetView(Struct, frozen=True):
    """Answer of POST /test/reset."""

    world: Annotated[str, about("The world that is new", "root")]
    now: Now
    real_ms: RealMs
