"""Whether gRPC is started at all."""

import asyncio
import logging
import sys
from typing import Any

import pytest
from msgspec import structs

from spooled_lite.app import running
from spooled_lite.clock import ManualClock
from spooled_lite.config import Settings
from spooled_lite.wire import grpc as package
from spooled_lite.wire.grpc.start import grpc_of
from tests.wire.grpc.stage import NOW_MS


def address(grpc_port: Any) -> str | None:
    """Where gRPC is served with these settings; None when it is not."""

    async def main() -> str | None:
        settings = structs.replace(Settings(database=":memory:"), grpc_port=grpc_port)
        async with (
            running(settings, clock=ManualClock(NOW_MS)) as it,
            grpc_of(it.services) as server,
        ):
            return None if server is None else server.address

    return asyncio.run(main())


def test_a_free_port_is_found_and_off_is_off() -> None:
    found = address("auto")

    assert found is not None
    assert int(found.removeprefix("127.0.0.1:")) > 0
    assert address("off") is None


@pytest.mark.parametrize("missing", ["grpc", "google.protobuf.message_factory"])
def test_without_its_extra_everything_else_is_served_and_one_line_says_so(
    missing: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    forget_ours(monkeypatch)
    monkeypatch.setitem(sys.modules, missing, None)

    with caplog.at_level(logging.INFO):
        assert address("auto") is None

    [said] = [each for each in caplog.messages if "gRPC" in each]
    assert said == "gRPC is off; to use it, install the extra: spooled-lite[grpc]"


def test_a_module_that_is_missing_for_another_reason_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forget_ours(monkeypatch)
    monkeypatch.setitem(sys.modules, "spooled_lite.wire.grpc.tls", None)

    with pytest.raises(ModuleNotFoundError, match="tls"):
        address("auto")


def forget_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the modules around the library imported anew."""
    for name in tuple(sys.modules):
        if name.startswith("spooled_lite.wire.grpc.") and not name.endswith(".start"):
            monkeypatch.delitem(sys.modules, name)
            # The package names its modules too, and has to name these ones again afterwards.
            leaf = name.rpartition(".")[2]
            monkeypatch.setattr(package, leaf, getattr(package, leaf))
