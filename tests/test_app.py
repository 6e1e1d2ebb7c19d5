"""What the composition root takes in place of its own parts, and what follows from it."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import grpc
import httpx
import pytest
from grpc import aio
from starlette.types import Message

from spooled_lite.app import Running, running
from spooled_lite.clock import ManualClock
from spooled_lite.config import Settings
from spooled_lite.ids import Ids
from spooled_lite.outbound import mail
from spooled_lite.outbound.http_client import ReceiverAnswer
from spooled_lite.serving import serving
from spooled_lite.storage.connection import open_writer
from spooled_lite.storage.statement import Value
from spooled_lite.wire.http.application import Application
from spooled_lite.wire.http.body import ClientGone
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.services import Services
from tests.wire.grpc.stage import Client

T = TypeVar("T")

JOB: Final = Value(int, "SELECT seq FROM jobs WHERE id = :id")
NOW_MS: Final = 1_800_000_000_000
SECONDS_MAX: Final = 30.0


def play(script: Callable[[Running, httpx.AsyncClient], Awaitable[T]], **parts: Any) -> T:
    """Run a script against an application that has these parts."""

    async def main() -> T:
        chosen = Settings(database=":memory:", grpc_port=parts.pop("grpc_port", "off"), port=0)
        parts.setdefault("clock", ManualClock(NOW_MS))
        async with (
            asyncio.timeout(SECONDS_MAX),
            running(chosen, **parts) as it,
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app=it.application),
                base_url="http://spooled.test/api/v1",
                headers={"Authorization": f"Bearer {it.key}"},
            ) as api,
        ):
            return await script(it, api)

    return asyncio.run(main())


async def answers(it: Running, api: httpx.AsyncClient) -> list[tuple[int, bytes, Any]]:
    """What a few calls are answered with, ids, secrets and tokens among it."""
    calls: list[tuple[str, Any]] = [
        ("jobs", {"queue": "emails", "payload": {"n": 1}}),
        ("jobs/claim", {"queue": "emails"}),
        ("auth/login", {"api_key": it.key}),
        ("api-keys", {"name": "web"}),
    ]
    said = [await api.post(path, json=body) for path, body in calls]
    return [(each.status_code, each.content, sorted(each.headers.items())) for each in said]


def test_equal_seeds_give_equal_bytes_tokens_and_request_ids_included() -> None:
    one, two, other = (play(answers, ids=Ids(seed)) for seed in (7, 7, 8))

    assert one == two
    assert one != other


def test_polls_of_an_empty_queue_shift_no_id() -> None:
    async def script(it: Running, api: httpx.AsyncClient) -> str:
        await api.post("jobs", json={"queue": "emails", "payload": {}})
        await api.post("jobs/claim", json={"queue": "emails"})
        for _ in range(polls):
            assert (await api.post("jobs/claim", json={"queue": "emails"})).json()["jobs"] == []
        made = await api.post("jobs", json={"queue": "emails", "payload": {}})
        return str(made.json()["id"])

    polls = 0
    without = play(script, ids=Ids(7))
    polls = 5

    assert play(script, ids=Ids(7)) == without


def test_a_throwaway_file_begins_as_the_pages_that_are_handed_in() -> None:
    async def copied(it: Running, api: httpx.AsyncClient) -> tuple[str, bytes]:
        made = await api.post("jobs", json={"queue": "emails", "payload": {}})
        connection = sqlite3.connect(it.services.db.path)
        try:
            return made.json()["id"], connection.serialize()
        finally:
            connection.close()

    async def found(it: Running, api: httpx.AsyncClient) -> int:
        assert it.key is None, "its first start was that of the other file"
        return await it.services.db.write(lambda tx: len(tx.values(JOB, {"id": job_id})))

    job_id, image = play(copied)

    assert play(found, image=image) == 1


def test_pages_are_put_into_no_file_that_lasts(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(Settings(database=str(tmp_path / "spooled.db")), image=b"pages"):
            raise AssertionError("started")

    with pytest.raises(AssertionError, match="no file that lasts"):
        asyncio.run(main())


def test_a_file_that_need_not_last_is_opened_without_waiting_for_the_disk(tmp_path: Path) -> None:
    said: list[str] = []
    path = tmp_path / "spooled.db"
    path.touch()

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = sqlite3.Connection(*arguments, **options)
        connection.set_trace_callback(said.append)
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", connect)
        open_writer(str(path), "off").close()

    modes = [each for each in said if "=" in each]
    assert modes.index("PRAGMA synchronous = 0") < modes.index("PRAGMA journal_mode = wal")


class Noted:
    """Stands around handlers, and cuts the connection of those it is told of."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.cuts = False

    async def __call__(self, name: str, call: object, handle: Callable[[], Awaitable[T]]) -> T:
        self.names.append(name)
        if self.cuts:
            assert isinstance(call, Call)
            call.abort()
        return await handle()


