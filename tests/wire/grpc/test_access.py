"""Who may call what over gRPC, and how often. Contract: grpc, sections 2 and 8."""

import asyncio
import logging
from typing import Any

import pytest
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.core.auth.records import Claims, Subject
from spooled_lite.core.auth.revoke import revoke_tokens
from spooled_lite.core.keys.revoke import revoke
from spooled_lite.core.maintenance.remove_org import delete_organization
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.storage.statement import Statement
from spooled_lite.wire.grpc import methods
from spooled_lite.wire.refused import LINES_PER_ADDRESS_MAX
from spooled_lite.wire.time_limit import TimeLimit
from tests.wire.grpc.stage import Client, Held, Stage, holder, play, refusal

QUEUE = "emails"
# Every method with a request that is in order. They touch the queue they name.
CALLS: dict[str, Any] = {
    "Enqueue": pb.EnqueueRequest(queue_name=QUEUE),
    "Dequeue": pb.DequeueRequest(queue_name=QUEUE, worker_id="w"),
    "GetQueueStats": pb.GetQueueStatsRequest(queue_name=QUEUE),
    "Register": pb.RegisterWorkerRequest(queue_name=QUEUE, hostname="h"),
    "Complete": pb.CompleteRequest(job_id="j"),
    "Fail": pb.FailRequest(job_id="j"),
    "RenewLease": pb.RenewLeaseRequest(job_id="j"),
    "GetJob": pb.GetJobRequest(job_id="j"),
    "Heartbeat": pb.HeartbeatRequest(worker_id="w"),
    "Deregister": pb.DeregisterRequest(worker_id="w"),
    "StreamJobs": pb.StreamJobsRequest(queue_name=QUEUE, worker_id="w"),
    "ProcessJobs": None,
}
NAME_A_QUEUE = ("Enqueue", "Dequeue", "GetQueueStats", "Register", "StreamJobs")
STREAMS = ("StreamJobs", "ProcessJobs")


def call(client: Client, method: str) -> Any:
    """A call, or the first message of a stream."""
    started = client.start(method, CALLS[method])
    return started.read() if method in STREAMS else started


# -- credentials -----------------------------------------------------------------------------------


def test_the_list_of_calls_is_complete() -> None:
    services = pb.DESCRIPTOR.services_by_name.values()

    assert set(CALLS) == {method.name for service in services for method in service.methods}


@pytest.mark.parametrize("method", list(CALLS))
@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": "sk_test_nobody"},
        {"x-api-key": "x" * 5_000},
        {"authorization": "Basic abc"},
        {"authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"},
    ],
)
def test_without_a_good_credential_nothing_is_said(method: str, metadata: dict[str, str]) -> None:
    async def script(stage: Stage) -> None:
        refused = await refusal(call(stage.client_with(**metadata), method))

        assert (refused.code, refused.text) == ("UNAUTHENTICATED", "Invalid API key")

    play(script)


