"""ProcessJobs. Contract: grpc, section 6.2."""

import asyncio
from typing import Any

import pytest
from grpc import aio
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.keys.revoke import revoke
from spooled_lite.core.lifecycle import settle
from spooled_lite.core.lifecycle.settle import complete
from spooled_lite.core.queues.records import Admission
from spooled_lite.storage.transaction import together
from spooled_lite.wire.grpc import answers, hand_out, process
from spooled_lite.wire.grpc.parked import PARKED_MAX
from spooled_lite.wire.waiting import claims as waiting
from tests.factories import a_job
from tests.wire.grpc.stage import (
    NOW_MS,
    PATIENCE_SECONDS,
    Client,
    Gate,
    Held,
    Stage,
    as_json,
    holder,
    play,
    refusal,
    struct,
)

SHORT_SECONDS = 0.05  # in which nothing must come


class Talk:
    """A stream as a client writes and reads it."""

    def __init__(self, call: Any) -> None:
        self.call = call

    async def send(self, **request: Any) -> None:
        await self.call.write(pb.ProcessRequest(**request))

    async def dequeue(self, queue_name: str = "emails", **fields: Any) -> None:
        asked = {"queue_name": queue_name, "worker_id": "w-1", **fields}
        await self.send(dequeue=pb.DequeueRequest(**asked))

    async def complete(self, job: pb.Job, **fields: Any) -> None:
        await self.send(complete=pb.CompleteRequest(**{**holder(job), **fields}))

    async def read(self) -> Any:
        """The next answer: the message inside."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await self.call.read()
        if answer is aio.EOF:
            return None
        which = answer.WhichOneof("response")
        return getattr(answer, which)

    async def nothing_comes(self) -> "asyncio.Task[Any]":
        reading = asyncio.create_task(self.read())
        done, _ = await asyncio.wait({reading}, timeout=SHORT_SECONDS)
        assert not done
        return reading


async def talk(stage: Stage, client: Client | None = None) -> Talk:
    call = (client or stage.client).process_jobs()
    await call.initial_metadata()
    return Talk(call)


def test_jobs_are_asked_for_and_settled_on_one_stream() -> None:
    async def script(stage: Stage) -> None:
        ids = [await stage.client.enqueue(payload={"n": n}, max_retries=1) for n in range(4)]
        it = await talk(stage)

        await it.dequeue(batch_size=4, lease_duration_secs=60)
        jobs = [await it.read() for _ in ids]
        await it.complete(jobs[0])
        await it.send(fail=pb.FailRequest(**holder(jobs[1]), error="e"))
        await it.send(fail=pb.FailRequest(**holder(jobs[2]), error="e", retry=False))
        await it.send(renew_lease=pb.RenewLeaseRequest(**holder(jobs[3]), extension_secs=100))

        assert [job.id for job in jobs] == ids
        assert [as_json(job.payload) for job in jobs] == [{"n": n} for n in range(4)]
        assert {job.lease_expires_at.ToMilliseconds() for job in jobs} == {NOW_MS + 60_000}
        assert await it.read() == pb.CompleteResponse(success=True)
        assert await it.read() == pb.FailResponse(
            success=True, will_retry=True, next_retry_delay_secs=1
        )
        assert await it.read() == pb.FailResponse(success=True)
        renewed = await it.read()
        assert (renewed.success, renewed.new_expires_at.ToMilliseconds()) == (
            True,
            NOW_MS + 100_000,
        )
        await it.call.done_writing()
        assert await it.read() is None
        assert (await it.call.code()).name == "OK"

    play(script)


def test_a_dequeue_that_finds_nothing_waits_is_answered_once_and_used_up() -> None:
    async def script(stage: Stage) -> None:
        it = await talk(stage)
        await it.dequeue(batch_size=2)
        await stage.until(lambda: stage.count() == 1)

        first = await stage.client.enqueue()
        second = await stage.client.enqueue()

        assert (await it.read()).id == first
        await it.nothing_comes()
        assert await stage.status(second) == "pending"
        assert stage.count() == 0

    play(script)


def test_a_parked_dequeue_does_not_hold_up_other_answers() -> None:
    async def script(stage: Stage) -> None:
        await stage.client.enqueue("other")
        [job] = await stage.client.dequeue("other")
        it = await talk(stage)
        await it.dequeue()
        await it.complete(job)

        assert await it.read() == pb.CompleteResponse(success=True)
        job_id = await stage.client.enqueue()

        assert (await it.read()).id == job_id

    play(script)


def test_a_second_one_for_the_same_queue_and_worker_replaces_the_first() -> None:
    async def script(stage: Stage) -> None:
        it = await talk(stage)
        await it.dequeue(batch_size=1)
        await it.dequeue(batch_size=2, lease_duration_secs=60)
        await it.dequeue(worker_id="w-2")
        await stage.until(lambda: stage.count() == 2)

        jobs = [a_job() for _ in range(3)]
        ids = await stage.db.write(enqueue_all, stage.org, jobs)

        answers = [await it.read() for _ in range(3)]
        assert {job.id for job in answers} == set(ids)
        by_worker = [job.assigned_worker_id for job in answers]
        assert (by_worker.count("w-1"), by_worker.count("w-2")) == (2, 1)
        assert stage.count() == 0

    play(script)


def enqueue_all(tx: Any, org: int, jobs: Any) -> list[str]:
    return [enqueue(tx, org, job, Admission(), ALL_QUEUES).row["id"] for job in jobs]


def test_so_many_dequeues_may_wait_on_one_stream() -> None:
    async def script(stage: Stage) -> None:
        it = await talk(stage)
        for number in range(PARKED_MAX + 1):
            await it.dequeue(worker_id=f"w-{number}")

        error = await it.read()

        assert (error.code, str(PARKED_MAX) in error.message) == ("RATE_LIMIT_EXCEEDED", True)
        await stage.until(lambda: stage.count() == PARKED_MAX)

    play(script)


def test_settlements_are_pipelined_into_the_writer_and_answered_in_order() -> None:
    async def script(stage: Stage) -> None:
        for _ in range(200):
            await stage.client.enqueue()
        jobs = [*await stage.client.dequeue(batch_size=100)]
        jobs += await stage.client.dequeue(batch_size=100)
        commits = stage.services.metrics.commit_seconds.count
        it = await talk(stage)

        async def send() -> None:
            for number, job in enumerate(jobs):
                # Every third one is an error, so that the order shows.
                await it.complete(job, **({"lease_id": "other"} if number % 3 == 0 else {}))
            await it.call.done_writing()

        sending = asyncio.create_task(send())
        answers = [await it.read() for _ in jobs]

        await sending
        expected = ["LEASE_EXPIRED" if number % 3 == 0 else True for number in range(len(jobs))]
        assert [getattr(each, "code", None) or each.success for each in answers] == expected
        assert await it.read() is None
        assert stage.services.metrics.commit_seconds.count - commits < len(jobs)

    play(script)


def test_many_operations_share_a_commit_when_the_writer_is_busy() -> None:
    async def script(stage: Stage) -> None:
        for _ in range(50):
            await stage.client.enqueue()
        jobs = await stage.client.dequeue(batch_size=100)
        it = await talk(stage)
        held = await Held(stage).begun()
        for job in jobs:
            await it.complete(job)
        await held.until_waiting(complete, len(jobs))

        held.let_go()

        assert [(await it.read()).success for _ in jobs] == [True] * len(jobs)
        assert stage.shared_commits(above=32) == 1

    # However slow the machine is, a batch is not cut short.
    play(script, write_batch_ms_max=60_000)


def test_a_client_that_takes_no_answers_has_its_jobs_settled_all_the_same() -> None:
    async def script(stage: Stage) -> None:
        jobs = await some_jobs(stage, 3 * process.IN_HAND_MAX)
        it = await talk(stage)
        gate = Gate(stage)

        for job in jobs:
            await it.complete(job)

        await stage.until_status(jobs[-1].id, "completed")
        gate.open()
        assert [(await it.read()).success for _ in jobs] == [True] * len(jobs)

    play(script)


def test_what_is_read_behind_unwritten_answers_is_handed_over_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "GATHER_SECONDS_MAX", PATIENCE_SECONDS * 3)

    async def script(stage: Stage) -> None:
        jobs = await some_jobs(stage, process.IN_HAND_MAX + 2 * answers.TOGETHER_MAX)
        it = await talk(stage)
        gate = Gate(stage)
        sizes: list[int] = []
        submit = stage.db.submit

        def noting(owner: int, operation: Any, *arguments: Any) -> Any:
            if operation is together:
                sizes.append(len(arguments[0]))
            return submit(owner, operation, *arguments)

        stage.db.submit = noting  # type: ignore[method-assign, assignment]
        for number, job in enumerate(jobs):
            # Every third one is an error, so that it shows whose answer is whose.
            await it.complete(job, **({"lease_id": "other"} if number % 3 == 0 else {}))
        await gathered(stage, 2 * answers.TOGETHER_MAX)
        gate.open()

        expected = ["LEASE_EXPIRED" if number % 3 == 0 else True for number in range(len(jobs))]
        said = [await it.read() for _ in jobs]
        assert [getattr(each, "code", None) or each.success for each in said] == expected
        assert sizes == [1] * process.IN_HAND_MAX + [answers.TOGETHER_MAX] * 2
        of_errors = {await stage.status(job.id) for job in jobs[::3]}
        assert of_errors == {"processing"}
        del stage.db.submit

    play(script)


@pytest.mark.parametrize("leave", ["cancel", "done_writing"])
def test_what_was_gathered_when_the_client_has_said_everything_or_leaves_is_done(
    leave: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GATHER_SECONDS_MAX", PATIENCE_SECONDS * 3)

    async def script(stage: Stage) -> None:
        jobs = await some_jobs(stage, process.IN_HAND_MAX + 2)
        other = await stage.client.enqueue("other")
        it = await talk(stage)
        gate = Gate(stage)
        for job in jobs:
            await it.complete(job)
        await it.dequeue("other")
        await gathered(stage, 3)

        if leave == "cancel":
            it.call.cancel()
        else:
            await it.call.done_writing()

        for job in jobs:
            await stage.until_status(job.id, "completed")
        gate.open()
        if leave == "cancel":
            await stage.until(lambda: len(stage.server.streams) == 0)
            await stage.until_status(other, "pending")
        else:
            assert [(await it.read()).success for _ in jobs] == [True] * len(jobs)
            assert (await it.read()).id == other
            assert await it.read() is None

    play(script)


async def some_jobs(stage: Stage, count: int) -> list[pb.Job]:
    """So many of them, claimed."""
    for _ in range(count):
        await stage.client.enqueue()
    return await stage.client.dequeue(batch_size=count)


async def gathered(stage: Stage, count: int) -> None:
    """Until the only stream has gathered so many requests."""
    stream: Any
    [stream] = stage.server.streams._open
    await stage.until(lambda: len(stream._gathered) == count)


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        (lambda job: {}, "VALIDATION_ERROR"),
        (lambda job: {"dequeue": pb.DequeueRequest(queue_name="")}, "VALIDATION_ERROR"),
        (lambda job: {"dequeue": pb.DequeueRequest(queue_name="q")}, "VALIDATION_ERROR"),
        (lambda job: {"complete": pb.CompleteRequest()}, "VALIDATION_ERROR"),
        (lambda job: {"complete": pb.CompleteRequest(job_id="unknown")}, "NOT_FOUND"),
        (
            lambda job: {
                "complete": pb.CompleteRequest(
                    **holder(job), result=struct({"a": "x" * 6 * 1_048_576})
                )
            },
            "PAYLOAD_TOO_LARGE",
        ),
        (
            lambda job: {"complete": pb.CompleteRequest(**holder(job, lease_id="other"))},
            "LEASE_EXPIRED",
        ),
        (
            lambda job: {"fail": pb.FailRequest(**holder(job, worker_id="other"))},
            "CONFLICT",
        ),
        (
            lambda job: {"renew_lease": pb.RenewLeaseRequest(job_id="unknown", lease_id="l")},
            "NOT_FOUND",
        ),
    ],
)
def test_an_error_is_an_answer_and_the_stream_goes_on(request_of: Any, code: str) -> None:
    async def script(stage: Stage) -> None:
        await stage.client.enqueue()
        [job] = await stage.client.dequeue()
        it = await talk(stage)

        await it.send(**request_of(job))
        await it.complete(job)

        error = await it.read()
        assert (error.code, bool(error.message)) == (code, True)
        assert await it.read() == pb.CompleteResponse(success=True)

    play(script)


@pytest.mark.parametrize(
    ("module", "operation", "request_"),
    [
        (settle, "complete", {"complete": pb.CompleteRequest(job_id="j")}),
        (
            waiting,
            "claim_if_still_allowed",
            {"dequeue": pb.DequeueRequest(queue_name="q", worker_id="w")},
        ),
        (process, "claim_of", {"dequeue": pb.DequeueRequest(queue_name="q", worker_id="w")}),
    ],
)
def test_a_bug_is_an_answer_that_says_nothing_and_the_stream_goes_on(
    module: Any,
    operation: str,
    request_: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def bug(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a secret")

    async def script(stage: Stage) -> None:
        it = await talk(stage)
        with monkeypatch.context() as patched:
            patched.setattr(module, operation, bug)
            await it.send(**request_)
            said = await it.read()
        assert (said.code, said.message) == ("INTERNAL_ERROR", "An internal error occurred")
        assert "a secret" in caplog.text

        await it.send()
        assert (await it.read()).code == "VALIDATION_ERROR"

    play(script)


def test_an_answer_that_cannot_be_made_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: Any) -> bytes:
        raise ZeroDivisionError("a secret")

    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()
        it = await talk(stage)
        monkeypatch.setattr(hand_out, "job_bytes", bug)
        await it.dequeue()

        refused = await refusal(it.read())

        assert (refused.code, refused.text) == ("INTERNAL", "An internal error occurred")
        await stage.until_status(job_id, "pending")

    play(script)


def test_a_lease_that_is_over_and_a_job_that_is_settled_have_codes_of_their_own() -> None:
    async def script(stage: Stage) -> None:
        for _ in range(2):
            await stage.client.enqueue()
        over, settled = await stage.client.dequeue(batch_size=2)
        await stage.client.complete(settled)
        stage.clock.advance(seconds=400)
        it = await talk(stage)

        await it.complete(over)
        await it.complete(settled)

        first, second = await it.read(), await it.read()
        assert (first.code, first.message) == ("LEASE_EXPIRED", "Lease expired")
        assert (second.code, second.message) == ("CONFLICT", "Job is already completed")

    play(script)


def test_a_renewal_without_a_lease_that_is_not_possible_is_no_error() -> None:
    async def script(stage: Stage) -> None:
        it = await talk(stage)

        await it.send(renew_lease=pb.RenewLeaseRequest(job_id="unknown"))

        assert await it.read() == pb.RenewLeaseResponse(success=False)

    play(script)


def test_a_queue_outside_the_scope_is_an_error_of_its_request() -> None:
    async def script(stage: Stage) -> None:
        key = await stage.issue(queues=("emails",))
        await stage.client.enqueue("other")
        [foreign] = await stage.client.dequeue("other")
        it = Talk(stage.client_with(key.secret).process_jobs())

        await it.dequeue("other")
        await it.complete(foreign)
        await it.dequeue("emails")
        job_id = await stage.client.enqueue()

        assert (await it.read()).code == "ACCESS_DENIED"
        assert (await it.read()).code == "NOT_FOUND"
        assert (await it.read()).id == job_id

    play(script)


def test_every_request_counts_and_settlements_go_on_when_there_are_too_many() -> None:
    async def script(stage: Stage) -> None:
        it = await talk(stage)  # the first of three
        for _ in range(2):  # they count
            await it.send(complete=pb.CompleteRequest(job_id="unknown"))
        await it.dequeue()
        await it.send(complete=pb.CompleteRequest(job_id="unknown"))

        codes = [(await it.read()).code for _ in range(4)]

        assert codes == ["NOT_FOUND", "NOT_FOUND", "RATE_LIMIT_EXCEEDED", "NOT_FOUND"]

    play(script, rate_limit_requests_per_second=1, rate_limit_burst_size=3)


def test_a_broken_message_ends_the_stream_when_what_came_before_is_answered() -> None:
    async def script(stage: Stage) -> None:
        await stage.client.enqueue()
        [job] = await stage.client.dequeue()
        method: Any = stage.client.channel.stream_stream("/spooled.v1.QueueService/ProcessJobs")
        call = method(metadata=stage.client.metadata)
        good = pb.ProcessRequest(complete=pb.CompleteRequest(**holder(job)))

        await call.write(good.SerializeToString())
        await call.write(b"\xff\xff")

        answer = pb.ProcessResponse.FromString(await call.read())
        assert answer.complete.success
        assert (await refusal(call.read())).code == "INVALID_ARGUMENT"

    play(script)


def test_a_key_that_is_revoked_ends_the_stream_at_its_next_request() -> None:
    async def script(stage: Stage) -> None:
        key = await stage.issue()
        it = Talk(stage.client_with(key.secret).process_jobs())
        await it.dequeue()
        await stage.until(lambda: stage.count() == 1)
        await stage.db.write(revoke, stage.org, key.row["id"])

        await it.send(complete=pb.CompleteRequest(job_id="unknown"))

        assert (await refusal(it.call.read())).code == "UNAUTHENTICATED"
        await stage.until(lambda: stage.count() == 0)

    play(script)


def test_whoever_goes_on_asking_with_a_revoked_key_is_told_so_and_of_nothing_internal() -> None:
    async def script(stage: Stage) -> None:
        told = 0
        for n in range(20):
            key = await stage.issue()
            it = await talk(stage, stage.client_with(key.secret))
            if n % 2:
                await it.dequeue()
                await stage.until(lambda: stage.count() == 1)
            await stage.db.write(revoke, stage.org, key.row["id"])

            try:
                if n % 2 == 0:  # else it is ended without having asked for anything
                    for _ in range(5):
                        await it.complete(pb.Job(id="unknown"))
            except aio.AioRpcError:
                # Ended before it had asked everything: then the library of the client forgets what
                # it was told, and says that something internal to itself has failed.
                continue

            refused = await refusal(it.call.read())
            assert (refused.code, refused.text) == ("UNAUTHENTICATED", "Invalid API key")
            told += 1
        assert told >= 10

    play(script)


def test_whoever_asks_without_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "QUIET_SECONDS", 600)

    async def script(stage: Stage) -> None:
        key = await stage.issue()
        it = await talk(stage, stage.client_with(key.secret))
        await stage.db.write(revoke, stage.org, key.row["id"])

        async def go_on() -> None:
            while True:
                await it.complete(pb.Job(id="unknown"))

        with pytest.raises((aio.AioRpcError, asyncio.InvalidStateError)):
            await go_on()

    play(script)


def test_a_key_that_is_revoked_gets_nothing_for_what_it_has_parked() -> None:
    async def script(stage: Stage) -> None:
        key = await stage.issue()
        it = Talk(stage.client_with(key.secret).process_jobs())
        await it.dequeue()
        await stage.until(lambda: stage.count() == 1)
        await stage.db.write(revoke, stage.org, key.row["id"])

        job_id = await stage.client.enqueue()

        assert (await refusal(it.call.read())).code == "UNAUTHENTICATED"
        assert await stage.status(job_id) == "pending"

    play(script)


# -- the end ---------------------------------------------------------------------------------------


def test_who_has_said_everything_gets_every_answer_and_leaves_its_lines() -> None:
    async def script(stage: Stage) -> None:
        await stage.client.enqueue()
        [job] = await stage.client.dequeue()
        it = await talk(stage)
        await it.dequeue()
        await stage.until(lambda: stage.count() == 1)

        await it.complete(job)
        await it.call.done_writing()

        assert await it.read() == pb.CompleteResponse(success=True)
        assert await it.read() is None
        assert (await it.call.code()).name == "OK"
        await stage.until(lambda: stage.count() == 0)
        assert await stage.status(await stage.client.enqueue()) == "pending"

    play(script)


def test_a_dequeue_under_way_when_everything_is_said_is_answered_or_dropped() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()
        it = await talk(stage)

        await it.dequeue()
        await it.dequeue()
        await it.call.done_writing()

        assert (await it.read()).id == job_id
        assert await it.read() is None
        assert await stage.status(job_id) == "processing"

    play(script)


def test_what_a_client_that_leaves_has_not_got_is_claimable_again_at_once() -> None:
    async def script(stage: Stage) -> None:
        payload = {"a": "x" * 500_000}
        ids = [await stage.client.enqueue(payload=payload) for _ in range(20)]
        it = await talk(stage)
        for _ in range(3):  # a claim hands out 4 MiB
            await it.dequeue(batch_size=20)
        first = await it.read()

        # The others are more than the client's window lets through while it reads nothing.
        it.call.cancel()
        await stage.until(lambda: len(stage.server.streams) == 0)

        assert first.id == ids[0]
        assert await stage.status(ids[0]) == "processing"
        await stage.until_status(ids[-1], "pending")
        row = await stage.row(ids[-1])
        assert (row["retry_count"], row["started_at_ms"]) == (0, None)
        assert await stage.history(ids[-1]) == ["created", "claimed", "released"]

    play(script)


def test_a_client_that_leaves_with_dequeues_parked_takes_nothing_with_it() -> None:
    async def script(stage: Stage) -> None:
        it = await talk(stage)
        for number in range(5):
            await it.dequeue(worker_id=f"w-{number}")
        await stage.until(lambda: stage.count() == 5)

        it.call.cancel()

        await stage.until(lambda: stage.count() == 0)
        assert await stage.status(await stage.client.enqueue()) == "pending"

    play(script)


def test_a_client_that_reads_nothing_is_read_no_further() -> None:
    async def script(stage: Stage) -> None:
        it = await talk(stage)
        taken = 0
        submit = stage.db.submit

        def counting(owner: int, operation: Any, *arguments: Any) -> Any:
            nonlocal taken
            taken += len(arguments[0]) if operation is together else 0
            return submit(owner, operation, *arguments)

        stage.db.submit = counting  # type: ignore[method-assign, assignment]
        request = pb.ProcessRequest(complete=pb.CompleteRequest(job_id="u" * 255))
        held = await Held(stage).begun()
        sent = 0

        async def send() -> None:
            nonlocal sent
            while True:
                await it.call.write(request)
                sent += 1

        sending = asyncio.create_task(send())
        await held.until_waiting(complete, process.AHEAD_MAX)
        await asyncio.sleep(SHORT_SECONDS)

        assert taken == process.AHEAD_MAX
        held.let_go()
        for _ in range(process.AHEAD_MAX + 10):
            assert (await it.read()).code == "NOT_FOUND"
        sending.cancel()
        del stage.db.submit

    play(script)


def test_jobs_for_a_client_that_reads_nothing_wait_in_their_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "BACKLOG_BYTES_MAX", 100_000)

    async def script(stage: Stage) -> None:
        payload = {"a": "x" * 300_000}
        it = await talk(stage)
        for number in range(8):
            await it.dequeue(worker_id=f"w-{number}")
        await stage.until(lambda: stage.count() == 8)

        gate = Gate(stage)
        ids = [await stage.client.enqueue(payload=payload) for _ in range(8)]
        await gate.was_reached.wait()
        await stage.until(lambda: stage.count() == 0)
        statuses = [await stage.status(job_id) for job_id in ids]

        assert statuses.count("processing") < 3
        gate.open()
        assert {(await it.read()).id for _ in ids} == set(ids)

    play(script)


def test_a_stop_lets_a_stream_have_its_answers_first() -> None:
    async def script(stage: Stage) -> None:
        await stage.client.enqueue()
        [job] = await stage.client.dequeue()
        it = await talk(stage)
        await it.dequeue()
        await stage.until(lambda: stage.count() == 1)
        held = await Held(stage).begun()
        await it.complete(job)
        await held.until_waiting(complete)

        stopping = asyncio.create_task(stage.server.stop())
        await asyncio.sleep(0)
        held.let_go()

        assert await it.read() == pb.CompleteResponse(success=True)
        assert (await refusal(it.call.read())).code == "UNAVAILABLE"
        await stopping
        assert await stage.status(job.id) == "completed"
        await stage.until(lambda: stage.count() == 0)  # a write of its own

    play(script)


def test_a_stop_does_not_wait_longer_than_its_grace_for_a_client_that_reads_nothing() -> None:
    async def script(stage: Stage) -> None:
        payload = {"a": "x" * 500_000}
        ids = [await stage.client.enqueue(payload=payload) for _ in range(20)]
        it = await talk(stage)
        await it.dequeue(batch_size=20)
        await it.read()
        stage.server._grace_seconds = 0.1

        await stage.server.stop()

        await stage.until_status(ids[-1], "pending")
        assert len(stage.server.streams) == 0

    play(script)


def test_an_organization_may_have_as_many_as_its_setting_says() -> None:
    async def script(stage: Stage) -> None:
        await talk(stage)

        second = stage.client.process_jobs()

        assert (await refusal(second.read())).code == "RESOURCE_EXHAUSTED"

    play(script, streams_per_org_max=1)
