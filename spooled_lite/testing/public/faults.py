"""Faults on request, as a test holds them: what goes wrong, on what, and when."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NotRequired, Required, Self, TypedDict, Unpack

from spooled_lite.testing.public.link import Link, RefusedCall
from spooled_lite.testing.public.times import time_of

NOT_FOUND = 404
_OF_A_RULE = ("id", "on", "when", "do", "note")

NamedRefusal = Literal[
    "overloaded",
    "storage_full",
    "storage_error",
    "shutting_down",
    "rate_limited",
    "lease_expired",
    "unauthorized",
    "internal",
]


class DeliveryFaultOn(TypedDict, total=False):
    """Which calls of webhooks."""

    event: str  # such as "job.completed"
    url: str


class MailFaultOn(TypedDict, total=False):
    """Which mails."""

    to: str
    subject: str


class FaultOn(TypedDict, total=False):
    """What a fault is for. All members must hold."""

    route: str  # method and path, such as "POST /api/v1/jobs/{id}/complete"; "*" is every one
    rpc: str  # of gRPC, such as "QueueService/Complete"
    delivery: DeliveryFaultOn
    mail: MailFaultOn
    stream: Literal["sse", "websocket", "grpc"]
    queue: str
    job_id: str
    key_id: str
    worker_id: str
    body: Mapping[str, Any]  # members that are equal; of objects inside it the same
    headers: Mapping[str, str]


class FaultWhen(TypedDict, total=False):
    """Which of those it strikes; each, when nothing is said. All members must hold."""

    matches: Sequence[int]  # the first and the third: [1, 3]
    first: int  # the first so many
    every: int  # each third: 3
    after: datetime | str  # from and before a time of the world: others are not counted
    until: datetime | str
    probability: float  # 0 to 1, drawn from the seed, the rule and its count


# `as` is a word of Python.
FaultError = TypedDict(
    "FaultError",
    {
        "as": NamedRefusal,  # the refusal that clients really get; or else exactly this answer:
        "status": int,
        "body": Any,
        "headers": Mapping[str, str],
    },
    total=False,
)


class FaultReceiver(TypedDict, total=False):
    """What a webhook's receiver is said to have answered."""

    status: int
    headers: Mapping[str, str]
    body: Any
    latency_ms: int


class FaultDo(TypedDict, total=False):
    """What it does: exactly one of these. `where` goes with `latency_ms`. Milliseconds are real."""

    latency_ms: int | Sequence[int]  # or the least and the most: [50, 400]
    where: Literal["handler", "answer"]
    error: FaultError  # nothing is done
    drop: Literal["before", "after_commit"]  # the connection is cut, and nothing or all was done
    truncate: int  # the whole length is announced, so many bytes are sent
    hang_ms: int  # nothing is done or answered
    redeliver: Literal[True]  # what was claimed is taken back at once
    expire_lease: Literal[True]
    end_stream: Literal["slow", "stopping", "revoked"]
    mute_ms: int
    receiver: FaultReceiver | Literal["timeout", "reset"]
    deliver_twice: Literal[True]
    lose: Literal[True]
    failure: Literal[True]  # the mail server does not take the mail


class FaultRequest(TypedDict):
    """What `Faults.add` takes."""

    on: Required[FaultOn]
    do: Required[FaultDo]
    when: NotRequired[FaultWhen]
    times: NotRequired[int | None]  # it strikes at most so often
    note: NotRequired[str | None]  # what it is for, up to 500 characters


class Fault:
    """One fault. As a context manager it is removed on the way out."""

    def __init__(self, link: Link, about: Mapping[str, Any]) -> None:
        self._link = link
        self._about = about

    @property
    def id(self) -> str:
        return str(self._about["id"])

    @property
    def note(self) -> str | None:
        note: str | None = self._about["note"]
        return note

    @property
    def seen(self) -> int:
        """How many it was for. Of one that is gone: when it was last looked at."""
        return int(self._look()["seen"])

    @property
    def struck(self) -> int:
        """How many of them it struck. Of one that is gone: when it was last looked at."""
        return int(self._look()["struck"])

    def remove(self) -> None:
        """Make it no more. May be called again, and after a reset, which ends it as well."""
        if not self._is_there():
            return
        try:
            self._link.call("DELETE", f"/test/faults/{self.id}")
        except RefusedCall as refused:
            if refused.status != NOT_FOUND:
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<Fault {self.id} on {self._about['on']} does {self._about['do']}>"

    def _look(self) -> Mapping[str, Any]:
        self._is_there()
        return self._about

    def _is_there(self) -> bool:
        for each in self._link.call("GET", "/test/faults")["faults"]:
            # After a reset another one may have this id.
            if all(each[name] == self._about[name] for name in _OF_A_RULE):
                self._about = each
                return True
        return False


class Faults:
    """The faults of a world, in the order in which they are asked. The first that strikes ends
    the search, unless it is a latency."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def add(self, **rule: Unpack[FaultRequest]) -> Fault:
        """Have a fault made.

            faults.add(on={"route": "POST /api/v1/jobs"}, do={"drop": "after_commit"}, times=1)

        Raises:
            RefusedCall: the rule makes no sense, or there are 100 already.
        """
        body: dict[str, Any] = {**rule}
        if "when" in body:
            body["when"] = {
                name: time_of(value) if isinstance(value, datetime) else value
                for name, value in body["when"].items()
            }
        return Fault(self._link, self._link.call("POST", "/test/faults", body))

    def all(self) -> list[Fault]:
        return [
            Fault(self._link, about) for about in self._link.call("GET", "/test/faults")["faults"]
        ]

    def clear(self) -> None:
        """Make none any more."""
        self._link.call("DELETE", "/test/faults")

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.all())
