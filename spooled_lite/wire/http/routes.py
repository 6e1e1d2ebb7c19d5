"""Every path, its handler, who may call it and the permission word a limited key needs."""

from typing import Final

from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.dispatch import Row, Trait
from spooled_lite.wire.http.documents import pages as documents
from spooled_lite.wire.http.flow_routes import FLOW_ROUTES
from spooled_lite.wire.http.live_routes import INBOX_ROUTES, LIVE_ROUTES, RENDERER_ROUTES
from spooled_lite.wire.http.resources import (
    acts,
    admin,
    admin_reads,
    attempts,
    auth,
    backups,
    batch,
    billing,
    confirmation,
    dashboard,
    dead_letters,
    dependencies,
    email_sign_in,
    event_log,
    export,
    front,
    health,
    ingest,
    job_actions,
    jobs,
    keys,
    maintenance,
    many_attempts,
    messages,
    metrics,
    new_jobs,
    orgs,
    outcomes,
    overviews,
    queues,
    schedules,
    search,
    series,
    sign_in_link,
    streams,
    stubs,
    task_runs,
    task_schedules,
    tasks,
    topics,
    webhooks,
    workers,
    workflows,
)
from spooled_lite.wire.http.step_routes import STEP_ROUTES

# The last column names permissions: `-` is none, of two words the caller needs either.
# Contract: README, section 8.
# fmt: off
HEALTH: Final[tuple[Row, ...]] = (
    ("GET", "/health",       health.overview, Access.PUBLIC, "-", Trait.UNLIMITED),
    ("GET", "/health/live",  health.live,     Access.PUBLIC, "-", Trait.UNLIMITED),
    ("GET", "/health/ready", health.ready,    Access.PUBLIC, "-", Trait.UNLIMITED),
)

DOCUMENTS: Final[tuple[Row, ...]] = (
    ("GET", "/",             front.page,        Access.PUBLIC, "-"),
    ("GET", "/docs",         documents.docs,    Access.PUBLIC, "-"),
    ("GET", "/openapi.json", documents.openapi, Access.PUBLIC, "-"),
)

AUTH: Final[tuple[Row, ...]] = (
    ("POST", "/api/v1/auth/login",           auth.login,             Access.PUBLIC, "-"),
    ("POST", "/api/v1/auth/refresh",         auth.refresh,           Access.PUBLIC, "-"),
    ("POST", "/api/v1/auth/logout",          auth.logout,            Access.KEY,    "-"),
    ("GET",  "/api/v1/auth/me",              auth.me,                Access.KEY,    "-"),
    ("POST", "/api/v1/auth/validate",        auth.validate,          Access.PUBLIC, "-"),
    ("POST", "/api/v1/auth/link",            sign_in_link.sign_in,   Access.PUBLIC, "-"),
    ("GET",  "/api/v1/auth/options",         sign_in_link.options,   Access.PUBLIC, "-"),
    ("POST", "/api/v1/auth/email/start",     email_sign_in.start,    Access.PUBLIC, "-"),
    ("POST", "/api/v1/auth/email/verify",    email_sign_in.verify,   Access.PUBLIC, "-"),
    ("POST", "/api/v1/auth/signup/complete", email_sign_in.complete, Access.PUBLIC, "-"),
    ("GET",  "/api/v1/auth/check-email",     email_sign_in.check,    Access.PUBLIC, "-"),
    ("GET",  "/api/v1/auth/email/check",     email_sign_in.check,    Access.PUBLIC, "-"),
    ("POST", "/api/v1/auth/email/check",     email_sign_in.check,    Access.PUBLIC, "-"),
)

