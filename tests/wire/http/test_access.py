"""Who gets in where: words, scopes, and how often."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from spooled_lite.config import Settings
from spooled_lite.storage.transaction import Tx
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.dispatch import Row
from tests.wire.http.served import NOW_MS, Api


async def who(call: Call) -> Reply:
    return reply({"org": call.org, "org_id": call.org_id, "queues": call.scope.entries})


ROWS: tuple[Row, ...] = (
    ("GET", "/api/v1/public", who, Access.PUBLIC, "-"),
    ("GET", "/api/v1/jobs", who, Access.KEY, "jobs:read"),
    ("DELETE", "/api/v1/jobs/{id}", who, Access.KEY, "jobs:write jobs:delete"),
    ("PUT", "/api/v1/queues/{name}", who, Access.KEY, "queues:write"),
    ("GET", "/api/v1/api-keys", who, Access.UNSCOPED, "api-keys:read"),
)

Make = Callable[..., Api]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    open_ones: list[Api] = []

    def factory(**settings: Any) -> Api:
        api = Api(str(tmp_path / f"{len(open_ones)}.db"), Settings(**settings), ROWS)
        open_ones.append(api.__enter__())
        return api

    yield factory
    for each in open_ones:
        each.__exit__(None, None, None)


def test_a_handler_knows_who_is_calling(make: Make) -> None:
    api = make()

    answer = api.get("jobs", key=api.issue(queues=("a", "b*")))

    assert answer.json() == {
        "org": api.org,
        "org_id": api.served.org_id,
        "queues": ["a", "b*"],
    }


def test_a_public_call_ignores_even_a_bad_credential(make: Make) -> None:
    api = make()

    assert api.get("public", key="sk_test_nonsense").json()["org"] == 0


@pytest.mark.parametrize("key", ["sk_test_unknown", "eyJ.a.b", ""])
def test_a_bad_key_is_401(make: Make, key: str) -> None:
    answer = make().get("jobs", key=key)

    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")


def test_a_credential_in_the_query_opens_nothing(make: Make) -> None:
    api = make()

    assert api.get(f"jobs?token={api.key}&api_key={api.key}", key=None).status_code == 401


def test_x_api_key_is_as_good(make: Make) -> None:
    api = make()

    assert api.get("jobs", key=None, headers={"X-API-Key": api.key}).status_code == 200


@pytest.mark.parametrize(
    ("words", "statuses"),
    [
        (None, (200, 200, 200, 200)),
        (("jobs:read",), (200, 403, 403, 403)),
        (("jobs:write",), (200, 200, 200, 403)),
        (("jobs:delete",), (403, 200, 403, 403)),
        (("queues:admin", "api-keys:read"), (403, 403, 200, 200)),
    ],
)
def test_a_list_of_words_is_enforced(
    make: Make, words: tuple[str, ...] | None, statuses: tuple[int, ...]
) -> None:
    api = make()
    key = api.issue(permissions=words)

    answers = (
        api.get("jobs", key=key),
        api.delete("jobs/1", key=key),
        api.put("queues/q", key=key),
        api.get("api-keys", key=key),
    )

    assert tuple(answer.status_code for answer in answers) == statuses
    for answer in answers:
        assert answer.is_success or answer.json()["code"] == "ACCESS_DENIED"


def test_words_can_be_switched_off(make: Make) -> None:
    api = make(enforce_key_permissions=False)

    assert api.put("queues/q", key=api.issue(permissions=("jobs:read",))).status_code == 200


def test_a_key_with_queues_may_not_manage_the_organization(make: Make) -> None:
    api = make()

    assert api.get("api-keys", key=api.issue(queues=("a",))).status_code == 403
    assert api.get("api-keys", key=api.issue(queues=("a", "*"))).status_code == 200


# -- how often -----------------------------------------------------------------------------------


def test_a_key_has_its_requests_per_minute(make: Make) -> None:
    api = make()
    key = api.issue(rate_limit=2)

    answers = [api.get("jobs", key=key) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    remaining = [answer.headers["x-ratelimit-remaining"] for answer in answers]
    assert remaining == ["1", "0", "0"]
    refused = answers[2]
    assert refused.headers["x-ratelimit-limit"] == "2"
    assert refused.headers["x-ratelimit-scope"] == "api_key"
    assert refused.headers["retry-after"] == "60"
    body = refused.json()
    assert (body["code"], body["error"]) == ("RATE_LIMIT_EXCEEDED", "rate_limit_exceeded")
    assert body["details"] == {"retry_after_seconds": 60}
    assert (body["retry_after_secs"], body["limit"], body["remaining"]) == (60, 2, 0)
    assert body["reset_at"] == NOW_MS // 1000 + 60


def test_the_next_minute_is_a_new_one(make: Make) -> None:
    api = make()
    key = api.issue(rate_limit=1)
    api.get("jobs", key=key)
    api.clock.advance(seconds=59.5)
    early = api.get("jobs", key=key)

    api.clock.advance(seconds=0.5)

    assert (early.status_code, early.headers["retry-after"]) == (429, "1")
    assert api.get("jobs", key=key).status_code == 200


def test_a_refusal_for_a_missing_word_counts_too(make: Make) -> None:
    api = make()
    key = api.issue(rate_limit=1, permissions=("jobs:read",))

    statuses = [api.put("queues/q", key=key).status_code for _ in range(2)]

    assert statuses == [403, 429]


def test_a_clock_that_is_set_back_does_not_lock_a_key_out(make: Make) -> None:
    api = make()
    key = api.issue(rate_limit=1)
    api.get("jobs", key=key)

    api.clock.advance(seconds=-3600)

    assert api.get("jobs", key=key).status_code == 200


def test_an_organization_is_limited_when_a_rate_is_set(make: Make) -> None:
    api = make(rate_limit_requests_per_second=2, rate_limit_burst_size=3)
    second_key = api.issue()

    answers = [api.get("jobs", key=key) for key in (api.key, second_key, api.key, second_key)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["x-ratelimit-scope"] == "organization"
    assert [a.headers["x-ratelimit-remaining"] for a in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["x-ratelimit-limit"] == "3"
    assert answers[3].headers["retry-after"] == "1"
    api.clock.advance(seconds=0.5)
    assert api.get("jobs").status_code == 200


def test_another_organization_has_a_bucket_of_its_own(make: Make) -> None:
    api = make(rate_limit_requests_per_second=1, rate_limit_burst_size=1)
    api.get("jobs")

    assert api.get("jobs").status_code == 429
    assert api.get("jobs", key=api.other_org()).status_code == 200


def test_the_narrower_of_both_limits_is_reported(make: Make) -> None:
    api = make(rate_limit_requests_per_second=1, rate_limit_burst_size=5)

    wide, narrow = api.issue(rate_limit=100), api.issue(rate_limit=2)

    assert api.get("jobs", key=wide).headers["x-ratelimit-scope"] == "organization"
    assert api.get("jobs", key=narrow).headers["x-ratelimit-scope"] == "api_key"


def test_a_request_that_a_key_refuses_costs_its_organization_nothing(make: Make) -> None:
    api = make(rate_limit_requests_per_second=1, rate_limit_burst_size=2)
    key = api.issue(rate_limit=1)
    assert [api.get("jobs", key=key).status_code for _ in range(3)] == [200, 429, 429]

    assert api.get("jobs").status_code == 200


def test_plan_enforcement_brings_the_rate_of_the_tier(make: Make) -> None:
    api = make(plan_enforcement="on")

    assert api.get("jobs").headers["x-ratelimit-limit"] == "1000"
    assert api.get("jobs", key=api.other_org(tier="free")).headers["x-ratelimit-limit"] == "10"


def test_a_custom_limit_counts_without_plan_enforcement(make: Make) -> None:
    api = make()

    def customize(tx: Tx) -> None:
        custom = msgspec.json.encode({"rate_limit_requests_per_second": 3})
        tx.execute("UPDATE organizations SET custom_limits = :custom", {"custom": custom})

    api.write(customize)

    assert api.get("jobs").headers["x-ratelimit-limit"] == "6"
