"""Cut before, nothing is stored; cut after the commit, all that is stored otherwise.

Each route and method is called in three forks of one world, which have one name, and so the same
ids: as usual, cut before, and cut after the commit. Then all rows are compared.
"""

import asyncio
import re
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import pytest
from msgspec import Struct

from spooled_lite.wire.http.routes import ROUTES, STUBS
from tests.testing.park import Park, Seat, opened
from tests.testing.stage import ADMIN_KEY, START_MS
from tests.wire.http.ingest_calls import PAID, PUSH, SECRETS, github_headers, stripe_headers

SECONDS_MAX: Final = 280.0
ADA: Final = "ada@example.com"
HOOK: Final = {"name": "shop", "url": "https://inbox.test/shop", "events": ["job.created"]}
ELSEWHERE: Final = {"route": "GET /api/v1/queues"}  # a rule for this strikes nothing here
# They store nothing, or are asked for with what only a terminal shows.
LEFT_OUT: Final = {
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/validate",
    "POST /api/v1/auth/link",
    "POST /api/v1/auth/email/check",
    "POST /api/v1/organizations/generate-slug",
    "POST /api/v1/schedules/preview",
    "POST /api/v1/outgoing-webhooks/{id}/test",
    "POST /api/v1/webhooks/{id}/test",
}
FEW: Final = (
    "POST /api/v1/jobs",
    "POST /api/v1/jobs/claim",
    "POST /api/v1/jobs/{id}/complete",
    "DELETE /api/v1/queues/{name}",
    "POST /api/v1/webhooks/{org_id}/github",
)

Send = Callable[[Seat], Awaitable[Any]]


class NotServed(Exception):
    pass


class Request(Struct, frozen=True):
    parts: str = ""  # what stands for the parameters of the path, in their order
    body: Any = None
    headers: dict[str, str] = {}
    content: bytes | None = None


async def prepared(root: Seat) -> dict[str, str]:
    """A world in which everything can be asked for. Returns what the paths name."""
    found: dict[str, str] = {}

    async def claimed(queue_name: str) -> dict[str, Any]:
        await root.job(queue_name=queue_name, max_retries=0)
        body = {"queue_name": queue_name, "worker_id": "w"}
        job: dict[str, Any] = (await root.post("jobs/claim", body))["jobs"][0]
        return job

    async def fail(job: dict[str, Any]) -> None:
        body = {"worker_id": "w", "lease_id": job["lease_id"], "error": "x", "no_retry": True}
        await root.post(f"jobs/{job['id']}/fail", body)

    await root.post("outgoing-webhooks", HOOK)
    await root.post("queues", {"name": "emails"})
    await root.post("queues", {"name": "empty"})
    dead = await claimed("dead")
    await fail(dead)
    held = await claimed("held")
    found |= {"dead": dead["id"], "held": held["id"], "lease": held["lease_id"]}
    found["job"], found["other"] = await root.job(), await root.job()
    worker = {"worker_id": "w", "queue_name": "emails", "hostname": "here"}
    await root.post("workers/register", worker)
    schedule = {
        "name": "s",
        "cron_expression": "0 9 * * *",
        "queue_name": "a",
        "payload_template": {},
    }
    found["schedule"] = (await root.post("schedules", schedule))["id"]
    found["paused"] = (await root.post("schedules", {**schedule, "name": "p"}))["id"]
    await root.post(f"schedules/{found['paused']}/pause")
    await root.post("queues/held/pause")
    steps = {"name": "w", "jobs": [{"key": "a", "queue_name": "steps", "payload": {}}]}
    found["failed"] = (await root.post("workflows", steps))["workflow_id"]
    await fail(
        (await root.post("jobs/claim", {"queue_name": "steps", "worker_id": "w"}))["jobs"][0]
    )
    found["workflow"] = (await root.post("workflows", steps))["workflow_id"]
    found["ended"] = (await root.post("workflows", steps))["workflow_id"]
    await root.post(f"workflows/{found['ended']}/cancel")
    found["key"] = (await root.post("api-keys", {"name": "k"}))["id"]
    await root.post("test/clock/advance", {"by": "1s", "workers": "ignore"})
    hook = (await root.get("outgoing-webhooks"))[0]["id"]
    found["hook"] = hook
    found["token"] = (await root.get("organizations/webhook-token"))["token"]
    found["delivery"] = (await root.get(f"outgoing-webhooks/{hook}/deliveries"))[0]["id"]
    return found


