"""Every route of the contract, as data: README, section 8. One row a route, in its order."""

from typing import Final

# Method, path, access, permission word, success statuses, kind, and the section that describes it.
Row = tuple[str, str, str, str, str, str, str]

# fmt: off
HEALTH: Final[tuple[Row, ...]] = (
    ("GET", "/health", "public", "-", "200", "core", "platform.md#13"),
    ("GET", "/health/live", "public", "-", "200", "core", "platform.md#13"),
    ("GET", "/health/ready", "public", "-", "200,503", "core", "platform.md#13"),
    ("GET", "/metrics", "metrics", "-", "200", "core", "platform.md#14"),
    ("GET", "/api/v1/metrics", "key", "-", "200", "core", "platform.md#14"),
    ("GET", "/api/v1/metrics/prometheus", "own metrics", "-", "200", "core", "platform.md#14"),
    ("GET", "/api/config", "public", "-", "200", "optional", "platform.md#16"),
)

SIGN_IN: Final[tuple[Row, ...]] = (
    ("POST", "/api/v1/auth/login", "public", "-", "200", "core", "platform.md#7.1"),
    ("POST", "/api/v1/auth/refresh", "public", "-", "200", "core", "platform.md#7.2"),
    ("POST", "/api/v1/auth/logout", "key", "-", "204", "core", "platform.md#7.3"),
    ("GET", "/api/v1/auth/me", "key", "-", "200", "core", "platform.md#7.4"),
    ("POST", "/api/v1/auth/validate", "public", "-", "200", "core", "platform.md#7.5"),
    ("POST", "/api/v1/auth/email/start", "public", "-", "200", "optional", "platform.md#7.6"),
    ("POST", "/api/v1/auth/email/verify", "public", "-", "200", "optional", "platform.md#7.6"),
    ("POST", "/api/v1/auth/signup/complete", "public", "-", "201", "optional", "platform.md#7.6"),
    ("GET", "/api/v1/auth/check-email", "public", "-", "200", "core", "platform.md#7.6"),
    ("GET", "/api/v1/auth/email/check", "public", "-", "200", "alias", "platform.md#7.6"),
    ("POST", "/api/v1/auth/email/check", "public", "-", "200", "alias", "platform.md#7.6"),
    ("POST", "/api/v1/auth/register", "none", "-", "404", "stub", "platform.md#17"),
    ("POST", "/api/v1/auth/password/reset", "none", "-", "404", "stub", "platform.md#17"),
    ("POST", "/api/v1/auth/password/confirm", "none", "-", "404", "stub", "platform.md#17"),
    ("POST", "/api/v1/auth/password/change", "none", "-", "404", "stub", "platform.md#17"),
)

ORGANIZATIONS: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/organizations", "key", "-", "200", "core", "platform.md#8.3"),
    ("POST", "/api/v1/organizations", "registration", "-", "201", "core", "platform.md#8.2"),
    ("GET", "/api/v1/organizations/check-slug", "public", "-", "200", "core", "platform.md#8.3"),
    ("GET", "/api/v1/organizations/check-slug/{slug}", "public", "-", "200", "alias", "platform.md#8.3"),  # noqa: E501
    ("POST", "/api/v1/organizations/generate-slug", "public", "-", "200", "core", "platform.md#8.3"),  # noqa: E501
    ("GET", "/api/v1/organizations/usage", "unscoped", "-", "200", "core", "platform.md#8.3"),
    ("GET", "/api/v1/organizations/webhook-token", "unscoped", "organization:read", "200", "core", "platform.md#8.3"),  # noqa: E501
    ("POST", "/api/v1/organizations/webhook-token/regenerate", "unscoped", "organization:admin", "200", "core", "platform.md#8.3"),  # noqa: E501
    ("POST", "/api/v1/organizations/webhook-token/clear", "unscoped", "organization:admin", "404", "stub", "platform.md#8.3"),  # noqa: E501
    ("GET", "/api/v1/organizations/{id}", "key", "-", "200", "core", "platform.md#8.3"),
    ("PUT", "/api/v1/organizations/{id}", "unscoped", "organization:admin", "200", "core", "platform.md#8.3"),  # noqa: E501
    ("DELETE", "/api/v1/organizations/{id}", "unscoped", "organization:admin", "204", "core", "platform.md#8.3"),  # noqa: E501
    ("GET", "/api/v1/organizations/{id}/usage", "unscoped", "-", "200", "alias", "platform.md#8.3"),
    ("GET", "/api/v1/organizations/{id}/members", "unscoped", "-", "200", "core", "platform.md#8.3"),  # noqa: E501
    ("GET", "/api/v1/organizations/{id}/webhook-token", "unscoped", "organization:read", "200", "alias", "platform.md#8.3"),  # noqa: E501
    ("DELETE", "/api/v1/organizations/{id}/webhook-token", "unscoped", "organization:admin", "404", "stub", "platform.md#8.3"),  # noqa: E501
    ("POST", "/api/v1/organizations/{id}/webhook-token/regenerate", "unscoped", "organization:admin", "200", "alias", "platform.md#8.3"),  # noqa: E501
    ("POST", "/api/v1/organizations/{id}/api-keys", "bootstrap", "api-keys:write", "201", "core", "platform.md#8.4"),  # noqa: E501
    ("POST", "/api/v1/organizations/{id}/members", "none", "-", "404", "stub", "platform.md#17"),
    ("POST", "/api/v1/organizations/{id}/members/invite", "none", "-", "404", "stub", "platform.md#17"),  # noqa: E501
    ("PUT", "/api/v1/organizations/{id}/members/{member_id}", "none", "-", "404", "stub", "platform.md#17"),  # noqa: E501
    ("DELETE", "/api/v1/organizations/{id}/members/{member_id}", "none", "-", "404", "stub", "platform.md#17"),  # noqa: E501
)

