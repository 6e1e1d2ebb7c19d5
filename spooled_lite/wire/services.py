"""The parts of the application that HTTP and gRPC share. `app.py` builds them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from spooled_lite.background.deadlines import LoopState
from spooled_lite.background.sender import Sender
from spooled_lite.clock import Clock
from spooled_lite.config import Settings
from spooled_lite.core.auth.tokens import Signer
from spooled_lite.events import EventBus
from spooled_lite.ids import Ids
from spooled_lite.log_counts import Counted
from spooled_lite.metrics import Metrics
from spooled_lite.outbound.mail import Mail
from spooled_lite.plans import Plans
from spooled_lite.storage.database import Database
from spooled_lite.wire.caller import Callers
from spooled_lite.wire.calls_of_org import CallsOfOrg
from spooled_lite.wire.handler_wrapper import HandlerWrapper
from spooled_lite.wire.identity import Identities
from spooled_lite.wire.live.hub import TopicHub
from spooled_lite.wire.live.renderers import LiveRenderers
from spooled_lite.wire.live.tokens import TopicTokens
from spooled_lite.wire.off_loop import OffLoop
from spooled_lite.wire.rates.rate_limit import FailureWindows, RateLimits
from spooled_lite.wire.realtime.feed import Feed
from spooled_lite.wire.refused import RefusedCredentials
from spooled_lite.wire.sign_in_link import SignInLink
from spooled_lite.wire.waiting.claim_watch import ClaimWatch
from spooled_lite.wire.waiting.claims import Waiting
from spooled_lite.wire.waiting.hints import Hints
from spooled_lite.wire.waiting.outcomes import Outcomes
from spooled_lite.wire.waiting.stops import Stops

if TYPE_CHECKING:
    from spooled_lite.background.archive import Archive
    from spooled_lite.background.backups import Backups
    from spooled_lite.exports.moments import Moments


class ServerState:
    """The state of the running server, for `/health` and the administrator's routes."""

    __slots__ = (
        "__weakref__",
        "archive",
        "backups",
        "exports",
        "is_stopping",
        "is_test",
        "loops",
        "may_prune",
        "on_stopping",
        "settings",
        "started_at_ms",
    )

    def __init__(self, started_at_ms: int, settings: Settings) -> None:
        self.started_at_ms = started_at_ms
        self.settings = settings  # replaced as a whole when some are changed while it runs
        self.is_stopping = False
        self.on_stopping: list[Callable[[], None]] = []  # called once, when it begins to stop
        self.is_test = False  # whether callers may move the clock
        self.backups: Backups | None = None  # None: the server makes none by itself
        self.archive: Archive | None = None  # likewise
        self.exports: Moments | None = None  # None: none was asked for yet
        # Whether old rows may be deleted at a moment.
        self.may_prune: Callable[[int], bool] = lambda now_ms: True
        self.loops: Callable[[], Sequence[LoopState]] = tuple

    def uptime_seconds(self, now_ms: int) -> int:
        """Seconds since the server started; 0 when the clock was set back to before that."""
        return max(0, now_ms - self.started_at_ms) // 1000


class Services(Struct, frozen=True, kw_only=True):
    """The services that handlers, admission and streams use, over HTTP and over gRPC."""

    db: Database
    clock: Clock
    bus: EventBus
    waiting: Waiting
    claim_watch: ClaimWatch
    hints: Hints  # wakes callers that wait for a change
    outcomes: Outcomes
    stops: Stops  # tells callers that renew leases
    callers: Callers
    identities: Identities
    feed: Feed
    hub: TopicHub
    renderers: LiveRenderers
    plans: Plans
    metrics: Metrics
    counted: Counted  # log lines that a lasting failure would repeat
    refused: RefusedCredentials
    rates: RateLimits
    login_failures: FailureWindows
    admin_failures: FailureWindows
    metrics_failures: FailureWindows
    confirmation_requests: FailureWindows  # for codes that confirm an organization's address
    code_requests: FailureWindows  # for sign-in codes: each request counts as a failure
    signer: Signer
    topic_tokens: TopicTokens
    sign_in_link: SignInLink
    mail: Mail
    sender: Sender  # calls webhooks
    searches: CallsOfOrg  # that look through jobs now
    off_loop: OffLoop  # reads large bodies
    document_text: Callable[[], bytes]  # the OpenAPI document; may take a tenth of a second
    ids: Ids  # for request ids and tokens; the writing thread has its own
    state: ServerState
    around: HandlerWrapper | None = None

    @property
    def settings(self) -> Settings:
        return self.state.settings
