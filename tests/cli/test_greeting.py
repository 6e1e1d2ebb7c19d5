"""What is said at the start in production: which doors there are, and for whom."""

from typing import Any

import pytest

from spooled_lite.cli.serve import _what_is_open
from spooled_lite.config import Settings

URL = "http://127.0.0.1:8080"
METRICS_URL = "http://127.0.0.1:9090"
GRPC_ADDRESS = "127.0.0.1:50051"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "registration: the admin key"),
        ({"registration": "open"}, "registration: anybody"),
        ({}, "admin calls: closed"),
        ({"admin_key": "Zw8-secretive"}, "admin calls: the admin key"),
        ({}, f"metrics at {URL}/metrics: anybody"),
        ({"metrics_token": "Zw8-secretive"}, f"metrics at {URL}/metrics: a token"),
        ({"metrics_token": "Zw8-secretive"}, f"metrics at {METRICS_URL}/metrics: a token"),
        ({}, f"gRPC on {GRPC_ADDRESS}: a key"),
    ],
)
def test_every_door_is_named_and_no_secret_is(settings: dict[str, Any], said: str) -> None:
    wanted = Settings(environment="production", **settings)
    lines = _what_is_open(wanted, URL, GRPC_ADDRESS, METRICS_URL)

    assert f"  {said}" in lines
    assert "Zw8" not in "\n".join(lines)
