"""What is exported comes back as it was: states of every kind, and random lives of jobs."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from spooled_lite.core.acts.record import NewAct, Recorded
from spooled_lite.core.export.fields import NotAsPromised
from spooled_lite.core.export.read import WantedLines
from spooled_lite.core.ingest import statements as ingest_statements
from spooled_lite.core.jobs.bodies import IN_ROW_BYTES_MAX, tracebacks
from spooled_lite.core.jobs.policy import OnFail, OwnPolicy
from spooled_lite.core.jobs.policy import stored as stored_policy
from spooled_lite.core.jobs.records import ErrorDetail
from spooled_lite.core.keys.bootstrap import ensure_key
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.records import ALL_QUEUES, hash_of
from spooled_lite.core.keys.verify import find_by_hash
from spooled_lite.core.lifecycle.handlers import StepName
from spooled_lite.core.lifecycle.settle import complete, fail
from spooled_lite.core.maintenance.remove import delete_queue, remove_rows_of_deleted
from spooled_lite.core.maintenance.restored import free_leases
from spooled_lite.core.orgs.create import create
from spooled_lite.core.steps.dependents import work_off_cascades
from spooled_lite.core.workers.records import NewWorker
from spooled_lite.core.workers.register import register
from spooled_lite.errors import SpooledError
from tests.core.export.stage import EmptyStage, exported, read, taken, whole
from tests.core.job_stage import holder
from tests.core.schedules.schedule_stage import ScheduleStage, a_schedule_stage
from tests.core.stage import OPEN
from tests.core.store import NOW_MS, Store
from tests.core.test_model import Lives
from tests.core.webhooks.hook_stage import HookStage
from tests.core.workflows.graphs import DIAMOND, a_step, stored
from tests.factories import a_key, an_org

LARGE = b'{"text":"%s"}' % (b"x" * IN_ROW_BYTES_MAX)


@pytest.fixture
def stage() -> Iterator[HookStage]:
    it = HookStage()
    yield it
    it.close()


@pytest.fixture
def timed() -> Iterator[ScheduleStage]:
    yield from a_schedule_stage()


def round_trip(store: Store) -> EmptyStage:
    """Export, import, export: the same; and what was imported adds up."""
    lines = whole(store)
    there = taken(lines[1:-1])
    assert whole(there)[1:] == lines[1:]
    assert there.problems() == []
    return there


class LivesThatMove(Lives):
    """Random lives, whose end is an export and an import."""

    def teardown(self) -> None:
        round_trip(self.stage).close()
        super().teardown()


def test_random_lives_of_jobs_come_back_as_they_were() -> None:
    run_state_machine_as_test(
        LivesThatMove,
        settings=settings(
            max_examples=3,
            stateful_step_count=15,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.long
def test_many_random_lives_of_jobs_come_back_as_they_were() -> None:
    run_state_machine_as_test(
        LivesThatMove,
        settings=settings(
            max_examples=500,
            stateful_step_count=50,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_jobs_of_every_status_come_back(stage: HookStage) -> None:
    stage.enqueue()
    stage.enqueue(delay_ms=60_000)
    stage.claim(stage.enqueue("held")["queue_name"])
    stage.completed("done")
    stage.dead_letter("dead")
    stage.cancel(stage.enqueue("gone"))
    retried = stage.take("again") if stage.enqueue("again") else None
    assert retried is not None
    stage.fail(retried)

    there = round_trip(stage)

    statuses = {job["status"] for job in read(exported(there), "job")}
    assert statuses == {
        "pending",
        "scheduled",
        "processing",
        "completed",
        "deadletter",
        "cancelled",
    }


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b"null",
        b'{"a": 1,  "a":2, "n": 1e400, "z": 0.10}',
        b'{\n  "pretty": true\n}\n',
        b"[1,\r\n2]",
        b' {"led": "by white space"}',
        '{"text":"é\\u00e9 \U0001f600 \\ud83d\\ude00"}'.encode(),
        LARGE,
        LARGE + b"\n",
        b'"%s"' % (b"\\n" * 2_621_439),  # 5 MiB, of which each character needs an escape
        b"[" * 100 + b"]" * 100,
    ],
)
def test_bytes_of_payload_result_and_tags_come_back(stage: HookStage, payload: bytes) -> None:
    stage.enqueue(payload=payload, tags=payload)
    job = stage.take()
    stage.run(complete, stage.org, job["id"], holder(job), payload, ALL_QUEUES)

    there = round_trip(stage)

    [row] = there.rows("SELECT * FROM jobs")
    found = there.job(job["id"])
    assert row["tags"] == payload
    assert [body["body"] for body in there.rows("SELECT body FROM job_bodies")] == (
        [payload, payload] if len(payload) > IN_ROW_BYTES_MAX else []
    )
    if len(payload) <= IN_ROW_BYTES_MAX:
        assert (found["payload"], found["result"]) == (payload, payload)


def test_workflows_and_who_waits_for_whom_come_back(stage: HookStage) -> None:
    graph = stored(stage, *DIAMOND)
    stored(stage, a_step("later", "first"), a_step("first"), a_step("or", "first", mode="any"))
    stage.complete(stage.take("a"))
    child = stage.enqueue("child", parent_job_id=graph.ids["b"])

    there = round_trip(stage)

    edges = read(exported(there), "dependency")
    assert len(edges) == 7
    assert [edge["depends_on"] for edge in edges if edge["job_id"] == child["id"]] == [
        graph.ids["b"]
    ]
    there.complete(there.take("b"))
    there.complete(there.take("c"))
    assert there.job(graph.ids["d"])["claimable"] == 1


def test_schedules_and_their_runs_come_back(timed: ScheduleStage) -> None:
    daily = timed.schedule(tags=b'{"a":1}', metadata=b"{}", description="each day")
    timed.pause(timed.schedule(name="off", timezone="Europe/Berlin"))
    timed.trigger(daily)
    timed.pass_time(seconds=7_300)

    there = round_trip(timed)

    assert len(read(exported(there), "schedule")) == 2
    assert len(read(exported(there), "schedule_run")) >= 2


def test_webhooks_and_deliveries_come_back(stage: HookStage) -> None:
    stage.subscribe("job.created", secret="s", format="slack")
    off = stage.subscribe("job.created", "job.completed")
    stage.enqueue(completion_webhook="https://done.example.com/x", completion_webhook_secret="c")
    stage.complete(stage.take())
    stage.change(off, enabled=False)  # what is owed to it is being dropped

    there = round_trip(stage)

    deliveries = read(exported(there), "delivery")
    assert [each.get("to_drop", False) for each in deliveries].count(True) == 2
    assert [row["endpoint"] for row in there.owed()] == [row["endpoint"] for row in stage.owed()]


def test_events_that_are_owed_to_very_many_come_back(stage: HookStage) -> None:
    hooks = [stage.subscribe("job.created") for _ in range(501)]
    stage.enqueue()
    assert stage.value("SELECT count(*) FROM owed_events") == 1

    there = round_trip(stage)

    [owed] = read(exported(there), "owed_event")
    assert owed["webhook_ids"] == [hook["id"] for hook in hooks]


def test_organizations_keys_workers_and_logs_come_back(stage: HookStage) -> None:
    second = stage.run(create, an_org(slug="second", name="Zweite"))["seq"]
    stage.run(issue, second, a_key(queues=("emails",), permissions=("jobs:read",)), is_live=True)
    stage.run(ensure_key, stage.org, "sk_live_of_the_settings")
    stage._connection.execute("UPDATE bootstrap_keys SET is_taken_back = 1")
    stage._connection.execute("INSERT INTO revoked_tokens VALUES ('t', 1800000000000)")
    worker = NewWorker(
        queue_names=("emails",),
        hostname="h",
        task_handlers=("send_email",),
        step_handlers=(StepName("orders", "approve"),),
    )
    stage.run(register, stage.org, worker, OPEN)
    key = stage.run(issue, stage.org, a_key(), is_live=True).row
    act = NewAct(org=stage.org, key=key["seq"], kind="queue", act="paused", subject="emails")
    stage.run(Recorded(act, lambda tx: 1, count=int, seq=0))
    one = {"id": "in", "org": stage.org, "provider": "github", "event_type": "push"}
    more = {"matched_queue": None, "job_id": None, "status": None, "now_ms": NOW_MS}
    stage.run(lambda tx: tx.execute(ingest_statements.ADD, {**one, **more}))

    there = round_trip(stage)

    counted = {kind: len(read(exported(there), kind)) for kind in ("act", "inbound_webhook")}
    assert counted == {"act": 1, "inbound_webhook": 1}
    assert read(exported(there), "bootstrap_key")[0]["is_taken_back"] is True


def test_a_queue_that_is_being_deleted_comes_back_with_its_jobs(stage: HookStage) -> None:
    stage.enqueue("emails")
    stage.run(delete_queue, stage.org, "emails", delete_jobs=True)
    stage.enqueue("emails")

    there = round_trip(stage)

    while there.run(remove_rows_of_deleted).done:
        pass
    assert [row["queue_name"] for row in there.rows("SELECT queue_name FROM jobs")] == ["emails"]
    assert there.problems() == []


def test_dependents_that_were_not_told_yet_are_told_after_it(stage: HookStage) -> None:
    parent = stage.enqueue("first")
    children = [stage.enqueue("then", parent_job_id=parent["id"]) for _ in range(1_001)]
    stage.complete(stage.take("first"))
    assert stage.value("SELECT count(*) FROM job_cascades") == 1

    there = round_trip(stage)

    while there.run(work_off_cascades).done:
        pass
    assert there.job(children[-1]["id"])["claimable"] == 1


def test_a_held_lease_becomes_waiting_and_its_holder_is_told_that_it_is_over(
    stage: HookStage,
) -> None:
    stage.enqueue()
    held = stage.take()

    there = round_trip(stage)
    there.run(free_leases)

    row = there.job(held["id"])
    assert (row["status"], row["claimable"], row["retry_count"]) == ("pending", 1, 0)
    assert there.story(row) == ["created", "claimed", "released"]
    with pytest.raises(SpooledError):
        there.complete(held)
    assert there.problems() == []


def test_an_organization_that_is_being_removed_is_in_no_line(stage: HookStage) -> None:
    before = exported(stage)
    gone = stage.run(create, an_org(slug="gone"))["seq"]
    stage.run(issue, gone, a_key(), is_live=True)
    stage._connection.execute("UPDATE organizations SET deleted_at_ms = 1 WHERE seq = ?", (gone,))

    assert exported(stage) == before


def test_one_organization_is_exported_without_a_trace_of_the_others(stage: HookStage) -> None:
    ours = exported(stage)
    org_id = read(ours, "organization")[0]["id"]
    stage.enqueue()
    ours = exported(stage)
    mine, stage.org = stage.org, stage.run(create, an_org(slug="other"))["seq"]
    stage.subscribe("job.created")
    stage.dead_letter(tags=b"{}")
    stored(stage, *DIAMOND)
    stage.org = mine

    assert exported(stage, WantedLines(organization=org_id)) == ours


def test_without_secrets_there_is_none_and_what_comes_back_has_new_ones(stage: HookStage) -> None:
    key = stage.run(issue, stage.org, a_key(), is_live=True)
    stage.run(ensure_key, stage.org, "sk_live_of_the_settings")
    stage.subscribe("job.created", secret="signs-calls")
    stage.enqueue(completion_webhook="https://x.example.com", completion_webhook_secret="signs-it")
    [token] = [row["webhook_token"] for row in stage.rows("SELECT * FROM organizations")]

    lines = exported(stage, WantedLines(with_secrets=False))

    text = b"".join(lines).decode()
    for secret in ("signs-calls", "signs-it", token, hash_of(key.secret).hex(), "sha256:"):
        assert secret not in text
    there = taken(lines)
    assert there.problems() == []
    assert there.read(find_by_hash, hash_of(key.secret)) is None
    assert there.value("SELECT webhook_token FROM organizations").startswith("whk_")
    assert read(exported(there, WantedLines(with_secrets=False))) == read(lines)


def test_a_body_that_is_damaged_ends_the_export_by_name(stage: HookStage) -> None:
    job = stage.enqueue(payload=LARGE)
    stage._connection.execute("UPDATE job_bodies SET body = x'7b7d'")

    with pytest.raises(NotAsPromised, match=job["id"]):
        exported(stage)


def test_only_the_kinds_that_were_asked_for_are_there(stage: HookStage) -> None:
    stage.enqueue()

    lines = exported(stage, WantedLines(kinds=("job",)))

    assert {line["kind"] for line in read(lines)} == {"job"}


def test_type_and_traceback_of_an_error_come_back(stage: HookStage) -> None:
    stage.enqueue()
    [job] = stage.claim()
    detail = ErrorDetail.of("app.Timeout", "line 1\nline 2 \N{SNOWMAN}\n")
    failed = (job["id"], holder(job), "boom", ALL_QUEUES, False, None, detail)
    stage.run(fail, stage.org, *failed)

    there = round_trip(stage)

    [row] = there.rows("SELECT * FROM jobs")
    assert there.read(tracebacks, [row], 100) == {job["id"]: detail.traceback}


def test_what_follows_a_failure_comes_back(stage: HookStage) -> None:
    policy = stored_policy(OwnPolicy(on_fail=OnFail(max_retries=7)))
    stage.enqueue(payload=LARGE, policy=policy, max_retries=0)
    [job] = stage.claim()
    stage.fail(job)

    there = round_trip(stage)

    [row] = there.rows("SELECT * FROM jobs WHERE kind = 'on_fail'")
    assert (row["on_fail_of"], row["max_retries"]) == (job["id"], 7)