API_KEYS: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/api-keys", "unscoped", "api-keys:read", "200", "core", "platform.md#9.2"),
    ("POST", "/api/v1/api-keys", "unscoped", "api-keys:write", "201", "core", "platform.md#9.2"),
    ("GET", "/api/v1/api-keys/{id}", "unscoped", "api-keys:read", "200", "core", "platform.md#9.2"),
    ("PUT", "/api/v1/api-keys/{id}", "unscoped", "api-keys:write", "200", "core", "platform.md#9.2"),  # noqa: E501
    ("DELETE", "/api/v1/api-keys/{id}", "unscoped", "api-keys:write", "204", "core", "platform.md#9.2"),  # noqa: E501
    ("POST", "/api/v1/api-keys/{id}/regenerate", "unscoped", "api-keys:write", "200", "core", "platform.md#9.2"),  # noqa: E501
)

BILLING_AND_DASHBOARD_DATA: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/billing/status", "unscoped", "organization:read", "200", "core", "platform.md#10"),  # noqa: E501
    ("POST", "/api/v1/billing/portal", "unscoped", "organization:admin", "400", "stub", "platform.md#10"),  # noqa: E501
    ("POST", "/api/v1/billing/webhook", "none", "-", "404", "stub", "platform.md#10"),
    ("GET", "/api/v1/dashboard", "key", "-", "200", "core", "platform.md#12"),
    ("GET", "/api/v1/dashboard/overview", "key", "-", "200", "alias", "platform.md#17"),
    ("GET", "/api/v1/dashboard/activity", "none", "-", "404", "stub", "platform.md#17"),
    ("GET", "/api/v1/dashboard/charts/jobs", "none", "-", "404", "stub", "platform.md#17"),
    ("GET", "/api/v1/dashboard/charts/throughput", "none", "-", "404", "stub", "platform.md#17"),
    ("GET", "/api/v1/dashboard/charts/workers", "none", "-", "404", "stub", "platform.md#17"),
)

ADMIN: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/admin/organizations", "admin", "-", "200", "core", "platform.md#11"),
    ("POST", "/api/v1/admin/organizations", "admin", "-", "201", "core", "platform.md#11"),
    ("GET", "/api/v1/admin/organizations/{id}", "admin", "-", "200", "core", "platform.md#11"),
    ("PATCH", "/api/v1/admin/organizations/{id}", "admin", "-", "200", "core", "platform.md#11"),
    ("PUT", "/api/v1/admin/organizations/{id}", "admin", "-", "200", "alias", "platform.md#11"),
    ("DELETE", "/api/v1/admin/organizations/{id}", "admin", "-", "204", "core", "platform.md#11"),
    ("POST", "/api/v1/admin/organizations/{id}/api-keys", "admin", "-", "201", "core", "platform.md#11"),  # noqa: E501
    ("POST", "/api/v1/admin/organizations/{id}/reset-usage", "admin", "-", "204", "core", "platform.md#11"),  # noqa: E501
    ("PUT", "/api/v1/admin/organizations/{id}/limits", "admin", "-", "200", "core", "platform.md#17"),  # noqa: E501
    ("GET", "/api/v1/admin/stats", "admin", "-", "200", "core", "platform.md#11"),
    ("GET", "/api/v1/admin/server", "admin", "-", "200", "own", "amendments.md#2"),
    ("GET", "/api/v1/admin/backups", "admin", "-", "200", "own", "operations.md#12"),
    ("POST", "/api/v1/admin/backups", "admin", "-", "202", "own", "operations.md#12"),
    ("POST", "/api/v1/admin/webhooks/resume", "admin", "-", "204", "own", "operations.md#3"),
    ("GET", "/api/v1/admin/export", "admin", "-", "200", "own", "operations.md#12"),
    ("GET", "/api/v1/admin/plans", "admin", "-", "200", "core", "platform.md#11"),
    ("GET", "/api/v1/admin/jobs", "admin", "-", "200", "optional", "platform.md#17"),
    ("GET", "/api/v1/admin/jobs/{id}", "admin", "-", "200", "optional", "platform.md#17"),
    ("GET", "/api/v1/admin/workers", "admin", "-", "200", "optional", "platform.md#17"),
    ("GET", "/api/v1/admin/workers/{id}", "admin", "-", "200", "optional", "platform.md#17"),
    ("GET", "/api/v1/admin/queues", "admin", "-", "200", "optional", "platform.md#17"),
    ("GET", "/api/v1/admin/schedules", "admin", "-", "200", "optional", "platform.md#17"),
    ("GET", "/api/v1/admin/workflows", "admin", "-", "200", "optional", "platform.md#17"),
    ("POST", "/api/v1/admin/jobs/{id}/cancel", "none", "-", "404", "stub", "platform.md#17"),
    ("DELETE", "/api/v1/admin/workers/{id}", "none", "-", "404", "stub", "platform.md#17"),
    ("POST", "/api/v1/admin/queues/{name}/purge", "none", "-", "404", "stub", "platform.md#17"),
    ("POST", "/api/v1/admin/maintenance", "none", "-", "404", "stub", "platform.md#17"),
    ("GET", "/api/v1/admin/config", "none", "-", "404", "stub", "platform.md#17"),
    ("PUT", "/api/v1/admin/config", "none", "-", "404", "stub", "platform.md#17"),
)

