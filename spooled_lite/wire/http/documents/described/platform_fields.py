"""Fields of organizations, keys, sign-in, plans, admin, dashboards and the server itself."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.keys import records as keys
from spooled_lite.core.keys.words import WORDS
from spooled_lite.core.orgs.records import SETTINGS_BYTES_MAX
from spooled_lite.plans import TIERS
from spooled_lite.wire.http.documents.described.field import (
    Field,
    count,
    in_each,
    length,
    one_of,
    time,
)

TOKEN: Final = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…"
SECRET: Final = "sk_test_9qX0…"
ID: Final = "5b1d6b0e-3f55-4a2a-8e3e-0f6a1b2c3d44"
EMAIL: Final = "ada@example.org"

_TIME_OR_NULL: Final = {"anyOf": [{"$ref": "#/components/schemas/Time"}, {"type": "null"}]}
_OBJECT: Final = {"type": ["object", "null"]}
_KEY_NAME: Final = f"1 to {keys.NAME_CHARS_MAX} letters, digits, spaces, `-`, `_`, `.`, `(` and `)`"
_PERMISSIONS: Final = {
    "minItems": 1,
    "maxItems": keys.PERMISSIONS_MAX,
    "items": {"type": "string", "enum": list(WORDS)},
}
_KEYS: Final = ("CreateKey", "UpdateKey", "KeyView", "KeyShown")
_ORGANIZATIONS: Final = ("OrganizationView", "ListedOrganization", "OrganizationDetailView")

# One line a field, however long.
# ruff: noqa: E501
# fmt: off
SERVER: Final = {
    "uptime_seconds": count("Since the server started", 3_600),
}

SIGN_IN: Final = {
    "Login.api_key": Field("The key", SECRET),
    "access_token": Field("Sent with calls, as a bearer token", TOKEN),
    "refresh_token": Field("Exchanged for a new access token", TOKEN),
    "Logout.refresh_token": Field("Revoked too; a text that is not a token is ignored", TOKEN),
    "token_type": one_of("How it is sent", "Bearer"),
    "expires_in": count("Seconds until it ends", 86_400),
    "refresh_expires_in": count("Seconds until the refresh token ends", 2_073_600),
    "Validate.token": Field("The token to check", TOKEN),
    "valid": Field("Whether the token is valid", True),
    "claims": Field("The claims of the token"),
    "ClaimsShown.token_type": one_of("What it is for", "access", "refresh"),
    "sub": Field("The organization", ID),
    "org_id": Field("The organization", ID),
    "iat": count("When it was made, in Unix seconds", 1_790_845_200),
    "nbf": count("Not before, in Unix seconds", 1_790_845_200),
    "exp": count("When it ends, in Unix seconds", 1_790_931_600),
    "jti": Field("Its own id", ID),
    "Validated.error": Field("Why it is not valid; the exact reason is not told", "The token is wrong, expired or revoked"),
    "Validated.message": Field("The same as `error`", "The token is wrong, expired or revoked"),
    "issued_at": time("When it was created"),
    "Me.id": Field("The same as `api_key_id`", ID),
    "Me.name": Field("The name of the key", "Worker"),
    "Me.organization": Field("The organization"),
    "api_key_id": Field("The id of the key", ID),
    "ClaimsShown.secret_id": Field("Which of the key's secrets it was made with", ID),
    "role": one_of("`owner`: not limited to some queues", "owner", "member"),
    "email": Field("The address", EMAIL),
    "Me.email": Field("The address of the organization, or empty", EMAIL),
    "code": Field("The code that was mailed: six digits", "123456"),
    "signup_token": Field("Signs up, within 15 minutes", TOKEN),
    "sent": Field("Always true", True),
    "CodeSent.message": Field("The result in words", "If this address can sign in, a code is on its way to it"),
    "email_sent_to": Field("The address, masked", "a***@example.org"),
    "code_expires_in": count("The same as `expires_in`", 900),
    "SignedIn.type": one_of("The address has an account", "login"),
    "MaySignUp.type": one_of("The address is new", "signup"),
    "user_id": Field("The id of the key", ID),
    "SignedIn.organizations": Field("Where the address belongs"),
    "SignedUp.api_key": Field("The first key, shown only here", SECRET),
    "SignedUp.organization": Field("What was made"),
    "exists": Field("Whether the address has an account", False),
    "available": Field("Whether it is free", True),
    "signup_enabled": Field("Whether it could sign up by mail", True),
    "has_organizations": Field("The same as `exists`", False),
    "can_register": Field("Whether anybody may register", True),
    "provider": Field("Always null"),
    "CompleteSignup.name": Field("The name of the organization", "Acme"),
}

ORGANIZATIONS: Final = {
    **in_each(("CreateOrganization", "UpdateOrganization", "AdminCreateOrganization", "AdminUpdateOrganization", *_ORGANIZATIONS, "OnboardedView", "OrganizationOfMe", "OrganizationOfSignup", "GenerateSlug"), "name", Field("The name", "Acme")),
    **in_each(_ORGANIZATIONS, "description", Field("For people, up to 500 characters", "Mail and more")),
    "UpdateOrganization.description": Field("For people; an empty text clears", "Mail and more"),
    **in_each(("UpdateOrganization", "AdminCreateOrganization", "AdminUpdateOrganization"), "settings", Field(f"An object up to {SETTINGS_BYTES_MAX} bytes, which replaces the old one; a `webhook_token` in it, a `github_webhook_secret` and a `stripe_webhook_secret` become the organization's and are not shown with it; null takes a secret away", {"theme": "dark"}, _OBJECT)),
    **in_each(_ORGANIZATIONS, "settings", Field("Data of the caller", {}, {"type": "object"})),
    "slug": Field("A short name: 3 to 50 of `a`-`z`, digits and single hyphens between them", "acme"),
    "billing_email": Field("An email address", EMAIL),
    "billing_email_verified": Field("Whether it was confirmed with a mailed code; only then it can sign in by mail", True),
    "AddressCode.code": Field("The ten digits from the mail", "0123456789"),
    "logo_url": Field("Where its picture is", "https://example.org/logo.png"),
    "custom_limits": Field("Limits of its own, which win over the plan's; null: none", {"max_queues": None}, _OBJECT),
    "plan_tier": Field(f"The plan: {', '.join(TIERS)}; `deleted` after a deletion that can be taken back", "free"),
    "AdminCreateOrganization.plan_tier": Field(f"The plan: {', '.join(TIERS)}, in any case", "pro"),
    "AdminUpdateOrganization.plan_tier": Field(f"The plan: {', '.join(TIERS)}, in any case", "pro"),
    "plan": Field("The same as `plan_tier`", "free"),
    "is_active": Field("False when it is switched off", True),
    "organization": Field("What was made"),
    "OnboardedView.api_key": Field("Its first key, shown only here"),
    "GenerateSlug.name": Field("The name to make it from", "Acme"),
    "SlugAnswer.valid": Field("Whether it is a valid slug", True),
    "SlugAnswer.slug": Field("What was asked for", "acme"),
    "SlugAnswer.error": Field("Why it cannot be used"),
    "SlugAnswer.message": Field("The same as `error`"),
    "suggestion": Field("A free one like it"),
    "suggestions": Field("Free ones like it", []),
    "webhook_token": Field("The token that incoming webhooks send", "whk_3kD…"),
    "token": Field("The same as `webhook_token`", "whk_3kD…"),
    "webhook_url": Field("Where they go", "http://127.0.0.1:8080/api/v1/webhooks/…/custom"),
    "WebhookTokenView.expires_at": Field("Always null"),
    "Member.id": Field("The id of the key", ID),
    "Member.name": Field("The name of the key", "Worker"),
    "joined_at": time("When the key was made"),
}

KEYS: Final = {
    **in_each(_KEYS, "name", Field(f"The name: {_KEY_NAME}", "Worker", length(1, keys.NAME_CHARS_MAX))),
    **in_each(_KEYS, "rate_limit", Field(f"Requests per minute, 1 to {keys.RATE_LIMIT_MAX}; null: no limit of its own", 600, {"minimum": 1, "maximum": keys.RATE_LIMIT_MAX})),
    **in_each(("KeyView", "KeyShown"), "created_at", time("When it was created")),
    **in_each(("KeyView", "KeyShown"), "expires_at", time("When it ends; null: never", "2030-01-01T00:00:00.000Z")),
    "CreateKey.expires_at": Field("When it ends: in the future; null: never", "2030-01-01T00:00:00Z", _TIME_OR_NULL),
    "queues": Field(f"The queues it opens, up to {keys.QUEUES_MAX}; `*` in a name stands for anything; none: all", ["emails"]),
    "permissions": Field(f"The permission words it has, up to {keys.PERMISSIONS_MAX}; none or `*`: all", ["jobs:read", "jobs:write"]),
    "CreateKey.queues": Field(f"The queues it opens, up to {keys.QUEUES_MAX}, each of 1 to {keys.QUEUE_CHARS_MAX} letters, digits, `-`, `_`, `.` and `*`, which stands for anything; none: all", ["emails"], {"maxItems": keys.QUEUES_MAX}),
    "UpdateKey.queues": Field("As when the key is created", ["emails"], {"maxItems": keys.QUEUES_MAX}),
    "CreateKey.permissions": Field(f"1 to {keys.PERMISSIONS_MAX} permission words; null: all", ["jobs:read"], _PERMISSIONS),
    "UpdateKey.permissions": Field("As when the key is created", ["jobs:read"], _PERMISSIONS),
    "key": Field("The key itself, shown only here", SECRET),
    "key_prefix": Field("The first characters of the key", "sk_test_9qX0"),
    "prefix": Field("The same as `key_prefix`", "sk_test_9qX0"),
    "active": Field("The same as `is_active`", True),
    "last_used": time("When it was last used, to about five minutes"),
    "last_used_at": time("The same as `last_used`"),
}

PLANS: Final = {
    "max_jobs_per_day": count("Jobs stored in a day; null: no limit", 1_000),
    "max_active_jobs": count("Jobs that are not settled; null: no limit", 10),
    "max_queues": count("Queues; null: no limit", 2),
    "max_workers": count("Workers that are well; null: no limit", 1),
    "max_api_keys": count("Active keys; null: no limit", 2),
    "max_schedules": count("Active schedules; null: no limit", 1),
    "max_workflows": count("Workflows that are running; null: no limit"),
    "max_webhooks": count("Webhooks that are on; null: no limit", 1),
    "max_payload_size_bytes": count("Bytes of a payload; null: the server's limit", 65_536),
    "rate_limit_requests_per_second": count("Requests per second", 5),
    "rate_limit_burst": count("Requests in a row", 10),
    "job_retention_days": Field("Days that settled jobs are kept; 0 and less: for ever", 3),
    "history_retention_days": Field("Days that histories are kept; 0 and less: for ever", 1),
    "tier": Field("The plan", "free"),
    "display_name": Field("Its name for people", "Free"),
    "PlanView.description": Field("Whom it is for", "To try it out"),
    "PlanView.limits": Field("The same numbers together"),
    "price": Field("Always null"),
    "Usage.plan": Field("The plan", "free"),
    "plan_display_name": Field("Its name for people", "Free"),
    "limits": Field("What is allowed"),
    "usage": Field("What is used"),
    "warnings": Field("What is nearly used up", []),
    "UsageItem.limit": count("What is allowed; null: no limit", 10),
    "UsageWarning.limit": count("What is allowed", 10),
    "current": count("What is used", 1),
    "percentage": Field("How much of it is used; null: not limited, or nothing is allowed", 10),
    "is_disabled": Field("Whether nothing is allowed", False),
    "UsageWarning.resource": Field("What it is about", "active_jobs"),
    "UsageWarning.message": Field("The warning in words", "Close to the limit of active jobs (9/10)"),
    "severity": one_of("`critical`: used up", "warning", "critical"),
    "jobs_today": Field("Jobs stored since 00:00 UTC", 1),
    "active_jobs": Field("Jobs that are not settled", 1),
    "api_keys": Field("Active keys", 1),
    "schedules": Field("Active schedules", 0),
    "workflows": Field("Workflows that are running", 0),
    "webhooks": Field("Webhooks that are on", 0),
    "workers": Field("Healthy workers", 0),
    **in_each(("RowUsage", "ResourceCounts"), "queues", count("Queues", 1)),
    "ResourceUsage.queues": Field("Queues"),
    **in_each(("ResourceUsage",), "jobs_today", Field("Jobs stored since 00:00 UTC")),
    **in_each(("ResourceUsage",), "active_jobs", Field("Jobs that are not settled")),
    **in_each(("ResourceUsage",), "workers", Field("Healthy workers")),
    **in_each(("ResourceUsage",), "api_keys", Field("Active keys")),
    **in_each(("ResourceUsage",), "schedules", Field("Active schedules")),
    **in_each(("ResourceUsage",), "workflows", Field("Workflows that are running")),
    **in_each(("ResourceUsage",), "webhooks", Field("Webhooks that are on")),
}

ADMIN: Final = {
    "OrganizationPage.organizations": Field("This page of them"),
    "OrganizationPage.total": count("How many there are in all", 1),
    "OrganizationPage.limit": count("Rows of a page", 50),
    "offset": count("Rows that were skipped"),
    "usage_info": Field("What is used of what is allowed"),
    "api_keys_count": count("Keys, revoked ones too", 1),
    "resource_counts": Field("How many there are of each"),
    "OrganizationDetailView.total_jobs": count("Jobs ever stored", 1),
    "ServerStats.organizations": Field("The organizations"),
    "ServerStats.jobs": Field("The jobs"),
    "ServerStats.workers": Field("The workers that were heard of in the last minute"),
    "by_plan": Field("Organizations by plan, most frequent first"),
    "PlanCount.plan": Field("The plan", "free"),
    "PlanCount.count": count("How many", 1),
    "created_today": count("Made since 00:00 UTC"),
    "created_this_week": count("Made in the last seven days", 1),
    "total_active": count("Jobs that are not settled", 1),
    "degraded": count("Workers that are not quite well"),
    "api_version": one_of("Always the same", "v1"),
    "total_organizations": count("Organizations in all", 1),
    "total_queues": count("Queues in all", 1),
    "total_api_keys": count("Keys in all", 1),
    "jobs_by_status": Field("Jobs by status", {"pending": 1}),
    "organizations_by_plan": Field("Organizations by plan", {"free": 1}),
    "active_organizations": count("Organizations that are on", 1),
    "total_jobs_24h": count("Jobs stored in the last 24 hours", 1),
}

BILLING: Final = {
    "stripe_customer_id": Field("The customer an administrator entered"),
    "stripe_subscription_id": Field("The subscription an administrator entered"),
    "stripe_subscription_status": Field("Its status, as entered"),
    "stripe_current_period_end": Field("Always null here"),
    "stripe_cancel_at_period_end": Field("Always null here"),
}

FIGURES: Final = {
    "system": Field("The server"),
    "total_jobs": count("Jobs in all", 1),
    "total_workers": count("Workers in all", 1),
    "completed_24h": count("Completed in the last 24 hours"),
    "failed_24h": count("Failed in the last 24 hours"),
    "healthy": count("Healthy workers", 1),
}
# fmt: on

PLATFORM: Final[Mapping[str, Field]] = {
    **SERVER,
    **SIGN_IN,
    **ORGANIZATIONS,
    **KEYS,
    **PLANS,
    **ADMIN,
    **BILLING,
    **FIGURES,
}
