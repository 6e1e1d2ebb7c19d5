"""What a receiver sends back costs those who have nothing to do with it nothing they notice."""

from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.bystander import Bystander
from tests.outbound.receiver import Receiver
from tests.server_process import API_KEY, ServerProcess

pytestmark = pytest.mark.alone

CALLS: Final = 3  # to each kind of receiver
WAIT_MS_MAX: Final = 200.0  # of a machine that has other things to do; seconds, while it was wrong


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "has_succeeded"),
    [
        ("many-headers", False),
        ("huge-headers", False),
        ("continues", False),
        ("tiny-chunks", True),
        ("compressed", True),
        ("endless", True),
    ],
)
def test_a_receiver_that_floods_holds_up_nobody(
    tmp_path: Path, mode: str, has_succeeded: bool
) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    with Receiver() as receiver, ServerProcess(tmp_path) as server:
        server.start()
        with httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=60) as api:

            def call(hook: dict[str, Any]) -> dict[str, Any]:
                told: dict[str, Any] = api.post(f"/outgoing-webhooks/{hook['id']}/test").json()
                return told

            hooks = [
                api.post(
                    "/outgoing-webhooks",
                    json={"name": kind, "url": receiver.url(kind), "events": ["worker.offline"]},
                ).json()
                for kind in ("ok", mode)
            ]
            assert call(hooks[0])["success"] is True  # what is loaded late is there now
            with Bystander(server.url, API_KEY) as bystander:
                outcomes = [call(hooks[1])["success"] for _ in range(CALLS)]

    assert outcomes == [has_succeeded] * CALLS
    assert bystander.waits.longest_ms < WAIT_MS_MAX
    assert bystander.waits.refused == 0
