"""How to call each route with credentials, and what a caller without the right is told."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import httpx
from msgspec import Struct

from spooled_lite.config import Settings
from spooled_lite.core.keys.words import implied_words
from spooled_lite.storage.statement import Statement, Value
from spooled_lite.storage.transaction import Reading
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.dispatch import NO_WORD
from spooled_lite.wire.http.routes import ROUTES
from tests.patience import looks
from tests.wire.http.admin_calls import ADMIN_KEY
from tests.wire.http.item_calls import ADD, COMPLETE, a_generating_run
from tests.wire.http.job_calls import WatchedApi, assert_envelope
from tests.wire.http.route_table import MAIN_PORT
from tests.wire.http.run_calls import A_STEP, OF_RUNS, a_run_of
from tests.wire.http.served import Api
from tests.wire.http.sign_in_calls import an_address_for
from tests.wire.http.test_routes import BODIES as ROUTE_BODIES
from tests.wire.http.test_routes import (
    ENDLESS,
    RENDERER,
    TASK,
    a_flow_for,
    a_task_for,
    a_workflow_for,
)
from tests.wire.http.webhook_calls import a_completion_call_for, a_webhook_for

TABLES: Final = Value(str, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
QUEUE: Final = "emails"
WORKER: Final = "w-1"
ELSEWHERE: Final = "another-queue"  # what a key that is out of scope everywhere may use

# -- the routes ----------------------------------------------------------------------------------

ACCESS: Final[Mapping[str, Access]] = {f"{row[0]} {row[1]}": row[3] for row in ROUTES}
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    f"{row[0]} {row[1]}": () if row[4] == NO_WORD else tuple(row[4].split()) for row in ROUTES
}
SUCCESS: Final[Mapping[str, int]] = {
    f"{row[0]} {row[1]}": int(row[4].split(",")[0]) for row in MAIN_PORT
}
# What somebody does not get into by saying nothing.
CLOSED: Final = frozenset(
    {Access.KEY, Access.UNSCOPED, Access.UNSCOPED_OR_ADMIN, Access.BOOTSTRAP, Access.OWN_METRICS}
)
OPEN: Final = frozenset(
    {
        *(Access.PUBLIC, Access.REGISTRATION, Access.METRICS, Access.NONE),
        # They have tests of their own: tests/wire/http/resources/test_ingest_refused.py.
        *(Access.HOOK_TOKEN, Access.SIGNATURE),
    }
)

# Tests of their own, over a real server: tests/wire/realtime/test_credentials.py, and
# tests/wire/live/test_streams.py.
STREAMS: Final = [
    name
    for name, access in ACCESS.items()
    if access in (Access.STREAM, Access.TOPIC_TOKEN) or name in ENDLESS
]
WITH_KEY: Final = [
    name for name, access in ACCESS.items() if access in CLOSED and name not in STREAMS
]
WITH_WORD: Final = [name for name in WITH_KEY if WORDS[name]]
WITHOUT_WORD: Final = [name for name in WITH_KEY if not WORDS[name]]
_ANY_SCOPE: Final = (Access.KEY, Access.OWN_METRICS)
UNSCOPED: Final = [name for name in WITH_KEY if ACCESS[name] not in _ANY_SCOPE]
WITH_ADMIN_KEY: Final = [name for name, access in ACCESS.items() if access is Access.ADMIN]

# Every word that means something. Contract: platform, section 2.4.
ALL_WORDS: Final = (
    *("jobs:read", "jobs:write", "jobs:delete", "queues:read", "queues:write", "queues:admin"),
    *("workers:read", "workers:write", "schedules:read", "schedules:write"),
    *("workflows:read", "workflows:write", "webhooks:read", "webhooks:write"),
    *("api-keys:read", "api-keys:write", "organization:read", "organization:admin"),
    *("users:read", "users:admin", "system:admin"),
)


def all_words_but(wanted: Iterable[str]) -> tuple[str, ...]:
    """Every word that does not help where one of these is asked for."""
    return tuple(word for word in ALL_WORDS if not implied_words((word,)) & set(wanted))


# -- a key with a queue list, elsewhere. Contract: platform, section 2.3 -------------------------

_USES_A_QUEUE: Final = frozenset(
    {
        "POST /api/v1/jobs",
        "POST /api/v1/jobs/bulk",
        "POST /api/v1/jobs/claim",
        "POST /api/v1/jobs/dequeue",
        "POST /api/v1/batch",
        "POST /api/v1/queues",
        "POST /api/v1/tasks",
        "POST /api/v1/flows",
        "POST /api/v1/workers/register",
        "POST /api/v1/schedules",
        "POST /api/v1/workflows",
    }
)
# As if there were nothing outside the scope.
LEFT_OUT: Final = frozenset(
    {
        "GET /api/v1/jobs",
        "GET /api/v1/jobs/stats",
        "GET /api/v1/jobs/status",
        "GET /api/v1/jobs/search",
        "GET /api/v1/jobs/dlq",
        "POST /api/v1/jobs/dlq/retry",
        "POST /api/v1/jobs/dlq/purge",
        "POST /api/v1/jobs/actions",
        "POST /api/v1/jobs/heartbeat",
        "POST /api/v1/jobs/settle",
        "GET /api/v1/queues",
        "GET /api/v1/tasks",
        "GET /api/v1/flows",
        "GET /api/v1/workers",
        "GET /api/v1/schedules",
        "GET /api/v1/workflows",
        "GET /api/v1/events/log",
        "GET /api/v1/schedules/upcoming",
        "GET /api/v1/metrics",
        "GET /api/v1/dashboard",
        "GET /api/v1/dashboard/overview",
        "GET /api/v1/dashboard/queues",
        "GET /api/v1/dashboard/series",
        "GET /api/v1/dashboard/errors",
    }
)
# Nothing of any queue is in it.
WITHOUT_QUEUE: Final = frozenset(
    {
        "POST /api/v1/auth/logout",
        "POST /api/v1/schedules/preview",
        "GET /api/v1/auth/me",
        "GET /api/v1/organizations",
        "GET /api/v1/organizations/{id}",
        "GET /api/v1/metrics/prometheus",
    }
)


def out_of_scope(name: str) -> tuple[int, str] | None:
    """How the route refuses a key that may use other queues only. None: it does not.

    A new route is asked about here: the test fails until somebody says what it does.
    """
    path = name.split()[1]
    if (
        name in UNSCOPED
        or name in _USES_A_QUEUE
        or path.startswith(("/api/v1/queues/{name}", "/api/v1/schedules/{id}"))
        or path.startswith(("/api/v1/workflows/{id}", "/api/v1/tasks/{name}"))
        or path.startswith("/api/v1/flows/{name}")
    ):
        return 403, "ACCESS_DENIED"
    of_ids = ("/api/v1/jobs/{id}", "/api/v1/jobs/wait", "/api/v1/workers/{id}")
    if path.startswith(of_ids):
        return 404, "NOT_FOUND"
    assert name in LEFT_OUT | WITHOUT_QUEUE, f"{name}: what does a scoped key get?"
    return None


# -- another organization ------------------------------------------------------------------------

# A name is no id: these make, or count, a thing of the same name that is the caller's own.
OWN_QUEUE_OF_THAT_NAME: Final = frozenset(
    {
        "PUT /api/v1/queues/{name}/config",
        "PUT /api/v1/queues/{name}",
        "PATCH /api/v1/queues/{name}",
        "GET /api/v1/queues/{name}/stats",
        "POST /api/v1/queues/{name}/pause",
        "PUT /api/v1/tasks/{name}",
        "GET /api/v1/inbox/{identity}",
        "POST /api/v1/inbox/{identity}",
        "POST /api/v1/inbox/{identity}/seen",
        "PUT /api/v1/realtime/renderers/{name}",
        "PUT /api/v1/flows/{name}",
    }
)
NAMES_A_THING: Final = [
    name for name in WITH_KEY if "{" in name and name not in OWN_QUEUE_OF_THAT_NAME
]

# -- calls ---------------------------------------------------------------------------------------

BODIES: Final[Mapping[str, Any]] = {
    **ROUTE_BODIES,
    "POST /api/v1/queues": {"name": QUEUE},
    "POST /api/v1/tasks": {"name": "new_task", "queue_name": QUEUE},
    "PUT /api/v1/tasks/{name}": {"queue_name": QUEUE},
    "POST /api/v1/realtime/notify": {"topic": "order.7"},
    "POST /api/v1/realtime/tokens": {"topics": ["order.*"]},
    "POST /api/v1/flows": {"name": "new_flow", "steps": [{"key": "a", "queue_name": QUEUE}]},
    "PUT /api/v1/flows/{name}": {"steps": [{"key": "a", "queue_name": QUEUE}]},
    "POST /api/v1/bindings": {"target_type": "queue", "target_name": QUEUE, "pattern": "a.#"},
    "POST /api/v1/auth/logout": {"refresh_token": "of nobody"},
    "POST /api/v1/admin/organizations": {"name": "New One", "slug": "made-by-admin"},
    "POST /api/v1/admin/organizations/{id}/api-keys": {"name": "k"},
    "PUT /api/v1/admin/organizations/{id}/limits": {"max_queues": 1},
    "PATCH /api/v1/admin/organizations/{id}": {"name": "Renamed"},
    "PUT /api/v1/admin/organizations/{id}": {"name": "Renamed"},
    "PUT /api/v1/organizations/{id}": {"name": "Renamed"},
    # A key may not give more than it has: what is made here needs no more than the word.
    "POST /api/v1/organizations/{id}/api-keys": {"name": "k", "permissions": ["api-keys:write"]},
    "POST /api/v1/api-keys": {"name": "k", "permissions": ["api-keys:write"]},
    "PUT /api/v1/api-keys/{id}": {"name": "renamed"},
}
_IS_RUNNING: Final = ("complete", "fail", "heartbeat", "renew-lease", "progress")


class Home(Struct, frozen=True):
    """An organization with an unrestricted key."""

    org: int
    org_id: str
    key: str


class Target(Struct, frozen=True):
    """A call that succeeds for whoever has the right to make it."""

    method: str
    path: str
    body: Any
    home: Home


class WholeFileApi(WatchedApi):
    """Looks at every table of the file, and knows how to call every route."""

    def __init__(self, path: str = ":memory:", **settings: Any) -> None:
        # Many more calls than one address may make at once: a few for each route.
        given = {"admin_key": ADMIN_KEY, "rate_limit_burst_size": 10_000, **settings}
        super().__init__(path, Settings(**given))

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Without a look at the file: `refusals` looks once for many calls."""
        return Api.request(self, method, path, **more)

    def refusals(self, calls: Mapping[str, Target], **more: Any) -> dict[str, tuple[int, str]]:
        """What each call is told, after which the file is as it was."""
        before = self.state()
        got = {name: told(self.call(call, **more)) for name, call in calls.items()}
        assert self.state() == before, "calls that were refused changed something"
        return got

    def state(self) -> Any:
        async def read() -> dict[str, list[dict[str, Any]]]:
            return await self.served.db.readers.read(every_row)

        return self._runner.run(read())

    @property
    def home(self) -> Home:
        return Home(self.org, self.served.org_id, self.key)

    def another_home(self, slug: str) -> Home:
        """An organization that registered over the API, and its first key."""
        body = {"name": "Another", "slug": slug}
        made = self.shown("POST", "organizations", 201, json=body, key=None)
        row = self.row("SELECT seq FROM organizations WHERE id = :id", id=made["id"])
        return Home(row["seq"], made["id"], made["api_key"]["key"])

    def target(self, name: str, home: Home) -> Target:
        """A call of the route about things of this organization, made for it."""
        method, path = name.split()
        body = BODIES.get(name)
        if path.endswith("/dependencies") and method == "POST":
            body = {"depends_on": [self.a_job(home)["id"]]}
        if path in ("/api/v1/jobs/heartbeat", "/api/v1/jobs/settle"):
            job = self.a_running_job(home)
            one = {"id": job["id"], "lease_id": job["lease_id"]}
            body = {"leases": [one]} if path.endswith("heartbeat") else {"jobs": [one]}
        if name == "GET /api/v1/schedules":
            self.shown(
                "POST", "schedules", 201, json=BODIES["POST /api/v1/schedules"], key=home.key
            )
        if name == "GET /api/v1/schedules/upcoming":
            soon = {"cron_expression": "@hourly", "is_active": True, "enabled": True}
            body_of_one = {**BODIES["POST /api/v1/schedules"], **soon}
            self.shown("POST", "schedules", 201, json=body_of_one, key=home.key)
        if name == "GET /api/v1/tasks":
            self.request("POST", "tasks", json=TASK, key=home.key)
        if name == "GET /api/v1/flows":
            a_flow_for("flows/{name}", self.shown, key=home.key)
        if name == "GET /api/v1/workflows":
            body_of_one = BODIES["POST /api/v1/workflows"]
            self.shown("POST", "workflows", 201, json=body_of_one, key=home.key)
        if "/billing-email/" in path:
            body = an_address_for(self, path, home.org)
        if path in ("/api/v1/jobs/heartbeat", "/api/v1/jobs/settle"):
            job = self.a_running_job(home)
            held = {"id": job["id"], "lease_id": job["lease_id"]}
            body = {"leases" if path.endswith("heartbeat") else "jobs": [held]}
        if path == "/api/v1/jobs/status":
            path += f"?ids={self.a_job(home)['id']}"
        if path == "/api/v1/jobs/wait":
            path += f"?ids={self.a_dead_job(home)['id']}"
        if path == "/api/v1/jobs/search":
            path += f"?text={self.a_job(home)['id']}"
        if path == "/api/v1/realtime/presence":
            path += "?topic=order.7"
        if path.endswith((ADD, COMPLETE)):
            run = a_generating_run(self, home.org, QUEUE)
            path = path.replace("{id}", run).replace("{key}", A_STEP)
            body = run.body if method == "POST" and path.endswith("/items") else body
        path = self._filled(path, home)
        if name == "DELETE /api/v1/bindings":
            path += f"?target_type=queue&target_name={QUEUE}&pattern=a"
        if name in ("DELETE /api/v1/tasks/{name}/runs", "DELETE /api/v1/flows/{name}/runs"):
            path += "?older_than_seconds=0"
        return Target(method, path, body, home)

    def call(self, target: Target, **more: Any) -> httpx.Response:
        """With the key of its own organization unless told otherwise."""
        more = {"key": target.home.key, **more}
        return self.request(target.method, target.path, json=target.body, **more)

    def a_job(self, home: Home) -> dict[str, Any]:
        body = {"queue_name": QUEUE, "payload": {"of": home.org_id}}
        return self.shown("POST", "jobs", 201, json=body, key=home.key)

    def a_running_job(self, home: Home) -> dict[str, Any]:
        self.a_job(home)
        body = {"queue_name": QUEUE, "worker_id": WORKER}
        [job] = self.shown("POST", "jobs/claim", json=body, key=home.key)["jobs"]
        return dict(job)

    def a_dead_job(self, home: Home) -> dict[str, Any]:
        job = self.a_running_job(home)
        body = {"error": "boom", "no_retry": True}
        self.shown("POST", f"jobs/{job['id']}/fail", json=body, key=home.key)
        return job

    def a_worker(self, home: Home, worker_id: str = WORKER) -> None:
        body = {"queue_name": QUEUE, "worker_id": worker_id, "hostname": "h"}
        self.shown("POST", "workers/register", 201, json=body, key=home.key)

    def admin(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A call below /api/v1/admin with the admin key and no other credential."""
        return self.request(
            method, f"admin/{path}", key=None, headers={"X-Admin-Key": ADMIN_KEY}, **more
        )

    def emptied(self, *homes: Home) -> None:
        """Until the loops, which work between calls, have left only the rows of organizations."""
        for _ in looks():
            state = self.state()
            left = [rows_of(state, home.org) for home in homes]
            if all(_is_empty(rows) for rows in left):
                return
        raise AssertionError(f"there is still something: {left}")

    def _filled(self, path: str, home: Home) -> str:
        if "/organizations/{id}" in path:
            return path.replace("{id}", home.org_id)
        if "/api-keys/{id}" in path:
            body = {"name": "k", "permissions": ["api-keys:read"]}
            made = self.shown("POST", "api-keys", 201, json=body, key=home.key)
            return path.replace("{id}", made["id"])
        if path == "/api/v1/bindings":
            self.request("POST", "queues", json={"name": QUEUE}, key=home.key)
        if "/bindings/{id}" in path:
            self.request("POST", "queues", json={"name": QUEUE}, key=home.key)
            body = {"target_type": "queue", "target_name": QUEUE, "pattern": "made"}
            made = self.shown("POST", "bindings", 201, json=body, key=home.key)
            return path.replace("{id}", made["id"])
        if "/renderers/{name}" in path:
            path = path.replace("{name}", "known")
            self.shown("PUT", path, json=RENDERER, key=home.key)
            return path
        if "/inbox/{identity}" in path:
            self.shown("POST", "inbox/user-1", 201, json={"topic": "a"}, key=home.key)
            return path.replace("{identity}", "user-1")
        if "/tasks/{name}" in path:
            return a_task_for(path, self.shown, key=home.key)
        if "/flows/{name}" in path:
            return a_flow_for(path, self.shown, key=home.key)
        if "/workers/{id}" in path:
            worker_id = f"{WORKER}-{home.org}"
            self.a_worker(home, worker_id)
            return path.replace("{id}", worker_id)
        if "/schedules/{id}" in path:
            body = BODIES["POST /api/v1/schedules"]
            made = self.shown("POST", "schedules", 201, json=body, key=home.key)
            return path.replace("{id}", made["id"])
        if "webhooks/{id}" in path:
            return a_webhook_for(path, self, org=home.org, key=home.key)
        if "/workflows/{id}" in path and path.endswith(OF_RUNS):
            path = path.replace("{key}", A_STEP)
            return path.replace("{id}", a_run_of(self, home.org, QUEUE))
        if "/workflows/{id}" in path:
            return a_workflow_for(path, self.shown, key=home.key)
        if "/jobs/{id}/deliveries/" in path:
            return a_completion_call_for(path, self, self.a_job(home)["id"], org=home.org)
        if "/jobs/{id}" in path:
            act = path.rpartition("/")[2]
            make = {
                **dict.fromkeys(("retry", "wait"), self.a_dead_job),
                **dict.fromkeys(_IS_RUNNING, self.a_running_job),
            }
            return path.replace("{id}", make.get(act, self.a_job)(home)["id"])
        if "/queues/{name}" in path:
            self.request("POST", "queues", json={"name": QUEUE}, key=home.key)
            path = path.replace("{name}", QUEUE)
            if path.endswith("/messages/{id}"):
                sent = self.shown(
                    "POST", f"queues/{QUEUE}/messages", 201, json={"body": 1}, key=home.key
                )
                path = path.replace("{id}", sent["id"])
            return path
        assert "{" not in path, f"{path}: what does it need?"
        return path


def every_row(tx: Reading) -> dict[str, list[dict[str, Any]]]:
    """All that is in the file but the notes of when a key was last used."""
    found = {}
    for table in tx.values(TABLES):
        whole = Statement(dict[str, Any], f"SELECT * FROM {table}")  # noqa: S608
        rows = [dict(row) for row in tx.rows(whole)]
        for row in rows:
            row.pop("last_used_ms", None)  # written at any time after a call
        found[table] = rows
    return found


def rows_of(state: Mapping[str, list[dict[str, Any]]], org: int) -> dict[str, Any]:
    """Those of one organization."""
    jobs = {row["seq"] for row in state["jobs"] if row["org"] == org}
    queues = {row["seq"] for row in state["queues"] if row["org"] == org}

    def is_its(table: str, row: Mapping[str, Any]) -> bool:
        if table == "organizations":
            return bool(row["seq"] == org)
        if "org" in row:
            return bool(row["org"] == org)
        keys = {*queues, -org}  # sums of the organization stand behind its number with a minus
        return row.get("job") in jobs or row.get("queue") in keys or row.get("key") in keys

    return {table: [row for row in rows if is_its(table, row)] for table, rows in state.items()}


def told(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal; the code of what is none is empty."""
    if answer.status_code < 400:
        return answer.status_code, ""
    assert_envelope(answer)
    return answer.status_code, answer.json()["code"]


def _is_empty(rows: Mapping[str, list[dict[str, Any]]]) -> bool:
    [organization] = rows["organizations"]
    there = {table for table in rows if rows[table]}
    return there == {"organizations"} and organization["emptied_at_ms"] is not None
