"""SIGHUP: what is read again is applied as a whole or not at all, and the log says which."""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import structs

from spooled_lite.app import running
from spooled_lite.cli import reload as reloads
from spooled_lite.cli.reload import CERTIFICATE, RELOADABLE, NeedsRestart, changes
from spooled_lite.config import TYPES, ConfigError, Settings
from spooled_lite.logs import set_up_logging
from spooled_lite.serving import Serving, serving
from tests.wire.http.raw_http import run

PEMS: Final = Path(__file__).parents[1] / "outbound"
BASIC: Final = Settings(database=":memory:", port=0, grpc_port="off", log_level="info")


@pytest.fixture
def log() -> Any:
    """What a server would write to its error output; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Serving]:
    async with running(settings) as app, serving(app) as server:
        yield server


def hang_up(
    server: Serving, read: Callable[[], tuple[Settings, list[str]]]
) -> Coroutine[Any, Any, None]:
    return reloads.reload(read, server, logging.getLogger().handlers[-1])


def with_settings(server: Serving, **changed: Any) -> Coroutine[Any, Any, None]:
    settings = structs.replace(server.app.services.settings, **changed)
    return hang_up(server, lambda: (settings, []))


def level() -> str:
    return logging.getLevelName(logging.getLogger().level).lower()


@pytest.mark.parametrize("name", sorted({*TYPES, "plan_values"} - RELOADABLE))
def test_every_other_setting_needs_a_restart(name: str) -> None:
    new = structs.replace(BASIC, log_level="debug")
    structs.force_setattr(new, name, object())

    with pytest.raises(NeedsRestart, match=f"^needs a restart: {name}$"):
        changes(BASIC, new, None)


def test_what_is_set_in_another_place_to_the_same_is_no_change() -> None:
    new = structs.replace(BASIC, given={"port": "flag --port"})

    assert changes(BASIC, new, None).names == []


def test_all_that_may_change_is_applied(log: StringIO) -> None:
    set_up_logging(BASIC, stream=log)

    async def main() -> None:
        async with started(BASIC) as server:
            await with_settings(
                server, log_level="warning", json_logs=True, metrics_token="a-new-token"
            )
            assert server.app.services.settings.metrics_token == "a-new-token"
            assert level() == "warning"

    run(main())
    told = json.loads(log.getvalue().splitlines()[-1])
    assert told["message"] == (
        "SIGHUP: the settings were read again; changed: metrics_token, json_logs, log_level"
    )


@pytest.mark.parametrize(("before", "after"), [("error", "info"), ("info", "error")])
def test_a_reload_is_told_of_at_the_more_talkative_level(
    log: StringIO, before: str, after: str
) -> None:
    settings = structs.replace(BASIC, log_level=before)
    set_up_logging(settings, stream=log)

    async def main() -> None:
        async with started(settings) as server:
            await with_settings(server, log_level=after)
            assert level() == after

    run(main())
    assert "SIGHUP: the settings were read again; changed: log_level" in log.getvalue()


def test_with_one_setting_that_needs_a_restart_nothing_is_applied(log: StringIO) -> None:
    set_up_logging(BASIC, stream=log)

    async def main() -> None:
        async with started(BASIC) as server:
            before = server.app.services.settings
            await with_settings(server, log_level="debug", port=9, host="0.0.0.0")
            assert server.app.services.settings is before
            assert level() == "info"

    run(main())
    assert "SIGHUP: nothing is applied: needs a restart: host, port\n" in log.getvalue()


def test_with_a_bad_value_nothing_is_applied(log: StringIO) -> None:
    set_up_logging(BASIC, stream=log)

    def bad() -> tuple[Settings, list[str]]:
        raise ConfigError("key `log_level` in c.toml: must be one of debug, info")

    async def main() -> None:
        async with started(BASIC) as server:
            await hang_up(server, bad)
            assert level() == "info"

    run(main())
    assert "nothing is applied: key `log_level` in c.toml: must be one of" in log.getvalue()


def test_a_new_secret_is_masked_from_then_on(log: StringIO) -> None:
    set_up_logging(BASIC, stream=log)

    async def main() -> None:
        async with started(BASIC) as server:
            await with_settings(server, metrics_token="a-long-new-token")

    run(main())
    logging.getLogger(__name__).warning("somebody wrote a-long-new-token")
    assert "a-long-new-token" not in log.getvalue()


def test_in_test_mode_nothing_is_applied(log: StringIO) -> None:
    set_up_logging(BASIC, stream=log)

    async def main() -> None:
        async with started(BASIC) as server:
            server.app.services.state.is_test = True
            await with_settings(server, log_level="debug")
            assert level() == "info"

    run(main())
    assert "in test mode settings are read at the start only" in log.getvalue()


# -- certificates ----------------------------------------------------------------------------------


def test_new_connections_get_the_new_certificate(tmp_path: Path, log: StringIO) -> None:
    pem = tmp_path / "grpc.pem"
    settings = structs.replace(
        BASIC,
        grpc_port="auto",
        grpc_tls_enabled=True,
        grpc_tls_cert_path=str(pem),
        grpc_tls_key_path=str(pem),
    )
    set_up_logging(settings, stream=log)

    async def shown(server: Serving) -> str:
        assert server.grpc is not None
        address = ("127.0.0.1", server.grpc.port)
        return await asyncio.to_thread(ssl.get_server_certificate, address)

    async def main() -> None:
        pem.write_bytes((PEMS / "localhost.pem").read_bytes())
        async with started(settings) as server:
            first = await shown(server)
            pem.write_bytes(b"half of a certificate")
            await with_settings(server, log_level="debug")
            assert (await shown(server), level()) == (first, "info")

            pem.write_bytes((PEMS / "hooks.pem").read_bytes())
            await with_settings(server)
            second = await shown(server)

        assert first in (PEMS / "localhost.pem").read_text()
        assert second in (PEMS / "hooks.pem").read_text()

    run(main())
    assert "nothing is applied: gRPC cannot use the certificate" in log.getvalue()
    assert f"changed: {CERTIFICATE}\n" in log.getvalue()