def requests(of: dict[str, str], org: str) -> dict[str, Request]:
    """A request that is served for each route that is no GET and does not always refuse."""
    held = {"worker_id": "w", "lease_id": of["lease"]}
    steps = {"name": "w", "jobs": [{"key": "a", "queue_name": "steps", "payload": {}}]}
    schedule = {
        "name": "t",
        "cron_expression": "0 9 * * *",
        "queue_name": "a",
        "payload_template": {},
    }
    limits, signup = {"max_queues": 50}, of.get("signup")
    found: dict[str, tuple[str, Any]] = {
        "POST /api/v1/auth/email/start": ("", {"email": ADA}),
        "POST /api/v1/auth/email/verify": ("", {"email": ADA, "code": of.get("code")}),
        "POST /api/v1/auth/signup/complete": ("", {"signup_token": signup, "name": "New"}),
        "POST /api/v1/auth/logout": ("", {"refresh_token": of.get("refresh")}),
        "POST /api/v1/jobs": ("", {"queue_name": "emails", "payload": {}}),
        "POST /api/v1/jobs/bulk": ("", {"queue_name": "emails", "jobs": [{"payload": 1}]}),
        "POST /api/v1/jobs/claim": ("", {"queue_name": "emails", "worker_id": "w"}),
        "POST /api/v1/jobs/dequeue": ("", {"queue_name": "emails", "worker_id": "w"}),
        "POST /api/v1/jobs/dlq/retry": ("", {"queue_name": "dead"}),
        "POST /api/v1/jobs/dlq/purge": ("", {"queue_name": "dead", "confirm": True}),
        "POST /api/v1/jobs/actions": ("", {"action": "retry", "filter": {"queue_name": "dead"}}),
        "DELETE /api/v1/jobs/{id}": (of["job"], None),
        "POST /api/v1/jobs/{id}/cancel": (of["job"], None),
        "POST /api/v1/jobs/{id}/retry": (of["dead"], None),
        "PUT /api/v1/jobs/{id}/priority": (of["job"], {"priority": 9}),
        "POST /api/v1/jobs/{id}/complete": (of["held"], {**held, "result": {"a": 1}}),
        "POST /api/v1/jobs/{id}/fail": (of["held"], {**held, "error": "x"}),
        "POST /api/v1/jobs/{id}/heartbeat": (of["held"], {**held, "lease_duration_secs": 90}),
        "POST /api/v1/jobs/{id}/renew-lease": (of["held"], {**held, "lease_duration_secs": 90}),
        "POST /api/v1/jobs/{id}/progress": (of["held"], {**held, "progress": 40}),
        "POST /api/v1/jobs/{id}/dependencies": (of["job"], {"depends_on": [of["other"]]}),
        "POST /api/v1/queues": ("", {"name": "new"}),
        "PUT /api/v1/queues/{name}/config": ("emails", {"max_retries": 5}),
        "PUT /api/v1/queues/{name}": ("emails", {"max_retries": 5}),
        "PATCH /api/v1/queues/{name}": ("emails", {"max_retries": 5}),
        "DELETE /api/v1/queues/{name}": ("empty", None),
        "POST /api/v1/queues/{name}/pause": ("emails", {}),
        "POST /api/v1/queues/{name}/resume": ("held", None),
        "POST /api/v1/queues/{name}/purge": ("emails", None),
        "POST /api/v1/workers/register": ("", {"queue_name": "a", "hostname": "b"}),
        "POST /api/v1/workers/{id}/heartbeat": ("w", {"current_jobs": 2, "status": "degraded"}),
        "POST /api/v1/workers/{id}/deregister": ("w", None),
        "DELETE /api/v1/workers/{id}": ("w", None),
        "POST /api/v1/schedules": ("", schedule),
        "PUT /api/v1/schedules/{id}": (of["schedule"], {"cron_expression": "30 8 * * *"}),
        "DELETE /api/v1/schedules/{id}": (of["schedule"], None),
        "POST /api/v1/schedules/{id}/pause": (of["schedule"], None),
        "POST /api/v1/schedules/{id}/resume": (of["paused"], None),
        "POST /api/v1/schedules/{id}/trigger": (of["schedule"], None),
        "POST /api/v1/workflows": ("", steps),
        "DELETE /api/v1/workflows/{id}": (of["ended"], None),
        "POST /api/v1/workflows/{id}/cancel": (of["workflow"], {}),
        "POST /api/v1/workflows/{id}/retry": (of["failed"], None),
        "POST /api/v1/workflows/{id}/rerun": (of["ended"], {"from": "a"}),
        "POST /api/v1/organizations": ("", {"name": "New", "slug": "new", "billing_email": ADA}),
        "POST /api/v1/organizations/webhook-token/regenerate": ("", None),
        "PUT /api/v1/organizations/{id}": (org, {"name": "Another"}),
        "POST /api/v1/organizations/{id}/webhook-token/regenerate": (org, None),
        "POST /api/v1/organizations/{id}/billing-email/code": (org, None),
        "POST /api/v1/organizations/{id}/billing-email/confirm": (org, {"code": of.get("code")}),
        "POST /api/v1/organizations/{id}/api-keys": (org, {"name": "new"}),
        "POST /api/v1/api-keys": ("", {"name": "new"}),
        "PUT /api/v1/api-keys/{id}": (of["key"], {"name": "other"}),
        "DELETE /api/v1/api-keys/{id}": (of["key"], None),
        "POST /api/v1/api-keys/{id}/regenerate": (of["key"], None),
        "POST /api/v1/admin/organizations": ("", {"name": "New", "slug": "new"}),
        "PATCH /api/v1/admin/organizations/{id}": (org, {"custom_limits": limits}),
        "PUT /api/v1/admin/organizations/{id}": (org, {"custom_limits": limits}),
        "POST /api/v1/admin/organizations/{id}/api-keys": (org, {"name": "in"}),
        "POST /api/v1/admin/organizations/{id}/reset-usage": (org, None),
        "PUT /api/v1/admin/organizations/{id}/limits": (org, limits),
    }  # fmt: skip
    for base in ("outgoing-webhooks", "webhooks"):
        hook, delivery = of["hook"], of["delivery"]
        found |= {
            f"POST /api/v1/{base}": ("", {**HOOK, "name": "more"}),
            f"PUT /api/v1/{base}/{{id}}": (hook, {"name": "other"}),
            f"PATCH /api/v1/{base}/{{id}}": (hook, {"name": "other"}),
            f"DELETE /api/v1/{base}/{{id}}": (hook, None),
        }
        if base == "outgoing-webhooks":
            found[f"POST /api/v1/{base}/{{id}}/retry/{{delivery_id}}"] = (
                f"{hook} {delivery}",
                None,
            )
            again = f"POST /api/v1/{base}/{{id}}/deliveries/{{delivery_id}}/retry"
            found[again] = (f"{hook} {delivery}", None)
    signed = {
        "github": Request(org, headers=github_headers(PUSH, event="push"), content=PUSH),
        "stripe": Request(org, headers=stripe_headers(PAID, START_MS // 1000 + 1), content=PAID),
        "custom": Request(
            org, {"queue_name": "a", "payload": {}}, {"X-Webhook-Token": of["token"]}
        ),
    }
    spare, key = of.get("spare", ""), f"Bearer {of.get('spare_key')}"
    return {
        "DELETE /api/v1/organizations/{id}": Request(spare, headers={"Authorization": key}),
        "DELETE /api/v1/admin/organizations/{id}": Request(spare),
        **{name: Request(*case) for name, case in found.items()},
        **{f"POST /api/v1/webhooks/{{org_id}}/{each}": case for each, case in signed.items()},
    }


async def as_asked(seat: Seat, route: str) -> dict[str, str]:
    """What a fork is asked for before, so that the route has something to work with."""
    if "/auth/" in route and "email" not in route and "signup" not in route:
        login = {"api_key": seat.about["api_key"]}
        return {"refresh": (await seat.post("auth/login", login))["refresh_token"]}
    if route.startswith("DELETE") and route.endswith("organizations/{id}"):
        made = await seat.post("organizations", {"name": "Spare", "slug": "spare"})
        return {"spare": made["organization"]["id"], "spare_key": made["api_key"]["key"]}
    if "billing-email" in route:
        org = seat.about["organization_id"]
        await seat.call("PUT", f"organizations/{org}", {"billing_email": ADA})
    elif route.endswith(("verify", "signup/complete")):
        await seat.post("auth/email/start", {"email": ADA})
    else:
        return {}
    await seat.post("test/clock/advance", {"by": "2m", "workers": "ignore"})
    [*_, mail] = (await seat.get("test/inbox/mails"))["mails"]
    found = {"code": str(mail["code"])}
    if route.endswith("signup/complete"):
        told = await seat.post("auth/email/verify", {"email": ADA, "code": found["code"]})
        found["signup"] = told["signup_token"]
    return found


async def is_cut(seat: Seat, route: str, said: Request) -> bool:
    """Whether the connection is cut. Raises NotServed: the request is refused."""
    method, _, path = route.partition(" ")
    parts = iter(said.parts.split())
    where = re.sub(r"\{\w+\}", lambda _: next(parts), path).removeprefix("/api/v1/")
    headers = dict(said.headers)
    if "/admin/" in route or route.endswith("{id}/api-keys"):
        headers |= {"X-Admin-Key": ADMIN_KEY, "X-Spooled-World": seat.about["name"]}
    body = {} if said.body is None else {"json": said.body}
    if said.content is not None:
        body = {"content": said.content}
    try:
        answer = await seat.api.request(method, where, headers=headers, **body)
    except AssertionError:  # the client of an application in process has no answer
        return True
    if not answer.is_success:
        raise NotServed(f"{route}: {answer.status_code} {answer.text}")
    return False


async def rows(park: Park) -> list[str]:
    """All that is stored in the fork, once nothing is under way."""
    [it] = [each for each in park.worlds.forks(None) if each.name == "it"]
    await it.stepper.until_quiet()
    await it.app.settled()
    pages = await it.app.services.db.readers.read(lambda tx: tx.pages())
    connection = sqlite3.connect(":memory:")
    try:
        # Without its log, which such a copy cannot have: bytes 18 and 19 of the file say which.
        connection.deserialize(pages[:18] + b"\x01\x01" + pages[20:])
        # Noted beside the requests: when a key was used last.
        connection.execute("UPDATE api_keys SET last_used_ms = NULL")
        return list(connection.iterdump())
    finally:
        connection.close()


async def stored(
    park: Park, name: str, rule: dict[str, Any], prepare: Send, send: Callable[[Seat, Any], Any]
) -> tuple[list[str], list[str], bool]:
    """The rows before and after the request, and whether its client was cut off."""
    seat = await park.fork("it")
    try:
        await seat.post("test/faults", rule)
        given = await prepare(seat)
        await rows(park)
        before = await rows(park)
        was_cut = await send(seat, given)
        return before, await rows(park), was_cut
    finally:
        await park.root.call("DELETE", "test/forks/it")


async def compared(
    park: Park, on: dict[str, str], prepare: Send, send: Callable[[Seat, Any], Any]
) -> str | None:
    """What is wrong with the faults of this route or method; None: nothing."""
    [name] = on.values()

    async def run(of: dict[str, str], drop: str) -> tuple[list[str], list[str], bool]:
        return await stored(park, name, {"on": of, "do": {"drop": drop}}, prepare, send)

    try:
        start, usual, was_cut = await run(ELSEWHERE, "before")
    except NotServed as error:
        return str(error)
    if was_cut or usual == start:
        return f"{name} stores nothing"
    start, cut_before, was_cut = await run(on, "before")
    if not was_cut or cut_before != start:
        return f"{name} has stored something: {sorted(set(cut_before) ^ set(start))}"
    _, cut_after, was_cut = await run(on, "after_commit")
    if not was_cut or cut_after != usual:
        return f"{name} has stored something else: {sorted(set(cut_after) ^ set(usual))}"
    return None


def wrong_of(*routes: str) -> list[str]:
    async def main() -> list[str]:
        async with (
            asyncio.timeout(SECONDS_MAX),
            opened(seed=1, **cast("dict[str, Any]", SECRETS)) as park,
        ):
            of = await prepared(park.root)
            found = []
            for route in routes:

                async def send(seat: Seat, more: Any, route: str = route) -> bool:
                    said = requests({**of, **more}, seat.about["organization_id"])[route]
                    return await is_cut(seat, route, said)

                async def prepare(seat: Seat, route: str = route) -> dict[str, str]:
                    return await as_asked(seat, route)

                found.append(await compared(park, {"route": route}, prepare, send))
        return [each for each in found if each is not None]

    return asyncio.run(main())


ALL: Final = sorted(
    {f"{row[0]} {row[1]}" for row in ROUTES if row[0] != "GET"}
    - {f"{row[0]} {row[1]}" for row in STUBS}
    - LEFT_OUT
)


@pytest.mark.slow  # fifteen forks
def test_a_cut_before_stores_nothing_and_a_cut_after_the_commit_everything() -> None:
    assert wrong_of(*FEW) == []


@pytest.mark.long
def test_every_storing_route_stores_nothing_before_and_everything_after_the_commit() -> None:
    assert wrong_of(*ALL) == []