def test_a_refused_credential_is_logged_with_peer_and_method_a_few_times(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def script(stage: Stage) -> None:
        client = stage.client_with("sk_test_nobody")
        for method in [*STREAMS, *["GetJob"] * 40]:
            assert (await refusal(call(client, method))).code == "UNAUTHENTICATED"

    with caplog.at_level(logging.INFO):
        play(script)

    lines = [line for line in caplog.messages if line.startswith("refused")]
    assert lines == [
        f"refused a credential from 127.0.0.1 at gRPC {method}: UNAUTHORIZED"
        for method in [*STREAMS, *["GetJob"] * (LINES_PER_ADDRESS_MAX - len(STREAMS))]
    ]
    assert "sk_test_nobody" not in caplog.text


def test_a_refused_credential_is_that_of_whom_a_trusted_proxy_names(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def script(stage: Stage) -> None:
        client = stage.client_with(
            **{"x-api-key": "sk_x", "x-forwarded-for": "192.0.2.7, 10.0.0.1"}
        )
        await refusal(call(client, "GetJob"))

    with caplog.at_level(logging.INFO):
        play(script, trust_proxy=True)

    assert "refused a credential from 192.0.2.7 at gRPC GetJob: UNAUTHORIZED" in caplog.messages


def test_a_credential_is_taken_in_every_form() -> None:
    async def script(stage: Stage) -> None:
        signed_in, _ = await sign_in(stage)
        for metadata in (
            {"x-api-key": stage.key},
            {"x-api-key": signed_in},
            {"x-api-key": f"Bearer {stage.key}"},
            {"x-api-key": f"bearer {signed_in}"},
            {"authorization": f"Bearer {stage.key}"},
            {"authorization": f"bearer {signed_in}"},
            {"x-api-key": stage.key, "authorization": "Bearer of-a-proxy-before-us"},
        ):
            assert await stage.client_with(None, **metadata).enqueue()

    play(script)


async def sign_in(stage: Stage) -> tuple[str, Claims]:
    """An access token of the stage's key, and what it says."""
    caller = await stage.services.callers.find(stage.key)
    signer, now_ms = stage.services.signer, stage.clock.now_ms()
    subject = Subject(
        org_id=caller.org_id, key_id=caller.key_id, secret_id=caller.secret_id, queues=[]
    )
    tokens = signer.tokens(subject, now_ms=now_ms, access_id="t-1", refresh_id="t-2")
    claims = signer.read(tokens.access_token, now_ms=now_ms)
    assert claims is not None, "it was signed just now"
    return tokens.access_token, claims


def test_authentication_comes_before_validation() -> None:
    async def script(stage: Stage) -> None:
        stranger = stage.client_with("sk_test_nobody")

        refused = await refusal(stranger.call("Enqueue", pb.EnqueueRequest()))

        assert refused.code == "UNAUTHENTICATED"
        assert (await refusal(stranger.raw("Enqueue", b"\xff"))).code == "UNAUTHENTICATED"

    play(script)


def test_an_unknown_method_is_unimplemented() -> None:
    async def script(stage: Stage) -> None:
        refused = await refusal(stage.client.raw("Purge", b""))

        assert refused.code == "UNIMPLEMENTED"

    play(script)


@pytest.mark.parametrize(
    ("act", "code"),
    [("revoke the key", "UNAUTHENTICATED"), ("delete the organization", "UNAUTHENTICATED"),
     ("suspend the organization", "PERMISSION_DENIED")],
)  # fmt: skip
def test_what_is_closed_is_closed_at_once_and_for_open_streams(act: str, code: str) -> None:
    async def script(stage: Stage) -> None:
        delivery, conversation = stage.client.stream_jobs(), stage.client.process_jobs()
        await delivery.initial_metadata()
        await conversation.initial_metadata()

        await do(act, stage)

        for stream in (delivery, conversation):
            assert (await refusal(stream.read())).code == code
        assert (await refusal(stage.client.call("Enqueue", CALLS["Enqueue"]))).code == code
        await stage.until(lambda: stage.count() == 0)

    play(script)


async def do(act: str, stage: Stage) -> None:
    caller = await stage.services.callers.find(stage.key)
    if act == "revoke the key":
        await stage.db.write(revoke, stage.org, caller.key_id)
    elif act == "delete the organization":
        await stage.db.write(delete_organization, stage.org, even_if_busy=True)
    else:
        await stage.db.write(suspend, stage.org)


def suspend(tx: Any, org: int) -> None:
    row = tx.row(
        Statement(OrgRow, "UPDATE organizations SET is_active = 0 WHERE seq = :org RETURNING *"),
        {"org": org},
    )
    tx.emit("org.changed", org, row=row)


def test_a_token_that_was_logged_out_ends_its_streams() -> None:
    async def script(stage: Stage) -> None:
        token, claims = await sign_in(stage)
        client = stage.client_with(token)
        stream = client.stream_jobs()
        await stream.initial_metadata()

        await stage.db.write(revoke_tokens, stage.org, [claims])

        assert (await refusal(stream.read())).code == "UNAUTHENTICATED"
        assert (await refusal(client.call("Enqueue", CALLS["Enqueue"]))).code == "UNAUTHENTICATED"

    play(script)


def test_a_key_that_was_revoked_is_handed_no_job_even_before_the_next_look() -> None:
    async def script(stage: Stage) -> None:
        other = await stage.issue()
        stream = stage.client_with(other.secret).stream_jobs()
        await stage.until(lambda: stage.count() == 1)
        await stage.db.write(revoke, stage.org, other.row["id"])

        job_id = await stage.client.enqueue()

        assert (await refusal(stream.read())).code == "UNAUTHENTICATED"
        assert await stage.status(job_id) == "pending"

    play(script)


# -- scope, permissions ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", NAME_A_QUEUE)
def test_a_queue_outside_the_scope_of_the_key_is_refused(method: str) -> None:
    async def script(stage: Stage) -> None:
        key = await stage.issue(queues=("other-*",))

        refused = await refusal(call(stage.client_with(key.secret), method))

        assert refused.code == "PERMISSION_DENIED"

    play(script)


def test_a_job_outside_the_scope_answers_like_an_unknown_one() -> None:
    async def script(stage: Stage) -> None:
        client = stage.client_with((await stage.issue(queues=("other",))).secret)
        await stage.client.enqueue()
        [job] = await stage.client.dequeue()

        for method in ("Complete", "Fail", "RenewLease"):
            request = type(CALLS[method])(**holder(job))
            assert (await refusal(client.call(method, request))).code == "NOT_FOUND"
        answer = await client.call("GetJob", pb.GetJobRequest(job_id=job.id))

        assert not answer.HasField("job")
        assert await stage.status(job.id) == "processing"

    play(script)


@pytest.mark.parametrize(
    ("word", "open_to"),
    [
        ("jobs:read", {"GetJob", "GetQueueStats"}),
        ("queues:read", {"GetQueueStats"}),
        ("workers:write", {"Register", "Heartbeat", "Deregister"}),
        ("jobs:write", set(CALLS)),
        ("*", set(CALLS)),
        ("users:read", set()),
    ],
)
def test_a_permission_opens_what_it_opens_over_rest(word: str, open_to: set[str]) -> None:
    async def script(stage: Stage) -> None:
        client = stage.client_with((await stage.issue(permissions=(word,))).secret)
        refused = {method for method in CALLS if await is_forbidden(stage, client, method)}

        assert set(CALLS) - refused == open_to

    play(script)


async def is_forbidden(stage: Stage, client: Client, method: str) -> bool:
    started = client.start(method, CALLS[method])
    if method == "StreamJobs":
        await stage.client.enqueue()
        said: Any = await asyncio.gather(started.read(), return_exceptions=True)
        if isinstance(said[0], pb.Job):
            started.cancel()  # it never ends by itself
    elif method == "ProcessJobs":
        await started.done_writing()
    return str((await started.code()).name) == "PERMISSION_DENIED"


def test_permissions_count_for_nothing_when_they_are_not_enforced() -> None:
    async def script(stage: Stage) -> None:
        client = stage.client_with((await stage.issue(permissions=("users:read",))).secret)

        assert await client.enqueue()

    play(script, enforce_key_permissions=False)


# -- limits ----------------------------------------------------------------------------------------


def test_calls_over_grpc_and_streams_share_the_buckets_of_the_organization() -> None:
    async def script(stage: Stage) -> None:
        await stage.client.enqueue()
        stream = stage.client.stream_jobs()
        await stream.read()
        caller = await stage.services.callers.find(stage.key)
        assert stage.services.rates.charge(caller, stage.clock.now_ms()) is not None

        refused = await refusal(stage.client.call("Enqueue", CALLS["Enqueue"]))

        assert (refused.code, refused.retry_after) == ("RESOURCE_EXHAUSTED", "1")
        assert "limit reached" not in refused.text
        stage.clock.advance(seconds=1)
        assert await stage.client.enqueue()

    play(script, rate_limit_requests_per_second=1, rate_limit_burst_size=3)


def test_a_key_has_its_own_limit_per_minute() -> None:
    async def script(stage: Stage) -> None:
        client = stage.client_with((await stage.issue(rate_limit=2)).secret)
        for _ in range(2):
            await client.enqueue()

        refused = await refusal(client.call("Enqueue", CALLS["Enqueue"]))

        assert (refused.code, refused.retry_after) == ("RESOURCE_EXHAUSTED", "60")
        assert await stage.client.enqueue()

    play(script)


def test_a_key_past_its_limit_still_renews_and_settles() -> None:
    async def script(stage: Stage) -> None:
        for _ in range(3):
            await stage.client.enqueue()
        [first, second, third] = await stage.client.dequeue(batch_size=3)
        client = stage.client_with((await stage.issue(rate_limit=1)).secret)
        await client.enqueue()

        await client.call("RenewLease", pb.RenewLeaseRequest(**holder(first), extension_secs=60))
        await client.call("Complete", pb.CompleteRequest(**holder(second)))
        await client.call("Fail", pb.FailRequest(**holder(third), error="boom"))

        refused = await refusal(client.call("Enqueue", CALLS["Enqueue"]))
        assert refused.code == "RESOURCE_EXHAUSTED"

    play(script)


def test_a_plan_cap_is_told_in_numbers_and_without_a_time_to_come_back() -> None:
    async def script(stage: Stage) -> None:
        client = await stage.other_org(tier="free")
        for number in range(2):
            await client.enqueue(f"q-{number}")
        await client.call("Register", CALLS_OF_A_WORKER)

        jobs = await refusal(client.call("Enqueue", pb.EnqueueRequest(queue_name="q-2")))
        workers = await refusal(client.call("Register", CALLS_OF_A_WORKER))

        assert "queues limit reached (2/2)" in jobs.text
        assert "workers limit reached (1/1)" in workers.text
        for refused in (jobs, workers):
            assert (refused.code, refused.retry_after) == ("RESOURCE_EXHAUSTED", None)

    play(script, plan_enforcement="on")


CALLS_OF_A_WORKER = pb.RegisterWorkerRequest(queue_name="q-0", hostname="h")


def test_the_payload_limit_of_an_organization_is_kept() -> None:
    async def script(stage: Stage) -> None:
        client = await stage.other_org()
        await stage.db.write(limit_payload)
        request = pb.EnqueueRequest(queue_name=QUEUE)
        request.payload.update({"a": "x" * 100})

        refused = await refusal(client.call("Enqueue", request))

        assert (refused.code, "100 bytes" in refused.text) == ("INVALID_ARGUMENT", True)

    play(script)


def limit_payload(tx: Any) -> None:
    limits = {"limits": b'{"max_payload_size_bytes": 100}'}
    tx.execute("UPDATE organizations SET custom_limits = :limits", limits)


def test_storage_trouble_is_unavailable() -> None:
    async def script(stage: Stage) -> None:
        stage.db.writer.backlog.close()

        refused = await refusal(stage.client.call("Enqueue", CALLS["Enqueue"]))

        assert (refused.code, refused.retry_after) == ("UNAVAILABLE", None)

    play(script)


def test_a_call_that_takes_too_long_is_stopped_and_its_write_is_done_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(methods, "TimeLimit", lambda: TimeLimit(0.05, sweep_seconds=0.01))

    async def script(stage: Stage) -> None:
        held = await Held(stage).begun()

        refused = await refusal(stage.client.enqueue())

        assert refused.code == "DEADLINE_EXCEEDED"
        assert refused.text == "The request took longer than 0.05 seconds"
        stream = stage.client.stream_jobs()
        held.let_go()
        assert (await stream.read()).queue_name == QUEUE  # a stream is not limited

    play(script)


def test_a_bug_is_internal_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def script(stage: Stage) -> None:
        def broken(*_: Any, **__: Any) -> Any:
            raise RuntimeError("secret detail")

        stage.db.submit = broken  # type: ignore[method-assign]

        refused = await refusal(stage.client.call("Enqueue", CALLS["Enqueue"]))

        assert (refused.code, refused.text) == ("INTERNAL", "An internal error occurred")
        del stage.db.submit

    play(script)
    assert "secret detail" in caplog.text