JOBS: Final[tuple[Row, ...]] = (
    ("POST", "/api/v1/jobs", "key", "jobs:write", "201,200", "core", "jobs-queues-workers.md#7"),
    ("GET", "/api/v1/jobs", "key", "jobs:read", "200", "core", "jobs-queues-workers.md#7"),
    ("GET", "/api/v1/jobs/stats", "key", "jobs:read", "200", "core", "jobs-queues-workers.md#7"),
    ("GET", "/api/v1/jobs/status", "key", "jobs:read", "200", "core", "jobs-queues-workers.md#7"),
    ("GET", "/api/v1/jobs/wait", "key", "jobs:read", "200,202", "ext", "amendments.md#3"),
    ("POST", "/api/v1/jobs/bulk", "key", "jobs:write", "200", "core", "jobs-queues-workers.md#8"),
    ("POST", "/api/v1/jobs/claim", "key", "jobs:write", "200", "core", "jobs-queues-workers.md#9"),
    ("POST", "/api/v1/jobs/dequeue", "key", "jobs:write", "200", "core", "jobs-queues-workers.md#9"),  # noqa: E501
    ("GET", "/api/v1/jobs/dlq", "key", "jobs:read", "200", "core", "jobs-queues-workers.md#10"),
    ("POST", "/api/v1/jobs/dlq/retry", "key", "jobs:write", "200", "core", "jobs-queues-workers.md#10"),  # noqa: E501
    ("POST", "/api/v1/jobs/dlq/purge", "key", "jobs:write", "200", "core", "jobs-queues-workers.md#10"),  # noqa: E501
    ("GET", "/api/v1/jobs/{id}", "key", "jobs:read", "200", "core", "jobs-queues-workers.md#7"),
    ("DELETE", "/api/v1/jobs/{id}", "key", "jobs:write", "204", "core", "jobs-queues-workers.md#8"),
    ("POST", "/api/v1/jobs/{id}/cancel", "key", "jobs:write", "200", "core", "jobs-queues-workers.md#8"),  # noqa: E501
    ("POST", "/api/v1/jobs/{id}/retry", "key", "jobs:write", "200", "core", "jobs-queues-workers.md#8"),  # noqa: E501
    ("PUT", "/api/v1/jobs/{id}/priority", "key", "jobs:write", "200", "core", "jobs-queues-workers.md#8"),  # noqa: E501
    ("POST", "/api/v1/jobs/{id}/complete", "key", "jobs:write", "200", "core", "jobs-queues-workers.md#9"),  # noqa: E501
    ("POST", "/api/v1/jobs/{id}/fail", "key", "jobs:write", "200", "core", "jobs-queues-workers.md#9"),  # noqa: E501
    ("POST", "/api/v1/jobs/{id}/heartbeat", "key", "jobs:write", "200", "core", "jobs-queues-workers.md#9"),  # noqa: E501
    ("POST", "/api/v1/jobs/{id}/renew-lease", "key", "jobs:write", "200", "alias", "jobs-queues-workers.md#9"),  # noqa: E501
    ("POST", "/api/v1/jobs/{id}/progress", "key", "jobs:write", "200", "core", "jobs-queues-workers.md#9"),  # noqa: E501
    ("GET", "/api/v1/jobs/{id}/history", "key", "jobs:read", "200", "core", "jobs-queues-workers.md#7"),  # noqa: E501
    ("GET", "/api/v1/jobs/{id}/dependencies", "key", "jobs:read", "200", "core", "schedules-workflows-webhooks.md#2.2"),  # noqa: E501
    ("POST", "/api/v1/jobs/{id}/dependencies", "key", "jobs:write", "200", "core", "schedules-workflows-webhooks.md#2.2"),  # noqa: E501
    ("GET", "/api/v1/jobs/{id}/wait", "key", "jobs:read", "200,202", "ext", "catbird-capabilities.md#6.1"),  # noqa: E501
)

