"""The server around the services: health, reflection, ports, TLS, keep-alives, stopping."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc import aio
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.errors import Conflict, SpooledError, Unavailable, WorkerIdTaken
from spooled_lite.wire.grpc import server
from spooled_lite.wire.grpc.descriptors import SERVICES, message_class, methods_of
from spooled_lite.wire.grpc.errors import status_of
from spooled_lite.wire.grpc.server import OPTIONS, GrpcServer
from spooled_lite.wire.grpc.streams import Ending, stopping
from spooled_lite.wire.grpc.tls import CannotUseCertificate
from spooled_lite.wire.listen import CannotListen, PortInUse
from tests.wire.grpc.raw_http2 import NO_SETTINGS, PREFACE
from tests.wire.grpc.stage import HOST, PATIENCE_SECONDS, Held, Stage, a_stage, play, refusal

SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


def standard(channel: aio.Channel, service: str, method: str) -> Any:
    """A method of a standard service, with our classes of its messages."""
    [found] = [each for each in methods_of(service) if each.name == method]
    kinds = {(False, False): "unary_unary", (False, True): "unary_stream"}
    kind = kinds.get((found.streams_requests, found.streams_responses), "stream_stream")
    return getattr(channel, kind)(
        f"/{service}/{method}",
        request_serializer=found.request.SerializeToString,
        response_deserializer=found.response.FromString,
    )


# -- health ----------------------------------------------------------------------------------------


def check(stage: Stage, service: str) -> Any:
    request = message_class("grpc.health.v1.HealthCheckRequest")(service=service)
    return standard(stage.channel(), "grpc.health.v1.Health", "Check")(request)


@pytest.mark.parametrize("service", ["", "spooled.v1.QueueService", "spooled.v1.WorkerService"])
def test_the_services_are_serving_and_no_credential_is_asked_for(service: str) -> None:
    async def script(stage: Stage) -> None:
        assert (await check(stage, service)).status == SERVING

    play(script)


def test_an_unknown_service_is_not_found() -> None:
    async def script(stage: Stage) -> None:
        assert (await refusal(check(stage, "spooled.v2.QueueService"))).code == "NOT_FOUND"

    play(script)


def test_who_watches_is_told_when_the_server_stops() -> None:
    async def script(stage: Stage) -> None:
        request = message_class("grpc.health.v1.HealthCheckRequest")
        watch = standard(stage.channel(), "grpc.health.v1.Health", "Watch")
        known, unknown = watch(request()), watch(request(service="other"))
        assert (await known.read()).status == SERVING
        assert (await unknown.read()).status == SERVICE_UNKNOWN

        stopping = asyncio.create_task(stage.server.stop())

        assert (await known.read()).status == NOT_SERVING
        assert (await refusal(known.read())).code == "UNAVAILABLE"
        await stopping

    play(script)


def test_a_server_that_is_about_to_stop_is_not_serving() -> None:
    async def script(stage: Stage) -> None:
        stage.server._health.stop()

        assert (await check(stage, "")).status == NOT_SERVING

    play(script)


# -- reflection ------------------------------------------------------------------------------------


async def reflect(stage: Stage, version: str, **asked: Any) -> Any:
    service = f"grpc.reflection.{version}.ServerReflection"
    request = message_class(f"grpc.reflection.{version}.ServerReflectionRequest")
    call = standard(stage.channel(), service, "ServerReflectionInfo")()
    await call.write(request(host="h", **asked))
    answer = await call.read()
    await call.done_writing()
    assert answer.original_request == request(host="h", **asked)
    return answer


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_tools_can_list_the_services_and_learn_their_messages(version: str) -> None:
    async def script(stage: Stage) -> None:
        listed = await reflect(stage, version, list_services="*")
        names = [each.name for each in listed.list_services_response.service]
        assert names == list(SERVICES)

        for asked in (
            {"file_containing_symbol": "spooled.v1.QueueService"},
            {"file_containing_symbol": "spooled.v1.QueueService.Enqueue"},
            {"file_by_filename": "spooled.proto"},
        ):
            answer = await reflect(stage, version, **asked)
            raw = answer.file_descriptor_response.file_descriptor_proto
            files = [FileDescriptorProto.FromString(each) for each in raw]
            assert [file.name for file in files] == [
                *("spooled.proto", "google/protobuf/struct.proto"),
                "google/protobuf/timestamp.proto",
            ]
            job = next(each for each in files[0].message_type if each.name == "Job")
            assert job.field[4].type_name == ".google.protobuf.Struct"

    play(script)


@pytest.mark.parametrize(
    "asked",
    [
        {"file_containing_symbol": "spooled.v2.QueueService"},
        {"file_by_filename": "other.proto"},
        {"file_containing_extension": {"containing_type": "spooled.v1.Job"}},
        {"all_extension_numbers_of_type": "spooled.v2.Job"},
    ],
)
def test_what_is_not_there_is_an_answer_and_the_stream_goes_on(asked: dict[str, Any]) -> None:
    async def script(stage: Stage) -> None:
        answer = await reflect(stage, "v1", **asked)

        assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]

    play(script)


def test_a_message_without_extensions_has_none() -> None:
    async def script(stage: Stage) -> None:
        answer = await reflect(stage, "v1", all_extension_numbers_of_type="spooled.v1.Job")

        found = answer.all_extension_numbers_response
        assert (found.base_type_name, list(found.extension_number)) == ("spooled.v1.Job", [])

    play(script)


def test_a_tool_that_keeps_its_stream_open_does_not_hold_up_a_stop() -> None:
    async def script(stage: Stage) -> None:
        request = message_class("grpc.reflection.v1.ServerReflectionRequest")
        service = "grpc.reflection.v1.ServerReflection"
        call = standard(stage.channel(), service, "ServerReflectionInfo")()
        await call.write(request(list_services=""))
        await call.read()

        async with asyncio.timeout(PATIENCE_SECONDS):
            await stage.server.stop()

        refused = await refusal(call.read())
        assert (refused.code, refused.text) == ("UNAVAILABLE", "The server is stopping")

    play(script)


def test_a_stream_that_is_ended_while_it_begins_says_why() -> None:
    class Context:
        """Of a call whose client is told that it is open when this test allows it."""

        is_told = asyncio.Event()
        may_go_on = asyncio.Event()

        async def send_initial_metadata(self, _: object) -> None:
            self.is_told.set()
            await self.may_go_on.wait()

    async def work() -> None:
        raise AssertionError("it is ended before")

    async def main() -> None:
        context, ending = Context(), Ending()
        task = asyncio.create_task(ending.until_done(cast(Any, context), work))
        await context.is_told.wait()
        ending.end(stopping())
        await asyncio.sleep(0)
        assert not task.done()
        context.may_go_on.set()
        with pytest.raises(Unavailable, match="stopping"):
            await task

    asyncio.run(main())


# -- listening -------------------------------------------------------------------------------------


def test_a_port_in_use_is_named() -> None:
    async def script(stage: Stage) -> None:
        second = GrpcServer(stage.services, host=HOST, port=stage.server.port, grace_seconds=1)

        with pytest.raises(PortInUse, match=str(stage.server.port)):
            await second.start()

        with socket.create_server((HOST, 0)) as taken:
            port = taken.getsockname()[1]
            third = GrpcServer(stage.services, host=HOST, port=port, grace_seconds=1)
            with pytest.raises(PortInUse, match=str(port)):
                await third.start()

    play(script)


def test_an_address_that_is_not_ours_is_named() -> None:
    async def script(stage: Stage) -> None:
        server = GrpcServer(stage.services, host="192.0.2.1", port=0, grace_seconds=1)

        with pytest.raises(CannotListen, match=r"192\.0\.2\.1"):
            await server.start()

    play(script)


def test_one_port_serves_every_address_of_a_name() -> None:
    async def script(stage: Stage) -> None:
        server = GrpcServer(stage.services, host="localhost", port=0, grace_seconds=1)
        await server.start()

        channel = aio.insecure_channel(server.address)
        call: Any = channel.unary_unary("/spooled.v1.QueueService/GetJob")
        assert await call(b"", metadata=stage.client.metadata) == b""

        await channel.close()
        await server.stop(at_once=True)

    play(script)


def test_several_servers_live_in_one_process() -> None:
    async def script(stage: Stage) -> None:
        async with a_stage() as other:
            assert other.server.port != stage.server.port
            assert await other.client.enqueue()
        assert await stage.client.enqueue()

    play(script)


def test_the_options_are_what_clients_count_on() -> None:
    options = dict(OPTIONS)

    assert options["grpc.so_reuseport"] == 0
    assert options["grpc.max_receive_message_length"] >= 4 * 1024 * 1024
    assert options["grpc.max_concurrent_streams"] >= 200
    assert options["grpc.keepalive_time_ms"] == 10_000
    assert options["grpc.keepalive_timeout_ms"] == 20_000
    assert options["grpc.http2.ping_timeout_ms"] == 20_000
    assert options["grpc.max_metadata_size"] == options["grpc.absolute_max_metadata_size"]


def test_a_hundred_streams_and_other_calls_fit_on_one_connection() -> None:
    async def script(stage: Stage) -> None:
        streams = [stage.client.stream_jobs(f"q-{n}") for n in range(100)]
        streams += [stage.client.process_jobs() for _ in range(100)]
        for stream in streams:
            await stream.initial_metadata()

        assert await stage.client.enqueue()

    play(script)


def test_pings_without_calls_are_tolerated() -> None:
    async def script(stage: Stage) -> None:
        options = (
            ("grpc.keepalive_time_ms", 100),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.use_local_subchannel_pool", 1),
        )
        channel = aio.insecure_channel(stage.server.address, options=options)
        call: Any = channel.unary_unary("/spooled.v1.QueueService/GetJob")
        for _ in range(5):
            assert await call(b"", metadata=stage.client.metadata) == b""
            await asyncio.sleep(0.15)
        assert channel.get_state() == grpc.ChannelConnectivity.READY
        await channel.close()

    play(script)


def test_a_connection_that_answers_no_ping_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    # What takes seconds takes hundredths of them: what an option forgets would take a minute.
    quick = [(name, each // 100 if "_ms" in name else each) for name, each in OPTIONS]
    monkeypatch.setattr(server, "OPTIONS", quick)

    async def script(stage: Stage) -> None:
        reader, writer = await asyncio.open_connection(HOST, stage.server.port)
        writer.write(PREFACE + NO_SETTINGS)

        async with asyncio.timeout(PATIENCE_SECONDS):
            said = await reader.read(-1)

        writer.close()
        assert b"ping_timeout" in said

    play(script)


def test_one_connection_too_many_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS_MAX", 2)

    async def script(stage: Stage) -> None:
        await stage.client.enqueue()
        second, third = stage.client_with(stage.key), stage.client_with(stage.key)
        await second.enqueue()

        assert (await refusal(third.call("GetJob", pb.GetJobRequest()))).code == "UNAVAILABLE"

        await second.channel.close()
        await third.call("GetJob", pb.GetJobRequest(), wait_for_ready=True)

    play(script)


def test_a_call_may_have_as_many_headers_as_over_http() -> None:
    async def script(stage: Stage) -> None:
        stage.client.metadata += (("of-a-proxy", "x" * 40_000),)

        assert await stage.client.enqueue()

    play(script)


@pytest.mark.parametrize("raw", [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 1_000, b"PRI * HTTP/2.0\r\n"])
def test_what_is_no_http2_is_hung_up_on_and_others_are_served(raw: bytes) -> None:
    async def script(stage: Stage) -> None:
        reader, writer = await asyncio.open_connection(HOST, stage.server.port)
        writer.write(raw)
        writer.write_eof()

        async with asyncio.timeout(10):
            await reader.read()

        writer.close()
        assert await stage.client.enqueue()

    play(script)


# -- TLS -------------------------------------------------------------------------------------------


@pytest.fixture
def certificate() -> tuple[Path, Path]:
    """Certificate and key, in one file."""
    both = Path(__file__).parents[2] / "outbound" / "localhost.pem"
    return both, both


def test_with_its_files_the_server_speaks_tls_and_nothing_else(
    certificate: tuple[Path, Path],
) -> None:
    path, key = certificate

    async def script(stage: Stage) -> None:
        credentials = grpc.ssl_channel_credentials(path.read_bytes())
        channel = aio.secure_channel(stage.server.address, credentials)
        call: Any = channel.unary_unary("/spooled.v1.QueueService/GetJob")
        assert await call(b"", metadata=stage.client.metadata) == b""
        await channel.close()

        plain = await refusal(stage.client.call("GetJob", pb.GetJobRequest(), timeout=5))
        assert plain.code == "UNAVAILABLE"

    play(
        script,
        grpc_tls_enabled=True,
        grpc_tls_cert_path=str(path),
        grpc_tls_key_path=str(key),
    )


KEY_OF_ANOTHER = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/ZV+HwVb4RhtvFdW
+rBJJqIBq+GXQP39XmbMgWDwXd2hRANCAAQfbn+Yfpbs78yhKptAszxujk75o+9Z
y4zSxJDT4y2dow9eiXHtkBmZJD2OMFuMy+26wOBx9UVF2DGlcyWedyQd
-----END PRIVATE KEY-----
"""
ENCRYPTED_KEY = """-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjLjLCxNhKFJwICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGfe2DrKdv/wcQFK5YW3mZ8EgZA1
CY+jerzSiRQgEcZ5+PqlOkrcHi63oICrPrHVwhkdGzSxyRYiT/GZ4GsBkIlSXY5l
6dmYidiX7czLi1+UkE5y4GMziTwQv5KbjcU1p6PqQ71hpuN8WjXPVj3x3J5cCQEl
dfw/dK66n/qlQd9Vy1wy4gxqMkVVyw5vRTVRjjlBBMks6ccErRpFFwu0W3nhN1E=
-----END ENCRYPTED PRIVATE KEY-----
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("nothing of the kind", ""),
        (KEY_OF_ANOTHER, "mismatch"),
        # Nobody may be asked for its password: who starts a server may not be there.
        (ENCRYPTED_KEY, "the key is encrypted"),
    ],
)
def test_files_that_cannot_be_used_are_named_before_anything_is_served(
    certificate: tuple[Path, Path], tmp_path: Path, text: str | None, said: str
) -> None:
    path, key = certificate[0], tmp_path / "key.pem"
    if text is not None:
        key.write_text(text)

    async def script(stage: Stage) -> None:
        raise AssertionError("it has started")

    with pytest.raises(CannotUseCertificate, match=f"{key.name}: .*{said}"):
        play(
            script,
            grpc_tls_enabled=True,
            grpc_tls_cert_path=str(path),
            grpc_tls_key_path=str(key),
        )


def test_the_version_of_tls_is_a_current_one(certificate: tuple[Path, Path]) -> None:
    path, key = certificate

    async def script(stage: Stage) -> None:
        context = ssl.create_default_context(cafile=str(path))
        context.set_alpn_protocols(["h2"])
        _, writer = await asyncio.open_connection(HOST, stage.server.port, ssl=context)
        spoken = writer.get_extra_info("ssl_object")
        assert (spoken.version(), spoken.selected_alpn_protocol()) == ("TLSv1.3", "h2")
        writer.transport.abort()

    play(
        script,
        grpc_tls_enabled=True,
        grpc_tls_cert_path=str(path),
        grpc_tls_key_path=str(key),
    )


# -- stopping, errors ------------------------------------------------------------------------------


def test_a_call_in_flight_is_finished_and_new_ones_are_unavailable() -> None:
    async def script(stage: Stage) -> None:
        held = await Held(stage).begun()
        call = stage.client.start("Enqueue", pb.EnqueueRequest(queue_name="emails"))
        await held.until_waiting(enqueue)
        stopping = asyncio.create_task(stage.server.stop())
        await asyncio.sleep(0)

        held.let_go()

        assert (await call).created
        await stopping
        refused = await refusal(stage.client.call("GetJob", pb.GetJobRequest(), timeout=5))
        assert refused.code == "UNAVAILABLE"

    play(script)


def test_stopping_twice_and_at_once_is_the_end_of_everything() -> None:
    async def script(stage: Stage) -> None:
        stream = stage.client.process_jobs()
        await stream.initial_metadata()

        await asyncio.gather(stage.server.stop(), stage.server.stop(at_once=True))
        await stage.server.stop()

        assert len(stage.server.streams) == 0

    play(script)


def test_an_error_has_the_status_of_its_kind_and_a_new_one_says_nothing() -> None:
    class Slow(Conflict):
        pass

    class Odd(SpooledError):
        pass

    assert status_of(Slow("")) is grpc.StatusCode.FAILED_PRECONDITION
    assert status_of(WorkerIdTaken()) is grpc.StatusCode.ALREADY_EXISTS
    assert status_of(Odd("")) is grpc.StatusCode.INTERNAL
