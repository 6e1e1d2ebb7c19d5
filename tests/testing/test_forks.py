"""Forks: each has its own rows, time, ids and key, and the key finds it."""

import asyncio
import errno
import os
import resource
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from spooled_lite.testing import capacity
from spooled_lite.testing import worlds as the_worlds
from tests.testing.park import Park, Seat, played
from tests.testing.stage import ADMIN_KEY

ADMIN = {"X-Admin-Key": ADMIN_KEY}
ODD_NAMES = ("a/b::c[d-1]", "zoë ✓", "100%", "a%2Fb", "x" * 500, "root?&#")
BAD_NAMES = ("", "x" * 501, "x" * 10_000, "two\nlines", " before", "after ", "\x00")


async def status(seat: Seat, method: str, path: str, **options: Any) -> tuple[int, Any]:
    answer = await seat.api.request(method, path, **options)
    details = answer.json().get("details") if answer.content else None
    reason = details.get("reason") if isinstance(details, dict) else None
    return answer.status_code, reason


def test_a_fork_has_the_rows_of_its_parent_and_then_goes_its_own_way() -> None:
    async def script(park: Park) -> None:
        before = await park.root.job()
        await park.root.advance("1h")
        one, two = await park.fork("one"), await park.fork("two")
        assert one.about["copied"] == {"jobs": 1}
        assert one.about["now"] == "2030-01-01T01:00:00.000Z"
        assert await one.jobs() == await two.jobs() == [before]

        mine = await one.job(delay_seconds=3600)
        await one.advance("2d")
        await two.advance("1d")

        assert await one.jobs() == [mine, before]
        assert await two.jobs() == await park.root.jobs() == [before]
        assert (await one.get(f"jobs/{mine}"))["status"] == "pending"
        assert [await each.now() for each in (park.root, one, two)] == [
            "2030-01-01T01:00:00.000Z",
            "2030-01-03T01:00:00.000Z",
            "2030-01-02T01:00:00.000Z",
        ]

    played(script)


def test_what_waited_in_the_parent_happens_in_the_fork_too() -> None:
    async def script(park: Park) -> None:
        late = await park.root.job(delay_seconds=60)
        await park.root.job(queue_name="held")
        await park.root.post("jobs/claim", {"queue_name": "held", "worker_id": "w"})
        fork = await park.fork("it")

        await fork.advance("1d")

        assert (await fork.get(f"jobs/{late}"))["status"] == "pending"
        assert {each["status"] for each in await fork.get("jobs")} == {"pending"}
        assert (await park.root.get(f"jobs/{late}"))["status"] == "scheduled"

    played(script)


def test_a_fork_of_a_fork_begins_with_what_that_one_has() -> None:
    async def script(park: Park) -> None:
        one = await park.fork("one")
        job = await one.job()
        two = await park.fork("two", one)
        await two.post("jobs/claim", {"queue_name": "emails", "worker_id": "w"})

        assert (await two.get(f"jobs/{job}"))["status"] == "processing"
        assert (await one.get(f"jobs/{job}"))["status"] == "pending"
        assert await park.root.jobs() == []
        names = [each["name"] for each in (await park.root.get("test/forks"))["forks"]]
        assert names == ["one", "two"]

    played(script)


def test_ids_and_keys_of_a_fork_follow_from_the_seed_and_its_name_alone() -> None:
    def run(*order: str) -> dict[str, tuple[str, str]]:
        async def script(park: Park) -> dict[str, tuple[str, str]]:
            found = {}
            await park.root.job()
            for name in order:
                fork = await park.fork(name)
                found[name] = (fork.about["api_key"], await fork.job())
                await park.root.job()
            return found

        return played(script)

    one, two = run("a", "b"), run("b", "a")

    assert one == two
    assert one["a"] != one["b"]


def test_the_clock_of_a_fork_can_be_elsewhere_from_the_start() -> None:
    async def script(park: Park) -> None:
        job = await park.root.job(delay_seconds=3600)
        late = await park.fork("late", at="2030-02-01T00:00:00Z")
        early = await park.fork("early", at="2029-03-10T06:59:00Z")

        assert await late.now() == "2030-02-01T00:00:00.000Z"
        assert (await late.get(f"jobs/{job}"))["status"] == "pending"
        assert await early.now() == "2029-03-10T06:59:00.000Z"
        assert await park.root.now() == "2030-01-01T00:00:00.000Z"

    played(script)


