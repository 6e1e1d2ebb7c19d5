"""The official client's event streams and WebSockets, sync and async, and what unites them."""

import asyncio
import contextlib
import queue as queues
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

import pytest
from spooled.async_client import AsyncSpooledClient
from spooled.client import SpooledClient
from spooled.errors import AuthenticationError, AuthorizationError
from spooled.realtime.events import RealtimeEvent
from spooled.realtime.sse import AsyncSSEClient, SSEClient
from spooled.realtime.unified import SpooledRealtime
from spooled.realtime.unified import SubscriptionFilter as UnifiedFilter
from spooled.realtime.websocket import (
    AsyncWebSocketClient,
    SubscriptionFilter,
    WebSocketClient,
    WebSocketConnectionOptions,
)
from websockets.exceptions import InvalidStatus

from tests.sdk.driven import options
from tests.sdk.test_attempts import claim_one
from tests.sdk.test_jobs import create
from tests.server_process import API_KEY, ServerProcess

pytestmark = pytest.mark.slow

SECONDS_MAX: Final = 20.0


@pytest.fixture
def plain(server: ServerProcess) -> Iterator[SpooledClient]:
    """The sync client alone: whoever makes things happen is not what is tested."""
    with SpooledClient(**options(server.url)) as it:
        yield it


@pytest.fixture
def token(plain: SpooledClient) -> str:
    return str(plain.auth.login({"api_key": API_KEY}).access_token)


def ws_options(server: ServerProcess, token: str, **more: Any) -> WebSocketConnectionOptions:
    url = server.url.replace("http://", "ws://")
    return WebSocketConnectionOptions(
        ws_url=url, token=token, reconnect_delay=0.05, max_reconnect_attempts=3, **more
    )


def run_through(client: SpooledClient, queue: str) -> str:
    """A job from its creation to its completion."""
    job_id = create(client, queue)
    job = claim_one(client, queue)
    client.jobs.complete(
        job.id, {"worker_id": "w", "lease_id": job.lease_id, "result": {"sent": True}}
    )
    return job_id


def told(events: list[RealtimeEvent], queue: str) -> list[str]:
    return [event.type for event in events if (event.data or {}).get("queue_name") == queue]


LIFE: Final = [
    "job.created",
    "job.status_changed",
    "job.completed",
    "job.status_changed",
]


def of_a_life(events: list[RealtimeEvent], queue: str) -> list[str]:
    return [kind for kind in told(events, queue) if kind != "queue.stats"]


class Heard:
    """Handlers put events in, the test takes them out."""

    def __init__(self) -> None:
        self._events: queues.Queue[Any] = queues.Queue()

    def __call__(self, event: Any) -> None:
        self._events.put(event)

    def next(self) -> Any:
        return self._events.get(timeout=SECONDS_MAX)

    def until(self, is_it: Callable[[Any], bool]) -> Any:
        while not is_it(event := self.next()):
            pass
        return event


# -- event streams ---------------------------------------------------------------------------------


@pytest.mark.parametrize("credential", ["key", "token"])
def test_the_stream_of_a_queue(
    server: ServerProcess, plain: SpooledClient, queue: str, token: str, credential: str
) -> None:
    shown = API_KEY if credential == "key" else token
    heard = Heard()
    with SSEClient(server.url, shown, queue=queue, auto_reconnect=False) as stream:
        stream.on("job.completed", heard)
        events = stream.events()
        assert next(events).type == "system.health"

        job_id = run_through(plain, queue)
        seen: list[RealtimeEvent] = []
        while len(of_a_life(seen, queue)) < len(LIFE):
            seen.append(next(events))

    assert of_a_life(seen, queue) == LIFE
    completed = heard.next()
    assert (completed["job_id"], completed["result"]) == (job_id, {"sent": True})
    assert all(event.timestamp is not None for event in seen)


def test_the_stream_of_a_job_ends_with_it(
    server: ServerProcess, plain: SpooledClient, queue: str
) -> None:
    job_id = create(plain, queue)
    with SSEClient(server.url, API_KEY, job_id=job_id) as stream:
        events = stream.events()
        first = next(events)
        job = claim_one(plain, queue)
        plain.jobs.complete(job_id, {"worker_id": "w", "lease_id": job.lease_id})
        rest = list(events)  # comes back if the server does not say that it is over

    assert (first.type, first.data["new_status"]) == ("job.status_changed", "pending")
    assert [event.data.get("new_status") for event in rest][-1] == "completed"
    assert "job.completed" in [event.type for event in rest]


