"""A walk through the API: the calls whose answers the OpenAPI document shows as examples.

Every body is the example of the document, except for ids that a server makes. Time stands still and
ids come from a seed, and no background loop runs: a webhook that one delivers would show when its
receiver answered. So the answers are the same each time. `make examples` writes them down.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from spooled_lite.config import Settings
from spooled_lite.ids import Ids
from spooled_lite.wire.http.documents.operation_ids import OPERATION_IDS
from spooled_lite.wire.http.documents.text import document_text
from tests.wire.http.ingest_calls import PAID, PUSH, SECRETS, github_headers, stripe_headers
from tests.wire.http.item_calls import Generating, a_generating_run
from tests.wire.http.run_calls import A_STEP, a_run_of
from tests.wire.http.served import Api

DOCUMENT: Final[Mapping[str, Any]] = json.loads(document_text())
ROUTE_OF: Final = {name: route for route, name in OPERATION_IDS.items()}
ADMIN_KEY: Final = "an admin key for these tests, long enough"
SETTINGS: Final = Settings(admin_key=ADMIN_KEY, jwt_secret="of these examples alone, 32 characters")

_SECRET: Final = "its answer holds a secret"
_MAIL: Final = "it needs a server that sends mail"
_CALL: Final = "it calls an address and says how that answered"
_MACHINE: Final = "its answer depends on the machine it runs on"

# Operations whose examples are put together from those of their fields, with the reason.
NOT_RECORDED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("login", "refreshToken", "verifyEmailCode", "completeSignup"), _SECRET),
    "signInWithLink": _SECRET,
    "getSignInOptions": "it says how the server was started",
    **dict.fromkeys(("createOrganization", "adminCreateOrganization"), _SECRET),
    **dict.fromkeys(("createApiKey", "createOrganizationApiKey", "regenerateApiKey"), _SECRET),
    **dict.fromkeys(("adminCreateApiKey", "getWebhookToken", "regenerateWebhookToken"), _SECRET),
    "getOrganizationWebhookToken": _SECRET,
    "regenerateOrganizationWebhookToken": _SECRET,
    **dict.fromkeys(("startEmailSignIn", "sendBillingEmailCode", "confirmBillingEmail"), _MAIL),
    **dict.fromkeys(("testWebhook", "testOutgoingWebhook"), _CALL),
    **dict.fromkeys(("retryDelivery", "retryOutgoingWebhookDelivery"), _CALL),
    "retryJobDelivery": _CALL,
    **dict.fromkeys(("getHealth", "getHealthReady", "getMetrics", "adminGetServer"), _MACHINE),
    **dict.fromkeys(("adminListBackups", "adminCreateBackup"), _MACHINE),
    **dict.fromkeys(("createTopicToken", "pollInbox"), _SECRET),
    "getOpenapi": "it answers with the document itself",
}

Answers = dict[str, dict[str, Any]]  # by operation id, then by status


GENERATED: Final = "catalog"  # where a generator and its items are worked on


class Walk:
    """Makes calls and keeps the first answer of each operation and status."""

    def __init__(self, api: Api) -> None:
        self.answers: Answers = {}
        self._api = api

    def call(
        self,
        operation_id: str,
        changes: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        signed: bytes | None = None,
        **path: str,
    ) -> Any:
        """`changes`: what differs from the example of the body; `signed`: the body itself."""
        method, template = ROUTE_OF[operation_id]
        operation = DOCUMENT["paths"][template][method.lower()]
        url = template.format(**{name: quote(value) for name, value in path.items()})
        more: dict[str, Any] = {} if query is None else {"params": query}
        if headers is not None:
            more["headers"] = dict(headers)
        if signed is not None:
            more["content"] = signed
        elif "requestBody" in operation:
            example = operation["requestBody"]["content"]["application/json"]["example"]
            more["json"] = {**example, **(changes or {})}
        if template.startswith(("/api/v1/admin", "/api/v1/maintenance/m")):
            more |= {"key": None, "headers": {"X-Admin-Key": ADMIN_KEY}}
        answer = self._api.request(method, url, **more)
        assert answer.is_success, f"{operation_id}: {answer.text}"
        shown = None if answer.status_code == 204 else answer.json()
        if operation_id not in NOT_RECORDED:
            self.answers.setdefault(operation_id, {}).setdefault(str(answer.status_code), shown)
        return shown

    def a_run(self) -> str:
        """The id of a run that waits for a signal."""
        return a_run_of(self._api, self._api.served.org, "emails")

    def a_generating_run(self) -> Generating:
        return a_generating_run(self._api, self._api.served.org, GENERATED)

    @property
    def org_id(self) -> str:
        return self._api.served.org_id

    @property
    def key(self) -> str:
        return self._api.key

    @property
    def now_ms(self) -> int:
        return self._api.clock.now_ms()

    def pass_time(self, seconds: float) -> None:
        self._api.clock.advance(seconds=seconds)


async def _without_loops(*_: object) -> None:
    """In place of what runs the background loops."""


def answers() -> Answers:
    """The example of every operation that this walk calls, by status."""
    with Api(":memory:", SETTINGS, ids=Ids(1), supervise=_without_loops) as api:
        walk = Walk(api)
        _queues_and_workers(walk)
        _jobs(walk)
        _dead_letters(walk)
        _dependencies(walk)
        _schedules(walk)
        _workflows(walk)
        _figures(walk)
        _server(walk)
        _keys_and_sign_in(walk)
        _webhooks(walk)
        _organizations(walk)
        _ingest(walk)
        _items(walk)
        return {
            name: {status: shown for status, shown in found.items() if shown is not None}
            for name, found in sorted(walk.answers.items())
            if any(shown is not None for shown in found.values())
        }


def _queues_and_workers(walk: Walk) -> None:
    walk.call("createQueue")
    walk.pass_time(1)
    walk.call("createQueue")
    for name in ("getQueue", "configureQueue", "updateQueue", "patchQueue"):
        walk.call(name, name="emails")
    walk.call("sendMessages", name="emails")
    walk.call("sendMessages", name="emails")  # the key is taken
    walk.call("listMessages", name="emails")
    [read] = walk.call("readMessages", name="emails")["messages"]
    walk.call("hideMessages", {"ids": [read["id"]]}, name="emails")
    walk.call("deleteMessages", {"ids": [read["id"]]}, name="emails")
    walk.call("sendMessages", name="emails")
    bound = walk.call("createBinding")
    walk.call("createBinding")
    walk.call("listBindings")
    walk.call("publish")
    walk.call("runBatch")
    walk.call("putNotification", identity="user-123")
    walk.call("readInbox", identity="user-123")
    walk.call("markNotificationsSeen", identity="user-123")
    walk.call("putRenderer", name="order_li")
    walk.call("getRenderer", name="order_li")
    walk.call("listRenderers")
    walk.call("deleteRenderer", name="order_li")
    walk.call("notify")
    walk.call("listPresent", query={"topic": "order.7"})
    query = {"target_type": "queue", "target_name": "emails", "pattern": "events.#"}
    walk.call("deleteBindings", query=query)
    walk.call("deleteBindings", query=query)
    assert bound["id"]
    walk.call("collectGarbage")
    walk.call("listMigrations")
    walk.call("replaceTask", name="charge_card")
    walk.call("createTask")
    walk.call("createTask")
    walk.call("replaceFlow", name="order_flow")
    walk.call("createFlow", {"name": "other_flow"})
    walk.call("createFlow")
    walk.call("getFlow", name="order_flow")
    walk.call("listFlows")
    walk.call("deleteFlow", name="other_flow")
    walk.call("putFlowSchedule", name="order_flow")
    walk.call("getFlowSchedule", name="order_flow")
    walk.call("deleteFlowSchedule", name="order_flow")
    walk.call("runFlow", name="order_flow")
    walk.call("runFlow", name="order_flow")
    walk.call("listFlowRuns", name="order_flow")
    walk.call("deleteFlowRuns", query={"older_than_seconds": "86400"}, name="order_flow")
    walk.call("getTask", name="charge_card")
    walk.call("putTaskSchedule", name="charge_card")
    walk.call("getTaskSchedule", name="charge_card")
    walk.call("deleteTaskSchedule", name="charge_card")
    walk.call("listTasks")
    walk.call("deleteTask", name="send_email")
    run = walk.call("runTask", name="charge_card")
    walk.call("runTask", name="charge_card")
    walk.call("listTaskRuns", name="charge_card")
    walk.call("getTaskRun", name="charge_card", id=run["id"])
    walk.call("waitForTaskRun", name="charge_card", id=run["id"], query={"timeout_ms": "0"})
    walk.call("cancelTaskRun", name="charge_card", id=run["id"])
    walk.call("waitForTaskRun", name="charge_card", id=run["id"])
    walk.call("deleteTaskRuns", query={"older_than_seconds": "86400"}, name="charge_card")
    walk.call("pauseQueue", name="emails")
    walk.pass_time(60)
    walk.call("resumeQueue", name="emails")
    walk.call("registerWorker")
    walk.pass_time(10)
    walk.call("heartbeatWorker", id="mailer-1")
    walk.call("getWorker", id="mailer-1")
    walk.call("listWorkers")


def _jobs(walk: Walk) -> None:
    job = walk.call("createJob")
    walk.pass_time(1)
    walk.call("createJob")  # the idempotency key is known
    walk.call("createJobs")
    walk.call("explainJob", id=job["id"])
    walk.call("setJobPriority", id=job["id"])
    [claimed, *_] = walk.call("claimJobs")["jobs"]
    holder = {"lease_id": claimed["lease_id"]}
    walk.pass_time(2)
    walk.call("listJobsOfWorker", id="mailer-1")
    walk.call("reportJobProgress", holder, id=job["id"])
    walk.call("heartbeatJob", holder, id=job["id"])
    walk.call("renewJobLease", holder, id=job["id"])
    held = {"id": job["id"], **holder}
    walk.call("renewLeases", {"leases": [held, {**held, "lease_id": claimed["id"]}]})
    walk.pass_time(3)
    walk.call("waitForJob", query={"timeout_ms": "0"}, id=job["id"])
    walk.call("waitForFirstJob", query={"ids": job["id"], "timeout_ms": "0"})
    walk.call("completeJob", holder, id=job["id"])
    walk.call("waitForJob", id=job["id"])
    walk.call("waitForFirstJob", query={"ids": job["id"]})
    walk.call("getJob", id=job["id"])
    walk.call("getJobHistory", id=job["id"])
    walk.call("getJobStatuses", query={"ids": job["id"]})
    walk.call("createJob", {"idempotency_key": None})
    taken = walk.call("dequeueJob")
    held = {"id": taken["id"], "lease_id": taken["lease_id"]}
    walk.call("settleJobs", {"jobs": [{**held, "error": "Connection refused"}, held]})
    cancelled = walk.call("createJob", {"idempotency_key": None})
    walk.call("cancelJob", id=cancelled["id"])
    walk.call("listJobs", query={"limit": "2"})
    walk.call("searchJobs", query={"text": "ada@example.org", "limit": "1"})
    walk.call("getJobStats")
    walk.call("listEvents", query={"limit": "2"})
    walk.call("adminGetJob", id=job["id"])


def _dead_letters(walk: Walk) -> None:
    for no_retry in (False, True, True, True):
        walk.call("createJob", {"idempotency_key": None, "priority": 100})
        [claimed] = walk.call("claimJobs", {"limit": 1})["jobs"]
        holder = {"lease_id": claimed["lease_id"], "no_retry": no_retry}
        walk.pass_time(2)
        walk.call("failJob", holder, id=claimed["id"])
    walk.call("listDeadLetters", query={"limit": "1"})
    walk.call("retryJob", id=claimed["id"])
    walk.call("actOnJobs")
    walk.call("listErrors")
    walk.call("listActs")
    walk.call("getSeries", query={"step": "600"})
    walk.call("retryDeadLetters", {"limit": 1})
    walk.call("purgeDeadLetters", {"older_than": "2027-01-16T00:00:00Z"})


def _dependencies(walk: Walk) -> None:
    parent = walk.call("createJob", {"idempotency_key": None})
    child = walk.call("createJob", {"idempotency_key": None})
    walk.call("addJobDependencies", {"depends_on": [parent["id"]]}, id=child["id"])
    walk.call("getJobDependencies", id=child["id"])


def _schedules(walk: Walk) -> None:
    walk.call("previewSchedule")
    schedule_id = walk.call("createSchedule")["id"]
    for name in (
        "getSchedule", "updateSchedule", "pauseSchedule", "resumeSchedule", "triggerSchedule",
        "getScheduleHistory", "getScheduleNextTimes",
    ):  # fmt: skip
        walk.pass_time(1)
        walk.call(name, id=schedule_id)
    walk.call("listSchedules")
    walk.call("listUpcomingSlots")


def _workflows(walk: Walk) -> None:
    made = walk.call("createWorkflow")
    workflow_id, job_id = made["id"], made["job_ids"][0]["job_id"]
    walk.pass_time(1)
    [claimed] = walk.call("claimJobs", {"queue_name": "accounts"})["jobs"]
    walk.call("failJob", {"lease_id": claimed["lease_id"], "no_retry": True}, id=job_id)
    walk.call("waitForWorkflow", id=workflow_id)
    walk.call("rerunWorkflow", id=workflow_id)
    walk.call("retryWorkflow", id=workflow_id)
    walk.call("waitForWorkflow", query={"timeout_ms": "0"}, id=workflow_id)
    [claimed] = walk.call("claimJobs", {"queue_name": "accounts"})["jobs"]
    holder = {"lease_id": claimed["lease_id"], "result": {"id": 7}}
    walk.pass_time(1)
    walk.call("completeJob", holder, id=job_id)
    walk.call("getWorkflow", id=workflow_id)
    walk.call("listWorkflows")
    walk.call("listWorkflowSteps", id=workflow_id)
    walk.call("getWorkflowStep", id=workflow_id, key="account")
    walk.call("waitForWorkflowStep", id=workflow_id, key="account")
    walk.call("waitForWorkflowStep", query={"timeout_ms": "0"}, id=workflow_id, key="welcome")
    walk.call("listWorkflowJobs", id=workflow_id)
    walk.call("listWorkflowJobStatuses", id=workflow_id)
    walk.call("getWorkflowJob", id=workflow_id, job_id=job_id)
    for _ in range(2):  # the second one is answered the first
        walk.call("createWorkflow", {"concurrency_key": "acme"})
    walk.call("cancelWorkflow", id=workflow_id)
    walk.pass_time(1)
    run_id = walk.a_run()
    walk.call("signalWorkflowStep", id=run_id, key=A_STEP)
    walk.call("completeWorkflow", id=run_id)


def _items(walk: Walk) -> None:
    generating = walk.a_generating_run()
    walk.call("addStepItems", generating.body, id=generating, key=A_STEP)
    jobs = walk.call("claimJobs", {"queue_name": GENERATED, "worker_id": "w", "limit": 1})["jobs"]
    done = [{"id": job["id"], "lease_id": job["lease_id"], "result": 40} for job in jobs]
    walk.call("completeStepItems", {"items": done}, id=generating, key=A_STEP)
    walk.call("listStepItems", id=generating, key=A_STEP)


def _figures(walk: Walk) -> None:
    walk.call("getQueueStats", name="emails")
    walk.call("listQueues")
    walk.call("listQueueOverviews")
    walk.call("purgeQueue", name="emails")
    walk.call("checkSlug", query={"slug": "acme"})
    walk.call("checkSlugInPath", slug="acme")
    walk.call("generateSlug")
    walk.call("getSignInOptions")
    walk.call("getUsage")
    walk.call("adminListOrganizations", query={"limit": "1"})
    for name in ("adminGetStats", "adminListPlans", "adminListQueues", "adminListWorkers"):
        walk.call(name)
    walk.call("adminListJobs", query={"limit": "1"})
    walk.call("adminListSchedules")
    walk.call("adminListWorkflows")
    walk.call("adminGetWorker", id="mailer-1")


def _server(walk: Walk) -> None:
    walk.call("getHealthLive")
    walk.call("getPrometheusMetrics", headers={"Accept": "application/json"})
    for name in ("getDashboard", "getDashboardOverview", "getBillingStatus"):
        walk.call(name)


def _keys_and_sign_in(walk: Walk) -> None:
    walk.call("getMe")
    token = walk.call("login", {"api_key": walk.key})["access_token"]
    walk.call("validateToken", {"token": token})
    walk.call("checkEmail", query={"email": "ada@example.org"})
    walk.call("checkEmailInQuery", query={"email": "ada@example.org"})
    walk.call("checkEmailInBody")
    key = walk.call("createApiKey")
    walk.call("getApiKey", id=key["id"])
    walk.call("updateApiKey", id=key["id"])
    walk.call("listApiKeys")


def _webhooks(walk: Walk) -> None:
    for name in ("OutgoingWebhook", "Webhook"):
        webhook_id = walk.call(f"create{name}")["id"]
        walk.call(f"get{name}", id=webhook_id)
        walk.call(f"update{name}", id=webhook_id)
        walk.call(f"patch{name}", id=webhook_id)
        walk.call("createJob", {"idempotency_key": None, "priority": 100})
        [claimed] = walk.call("claimJobs", {"limit": 1})["jobs"]
        holder = {"lease_id": claimed["lease_id"], "no_retry": True}
        walk.call("failJob", holder, id=claimed["id"])
        walk.call(f"list{name}Deliveries", id=webhook_id)
        walk.call("listJobDeliveries", id=claimed["id"])
        walk.call(f"list{name}s")


def _ingest(walk: Walk) -> None:
    token = walk.call("getWebhookToken")["token"]
    walk.call("updateOrganization", {"settings": SECRETS}, id=walk.org_id)
    walk.call("receiveCustomWebhook", headers={"X-Webhook-Token": token}, org_id=walk.org_id)
    for name, body, proof in (
        ("receiveGithubWebhook", PUSH, github_headers(PUSH, event="push")),
        ("receiveStripeWebhook", PAID, stripe_headers(PAID, walk.now_ms // 1000)),
    ):
        walk.call(name, signed=body, headers=proof, org_id=walk.org_id)
    walk.call("listReceivedWebhooks")


def _organizations(walk: Walk) -> None:
    walk.call("updateOrganization", id=walk.org_id)
    for name in ("getOrganization", "getOrganizationUsage", "listOrganizationMembers"):
        walk.call(name, id=walk.org_id)
    walk.call("listOrganizations")
    for name in ("adminGetOrganization", "adminUpdateOrganization", "adminPutOrganization"):
        walk.call(name, id=walk.org_id)
    walk.call("adminSetLimits", id=walk.org_id)


if __name__ == "__main__":
    json.dump(answers(), sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")
