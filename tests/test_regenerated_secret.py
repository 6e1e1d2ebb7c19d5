"""A key gets a new secret: what its old one has opened is shut, whichever door that was."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from grpc import aio
from msgspec import Struct
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.core.auth.verify import while_valid
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.keys.change import regenerate as regenerate_key
from spooled_lite.core.keys.columns import KeyRow
from spooled_lite.core.keys.records import ALL_QUEUES, Grants, IssuedKey
from spooled_lite.core.lifecycle.claim import claim_if_still_allowed
from spooled_lite.core.queues.records import Admission
from spooled_lite.storage.transaction import Tx
from spooled_lite.wire.grpc.server import GrpcServer
from tests.factories import a_job
from tests.wire.grpc.stage import Client as GrpcClient
from tests.wire.grpc.stage import Held, refusal
from tests.wire.http.raw_http import Client
from tests.wire.realtime.stage import Stage, on_stage

WAIT_MS: Final = 30_000  # a test that waits for the end of this has failed


class Doors(Struct):
    """A server with both of its ports, and a key that will get a new secret."""

    stage: Stage
    grpc: GrpcServer
    key: IssuedKey
    access: str
    refresh: str

    @property
    def secret(self) -> str:
        return self.key.secret

    async def status(self, method: str, path: str, body: Any = None, *, shown: str = "") -> int:
        headers = {"Authorization": f"Bearer {shown}"} if shown else {}
        answer = await self.stage.call(method, f"/api/v1/{path}", body, headers=headers)
        return answer.status

    async def begin(self, path: str, body: str, *, shown: str, length: int = 0) -> Client:
        """A call that is sent, as far as `body` goes."""
        client = await self.stage.connect()
        head = (
            f"POST /api/v1/{path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {shown}\r\n"
            f"Content-Length: {length or len(body)}\r\n\r\n"
        )
        await client.send(head.encode() + body.encode())
        return client

    async def until_waiting(self, count: int) -> None:
        waiting = self.stage.services.waiting
        await self.stage.until(lambda: waiting.count() == count)

    def client(self, shown: str) -> GrpcClient:
        channel = aio.insecure_channel(
            self.grpc.address, options=(("grpc.use_local_subchannel_pool", 1),)
        )
        self.stage._open.push_async_callback(channel.close)
        return GrpcClient(channel, {"x-api-key": shown})


Ended = Callable[[], Awaitable[None]]  # waits until the door is shut, and is sure that it is
Door = Callable[[Doors], Awaitable[Ended]]


def a_call(method: str, path: str, *, shows: str) -> Door:
    async def door(doors: Doors) -> Ended:
        shown = getattr(doors, shows)
        assert await doors.status(method, path, shown=shown) == 200

        async def ended() -> None:
            assert await doors.status(method, path, shown=shown) == 401

        return ended

    return door


def a_sign_in(path: str, *, field: str, shows: str) -> Door:
    async def door(doors: Doors) -> Ended:
        body = {field: getattr(doors, shows)}
        assert await doors.status("POST", path, body) == 200

        async def ended() -> None:
            assert await doors.status("POST", path, body) == 401

        return ended

    return door


def a_validation(*, shows: str) -> Door:
    async def door(doors: Doors) -> Ended:
        async def ended() -> None:
            body = {"token": getattr(doors, shows)}
            answer = await doors.stage.call("POST", "/api/v1/auth/validate", body, headers={})
            assert answer.json["valid"] is False

        return ended

    return door


def a_waiting_claim(path: str, *, shows: str) -> Door:
    async def door(doors: Doors) -> Ended:
        body = f'{{"queue": "emails", "worker_id": "w", "wait_ms": {WAIT_MS}}}'
        client = await doors.begin(path, body, shown=getattr(doors, shows))
        await doors.until_waiting(1)

        async def ended() -> None:
            assert (await client.read_answer()).status == 401

        return ended

    return door


def a_claim_whose_body_is_on_its_way(*, shows: str) -> Door:
    async def door(doors: Doors) -> Ended:
        body = '{"queue": "emails", "worker_id": "w"}'
        begun = await doors.begin(
            "jobs/claim", body[:5], shown=getattr(doors, shows), length=len(body)
        )
        # By the time the next call is answered, the one before it has been let in.
        assert await doors.status("GET", "jobs", shown=doors.stage.key) == 200

        async def ended() -> None:
            await doors.stage.enqueue()
            await begun.send(body[5:].encode())
            assert (await begun.read_answer()).status == 401

        return ended

    return door


def an_event_stream(path: str, *, shows: str) -> Door:
    async def door(doors: Doors) -> Ended:
        headers = {"Authorization": f"Bearer {getattr(doors, shows)}"}
        stream = await doors.stage.stream(path, headers)

        async def ended() -> None:
            assert all(frame.event != "job.created" for frame in await stream.rest())

        return ended

    return door


def a_websocket(*, shows: str) -> Door:
    async def door(doors: Doors) -> Ended:
        socket = await doors.stage.socket(key=getattr(doors, shows))

        async def ended() -> None:
            assert await socket.closed() == 1008

        return ended

    return door


def a_grpc_call(*, shows: str) -> Door:
    async def door(doors: Doors) -> Ended:
        client = doors.client(getattr(doors, shows))
        assert await client.dequeue() == []

        async def ended() -> None:
            asked = pb.DequeueRequest(queue_name="emails", worker_id="w")
            assert (await refusal(client.call("Dequeue", asked))).code == "UNAUTHENTICATED"

        return ended

    return door


def a_stream_of_jobs(*, shows: str, holds: bool = False) -> Door:
    async def door(doors: Doors) -> Ended:
        stream = doors.client(getattr(doors, shows)).stream_jobs()
        await doors.until_waiting(1)
        if holds:
            job_id = await doors.stage.enqueue()
            assert (await stream.read()).id == job_id

        async def ended() -> None:
            assert (await refusal(stream.read())).code == "UNAUTHENTICATED"

        return ended

    return door


def a_conversation(*, shows: str, waits: bool) -> Door:
    async def door(doors: Doors) -> Ended:
        talk = doors.client(getattr(doors, shows)).process_jobs()
        await talk.initial_metadata()
        if waits:
            asked = pb.DequeueRequest(queue_name="emails", worker_id="w")
            await talk.write(pb.ProcessRequest(dequeue=asked))
            await doors.until_waiting(1)

        async def ended() -> None:
            assert (await refusal(talk.read())).code == "UNAUTHENTICATED"

        return ended

    return door


async def a_claim_in_line(doors: Doors, shown: str) -> Ended:
    client = await doors.begin("jobs/claim", '{"queue": "emails", "worker_id": "w"}', shown=shown)

    async def ended() -> None:
        assert (await client.read_answer()).status == 401

    return ended


async def a_dequeue_in_line(doors: Doors, shown: str) -> Ended:
    asked = pb.DequeueRequest(queue_name="emails", worker_id="w")
    call = doors.client(shown).start("Dequeue", asked)

    async def ended() -> None:
        assert (await refusal(call)).code == "UNAUTHENTICATED"

    return ended


async def a_conversation_in_line(doors: Doors, shown: str) -> Ended:
    talk = doors.client(shown).process_jobs()
    asked = pb.DequeueRequest(queue_name="emails", worker_id="w")
    await talk.write(pb.ProcessRequest(dequeue=asked))

    async def ended() -> None:
        said = await talk.read()
        assert said.WhichOneof("response") == "error"
        assert said.error.code == "UNAUTHORIZED"

    return ended


DOORS: Final[dict[str, Door]] = {
    "a call with the key": a_call("GET", "jobs", shows="secret"),
    "a call with a token": a_call("GET", "jobs", shows="access"),
    "who am I": a_call("GET", "auth/me", shows="access"),
    "a sign-in": a_sign_in("auth/login", field="api_key", shows="secret"),
    "a refresh": a_sign_in("auth/refresh", field="refresh_token", shows="refresh"),
    "a look at the access token": a_validation(shows="access"),
    "a look at the refresh token": a_validation(shows="refresh"),
    "a claim that waits": a_waiting_claim("jobs/claim", shows="secret"),
    "a claim that waits, by a token": a_waiting_claim("jobs/claim", shows="access"),
    "a dequeue that waits": a_waiting_claim("jobs/dequeue", shows="secret"),
    "a slow claim": a_claim_whose_body_is_on_its_way(shows="secret"),
    "a slow claim by a token": a_claim_whose_body_is_on_its_way(shows="access"),
    "all events": an_event_stream("events", shows="secret"),
    "all events, by a token": an_event_stream("events", shows="access"),
    "events of a queue": an_event_stream("events/queues/emails", shows="secret"),
    "a WebSocket": a_websocket(shows="secret"),
    "a WebSocket by a token": a_websocket(shows="access"),
    "a gRPC call": a_grpc_call(shows="secret"),
    "a gRPC call with a token": a_grpc_call(shows="access"),
    "StreamJobs": a_stream_of_jobs(shows="secret"),
    "StreamJobs by a token": a_stream_of_jobs(shows="access"),
    "StreamJobs that holds a job": a_stream_of_jobs(shows="secret", holds=True),
    "ProcessJobs that waits": a_conversation(shows="secret", waits=True),
    "ProcessJobs that waits, by a token": a_conversation(shows="access", waits=True),
    "ProcessJobs that is silent": a_conversation(shows="secret", waits=False),
}


@pytest.mark.parametrize("name", DOORS)
def test_a_door_that_the_old_secret_has_opened_is_shut_at_once(name: str) -> None:
    async def test(stage: Stage) -> None:
        async with all_doors(stage) as doors:
            ended = await DOORS[name](doors)

            new = await regenerate(doors)

            async with asyncio.timeout(WAIT_MS / 1000 / 2):  # at once, and not when a wait is over
                await ended()
            assert await doors.status("GET", "jobs", shown=new) == 200

    on_stage(test)


@pytest.mark.parametrize("name", ["a claim that waits", "StreamJobs", "ProcessJobs that waits"])
def test_a_job_that_is_committed_with_the_new_secret_is_not_for_the_old_one(name: str) -> None:
    async def test(stage: Stage) -> None:
        async with all_doors(stage) as doors:
            ended = await DOORS[name](doors)

            job_id = await stage.db.write(regenerate_and_enqueue, doors.key.row)

            await ended()
            assert (await stage.claim())["id"] == job_id

    on_stage(test)


@pytest.mark.parametrize("shows", ["secret", "access"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "api-keys/{key}/regenerate", None),
        ("PUT", "api-keys/{key}", {"name": "mine"}),
        ("DELETE", "api-keys/{key}", None),
        ("POST", "api-keys", {"name": "mine"}),
        ("POST", "organizations/{org}/api-keys", {"name": "mine"}),
        ("POST", "organizations/webhook-token/regenerate", None),
        ("PUT", "organizations/{org}", {"name": "mine"}),
        ("DELETE", "organizations/{org}", None),
        ("POST", "organizations/{org}/billing-email/confirm", {"code": "0123456789"}),
    ],
)
def test_what_gives_power_and_stands_in_line_behind_the_new_secret_is_refused(
    method: str, path: str, body: Any, shows: str
) -> None:
    async def test(stage: Stage) -> None:
        async with all_doors(stage) as doors:
            shown, key = getattr(doors, shows), doors.key.row
            org_id = (await stage.services.callers.find(shown)).org_id
            assert await doors.status("GET", "jobs", shown=shown) == 200
            held = await Held(stage).begun(then=lambda tx: regenerate_and_enqueue(tx, key))
            path_ = path.format(key=key["id"], org=org_id)
            refused = asyncio.create_task(doors.status(method, path_, body, shown=shown))
            await held.until_waiting(while_valid)

            held.let_go()

            assert await refused == 401
            assert await doors.status("GET", "jobs", shown=stage.key) == 200

    on_stage(test)


@pytest.mark.parametrize("shows", ["secret", "access"])
@pytest.mark.parametrize("door", [a_claim_in_line, a_dequeue_in_line, a_conversation_in_line])
def test_a_claim_that_stands_in_line_behind_the_new_secret_is_refused(
    door: Callable[[Doors, str], Awaitable[Ended]], shows: str
) -> None:
    async def test(stage: Stage) -> None:
        async with all_doors(stage) as doors:
            # What a credential is was looked up before, so that nothing waits but the claim.
            shown = getattr(doors, shows)
            assert await doors.client(shown).dequeue() == []
            key = doors.key.row
            held = await Held(stage).begun(then=lambda tx: regenerate_and_enqueue(tx, key))
            ended = await door(doors, shown)
            await held.until_waiting(claim_if_still_allowed)

            held.let_go()

            await ended()
            assert await stage.claim()

    on_stage(test)


@pytest.mark.parametrize(
    "change",
    [{"permissions": ["jobs:read"]}, {"queues": ["others"]}, {"is_active": False}],
    ids=str,
)
def test_a_call_whose_body_is_on_its_way_may_do_what_its_key_may_when_it_is_there(
    change: dict[str, Any],
) -> None:
    async def test(stage: Stage) -> None:
        async with all_doors(stage) as doors:
            body = '{"queue": "emails", "payload": {}}'
            begun = await doors.begin("jobs", body[:5], shown=doors.secret, length=len(body))
            assert await doors.status("GET", "jobs", shown=stage.key) == 200

            await stage.post(f"api-keys/{doors.key.row['id']}", change, "PUT")
            await begun.send(body[5:].encode())

            answer = await begun.read_answer()
            assert answer.status == (401 if "is_active" in change else 403)

    on_stage(test)


def regenerate_and_enqueue(tx: Tx, key: KeyRow) -> str:
    regenerate_key(tx, key["org"], key["id"], Grants(), is_live=False)
    job_id: str = enqueue(tx, key["org"], a_job(), Admission(), ALL_QUEUES).row["id"]
    return job_id


async def regenerate(doors: Doors) -> str:
    """Within the second that everything was opened in: the clock stands still."""
    shown = await doors.stage.post(f"api-keys/{doors.key.row['id']}/regenerate")
    return str(shown["key"])


@asynccontextmanager
async def all_doors(stage: Stage) -> AsyncIterator[Doors]:
    grpc = GrpcServer(stage.services, host="127.0.0.1", port=0, grace_seconds=1)
    await grpc.start()
    try:
        key = await stage.issue()
        yield Doors(stage, grpc, key, *(await stage.tokens(key.secret)))
    finally:
        await grpc.stop(at_once=True)
