"""Seeds: everything a test begins with, stored by one call, or not at all."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import pytest

from spooled_lite.core.batch.run import BatchStep, all_or_nothing
from spooled_lite.errors import Conflict
from spooled_lite.storage.database import Database
from spooled_lite.testing.seeding import read, routes
from spooled_lite.testing.seeding.shapes import ROWS_MAX, SECTION_MAX
from spooled_lite.testing.seeding.sow import sow
from tests.testing.park import Park, Seat, played
from tests.testing.stage import ADMIN_KEY, START_MS, Stage, play

CHOSEN: Final = "sk_test_web_00000000000000"
JOB: Final = {"queue_name": "charges", "payload": {"order": 1}}
RULE: Final = {"on": {"route": "POST /api/v1/jobs/{id}/complete"}, "do": {"drop": "before"}}
NIGHTLY: Final = {
    "name": "nightly",
    "cron_expression": "30 2 * * *",
    "timezone": "America/New_York",
    "queue_name": "reports",
    "payload_template": {},
}
HOOK: Final = {"name": "shop", "url": "https://inbox.test/shop", "events": ["job.completed"]}
STEPS: Final = [
    {"key": "charge", "queue_name": "charges", "payload": {"order": 2}},
    {"key": "ship", "queue_name": "parcels", "payload": {}, "depends_on": ["charge"]},
]
BINDING: Final = {"target_type": "queue", "target_name": "charges", "pattern": "orders.#"}
MESSAGE: Final = {"queue_name": "charges", "body": {"order": 3}, "concurrency_key": "order 3"}
TASK: Final = {"name": "charge_card", "queue_name": "cards", "condition": "input.amount gt 0"}
FLOW: Final = {"name": "orders", "steps": [{"key": "pick"}]}
RUN: Final = {"task_name": "charge_card", "input": {"amount": 10}, "concurrency_key": "order 3"}
WHOLE: Final[dict[str, Any]] = {
    "clock": {"at": "2030-03-09T12:00:00Z"},
    "queues": [{"name": "charges", "backoff_base_seconds": 3600, "max_retries": 7}],
    "keys": [{"name": "web", "key": CHOSEN, "queues": ["charges"]}, {"name": "drawn"}],
    "schedules": [NIGHTLY],
    "webhooks": [HOOK],
    "jobs": [{**JOB, "delay_seconds": 60}, {**JOB, "idempotency_key": "once"}],
    "tasks": [TASK],
    "flows": [FLOW],
    "bindings": [BINDING],
    "messages": [MESSAGE, {"queue": "charges", "body": [4], "delay_ms": 60_000, "topic": "late"}],
    "runs": [RUN, {"task_name": "charge_card", "input": {"amount": 0}}],
    "workflows": [{"name": "order", "jobs": STEPS}],
    "faults": [RULE],
}
# What is wrong, and what the message says.
WRONG: Final[list[tuple[Any, int, str]]] = [
    ({"jbos": []}, 400, "the nearest is `jobs`"),
    ([], 422, "`object`, not `array`"),
    ({"queues": 3}, 422, "`queues` must be `array`"),
    ({"queues": [3]}, 422, "`queues[0]`"),
    ({"queues": [{"name": "a", "max_retry": 1}]}, 400, "`queues[0].max_retry` is unknown; the"),
    ({"queues": [{"name": "a"}, {"queue": "a"}]}, 400, "`queues[1].name` repeats `queues[0].name`"),
    ({"queues": [{"name": "a b"}]}, 400, "`queues[0].name`"),
    ({"jobs": [JOB, {"queue_name": "a"}]}, 422, "`jobs[1].payload` is required"),
    ({"jobs": [{**JOB, "payloads": 1}]}, 400, "`jobs[0].payloads` is unknown; the nearest is"),
    ({"jobs": [{**JOB, "priority": 1000}]}, 400, "`jobs[0].priority`"),
    ({"jobs": [{**JOB, "expires_at": "soon"}]}, 422, "`jobs[0].expires_at`"),
    ({"jobs": [{**JOB, "parent_job_id": "none"}]}, 400, "`jobs[0].parent_job_id` names no job"),
    (
        {"jobs": [{**JOB, "idempotency_key": "k"}] * 2},
        400,
        "`jobs[1].idempotency_key` repeats",
    ),
    ({"keys": [{"name": "a", "key": "short"}]}, 400, "`keys[0].key`"),
    ({"keys": [{"name": "a", "key": "no_key_of_any_kind_at_all"}]}, 400, "`keys[0].key`"),
    ({"keys": [{"name": "a", "key": "sk_test_with space in it"}]}, 400, "`keys[0].key`"),
    ({"keys": [{"name": "a!"}]}, 400, "`keys[0].name`"),
    ({"keys": [{"name": "a", "expires_at": "2029-01-01T00:00:00Z"}]}, 400, "`keys[0].expires_at`"),
    (
        {
            "keys": [
                {"name": "a", "key": CHOSEN},
                {"name": "b", "key": CHOSEN.replace("sk_", "sp_")},
            ]
        },
        400,
        "`keys[1].key` repeats `keys[0].key`",
    ),
    ({"schedules": [{**NIGHTLY, "cron_expression": "* *"}]}, 400, "`schedules[0].cron_expression`"),
    ({"schedules": [{**NIGHTLY, "timezone": "Mars"}]}, 400, "`schedules[0].timezone`"),
    ({"schedules": [NIGHTLY, NIGHTLY]}, 400, "`schedules[1].name` repeats"),
    ({"webhooks": [{**HOOK, "url": "http://example.org"}]}, 400, "`webhooks[0].url`"),
    ({"webhooks": [{**HOOK, "events": ["job.done"]}]}, 400, "`webhooks[0].events[0]`"),
    ({"bindings": [{**BINDING, "pattern": "a.#.b"}]}, 400, "`bindings[0].pattern`"),
    ({"bindings": [{**BINDING, "target_type": "shop"}]}, 400, "`bindings[0].target_type`"),
    ({"bindings": [BINDING]}, 404, "bindings[0]: Queue not found"),
    ({"queues": [{"name": "charges"}], "bindings": [BINDING] * 2}, 400, "`bindings[1]` repeats"),
    ({"tasks": [{"name": "Charge"}]}, 400, "(`tasks[0].name`)"),
    ({"tasks": [{**TASK, "retries": 1}]}, 400, "`tasks[0].retries` is unknown"),
    ({"tasks": [{**TASK, "condition": "a >> b"}]}, 400, "`tasks[0].condition`"),
    ({"flows": [FLOW, FLOW]}, 400, "`flows[1].name` repeats `flows[0].name`"),
    ({"flows": [{"name": "a", "steps": []}]}, 400, 'flow "a": must have 1 to 1000 steps'),
    ({"tasks": [TASK, TASK]}, 400, "`tasks[1].name` repeats `tasks[0].name`"),
    ({"runs": [{"input": 1}]}, 422, "`runs[0].task_name` is required"),
    ({"runs": [RUN]}, 404, "runs[0]: Task not found"),
    ({"tasks": [TASK], "runs": [RUN, RUN]}, 400, "`runs[1].concurrency_key` repeats"),
    ({"messages": [{"queue_name": "charges"}]}, 422, "`messages[0].body` is required"),
    ({"messages": [{"body": 1}]}, 422, "`messages[0].queue_name` is required"),
    ({"messages": [{**MESSAGE, "bodies": [1]}]}, 400, "`messages[0].bodies` is unknown"),
    ({"messages": [{**MESSAGE, "headers": 3}]}, 422, "`messages[0].headers`"),
    ({"messages": [MESSAGE, {**MESSAGE, "body": 5}]}, 400, "`messages[1].concurrency_key` repeats"),
    ({"messages": [MESSAGE]}, 404, "messages[0]: Queue not found"),
    ({"workflows": [{"name": "w", "jobs": []}]}, 400, "`workflows[0].jobs`"),
    ({"workflows": [{"name": "w", "jobs": [{"key": "a"}]}]}, 422, "`workflows[0].jobs[0].payload`"),
    (
        {"workflows": [{"name": "w", "jobs": [{**STEPS[0], "depend_on": "x"}]}]},
        400,
        "`workflows[0].jobs[0].depend_on` is unknown; the nearest is `depends_on`",
    ),
    ({"workflows": [{"name": "w", "jobs": [STEPS[1]]}]}, 400, "workflows[0]: Job 'ship' depends"),
    ({"faults": [{**RULE, "do": {}}]}, 400, "`faults[0].do`"),
    ({"faults": [{**RULE, "when": {"after": "soon"}}]}, 422, "`faults[0].when.after`"),
    ({"faults": [{**RULE, "on": {"rout": "*"}}]}, 400, "`faults[0].on.rout` is unknown; the"),
    ({"clock": {}}, 400, "clock: Exactly one of"),
    ({"clock": {"ad": "now"}}, 400, "`clock.ad` is unknown; the nearest is `at`"),
    ({"clock": {"at": "now"}}, 422, "`clock.at`"),
    ({"clock": {"at": "2029-01-01T00:00:00Z"}}, 400, "does not go back"),
    ({"clock": {"at": "2045-01-01T00:00:00Z"}}, 400, "ten years"),
]
TABLES: Final = (
    "queues",
    "tasks",
    "flows",
    "schedules",
    "outgoing-webhooks",
    "jobs",
    "workflows",
    "api-keys",
)


DOCS: Final = Path(__file__).parents[2] / "docs" / "testing.md"


def example() -> Any:
    """The seed that the documentation shows."""
    part = DOCS.read_text().partition("## Seeds: what a test begins with")[2]
    return json.loads(part.partition("```json\n")[2].partition("```")[0])


async def contents(stage: Stage) -> dict[str, Any]:
    """Everything that a seed could have left."""
    found = {path: await stage.get(path) for path in TABLES}
    found["api-keys"] = [each["id"] for each in found["api-keys"]]
    found["faults"] = (await stage.get("test/faults"))["faults"]
    found["journal"] = (await stage.get("test/journal?kind=event,step"))["lines"]
    found["due"] = await stage.get("test/clock")
    found["acts"] = await stage.get("acts")
    return found


def test_a_seed_stores_what_it_names_and_tells_the_ids_by_section_and_name() -> None:
    async def script(stage: Stage) -> None:
        told = await stage.post("test/seed", WHOLE, status=201)

        assert told["now"] == "2030-03-09T12:00:00.000Z"
        assert (await stage.get("queues/charges"))["id"] == told["queues"]["charges"]
        assert (await stage.get(f"schedules/{told['schedules']['nightly']}"))["next_run_at"] == (
            # Half past two does not exist on that night, when clocks go forward.
            "2030-03-10T07:00:00.000Z"
        )
        hooks = await stage.get("outgoing-webhooks")
        assert [each["id"] for each in hooks] == [told["webhooks"]["shop"]]
        late, now = [await stage.get(f"jobs/{each}") for each in told["jobs"]]
        assert (late["scheduled_at"], late["max_retries"]) == ("2030-03-09T12:01:00.000Z", 7)
        assert (now["status"], now["payload"]) == ("pending", {"order": 1})
        there = await stage.get("queues/charges/messages")
        assert [each["id"] for each in there] == told["messages"]
        assert [(each["body"], each["state"]) for each in there] == [
            ({"order": 3}, "visible"),
            ([4], "hidden"),
        ]
        assert [each["id"] for each in await stage.get("bindings")] == told["bindings"]
        assert told["tasks"] == ["charge_card"]
        runs = [await stage.get(f"tasks/charge_card/runs/{each}") for each in told["runs"]]
        assert [run["state"] for run in runs] == ["queued", "skipped"]
        order = told["workflows"]["order"]
        assert order["jobs"].keys() == {"charge", "ship"}
        shipped = await stage.get(f"workflows/{order['id']}/jobs/{order['jobs']['ship']}")
        assert shipped["key"] == "ship"
        assert told["keys"]["web"]["key"] == CHOSEN
        for name, status in (("web", 200), ("drawn", 200)):
            headers = {"Authorization": f"Bearer {told['keys'][name]['key']}"}
            assert (await stage.api.get("queues", headers=headers)).status_code == status
        assert [each["id"] for each in (await stage.get("test/faults"))["faults"]] == ["f1"]
        acts = {(each["kind"], each["act"]) for each in await stage.get("acts")}
        kinds = ("queue", "key", "schedule", "webhook", "task", "flow", "binding")
        assert acts == {(kind, "create") for kind in kinds}
        assert told["flows"] == ["orders"]

    play(script)


def test_the_seed_in_the_documentation_is_stored() -> None:
    async def script(stage: Stage) -> None:
        seed = example()
        told = await stage.post("test/seed", seed, status=201)
        assert {name for name, members in told.items() if members and name in seed} == {*seed} - {
            "clock"
        }
        assert told["now"] == "2030-03-09T12:00:00.000Z"

    play(script)


def test_what_is_wrong_is_named_by_its_place_and_leaves_nothing() -> None:
    async def script(stage: Stage) -> list[str]:
        before, unmet = await contents(stage), []
        for body, status, said in WRONG:
            answer = await stage.api.post("test/seed", json=body)
            if answer.status_code != status or said not in answer.json()["message"]:
                unmet.append(f"{body}: {answer.status_code} {answer.text}")
        assert await contents(stage) == before
        assert stage.now_ms == START_MS
        return unmet

    assert play(script) == []


def test_what_the_last_member_is_refused_for_undoes_all_before_it() -> None:
    async def script(stage: Stage) -> None:
        await stage.post("api-keys", {"name": "first"})
        before = await contents(stage)

        last = {"name": "order", "jobs": STEPS}
        seed = {**WHOLE, "jobs": [{**JOB, "parent_job_id": "none"}], "workflows": [last]}
        refused = await stage.post("test/seed", seed, status=400)

        assert refused["details"][0]["field"] == "jobs[0].parent_job_id"
        assert await contents(stage) == before, "the clock neither"
        headers = {"Authorization": f"Bearer {CHOSEN}"}
        assert (await stage.api.get("queues", headers=headers)).status_code == 401
        made = await stage.post("test/seed", WHOLE, status=201)
        assert made["keys"]["web"]["key"] == CHOSEN

    play(script)


def test_deliveries_waiting_claims_and_due_times_follow_the_commit() -> None:
    async def script(stage: Stage) -> None:
        waiting = asyncio.create_task(stage.claim(queue_name="charges", wait_ms=20_000))
        hook = {**HOOK, "events": ["job.created"]}
        seed = {"webhooks": [hook], "jobs": [{**JOB, "delay_seconds": 5}, JOB]}

        told = await stage.post("test/seed", seed, status=201)

        (claimed,) = await waiting
        assert claimed["id"] == told["jobs"][1]
        calls = (await stage.get("test/inbox/webhooks"))["webhooks"]
        assert len(calls) == 2
        assert {"at": "2030-01-01T00:00:05.000Z", "kind": "promotion"} in (
            await stage.get("test/clock")
        )["due"]

    play(script)


def test_the_limits_of_the_organization_hold_and_count_the_seed_itself() -> None:
    async def script(stage: Stage) -> None:
        org = stage.world.entrance.organization_id
        admin = {"X-Admin-Key": ADMIN_KEY}
        limits = {"custom_limits": {"max_queues": 2, "max_payload_size_bytes": 100}}
        path = f"admin/organizations/{org}"
        assert (await stage.api.patch(path, json=limits, headers=admin)).status_code == 200

        before = await contents(stage)
        seed = {"queues": [{"name": "a"}, {"name": "b"}], "jobs": [{**JOB, "queue_name": "c"}]}
        refused = await stage.post("test/seed", seed, status=429)
        assert (refused["resource"], refused["details"]["place"]) == ("queues", "jobs[0]")
        for headers in ({}, {**admin, "Authorization": ""}):
            large = {"jobs": [{"queue_name": "a", "payload": "x" * 100}]}
            answer = await stage.api.post("test/seed", json=large, headers=headers)
            assert answer.status_code == 413
            assert "`jobs[0].payload` is larger than 100" in answer.json()["message"]
        assert await contents(stage) == before
        await stage.post("test/seed", {"queues": seed["queues"]}, status=201)

    play(script)


def test_a_key_that_somebody_has_is_refused() -> None:
    async def script(stage: Stage) -> None:
        drawn = (await stage.post("api-keys", {"name": "drawn"}))["key"]
        for key, said in ((drawn, "another key"), (drawn.replace("sk_", "sp_"), "another key")):
            refused = await stage.post(
                "test/seed", {"keys": [{"name": "mine", "key": key}]}, status=409
            )
            assert refused["details"] == {"reason": "key_in_use", "place": "keys[0]"}
            assert said in refused["message"]
            assert key not in str(refused)

    play(script)


def test_the_admin_key_is_no_key_of_an_organization() -> None:
    admin_key = "sk_test_the_admin_key_itself"

    async def script(stage: Stage) -> None:
        seed = {"keys": [{"name": "mine", "key": admin_key}]}
        assert "admin key" in (await stage.post("test/seed", seed, status=400))["message"]

    play(script, admin_key=admin_key)


def test_a_key_gives_no_more_than_its_maker_has() -> None:
    async def script(stage: Stage) -> None:
        limited = await stage.post("api-keys", {"name": "a", "permissions": ["api-keys:read"]})
        headers = {"Authorization": f"Bearer {limited['key']}"}
        seed = {"queues": [{"name": "q"}], "keys": [{"name": "b"}]}
        answer = await stage.api.post("test/seed", json=seed, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["message"].startswith("keys[0]: ")
        assert await stage.get("queues") == []

    play(script, enforce_key_permissions=True)


def test_the_admin_key_seeds_the_first_organization() -> None:
    async def script(stage: Stage) -> None:
        headers = {"X-Admin-Key": ADMIN_KEY, "Authorization": ""}
        answer = await stage.api.post("test/seed", json=WHOLE, headers=headers)
        assert answer.status_code == 201
        assert len(await stage.get("jobs")) == 6

    play(script)


@pytest.mark.parametrize("clock", [None, {"at": "2031-01-01T00:00:00Z"}])
def test_the_same_seed_number_gives_the_same_ids_and_keys(clock: Any) -> None:
    async def script(stage: Stage) -> Any:
        told = await stage.post("test/seed", {**WHOLE, "clock": clock}, status=201)
        return {**told, "real_ms": 0}, await stage.get("jobs")

    assert play(script) == play(script)
    assert play(script) != play(script, seed=2)


def test_what_is_due_until_the_time_of_the_seed_happens_before_it_is_stored() -> None:
    async def script(stage: Stage) -> None:
        early = await stage.job(delay_seconds=3600)
        told = await stage.post("test/seed", WHOLE, status=201)
        kinds = [
            (each["kind"], each.get("job_id"), each["what"])
            for each in (await stage.get("test/journal?kind=step,event"))["lines"]
        ]
        assert kinds.index(("event", early, "job.promoted")) < kinds.index(
            ("event", told["jobs"][0], "job.created")
        )

    play(script)


def test_what_would_be_refused_at_the_time_of_the_seed_is_refused_before_the_clock_moves() -> None:
    async def script(stage: Stage) -> None:
        key = {"name": "web", "expires_at": "2030-02-01T00:00:00Z"}
        refused = await stage.post("test/seed", {**WHOLE, "keys": [key]}, status=400)
        assert refused["details"][0]["field"] == "keys[0].expires_at"
        assert stage.now_ms == START_MS
        await stage.post("test/seed", {"keys": [key]}, status=201)

    play(script)


def test_a_clock_that_is_stopped_on_its_way_stores_nothing() -> None:
    async def script(stage: Stage) -> None:
        worker = await stage.post(
            "workers/register", {"queue_name": "emails", "hostname": "here", "worker_id": "w"}
        )
        await stage.job(delay_seconds=3600)
        seed = {"clock": {**WHOLE["clock"], "wait_ms": 1}, "jobs": [JOB]}
        refused = await stage.post("test/seed", seed, status=409)
        assert refused["details"]["reason"] == "worker_busy", worker
        assert refused["message"].startswith("clock: ")
        assert [each["queue_name"] for each in await stage.get("jobs")] == ["emails"]

    play(script)


def test_more_rows_than_a_seed_may_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    many: list[tuple[dict[str, Any], str]] = [
        ({"queues": [{"name": "q"}] * (SECTION_MAX + 1)}, "queues"),
        ({"jobs": [JOB] * (ROWS_MAX + 1)}, "jobs"),
        ({"queues": [{"name": "q"}], "jobs": [JOB] * ROWS_MAX}, f"at most {ROWS_MAX} rows"),
        ({"faults": [RULE] * 101}, "faults"),
    ]

    async def script(stage: Stage) -> list[str]:
        unmet = []
        for body, said in many:
            answer = await stage.api.post("test/seed", json=body)
            if answer.status_code != 400 or said not in answer.json()["message"]:
                unmet.append(f"{said}: {answer.status_code} {answer.text[:200]}")
        large = {"jobs": [{"queue_name": "q", "payload": "x" * 6_000_000}]}
        assert (await stage.api.post("test/seed", json=large)).status_code == 413
        monkeypatch.setattr(read, "ROWS_MAX", 3)
        workflows = [{"name": f"w{each}", "jobs": STEPS} for each in range(2)]
        refused = await stage.post("test/seed", {"workflows": workflows}, status=400)
        assert "steps of workflows included" in refused["message"]
        return unmet

    assert play(script) == []


def test_others_have_their_turns_while_a_large_seed_is_read_and_stored() -> None:
    async def script(stage: Stage) -> int:
        body = json.dumps({"jobs": [{**JOB, "payload": "x" * 200}] * 2_000})
        seeding = asyncio.create_task(stage.api.post("test/seed", content=body))
        turns = 0
        while not seeding.done():
            await asyncio.sleep(0.001)
            turns += 1
        assert (await seeding).status_code == 201
        return turns

    assert play(script) >= 10


def test_a_key_leads_to_one_world_only() -> None:
    seed = {"keys": [{"name": "web", "key": CHOSEN}]}

    async def refused(seat: Seat) -> bool:
        answer = await seat.api.post("test/seed", json=seed)
        assert answer.status_code in (201, 409), answer.text
        return answer.status_code == 409

    async def script(park: Park) -> None:
        one, two = await park.fork("one"), await park.fork("two")
        assert not await refused(one)
        web = await park.seat(CHOSEN)
        await one.job()
        assert len(await web.jobs()) == 1
        assert [await refused(each) for each in (two, park.root, one)] == [True] * 3
        of_one = await park.fork("of one", one)
        assert await refused(of_one), "its copy leads to its parent"

        await one.post("test/reset")
        assert (await web.api.get("jobs")).status_code == 401
        assert not await refused(two)
        assert await two.jobs() == await web.jobs() == []
        assert await refused(one)

        await park.root.call("DELETE", "test/forks/two")
        assert not await refused(park.root)
        assert await refused(await park.fork("three")), "its copy leads to the root"

    played(script)


def test_of_two_worlds_that_want_a_key_at_once_one_gets_it() -> None:
    async def script(park: Park) -> None:
        seats = [await park.fork(name) for name in ("one", "two", "three")]
        seed = {"keys": [{"name": "web", "key": CHOSEN}]}
        answers = await asyncio.gather(*(each.api.post("test/seed", json=seed) for each in seats))
        assert sorted(each.status_code for each in answers) == [201, 409, 409]
        winner = seats[[each.status_code for each in answers].index(201)]
        web = await park.seat(CHOSEN)
        made = await winner.job()
        assert await web.jobs() == [made]

    played(script)


def test_a_seed_that_went_with_its_world_is_not_told_as_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_stored, goes_on = asyncio.Event(), asyncio.Event()

    async def held(*arguments: Any) -> Any:
        told = await sow(*arguments)
        is_stored.set()
        await goes_on.wait()
        return told

    async def script(park: Park) -> None:
        monkeypatch.setattr(routes, "sow", held)
        seeding = asyncio.create_task(park.root.api.post("test/seed", json={"jobs": [JOB]}))
        await is_stored.wait()
        await park.root.post("test/reset")
        goes_on.set()
        assert (await seeding).status_code == 503
        assert await park.root.jobs() == []

    played(script)


def test_faults_come_with_the_commit_and_never_without() -> None:
    async def script(stage: Stage) -> None:
        rule = {"on": {"route": "*"}, "do": {"latency_ms": 0}}
        for _ in range(60):
            await stage.post("test/faults", rule)
        refused = await stage.post("test/seed", {"jobs": [JOB], "faults": [rule] * 41}, status=429)
        assert refused["details"]["reason"] == "faults_full"
        bad = {"jobs": [{**JOB, "parent_job_id": "none"}], "faults": [rule] * 40}
        await stage.post("test/seed", bad, status=400)
        told = await stage.post("test/seed", {"faults": [rule] * 40}, status=201)
        assert told["faults"] == [f"f{number}" for number in range(61, 101)]
        assert await stage.get("jobs") == []

    play(script)


def test_a_reset_brings_back_the_faults_of_the_baseline() -> None:
    async def script(park: Park) -> None:
        await park.root.post("test/seed", {"faults": [RULE]})
        await park.root.post("test/baseline")
        await park.root.post("test/faults", RULE)

        await park.root.post("test/reset")

        (rule,) = (await park.root.get("test/faults"))["faults"]
        assert (rule["id"], rule["on"]) == ("f1", RULE["on"])

    played(script)


def test_a_batch_leaves_nothing_of_itself_when_one_of_its_operations_is_refused() -> None:
    """Also not what it has announced: this is what seeds, and other batches, are made of."""

    async def script(stage: Stage) -> None:
        database: Database = stage.world.app.services.db
        heard: list[str] = []
        stage.world.app.services.bus.listen(
            lambda events: heard.extend(each.type for each in events)
        )

        def emit(tx: Any, name: str) -> str:
            row = {"queue_name": name}
            tx.emit("queue.changed", 1, row=row)
            return name

        def refuse(tx: Any) -> None:
            raise Conflict("no", details={"reason": "why"})

        done = await database.write(
            all_or_nothing, [BatchStep(f"operations[{n}]", emit, (str(n),)) for n in range(3)]
        )
        assert (done, heard) == (["0", "1", "2"], ["queue.changed"] * 3)
        with pytest.raises(Conflict, match=r"^operations\[1\]: no$") as caught:
            await database.write(
                all_or_nothing,
                [BatchStep("operations[0]", emit, ("a",)), BatchStep("operations[1]", refuse)],
            )
        assert caught.value.details == {"reason": "why", "place": "operations[1]"}
        await stage.get("queues")
        assert heard == ["queue.changed"] * 3

    play(script)


def test_a_workflow_of_a_seed_may_wait_for_a_signal() -> None:
    async def script(stage: Stage) -> None:
        steps = [{**STEPS[0], "signal": True}, {**STEPS[1], "condition": "charge.ok"}]
        seed = {"workflows": [{"name": "order", "jobs": steps, "input": {"order": 2}}]}

        made = await stage.post("test/seed", seed, status=201)

        shown = await stage.get(f"workflows/{made['workflows']['order']['id']}/steps")
        states = [each["state"] for each in shown]
        assert states == ["waiting_for_signal", "waiting_for_dependencies"]

    play(script)