JOBS: Final[tuple[Row, ...]] = (
    ("POST",   "/api/v1/jobs",                   new_jobs.create,       Access.KEY, "jobs:write"),
    ("GET",    "/api/v1/jobs",                   jobs.list_all,         Access.KEY, "jobs:read"),
    ("GET",    "/api/v1/jobs/stats",             jobs.stats,            Access.KEY, "jobs:read"),
    ("GET",    "/api/v1/jobs/status",            jobs.statuses,         Access.KEY, "jobs:read"),
    ("GET",    "/api/v1/jobs/wait",              outcomes.wait_for_first, Access.KEY, "jobs:read"),
    ("GET",    "/api/v1/jobs/search",            search.search,         Access.KEY, "jobs:read"),
    ("POST",   "/api/v1/jobs/bulk",              new_jobs.create_bulk,  Access.KEY, "jobs:write", Trait.ONCE),  # noqa: E501
    ("POST",   "/api/v1/jobs/claim",             attempts.claim,        Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/dequeue",           attempts.dequeue,      Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/heartbeat",         many_attempts.renew_many, Access.KEY, "jobs:write", Trait.SPARED),  # noqa: E501
    ("POST",   "/api/v1/jobs/settle",            many_attempts.settle_many, Access.KEY, "jobs:write", Trait.SPARED),  # noqa: E501
    ("GET",    "/api/v1/jobs/dlq",               dead_letters.list_all, Access.KEY, "jobs:read"),
    ("POST",   "/api/v1/jobs/dlq/retry",         dead_letters.retry,    Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/dlq/purge",         dead_letters.purge,    Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/actions",           job_actions.act_on_many, Access.KEY, "jobs:write"),
    ("GET",    "/api/v1/jobs/{id}",              jobs.get,              Access.KEY, "jobs:read"),
    ("DELETE", "/api/v1/jobs/{id}",              jobs.delete,           Access.KEY, "jobs:write jobs:delete"),  # noqa: E501
    ("GET",    "/api/v1/jobs/{id}/wait",         outcomes.wait_for_job, Access.KEY, "jobs:read"),
    ("GET",    "/api/v1/jobs/{id}/explain",      overviews.why_waiting, Access.KEY, "jobs:read"),
    ("GET",    "/api/v1/jobs/{id}/deliveries",   webhooks.deliveries_of_job, Access.KEY, "webhooks:read"),  # noqa: E501
    ("POST",   "/api/v1/jobs/{id}/deliveries/{delivery_id}/retry", webhooks.retry_of_job, Access.KEY, "webhooks:write"),  # noqa: E501
    ("POST",   "/api/v1/jobs/{id}/cancel",       jobs.cancel,           Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/{id}/retry",        jobs.retry,            Access.KEY, "jobs:write"),
    ("PUT",    "/api/v1/jobs/{id}/priority",     jobs.priority,         Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/{id}/complete",     attempts.complete,     Access.KEY, "jobs:write", Trait.SPARED),  # noqa: E501
    ("POST",   "/api/v1/jobs/{id}/fail",         attempts.fail,         Access.KEY, "jobs:write", Trait.SPARED),  # noqa: E501
    ("POST",   "/api/v1/jobs/{id}/heartbeat",    attempts.renew,        Access.KEY, "jobs:write", Trait.SPARED),  # noqa: E501
    ("POST",   "/api/v1/jobs/{id}/renew-lease",  attempts.renew,        Access.KEY, "jobs:write", Trait.SPARED),  # noqa: E501
    ("POST",   "/api/v1/jobs/{id}/progress",     attempts.progress,     Access.KEY, "jobs:write", Trait.SPARED),  # noqa: E501
    ("GET",    "/api/v1/jobs/{id}/history",      jobs.history_of,       Access.KEY, "jobs:read"),
    ("GET",    "/api/v1/jobs/{id}/dependencies", dependencies.get,      Access.KEY, "jobs:read"),
    ("POST",   "/api/v1/jobs/{id}/dependencies", dependencies.add,      Access.KEY, "jobs:write"),
)

QUEUES: Final[tuple[Row, ...]] = (
    ("GET",    "/api/v1/queues",               queues.list_all,     Access.KEY, "queues:read"),
    ("POST",   "/api/v1/queues",               queues.create,       Access.KEY, "queues:write"),
    ("GET",    "/api/v1/queues/{name}",        queues.get,          Access.KEY, "queues:read"),
    ("PUT",    "/api/v1/queues/{name}/config", queues.update,       Access.KEY, "queues:write"),
    ("PUT",    "/api/v1/queues/{name}",        queues.update,       Access.KEY, "queues:write"),
    ("PATCH",  "/api/v1/queues/{name}",        queues.update,       Access.KEY, "queues:write"),
    ("DELETE", "/api/v1/queues/{name}",        queues.delete,       Access.KEY, "queues:write"),
    ("GET",    "/api/v1/queues/{name}/stats",  queues.stats,        Access.KEY, "queues:read"),
    ("POST",   "/api/v1/queues/{name}/pause",  queues.pause_queue,  Access.KEY, "queues:write"),
    ("POST",   "/api/v1/queues/{name}/resume", queues.resume_queue, Access.KEY, "queues:write"),
    ("POST",   "/api/v1/queues/{name}/purge",  queues.purge,        Access.KEY, "queues:write"),
)

TOPICS: Final[tuple[Row, ...]] = (
    ("GET",    "/api/v1/bindings",      topics.list_all, Access.UNSCOPED, "jobs:read"),
    ("POST",   "/api/v1/bindings",      topics.create,   Access.UNSCOPED, "jobs:write"),
    ("DELETE", "/api/v1/bindings",      topics.remove,   Access.UNSCOPED, "jobs:write"),
    ("DELETE", "/api/v1/bindings/{id}", topics.delete,   Access.UNSCOPED, "jobs:write"),
    ("POST",   "/api/v1/publish",       topics.publish,  Access.UNSCOPED, "jobs:write", Trait.ONCE),
    ("POST",   "/api/v1/batch",         batch.run,       Access.KEY,      "jobs:write", Trait.ONCE),
)

TASKS: Final[tuple[Row, ...]] = (
    ("GET",    "/api/v1/tasks",        tasks.list_all, Access.KEY, "jobs:read"),
    ("POST",   "/api/v1/tasks",        tasks.create,   Access.KEY, "jobs:write", Trait.ONCE),
    ("GET",    "/api/v1/tasks/{name}", tasks.get,      Access.KEY, "jobs:read"),
    ("PUT",    "/api/v1/tasks/{name}", tasks.replace,  Access.KEY, "jobs:write"),
    ("DELETE", "/api/v1/tasks/{name}", tasks.delete,   Access.KEY, "jobs:write"),
    ("GET",    "/api/v1/tasks/{name}/schedule", task_schedules.get,    Access.KEY, "schedules:read"),  # noqa: E501
    ("PUT",    "/api/v1/tasks/{name}/schedule", task_schedules.put,    Access.KEY, "schedules:write"),  # noqa: E501
    ("DELETE", "/api/v1/tasks/{name}/schedule", task_schedules.delete, Access.KEY, "schedules:write"),  # noqa: E501
    ("GET",    "/api/v1/tasks/{name}/runs",             task_runs.list_all,    Access.KEY, "jobs:read"),  # noqa: E501
    ("POST",   "/api/v1/tasks/{name}/runs",             task_runs.create,      Access.KEY, "jobs:write", Trait.ONCE),  # noqa: E501
    ("DELETE", "/api/v1/tasks/{name}/runs",             task_runs.purge,       Access.KEY, "jobs:write"),  # noqa: E501
    ("GET",    "/api/v1/tasks/{name}/runs/{id}",        task_runs.get,         Access.KEY, "jobs:read"),  # noqa: E501
    ("GET",    "/api/v1/tasks/{name}/runs/{id}/wait",   outcomes.wait_for_run, Access.KEY, "jobs:read"),  # noqa: E501
    ("POST",   "/api/v1/tasks/{name}/runs/{id}/cancel", task_runs.cancel,      Access.KEY, "jobs:write"),  # noqa: E501
)

MESSAGES: Final[tuple[Row, ...]] = (
    ("POST",   "/api/v1/queues/{name}/messages",        messages.send,        Access.KEY, "jobs:write", Trait.ONCE),  # noqa: E501
    ("GET",    "/api/v1/queues/{name}/messages",        messages.look,        Access.KEY, "jobs:read"),  # noqa: E501
    ("POST",   "/api/v1/queues/{name}/messages/read",   messages.read,        Access.KEY, "jobs:write"),  # noqa: E501
    ("POST",   "/api/v1/queues/{name}/messages/hide",   messages.hide,        Access.KEY, "jobs:write", Trait.SPARED),  # noqa: E501
    ("POST",   "/api/v1/queues/{name}/messages/delete", messages.delete_many, Access.KEY, "jobs:write", Trait.SPARED),  # noqa: E501
    ("DELETE", "/api/v1/queues/{name}/messages/{id}",   messages.delete,      Access.KEY, "jobs:write", Trait.SPARED),  # noqa: E501
)

WORKERS: Final[tuple[Row, ...]] = (
    ("GET",    "/api/v1/workers",                 workers.list_all,   Access.KEY, "workers:read"),
    ("POST",   "/api/v1/workers/register",        workers.register,   Access.KEY, "workers:write"),
    ("GET",    "/api/v1/workers/{id}",            workers.get,        Access.KEY, "workers:read"),
    ("GET",    "/api/v1/workers/{id}/jobs",       workers.jobs,       Access.KEY, "workers:read"),
    ("POST",   "/api/v1/workers/{id}/heartbeat",  workers.heartbeat,  Access.KEY, "workers:write"),
    ("POST",   "/api/v1/workers/{id}/deregister", workers.deregister, Access.KEY, "workers:write"),
    ("DELETE", "/api/v1/workers/{id}",            workers.deregister, Access.KEY, "workers:write"),
)

MAINTENANCE: Final[tuple[Row, ...]] = (
    ("POST", "/api/v1/maintenance/gc",         maintenance.collect_garbage, Access.UNSCOPED_OR_ADMIN, "organization:admin"),  # noqa: E501
    ("GET",  "/api/v1/maintenance/migrations", maintenance.migrations,      Access.ADMIN,             "-"),  # noqa: E501
)

SCHEDULES: Final[tuple[Row, ...]] = (
    ("GET",    "/api/v1/schedules",              schedules.list_all,   Access.KEY, "schedules:read"),  # noqa: E501
    ("POST",   "/api/v1/schedules",              schedules.create,     Access.KEY, "schedules:write", Trait.ONCE),  # noqa: E501
    ("POST",   "/api/v1/schedules/preview",      schedules.preview,    Access.KEY, "schedules:read"),  # noqa: E501
    ("GET",    "/api/v1/schedules/upcoming",     schedules.upcoming,   Access.KEY, "schedules:read"),  # noqa: E501
    ("GET",    "/api/v1/schedules/{id}",         schedules.get,        Access.KEY, "schedules:read"),  # noqa: E501
    ("PUT",    "/api/v1/schedules/{id}",         schedules.update,     Access.KEY, "schedules:write"),  # noqa: E501
    ("DELETE", "/api/v1/schedules/{id}",         schedules.delete,     Access.KEY, "schedules:write"),  # noqa: E501
    ("POST",   "/api/v1/schedules/{id}/pause",   schedules.pause,      Access.KEY, "schedules:write"),  # noqa: E501
    ("POST",   "/api/v1/schedules/{id}/resume",  schedules.resume,     Access.KEY, "schedules:write"),  # noqa: E501
    ("POST",   "/api/v1/schedules/{id}/trigger", schedules.trigger,    Access.KEY, "schedules:write", Trait.ONCE),  # noqa: E501
    ("GET",    "/api/v1/schedules/{id}/history", schedules.history,    Access.KEY, "schedules:read"),  # noqa: E501
    ("GET",    "/api/v1/schedules/{id}/next",    schedules.next_slots, Access.KEY, "schedules:read"),  # noqa: E501
)

WORKFLOWS: Final[tuple[Row, ...]] = (
    ("GET",    "/api/v1/workflows",                    workflows.list_all, Access.KEY, "workflows:read"),  # noqa: E501
    ("POST",   "/api/v1/workflows",                    workflows.create,   Access.KEY, "workflows:write", Trait.ONCE),  # noqa: E501
    ("GET",    "/api/v1/workflows/{id}",               workflows.get,      Access.KEY, "workflows:read"),  # noqa: E501
    ("DELETE", "/api/v1/workflows/{id}",               workflows.delete,   Access.KEY, "workflows:write"),  # noqa: E501
    ("GET",    "/api/v1/workflows/{id}/wait",          outcomes.wait_for_workflow, Access.KEY, "workflows:read"),  # noqa: E501
    ("POST",   "/api/v1/workflows/{id}/cancel",        workflows.cancel,   Access.KEY, "workflows:write"),  # noqa: E501
    ("POST",   "/api/v1/workflows/{id}/retry",         workflows.retry,    Access.KEY, "workflows:write"),  # noqa: E501
    ("POST",   "/api/v1/workflows/{id}/rerun",         workflows.rerun,    Access.KEY, "workflows:write"),  # noqa: E501
    ("GET",    "/api/v1/workflows/{id}/jobs",          workflows.jobs,     Access.KEY, "workflows:read"),  # noqa: E501
    ("GET",    "/api/v1/workflows/{id}/jobs/status",   workflows.statuses, Access.KEY, "workflows:read"),  # noqa: E501
    ("GET",    "/api/v1/workflows/{id}/jobs/{job_id}", workflows.job,      Access.KEY, "workflows:read"),  # noqa: E501
)

ORGANIZATIONS: Final[tuple[Row, ...]] = (
    ("GET",    "/api/v1/organizations",                   orgs.list_all,           Access.KEY,          "-"),  # noqa: E501
    ("POST",   "/api/v1/organizations",                   orgs.create,             Access.REGISTRATION, "-"),  # noqa: E501
    ("GET",    "/api/v1/organizations/check-slug",        orgs.check_slug,         Access.PUBLIC,       "-"),  # noqa: E501
    ("GET",    "/api/v1/organizations/check-slug/{slug}", orgs.check_slug_in_path, Access.PUBLIC,       "-"),  # noqa: E501
    ("POST",   "/api/v1/organizations/generate-slug",     orgs.generate_slug,      Access.PUBLIC,       "-"),  # noqa: E501
    ("GET",    "/api/v1/organizations/usage",             orgs.usage,              Access.UNSCOPED,     "-"),  # noqa: E501
    ("GET",    "/api/v1/organizations/webhook-token",     orgs.webhook_token,      Access.UNSCOPED,     "organization:read"),  # noqa: E501
    ("POST",   "/api/v1/organizations/webhook-token/regenerate", orgs.new_webhook_token, Access.UNSCOPED, "organization:admin"),  # noqa: E501
    ("GET",    "/api/v1/organizations/{id}",              orgs.get,                Access.KEY,          "-"),  # noqa: E501
    ("PUT",    "/api/v1/organizations/{id}",              orgs.update,             Access.UNSCOPED,     "organization:admin"),  # noqa: E501
    ("DELETE", "/api/v1/organizations/{id}",              orgs.delete,             Access.UNSCOPED,     "organization:admin"),  # noqa: E501
    ("GET",    "/api/v1/organizations/{id}/usage",        orgs.usage_of,           Access.UNSCOPED,     "-"),  # noqa: E501
    ("GET",    "/api/v1/organizations/{id}/members",      orgs.members,            Access.UNSCOPED,     "-"),  # noqa: E501
    ("GET",    "/api/v1/organizations/{id}/webhook-token", orgs.webhook_token_of,  Access.UNSCOPED,     "organization:read"),  # noqa: E501
    ("POST",   "/api/v1/organizations/{id}/webhook-token/regenerate", orgs.new_webhook_token_of, Access.UNSCOPED, "organization:admin"),  # noqa: E501
    ("POST",   "/api/v1/organizations/{id}/billing-email/confirm", confirmation.confirm, Access.UNSCOPED, "organization:admin"),  # noqa: E501
    ("POST",   "/api/v1/organizations/{id}/billing-email/code", confirmation.send_again, Access.UNSCOPED, "organization:admin"),  # noqa: E501
    ("POST",   "/api/v1/organizations/{id}/api-keys",     keys.create_for_organization, Access.BOOTSTRAP, "api-keys:write"),  # noqa: E501
)

KEYS: Final[tuple[Row, ...]] = (
    ("GET",    "/api/v1/api-keys",                 keys.list_all,       Access.UNSCOPED, "api-keys:read"),  # noqa: E501
    ("POST",   "/api/v1/api-keys",                 keys.create,         Access.UNSCOPED, "api-keys:write"),  # noqa: E501
    ("GET",    "/api/v1/api-keys/{id}",            keys.get,            Access.UNSCOPED, "api-keys:read"),  # noqa: E501
    ("PUT",    "/api/v1/api-keys/{id}",            keys.update,         Access.UNSCOPED, "api-keys:write"),  # noqa: E501
    ("DELETE", "/api/v1/api-keys/{id}",            keys.revoke_key,     Access.UNSCOPED, "api-keys:write"),  # noqa: E501
    ("POST",   "/api/v1/api-keys/{id}/regenerate", keys.regenerate_key, Access.UNSCOPED, "api-keys:write"),  # noqa: E501
)

WEBHOOKS: Final[tuple[Row, ...]] = (
    ("GET",    "/api/v1/outgoing-webhooks",                 webhooks.list_all,   Access.UNSCOPED, "webhooks:read"),  # noqa: E501
    ("POST",   "/api/v1/outgoing-webhooks",                 webhooks.create,     Access.UNSCOPED, "webhooks:write"),  # noqa: E501
    ("GET",    "/api/v1/outgoing-webhooks/{id}",            webhooks.get,        Access.UNSCOPED, "webhooks:read"),  # noqa: E501
    ("PUT",    "/api/v1/outgoing-webhooks/{id}",            webhooks.update,     Access.UNSCOPED, "webhooks:write"),  # noqa: E501
    ("PATCH",  "/api/v1/outgoing-webhooks/{id}",            webhooks.update,     Access.UNSCOPED, "webhooks:write"),  # noqa: E501
    ("DELETE", "/api/v1/outgoing-webhooks/{id}",            webhooks.delete,     Access.UNSCOPED, "webhooks:write"),  # noqa: E501
    ("POST",   "/api/v1/outgoing-webhooks/{id}/test",       webhooks.try_out,    Access.UNSCOPED, "webhooks:write"),  # noqa: E501
    ("GET",    "/api/v1/outgoing-webhooks/{id}/deliveries", webhooks.deliveries, Access.UNSCOPED, "webhooks:read"),  # noqa: E501
    ("POST",   "/api/v1/outgoing-webhooks/{id}/retry/{delivery_id}", webhooks.retry, Access.UNSCOPED, "webhooks:write"),  # noqa: E501
    ("POST",   "/api/v1/outgoing-webhooks/{id}/deliveries/{delivery_id}/retry", webhooks.retry, Access.UNSCOPED, "webhooks:write"),  # noqa: E501
    ("GET",    "/api/v1/webhooks",                          webhooks.list_all,   Access.UNSCOPED, "webhooks:read"),  # noqa: E501
    ("POST",   "/api/v1/webhooks",                          webhooks.create,     Access.UNSCOPED, "webhooks:write"),  # noqa: E501
    ("GET",    "/api/v1/webhooks/{id}",                     webhooks.get,        Access.UNSCOPED, "webhooks:read"),  # noqa: E501
    ("PUT",    "/api/v1/webhooks/{id}",                     webhooks.update,     Access.UNSCOPED, "webhooks:write"),  # noqa: E501
    ("PATCH",  "/api/v1/webhooks/{id}",                     webhooks.update,     Access.UNSCOPED, "webhooks:write"),  # noqa: E501
    ("DELETE", "/api/v1/webhooks/{id}",                     webhooks.delete,     Access.UNSCOPED, "webhooks:write"),  # noqa: E501
    ("POST",   "/api/v1/webhooks/{id}/test",                webhooks.try_out,    Access.UNSCOPED, "webhooks:write"),  # noqa: E501
    ("GET",    "/api/v1/webhooks/{id}/deliveries",          webhooks.deliveries, Access.UNSCOPED, "webhooks:read"),  # noqa: E501
)

INGEST: Final[tuple[Row, ...]] = (
    ("GET",  "/api/v1/webhooks/deliveries",      ingest.log,    Access.UNSCOPED,   "webhooks:read"),
    ("POST", "/api/v1/webhooks/{org_id}/custom", ingest.custom, Access.HOOK_TOKEN, "-"),
    ("POST", "/api/v1/webhooks/{org_id}/github", ingest.github, Access.SIGNATURE,  "-"),
    ("POST", "/api/v1/webhooks/{org_id}/stripe", ingest.stripe, Access.SIGNATURE,  "-"),
)

METRICS: Final[tuple[Row, ...]] = (
    ("GET", "/metrics",                   metrics.scrape,     Access.METRICS, "-", Trait.UNLIMITED),
    ("GET", "/api/v1/metrics",            metrics.overview,   Access.KEY,     "-"),
    ("GET", "/api/v1/metrics/prometheus", metrics.prometheus, Access.OWN_METRICS, "-"),
)

BILLING: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/billing/status",     billing.status, Access.UNSCOPED, "organization:read"),
    ("GET", "/api/v1/dashboard",          dashboard.get,  Access.KEY,      "-"),
    ("GET", "/api/v1/dashboard/overview", dashboard.get,  Access.KEY,      "-"),
)

DASHBOARD: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/dashboard/queues", overviews.queues,         Access.KEY, "queues:read"),
    ("GET", "/api/v1/dashboard/series", series.get,               Access.KEY, "jobs:read"),
    ("GET", "/api/v1/dashboard/errors", overviews.errors_by_kind, Access.KEY, "jobs:read"),
)

