"""What docs/proxies.md says of nginx: its configuration, in front of a real server."""

import asyncio
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import httpx
import pytest
import websockets
from spooled.grpc.stubs import spooled_pb2 as pb

from tests.server_process import API_KEY, STOP_SECONDS_MAX, ServerProcess

PAGE: Final = Path(__file__).parents[1] / "docs" / "proxies.md"
PEM: Final = Path(__file__).parent / "outbound" / "localhost.pem"
SECONDS_MAX: Final = 30.0  # of one call; less than the proxy waits
CLIENT: Final = "127.0.0.2"  # another address of this machine than the proxy's own
WAIT_SECONDS_MAX: Final = 60  # `wait_ms` at most
BODY_BYTES_MAX: Final = 5 * 2**20

AUTHORIZED: Final = {"Authorization": f"Bearer {API_KEY}"}


def configuration() -> str:
    [found] = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)
    text: str = found
    return text


def seconds(text: str) -> int:
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[text[-1]]


def test_the_proxy_waits_longer_than_any_call() -> None:
    waits = re.findall(r"(?:read|send|body)_timeout +(\d+[smhd]);", configuration())

    assert len(waits) == 4
    assert min(map(seconds, waits)) > WAIT_SECONDS_MAX


class Proxy:
    """nginx before a server. `listener` is its port, which it takes over as it is."""

    def __init__(self, folder: Path, server: ServerProcess, listener: socket.socket) -> None:
        host, port = listener.getsockname()
        self.address = f"{host}:{port}"
        text = configuration()
        for said, here in (
            ("listen 443 ssl http2;", f"listen {self.address} ssl http2;"),
            ("/etc/ssl/jobs.example.com.pem", str(PEM)),
            ("/etc/ssl/jobs.example.com.key", str(PEM)),
            ("http://127.0.0.1:8080", server.url),
            ("grpc://127.0.0.1:50051", f"grpc://{server.ready['grpc_address']}"),
        ):
            assert text.count(said) == 1, said
            text = text.replace(said, here)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{kind}_temp_path {folder};" for kind in kinds)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            f"daemon off; worker_processes 1; {user} pid {folder}/pid; error_log stderr;"
            f"events {{}} http {{ access_log off; {temporary} {text} }}"
        )
        with (folder / "nginx.log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(shutil.which("nginx")), "-p", str(folder), "-c", str(folder / "nginx.conf")],
                env={**os.environ, "NGINX": f"{listener.fileno()};"},
                pass_fds=(listener.fileno(),),
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(STOP_SECONDS_MAX)

    def client(self, **more: Any) -> httpx.Client:
        """Comes from CLIENT, as a client of another machine does."""
        context = ssl.create_default_context(cafile=str(PEM))
        return httpx.Client(
            transport=httpx.HTTPTransport(verify=context, local_address=CLIENT),
            base_url=f"https://{self.address}",
            timeout=SECONDS_MAX,
            **more,
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed: what docs/proxies.md says of it is not tried")
    with ServerProcess(
        tmp_path_factory.mktemp("server"),
        grpc_port="auto",
        trust_proxy="true",
        admin_key="admin-key-0123456789abcdef",
        queue_max_payload_size_bytes=str(BODY_BYTES_MAX),
    ) as process:
        process.start()
        yield process
        assert process.stop() == 0, process.log


@pytest.fixture(scope="module")
def proxy(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        it = Proxy(tmp_path_factory.mktemp("nginx"), server, listener)
        yield it
        it.stop()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[httpx.Client]:
    with proxy.client(headers=AUTHORIZED) as it:
        yield it


def create(client: httpx.Client, queue: str, payload: object = None) -> httpx.Response:
    return client.post("/api/v1/jobs", json={"queue_name": queue, "payload": payload})


pytestmark = pytest.mark.slow  # starts a server and a proxy, once


def test_every_answer_says_that_only_tls_is_spoken(client: httpx.Client) -> None:
    for path in ("/health", "/api/v1/jobs", "/", "/nowhere", "/metrics"):
        said = client.get(path).headers.get_list("strict-transport-security")
        assert said == ["max-age=31536000"], path


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/%6detrics",
        "//metrics",
        "/docs/../metrics",
        "/api/v1/admin/stats",
        "/api/v1/%61dmin/stats",
        "/api//v1/admin/stats",
        "/api/v1/./admin/stats",
    ],
)
def test_what_is_for_inside_is_not_there(client: httpx.Client, path: str) -> None:
    admin = {"X-Admin-Key": "admin-key-0123456789abcdef"}
    request = client.build_request("GET", "/", headers=admin)
    request.url = request.url.copy_with(raw_path=path.encode())

    answer = client.send(request)

    assert answer.status_code == 404
    assert answer.headers["server"].startswith("nginx")


def test_an_event_arrives_at_once(client: httpx.Client) -> None:
    with client.stream("GET", "/api/v1/events", headers=AUTHORIZED) as stream:
        assert stream.status_code == 200
        lines = stream.iter_lines()
        next(lines)  # the stream is open
        created = create(client, "streamed").json()["id"]

        assert next(line for line in lines if created in line)


def test_a_claim_waits_until_there_is_a_job(client: httpx.Client, proxy: Proxy) -> None:
    body = {"queue_name": "waited", "worker_id": "w", "wait_ms": 20_000}
    with proxy.client(headers=AUTHORIZED) as waiting:
        request = waiting.build_request("POST", "/api/v1/jobs/claim", json=body)

        async def claim_meanwhile() -> httpx.Response:
            claim = asyncio.create_task(asyncio.to_thread(waiting.send, request))
            await asyncio.to_thread(create, client, "waited")
            return await claim

        answer = asyncio.run(claim_meanwhile())

    assert len(answer.json()["jobs"]) == 1


def test_a_websocket_is_passed_on(client: httpx.Client, proxy: Proxy) -> None:
    token = client.post("/api/v1/auth/login", json={"api_key": API_KEY}).json()["access_token"]

    async def talk() -> None:
        async with (
            asyncio.timeout(SECONDS_MAX),
            websockets.connect(
                f"wss://{proxy.address}/api/v1/ws?token={token}",
                ssl=ssl.create_default_context(cafile=str(PEM)),
            ) as connection,
        ):
            asked = {"type": "subscribe", "request_id": "r", "queues": ["emails"]}
            await connection.send(json.dumps(asked))
            while json.loads(await connection.recv())["type"] != "subscribed":
                pass

    asyncio.run(talk())


def test_a_body_as_long_as_the_server_takes_comes_through(client: httpx.Client) -> None:
    bare = {"queue_name": "large", "payload": ""}
    envelope = len(client.build_request("POST", "/", json=bare).content)

    fits = create(client, "large", "x" * (BODY_BYTES_MAX - envelope))
    too_long = create(client, "large", "x" * (BODY_BYTES_MAX - envelope + 1))

    assert fits.status_code == 201, fits.text
    assert too_long.status_code == 413
    assert too_long.json()["code"] == "PAYLOAD_TOO_LARGE"


def test_a_client_cannot_name_its_own_address(client: httpx.Client, server: ServerProcess) -> None:
    forged = {"Authorization": "Bearer sk_test_wrong", "X-Forwarded-For": "192.0.2.66"}

    assert client.get("/api/v1/jobs", headers=forged).status_code == 401
    assert f"refused a credential from {CLIENT} at" in server.log
    assert "192.0.2.66" not in server.log


def test_a_job_comes_over_a_stream_of_grpc_as_soon_as_it_is_there(
    client: httpx.Client, proxy: Proxy
) -> None:
    credentials = grpc.ssl_channel_credentials(PEM.read_bytes())
    metadata = (("x-api-key", API_KEY),)
    with grpc.secure_channel(proxy.address, credentials) as channel:
        stream = channel.unary_stream(
            "/spooled.v1.QueueService/StreamJobs",
            request_serializer=pb.StreamJobsRequest.SerializeToString,
            response_deserializer=pb.Job.FromString,
        )(
            pb.StreamJobsRequest(queue_name="over-grpc", worker_id="w", lease_duration_secs=60),
            metadata=metadata,
            timeout=SECONDS_MAX,
        )
        for _ in range(2):  # the second one while the stream is known to be open
            created = create(client, "over-grpc").json()["id"]
            job = next(iter(stream))
            assert job.id == created
            settled = {"worker_id": "w", "lease_id": job.lease_id}
            assert client.post(f"/api/v1/jobs/{job.id}/complete", json=settled).is_success
        stream.cancel()
