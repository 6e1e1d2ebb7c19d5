"""Lists of what has a large value of its own: every row is there, and 4 MiB of the values."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.jobs.bodies import PAGE_BYTES_MAX
from tests.wire.http.job_calls import WatchedApi
from tests.wire.http.workflow_calls import a_step, a_workflow

SIZE: Final = 1_000_000
ROOM: Final = PAGE_BYTES_MAX // SIZE
COUNT: Final = ROOM + 2
LARGE: Final = {"text": "x" * (SIZE - 100)}


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def rows_of(api: WatchedApi, path: str, **more: Any) -> list[dict[str, Any]]:
    rows: Any = api.shown("GET", path, **more)
    return list(rows)


def test_schedules_keep_their_small_templates_and_the_large_ones_there_is_room_for(
    api: WatchedApi,
) -> None:
    def store(template: Any) -> str:
        body = {"name": "n", "cron_expression": "0 0 1 1 *", "queue_name": "q"}
        made = api.shown("POST", "schedules", 201, json={**body, "payload_template": template})
        return str(made["id"])

    small = store({"n": 1})
    ids = [store(LARGE) for _ in range(COUNT)]

    rows = rows_of(api, "schedules?order_dir=desc")

    assert [row["id"] for row in rows] == [*reversed(ids), small]
    assert [row["payload_template"] == LARGE for row in rows[:-1]] == [True] * ROOM + [False] * 2
    assert [row.get("values_omitted", False) for row in rows] == [False] * ROOM + [True] * 2 + [
        False
    ]
    assert rows[-1]["payload_template"] == {"n": 1}
    assert api.shown("GET", f"schedules/{ids[0]}")["payload_template"] == LARGE


def test_workflows_keep_the_large_metadata_there_is_room_for(api: WatchedApi) -> None:
    def store(metadata: Any) -> dict[str, Any]:
        body = {**a_workflow(a_step("a")), "metadata": metadata}
        return api.shown("POST", "workflows", 201, json=body)

    without = store(None)
    made = [store(LARGE) for _ in range(COUNT)]

    rows = rows_of(api, "workflows")

    assert made[0]["metadata"] == LARGE
    assert [row["metadata"] == LARGE for row in rows] == [True] * ROOM + [False] * 3
    omitted = [row["id"] for row in rows if row.get("metadata_omitted")]
    assert omitted == [made[1]["id"], made[0]["id"]]
    assert rows[-1]["id"] == without["id"]
    assert api.shown("GET", f"workflows/{made[0]['id']}")["metadata"] == LARGE
    assert api.shown("POST", f"workflows/{made[0]['id']}/cancel")["metadata"] == LARGE


def test_deliveries_keep_the_large_payloads_there_is_room_for(api: WatchedApi) -> None:
    hook = {"name": "h", "url": "http://127.0.0.1:9/", "events": ["job.completed"]}
    webhook = api.shown("POST", "outgoing-webhooks", 201, json=hook)
    for _ in range(COUNT):
        job = api.claimed()
        api.shown("POST", f"jobs/{job['id']}/complete", json={"result": LARGE})

    rows = rows_of(api, f"outgoing-webhooks/{webhook['id']}/deliveries")

    assert len(rows) == COUNT
    assert [row["payload"] is None for row in rows] == [False] * ROOM + [True] * 2
    assert [row.get("values_omitted", False) for row in rows] == [False] * ROOM + [True] * 2
    assert rows[0]["payload"]["data"]["result"] == LARGE
