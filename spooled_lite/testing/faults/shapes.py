"""The rules of faults as callers write and read them. Unknown members are refused."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

from spooled_lite.core.webhooks.deliveries import TEST_EVENT
from spooled_lite.core.webhooks.records import WEBHOOK_EVENTS
from spooled_lite.testing.faults.names import ANY, RPC_NAMES, STREAMS
from spooled_lite.times import Time
from spooled_lite.wire.shapes.about import a_count, about, one_of
from spooled_lite.wire.shapes.common import AN_ID

TEXT_CHARS_MAX: Final = 500  # of an id or a note: more than any id of the API has
NUMBERS_MAX: Final = 1_000  # in `matches`
LATENCY_MS_MAX: Final = 60_000  # clients give up sooner
HANG_MS_MAX: Final = 600_000
COUNT_MAX: Final = 2**53 - 1  # what every client can read

RefusalName = Literal[
    "overloaded",
    "storage_full",
    "storage_error",
    "shutting_down",
    "rate_limited",
    "lease_expired",
    "unauthorized",
    "internal",
]

# One line a field, however long.
# ruff: noqa: E501
# fmt: off
RuleText = Annotated[str, Meta(min_length=1, max_length=TEXT_CHARS_MAX)]
CountFromOne = Annotated[int, Meta(ge=1, le=COUNT_MAX)]
LatencyMs = Annotated[int, Meta(ge=0, le=LATENCY_MS_MAX)]
RouteOfOn = Annotated[RuleText, about("Method and path as in the table of routes, or `*`", "POST /api/v1/jobs/{id}/complete")]
RpcOfOn = Annotated[RuleText, about("Service and method, or `*`", "QueueService/Complete", enum=[ANY, *RPC_NAMES.values()])]
EventOfDelivery = Annotated[RuleText, about("What it tells of", "job.completed", enum=sorted((*WEBHOOK_EVENTS, TEST_EVENT)))]
UrlOfDelivery = Annotated[RuleText, about("Where it goes: the address of the webhook, or of the job's `completion_webhook`", "https://inbox.test/shop")]
StreamOfOn = Annotated[RuleText, one_of("A stream, as it is opened or once it is open", *STREAMS)]
QueueOfOn = Annotated[RuleText, about("The queue, from the path, the body or the job", "charges")]
JobOfOn = Annotated[RuleText, about("The job, from the path or the body", AN_ID)]
KeyOfOn = Annotated[RuleText, about("The id of the API key of the caller", AN_ID)]
WorkerOfOn = Annotated[RuleText, about("The worker, from the path or the body", "worker-1")]
BodyOfOn = Annotated[dict[str, Any], about("The body has these members, each with this value; of objects inside the same holds", {"payload": {"order": 1}})]
HeadersOfOn = Annotated[dict[str, str], about("The request has these headers, each with this value", {"X-Tenant": "a"})]
Matches = Annotated[list[CountFromOne], Meta(min_length=1, max_length=NUMBERS_MAX), about("It strikes these, counted from 1", [1, 3])]
First = Annotated[CountFromOne, about("It strikes the first so many", 2)]
Every = Annotated[CountFromOne, about("It strikes each one whose count this divides", 3)]
StrikesAfter = Annotated[Time, about("From this time of the world on; what comes before is not counted", "2030-01-01T00:00:00Z")]
StrikesUntil = Annotated[Time, about("Before this time of the world", "2030-01-08T00:00:00Z")]
Probability = Annotated[float, Meta(ge=0, le=1), about("The share that it strikes, drawn from the seed, the rule and its count", 0.2)]
Latency = Annotated[LatencyMs | Annotated[list[LatencyMs], Meta(min_length=2, max_length=2)], about("Real milliseconds, or the bounds between which they are drawn", 200)]
LatencyWhere = Annotated[Literal["handler", "answer"], about("Whether it waits before the request is handled, or before it is answered", "handler")]
BodyOfError = Annotated[Any, about("Any JSON value. With a `content-type` among the headers a text is sent as it is", {"error": "busy"})]
Drop = Annotated[Literal["before", "after_commit"], about("The connection is cut: `before` anything was done, or after everything was", "after_commit")]
Truncate = Annotated[int, Meta(ge=0, le=COUNT_MAX), about("The whole length is announced, so many bytes are sent, and the connection is cut", 40)]
HangMs = Annotated[int, Meta(ge=0, le=HANG_MS_MAX), about("Nothing is done or answered for so many real milliseconds, and the connection is cut", 30_000)]
Redeliver = Annotated[bool, about("Of a claim: it is answered, and its jobs go back at once; no attempt is counted", True)]
ExpireLease = Annotated[bool, about("Of a claim or a renewal: it is answered, and the lease is over at once; an attempt is counted", True)]
StatusOfReceiver = Annotated[int, Meta(ge=200, le=599), about("The status", 503)]
HeadersOfReceiver = Annotated[dict[str, str], about("Its headers; `Retry-After` is obeyed", {"Retry-After": "7"})]
BodyOfReceiver = Annotated[Any, about("A text, or any other JSON value", "busy")]
NoReceiver = Annotated[Literal["timeout", "reset"], about("Nothing came in time, or the connection was cut", "timeout")]
DeliverTwice = Annotated[bool, about("It is sent twice, with the same id", True)]
Lose = Annotated[bool, about("It is not sent, and recorded as sent", True)]
Failure = Annotated[bool, about("Of a mail: the mail server does not take it", True)]
EndStream = Annotated[Literal["slow", "stopping", "revoked"], about("Of a stream: it ends as if its client were too slow, the server stopped, or its key were revoked", "stopping")]
MuteMs = Annotated[int, Meta(ge=0, le=HANG_MS_MAX), about("Of a stream: it says nothing for so many real milliseconds, no keep-alive either", 60_000)]
Times = Annotated[CountFromOne, about("It strikes at most so often", 1)]
Note = Annotated[str, Meta(max_length=TEXT_CHARS_MAX), about("What it is for", "lost acknowledgement")]
# fmt: on


class OfDelivery(Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True, kw_only=True):
    """Which calls of webhooks; without any member all."""

    event: EventOfDelivery | None = None
    url: UrlOfDelivery | None = None


class OfMail(Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True, kw_only=True):
    """Which mails; without any member all."""

    to: Annotated[RuleText, about("Whom it is for", "ada@example.com")] | None = None
    subject: Annotated[RuleText, about("Its subject", "Your sign-in code")] | None = None


class On(Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True, kw_only=True):
    """What a rule is for: exactly one of its kinds, `route`, `rpc`, `delivery`,
    `mail` and `stream`. All members must hold."""

    route: RouteOfOn | None = None
    rpc: RpcOfOn | None = None
    delivery: Annotated[OfDelivery, about("A call of a webhook")] | None = None
    mail: Annotated[OfMail, about("A mail")] | None = None
    stream: StreamOfOn | None = None
    queue: QueueOfOn | None = None
    job_id: JobOfOn | None = None
    key_id: KeyOfOn | None = None
    worker_id: WorkerOfOn | None = None
    body: BodyOfOn | None = None
    headers: HeadersOfOn | None = None


class When(Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True, kw_only=True):
    """Which of those it strikes. All members must hold; without any it strikes each."""

    matches: Matches | None = None
    first: First | None = None
    every: Every | None = None
    after: StrikesAfter | None = None
    until: StrikesUntil | None = None
    probability: Probability | None = None


class ErrorAnswer(
    Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True, kw_only=True
):
    """A refusal by its name, or exactly this answer."""

    as_: (
        Annotated[RefusalName, about("The refusal that clients really get", "storage_full")] | None
    ) = field(name="as", default=None)
    status: Annotated[int, Meta(ge=200, le=599), about("The status", 503)] | None = None
    body: BodyOfError = None
    headers: Annotated[dict[str, str], about("Its headers", {"Retry-After": "7"})] | None = None


class AnsweringReceiver(
    Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True, kw_only=True
):
    """How the receiver of a webhook answers."""

    status: StatusOfReceiver = 200
    headers: HeadersOfReceiver | None = None
    body: BodyOfReceiver = None
    latency_ms: Annotated[LatencyMs, about("Real milliseconds before its answer", 50)] | None = None


class Do(Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True, kw_only=True):
    """What it does: exactly one of these. `where` goes with `latency_ms`."""

    latency_ms: Latency | None = None
    where: LatencyWhere = "handler"
    error: Annotated[ErrorAnswer, about("Nothing is done, and this is answered")] | None = None
    drop: Drop | None = None
    truncate: Truncate | None = None
    hang_ms: HangMs | None = None
    redeliver: Redeliver | None = None
    expire_lease: ExpireLease | None = None
    receiver: (
        Annotated[
            AnsweringReceiver | NoReceiver,
            about("Of a delivery: the call is not made, and this came of it"),
        ]
        | None
    ) = None
    deliver_twice: DeliverTwice | None = None
    lose: Lose | None = None
    failure: Failure | None = None
    end_stream: EndStream | None = None
    mute_ms: MuteMs | None = None


class NewFault(Struct, forbid_unknown_fields=True, kw_only=True):
    """Body of POST /test/faults."""

    on: Annotated[On, about("What it is for")]
    do: Annotated[Do, about("What it does")]
    when: Annotated[When, about("Which ones it strikes")] = When()
    times: Times | None = None
    note: Note | None = None


class FaultView(Struct, frozen=True, kw_only=True):
    """A rule, and what has come of it."""

    id: Annotated[str, about("Its id in this world", "f1")]
    on: Annotated[On, about("What it is for")]
    when: Annotated[When, about("Which ones it strikes")]
    do: Annotated[Do, about("What it does")]
    times: Times | None
    note: Note | None
    seen: Annotated[int, a_count("How many it was for", 3)]
    struck: Annotated[int, a_count("How many of them it struck", 1)]


class FaultsView(Struct, frozen=True):
    """Answer of GET /test/faults."""

    faults: Annotated[list[FaultView], about("In the order in which they are asked")]
