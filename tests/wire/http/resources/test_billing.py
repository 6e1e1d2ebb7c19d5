"""A server without a payment provider. Contract: platform, section 10."""

from collections.abc import Iterator

import pytest

from tests.wire.http.admin_calls import AdminApi, an_admin_api
from tests.wire.http.job_calls import refusal


@pytest.fixture
def api() -> Iterator[AdminApi]:
    yield from an_admin_api()


def test_nobody_pays_for_anything(api: AdminApi) -> None:
    assert api.get("billing/status").json() == {
        "plan_tier": "enterprise",
        "has_stripe_customer": False,
        "stripe_customer_id": None,
        "stripe_subscription_id": None,
        "stripe_subscription_status": None,
        "stripe_current_period_end": None,
        "stripe_cancel_at_period_end": None,
        "subscription_status": None,
        "current_period_end": None,
        "cancel_at_period_end": None,
    }


def test_what_an_administrator_wrote_down_is_shown(api: AdminApi) -> None:
    api.changed(
        api.served.org_id,
        plan_tier="pro",
        stripe_customer_id="cus_1",
        stripe_subscription_id="sub_1",
        stripe_subscription_status="past_due",
    )

    status = api.get("billing/status").json()

    assert (status["plan_tier"], status["has_stripe_customer"]) == ("pro", True)
    assert (status["stripe_customer_id"], status["stripe_subscription_id"]) == ("cus_1", "sub_1")
    assert status["stripe_subscription_status"] == status["subscription_status"] == "past_due"


@pytest.mark.parametrize("body", [None, {}, {"return_url": "https://example.org/back"}])
def test_there_is_no_portal(api: AdminApi, body: dict[str, str] | None) -> None:
    assert refusal(api.post("billing/portal", json=body)) == (400, "BAD_REQUEST")


def test_the_words_and_the_scope_of_a_key_are_asked_for(api: AdminApi) -> None:
    reader = api.issue(permissions=("organization:read",))
    scoped = api.issue(queues=("emails",))
    worker = api.issue(permissions=("jobs:write",))

    assert api.get("billing/status", key=reader).status_code == 200
    for key in (scoped, worker):
        assert refusal(api.get("billing/status", key=key)) == (403, "ACCESS_DENIED")
    for key in (reader, scoped, worker):
        assert refusal(api.post("billing/portal", key=key)) == (403, "ACCESS_DENIED")
    assert refusal(api.get("billing/status", key=None)) == (401, "UNAUTHORIZED")
