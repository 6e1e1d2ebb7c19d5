"""What is served against the contract's table of routes (README, section 8)."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from spooled_lite.wire.http.routes import ROUTES
from tests.wire.http.admin_calls import ADMIN_KEY, AdminApi
from tests.wire.http.ingest_calls import an_ingest_call
from tests.wire.http.item_calls import ADD, COMPLETE, OF_NOBODY, a_generating_run
from tests.wire.http.job_calls import WatchedApi, refusal
from tests.wire.http.not_built_yet import NOT_BUILT_YET
from tests.wire.http.route_table import GRPC, MAIN_PORT, METRICS_PORT, Row
from tests.wire.http.run_calls import A_STEP, OF_RUNS, a_run_of
from tests.wire.http.sign_in_calls import an_address_for, sign_in_body
from tests.wire.http.webhook_calls import A_WEBHOOK, a_completion_call_for, a_webhook_for

SERVED: Final = {
    f"{method} {path}": (access.value, word) for method, path, _, access, word, *_ in ROUTES
}
BY_NAME: Final = {f"{row[0]} {row[1]}": row for row in MAIN_PORT}
# More words than the table has room for: the text above it gives them.
MORE_WORDS: Final = {"DELETE /api/v1/jobs/{id}": "jobs:write jobs:delete"}
# Refused without any look at a credential, as if there were no such path.
REFUSED: Final = [name for name, row in BY_NAME.items() if row[2] == "none"]


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with AdminApi() as it:
        yield it


def test_the_table_is_whole() -> None:
    kinds = Counter(row[5] for row in MAIN_PORT)

    assert len(BY_NAME) == len(MAIN_PORT) == 261
    assert kinds == {
        "core": 112, "alias": 22, "ext": 62, "optional": 11, "stub": 22, "own": 32,
    }  # fmt: skip
    assert (len(METRICS_PORT), len(GRPC)) == (3, 16)


def test_every_route_is_served_or_listed_as_not_built_yet() -> None:
    missing = BY_NAME.keys() - SERVED.keys() - NOT_BUILT_YET - set(REFUSED)

    assert missing == set()


def test_a_served_route_is_not_listed_any_more() -> None:
    assert SERVED.keys() & NOT_BUILT_YET == set()


def test_the_list_names_routes_of_the_contract_only() -> None:
    assert NOT_BUILT_YET - BY_NAME.keys() == set()


def test_nothing_else_is_served() -> None:
    assert SERVED.keys() - BY_NAME.keys() == set()


@pytest.mark.parametrize("name", SERVED)
def test_access_and_word_are_those_of_the_table(name: str) -> None:
    _, _, access, word, *_ = BY_NAME[name]

    assert SERVED[name] == (access, MORE_WORDS.get(name, word))


def test_what_is_always_refused_is_404_without_a_look_at_the_key(api: WatchedApi) -> None:
    for name in REFUSED:
        method, path = name.split()
        for key in (None, "sk_test_unknown"):
            assert refusal(api.request(method, filled(path), key=key)) == (404, "NOT_FOUND"), name


def test_what_is_not_built_yet_finds_nothing(api: WatchedApi) -> None:
    for name in NOT_BUILT_YET:
        method, path = name.replace("ANY", "POST").split()

        answer = api.request(method, filled(path))

        assert answer.status_code in (404, 405), name
        assert answer.json()["code"] in ("NOT_FOUND", "METHOD_NOT_ALLOWED")


def test_a_path_answers_its_methods_and_no_other(api: WatchedApi) -> None:
    methods: dict[str, set[str]] = {}
    for name in SERVED:
        method, path = name.split()
        methods.setdefault(path, set()).add(method)
    for path, allowed in methods.items():
        more = {"HEAD", "OPTIONS"} if "GET" in allowed else {"OPTIONS"}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - allowed:
            answer = api.request(method, filled(path))

            if method == "GET" and answer.status_code != 405:
                continue  # a literal path that is also an id of another route
            assert refusal(answer) == (405, "METHOD_NOT_ALLOWED"), (method, path)
            assert set(answer.headers["allow"].split(", ")) >= allowed | more


# -- success statuses ----------------------------------------------------------------------------

STEP: Final = {"key": "a", "queue_name": "emails", "payload": 1}
SCHEDULE: Final = {
    "name": "s", "cron": "@yearly", "queue_name": "emails", "payload": 1, "is_active": False,
}  # fmt: skip
BINDING: Final = {"target_type": "queue", "target_name": "known", "pattern": "a.#"}
TASK: Final = {"name": "known", "queue_name": "emails"}
RENDERER: Final = {"pattern": "a.#", "template": "<li>{{message}}</li>"}
FLOW: Final = {"steps": [{"key": "a", "queue_name": "emails"}]}
BODIES: Final[dict[str, Any]] = {
    "POST /api/v1/jobs": {"queue": "emails", "payload": 1},
    "POST /api/v1/jobs/bulk": {"queue": "emails", "jobs": [{"payload": 1}]},
    "POST /api/v1/jobs/claim": {"queue": "emails"},
    "POST /api/v1/jobs/dequeue": {"queue": "emails"},
    "POST /api/v1/jobs/heartbeat": {"leases": []},
    "POST /api/v1/jobs/settle": {"jobs": [{"id": "of-nobody"}]},
    "POST /api/v1/jobs/dlq/purge": {"confirm": True},
    "POST /api/v1/jobs/actions": {"action": "retry", "all": True, "dry_run": True},
    "PUT /api/v1/jobs/{id}/priority": {"priority": 1},
    "POST /api/v1/jobs/{id}/fail": {"error": "e"},
    "POST /api/v1/jobs/{id}/progress": {"progress": 1},
    "POST /api/v1/jobs/{id}/dependencies": {"depends_on": ["{id}"]},
    "POST /api/v1/queues": {"name": "new"},
    "POST /api/v1/bindings": BINDING,
    "POST /api/v1/tasks": {"name": "new_task"},
    "PUT /api/v1/tasks/{name}": {"max_retries": 5},
    "PUT /api/v1/tasks/{name}/schedule": {"cron_expression": "@daily"},
    "POST /api/v1/flows": {"name": "new_flow", "steps": [{"key": "a"}]},
    "PUT /api/v1/flows/{name}/schedule": {"cron_expression": "@daily"},
    "PUT /api/v1/flows/{name}": {"steps": [{"key": "a"}, {"key": "b"}]},
    "POST /api/v1/publish": {"topic": "a.b", "body": 1},
    "POST /api/v1/inbox/{identity}": {"topic": "a.b", "message": "m"},
    "POST /api/v1/inbox/{identity}/seen": {"until": 1},
    "POST /api/v1/realtime/notify": {"topic": "a.b"},
    "PUT /api/v1/realtime/renderers/{name}": RENDERER,
    "POST /api/v1/realtime/tokens": {"topics": ["a.#"]},
    "POST /api/v1/batch": {
        "operations": [{"op": "create_job", "queue_name": "emails", "payload": 1}]
    },
    "POST /api/v1/queues/{name}/messages": {"body": 1},
    "POST /api/v1/queues/{name}/messages/hide": {"ids": [], "hide_for_ms": 1_000},
    "POST /api/v1/queues/{name}/messages/delete": {"ids": []},
    "POST /api/v1/workers/register": {"queue_name": "emails", "hostname": "h"},
    "POST /api/v1/workflows/{id}/rerun": {"from": STEP["key"]},
    "POST /api/v1/workflows/{id}/complete": {"output": 1},
    "POST /api/v1/workflows/{id}/steps/{key}/items/complete": OF_NOBODY,
    "POST /api/v1/workflows": {"name": "w", "jobs": [STEP]},
    "POST /api/v1/schedules": SCHEDULE,
    "POST /api/v1/schedules/preview": {"cron": "@daily"},
    "POST /api/v1/outgoing-webhooks": A_WEBHOOK,
    "POST /api/v1/webhooks": A_WEBHOOK,
    "POST /api/v1/organizations": {"name": "New One"},
    "POST /api/v1/organizations/generate-slug": {"name": "New One"},
    "POST /api/v1/organizations/{id}/api-keys": {"name": "k"},
    "POST /api/v1/api-keys": {"name": "k"},
    "POST /api/v1/admin/organizations": {"name": "New One", "slug": "new-one"},
    "POST /api/v1/admin/organizations/{id}/api-keys": {"name": "k"},
    "PUT /api/v1/admin/organizations/{id}/limits": {"max_queues": 3},
}
# What counts the calls, where it is not the organization; nothing counts those with the admin key.
LIMITED_BY: Final = {
    **dict.fromkeys(("public", "registration", "hook-token", "signature", "rt-token"), "ip"),
    "admin": None,
}
# They answer only where backups are set up: see tests/background/test_backups.py.
SET_UP_ELSEWHERE: Final = frozenset({"GET /api/v1/admin/backups", "POST /api/v1/admin/backups"})
# Their answers have no end: see tests/wire/live/test_streams.py.
ENDLESS: Final = frozenset({"GET /api/v1/realtime/sse", "GET /api/v1/realtime/stream"})
RUNNING: Final = ("complete", "fail", "heartbeat", "renew-lease", "progress")


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in SERVED
        if SERVED[name][0] != "stream" and name not in SET_UP_ELSEWHERE | ENDLESS
    ],
)
def test_the_first_success_is_that_of_the_table(api: WatchedApi, name: str) -> None:
    row = BY_NAME[name]
    path, body = made_for(api, row), BODIES.get(name)
    if name == "POST /api/v1/bindings":
        api.post("queues", json={"name": "known"})
    if name.endswith("{id}/dependencies") and body is not None:
        body = {"depends_on": [api.enqueue()["id"]]}
    if row[0] == "POST" and row[1].startswith("/api/v1/auth/") and row[5] != "stub":
        body = sign_in_body(api, row[1])
    if "/billing-email/" in path:
        body = an_address_for(api, path, api.org)
    if row[1].endswith(ADD):
        run = a_generating_run(api, api.served.org, "emails")
        path = row[1].replace("{id}", run).replace("{key}", A_STEP)
        body = run.body if row[0] == "POST" else None

    headers = {"X-Admin-Key": ADMIN_KEY} if row[2] == "admin" else {}
    if row[1] == "/":
        headers = {"Accept": "text/html"}
    if row[1].endswith("/poll"):
        headers = {"Accept": "application/json"}  # as HTML an inbox in which nothing is is empty

    if "{org_id}" in row[1]:
        path, content, headers = an_ingest_call(row[1], api)
        answer = api.request(row[0], path, content=content, headers=headers)
    else:
        answer = api.request(row[0], path, json=body, headers=headers)

    assert str(answer.status_code) == row[4].split(",")[0], answer.text
    assert (answer.content == b"") is (answer.status_code in (204, 304))
    if row[1].startswith("/api/v1"):
        assert answer.headers["x-api-version"] == "1"
        assert answer.headers.get("x-ratelimit-scope") == LIMITED_BY.get(row[2], "organization")
    if row[0] == "GET" and answer.is_success:
        head = api.request("HEAD", path, headers=headers)
        assert (head.status_code, head.content) == (answer.status_code, b"")


@pytest.mark.parametrize("name", ["POST /api/v1/jobs", "POST /api/v1/queues"])
def test_the_second_time_is_the_other_success(api: WatchedApi, name: str) -> None:
    method, path = name.split()
    body = {**BODIES[name], "idempotency_key": "k"}

    answers = [api.request(method, path, json=body) for _ in range(2)]

    assert ",".join(str(answer.status_code) for answer in answers) == BY_NAME[name][4]


def made_for(api: WatchedApi, row: Row) -> str:
    """The path of a route with the id or name of something that it can be called on."""
    path = row[1]
    if path.startswith("/api/v1/admin/jobs/{id}"):
        return path.replace("{id}", api.enqueue()["id"])
    if "/jobs/{id}/deliveries/" in path:
        return a_completion_call_for(path, api, api.enqueue()["id"])
    if path == "/api/v1/jobs/wait":
        return f"{path}?ids={api.dead()['id']}"
    if path.startswith("/api/v1/jobs/{id}"):
        act = path.rpartition("/")[2]
        if act in RUNNING:
            made = api.claimed()
        elif act in ("retry", "wait"):
            made = api.dead()
        else:
            made = api.enqueue()
        return path.replace("{id}", made["id"])
    if path.startswith("/api/v1/workflows/{id}") and path.endswith((ADD, COMPLETE)):
        run = a_generating_run(api, api.served.org, "emails")
        return path.replace("{id}", run).replace("{key}", A_STEP)
    if path.startswith("/api/v1/workflows/{id}") and path.endswith(OF_RUNS):
        made_id = a_run_of(api, api.served.org, "emails")
        return path.replace("{id}", made_id).replace("{key}", A_STEP)
    if path.startswith("/api/v1/workflows/{id}"):
        return a_workflow_for(path, api.shown)
    if path.startswith("/api/v1/schedules/{id}"):
        return path.replace("{id}", api.shown("POST", "schedules", 201, json=SCHEDULE)["id"])
    if "webhooks/{id}" in path:
        return a_webhook_for(path, api)
    if path.startswith("/api/v1/queues/{name}"):
        api.post("queues", json={"name": "known"})
        path = path.replace("{name}", "known")
        if path.endswith("/messages/{id}"):
            sent = api.shown("POST", "queues/known/messages", 201, json={"body": 1})
            path = path.replace("{id}", sent["id"])
        return path
    if path.startswith("/api/v1/tasks/{name}"):
        is_purge = row[0] == "DELETE" and path.endswith("/runs")
        return a_task_for(path, api.shown) + ("?older_than_seconds=0" if is_purge else "")
    if "/inbox/{identity}" in path:
        return path.replace("{identity}", "user-1")
    if path.endswith("/poll"):
        body = {"topics": ["a.#"], "identity": "user-1"}
        made = api.shown("POST", "realtime/tokens", json=body)
        return f"{path}?token={made['token']}"
    if "/renderers/{name}" in path:
        path = path.replace("{name}", "known")
        api.shown("PUT", path, json=RENDERER)
        return path
    if path.startswith("/api/v1/flows/{name}"):
        is_purge = row[0] == "DELETE" and path.endswith("/runs")
        return a_flow_for(path, api.shown) + ("?older_than_seconds=0" if is_purge else "")
    if path == "/api/v1/bindings" and row[0] == "DELETE":
        return f"{path}?target_type=queue&target_name=known&pattern=a"
    if path == "/api/v1/bindings/{id}":
        api.post("queues", json={"name": "known"})
        return path.replace("{id}", api.shown("POST", "bindings", 201, json=BINDING)["id"])
    if path.startswith(("/api/v1/workers/{id}", "/api/v1/admin/workers/{id}")):
        api.post("workers/register", json={"queue_name": "emails", "worker_id": "w-1"})
        return path.replace("{id}", "w-1")
    if path.startswith(("/api/v1/organizations/{id}", "/api/v1/admin/organizations/{id}")):
        return path.replace("{id}", api.served.org_id)
    if path.startswith("/api/v1/api-keys/{id}"):
        made = api.shown("POST", "api-keys", 201, json={"name": "k"})
        return path.replace("{id}", made["id"])
    if path.endswith(("/check-email", "/email/check")):
        return f"{path}?email=ada@example.com"
    if path.endswith("/check-slug"):
        return f"{path}?slug=free-one"
    if path.endswith("/jobs/search"):
        return f"{path}?text=x"
    if path.endswith("/presence"):
        return f"{path}?topic=order.7"
    return f"{path}?ids=x" if path.endswith("/jobs/status") else path


def a_task_for(path: str, shown: Callable[..., Any], **more: Any) -> str:
    """The path with a task, and a run of it that has ended if the call waits for one."""
    shown("PUT", f"tasks/{TASK['name']}", json={"queue_name": TASK["queue_name"]}, **more)
    path = path.replace("{name}", TASK["name"])
    if path.endswith("/schedule"):
        shown("PUT", f"tasks/{TASK['name']}/schedule", json={"cron_expression": "@hourly"}, **more)
    if "{id}" not in path:
        return path
    run = shown("POST", f"tasks/{TASK['name']}/runs", 201, json={"input": 1}, **more)
    if path.endswith("/wait"):
        shown("POST", f"tasks/{TASK['name']}/runs/{run['id']}/cancel", **more)
    return path.replace("{id}", run["id"])


def a_flow_for(path: str, shown: Callable[..., Any], **more: Any) -> str:
    """The path with a flow, and its schedule if the call is about that."""
    shown("PUT", "flows/known", json=FLOW, **more)
    if path.endswith("/schedule"):
        shown("PUT", "flows/known/schedule", json={"cron_expression": "@hourly"}, **more)
    return path.replace("{name}", "known")


def a_workflow_for(path: str, shown: Callable[..., Any], **more: Any) -> str:
    """The path with a new workflow on which the call succeeds; `shown` makes calls."""
    is_to_fail = path.endswith("/retry")
    step = {**STEP, "priority": 100 if is_to_fail else 0}
    made = shown("POST", "workflows", 201, json={"name": "w", "jobs": [step]}, **more)
    if is_to_fail:
        claim = {"queue_name": "emails", "worker_id": "w-1"}
        [job] = shown("POST", "jobs/claim", json=claim, **more)["jobs"]
        assert job["id"] == made["job_ids"][0]["job_id"], "its priority is the highest"
        shown("POST", f"jobs/{job['id']}/fail", json={"error": "e", "no_retry": True}, **more)
    elif path.endswith(("/workflows/{id}", "/wait", "/rerun")):
        shown("POST", f"workflows/{made['id']}/cancel", **more)
    path = path.replace("{job_id}", made["job_ids"][0]["job_id"]).replace("{key}", A_STEP)
    return path.replace("{id}", made["id"])


def filled(path: str) -> str:
    """The path with something in place of every parameter."""
    return "/".join("x" if part.startswith("{") else part for part in path.split("/"))
