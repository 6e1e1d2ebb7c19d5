"""What is said at the start: where everything is, the key, which doors are open, and for whom."""

import sys
from io import StringIO
from typing import Any

import pytest

import spooled_lite
from spooled_lite.cli.greeting import Started, greeting, may_show_key
from spooled_lite.config import Settings
from spooled_lite.wire.listen import is_loopback

KEY = "sk_test_0123456789abcdef0123456789abcdef"


def said(
    *, key: str | None = None, file: str | None = None, code: str | None = None, **settings: Any
) -> str:
    started = Started(
        settings=Settings(**settings),
        hosts=[Settings(**settings).host],
        url="http://127.0.0.1:8080",
        grpc_address="127.0.0.1:50051",
        metrics_url="http://127.0.0.1:9090",
        database="/data/spooled.db",
        key=key,
        key_file=file,
        sign_in_code=code,
    )
    return "\n".join(greeting(started))


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "registration: the admin key"),
        ({"registration": "open"}, "registration: anyone"),
        ({}, "admin calls: closed"),
        ({"admin_key": "Zw8-secretive"}, "admin calls: the admin key"),
        ({}, "metrics at http://127.0.0.1:8080/metrics: anyone"),
        ({"metrics_token": "Zw8-secretive"}, "metrics at http://127.0.0.1:8080/metrics: a token"),
        ({"metrics_token": "Zw8-secretive"}, "metrics at http://127.0.0.1:9090/metrics: a token"),
        ({}, "gRPC on 127.0.0.1:50051: a key"),
    ],
)
def test_in_production_every_door_is_named_and_no_secret_is(
    settings: dict[str, Any], line: str
) -> None:
    lines = said(environment="production", **settings)

    assert f"  {line}" in lines.splitlines()
    assert "Zw8" not in lines


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "jobs.example.com"])
def test_beyond_loopback_every_environment_says_what_is_open(host: str) -> None:
    lines = said(host=host)

    assert f"Listens on {host}, so other machines can reach it" in lines
    assert "  registration: anyone" in lines.splitlines()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_on_loopback_development_says_nothing_of_doors(host: str) -> None:
    assert is_loopback(host)
    assert "Open" not in said(host=host)


def test_everything_a_person_needs_is_named() -> None:
    lines = said(key=KEY)

    for needed in (spooled_lite.__version__, "/docs", "/data/spooled.db", "127.0.0.1:50051", KEY):
        assert needed in lines


def test_a_later_start_says_how_to_get_a_key() -> None:
    lines = said()

    assert "POST /api/v1/api-keys" in lines
    assert "spooled-lite keys create --database /data/spooled.db" in lines


def test_a_key_that_is_in_a_file_is_not_shown() -> None:
    lines = said(file="/data/spooled.db.key").splitlines()

    assert "  API key   in /data/spooled.db.key" in lines


@pytest.mark.parametrize(
    ("is_terminal", "json_logs", "is_test", "shown"),
    [
        (True, False, False, True),
        (False, False, False, False),
        (None, False, False, False),  # closed before the start
        (True, True, False, False),
        (False, False, True, True),
        (False, True, True, False),
    ],
)
def test_a_key_is_shown_to_a_terminal_and_in_test_mode(
    monkeypatch: pytest.MonkeyPatch,
    is_terminal: bool | None,
    json_logs: bool,
    is_test: bool,
    shown: bool,
) -> None:
    out = None if is_terminal is None else StringIO()
    if out is not None:
        out.isatty = lambda: bool(is_terminal)  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdout", out)

    assert may_show_key(Settings(json_logs=json_logs), is_test=is_test) is shown


def test_a_key_that_the_user_chose_is_not_shown() -> None:
    lines = said(key=KEY, bootstrap_api_key=KEY)

    assert KEY not in lines
    assert "SPOOLED_BOOTSTRAP_API_KEY" in lines


def test_the_dashboard_is_named_with_the_link_that_signs_in() -> None:
    assert "  Dashboard http://127.0.0.1:8080/" in said().splitlines()
    lines = said(code="the-code")

    assert "  Dashboard http://127.0.0.1:8080/#/sign-in?code=the-code" in lines.splitlines()
    assert "once, within 10 minutes" in lines
