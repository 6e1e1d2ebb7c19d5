"""Calls that are always refused. Contract: platform, section 17."""

from collections.abc import Iterator
from typing import Final

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi, refusal
from tests.wire.http.route_table import MAIN_PORT
from tests.wire.http.test_routes import filled

ALWAYS_404: Final = [(row[0], row[1]) for row in MAIN_PORT if row[2] == "none"]


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


@pytest.mark.parametrize(("method", "path"), ALWAYS_404)
def test_what_no_server_answers_is_not_found_for_anybody(
    api: WatchedApi, method: str, path: str
) -> None:
    for key in (None, "sk_test_unknown", api.key):
        answer = api.request(method, filled(path), key=key, content=b"no json")

        assert refusal(answer) == (404, "NOT_FOUND")


def test_a_webhook_token_cannot_be_cleared(api: WatchedApi) -> None:
    own = f"organizations/{api.served.org_id}/webhook-token"

    for answer in (
        api.post("organizations/webhook-token/clear"),
        api.post("organizations/webhook-token/clear", json={"confirm": True}),
        api.delete(own),
    ):
        assert refusal(answer) == (404, "NOT_FOUND")
        said = "the webhook token cannot be cleared; regenerate it to stop the old one"
        assert answer.json()["message"] == said


def test_a_foreign_webhook_token_is_not_even_there(api: WatchedApi) -> None:
    assert refusal(api.delete("organizations/x/webhook-token")) == (404, "NOT_FOUND")


def test_who_may_not_manage_the_organization_is_told_so_first(api: WatchedApi) -> None:
    scoped = api.issue(queues=("emails",))
    reader = api.issue(permissions=("organization:read",))

    for key in (scoped, reader):
        answer = api.post("organizations/webhook-token/clear", key=key)
        assert refusal(answer) == (403, "ACCESS_DENIED")
