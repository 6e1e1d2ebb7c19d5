"""Clients that leave while they wait, revoked keys, a stopping server: contract jobs, J11."""

import asyncio

import pytest

from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.revoke import revoke
from spooled_lite.core.orgs.create import create
from tests.factories import a_key, an_org
from tests.wire.http.raw_http import Answer
from tests.wire.waiting.stage import LONG_MS, NotYetNoticed, Stage, given, play


def test_a_client_that_leaves_loses_its_place_and_gets_no_job() -> None:
    async def script(stage: Stage) -> None:
        leaver, stayer = [await stage.waiting() for _ in range(2)]

        await leaver.close()
        await stage.until(lambda: stage.count() == 1)
        job_id = await stage.enqueue()

        assert await given(stayer) == [job_id]
        assert await stage.history(job_id) == ["created", "claimed"]

    play(script)


@pytest.mark.parametrize("wait_ms", [0, LONG_MS])
@pytest.mark.parametrize("path", ["claim", "dequeue"])
def test_a_job_handed_to_somebody_who_has_just_left_is_released(path: str, wait_ms: int) -> None:
    async def script(stage: Stage) -> None:
        if not wait_ms:
            job_id = await stage.enqueue()
        gone = NotYetNoticed(stage, path, {"queue": "emails", "wait_ms": wait_ms})
        if wait_ms:
            await stage.until(lambda: stage.count() == 1)
            job_id = await stage.enqueue()
        await gone.over
        await stage.db.write(lambda tx: None)  # behind the release

        assert stage.count() == 0
        shown = await stage.shown(job_id)

        assert gone.said == []
        assert await stage.history(job_id) == ["created", "claimed", "released"]
        nothing = ("started_at", "lease_id", "lease_expires_at", "worker_id", "last_error")
        assert [shown[name] for name in nothing] == [None] * len(nothing)
        assert (shown["status"], shown["retry_count"], shown["attempts"]) == ("pending", 0, 0)
        assert [job["id"] for job in await stage.claim()] == [job_id]

    play(script)


def test_a_released_job_goes_to_the_next_in_line() -> None:
    async def script(stage: Stage) -> None:
        gone = NotYetNoticed(stage, "claim", {"queue": "emails", "wait_ms": LONG_MS})
        await stage.until(lambda: stage.count() == 1)
        client = await stage.waiting()

        job_id = await stage.enqueue()

        assert await given(client) == [job_id]
        await gone.over
        assert await stage.history(job_id) == ["created", "claimed", "released", "claimed"]

    play(script)


def test_a_call_that_is_stopped_as_it_gets_its_job_gives_it_back() -> None:
    async def script(stage: Stage) -> None:
        stopped = NotYetNoticed(stage, "claim", {"queue": "emails", "wait_ms": LONG_MS})
        await stage.until(lambda: stage.count() == 1)
        [request] = stage.it.services.waiting.waiting_in((stage.org, "emails"))
        request.taker.add_done_callback(lambda _: stopped.over.cancel())

        job_id = await stage.enqueue()
        with pytest.raises(asyncio.CancelledError):
            await stopped.over

        assert [job["id"] for job in await stage.claim()] == [job_id]
        assert "released" in await stage.history(job_id)

    play(script)


def test_a_key_that_is_revoked_meanwhile_gets_no_job() -> None:
    async def script(stage: Stage) -> None:
        issued = await stage.db.write(issue, stage.org, a_key(), is_live=False)
        revoked = await stage.waiting(key=issued.secret)
        good = await stage.waiting()
        await stage.db.write(revoke, stage.org, issued.row["id"])

        job_id = await stage.enqueue()

        refused = await revoked.read_answer()
        assert (refused.status, refused.json["code"]) == (401, "UNAUTHORIZED")
        assert await given(good) == [job_id]

    play(script)


def test_a_token_that_is_logged_out_meanwhile_gets_no_job() -> None:
    async def script(stage: Stage) -> None:
        login = await stage.call("POST", "auth/login", {"api_key": stage.key})
        token = login.json["access_token"]
        gone = await stage.waiting(key=token)
        good = await stage.waiting()
        await stage.call("POST", "auth/logout", key=token)

        job_id = await stage.enqueue()

        refused = await gone.read_answer()
        assert (refused.status, refused.json["code"]) == (401, "UNAUTHORIZED")
        assert await given(good) == [job_id]

    play(script)


def test_a_stopping_server_answers_everybody_empty() -> None:
    async def script(stage: Stage) -> None:
        clients = [await stage.waiting(name) for name in ("a", "a", "b")]

        await stage.server.stop()

        for client in clients:
            answer = Answer.parse(await client.read_to_end())
            assert (answer.status, answer.json) == (200, {"jobs": []})

    play(script)


@pytest.mark.parametrize(
    ("act", "body"), [("heartbeat", {"status": "draining"}), ("deregister", {})]
)
def test_a_worker_that_drains_or_deregisters_has_its_waiting_claims_answered_empty(
    act: str, body: dict[str, str]
) -> None:
    async def script(stage: Stage) -> None:
        for worker_id in ("w-1", "w-2"):
            named = {"queue_name": "emails", "hostname": "h", "worker_id": worker_id}
            await stage.post("workers/register", named)
        leaving = await stage.waiting(worker_id="w-1")
        staying = await stage.waiting(worker_id="w-2")
        await stage.call("POST", "workers/w-1/heartbeat", {"status": "healthy"})
        assert stage.count() == 2

        await stage.call("POST", f"workers/w-1/{act}", body)

        assert await given(leaving) == []
        await stage.until(lambda: stage.count() == 1)
        job_id = await stage.enqueue()
        assert await given(staying) == [job_id]
        assert await stage.history(job_id) == ["created", "claimed"]

    play(script)


def test_so_are_its_dequeues_and_reads_of_messages() -> None:
    async def script(stage: Stage) -> None:
        named = {"queue_name": "emails", "hostname": "h", "worker_id": "w-1"}
        await stage.post("workers/register", named)
        dequeue = await stage.waiting(path="jobs/dequeue", worker_id="w-1")
        read = await stage.waiting(path="queues/emails/messages/read", worker_id="w-1")

        await stage.post("workers/w-1/heartbeat", {"status": "draining"})

        assert (await dequeue.read_answer()).json is None
        assert (await read.read_answer()).json == {"messages": []}
        await stage.until(lambda: stage.count() == 0)

    play(script)


def test_a_worker_of_another_organization_with_the_same_name_waits_on() -> None:
    async def script(stage: Stage) -> None:
        client = await stage.waiting(worker_id="w-1")
        other = await stage.db.write(create, an_org())
        stranger = (await stage.db.write(issue, other["seq"], a_key(), is_live=False)).secret
        named = {"queue_name": "emails", "hostname": "h", "worker_id": "w-1"}
        await stage.call("POST", "workers/register", named, key=stranger)

        await stage.call("POST", "workers/w-1/deregister", {}, key=stranger)

        job_id = await stage.enqueue()
        assert await given(client) == [job_id]

    play(script)
