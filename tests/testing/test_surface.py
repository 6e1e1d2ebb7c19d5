"""What tests in Python hold of a world: its faults, journal, inboxes, expectations and drain."""

import asyncio
import dataclasses
import http.client
import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import msgspec
import pytest

from spooled_lite.testing import (
    AsyncServer,
    Fault,
    NotMet,
    RefusedCall,
    Server,
    World,
)
from spooled_lite.testing.drain_shapes import DrainedAttempt, DrainedView, WhichJobs
from spooled_lite.testing.drain_shapes import Outcome as OutcomeTaken
from spooled_lite.testing.expect_shapes import (
    CountRange,
    EventExpected,
    FaultExpected,
    JobsExpected,
    MailExpected,
    MessagesExpected,
    RequestExpected,
    WebhookExpected,
)
from spooled_lite.testing.faults import shapes
from spooled_lite.testing.inboxes import MailReceived, WebhookReceived
from spooled_lite.testing.journal import JournalKind, JournalLine
from spooled_lite.testing.public import drained, expectations, faults, inboxes, journal

START = datetime(2030, 1, 1, tzinfo=UTC)
JOB = {"queue_name": "emails", "payload": {"to": "ada"}}
ENQUEUE = "POST /api/v1/jobs"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(seed=1, settings={"stripe_webhook_secret": "whsec_of_tests"}) as it:
        yield it


@pytest.fixture
def world(server: Server, request: pytest.FixtureRequest) -> Iterator[World]:
    with server.fork(request.node.nodeid) as it:
        yield it


if TYPE_CHECKING:
    # mypy refuses each of these, and an `ignore` that is not needed.
    async def misspelt(server: Server, coroutines: AsyncServer) -> None:
        drop: faults.FaultDo = {"drop": "before"}
        server.faults.add(on={"rout": "*"}, do=drop)  # type: ignore[typeddict-unknown-key]
        server.faults.add(on={"route": "*"}, do={"drpo": "before"})  # type: ignore[typeddict-unknown-key]
        server.faults.add(on={"route": "*"}, do={"drop": "befoer"})  # type: ignore[typeddict-item]
        server.faults.add(on={"route": "*"}, do=drop, tmies=1)  # type: ignore[call-arg]
        await coroutines.faults.add(on={"route": "*"}, do=drop, tmies=1)  # type: ignore[call-arg]
        await coroutines.clock.advance("1h", workres="wait")  # type: ignore[call-arg]
        server.expect({"queue": "emails", "staus": "pending"})  # type: ignore[arg-type]
        server.drain("emails", {"thn": "complete"})  # type: ignore[typeddict-unknown-key]
        server.journal.entries("rqeuest")  # type: ignore[arg-type]
        AsyncServer(sede=1)  # type: ignore[call-arg]


# -- faults --------------------------------------------------------------------------------------


def test_a_fault_says_how_many_it_was_for_and_struck(world: World) -> None:
    fault = world.faults.add(
        on={"route": ENQUEUE},
        when={"matches": [2], "after": START, "until": START + timedelta(days=1)},
        do={"error": {"as": "storage_full"}},
        times=1,
        note="the disk is full",
    )

    world.call("POST", "/jobs", JOB)
    with pytest.raises(RefusedCall) as refused:
        world.call("POST", "/jobs", JOB)
    world.call("POST", "/jobs", JOB)

    assert refused.value.status == 503
    assert (fault.id, fault.note, fault.seen, fault.struck) == ("f1", "the disk is full", 2, 1)
    world.expect({"fault": fault.id, "struck": 1})
    with pytest.raises(NotMet, match="found 1"):
        world.expect({"fault": fault.id, "struck": {"at_least": 2}}, within="1h")
    with pytest.raises(RefusedCall, match="names no fault of this world"):
        world.expect({"fault": "f2", "struck": 0})
    assert [each.id for each in world.faults] == ["f1"]
    [entry] = world.journal.entries("fault")
    assert entry.id == fault.id


def test_a_fault_is_made_for_as_long_as_its_context_lasts(world: World) -> None:
    with (
        world.faults.add(on={"route": ENQUEUE}, do={"drop": "before"}) as fault,
        pytest.raises((http.client.HTTPException, ConnectionError)),
    ):
        world.call("POST", "/jobs", JOB)
    world.call("POST", "/jobs", JOB)

    assert fault.struck == 1, "what it came to is still known"
    assert world.faults.all() == []
    fault.remove()


