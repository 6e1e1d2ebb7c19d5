"""Whatever schemathesis makes of the OpenAPI document, the application does as it says."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from spooled_lite.config import Settings
from spooled_lite.wire.http.documents.text import document_text
from tests.wire.http.served import BASE_URL, Api
from tests.wire.http.webhook_calls import A_WEBHOOK

ADMIN_KEY: Final = "an admin key for these tests, long enough"
# Not `negative_data_rejection`: the contract is tolerant on purpose.
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# They end what the other calls of the test need. Tests of their own look at them.
LEFT_OUT: Final = {
    ("POST", "/api/v1/auth/logout"),
    ("DELETE", "/api/v1/api-keys/{id}"),
    ("POST", "/api/v1/api-keys/{id}/regenerate"),
    ("DELETE", "/api/v1/organizations/{id}"),
    ("DELETE", "/api/v1/admin/organizations/{id}"),
    # They do not end by themselves.
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/events/jobs/{id}"),
    ("GET", "/api/v1/events/queues/{name}"),
    ("GET", "/api/v1/ws"),
    ("GET", "/api/v1/realtime/sse"),
    ("GET", "/api/v1/realtime/stream"),
}
DOCUMENT: Final = json.loads(document_text())
OPERATIONS: Final = [
    (method.upper(), path)
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if (method.upper(), path) not in LEFT_OUT
]
# Which of the jobs a call is about, by the end of its path.
JOB_FOR: Final[Mapping[str, str]] = {
    **dict.fromkeys(("complete", "fail", "heartbeat", "renew-lease", "progress"), "claimed"),
    "retry": "dead",
}
CREDENTIALS: Final = ("Authorization", "X-API-Key", "X-Admin-Key")  # not made up ones
SCHEMA: Final = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_answers_are_as_documented(method: str, path: str) -> None:
    with Api(":memory:", Settings(admin_key=ADMIN_KEY)) as api:
        call_often(api, method, path, GenerationMode.POSITIVE, examples=5, derandomize=True)
        call_often(api, method, path, GenerationMode.NEGATIVE, examples=3, derandomize=True)


@pytest.mark.long
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_many_answers_are_as_documented(method: str, path: str, mode: GenerationMode) -> None:
    with Api(":memory:", Settings(admin_key=ADMIN_KEY)) as api:
        call_often(api, method, path, mode, examples=300, derandomize=False)


def call_often(
    api: Api, method: str, path: str, mode: GenerationMode, *, examples: int, derandomize: bool
) -> None:
    known = things(api)

    @settings(
        max_examples=examples,
        derandomize=derandomize,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(SCHEMA[path][method].as_strategy(generation_mode=mode), st.booleans())
    def one(case: Case[Any], is_known: bool) -> None:
        if is_known:
            aim(case, known)
        case.validate_response(sent(api, case), checks=CHECKS)

    try:
        one()
    except Unsatisfiable:
        # Nothing that is sent to a route without a body and parameters can be wrong.
        assert mode is GenerationMode.NEGATIVE


def things(api: Api) -> dict[str, str]:
    """Something of everything, by the parameter of a path that names it."""
    queue = {"queue_name": "emails"}
    job = api.post("jobs", json={**queue, "payload": {}}).json()["id"]
    claimed = api.post("jobs", json={**queue, "payload": {}, "priority": 1}).json()["id"]
    api.post("jobs/claim", json={**queue, "worker_id": "w-1"})
    api.post("workers/register", json={**queue, "worker_id": "w-1"})
    dead = api.post("jobs", json={**queue, "payload": {}, "priority": 1}).json()["id"]
    api.post("jobs/claim", json={**queue, "worker_id": "w-1"})
    api.post(f"jobs/{dead}/fail", json={"error": "boom", "no_retry": True})
    key = api.get("api-keys").json()[0]["id"]
    webhook = api.post("outgoing-webhooks", json=A_WEBHOOK).json()["id"]
    return {
        "jobs": job,
        "claimed": claimed,
        "dead": dead,
        "queues": "emails",
        "workers": "w-1",
        "api-keys": key,
        "outgoing-webhooks": webhook,
        "webhooks": webhook,
        "organizations": api.served.org_id,
    }


def aim(case: Case[Any], known: Mapping[str, str]) -> None:
    """Let a call be about something that is there: made-up ids never are."""
    parts = case.path.removeprefix("/api/v1").removeprefix("/admin").split("/")
    thing = JOB_FOR.get(parts[-1], "jobs") if parts[1] == "jobs" else parts[1]
    for name in case.path_parameters or {}:
        case.path_parameters[name] = known.get(thing, "x")
    if isinstance(case.body, dict):
        for field in ("queue_name", "queue"):
            if field in case.body:
                case.body[field] = "emails"


def sent(api: Api, case: Case[Any]) -> Any:
    if isinstance(case.body, dict):
        case.body.pop("wait_ms", None)  # some values would really wait
    request = case.as_transport_kwargs(base_url=BASE_URL)
    headers = {name: value for name, value in request["headers"].items() if name not in CREDENTIALS}
    is_admin = "/admin/" in case.path
    if is_admin:
        headers["X-Admin-Key"] = ADMIN_KEY
    more: dict[str, Any] = {name: request[name] for name in ("json", "params") if name in request}
    if request.get("data") is not None:
        more["content"] = request["data"]
    url = request["url"].removeprefix(BASE_URL)
    key = None if is_admin else "the key"
    return api.request(request["method"], url, key=key, headers=headers, **more)