ACTS: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/acts", acts.list_all, Access.UNSCOPED, "organization:read"),
)

ADMIN: Final[tuple[Row, ...]] = (
    ("GET",    "/api/v1/admin/organizations",              admin.list_all,      Access.ADMIN, "-"),
    ("POST",   "/api/v1/admin/organizations",              admin.create,        Access.ADMIN, "-"),
    ("GET",    "/api/v1/admin/organizations/{id}",         admin.get,           Access.ADMIN, "-"),
    ("PATCH",  "/api/v1/admin/organizations/{id}",         admin.update,        Access.ADMIN, "-"),
    ("PUT",    "/api/v1/admin/organizations/{id}",         admin.update,        Access.ADMIN, "-"),
    ("DELETE", "/api/v1/admin/organizations/{id}",         admin.delete,        Access.ADMIN, "-"),
    ("POST",   "/api/v1/admin/organizations/{id}/api-keys", admin.create_key,   Access.ADMIN, "-"),
    ("POST",   "/api/v1/admin/organizations/{id}/reset-usage", admin.reset_usage, Access.ADMIN, "-"),  # noqa: E501
    ("PUT",    "/api/v1/admin/organizations/{id}/limits",  admin.set_limits,    Access.ADMIN, "-"),
    ("GET",    "/api/v1/admin/stats",                      admin.stats,         Access.ADMIN, "-"),
    ("GET",    "/api/v1/admin/server",                     admin.server,        Access.ADMIN, "-"),
    ("GET",    "/api/v1/admin/backups",                    backups.list_all,    Access.ADMIN, "-"),
    ("POST",   "/api/v1/admin/backups",                    backups.create,      Access.ADMIN, "-"),
    ("POST",   "/api/v1/admin/webhooks/resume",            admin.resume_webhooks, Access.ADMIN, "-"),  # noqa: E501
    ("GET",    "/api/v1/admin/export",                     export.get,          Access.ADMIN, "-"),
    ("GET",    "/api/v1/admin/plans",                      admin.plans,         Access.ADMIN, "-"),
    ("GET",    "/api/v1/admin/jobs",                       admin_reads.jobs,    Access.ADMIN, "-"),
    ("GET",    "/api/v1/admin/jobs/{id}",                  admin_reads.job,     Access.ADMIN, "-"),
    ("GET",    "/api/v1/admin/workers",                    admin_reads.workers, Access.ADMIN, "-"),
    ("GET",    "/api/v1/admin/workers/{id}",               admin_reads.worker,  Access.ADMIN, "-"),
    ("GET",    "/api/v1/admin/queues",                     admin_reads.queues,  Access.ADMIN, "-"),
    ("GET",    "/api/v1/admin/schedules",                  admin_reads.schedules, Access.ADMIN, "-"),  # noqa: E501
    ("GET",    "/api/v1/admin/workflows",                  admin_reads.workflows, Access.ADMIN, "-"),  # noqa: E501
)