def test_a_fault_that_a_reset_has_ended_does_not_remove_the_next_one_with_its_id(
    world: World,
) -> None:
    def refuse(queue: str) -> Fault:
        return world.faults.add(
            on={"route": ENQUEUE, "queue": queue}, do={"error": {"as": "overloaded"}}
        )

    before = refuse("emails")
    world.reset()
    after = refuse("charges")
    before.remove()

    assert before.id == after.id
    assert [each.id for each in world.faults] == [after.id]
    world.faults.clear()
    assert world.faults.all() == []


# -- what happened ---------------------------------------------------------------------------------


def test_the_journal_tells_what_happened_since_a_line(world: World, tmp_path: Path) -> None:
    made = world.call("POST", "/jobs", {**JOB, "delay_seconds": 60})
    seen = world.journal.entries()[-1].n
    world.clock.advance("1h")

    kinds = [entry.kind for entry in world.journal.entries(after=seen)]
    [promoted] = [entry for entry in world.journal.entries("event") if entry.n > seen]
    [request] = world.journal.entries(["request"])
    world.journal.save(tmp_path / "all.ndjson")
    lines = (tmp_path / "all.ndjson").read_text().splitlines()
    tail = world.journal.tail(2).splitlines()
    world.journal.clear()

    assert {"step", "event"} == set(kinds)
    assert (promoted.what, promoted.job_id) == ("job.promoted", made["id"])
    assert promoted.at == START + timedelta(minutes=1)
    assert (request.what, request.status_code) == (ENQUEUE, 201)
    assert [json.loads(line)["n"] for line in lines] == list(range(1, len(lines) + 1))
    assert len(tail) == 2
    assert tail[-1].startswith(f"{len(lines)} 2030-01-01T")
    assert list(world.journal) == []


def test_calls_of_webhooks_are_in_the_inbox_of_their_name(world: World) -> None:
    for name in ("shop", "desk"):
        webhook = {
            "name": name, "url": f"https://inbox.test/{name}", "secret": "whsec_x",
            "events": ["job.created", "job.started"],
        }  # fmt: skip
        world.call("POST", "/outgoing-webhooks", webhook)
    made = world.call("POST", "/jobs", JOB)
    world.call("POST", "/jobs/claim", {"queue_name": "emails", "worker_id": "w"})

    first, second = world.webhooks["shop"]
    assert [first.event, second.event] == ["job.created", "job.started"]
    assert (first.signature, first.attempt, first.at) == ("good", 1, START)
    assert first.body["data"]["job_id"] == made["id"]
    assert len(world.webhooks.received(event="job.started")) == 2
    assert world.webhooks.received("shop", event="job.started", after=first.n) == [second]
    assert world.webhooks["nobody"] == []
    world.webhooks.clear()
    assert list(world.webhooks) == []


def test_mails_are_read_by_their_recipient_with_the_code_in_them(world: World) -> None:
    world.call(
        "PUT", f"/organizations/{world.organization_id}", {"billing_email": "ada@example.com"}
    )
    world.call("POST", "/auth/email/start", {"email": "ada@example.com"})

    *_, mail = world.mails.to("ada@example.com")

    assert mail.code is not None
    assert mail.code in mail.text
    assert mail.at == START
    assert world.mails.to("bob@example.com") == []
    assert world.mails.received(after=mail.n) == []
    world.mails.clear()
    assert list(world.mails) == []


# -- expectations and drain ------------------------------------------------------------------------


def test_what_is_not_met_is_told_with_what_came_nearest(world: World) -> None:
    made = world.call("POST", "/jobs", JOB)
    world.expect({"queue": "emails", "status": "pending", "count": 1}, {"request": ENQUEUE})

    with pytest.raises(NotMet) as not_met:
        world.expect(
            {"queue": "emails"},
            {"queue": "emails", "payload": {"to": "bob"}, "count": {"at_least": 1}},
            within=timedelta(minutes=1),
        )

    assert str(not_met.value).splitlines() == [
        "1 of 2 expectations do not hold at 2030-01-01T00:01:00.000Z",
        '- {"queue": "emails", "payload": {"to": "bob"}, "count": {"at_least": 1}}: found 0',
        f'    job_id {made["id"]}: payload.to is "ada"',
    ]
    assert [each["passed"] for each in not_met.value.results] == [True, False]


def test_a_queue_is_worked_off_as_the_test_says(world: World) -> None:
    one = world.call("POST", "/jobs", JOB)["id"]
    two = world.call("POST", "/jobs", {**JOB, "payload": {"to": "bob"}})["id"]

    done = world.drain(
        "emails",
        {"where": {"payload": {"to": "bob"}}, "fail": 1, "error": "declined"},
        {"then": "complete", "result": {"sent": True}},
        takes="5s",
    )

    assert (done.attempts, done.completed, done.failed, done.left) == (3, 2, 1, 0)
    assert [job.id for job in done.jobs] == [one, two]
    failed, completed = done.jobs[1].attempts
    assert (failed.outcome, failed.error) == ("failed", "declined")
    assert failed.at == START + timedelta(seconds=5)
    assert completed.outcome == "completed"
    assert done.now == world.clock.now


