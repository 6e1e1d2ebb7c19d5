"""The steps and items of a run as the reference has them: what is handed out and settled."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tests.flow_model.documents import Document, Step

Json = Any
State = Literal[
    "waiting_for_dependencies",
    "waiting_for_signal",
    "waiting_for_map_tasks",
    "queued",
    "started",
    "completed",
    "failed",
    "skipped",
    "canceled",
]
SETTLED: Final = frozenset[State]({"completed", "failed", "skipped", "canceled"})
BACKOFF_MS_MAX: Final = 2_000  # the wait before a retry is drawn from 1 to this


@dataclass(frozen=True)
class Lease:
    job_id: str
    lease_id: str
    ends_ms: int


@dataclass
class Unit:
    """What is claimed, and settled once."""

    state: State
    output: Json = None
    lease: Lease | None = None
    failures: int = 0
    claims: int = 0
    not_before_ms: int = 0  # never handed out earlier
    surely_from_ms: int = 0  # handed out if asked for from then on
    has_failed_itself: bool = False  # and so is a dead letter

    @property
    def is_open(self) -> bool:
        return self.state not in SETTLED

    @property
    def is_waiting_for_workers(self) -> bool:
        return self.state in ("queued", "started") and self.lease is None

    @property
    def status(self) -> str:
        match self.state:
            case "completed" | "skipped":
                return "completed"
            case "failed":
                return "deadletter" if self.has_failed_itself else "cancelled"
            case "canceled":
                return "cancelled"
            case "waiting_for_map_tasks":
                return "processing"
        return "pending" if self.lease is None else "processing"

    def queue_up(self, from_ms: int) -> None:
        self.state = "started" if self.failures else "queued"
        self.not_before_ms = self.surely_from_ms = from_ms

    def wait_for_retry(self, from_ms: int, to_ms: int) -> None:
        self.state, self.lease = "started", None
        self.failures += 1
        self.not_before_ms, self.surely_from_ms = from_ms, to_ms

    def settle(self, state: State) -> None:
        assert self.is_open, f"{self} is settled a second time"
        self.state, self.lease = state, None

    def revive(self, *, starts_over: bool) -> None:
        """To be decided about anew; `starts_over`: with all its attempts."""
        if starts_over:
            self.failures = 0
        self.state, self.has_failed_itself = "waiting_for_dependencies", False


@dataclass
class Item(Unit):
    index: int = 0
    value: Json = None


@dataclass
class StepRun(Unit):
    step: Step = field(kw_only=True)
    job_id: str = ""
    items: list[Item] = field(default_factory=list)
    has_signal: bool = False
    signal: Json = None
    is_produced: bool = False  # no more items come

    @property
    def open_items(self) -> list[Item]:
        return [item for item in self.items if item.is_open]

    @property
    def counts(self) -> dict[str, int]:
        """Of items."""
        done = sum(item.state == "completed" for item in self.items)
        failed = sum(item.state == "failed" and item.has_failed_itself for item in self.items)
        return {"total": len(self.items), "completed": done, "failed": failed}

    def result(self) -> Json:
        """What others see of it when it is completed."""
        return [item.output for item in self.items] if self.step.has_items else self.output


def units_of(document: Document) -> dict[str, StepRun]:
    return {step.key: StepRun("waiting_for_dependencies", step=step) for step in document.steps}