QUEUES: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/queues", "key", "queues:read", "200", "core", "jobs-queues-workers.md#11.2"),
    ("POST", "/api/v1/queues", "key", "queues:write", "201,200", "core", "jobs-queues-workers.md#11.2"),  # noqa: E501
    ("GET", "/api/v1/queues/{name}", "key", "queues:read", "200", "core", "jobs-queues-workers.md#11.2"),  # noqa: E501
    ("PUT", "/api/v1/queues/{name}/config", "key", "queues:write", "200", "core", "jobs-queues-workers.md#11.2"),  # noqa: E501
    ("PUT", "/api/v1/queues/{name}", "key", "queues:write", "200", "alias", "jobs-queues-workers.md#11.2"),  # noqa: E501
    ("PATCH", "/api/v1/queues/{name}", "key", "queues:write", "200", "alias", "jobs-queues-workers.md#11.2"),  # noqa: E501
    ("DELETE", "/api/v1/queues/{name}", "key", "queues:write", "204", "core", "jobs-queues-workers.md#11.2"),  # noqa: E501
    ("GET", "/api/v1/queues/{name}/stats", "key", "queues:read", "200", "core", "jobs-queues-workers.md#11.3"),  # noqa: E501
    ("POST", "/api/v1/queues/{name}/pause", "key", "queues:write", "200", "core", "jobs-queues-workers.md#11.2"),  # noqa: E501
    ("POST", "/api/v1/queues/{name}/resume", "key", "queues:write", "200", "core", "jobs-queues-workers.md#11.2"),  # noqa: E501
    ("POST", "/api/v1/queues/{name}/purge", "key", "queues:write", "200", "core", "jobs-queues-workers.md#11.2"),  # noqa: E501
    ("POST", "/api/v1/queues/{name}/messages", "key", "jobs:write", "201,200", "ext", "catbird-capabilities.md#4"),  # noqa: E501
    ("GET", "/api/v1/queues/{name}/messages", "key", "jobs:read", "200", "ext", "catbird-capabilities.md#4"),  # noqa: E501
    ("POST", "/api/v1/queues/{name}/messages/read", "key", "jobs:write", "200", "ext", "catbird-capabilities.md#4"),  # noqa: E501
    ("POST", "/api/v1/queues/{name}/messages/hide", "key", "jobs:write", "200", "ext", "catbird-capabilities.md#4"),  # noqa: E501
    ("POST", "/api/v1/queues/{name}/messages/delete", "key", "jobs:write", "200", "ext", "catbird-capabilities.md#4"),  # noqa: E501
    ("DELETE", "/api/v1/queues/{name}/messages/{id}", "key", "jobs:write", "204", "ext", "catbird-capabilities.md#4"),  # noqa: E501
)

WORKERS: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/workers", "key", "workers:read", "200", "core", "jobs-queues-workers.md#12.2"),
    ("POST", "/api/v1/workers/register", "key", "workers:write", "201", "core", "jobs-queues-workers.md#12.2"),  # noqa: E501
    ("GET", "/api/v1/workers/{id}", "key", "workers:read", "200", "core", "jobs-queues-workers.md#12.2"),  # noqa: E501
    ("POST", "/api/v1/workers/{id}/heartbeat", "key", "workers:write", "200", "core", "jobs-queues-workers.md#12.2"),  # noqa: E501
    ("POST", "/api/v1/workers/{id}/deregister", "key", "workers:write", "204", "core", "jobs-queues-workers.md#12.2"),  # noqa: E501
    ("DELETE", "/api/v1/workers/{id}", "key", "workers:write", "204", "alias", "jobs-queues-workers.md#12.2"),  # noqa: E501
)

SCHEDULES: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/schedules", "key", "schedules:read", "200", "core", "schedules-workflows-webhooks.md#1.2"),  # noqa: E501
    ("POST", "/api/v1/schedules", "key", "schedules:write", "201", "core", "schedules-workflows-webhooks.md#1.2"),  # noqa: E501
    ("GET", "/api/v1/schedules/{id}", "key", "schedules:read", "200", "core", "schedules-workflows-webhooks.md#1.2"),  # noqa: E501
    ("PUT", "/api/v1/schedules/{id}", "key", "schedules:write", "200", "core", "schedules-workflows-webhooks.md#1.2"),  # noqa: E501
    ("DELETE", "/api/v1/schedules/{id}", "key", "schedules:write", "204", "core", "schedules-workflows-webhooks.md#1.2"),  # noqa: E501
    ("POST", "/api/v1/schedules/{id}/pause", "key", "schedules:write", "200", "core", "schedules-workflows-webhooks.md#1.2"),  # noqa: E501
    ("POST", "/api/v1/schedules/{id}/resume", "key", "schedules:write", "200", "core", "schedules-workflows-webhooks.md#1.2"),  # noqa: E501
    ("POST", "/api/v1/schedules/{id}/trigger", "key", "schedules:write", "200", "core", "schedules-workflows-webhooks.md#1.2"),  # noqa: E501
    ("GET", "/api/v1/schedules/{id}/history", "key", "schedules:read", "200", "core", "schedules-workflows-webhooks.md#1.2"),  # noqa: E501
)