def test_the_stream_of_an_unknown_job_is_one_error(server: ServerProcess) -> None:
    with SSEClient(server.url, API_KEY, job_id="nowhere") as stream:
        [event] = list(stream.events())

    assert (event.type, event.data["message"]) == ("error", "Job not found")


def test_a_stream_that_is_refused_is_a_typed_error(server: ServerProcess) -> None:
    with pytest.raises(AuthenticationError):
        SSEClient(server.url, "sk_test_nobody_has_this_key").connect()


def test_a_stream_outside_the_queues_of_a_key_is_a_typed_error(
    server: ServerProcess, plain: SpooledClient, queue: str
) -> None:
    key = plain.api_keys.create({"name": queue, "queues": [queue]}).key

    with pytest.raises(AuthorizationError):
        SSEClient(server.url, key, queue="another").connect()
    with SSEClient(server.url, key, queue=queue) as stream:
        assert next(stream.events()).type == "system.health"


def test_a_stream_whose_key_was_revoked_ends_with_a_typed_error(
    server: ServerProcess, plain: SpooledClient, queue: str
) -> None:
    made = plain.api_keys.create({"name": queue})
    with SSEClient(server.url, made.key, reconnect_delay=0.05) as stream:
        events = stream.events()
        assert next(events).type == "system.health"

        plain.api_keys.delete(made.id)

        with pytest.raises(AuthenticationError):
            list(events)


@pytest.mark.parametrize("credential", ["key", "token"])
def test_the_async_streams(
    server: ServerProcess, plain: SpooledClient, queue: str, token: str, credential: str
) -> None:
    shown = API_KEY if credential == "key" else token

    async def main() -> None:
        async with asyncio.timeout(SECONDS_MAX):
            async with AsyncSSEClient(
                server.url, shown, queue=queue, auto_reconnect=False
            ) as stream:
                events = stream.events()
                assert (await anext(events)).type == "system.health"
                job_id = await asyncio.to_thread(run_through, plain, queue)
                seen: list[RealtimeEvent] = []
                while len(of_a_life(seen, queue)) < len(LIFE):
                    seen.append(await anext(events))
                assert of_a_life(seen, queue) == LIFE
                await events.aclose()
            async with AsyncSSEClient(server.url, shown, job_id=job_id) as stream:
                ended = [event async for event in stream.events()]
            assert [event.data["new_status"] for event in ended] == ["completed"]
            with pytest.raises(AuthenticationError):
                await AsyncSSEClient(server.url, "sk_test_nobody").connect()

    asyncio.run(main())


# -- WebSockets ------------------------------------------------------------------------------------


@contextlib.contextmanager
def connected(socket: WebSocketClient) -> Iterator[None]:
    socket.connect()
    thread = socket._receive_thread
    try:
        yield
    finally:
        socket.disconnect()
        if thread is not None:
            thread.join(SECONDS_MAX)


@pytest.mark.parametrize("credential", ["key", "token"])
def test_a_websocket_hears_what_it_subscribed_to(
    server: ServerProcess, plain: SpooledClient, queue: str, token: str, credential: str
) -> None:
    socket = WebSocketClient(ws_options(server, API_KEY if credential == "key" else token))
    heard, pings = Heard(), Heard()
    socket.on_event(heard)
    socket.on("ping", pings)
    with connected(socket):
        socket.subscribe(SubscriptionFilter(queue=queue))
        pings.next()
        socket.ping()
        pings.next()  # all that was said before is obeyed

        create(plain, f"{queue}-other")
        run_through(plain, queue)
        seen: list[RealtimeEvent] = []
        while len(of_a_life(seen, queue)) < len(LIFE):
            seen.append(heard.next())

    assert of_a_life(seen, queue) == LIFE
    assert told(seen, f"{queue}-other") == []


def test_a_websocket_without_subscriptions_hears_everything_again(
    server: ServerProcess, plain: SpooledClient, queue: str
) -> None:
    socket = WebSocketClient(ws_options(server, API_KEY))
    heard, pings = Heard(), Heard()
    socket.on("job.created", heard)
    socket.on("ping", pings)
    with connected(socket):
        pings.next()
        socket.subscribe(SubscriptionFilter(queue="nobody-makes-this-one"))
        socket.unsubscribe(SubscriptionFilter(queue="nobody-makes-this-one"))
        socket.ping()
        pings.next()
        job_id = create(plain, queue)

        heard.until(lambda event: event.data["job_id"] == job_id)


def test_a_websocket_that_is_refused_shows_the_status(server: ServerProcess) -> None:
    with pytest.raises(InvalidStatus) as refused:
        WebSocketClient(ws_options(server, "sk_test_nobody")).connect()

    assert refused.value.response.status_code == 401


