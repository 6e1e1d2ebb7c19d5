"""What expectations say, and what is answered. Unknown members are refused."""

from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from spooled_lite.testing.durations import Duration
from spooled_lite.testing.shapes import NowText
from spooled_lite.wire.shapes.about import a_count, about
from spooled_lite.wire.shapes.common import AN_ID

EXPECTED_MAX: Final = 100
EXPECT_REAL_MS_MAX: Final = 25_000  # a handler has 30 seconds
ATTEMPTS_EXPECTED_MAX: Final = 1_000
NEAREST_MAX: Final = 3

# One line a field, however long.
# ruff: noqa: E501
# fmt: off
AtLeast = Annotated[int, Meta(ge=0), about("So many or more", 1)]
AtMost = Annotated[int, Meta(ge=0), about("So many or fewer", 2)]
QueueOf = Annotated[str, about("The queue of the jobs", "emails")]
StatusOf = Annotated[str, about("Their status", "completed")]
JobTypeOf = Annotated[str, about("Their type", "welcome")]
JobIdOf = Annotated[str, about("The job", AN_ID)]
PayloadOf = Annotated[Raw, about("Members that the payload has", {"to": "ada@example.com"})]
ResultMembers = Annotated[Raw, about("Members that the result has", {"paid": True})]
ErrorOf = Annotated[str, about("The last error", "declined")]
RetriesOf = Annotated[int, about("How often it was retried", 2)]
AttemptsAt = Annotated[list[str], Meta(max_length=ATTEMPTS_EXPECTED_MAX), about("When attempts began: after the first, or as times", ["+0s", "+1h", "+5h"])]
WebhookName = Annotated[str, about("The name of a webhook", "shop")]
EventName = Annotated[str, about("The event of its deliveries", "job.completed")]
RequestName = Annotated[str, about("A route, or a method and a path", "POST /api/v1/jobs")]
StatusCodeOf = Annotated[int, about("How it was answered", 201)]
MailTo = Annotated[str, about("The recipient", "ada@example.com")]
SubjectOf = Annotated[str, about("The subject", "Your sign-in code")]
FaultIdOf = Annotated[str, about("The fault, by its id", "f1")]
MessagesOf = Annotated[str, about("The queue of the messages", "audit")]
MessageBodyOf = Annotated[Raw, about("Members that the body has; or the body, when it is no object", {"user_id": 5})]
HeadersExpected = Annotated[Raw, about("Members that the headers have", {"source": "web"})]
TopicOf = Annotated[str, about("The topic they were published under", "events.user.created")]
KeyOf = Annotated[str, about("Their concurrency key", "user-5")]
StateExpected = Annotated[str, about("`visible`, `hidden`, `expired`, `completed` or `canceled`", "visible")]
DeliveriesOf = Annotated[int, about("How often they were read", 1)]
EventOfJournal = Annotated[str, about("What happened", "message.deleted")]
MessageIdOf = Annotated[str, about("The message", AN_ID)]
NameOf = Annotated[str, Meta(max_length=200), about("What is expected, for the report", "refund ladder")]
Within = Annotated[Duration, about("Let so much time pass", "7d")]
WaitedRealMs = Annotated[int, Meta(ge=0, le=EXPECT_REAL_MS_MAX), about("Wait so long in real time instead", 2000)]
ListOfExpected = Annotated[list[Raw], Meta(min_length=1, max_length=EXPECTED_MAX), about("What is expected", [{"queue": "emails", "status": "completed", "count": 1}])]
AskedFor = Annotated[Raw, about("What was expected", {"queue": "emails", "count": 1})]
ActualOf = Annotated[Any, about("How many there are; of `at` when attempts began", 2)]
DiffersOf = Annotated[dict[str, Any], about("What it has instead, by path", {"payload.to": "bob@example.com"})]
# fmt: on