WORKFLOWS: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/workflows", "key", "workflows:read", "200", "core", "schedules-workflows-webhooks.md#2.2"),  # noqa: E501
    ("POST", "/api/v1/workflows", "key", "workflows:write", "201,200", "core", "schedules-workflows-webhooks.md#2.2"),  # noqa: E501
    ("GET", "/api/v1/workflows/{id}", "key", "workflows:read", "200", "core", "schedules-workflows-webhooks.md#2.2"),  # noqa: E501
    ("DELETE", "/api/v1/workflows/{id}", "key", "workflows:write", "204", "core", "schedules-workflows-webhooks.md#2.2"),  # noqa: E501
    ("POST", "/api/v1/workflows/{id}/cancel", "key", "workflows:write", "200", "core", "schedules-workflows-webhooks.md#2.2"),  # noqa: E501
    ("POST", "/api/v1/workflows/{id}/rerun", "key", "workflows:write", "200", "own", "docs/api.md"),
    ("POST", "/api/v1/workflows/{id}/retry", "key", "workflows:write", "200", "core", "schedules-workflows-webhooks.md#2.2"),  # noqa: E501
    ("GET", "/api/v1/workflows/{id}/jobs", "key", "workflows:read", "200", "core", "schedules-workflows-webhooks.md#2.2"),  # noqa: E501
    ("GET", "/api/v1/workflows/{id}/jobs/status", "key", "workflows:read", "200", "core", "schedules-workflows-webhooks.md#2.2"),  # noqa: E501
    ("GET", "/api/v1/workflows/{id}/jobs/{job_id}", "key", "workflows:read", "200", "core", "schedules-workflows-webhooks.md#2.2"),  # noqa: E501
    ("GET", "/api/v1/workflows/{id}/wait", "key", "workflows:read", "200,202", "ext", "catbird-capabilities.md#8.2"),  # noqa: E501
    ("POST", "/api/v1/workflows/{id}/complete", "key", "workflows:write", "200", "ext", "catbird-capabilities.md#8.5"),  # noqa: E501
    ("GET", "/api/v1/workflows/{id}/steps", "key", "workflows:read", "200", "ext", "catbird-capabilities.md#8.2"),  # noqa: E501
    ("GET", "/api/v1/workflows/{id}/steps/{key}", "key", "workflows:read", "200", "ext", "catbird-capabilities.md#8.2"),  # noqa: E501
    ("GET", "/api/v1/workflows/{id}/steps/{key}/wait", "key", "workflows:read", "200,202", "ext", "catbird-capabilities.md#8.2"),  # noqa: E501
    ("POST", "/api/v1/workflows/{id}/steps/{key}/signal", "key", "workflows:write", "200", "ext", "catbird-capabilities.md#8.3"),  # noqa: E501
    ("GET", "/api/v1/workflows/{id}/steps/{key}/items", "key", "workflows:read", "200", "ext", "catbird-capabilities.md#8.4"),  # noqa: E501
    ("POST", "/api/v1/workflows/{id}/steps/{key}/items", "key", "workflows:write", "200", "ext", "catbird-capabilities.md#8.4"),  # noqa: E501
    ("POST", "/api/v1/workflows/{id}/steps/{key}/items/complete", "key", "workflows:write", "200", "ext", "catbird-capabilities.md#8.4"),  # noqa: E501
)

OUTGOING_WEBHOOKS: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/outgoing-webhooks", "unscoped", "webhooks:read", "200", "core", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("POST", "/api/v1/outgoing-webhooks", "unscoped", "webhooks:write", "201", "core", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("GET", "/api/v1/outgoing-webhooks/{id}", "unscoped", "webhooks:read", "200", "core", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("PUT", "/api/v1/outgoing-webhooks/{id}", "unscoped", "webhooks:write", "200", "core", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("PATCH", "/api/v1/outgoing-webhooks/{id}", "unscoped", "webhooks:write", "200", "alias", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("DELETE", "/api/v1/outgoing-webhooks/{id}", "unscoped", "webhooks:write", "204", "core", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("POST", "/api/v1/outgoing-webhooks/{id}/test", "unscoped", "webhooks:write", "200", "core", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("GET", "/api/v1/outgoing-webhooks/{id}/deliveries", "unscoped", "webhooks:read", "200", "core", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("POST", "/api/v1/outgoing-webhooks/{id}/retry/{delivery_id}", "unscoped", "webhooks:write", "200", "core", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("POST", "/api/v1/outgoing-webhooks/{id}/deliveries/{delivery_id}/retry", "unscoped", "webhooks:write", "200", "alias", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("GET", "/api/v1/webhooks", "unscoped", "webhooks:read", "200", "alias", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("POST", "/api/v1/webhooks", "unscoped", "webhooks:write", "201", "alias", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("GET", "/api/v1/webhooks/{id}", "unscoped", "webhooks:read", "200", "alias", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("PUT", "/api/v1/webhooks/{id}", "unscoped", "webhooks:write", "200", "alias", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("PATCH", "/api/v1/webhooks/{id}", "unscoped", "webhooks:write", "200", "alias", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("DELETE", "/api/v1/webhooks/{id}", "unscoped", "webhooks:write", "204", "alias", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("POST", "/api/v1/webhooks/{id}/test", "unscoped", "webhooks:write", "200", "alias", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
    ("GET", "/api/v1/webhooks/{id}/deliveries", "unscoped", "webhooks:read", "200", "alias", "schedules-workflows-webhooks.md#3.3"),  # noqa: E501
)