def test_whose_world_a_request_is_for() -> None:
    async def script(park: Park) -> None:
        fork = await park.fork("it", keys=[{"name": "web", "queues": ["emails"]}])
        about = fork.about

        async def world(headers: dict[str, str], path: str = "jobs") -> str:
            nobody = await park.seat(None)
            answer = await nobody.api.get(path, headers=headers)
            assert answer.status_code < 500
            return answer.headers["X-Spooled-World"]

        made = (await fork.post("api-keys", {"name": "later"}))["key"]
        token = (await fork.post("auth/login", {"api_key": about["api_key"]}))["access_token"]
        nobody = await park.seat(None)
        signed_in = await nobody.post("auth/login", {"api_key": about["api_key"]})
        again = await nobody.post("auth/refresh", {"refresh_token": signed_in["refresh_token"]})
        assert await world({"Authorization": f"Bearer {again['access_token']}"}) == "it"
        for body in (b"", b"[]", b"{", b'{"api_key": 7}', b"x" * 100_000, b"[" * 60_000):
            answer = await nobody.api.post("auth/login", content=body)
            assert 400 <= answer.status_code < 500
            assert answer.headers["X-Spooled-World"] == "root"
        of_fork = (about["api_key"], about["keys"]["web"], made, token)
        for each in of_fork:
            assert await world({"Authorization": f"Bearer {each}"}) == "it"
            assert await world({}, f"jobs?token={each}") == "it"
        assert await world({"X-API-Key": made}) == "it"
        assert await world({}, f"webhooks/{about['organization_id']}/custom") == "it"
        assert await world({"X-Spooled-World": "it"}) == "it"
        root_key = f"Bearer {park.worlds.root.app.key}"
        assert await world({"X-Spooled-World": "it", "Authorization": root_key}) == "it"
        assert await world({"X-Spooled-World": "root", "X-API-Key": made}) == "root"
        for headers in (
            {},
            {"Authorization": root_key},
            {"Authorization": "Bearer sk_test_unknown"},
            {"Authorization": "Bearer eyJ.eyJ.x"},
            {"Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"},
            ADMIN,
        ):
            assert await world(headers) == "root"
        answer = await (await park.seat(None)).api.get("jobs", headers={"X-Spooled-World": "no"})
        assert answer.status_code == 404
        assert answer.json()["details"] == {"reason": "unknown_world"}

    played(script)


def test_a_key_of_the_parent_that_a_fork_changes_still_leads_to_the_parent() -> None:
    async def script(park: Park) -> None:
        made = await park.root.post("api-keys", {"name": "shared"})
        fork = await park.fork("it")

        await fork.call("PUT", f"api-keys/{made['id']}", {"name": "changed"})

        seat = await park.seat(made["key"])
        assert (await seat.api.get("jobs")).headers["X-Spooled-World"] == "root"

    played(script)


def test_names_of_tests_can_be_used_and_others_are_refused() -> None:
    async def script(park: Park) -> None:
        for name in ODD_NAMES:
            fork = await park.fork(name)
            answer = await fork.api.get("test")
            shown = answer.headers["X-Spooled-World"]
            assert answer.json()["world"] == name
            again = await park.root.api.get("test", headers={"X-Spooled-World": shown})
            assert again.json()["world"] == name
            assert await status(park.root, "POST", "test/fork", json={"name": name}) == (
                409, "name_taken",
            )  # fmt: skip
            path = f"test/forks/{quote(name, safe='')}"
            assert await status(park.root, "DELETE", path) == (204, None)
        for name in BAD_NAMES:
            assert (await status(park.root, "POST", "test/fork", json={"name": name}))[0] == 400
        assert await status(park.root, "POST", "test/fork", json={"name": "root"}) == (
            409, "name_taken",
        )  # fmt: skip
        wrong: list[dict[str, Any]] = [
            {"nam": "x"}, {"keys": [{"queue": []}]}, {"name": 7}, {"at": "soon"},
        ]  # fmt: skip
        for body in wrong:
            assert (await status(park.root, "POST", "test/fork", json=body))[0] in (400, 422)
        assert (await status(park.root, "DELETE", "test/forks/root")) == (404, "unknown_world")
        assert (await status(park.root, "POST", "test/fork", json={"keys": [{"name": "?"}]}))[
            0
        ] == 400
        keys = [{"name": "web", "queues": ["a"]}, {"name": "web", "queues": ["b"]}]
        answer = await park.root.api.post("test/fork", json={"keys": keys})
        assert (answer.status_code, "`web` more than once" in answer.text) == (400, True)
        assert (await park.root.get("test/forks")) == {"forks": []}

    played(script)


