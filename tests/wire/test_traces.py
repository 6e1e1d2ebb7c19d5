"""Traces of a real server: what spans there are, how they hang together, and what is in none."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import pytest
import uvloop

pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")

from grpc import aio
from msgspec import structs
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from spooled.grpc.stubs import spooled_pb2 as pb
from websockets.asyncio.client import connect

from spooled_lite.app import Running, running
from spooled_lite.clock import ManualClock
from spooled_lite.config import Settings
from spooled_lite.outbound.http_client import ReceiverAnswer
from spooled_lite.outbound.otel import Otel, Sampling
from spooled_lite.serving import Serving, serving
from spooled_lite.spans import SPAN
from spooled_lite.wire.http.traced import TracedHttp
from tests.wire.grpc.stage import NOW_MS, Client, holder, struct

PATIENCE_SECONDS: Final = 20.0
TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
SAMPLED: Final = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
UNSAMPLED: Final = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}
URL: Final = "https://inbox.test/the-secret-address"
PAYLOAD: Final = "what-is-in-the-payload"


class Receiver:
    """Takes webhook calls in place of the network."""

    def __init__(self) -> None:
        self.headers: list[Mapping[str, str]] = []
        self.status: int | None = 200

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, total_seconds: float
    ) -> ReceiverAnswer:
        self.headers.append(headers)
        error = None if self.status == 200 else f"{url} does not answer"
        return ReceiverAnswer(status_code=self.status, error=error, duration_ms=0)

    async def close(self) -> None: ...


class Stage:
    def __init__(
        self,
        it: Running,
        server: Serving,
        clock: ManualClock,
        receiver: Receiver,
        exporter: InMemorySpanExporter,
    ) -> None:
        assert it.key is not None, "the file is new"
        self.it, self.server, self.clock, self.receiver = it, server, clock, receiver
        self.key = it.key
        self._exporter = exporter
        self.client = httpx.AsyncClient(
            base_url=server.url, headers={"Authorization": f"Bearer {it.key}"}
        )

    async def post(self, path: str, body: Any, headers: Mapping[str, str] = SAMPLED) -> Any:
        answer = await self.client.post(f"/api/v1/{path}", json=body, headers=dict(headers))
        return answer.json()

    @asynccontextmanager
    async def grpc(self, **metadata: str) -> AsyncIterator[Client]:
        assert self.server.grpc_address is not None
        async with aio.insecure_channel(self.server.grpc_address) as channel:
            yield Client(channel, {"x-api-key": self.key, **metadata})

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_so():
                await self.it.services.db.write(lambda tx: None)


def play(
    script: Callable[[Stage], Coroutine[Any, Any, None]], sampler: str | None = None, **more: Any
) -> dict[str, list[ReadableSpan]]:
    """Run a test against a server of its own. All its spans, by their names."""
    exporter = InMemorySpanExporter()
    tracer = Otel(Sampling(sampler, None), exporter)

    async def main() -> None:
        settings = structs.replace(
            Settings(database=":memory:", webhook_allow_networks=()), **{"port": 0, **more}
        )
        clock, receiver = ManualClock(NOW_MS), Receiver()
        async with (
            asyncio.timeout(PATIENCE_SECONDS * 3),
            running(settings, clock=clock, outgoing=receiver, tracer=tracer) as it,
            serving(it, tracer=tracer) as server,
        ):
            stage = Stage(it, server, clock, receiver, exporter)
            async with stage.client:
                await script(stage)
            await server.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    assert tracer.stop(PATIENCE_SECONDS)
    found: dict[str, list[ReadableSpan]] = {}
    for span in exporter.get_finished_spans():
        found.setdefault(span.name, []).append(span)
    return found


def about(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def commits(span: ReadableSpan) -> list[str]:
    """The operations that were committed, without the note that a key was used."""
    found = [dict(event.attributes or {})["spooled.operation"] for event in span.events]
    assert {event.name for event in span.events} <= {"commit"}
    return [str(each) for each in found if each != "note_use"]


def test_a_request_is_a_span_of_the_trace_of_its_caller_and_says_when_it_was_committed() -> None:
    org: list[str] = []

    async def script(stage: Stage) -> None:
        org.append(stage.it.organization_id)
        await stage.post(
            "jobs", {"queue_name": "emails", "payload": {}}, {**SAMPLED, "x-request-id": "mine"}
        )

    [span] = play(script, grpc_port="off")["POST /api/v1/jobs"]

    assert f"{span.context.trace_id:032x}" == TRACE
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert span.kind.name == "SERVER"
    assert commits(span) == ["enqueue"]
    assert about(span) == {
        "http.request.method": "POST",
        "http.route": "/api/v1/jobs",
        "http.response.status_code": 201,
        "spooled.request_id": "mine",
        "spooled.organization": org[0],
        "spooled.queue": "emails",
        "spooled.jobs": 1,
    }


def test_claims_and_settlements_say_how_many_jobs_they_were_about() -> None:
    async def script(stage: Stage) -> None:
        jobs: list[Any] = [{"payload": {}}] * 3
        await stage.post("jobs/bulk", {"queue_name": "emails", "jobs": jobs})
        claim = {"queue_name": "emails", "worker_id": "w", "limit": 2}
        claimed = (await stage.post("jobs/claim", claim))["jobs"]
        done = {"worker_id": "w", "lease_id": claimed[0]["lease_id"]}
        await stage.post(f"jobs/{claimed[0]['id']}/complete", done)
        await stage.post(f"jobs/{claimed[0]['id']}/complete", done | {"lease_id": "another"})

    spans = play(script, grpc_port="off")

    [bulk], [claim] = spans["POST /api/v1/jobs/bulk"], spans["POST /api/v1/jobs/claim"]
    assert (about(bulk)["spooled.queue"], about(bulk)["spooled.jobs"]) == ("emails", 3)
    assert (about(claim)["spooled.queue"], about(claim)["spooled.jobs"]) == ("emails", 2)
    assert len(commits(claim)) == 1
    done, refused = spans["POST /api/v1/jobs/{id}/complete"]
    assert (about(done)["spooled.jobs"], commits(done)) == (1, ["complete"])
    assert (about(refused)["http.response.status_code"], commits(refused)) == (409, [])
    assert refused.status.status_code.name == "UNSET"


def test_requests_on_one_connection_are_not_taken_for_one_another() -> None:
    async def script(stage: Stage) -> None:
        def said(traceparent: str, last: str = "") -> str:
            body = '{"queue_name":"emails","payload":{}}'
            return (
                f"POST /api/v1/jobs HTTP/1.1\r\nHost: t\r\nX-API-Key: {stage.key}\r\n{last}"
                f"traceparent: {traceparent}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            )

        reader, writer = await asyncio.open_connection("127.0.0.1", stage.server.http.port)
        sampled, unsampled = SAMPLED["traceparent"], UNSAMPLED["traceparent"]
        # Handed over together: the second one's task begins in that of the first.
        last = said(unsampled, "Connection: close\r\n")
        writer.write((said(sampled) + said(unsampled) + last).encode())
        assert (await reader.read()).count(b"HTTP/1.1 201 ") == 3
        writer.close()

    [span] = play(script, grpc_port="off")["POST /api/v1/jobs"]

    assert commits(span) == ["enqueue"]


def test_a_request_that_is_not_sampled_has_no_span_though_its_task_began_in_that_of_another() -> (
    None
):
    tracer = Otel(Sampling(None, None), InMemorySpanExporter())
    seen: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(SPAN.get())

    def scope(headers: Mapping[str, str]) -> dict[str, Any]:
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        return {"type": "http", "method": "GET", "headers": raw}

    async def main() -> None:
        traced: Any = TracedHttp(app, tracer)
        await traced(scope(SAMPLED), None, None)
        await traced(scope(UNSAMPLED), None, None)

    asyncio.run(main())
    tracer.stop(PATIENCE_SECONDS)

    assert seen[0] is not None
    assert seen[1] is None


def test_a_websocket_and_a_path_without_a_route_are_spans_too() -> None:
    async def script(stage: Stage) -> None:
        url = stage.server.url.replace("http", "ws")
        async with connect(f"{url}/api/v1/ws?token={stage.key}") as socket:
            await socket.recv()
        await stage.client.get("/nothing/of/this/name")

    spans = play(script, grpc_port="off")

    [socket], [nothing] = spans["GET /api/v1/ws"], spans["GET"]
    assert about(socket)["http.response.status_code"] == 101
    assert about(nothing)["http.response.status_code"] == 404
    assert "http.route" not in about(nothing)


def test_an_application_that_fails_is_a_failed_span() -> None:
    exporter = InMemorySpanExporter()
    tracer = Otel(Sampling(None, None), exporter)

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    scope = {"type": "http", "method": "GET", "headers": []}
    with pytest.raises(ZeroDivisionError):
        asyncio.run(TracedHttp(broken, tracer)(scope, None, None))  # type: ignore[arg-type]

    assert tracer.stop(PATIENCE_SECONDS)
    [span] = exporter.get_finished_spans()
    assert about(span)["http.response.status_code"] == 500
    assert span.status.status_code.name == "ERROR"


def test_calls_over_grpc_are_spans() -> None:
    async def script(stage: Stage) -> None:
        async with stage.grpc(**SAMPLED) as client:
            await client.enqueue()
            [job] = await client.dequeue()
            await client.complete(job)
            with pytest.raises(aio.AioRpcError):
                await client.enqueue("no queue has such a name!")
            stream = client.process_jobs()
            await client.enqueue()
            dequeue = pb.DequeueRequest(queue_name="emails", worker_id="w")
            await stream.write(pb.ProcessRequest(dequeue=dequeue))
            claimed = (await stream.read()).job
            complete = pb.CompleteRequest(**holder(claimed))
            await stream.write(pb.ProcessRequest(complete=complete))
            await stream.read()
            await stream.done_writing()
            await stream.code()
            await client.enqueue("streamed")
            delivered = client.stream_jobs("streamed")
            await delivered.read()
            delivered.cancel()
        async with stage.grpc(**UNSAMPLED) as client:
            await client.enqueue("of-nobody", payload=struct({}))

    spans = play(script, grpc_port="auto")

    service = "spooled.v1.QueueService"
    first, refused, *_ = spans[f"{service}/Enqueue"]
    assert f"{first.context.trace_id:032x}" == TRACE
    assert about(first) == {
        "rpc.system": "grpc",
        "rpc.service": service,
        "rpc.method": "Enqueue",
        "rpc.grpc.status_code": 0,
        "spooled.queue": "emails",
        "spooled.jobs": 1,
        "spooled.request_id": about(first)["spooled.request_id"],
        "spooled.organization": about(first)["spooled.organization"],
    }
    assert commits(first) == ["enqueue"]
    assert (about(refused)["rpc.grpc.status_code"], commits(refused)) == (3, [])
    [dequeued], [completed] = spans[f"{service}/Dequeue"], spans[f"{service}/Complete"]
    assert (about(dequeued)["spooled.jobs"], about(completed)["spooled.jobs"]) == (1, 1)
    [stream] = spans[f"{service}/ProcessJobs"]
    assert len(commits(stream)) == 2
    [delivered] = spans[f"{service}/StreamJobs"]
    assert about(delivered)["spooled.queue"] == "streamed"
    assert about(delivered)["spooled.jobs"] <= 1  # the cancel may be quicker than the count
    assert about(delivered)["rpc.grpc.status_code"] == 1


def test_a_webhook_call_is_a_span_and_its_receiver_learns_the_trace() -> None:
    async def script(stage: Stage) -> None:
        hook = {"name": "shop", "url": URL, "events": ["job.created"]}
        await stage.post("outgoing-webhooks", hook)
        stage.receiver.status = None
        await stage.post("jobs", {"queue_name": "emails", "payload": {}}, UNSAMPLED)
        await stage.until(lambda: len(stage.receiver.headers) == 1)
        await stage.it.settled()
        traceparents.extend(each["traceparent"] for each in stage.receiver.headers)

    traceparents: list[str] = []
    [span] = play(script, grpc_port="off")["webhook call"]

    assert traceparents == [f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"]
    assert span.kind.name == "CLIENT"
    assert span.status.status_code.name == "ERROR"
    assert about(span).pop("spooled.delivery")
    assert {name: value for name, value in about(span).items() if name != "spooled.delivery"} == {
        "http.request.method": "POST",
        "spooled.event": "job.created",
        "spooled.attempt": 1,
    }


def test_a_pass_that_did_something_is_a_span_and_others_are_none() -> None:
    async def script(stage: Stage) -> None:
        job = {"queue_name": "emails", "payload": {}, "delay_seconds": 5}
        path = f"/api/v1/jobs/{(await stage.post('jobs', job))['id']}"
        stage.clock.advance(seconds=6)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await stage.client.get(path)).json()["status"] != "pending":
                await stage.it.services.db.write(lambda tx: None)

    passes = {
        name: spans
        for name, spans in play(script, grpc_port="off").items()
        if name.startswith("pass ")
    }

    assert all(about(span)["spooled.rows"] > 0 for spans in passes.values() for span in spans)
    [promoted] = passes["pass promote-due"]
    assert about(promoted) == {"spooled.rows": 1}
    assert len(commits(promoted)) == 1
    assert promoted.parent is None


def test_no_payload_key_or_address_is_in_a_span() -> None:
    keys: list[str] = []

    async def script(stage: Stage) -> None:
        keys.append(stage.key)
        hook = {"name": "shop", "url": URL, "events": ["job.created"], "secret": "s" * 32}
        await stage.post("outgoing-webhooks", hook)
        for path in (f"jobs?api_key={stage.key}&q={PAYLOAD}", "jobs"):
            await stage.post(path, {"queue_name": "emails", "payload": {"a": PAYLOAD}})
        await stage.client.get(f"/{stage.key}/{PAYLOAD}")
        await stage.client.get("/health", headers={"x-forwarded-for": "203.0.113.7"})
        async with stage.grpc() as client:
            await client.enqueue(payload={"a": PAYLOAD})
        await stage.until(lambda: len(stage.receiver.headers) >= 3)
        await stage.it.settled()

    spans = play(script, grpc_port="auto")

    told = "".join(span.to_json() for each in spans.values() for span in each)
    assert "webhook call" in told
    secrets: Sequence[str] = (keys[0], PAYLOAD, "inbox.test", "127.0.0.1", "203.0.113", "ssssss")
    assert [secret for secret in secrets if secret in told] == []


def test_without_sampling_nothing_is_told() -> None:
    async def script(stage: Stage) -> None:
        await stage.post("jobs", {"queue_name": "emails", "payload": {}}, {})
        async with stage.grpc() as client:
            await client.enqueue()

    assert play(script, "always_off", grpc_port="auto") == {}