def test_an_event_of_stripe_is_signed_at_the_time_of_the_world(world: World) -> None:
    world.clock.advance("400d")
    body = json.dumps({"id": "evt_1", "type": "charge.failed", "data": {"object": {}}})
    signature = world.sign_stripe(body, "whsec_of_tests")
    request = urllib.request.Request(
        f"{world.url}/api/v1/webhooks/{world.organization_id}/stripe",
        body.encode(),
        {"Stripe-Signature": signature, "Content-Type": "application/json"},
    )

    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200

    world.expect({"queue": "stripe-charge-failed", "count": 1})


# -- the same as coroutines, and the same as the routes --------------------------------------------


def test_coroutines_take_and_give_the_same() -> None:
    async def script() -> None:
        async with AsyncServer(seed=2) as server:
            rule = {"route": ENQUEUE}
            async with await server.faults.add(
                on={"route": ENQUEUE}, do={"error": {"status": 418}}
            ) as fault:
                with pytest.raises(RefusedCall):
                    await server.call("POST", "/jobs", JOB)
                assert (fault.id, fault.note) == ("f1", None)
                assert [each.id for each in await server.faults.all()] == ["f1"]
            assert (await fault.seen(), await fault.struck()) == (1, 1), rule
            await server.call("POST", "/jobs", JOB)
            await server.expect({"queue": "emails", "count": 1})
            with pytest.raises(NotMet):
                await server.expect({"queue": "emails", "count": 2})
            assert (await server.drain("emails")).completed == 1
            assert [e.kind for e in await server.journal.entries("fault")] == ["fault"]
            assert await server.webhooks.received() == []
            assert await server.mails.to("ada@example.com") == []
            assert (await server.sign_stripe("{}", "x")).startswith("t=1893456000,v1=")

    asyncio.run(script())


def test_an_option_that_a_server_has_not_is_refused_with_the_nearest() -> None:
    wrong: dict[str, Any] = {"sede": 1}
    for kind in (Server, AsyncServer):
        with pytest.raises(TypeError, match="no option `sede`; the nearest is `seed`"):
            kind(**wrong)


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        (faults.FaultRequest, shapes.NewFault),
        (faults.FaultOn, shapes.On),
        (faults.FaultWhen, shapes.When),
        (faults.FaultDo, shapes.Do),
        (faults.FaultError, shapes.ErrorAnswer),
        (faults.DeliveryFaultOn, shapes.OfDelivery),
        (faults.MailFaultOn, shapes.OfMail),
        (faults.FaultReceiver, shapes.AnsweringReceiver),
        (expectations.HowMany, CountRange),
        (expectations.JobsWanted, JobsExpected),
        (expectations.MessagesWanted, MessagesExpected),
        (expectations.WebhookWanted, WebhookExpected),
        (expectations.RequestWanted, RequestExpected),
        (expectations.EventWanted, EventExpected),
        (expectations.MailWanted, MailExpected),
        (expectations.FaultWanted, FaultExpected),
        (drained.Outcome, OutcomeTaken),
        (drained.WhichDrained, WhichJobs),
    ],
)
def test_all_that_the_routes_take_can_be_said_with_types(
    typed: type, taken: type[msgspec.Struct]
) -> None:
    said = set(get_type_hints(typed))

    assert set(taken.__struct_encode_fields__) <= said
    # Kinds of faults are named as the design has them; the server says which it makes.
    assert typed.__name__.startswith("Fault") or said == set(taken.__struct_encode_fields__)


@pytest.mark.parametrize(
    ("read", "answered"),
    [
        (journal.JournalEntry, JournalLine),
        (inboxes.ReceivedWebhook, WebhookReceived),
        (inboxes.ReceivedMail, MailReceived),
        (drained.AttemptOfDrain, DrainedAttempt),
        (drained.Drained, DrainedView),
    ],
)
def test_all_that_the_routes_answer_can_be_read(read: Any, answered: type[msgspec.Struct]) -> None:
    assert {each.name for each in dataclasses.fields(read)} == set(answered.__struct_fields__)


def test_names_of_refusals_and_kinds_are_those_of_the_routes() -> None:
    assert get_args(faults.NamedRefusal) == get_args(shapes.RefusalName)
    assert get_args(journal.EntryKind) == get_args(JournalKind)