def test_who_may_fork_list_and_delete() -> None:
    async def script(park: Park) -> None:
        other = await park.root.call(
            "POST", "organizations", {"name": "Other", "slug": "other"}, headers=ADMIN
        )
        stranger = await park.seat(other["api_key"]["key"])
        scoped = (await park.root.post("api-keys", {"name": "web", "queues": ["a"]}))["key"]
        ordinary = await park.seat(scoped)
        await park.fork("it")

        for method, path in (
            ("POST", "test/fork"), ("GET", "test/forks"), ("DELETE", "test/forks/it"),
            ("POST", "test/reset"), ("POST", "test/baseline"),
        ):  # fmt: skip
            assert (await status(ordinary, method, path))[0] == 403
            assert (await status(await park.seat(None), method, path))[0] == 401
        assert (await stranger.get("test/forks")) == {"forks": []}
        assert await status(stranger, "DELETE", "test/forks/it") == (404, "unknown_world")

        theirs = await park.fork("theirs", stranger)
        assert theirs.about["organization_id"] != other["organization"]["id"]
        assert await status(park.root, "DELETE", "test/forks/theirs") == (404, "unknown_world")
        nobody = await park.seat(None)
        listed = await nobody.call("GET", "test/forks", headers=ADMIN)
        assert [each["name"] for each in listed["forks"]] == ["it", "theirs"]
        assert await status(nobody, "DELETE", "test/forks/it", headers=ADMIN) == (204, None)
        assert await status(theirs, "DELETE", "test/forks/theirs") == (204, None)
        assert (await status(theirs, "GET", "jobs"))[0] == 401, "its key leads nowhere"
        by_admin = await nobody.call("POST", "test/fork", {"name": "a"}, headers=ADMIN)
        assert by_admin["api_key"].startswith("sk_test_")

    played(script)


def test_there_are_so_many_forks_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "FORKS_MAX", 2)

    async def script(park: Park) -> None:
        await park.fork()
        await park.fork()
        about = await park.root.get("test")
        assert (about["counts"]["forks"], about["limits"]["forks_max"]) == (2, 2)
        assert await status(park.root, "POST", "test/fork") == (429, "worlds_full")
        await park.root.call("DELETE", "test/forks/fork-1")
        await park.fork()

    played(script)


@pytest.mark.parametrize(
    ("files_max", "forks_max"), [(1_024, 42), (20_000, 833), (10**6, 1_000), (-1, 1_000)]
)
def test_forks_leave_half_of_the_open_files_to_connections(
    monkeypatch: pytest.MonkeyPatch, files_max: int, forks_max: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files_max, files_max))

    assert capacity.forks_max() == forks_max


def test_who_has_few_files_is_told_how_many_forks_that_makes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def script(park: Park) -> None:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (48, 48))
        assert (await park.root.get("test"))["limits"]["forks_max"] == 2
        await park.fork()
        await park.fork()
        answer = await park.root.api.post("test/fork")
        assert (answer.status_code, answer.json()["details"]["limit"]) == (429, 2)
        assert "2 forks already, with 48 files" in answer.json()["message"]

    played(script)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_world_whose_file_finds_no_room_is_refused_and_leaves_nothing(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(code, os.strerror(code), str(path))

    async def script(park: Park) -> None:
        job_id = await park.root.job()
        with monkeypatch.context() as patched:
            patched.setattr(Path, "write_bytes", full)
            for path, body in (("test/fork", {"name": "a"}), ("test/reset", {})):
                refused = await park.root.api.post(path, json=body)
                assert refused.status_code == 503, refused.text
                assert "nothing was stored" in refused.json()["message"]

        assert await park.root.jobs() == [job_id]
        assert (await park.root.post("test/fork", {"name": "a"}))["name"] == "a"

    played(script)


def test_a_fork_that_nobody_uses_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(the_worlds, "UNUSED_SECONDS", 0.05)

    async def script(park: Park) -> None:
        await park.fork("left alone")
        while (await park.root.get("test/forks"))["forks"]:  # noqa: ASYNC110  # it is told to nobody
            await asyncio.sleep(0.01)

    played(script)


def test_a_fork_leaves_nothing_behind() -> None:
    async def script(park: Park) -> None:
        async def made_and_deleted(name: str) -> None:
            fork = await park.fork(name)
            await fork.job()
            await fork.jobs()
            await park.root.call("DELETE", f"test/forks/{name}")
            await park.worlds._ended()

        def held() -> tuple[int, int, int]:
            descriptors = len(os.listdir("/proc/self/fd"))
            folders = len([*Path("/dev/shm").glob("spooled-lite-*")])
            return descriptors, threading.active_count(), folders

        for each in range(8):  # the pool of threads that close files grows up to a size
            await made_and_deleted(f"first-{each}")
        before = held()
        for each in range(8):
            await made_and_deleted(f"more-{each}")
        descriptors, threads, _ = held()
        assert descriptors <= before[0] + 1
        assert threads <= before[1] + 1

    if not Path("/proc/self/fd").exists():
        pytest.skip("descriptors are counted in /proc")
    played(script)