WEBHOOK_INGESTION: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/webhooks/deliveries", "unscoped", "webhooks:read", "200", "core", "schedules-workflows-webhooks.md#4.7"),  # noqa: E501
    ("POST", "/api/v1/webhooks/{org_id}/custom", "hook-token", "-", "200", "core", "schedules-workflows-webhooks.md#4.6"),  # noqa: E501
    ("POST", "/api/v1/webhooks/{org_id}/github", "signature", "-", "200", "core", "schedules-workflows-webhooks.md#4.4"),  # noqa: E501
    ("POST", "/api/v1/webhooks/{org_id}/stripe", "signature", "-", "200", "core", "schedules-workflows-webhooks.md#4.5"),  # noqa: E501
)

REALTIME_EVENT_STREAMS: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/events", "stream", "jobs:read", "200", "core", "realtime.md#4.2"),
    ("GET", "/api/v1/events/jobs/{id}", "stream", "jobs:read", "200", "core", "realtime.md#4.2"),
    ("GET", "/api/v1/events/queues/{name}", "stream", "jobs:read", "200", "core", "realtime.md#4.2"),  # noqa: E501
    ("GET", "/api/v1/ws", "stream", "jobs:read", "101", "core", "realtime.md#5.1"),
)

BINDINGS_AND_PUBLISHING: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/bindings", "unscoped", "jobs:read", "200", "ext", "catbird-capabilities.md#5"),
    ("POST", "/api/v1/bindings", "unscoped", "jobs:write", "201,200", "ext", "catbird-capabilities.md#5"),  # noqa: E501
    ("DELETE", "/api/v1/bindings", "unscoped", "jobs:write", "200", "ext", "catbird-capabilities.md#5"),  # noqa: E501
    ("DELETE", "/api/v1/bindings/{id}", "unscoped", "jobs:write", "204", "ext", "catbird-capabilities.md#5"),  # noqa: E501
    ("POST", "/api/v1/publish", "unscoped", "jobs:write", "200", "ext", "catbird-capabilities.md#5"),  # noqa: E501
)

TASKS: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/tasks", "key", "jobs:read", "200", "ext", "catbird-capabilities.md#6.1"),
    ("POST", "/api/v1/tasks", "key", "jobs:write", "201,200", "ext", "catbird-capabilities.md#6.1"),
    ("GET", "/api/v1/tasks/{name}", "key", "jobs:read", "200", "ext", "catbird-capabilities.md#6.1"),  # noqa: E501
    ("PUT", "/api/v1/tasks/{name}", "key", "jobs:write", "200", "ext", "catbird-capabilities.md#6.1"),  # noqa: E501
    ("DELETE", "/api/v1/tasks/{name}", "key", "jobs:write", "204", "ext", "catbird-capabilities.md#6.1"),  # noqa: E501
    ("GET", "/api/v1/tasks/{name}/runs", "key", "jobs:read", "200", "ext", "catbird-capabilities.md#6.1"),  # noqa: E501
    ("POST", "/api/v1/tasks/{name}/runs", "key", "jobs:write", "201,200", "ext", "catbird-capabilities.md#6.1"),  # noqa: E501
    ("DELETE", "/api/v1/tasks/{name}/runs", "key", "jobs:write", "200", "ext", "catbird-capabilities.md#11"),  # noqa: E501
    ("GET", "/api/v1/tasks/{name}/runs/{id}", "key", "jobs:read", "200", "ext", "catbird-capabilities.md#6.1"),  # noqa: E501
    ("POST", "/api/v1/tasks/{name}/runs/{id}/cancel", "key", "jobs:write", "200", "ext", "catbird-capabilities.md#6.1"),  # noqa: E501
    ("GET", "/api/v1/tasks/{name}/runs/{id}/wait", "key", "jobs:read", "200,202", "ext", "catbird-capabilities.md#6.1"),  # noqa: E501
    ("GET", "/api/v1/tasks/{name}/schedule", "key", "schedules:read", "200", "ext", "catbird-capabilities.md#10"),  # noqa: E501
    ("PUT", "/api/v1/tasks/{name}/schedule", "key", "schedules:write", "200", "ext", "catbird-capabilities.md#10"),  # noqa: E501
    ("DELETE", "/api/v1/tasks/{name}/schedule", "key", "schedules:write", "204", "ext", "catbird-capabilities.md#10"),  # noqa: E501
)