def test_what_stands_around_handlers_sees_what_was_let_in_and_nothing_else() -> None:
    async def script(it: Running, api: httpx.AsyncClient) -> None:
        assert (await api.get("jobs/unknown")).status_code == 404
        assert (await api.get("jobs", headers={"Authorization": "no"})).status_code == 401
        assert (await api.get("nothing")).status_code == 404

    around = Noted()
    play(script, around=around)

    assert around.names == ["GET /api/v1/jobs/{id}"]


def test_the_same_stands_around_the_methods_of_grpc() -> None:
    async def script(it: Running, api: httpx.AsyncClient) -> None:
        async with serving(it) as server, aio.insecure_channel(str(server.grpc_address)) as channel:
            client = Client(channel, {"x-api-key": str(it.key)})
            assert await client.enqueue()
            assert (await client.stream_jobs().read()).id

    around = Noted()
    play(script, around=around, grpc_port="auto")

    assert around.names == ["Enqueue", "StreamJobs"]


def test_grpc_calls_are_served_by_the_services_that_are_found_for_them() -> None:
    async def script(it: Running, api: httpx.AsyncClient) -> None:
        async with running(Settings(database=":memory:")) as other:

            def find(context: grpc.aio.ServicerContext[Any, Any]) -> Services:
                return other.services

            async with (
                serving(it, find=find) as server,
                aio.insecure_channel(str(server.grpc_address)) as channel,
            ):
                job_id = await Client(channel, {"x-api-key": str(other.key)}).enqueue()

            assert (await api.get(f"jobs/{job_id}")).status_code == 404

    play(script, grpc_port="auto")


def test_a_handler_can_cut_the_connection_of_its_caller() -> None:
    async def script(it: Running, api: httpx.AsyncClient) -> None:
        async with serving(it) as server, httpx.AsyncClient() as client:
            assert (await client.get(f"{server.url}/health/live")).status_code == 200
            around.cuts = True
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(f"{server.url}/health/live")

    around = Noted()
    play(script, around=around)


def test_without_our_server_a_cut_is_a_client_that_has_gone() -> None:
    async def script(it: Running, api: httpx.AsyncClient) -> None:
        call = Call(it.services, scope, receive, is_api=True)
        with pytest.raises(ClientGone):
            call.abort()

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    scope: dict[str, Any] = {"type": "http", "method": "GET", "headers": []}
    play(script)


class Posted:
    """Takes webhook calls in place of the network."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, total_seconds: float
    ) -> ReceiverAnswer:
        self.urls.append(url)
        return ReceiverAnswer(status_code=200, reason="OK", duration_ms=0)

    async def close(self) -> None:
        pass


def test_deliveries_and_mails_go_to_what_was_handed_in_and_can_be_waited_for() -> None:
    async def carry(message: mail.Message) -> None:
        mails.append(message.to)

    async def script(it: Running, api: httpx.AsyncClient) -> None:
        hook = {"name": "shop", "url": "https://inbox.test/shop", "events": ["job.created"]}
        assert (await api.post("outgoing-webhooks", json=hook)).status_code == 201
        await api.post("jobs", json={"queue": "emails", "payload": {}})
        it.services.mail.post(mail.Message("ada@example.com", "Hello", "Hello\n"))
        while not posted.urls:
            await it.services.db.write(lambda tx: None)
        await it.settled()

        [webhook] = (await api.get("outgoing-webhooks")).json()
        deliveries = (await api.get(f"outgoing-webhooks/{webhook['id']}/deliveries")).json()
        assert [each["status"] for each in deliveries] == ["success"]

    posted, mails = Posted(), list[str]()
    play(script, outgoing=posted, mail=carry)

    assert posted.urls == ["https://inbox.test/shop"]
    assert mails == ["ada@example.com"]


def test_loops_are_run_by_what_was_handed_in_and_it_learns_what_is_due() -> None:
    seen: list[tuple[list[str], dict[Any, int]]] = []

    async def supervise(
        database: Any, deadlines: Any, loops: Any, stop: asyncio.Event, metrics: Any
    ) -> None:
        await stop.wait()
        due = {each.deadline.name: deadlines.due_at(each.deadline) for each in loops}
        seen.append(([each.name for each in loops], due))

    async def script(it: Running, api: httpx.AsyncClient) -> None:
        body = {"queue": "emails", "payload": {}, "delay_seconds": 60}
        assert (await api.post("jobs", json=body)).status_code in (200, 201)

    play(script, supervise=supervise)

    [(names, due)] = seen
    assert len(names) > 5
    assert due["PROMOTION"] == NOW_MS + 60_000


def test_applications_of_one_process_share_the_tree_of_their_routes() -> None:
    async def script(it: Running, api: httpx.AsyncClient) -> None:
        assert Application(it.services).api.dispatch is it.application.api.dispatch

    play(script)