STREAMS: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/events",               streams.events,       Access.STREAM, "jobs:read"),
    ("GET", "/api/v1/events/log",           event_log.list_newest, Access.KEY,   "jobs:read"),
    ("GET", "/api/v1/events/jobs/{id}",     streams.job_events,   Access.STREAM, "jobs:read"),
    ("GET", "/api/v1/events/queues/{name}", streams.queue_events, Access.STREAM, "jobs:read"),
    ("GET", "/api/v1/ws",                   streams.websocket,    Access.STREAM, "jobs:read", Trait.WEBSOCKET),  # noqa: E501
)

# Routes that always refuse. Contract: platform, section 17.
STUBS: Final[tuple[Row, ...]] = (
    ("POST",   "/api/v1/auth/register",                     stubs.no_passwords,            Access.NONE,     "-"),  # noqa: E501
    ("POST",   "/api/v1/auth/password/reset",               stubs.no_passwords,            Access.NONE,     "-"),  # noqa: E501
    ("POST",   "/api/v1/auth/password/confirm",             stubs.no_passwords,            Access.NONE,     "-"),  # noqa: E501
    ("POST",   "/api/v1/auth/password/change",              stubs.no_passwords,            Access.NONE,     "-"),  # noqa: E501
    ("POST",   "/api/v1/organizations/{id}/members",        stubs.no_invitations,          Access.NONE,     "-"),  # noqa: E501
    ("POST",   "/api/v1/organizations/{id}/members/invite", stubs.no_invitations,          Access.NONE,     "-"),  # noqa: E501
    ("PUT",    "/api/v1/organizations/{id}/members/{member_id}", stubs.no_invitations,     Access.NONE,     "-"),  # noqa: E501
    ("DELETE", "/api/v1/organizations/{id}/members/{member_id}", stubs.no_invitations,     Access.NONE,     "-"),  # noqa: E501
    ("POST",   "/api/v1/organizations/webhook-token/clear", stubs.keep_webhook_token,      Access.UNSCOPED, "organization:admin"),  # noqa: E501
    ("DELETE", "/api/v1/organizations/{id}/webhook-token",  stubs.keep_webhook_token_of,   Access.UNSCOPED, "organization:admin"),  # noqa: E501
    ("POST",   "/api/v1/billing/portal",                    stubs.no_portal,               Access.UNSCOPED, "organization:admin"),  # noqa: E501
    ("POST",   "/api/v1/billing/webhook",                   stubs.no_payments,             Access.NONE,     "-"),  # noqa: E501
    ("GET",    "/api/v1/dashboard/activity",                stubs.no_charts,               Access.NONE,     "-"),  # noqa: E501
    ("GET",    "/api/v1/dashboard/charts/jobs",             stubs.no_charts,               Access.NONE,     "-"),  # noqa: E501
    ("GET",    "/api/v1/dashboard/charts/throughput",       stubs.no_charts,               Access.NONE,     "-"),  # noqa: E501
    ("GET",    "/api/v1/dashboard/charts/workers",          stubs.no_charts,               Access.NONE,     "-"),  # noqa: E501
    ("POST",   "/api/v1/admin/jobs/{id}/cancel",            stubs.not_by_admin,            Access.NONE,     "-"),  # noqa: E501
    ("DELETE", "/api/v1/admin/workers/{id}",                stubs.not_by_admin,            Access.NONE,     "-"),  # noqa: E501
    ("POST",   "/api/v1/admin/queues/{name}/purge",         stubs.not_by_admin,            Access.NONE,     "-"),  # noqa: E501
    ("POST",   "/api/v1/admin/maintenance",                 stubs.no_remote_configuration, Access.NONE,     "-"),  # noqa: E501
    ("GET",    "/api/v1/admin/config",                      stubs.no_remote_configuration, Access.NONE,     "-"),  # noqa: E501
    ("PUT",    "/api/v1/admin/config",                      stubs.no_remote_configuration, Access.NONE,     "-"),  # noqa: E501
)
# fmt: on

ROUTES: Final[tuple[Row, ...]] = (
    *HEALTH,
    *AUTH,
    *DOCUMENTS,
    *JOBS,
    *QUEUES,
    *MESSAGES,
    *TOPICS,
    *INBOX_ROUTES,
    *TASKS,
    *FLOW_ROUTES,
    *WORKERS,
    *SCHEDULES,
    *MAINTENANCE,
    *WORKFLOWS,
    *STEP_ROUTES,
    *ORGANIZATIONS,
    *KEYS,
    *WEBHOOKS,
    *INGEST,
    *METRICS,
    *BILLING,
    *DASHBOARD,
    *ACTS,
    *ADMIN,
    *STREAMS,
    *LIVE_ROUTES,
    *RENDERER_ROUTES,
    *STUBS,
)