FLOWS: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/flows", "key", "workflows:read", "200", "ext", "catbird-capabilities.md#8.1"),
    ("POST", "/api/v1/flows", "key", "workflows:write", "201,200", "ext", "catbird-capabilities.md#8.1"),  # noqa: E501
    ("GET", "/api/v1/flows/{name}", "key", "workflows:read", "200", "ext", "catbird-capabilities.md#8.1"),  # noqa: E501
    ("PUT", "/api/v1/flows/{name}", "key", "workflows:write", "200", "ext", "catbird-capabilities.md#8.1"),  # noqa: E501
    ("DELETE", "/api/v1/flows/{name}", "key", "workflows:write", "204", "ext", "catbird-capabilities.md#8.1"),  # noqa: E501
    ("GET", "/api/v1/flows/{name}/runs", "key", "workflows:read", "200", "ext", "catbird-capabilities.md#8.2"),  # noqa: E501
    ("POST", "/api/v1/flows/{name}/runs", "key", "workflows:write", "201,200", "ext", "catbird-capabilities.md#8.2"),  # noqa: E501
    ("DELETE", "/api/v1/flows/{name}/runs", "key", "workflows:write", "200", "ext", "catbird-capabilities.md#11"),  # noqa: E501
    ("GET", "/api/v1/flows/{name}/schedule", "key", "schedules:read", "200", "ext", "catbird-capabilities.md#10"),  # noqa: E501
    ("PUT", "/api/v1/flows/{name}/schedule", "key", "schedules:write", "200", "ext", "catbird-capabilities.md#10"),  # noqa: E501
    ("DELETE", "/api/v1/flows/{name}/schedule", "key", "schedules:write", "204", "ext", "catbird-capabilities.md#10"),  # noqa: E501
)

TOPIC_REALTIME_INBOX_BATCH_MAINTENANCE: Final[tuple[Row, ...]] = (
    ("POST", "/api/v1/realtime/notify", "unscoped", "jobs:write", "202", "ext", "catbird-capabilities.md#13"),  # noqa: E501
    ("POST", "/api/v1/realtime/tokens", "unscoped", "jobs:write", "200", "ext", "catbird-capabilities.md#13"),  # noqa: E501
    ("GET", "/api/v1/realtime/sse", "rt-token", "-", "200", "ext", "catbird-capabilities.md#13"),
    ("GET", "/api/v1/realtime/poll", "rt-token", "-", "200", "ext", "catbird-capabilities.md#13"),
    ("GET", "/api/v1/realtime/presence", "unscoped", "jobs:read", "200", "ext", "catbird-capabilities.md#13"),  # noqa: E501
    ("GET", "/api/v1/realtime/stream", "unscoped", "jobs:read", "200", "ext", "catbird-capabilities.md#13"),  # noqa: E501
    ("GET", "/api/v1/realtime/renderers/{name}", "unscoped", "jobs:read", "200", "ext", "catbird-capabilities.md#13"),  # noqa: E501
    ("PUT", "/api/v1/realtime/renderers/{name}", "unscoped", "jobs:write", "200", "ext", "catbird-capabilities.md#13"),  # noqa: E501
    ("DELETE", "/api/v1/realtime/renderers/{name}", "unscoped", "jobs:write", "204", "ext", "catbird-capabilities.md#13"),  # noqa: E501
    ("GET", "/api/v1/inbox/{identity}", "unscoped", "jobs:read", "200", "ext", "catbird-capabilities.md#14"),  # noqa: E501
    ("POST", "/api/v1/inbox/{identity}", "unscoped", "jobs:write", "201", "ext", "catbird-capabilities.md#14"),  # noqa: E501
    ("POST", "/api/v1/inbox/{identity}/seen", "unscoped", "jobs:write", "200", "ext", "catbird-capabilities.md#14"),  # noqa: E501
    ("POST", "/api/v1/batch", "key", "jobs:write", "200", "ext", "catbird-capabilities.md#19.9"),
    ("POST", "/api/v1/maintenance/gc", "unscoped-or-admin", "organization:admin", "200", "ext", "catbird-capabilities.md#11"),  # noqa: E501
    ("GET", "/api/v1/maintenance/migrations", "admin", "-", "200", "ext", "catbird-capabilities.md#16"),  # noqa: E501
)

