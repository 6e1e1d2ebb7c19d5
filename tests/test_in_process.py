"""A server inside a program, and the key that only this process has. Contract: amendments, G16."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import pytest
from grpc import aio

from spooled_lite.app import Running, running
from spooled_lite.clock import ManualClock
from spooled_lite.config import ConfigError, Settings
from spooled_lite.in_process import InProcess, in_process
from spooled_lite.serving import serving
from spooled_lite.storage.file_guard import CannotUseFile
from tests.patience import looks
from tests.wire.grpc.stage import Client, refusal

T = TypeVar("T")

NOW_MS: Final = 1_800_000_000_000
SECONDS_MAX: Final = 60.0
JOB: Final = {"queue_name": "emails", "payload": {}, "max_retries": 1}
WEBSOCKET: Final = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
CLAIM: Final = {"queue_name": "emails", "worker_id": "w-1", "lease_duration_secs": 3600}


def client_of(application: Any, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=application),
        base_url="http://spooled.test/api/v1",
        headers={"Authorization": f"Bearer {key}"},
    )


@asynccontextmanager
async def opened(database: str) -> AsyncIterator[tuple[InProcess, httpx.AsyncClient]]:
    async with (
        asyncio.timeout(SECONDS_MAX),
        in_process(database, clock=ManualClock(NOW_MS)) as server,
        client_of(server.application, server.key) as api,
    ):
        yield server, api


def play(
    script: Callable[[InProcess, httpx.AsyncClient], Awaitable[T]], database: str = ":memory:"
) -> T:
    async def main() -> T:
        async with opened(database) as (server, api):
            return await script(server, api)

    return asyncio.run(main())


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "app.db")


def everything_in(file: str) -> bytes:
    """The pages of a file that is closed, and all that stands beside it."""
    path = Path(file)
    return b"".join(each.read_bytes() for each in path.parent.iterdir() if each.is_file())


async def job_of(api: httpx.AsyncClient, job_id: str, status: str) -> dict[str, Any]:
    """A job, once the loops have brought it to this status."""
    for _ in looks():
        job: dict[str, Any] = (await api.get(f"jobs/{job_id}")).json()
        if job["status"] == status:
            return job
        await asyncio.sleep(0)  # the loops run on this one
    raise AssertionError(f"it is {job['status']}")


# -- the key -------------------------------------------------------------------------------------


def test_the_key_of_the_process_does_what_a_key_without_limits_does() -> None:
    async def script(server: InProcess, api: httpx.AsyncClient) -> None:
        made = (await api.post("jobs", json=JOB)).json()
        [job] = (await api.post("jobs/claim", json=CLAIM)).json()["jobs"]
        holder = {"worker_id": "w-1", "lease_id": job["lease_id"]}
        assert job["id"] == made["id"]
        assert (await api.post(f"jobs/{job['id']}/complete", json=holder)).status_code == 200
        assert (await api.post("api-keys", json={"name": "web"})).status_code == 201
        me = (await api.get("auth/me")).json()
        assert me["organization_id"] == server.organization_id
        await api.post("queues/emails/pause", json={})
        acts = (await api.get("acts")).json()
        assert {(each["key_id"], each["key_name"]) for each in acts} == {
            ("in-process", "in-process")
        }

    play(script)


def test_the_key_of_the_process_is_in_no_list_and_makes_no_token() -> None:
    async def script(server: InProcess, api: httpx.AsyncClient) -> None:
        listed = (await api.get("api-keys")).json()
        assert "in-process" not in [each["id"] for each in listed]
        refused = await api.post("auth/login", json={"api_key": server.key})
        assert refused.status_code == 401

    play(script)


def test_no_file_has_the_key_of_the_process(file: str) -> None:
    async def script(server: InProcess, api: httpx.AsyncClient) -> tuple[str, bytes]:
        await api.post("jobs", json=JOB)
        await api.post("jobs/claim", json=CLAIM)
        return server.key, everything_in(file)

    key, while_open = play(script, file)

    digits = key.removeprefix("sk_process_")
    parts = [key.encode(), digits.encode(), bytes.fromhex(digits)]
    assert not any(part in pages for part in parts for pages in (while_open, everything_in(file)))


def test_the_key_of_the_process_ends_with_it(file: str) -> None:
    async def key_of(server: InProcess, api: httpx.AsyncClient) -> str:
        return server.key

    former = play(key_of, file)

    async def script(server: InProcess, api: httpx.AsyncClient) -> int:
        assert server.key != former
        async with client_of(server.application, former) as stranger:
            return (await stranger.get("jobs")).status_code

    assert play(script, file) == 401
    assert play(script) == 401  # of another file


def test_the_key_of_the_process_is_refused_over_the_network() -> None:
    async def main() -> None:
        chosen = Settings(database=":memory:", port=0, grpc_port="auto")
        async with (
            asyncio.timeout(SECONDS_MAX),
            running(chosen) as it,
            serving(it) as server,
            httpx.AsyncClient(base_url=f"{server.url}/api/v1") as api,
        ):
            here = client_of(it.application, it.in_process_key)
            assert (await here.get("jobs")).status_code == 200
            await here.aclose()
            shown = {"Authorization": f"Bearer {it.in_process_key}"}
            custom = f"webhooks/{it.organization_id}/custom"
            hook = {"queue_name": "emails", "payload": {}}
            statuses = [
                (await api.get("jobs", headers=shown)).status_code,
                (await api.get("api-keys", headers=shown)).status_code,
                (await api.get("events", params={"token": it.in_process_key})).status_code,
                (
                    await api.get("ws", params={"token": it.in_process_key}, headers=WEBSOCKET)
                ).status_code,
                (await api.post(custom, headers=shown, json=hook)).status_code,
            ]
            assert statuses == [401] * 5
            async with aio.insecure_channel(str(server.grpc_address)) as channel:
                client = Client(channel, {"x-api-key": it.in_process_key})
                assert (await refusal(client.enqueue())).code == "UNAUTHENTICATED"
            await server.stop()

    asyncio.run(main())


def test_the_key_of_the_process_ends_with_its_organization() -> None:
    async def main() -> None:
        settings = Settings(database=":memory:", admin_key="admin-key-of-the-test-0123456789")
        async with (
            asyncio.timeout(SECONDS_MAX),
            running(settings) as it,
            client_of(it.application, it.in_process_key) as api,
        ):
            assert (await api.get("jobs")).status_code == 200
            answer = await api.delete(
                f"admin/organizations/{it.organization_id}?hard_delete=true",
                headers={"X-Admin-Key": "admin-key-of-the-test-0123456789"},
            )
            assert answer.is_success, answer.text
            assert (await api.get("jobs")).status_code == 401

    asyncio.run(main())


# -- leases --------------------------------------------------------------------------------------


async def claimed(api: httpx.AsyncClient, **fields: Any) -> str:
    job_id: str = (await api.post("jobs", json=JOB)).json()["id"]
    answer = await api.post("jobs/claim", json={**CLAIM, **fields})
    assert [each["id"] for each in answer.json()["jobs"]] == [job_id]
    return job_id


def test_the_leases_of_the_last_process_end_at_the_next_start(file: str) -> None:
    async def first(server: InProcess, api: httpx.AsyncClient) -> str:
        return await claimed(api)

    job_id = play(first, file)

    async def again(server: InProcess, api: httpx.AsyncClient) -> tuple[int, str]:
        job = await job_of(api, job_id, "pending")
        assert [each["id"] for each in (await api.post("jobs/claim", json=CLAIM)).json()["jobs"]]
        return job["retry_count"], job["last_error"]

    assert play(again, file) == (1, "Lease expired (worker timeout)")

    async def third(server: InProcess, api: httpx.AsyncClient) -> None:
        await job_of(api, job_id, "deadletter")

    play(third, file)


def test_leases_of_runs_that_were_claimed_by_the_name_of_their_task_end_too(file: str) -> None:
    async def first(server: InProcess, api: httpx.AsyncClient) -> str:
        await api.put("tasks/mail", json={"max_retries": 1})
        run_id: str = (await api.post("tasks/mail/runs", json={})).json()["id"]
        claim = {"task_names": ["mail"], "worker_id": "w-1", "lease_duration_secs": 3600}
        answer = await api.post("jobs/claim", json=claim)
        assert [each["id"] for each in answer.json()["jobs"]] == [run_id]
        return run_id

    run_id = play(first, file)

    async def again(server: InProcess, api: httpx.AsyncClient) -> None:
        await job_of(api, run_id, "pending")

    play(again, file)


def test_the_leases_of_workers_elsewhere_go_on(file: str) -> None:
    async def first(server: InProcess, api: httpx.AsyncClient) -> tuple[str, str]:
        made = (await api.post("api-keys", json={"name": "elsewhere"})).json()
        async with client_of(server.application, made["key"]) as other:
            away = await claimed(other, worker_id="w-away")
        return away, await claimed(api)

    away, here = play(first, file)

    async def again(server: InProcess, api: httpx.AsyncClient) -> str:
        await job_of(api, here, "pending")
        return str((await api.get(f"jobs/{away}")).json()["status"])

    assert play(again, file) == "processing"


def test_a_server_that_serves_the_file_ends_the_leases_as_well(file: str) -> None:
    async def first(server: InProcess, api: httpx.AsyncClient) -> str:
        return await claimed(api)

    job_id = play(first, file)

    async def main() -> None:
        chosen = Settings(database=file, port=0, grpc_port="off")
        async with asyncio.timeout(SECONDS_MAX), running(chosen) as it, serving(it) as server:
            async with client_of(it.application, it.in_process_key) as api:
                await job_of(api, job_id, "pending")
            await server.stop()

    asyncio.run(main())


def test_a_copy_of_a_running_server_keeps_its_leases() -> None:
    async def main() -> None:
        async with asyncio.timeout(SECONDS_MAX), running(Settings(database=":memory:")) as one:
            async with client_of(one.application, one.in_process_key) as api:
                job_id = await claimed(api)
                before = (await api.get(f"jobs/{job_id}")).json()
            image = await pages_of(one)
            async with (
                running(Settings(database=":memory:"), image=image) as two,
                client_of(two.application, two.in_process_key) as api,
            ):
                job = (await api.get(f"jobs/{job_id}")).json()
                assert job["lease_expires_at"] == before["lease_expires_at"] is not None

    asyncio.run(main())


async def pages_of(it: Running) -> bytes:
    connection = sqlite3.connect(it.services.db.path)
    try:
        return connection.serialize()
    finally:
        connection.close()


# -- the public entry ----------------------------------------------------------------------------


async def a_waiting_claim(server: InProcess) -> None:
    for _ in looks():
        if server.application.services.waiting.count():
            return
        await asyncio.sleep(0)
    raise AssertionError("no claim waits")


def test_leaving_the_block_answers_a_claim_that_waits() -> None:
    async def main() -> Any:
        async with asyncio.timeout(SECONDS_MAX):
            async with in_process() as server:
                api = client_of(server.application, server.key)
                waiting = asyncio.create_task(
                    api.post("jobs/claim", json={**CLAIM, "wait_ms": 30_000})
                )
                await a_waiting_claim(server)
            answer = await waiting
            await api.aclose()
            return answer.json()["jobs"]

    assert asyncio.run(main()) == []


def test_a_second_process_is_told_that_the_file_is_in_use(file: str) -> None:
    async def script(server: InProcess, api: httpx.AsyncClient) -> None:
        with pytest.raises(CannotUseFile):
            async with in_process(file):
                raise AssertionError("opened twice")

    play(script, file)


def test_settings_are_those_of_the_configuration_file_and_checked() -> None:
    async def main(**settings: Any) -> None:
        async with in_process(**settings):
            pass

    asyncio.run(main(durability="normal"))
    with pytest.raises(ConfigError, match="durability"):
        asyncio.run(main(durability="none"))
    with pytest.raises(ConfigError):
        asyncio.run(main(no_such_setting=1))


def test_the_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parent.parent / "docs" / "in-process.md"
    example = page.read_text().partition("```python\n")[2].partition("```")[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        exec(compile(example, str(page), "exec"), {})

    assert capsys.readouterr().out == "{'to': 'ada'}\n"
    assert (tmp_path / "app.db").exists()