class CountRange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many there are."""

    at_least: AtLeast | None = None
    at_most: AtMost | None = None


WantedCount = Annotated[int, Meta(ge=0)] | CountRange
DEFAULT_COUNT: Final = CountRange(at_least=1)
CountOf = Annotated[
    WantedCount, about("Exactly so many, or a range; at least one", {"at_least": 1})
]


class JobsExpected(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Jobs: all that is said has to hold of each that counts."""

    queue: QueueOf | UnsetType = UNSET
    job_id: JobIdOf | UnsetType = UNSET
    status: StatusOf | UnsetType = UNSET
    job_type: JobTypeOf | UnsetType = UNSET
    payload: PayloadOf | UnsetType = UNSET
    result: ResultMembers | UnsetType = UNSET
    error: ErrorOf | UnsetType = UNSET
    retry_count: RetriesOf | UnsetType = UNSET
    at: AttemptsAt | UnsetType = UNSET
    count: CountOf = DEFAULT_COUNT


class MessagesExpected(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Messages that are in a queue: all that is said has to hold of each that counts."""

    messages: MessagesOf
    body: MessageBodyOf | UnsetType = UNSET
    headers: HeadersExpected | UnsetType = UNSET
    topic: TopicOf | UnsetType = UNSET
    concurrency_key: KeyOf | UnsetType = UNSET
    state: StateExpected | UnsetType = UNSET
    deliveries: DeliveriesOf | UnsetType = UNSET
    count: CountOf = DEFAULT_COUNT


class WebhookExpected(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Deliveries of a webhook."""

    webhook: WebhookName
    event: EventName | UnsetType = UNSET
    delivered: CountOf = DEFAULT_COUNT


class RequestExpected(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Requests in the journal."""

    request: RequestName
    status_code: StatusCodeOf | UnsetType = UNSET
    count: CountOf = DEFAULT_COUNT


class EventExpected(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Events in the journal, also of what is gone: messages that were sent, read, deleted."""

    event: EventOfJournal
    queue: Annotated[str, about("Its queue", "audit")] | UnsetType = UNSET
    job_id: JobIdOf | UnsetType = UNSET
    message_id: MessageIdOf | UnsetType = UNSET
    count: CountOf = DEFAULT_COUNT


class MailExpected(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Mails in the inbox."""

    mail: MailTo
    subject: SubjectOf | UnsetType = UNSET
    count: CountOf = DEFAULT_COUNT


class FaultExpected(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often a fault struck."""

    fault: FaultIdOf
    struck: CountOf = DEFAULT_COUNT


Expected = (
    JobsExpected
    | MessagesExpected
    | WebhookExpected
    | RequestExpected
    | EventExpected
    | MailExpected
    | FaultExpected
)


class ExpectBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """Body of POST /test/expect."""

    expect: ListOfExpected
    name: NameOf = "expectations"
    within: Within = 0
    real_ms: WaitedRealMs = 0


class NearMiss(Struct, frozen=True, kw_only=True):
    """Something that would nearly have counted."""

    differs: DiffersOf
    job_id: JobIdOf | UnsetType = UNSET
    message_id: MessageIdOf | UnsetType = UNSET
    delivery_id: Annotated[str, about("The delivery", AN_ID)] | UnsetType = UNSET
    n: Annotated[int, a_count("The line of the journal, or the mail", 7)] | UnsetType = UNSET


class ExpectedResult(Struct, frozen=True, kw_only=True):
    """What came of one expectation."""

    passed: Annotated[bool, about("Whether it holds", False)]
    expected: AskedFor
    actual: ActualOf
    nearest: Annotated[list[NearMiss], about("Of one that does not hold: what came nearest")] = (
        field(default_factory=list)
    )


class ExpectView(Struct, frozen=True, kw_only=True):
    """Answer of POST /test/expect."""

    passed: Annotated[bool, about("Whether all hold", False)]
    now: NowText
    results: Annotated[list[ExpectedResult], about("One for each expectation")]
