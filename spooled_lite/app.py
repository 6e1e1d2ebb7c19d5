"""Composition root: builds every part, starts them in order, stops them in the opposite order."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

from msgspec import Struct

from spooled_lite import __version__
from spooled_lite.background.courier import Courier
from spooled_lite.background.deadlines import Deadlines
from spooled_lite.background.loops import calling_loops, loops
from spooled_lite.background.scheduler import Scheduler
from spooled_lite.background.sender import Sender
from spooled_lite.background.supervisor import AsyncLoop, Loop, Supervise, run_loops
from spooled_lite.background.timekeeper import Timekeeper
from spooled_lite.clock import Clock, SystemClock
from spooled_lite.config import Settings
from spooled_lite.core.auth.secret import token_secret
from spooled_lite.core.auth.tokens import Signer
from spooled_lite.core.jobs import history, log, stats
from spooled_lite.core.jobs.error_groups import count_error
from spooled_lite.core.keys.first_start import first_start
from spooled_lite.core.keys.in_process import InProcessKey
from spooled_lite.core.keys.verify import forget_changed_key
from spooled_lite.core.maintenance.safety import SafetySweep
from spooled_lite.core.overview.measure import measured_by
from spooled_lite.core.overview.starts import note_start
from spooled_lite.core.queues.ensure import forget_changed_queue
from spooled_lite.core.steps.watch import watch_steps
from spooled_lite.core.webhooks.outbox import owe_completion_webhook, owe_webhooks
from spooled_lite.core.workers import statements as worker_statements
from spooled_lite.core.workers.former import end_former_leases
from spooled_lite.core.workers.settled import settled_rows
from spooled_lite.events import Deadline, EventBus
from spooled_lite.exports.place import remove_left_copy
from spooled_lite.ids import Ids
from spooled_lite.log_counts import Counted
from spooled_lite.metrics import Metrics
from spooled_lite.outbound.http_client import HttpClient, Poster
from spooled_lite.outbound.mail import Carry, Mail, smtp_of
from spooled_lite.outbound.targets import Policy
from spooled_lite.part_settings import retention_of, terms_of, writer_settings
from spooled_lite.plan_values import plans_of
from spooled_lite.safekeeping import Safekeeping
from spooled_lite.spans import Tracer
from spooled_lite.storage.database import Database
from spooled_lite.storage.event_log import EventLog
from spooled_lite.storage.file_identity import count_opening
from spooled_lite.storage.traced import note_commit
from spooled_lite.storage.transaction import Hooks, Rows
from spooled_lite.wire.caller import Callers
from spooled_lite.wire.handler_wrapper import HandlerWrapper
from spooled_lite.wire.http.application import Application
from spooled_lite.wire.identity import Identities
from spooled_lite.wire.live.hub import TopicHub
from spooled_lite.wire.live.registry import TopicStreams
from spooled_lite.wire.live.renderers import LiveRenderers
from spooled_lite.wire.live.rights import TopicRights
from spooled_lite.wire.live.tokens import TopicTokens
from spooled_lite.wire.off_loop import OffLoop
from spooled_lite.wire.rates.rate_limit import FailureWindows, RateLimits
from spooled_lite.wire.realtime.feed import Feed
from spooled_lite.wire.refused import RefusedCredentials
from spooled_lite.wire.searches import searches_of_orgs
from spooled_lite.wire.services import ServerState, Services
from spooled_lite.wire.sign_in_link import SignInLink
from spooled_lite.wire.waiting.claim_watch import ClaimWatch
from spooled_lite.wire.waiting.claims import Waiting
from spooled_lite.wire.waiting.hints import Hints
from spooled_lite.wire.waiting.outcomes import Outcomes
from spooled_lite.wire.waiting.stops import Stops

logger = logging.getLogger(__name__)

_ONE_AT_A_TIME = threading.Lock()


class Running(Struct, frozen=True):
    """A running server without its listeners."""

    application: Application
    services: Services
    organization_id: str
    key: str | None  # the API key, when this start created it or the settings give it
    in_process_key: str  # for calls of this process: in memory only, gone with it
    begin_stop: Callable[[], None]  # makes readiness false, ends streams, answers waiting calls
    deliveries: Callable[[], frozenset[asyncio.Task[None]]]  # the deliveries under way
    settled: Callable[[], Awaitable[None]]  # waits until no delivery and no mail is under way
    keys: Mapping[str, str] = {}  # more keys by name, of a server for tests


def hooks() -> Hooks:
    """What every transaction does besides its operation.

    Each database needs hooks of its own, since the event log in them keeps a count.
    """
    return Hooks(
        on_emit=(
            forget_changed_key,
            forget_changed_queue,
            stats.count,
            count_error,
            owe_completion_webhook,
            owe_webhooks,
            watch_steps,
        ),
        # Each writes rows made from the events of a batch, in one executemany before the commit.
        sinks=(
            Rows(history.INSERT, history.rows),
            Rows(worker_statements.COUNT_JOBS, settled_rows),
            EventLog(log.log_rows),
        ),
    )


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
    at_once: asyncio.Event | None = None,
    supervise: Supervise = run_loops,
    around: HandlerWrapper | None = None,
    image: bytes | None = None,
    outgoing: Poster | None = None,
    mail: Carry | None = None,
    application: Callable[[Services], Application] = Application,
    tracer: Tracer | None = None,
    is_test: bool = False,
) -> AsyncIterator[Running]:
    """Start every part in order, and stop them in the opposite order on the way out.

    Nothing acknowledged is lost on the way out, nor by a crash at any line. `at_once` cuts short
    the wait for deliveries under way.

    Most other arguments replace parts in tests and test mode: `clock` and `ids` those of the
    system; `supervise` the function that runs the loops as time passes; `outgoing` the client that
    calls webhooks; `mail` the connection to the mail server; `application` the class of the
    application. `around` is called instead of every handler. `tracer` is told of passes, webhook
    calls and commits. An in-memory database begins with the
    pages of `image`. `is_test` says that callers move the clock: then a file on disk must be new,
    or made by such a server.

    Raises: as `Database`; ConfigError for settings of backups and of the archive.
    """
    clock, ids = clock or SystemClock(), ids or Ids()
    stop = asyncio.Event()
    keeping = Safekeeping(settings, is_stopping=stop.is_set, is_test=is_test)
    bus, deadlines, waiting = EventBus(), Deadlines(clock), Waiting()
    metrics = Metrics()
    database = Database(
        settings.database,
        writer_settings(settings),
        clock=clock,
        ids=ids,
        bus=bus,
        hooks=hooks(),
        waiting=waiting,
        on_due=deadlines.announce,
        metrics=metrics,
        image=image,
        is_test=is_test,
    )
    keeping.begin(database, ids=ids, clock=clock, metrics=metrics, announce=deadlines.announce)
    database.start()
    remove_left_copy(settings, database)
    if tracer is not None:
        database.on_enter = note_commit
        supervise = partial(run_loops, tracer=tracer)
    bus.listen(measured_by(metrics))
    _watch(metrics, database, waiting)
    background: list[asyncio.Task[None]] = []
    courier: Courier | None = None
    services: Services | None = None
    try:
        # Handed over together, so that they share a commit: each of their own takes a while.
        entry, secret, *_ = await asyncio.gather(
            database.write(
                first_start,
                bootstrap_key=settings.bootstrap_api_key,
                is_live=settings.environment == "production",
            ),
            database.write(token_secret, settings.jwt_secret),
            database.write(note_start, __version__),
            database.write(count_opening),
            database.write(end_former_leases, is_copy=image is not None),
        )
        for warning in entry.warnings:
            logger.warning("%s", warning)
        services = _services(
            database,
            settings,
            clock=clock,
            bus=bus,
            waiting=waiting,
            metrics=metrics,
            secret=secret,
            ids=ids.of("requests"),
            around=around,
            outgoing=outgoing or HttpClient(Policy.of(settings), clock),
            mail=Mail(smtp_of(settings), carry=mail),
            tracer=tracer,
        )

        in_process_key = InProcessKey.new(entry.organization, ids.of("process"))
        services.callers.take_in(in_process_key)
        services.state.is_test = is_test
        metrics.watch("spooled_waiting_outcomes", services.outcomes.count)

        def begin_stop() -> None:
            services.state.is_stopping = True
            services.feed.end_all()
            services.hub.end_all()
            waiting.end_all(database)
            services.outcomes.end_all()
            while services.state.on_stopping:
                services.state.on_stopping.pop()()

        background.append(asyncio.create_task(services.mail.run(stop), name="mail"))
        background.append(asyncio.create_task(services.feed.run(stop), name="streams"))
        background.append(asyncio.create_task(services.hub.run(stop), name="topics"))
        courier = Courier(
            services.sender,
            places_max=settings.outgoing_webhook_max_concurrent_deliveries,
            attempts_max=settings.outgoing_webhook_max_attempts,
            metrics=metrics,
            wake=partial(deadlines.announce, Deadline.DELIVERY, 0),
        )
        metrics.watch("spooled_webhook_deliveries_under_way", courier.under_way)

        async def settled() -> None:
            await courier.settled()
            await services.mail.settled()

        retention = retention_of(settings, services.plans)
        safety = SafetySweep(partial(metrics.count, "spooled_repaired_deadlines_total"))
        if isinstance(clock, SystemClock):
            timekeeper = Timekeeper(database, clock, deadlines)
            background.append(asyncio.create_task(timekeeper.run(stop), name="clock"))
            by_themselves = loops(retention, safety, timekeeper.may_prune)
            services.state.may_prune = timekeeper.may_prune
        else:  # a clock of a test, which jumps on purpose
            by_themselves = loops(retention, safety)
        on_missed = partial(metrics.count, "spooled_schedule_missed_total")
        scheduler = Scheduler(terms_of(settings, services.plans), on_missed)
        table: list[Loop | AsyncLoop] = [*by_themselves, *calling_loops(courier, scheduler)]
        services.state.backups, services.state.archive = keeping.backups, keeping.archive
        table += keeping.loops
        services.state.loops = partial(
            deadlines.states, {loop.name: loop.deadline for loop in table}
        )
        background.append(
            asyncio.create_task(supervise(database, deadlines, table, stop, metrics), name="loops")
        )
        yield Running(
            application=application(services),
            services=services,
            organization_id=entry.organization_id,
            key=entry.key,
            in_process_key=in_process_key.secret,
            begin_stop=begin_stop,
            deliveries=courier.calls,
            settled=settled,
        )
    finally:
        stop.set()
        deadlines.wake_all()
        await asyncio.gather(*background, return_exceptions=True)
        if courier is not None:
            await courier.finish(settings.shutdown_grace_seconds, at_once or asyncio.Event())
        if services is not None:
            services.off_loop.close()
        remove_left_copy(settings, database)
        await asyncio.to_thread(database.close)
        await asyncio.to_thread(keeping.close)


def _services(
    database: Database,
    settings: Settings,
    *,
    clock: Clock,
    bus: EventBus,
    waiting: Waiting,
    metrics: Metrics,
    secret: bytes,
    ids: Ids,
    around: HandlerWrapper | None,
    outgoing: Poster,
    mail: Mail,
    tracer: Tracer | None,
) -> Services:
    """The parts that HTTP and gRPC share. Events reach them in the order in which they are made."""
    signer = Signer(secret, access_seconds=settings.jwt_expiration_hours * 3600)
    plans, counted = plans_of(settings.plan_values), Counted()
    callers = Callers(database, clock=clock, bus=bus, signer=signer)
    bus.listen(partial(waiting.hear, database))
    identities = Identities(callers, database.readers, signer)
    # After the callers, which it asks again when a key or a token has changed.
    feed = Feed(
        database,
        clock=clock,
        bus=bus,
        identities=identities,
        metrics=metrics,
        counted=counted,
        streams_max=settings.streams_per_org_max,
        checks_words=settings.enforce_key_permissions,
    )
    streams = TopicStreams()
    renderers = LiveRenderers(database, bus, streams)  # before the hub, which asks it
    hub = TopicHub(
        clock=clock,
        bus=bus,
        streams=streams,
        renderers=renderers,
        rights=TopicRights(callers, checks_words=settings.enforce_key_permissions),
        metrics=metrics,
        streams_max=settings.streams_per_org_max,
    )
    # After the callers, too: waiting calls check theirs again when a key or a token has changed.
    hints = Hints(bus)
    claim_watch = ClaimWatch(waiting)
    bus.listen(claim_watch.hear)
    return Services(
        db=database,
        clock=clock,
        bus=bus,
        waiting=waiting,
        claim_watch=claim_watch,
        hints=hints,
        outcomes=Outcomes(hints, clock),
        stops=Stops(hints, bus),
        callers=callers,
        identities=identities,
        feed=feed,
        hub=hub,
        renderers=renderers,
        plans=plans,
        metrics=metrics,
        counted=counted,
        refused=RefusedCredentials(),
        rates=RateLimits(settings, plans),
        login_failures=FailureWindows("login"),
        admin_failures=FailureWindows("admin"),
        metrics_failures=FailureWindows("admin"),
        code_requests=FailureWindows("login"),
        confirmation_requests=FailureWindows("login"),
        signer=signer,
        topic_tokens=TopicTokens(secret),
        sign_in_link=SignInLink(settings),
        mail=mail,
        sender=Sender(outgoing, clock, tracer),
        searches=searches_of_orgs(clock),
        off_loop=OffLoop(),
        document_text=_document_text,
        ids=ids,
        around=around,
        state=ServerState(clock.now_ms(), settings),
    )


def _document_text() -> bytes:
    # Imported here, since only readers of the document need it and the server starts sooner; by one
    # thread alone, however many ask at once.
    with _ONE_AT_A_TIME:
        from spooled_lite.wire.http.documents.text import document_text

        return document_text()


def _watch(metrics: Metrics, database: Database, waiting: Waiting) -> None:
    """Register the gauges that are read at each scrape."""
    readers, writer = database.readers, database.writer
    metrics.watch("spooled_wal_bytes", writer.file.wal_bytes)
    metrics.watch("spooled_file_bytes", writer.file.file_bytes)
    metrics.watch("spooled_disk_free_bytes", writer.room.left_bytes)
    metrics.show("spooled_disk_reserve_bytes", writer.room.reserve_bytes)
    metrics.watch("spooled_writer_busy_seconds_total", lambda: writer.busy_total_seconds)
    metrics.watch("spooled_waiting_claims", waiting.count)
    metrics.watch("spooled_database_connections_active", lambda: 1 + readers.connection_count)
    metrics.watch_lines(writer.backlog.lengths)
