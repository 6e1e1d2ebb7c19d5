"""The organizations and API keys calls of the official client."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from spooled.client import SpooledClient
from spooled.errors import (
    AuthenticationError,
    AuthorizationError,
    ConflictError,
    NotFoundError,
    UnsupportedOperationError,
    ValidationError,
)
from spooled.types.organizations import CreateOrganizationResponse

from tests.sdk.driven import a_client
from tests.sdk.platform_stage import a_slug, register
from tests.sdk.test_jobs import create
from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow


@pytest.fixture
def made(client: SpooledClient) -> CreateOrganizationResponse:
    return register(client)


@pytest.fixture
def owner(
    server: ServerProcess, kind: str, made: CreateOrganizationResponse
) -> Iterator[SpooledClient]:
    """Calls with the first key of an organization of its own."""
    with a_client(kind, server.url, made.api_key.key) as it:
        yield it


def test_anybody_makes_an_organization_and_gets_its_first_key(
    made: CreateOrganizationResponse, owner: SpooledClient
) -> None:
    organization = made.organization

    assert (organization.name, organization.plan_tier) == ("Fresh", "free")
    assert (organization.settings, organization.custom_limits) == ({}, None)
    assert made.api_key.key.startswith("sk_test_")
    assert len(made.api_key.key) == 51
    [listed] = owner.organizations.list()
    assert (listed.id, listed.slug) == (organization.id, organization.slug)
    assert owner.organizations.get(organization.id) == organization


def test_a_slug_is_given_once(client: SpooledClient, made: CreateOrganizationResponse) -> None:
    slug = made.organization.slug

    with pytest.raises(ConflictError) as refused:
        client.organizations.create({"name": "Second", "slug": slug})
    assert refused.value.code == "CONFLICT"
    for wrong in ("-x-", "ab", "admin", "a--b"):
        with pytest.raises(ValidationError):
            client.organizations.create({"name": "Second", "slug": wrong})


def test_a_slug_is_checked_and_made(
    client: SpooledClient, made: CreateOrganizationResponse
) -> None:
    taken = client.organizations.check_slug(made.organization.slug)
    free = client.organizations.check_slug(a_slug())
    reserved = client.organizations.check_slug("admin")

    assert (taken.available, taken.valid) == (False, True)
    assert taken.suggestion == f"{made.organization.slug}-2"
    assert (free.available, free.valid, free.error) == (True, True, None)
    assert (reserved.available, reserved.valid) == (False, False)
    assert reserved.error
    assert client.organizations.generate_slug("Big  Firm & Sons").slug.startswith("big-firm-sons")


def test_an_organization_changes_what_is_its_own(
    made: CreateOrganizationResponse, owner: SpooledClient
) -> None:
    changes = {"name": "Renamed", "billing_email": "a@b.example", "settings": {"deep": [1]}}

    changed = owner.organizations.update(made.organization.id, changes)

    assert (changed.name, changed.billing_email) == ("Renamed", "a@b.example")
    assert changed.settings == {"deep": [1]}
    assert changed.slug == made.organization.slug
    assert owner.organizations.get(made.organization.id) == changed
    with pytest.raises(ValidationError):
        owner.organizations.update(made.organization.id, {"name": "x"})


def test_usage_of_a_fresh_organization(owner: SpooledClient, queue: str) -> None:
    create(owner, queue)

    usage = owner.organizations.get_usage()

    assert (usage.plan, usage.plan_display_name) == ("free", "Free")
    limits = usage.limits
    assert (limits.max_active_jobs, limits.max_queues, limits.max_workers) == (10, 2, 1)
    assert (usage.usage.active_jobs.current, usage.usage.active_jobs.percentage) == (1, 10.0)
    assert (usage.usage.queues.current, usage.usage.api_keys.current) == (1, 1)
    assert usage.usage.workflows.is_disabled
    assert [warning.resource for warning in usage.warnings] == ["queues", "api_keys"]


def test_its_keys_are_its_members(made: CreateOrganizationResponse, owner: SpooledClient) -> None:
    owner.api_keys.create({"name": "narrow", "queues": ["mail"]})

    first, second = owner.organizations.get_members(made.organization.id)

    assert (first.id, first.user_id, first.role) == (made.api_key.id, made.api_key.id, "owner")
    assert (second.name, second.role, second.invited_by) == ("narrow", "member", None)


def test_the_webhook_token_is_replaced_and_never_cleared(
    made: CreateOrganizationResponse, owner: SpooledClient
) -> None:
    before = owner.organizations.get_webhook_token()

    after = owner.organizations.regenerate_webhook_token()

    assert before.webhook_token
    assert after.webhook_token != before.webhook_token
    assert owner.organizations.get_webhook_token() == after
    assert after.webhook_url is not None
    assert after.webhook_url.endswith(f"/api/v1/webhooks/{made.organization.id}/custom")
    with pytest.raises(UnsupportedOperationError):
        owner.organizations.clear_webhook_token()


def test_another_organization_is_not_found(
    client: SpooledClient, made: CreateOrganizationResponse
) -> None:
    other = made.organization.id

    for call in (
        client.organizations.get,
        client.organizations.get_members,
        client.organizations.delete,
    ):
        with pytest.raises(NotFoundError):
            call(other)
    with pytest.raises(NotFoundError):
        client.organizations.update(other, {"name": "Mine now"})
    with pytest.raises(NotFoundError):
        client.api_keys.get(made.api_key.id)


def test_an_organization_with_work_is_not_deleted_and_an_idle_one_is(
    made: CreateOrganizationResponse, owner: SpooledClient, client: SpooledClient, queue: str
) -> None:
    job = create(owner, queue)
    with pytest.raises(ConflictError):
        owner.organizations.delete(made.organization.id)
    owner.jobs.cancel(job)

    owner.organizations.delete(made.organization.id)

    with pytest.raises(AuthenticationError):
        owner.organizations.list()
    again = client.organizations.create({"name": "Again", "slug": made.organization.slug})
    assert again.organization.id != made.organization.id


# -- API keys ------------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_listed_without_its_secret(
    made: CreateOrganizationResponse, owner: SpooledClient
) -> None:
    ends_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)

    new = owner.api_keys.create(
        {
            "name": "worker (1)",
            "queues": ["mail", "sms-*"],
            "rate_limit": 60,
            "expires_at": ends_at.isoformat(),
        }
    )

    assert new.key.startswith("sk_test_")
    assert (new.name, new.expires_at) == ("worker (1)", ends_at)
    listed = owner.api_keys.list()
    assert [each.id for each in listed] == [new.id, made.api_key.id]
    assert (listed[0].queues, listed[0].rate_limit) == (["mail", "sms-*"], 60)
    got = owner.api_keys.get(new.id)
    assert (got.organization_id, got.is_active) == (made.organization.id, True)
    assert got.key_prefix == new.key[:12]


def test_a_key_is_changed_and_revoked_at_once(
    server: ServerProcess, kind: str, owner: SpooledClient
) -> None:
    new = owner.api_keys.create({"name": "before"})
    with a_client(kind, server.url, new.key) as it:
        it.jobs.list()

        changed = owner.api_keys.update(new.id, {"name": "after", "queues": ["mail"]})

        assert (changed.name, changed.queues) == ("after", ["mail"])
        with pytest.raises(AuthorizationError):
            create(it, "sms")
        owner.api_keys.delete(new.id)
        owner.api_keys.delete(new.id)  # repeating it is no error
        with pytest.raises(AuthenticationError):
            it.jobs.list()
    assert owner.api_keys.get(new.id).is_active is False


def test_a_key_switched_off_and_on_again(
    server: ServerProcess, kind: str, owner: SpooledClient
) -> None:
    new = owner.api_keys.create({"name": "switch"})
    with a_client(kind, server.url, new.key) as it:
        owner.api_keys.update(new.id, {"is_active": False})
        with pytest.raises(AuthenticationError):
            it.jobs.list()

        owner.api_keys.update(new.id, {"is_active": True})

        assert it.jobs.list() == []


def test_a_regenerated_key_stops_at_once(
    server: ServerProcess, kind: str, owner: SpooledClient
) -> None:
    # No method of this client: a call as its other methods make it.
    new = owner.api_keys.create({"name": "renewed"})
    with a_client(kind, server.url, new.key) as old:
        old.jobs.list()

        shown = post(owner, f"/api-keys/{new.id}/regenerate")

        assert shown["id"] == new.id
        with pytest.raises(AuthenticationError):
            old.jobs.list()
        with a_client(kind, server.url, shown["key"]) as it:
            assert it.auth.me().api_key_id == new.id


def test_a_key_of_some_queues_makes_no_other_key(
    server: ServerProcess, kind: str, owner: SpooledClient, made: CreateOrganizationResponse
) -> None:
    narrow = owner.api_keys.create({"name": "narrow", "queues": ["mail"]})

    with a_client(kind, server.url, narrow.key) as it:
        for call in (
            it.api_keys.list,
            lambda: it.api_keys.create({"name": "wide"}),
            it.organizations.get_usage,
            it.organizations.get_webhook_token,
            it.billing.get_status,
            lambda: it.organizations.delete(made.organization.id),
        ):
            with pytest.raises(AuthorizationError) as refused:
                call()
            assert refused.value.code == "ACCESS_DENIED"


def test_what_a_key_cannot_be(owner: SpooledClient) -> None:
    past = datetime.now(UTC) - timedelta(days=1)

    for wrong in (
        {"name": "no/slash"},
        {"name": "x", "queues": ["no spaces"]},
        {"name": "x", "rate_limit": 10_001},
        {"name": "x", "expires_at": past.isoformat()},
    ):
        with pytest.raises(ValidationError) as refused:
            owner.api_keys.create(wrong)
        assert refused.value.status_code == 400
    with pytest.raises(NotFoundError):
        owner.api_keys.get("no-such-key")


def post(client: SpooledClient, path: str) -> dict[str, str]:
    """A call that this client has no method for, sent like its own."""
    answer: dict[str, str] = client._http.post(path)
    return answer
