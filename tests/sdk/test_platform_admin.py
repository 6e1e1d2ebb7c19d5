"""The admin calls of the official client: who sees and limits every organization."""

from datetime import UTC, datetime, timedelta

import pytest
from spooled.client import SpooledClient
from spooled.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    QuotaExceededError,
    ValidationError,
)

from tests.sdk.driven import a_client
from tests.sdk.platform_stage import a_slug, register
from tests.sdk.test_jobs import create
from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow


def test_without_the_admin_key_nothing_is_administered(server: ServerProcess, kind: str) -> None:
    with a_client(kind, server.url, admin_key="not-the-admin-key") as it:
        for call in (it.admin.get_stats, it.admin.list_plans, it.admin.list_organizations):
            with pytest.raises(AuthenticationError) as refused:
                call()
            assert refused.value.code == "INVALID_ADMIN_KEY"


def test_an_organization_is_made_with_every_value(
    admin: SpooledClient, server: ServerProcess, kind: str
) -> None:
    slug = a_slug()

    made = admin.admin.create_organization(
        {
            "name": "By admin",
            "slug": slug,
            "plan_tier": "pro",
            "billing_email": "pay@firm.example",
            "settings": {"a": 1},
            "custom_limits": {"max_queues": 7},
        }
    )

    organization = made.organization
    assert (organization.plan_tier, organization.slug) == ("pro", slug)
    assert (organization.settings, organization.custom_limits) == ({"a": 1}, {"max_queues": 7})
    assert admin.admin.get_organization(organization.id) == organization
    with a_client(kind, server.url, made.api_key.key) as it:
        assert it.organizations.get_usage().limits.max_queues == 7
    with pytest.raises(ConflictError):
        admin.admin.create_organization({"name": "By admin", "slug": slug})


def test_every_organization_is_listed(admin: SpooledClient, client: SpooledClient) -> None:
    made = [register(client).organization.id for _ in range(3)]

    newest = admin.admin.list_organizations({"limit": 3})
    free = admin.admin.list_organizations({"plan_tier": "free", "limit": 2, "offset": 1})

    assert [each.id for each in newest] == made[::-1]
    assert [each.id for each in free] == made[1::-1]
    assert {each.plan_tier for each in free} == {"free"}


def test_a_limit_counts_at_once_and_is_taken_back(
    admin: SpooledClient, client: SpooledClient, server: ServerProcess, kind: str, queue: str
) -> None:
    made = register(client)
    org_id = made.organization.id
    with a_client(kind, server.url, made.api_key.key) as it:
        create(it, queue)

        changed = admin.admin.update_organization(org_id, {"custom_limits": {"max_active_jobs": 1}})

        assert changed.custom_limits == {"max_active_jobs": 1}
        with pytest.raises(QuotaExceededError) as refused:
            create(it, queue)
        assert (refused.value.resource, refused.value.limit) == ("active_jobs", 1)
        admin.admin.update_organization(org_id, {"custom_limits": {}})
        create(it, queue)


def test_a_deleted_organization_comes_back_with_a_tier(
    admin: SpooledClient, client: SpooledClient, server: ServerProcess, kind: str, queue: str
) -> None:
    made = register(client)
    org_id = made.organization.id
    with a_client(kind, server.url, made.api_key.key) as it:
        job = create(it, queue)
        off = it.api_keys.create({"name": "revoked before"})
        it.api_keys.delete(off.id)

        admin.admin.delete_organization(org_id)

        with pytest.raises(AuthenticationError):
            it.jobs.get(job)
        assert admin.admin.get_organization(org_id).plan_tier == "deleted"
        restored = admin.admin.update_organization(org_id, {"plan_tier": "starter"})
        assert restored.plan_tier == "starter"
        assert it.jobs.get(job).status == "pending"
        assert it.api_keys.get(off.id).is_active is False


def test_a_hard_deletion_needs_no_rest_and_is_for_good(
    admin: SpooledClient, client: SpooledClient, server: ServerProcess, kind: str, queue: str
) -> None:
    made = register(client)
    with a_client(kind, server.url, made.api_key.key) as it:
        create(it, queue)

        admin.admin.delete_organization(made.organization.id, hard=True)

        with pytest.raises(AuthenticationError):
            it.jobs.list()
    with pytest.raises(NotFoundError):
        admin.admin.get_organization(made.organization.id)
    assert client.organizations.check_slug(made.organization.slug).available
    for call in (
        admin.admin.delete_organization,
        admin.admin.reset_usage,
        lambda org_id: admin.admin.update_organization(org_id, {"plan_tier": "pro"}),
        lambda org_id: admin.admin.create_api_key(org_id, {"name": "late"}),
    ):
        with pytest.raises(NotFoundError):
            call(made.organization.id)


def test_a_key_by_the_admin(
    admin: SpooledClient, client: SpooledClient, server: ServerProcess, kind: str
) -> None:
    made = register(client)
    ends_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)

    key = admin.admin.create_api_key(
        made.organization.id,
        {"name": "handed out", "queues": ["mail"], "rate_limit": 9, "expires_at": ends_at},
    )

    assert (key.name, key.expires_at) == ("handed out", ends_at)
    with a_client(kind, server.url, key.key) as it:
        assert it.auth.me().queues == ["mail"]
    with a_client(kind, server.url, made.api_key.key) as it:
        seen = it.api_keys.get(key.id)
        assert (seen.queues, seen.rate_limit) == (["mail"], 9)


def test_the_count_of_today_begins_anew(
    admin: SpooledClient, client: SpooledClient, server: ServerProcess, kind: str, queue: str
) -> None:
    made = register(client)
    with a_client(kind, server.url, made.api_key.key) as it:
        create(it, queue)
        assert it.organizations.get_usage().usage.jobs_today.current == 1

        admin.admin.reset_usage(made.organization.id)

        usage = it.organizations.get_usage().usage
    assert (usage.jobs_today.current, usage.active_jobs.current) == (0, 1)


def test_sums_over_all_organizations(
    admin: SpooledClient, client: SpooledClient, queue: str
) -> None:
    before = admin.admin.get_stats()
    register(client)
    create(client, queue)

    after = admin.admin.get_stats()

    assert after.organizations.total == before.organizations.total + 1
    assert after.organizations.created_today == before.organizations.created_today + 1
    counts = [each["count"] for each in after.organizations.by_plan]
    assert sum(counts) == after.organizations.total
    assert counts == sorted(counts, reverse=True)
    assert after.jobs.total_active == before.jobs.total_active + 1
    assert after.system.api_version == "v1"
    assert after.system.uptime_seconds >= 0


def test_the_plans_in_order(admin: SpooledClient) -> None:
    plans = admin.admin.list_plans()

    assert [plan.tier for plan in plans] == ["free", "starter", "pro", "enterprise"]
    free, *_, enterprise = plans
    assert (free.max_active_jobs, free.max_queues, free.max_workers) == (10, 2, 1)
    assert (free.max_payload_size_bytes, free.job_retention_days) == (65_536, 3)
    assert (enterprise.max_active_jobs, enterprise.display_name) == (None, "Enterprise")


def test_what_an_organization_cannot_be(admin: SpooledClient, client: SpooledClient) -> None:
    made = register(client)

    for wrong in ({"name": "x"}, {"billing_email": "nobody"}, {"settings": [1]}):
        with pytest.raises(ValidationError):
            admin.admin.update_organization(made.organization.id, wrong)
    with pytest.raises(NotFoundError):
        admin.admin.get_organization("no-such-organization")
