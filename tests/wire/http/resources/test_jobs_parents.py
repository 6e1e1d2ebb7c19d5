"""Parents and webhooks of new jobs: contract jobs, J1."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi, problem


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def a_body(**fields: Any) -> dict[str, Any]:
    return {"queue_name": "emails", "payload": {"to": "a"}, **fields}


def test_a_child_waits_for_its_parent(api: WatchedApi) -> None:
    parent = api.claimed("parents")
    child = api.enqueue(parent_job_id=parent["id"])
    assert (child["parent_job_id"], child["dependencies_met"]) == (parent["id"], False)
    assert api.claim() == []

    api.post(f"jobs/{parent['id']}/complete")

    [claimed] = api.claim()
    assert (claimed["id"], claimed["parent_job_id"]) == (child["id"], parent["id"])


def test_a_child_of_a_dead_letter_is_cancelled(api: WatchedApi) -> None:
    parent = api.dead("parents")

    child = api.enqueue(parent_job_id=parent["id"])

    shown = api.job(child["id"])
    assert child == {**shown, "created": True}
    assert shown["status"] == "cancelled"
    assert shown["last_error"] == "Parent job failed or was deadlettered"


def test_a_parent_of_another_organization_or_queue_is_unknown(api: WatchedApi) -> None:
    foreign = api.post("jobs", json=a_body(), key=api.other_org()).json()
    hidden = api.enqueue("hidden")
    key = api.issue(queues=("emails",))

    one = api.post("jobs", json=a_body(parent_job_id=foreign["id"]))
    other = api.post("jobs", json=a_body(parent_job_id=hidden["id"]), key=key)

    assert problem(one) == problem(other) == (400, "parent_job_id", "invalid_value")


# -- webhooks in production -----------------------------------------------------------------------


@pytest.fixture
def production() -> Iterator[WatchedApi]:
    settings = Settings(environment="production", webhook_allow_networks=("10.1.0.0/16",))
    with WatchedApi(":memory:", settings) as it:
        yield it


REFUSED_TARGETS = [
    ("http://hooks.example.com/x", "https_required"),
    ("http://localhost:1/x", "https_required"),
    ("https://user:pw@hooks.example.com", "invalid_url"),
    ("https:///x", "invalid_url"),
    ("https://hooks.example.com:99999/", "invalid_url"),
    ("https://localhost/x", "private_ip"),
    ("https://LOCALHOST./x", "private_ip"),
    ("https://metadata.google.internal/x", "private_ip"),
    ("https://db.corp/x", "private_ip"),
    ("https://127.0.0.1/x", "private_ip"),
    ("https://[::1]/x", "private_ip"),
    ("https://10.0.0.1/x", "private_ip"),
    ("https://169.254.169.254/latest", "private_ip"),
    ("https://100.64.0.1/", "private_ip"),
    ("https://[fe80::1]/", "private_ip"),
    ("https://[fd00::1]/", "private_ip"),
    ("https://0.0.0.0/", "private_ip"),
    ("https://224.0.0.1/", "private_ip"),
    ("https://255.255.255.255/", "private_ip"),
    ("https://[::ffff:10.0.0.1]/", "private_ip"),
    ("https://[64:ff9b::a00:1]/", "private_ip"),
    ("https://[2002:a00:1::]/", "private_ip"),
    ("https://2130706433/", "private_ip"),
    ("https://0x7f.1/", "private_ip"),
    ("https://0177.0.0.1/", "private_ip"),
]


def test_production_looks_where_a_webhook_leads(production: WatchedApi) -> None:
    for url, code in REFUSED_TARGETS:
        refused = production.post("jobs", json=a_body(completion_webhook=url))

        assert problem(refused) == (400, "completion_webhook", code), url
        assert "Invalid webhook URL" in refused.json()["message"]
        assert ("HTTP not allowed" in refused.json()["message"]) is (code == "https_required")


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/x?y=1", "https://10.1.2.3/x", "https://8.8.8.8:8443/"]
)
def test_production_accepts_public_and_listed_targets(production: WatchedApi, url: str) -> None:
    assert production.enqueue(completion_webhook=url)["completion_webhook"] == url


def test_outside_production_every_web_address_is_stored(api: WatchedApi) -> None:
    for url in ("http://10.0.0.1/x", "https://metadata/x", "HTTP://localhost", "http://u:p@a/"):
        assert api.enqueue(completion_webhook=url)["completion_webhook"] == url