OWN_ROUTES: Final[tuple[Row, ...]] = (
    ("GET", "/api/v1/schedules/{id}/next", "key", "schedules:read", "200", "own", "schedules-workflows-webhooks.md#1.2"),  # noqa: E501
    ("POST", "/api/v1/schedules/preview", "key", "schedules:read", "200", "own", "schedules-workflows-webhooks.md#1.2"),  # noqa: E501
    ("GET", "/", "public", "-", "200,304", "own", "README.md#8"),
    ("POST", "/api/v1/organizations/{id}/billing-email/confirm", "unscoped", "organization:admin", "200", "own", "platform.md#7.6"),  # noqa: E501
    ("POST", "/api/v1/organizations/{id}/billing-email/code", "unscoped", "organization:admin", "200", "own", "platform.md#7.6"),  # noqa: E501
    ("GET", "/api/v1/dashboard/queues", "key", "queues:read", "200", "own", "amendments.md#2"),
    ("GET", "/api/v1/events/log", "key", "jobs:read", "200", "own", "amendments.md#2"),
    ("GET", "/api/v1/schedules/upcoming", "key", "schedules:read", "200", "own", "amendments.md#2"),
    ("GET", "/api/v1/workers/{id}/jobs", "key", "workers:read", "200", "own", "amendments.md#2"),
    ("GET", "/api/v1/jobs/{id}/explain", "key", "jobs:read", "200", "own", "amendments.md#2"),
    ("POST", "/api/v1/jobs/{id}/deliveries/{delivery_id}/retry", "key", "webhooks:write", "200", "own", "amendments.md#2"),  # noqa: E501
    ("GET", "/api/v1/jobs/{id}/deliveries", "key", "webhooks:read", "200", "own", "amendments.md#2"),  # noqa: E501
    ("POST", "/api/v1/auth/link", "public", "-", "200", "own", "amendments.md#2"),
    ("GET", "/api/v1/auth/options", "public", "-", "200", "own", "amendments.md#2"),
    ("GET", "/api/v1/jobs/search", "key", "jobs:read", "200", "own", "amendments.md#2"),
    ("POST", "/api/v1/jobs/actions", "key", "jobs:write", "200", "own", "amendments.md#2"),
    ("POST", "/api/v1/jobs/heartbeat", "key", "jobs:write", "200", "own", "amendments.md#3"),
    ("POST", "/api/v1/jobs/settle", "key", "jobs:write", "200", "own", "amendments.md#3"),
    ("GET", "/api/v1/acts", "unscoped", "organization:read", "200", "own", "amendments.md#2"),
    ("GET", "/api/v1/dashboard/errors", "key", "jobs:read", "200", "own", "amendments.md#2"),
    ("GET", "/api/v1/dashboard/series", "key", "jobs:read", "200", "own", "amendments.md#2"),
    ("GET", "/api/v1/realtime/renderers", "unscoped", "jobs:read", "200", "own", "amendments.md#2"),
    ("GET", "/docs", "public", "-", "200", "own", "README.md#8"),
    ("GET", "/openapi.json", "public", "-", "200", "own", "README.md#8"),
    ("GET", "/{asset}", "public", "-", "200", "own", "README.md#8"),
    ("ANY", "/api/v1/test/{rest}", "test", "-", "200", "own", "README.md#8"),
)

METRICS_PORT: Final[tuple[Row, ...]] = (
    ("GET", "/metrics", "metrics", "-", "200", "core", "platform.md#14"),
    ("GET", "/health", "public", "-", "200", "core", "platform.md#14"),
    ("GET", "/ready", "public", "-", "200", "core", "platform.md#14"),
)

GRPC: Final[tuple[Row, ...]] = (
    ("GRPC", "/spooled.v1.QueueService/Enqueue", "key", "jobs:write", "OK", "core", "grpc.md#5.1"),
    ("GRPC", "/spooled.v1.QueueService/Dequeue", "key", "jobs:write", "OK", "core", "grpc.md#5.2"),
    ("GRPC", "/spooled.v1.QueueService/Complete", "key", "jobs:write", "OK", "core", "grpc.md#5.4"),
    ("GRPC", "/spooled.v1.QueueService/Fail", "key", "jobs:write", "OK", "core", "grpc.md#5.5"),
    ("GRPC", "/spooled.v1.QueueService/RenewLease", "key", "jobs:write", "OK", "core", "grpc.md#5.6"),  # noqa: E501
    ("GRPC", "/spooled.v1.QueueService/GetJob", "key", "jobs:read", "OK", "core", "grpc.md#5.7"),
    ("GRPC", "/spooled.v1.QueueService/GetQueueStats", "key", "queues:read", "OK", "core", "grpc.md#5.8"),  # noqa: E501
    ("GRPC", "/spooled.v1.QueueService/StreamJobs", "key", "jobs:write", "OK", "core", "grpc.md#6.1"),  # noqa: E501
    ("GRPC", "/spooled.v1.QueueService/ProcessJobs", "key", "jobs:write", "OK", "core", "grpc.md#6.2"),  # noqa: E501
    ("GRPC", "/spooled.v1.WorkerService/Register", "key", "workers:write", "OK", "core", "grpc.md#7.1"),  # noqa: E501
    ("GRPC", "/spooled.v1.WorkerService/Heartbeat", "key", "workers:write", "OK", "core", "grpc.md#7.2"),  # noqa: E501
    ("GRPC", "/spooled.v1.WorkerService/Deregister", "key", "workers:write", "OK", "core", "grpc.md#7.3"),  # noqa: E501
    ("GRPC", "/grpc.health.v1.Health/Check", "public", "-", "OK", "core", "grpc.md#1"),
    ("GRPC", "/grpc.health.v1.Health/Watch", "public", "-", "OK", "core", "grpc.md#1"),
    ("GRPC", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "public", "-", "OK", "core", "grpc.md#1"),  # noqa: E501
    ("GRPC", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "public", "-", "OK", "core", "grpc.md#1"),  # noqa: E501
)
# fmt: on

MAIN_PORT: Final[tuple[Row, ...]] = (
    *HEALTH,
    *SIGN_IN,
    *ORGANIZATIONS,
    *API_KEYS,
    *BILLING_AND_DASHBOARD_DATA,
    *ADMIN,
    *JOBS,
    *QUEUES,
    *WORKERS,
    *SCHEDULES,
    *WORKFLOWS,
    *OUTGOING_WEBHOOKS,
    *WEBHOOK_INGESTION,
    *REALTIME_EVENT_STREAMS,
    *BINDINGS_AND_PUBLISHING,
    *TASKS,
    *FLOWS,
    *TOPIC_REALTIME_INBOX_BATCH_MAINTENANCE,
    *OWN_ROUTES,
)