def test_the_async_websocket(
    server: ServerProcess, plain: SpooledClient, queue: str, token: str
) -> None:
    async def main() -> None:
        socket = AsyncWebSocketClient(ws_options(server, token))
        await socket.connect()
        await socket.subscribe(SubscriptionFilter(queue=queue))
        events = socket.events()
        assert (await anext(events)).type == "ping"
        await socket.ping()
        assert (await anext(events)).type == "ping"
        await asyncio.to_thread(run_through, plain, queue)
        seen: list[RealtimeEvent] = []
        while len(of_a_life(seen, queue)) < len(LIFE):
            seen.append(await anext(events))
        assert of_a_life(seen, queue) == LIFE
        await events.aclose()
        await socket.disconnect()

    asyncio.run(asyncio.wait_for(main(), SECONDS_MAX))


def test_an_async_websocket_comes_back_to_a_server_that_was_started_again(
    own_server: ServerProcess,
) -> None:
    async def main() -> None:
        socket = AsyncWebSocketClient(ws_options(own_server, API_KEY))
        await socket.connect()
        await socket.subscribe(SubscriptionFilter(queue="after"))
        events = socket.events()
        assert (await anext(events)).type == "ping"

        await asyncio.to_thread(own_server.stop)
        await asyncio.to_thread(own_server.start)  # on another port
        socket._options.ws_url = own_server.url.replace("http://", "ws://")
        await _of_kind(events, "ping")
        with SpooledClient(**options(own_server.url)) as client:
            await asyncio.to_thread(create, client, "after")
        created = await _of_kind(events, "job.created")

        assert created.data["queue_name"] == "after"
        await events.aclose()
        await socket.disconnect()

    asyncio.run(asyncio.wait_for(main(), SECONDS_MAX * 2))


async def _of_kind(events: AsyncIterator[RealtimeEvent], kind: str) -> RealtimeEvent:
    async for event in events:
        if event.type == kind:
            return event
    raise AssertionError("the events have ended")


# -- what unites them ------------------------------------------------------------------------------


@contextlib.contextmanager
def of_client(kind: str, server: ServerProcess, transport: Any) -> Iterator[SpooledRealtime]:
    """The realtime client as the sync or the async client makes it."""
    more = {"ws_url": server.url.replace("http://", "ws://")}
    if kind == "sync":
        with SpooledClient(**options(server.url, **more)) as client:
            yield client.realtime(type=transport, auto_reconnect=False)
        return
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(SECONDS_MAX)

    client_ = AsyncSpooledClient(**options(server.url, **more))
    try:
        yield run(client_.realtime(type=transport, auto_reconnect=False))
    finally:
        run(client_.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_the_unified_client_hears_a_queue(
    server: ServerProcess, plain: SpooledClient, queue: str, kind: str, transport: str
) -> None:
    with of_client(kind, server, transport) as realtime:
        opened, heard, completed = Heard(), Heard(), Heard()
        realtime.on("ping", opened)
        realtime.on("system.health", opened)
        realtime.on_event(heard)
        realtime.on("job.completed", completed)
        realtime.subscribe(UnifiedFilter(queue=queue))
        realtime.connect(UnifiedFilter(queue=queue))
        try:
            opened.next()
            create(plain, f"{queue}-other")
            job_id = run_through(plain, queue)

            seen: list[RealtimeEvent] = []
            while len(of_a_life(seen, queue)) < len(LIFE):
                seen.append(heard.next())
        finally:
            realtime.disconnect()
            if realtime._receive_thread is not None:
                realtime._receive_thread.join(SECONDS_MAX)

    assert of_a_life(seen, queue) == LIFE
    assert completed.next()["job_id"] == job_id
    if transport == "sse":
        assert told(seen, f"{queue}-other") == []


def test_the_unified_client_follows_a_job_over_a_stream(
    server: ServerProcess, plain: SpooledClient, queue: str, kind: str
) -> None:
    job_id = create(plain, queue)
    with of_client(kind, server, "sse") as realtime:
        heard = Heard()
        realtime.on("job.status_changed", heard)
        realtime.connect(UnifiedFilter(job_id=job_id))
        assert heard.next()["new_status"] == "pending"
        job = claim_one(plain, queue)
        plain.jobs.complete(job_id, {"worker_id": "w", "lease_id": job.lease_id})

        last = heard.until(lambda data: data["new_status"] == "completed")
        if realtime._receive_thread is not None:
            realtime._receive_thread.join(SECONDS_MAX)

    assert last["job_id"] == job_id
