"""Secrets that come from files: exactly what they hold, and what is wrong with them by name."""

import os
from pathlib import Path

import pytest

from spooled_lite.config import SECRETS, ConfigError, ConfigFile, Settings, load
from spooled_lite.config_secrets import FILE_VARIABLES, SECRET_BYTES_MAX
from tests.wire.http.admin_calls import ADMIN_KEY, an_admin_api

KEY = "sk_test_a_key_that_is_long_enough"


def settings_of(environ: dict[str, str], **keys: object) -> Settings:
    settings, warnings = load(flags={}, environ=environ, file=ConfigFile("lite.toml", keys))
    assert warnings == []
    return settings


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        load(flags={}, environ=environ)
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secret"


def test_every_secret_can_come_from_a_file(file: Path) -> None:
    file.write_text(f"{KEY}\n")

    assert set(FILE_VARIABLES.values()) == SECRETS
    for variable, name in FILE_VARIABLES.items():
        assert getattr(settings_of({variable: str(file)}), name) == KEY


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("a secret", "a secret"),
        ("a secret\n", "a secret"),
        ("a secret\r\n", "a secret"),
        (" a secret ", " a secret "),  # in a file, spaces are part of it
        ("zwölf €\n", "zwölf €"),
    ],
)
def test_the_value_is_the_file_without_one_newline_at_its_end(
    file: Path, content: str, value: str
) -> None:
    file.write_bytes(content.encode())

    assert settings_of({"SPOOLED_SMTP_PASSWORD_FILE": str(file)}).smtp_password == value


def test_a_secret_that_is_given_both_ways_is_refused_with_both_names(file: Path) -> None:
    file.write_text("from the file")

    message = refusal({"SPOOLED_ADMIN_KEY": "hunter2", "SPOOLED_ADMIN_KEY_FILE": str(file)})

    assert message == "variable SPOOLED_ADMIN_KEY and variable SPOOLED_ADMIN_KEY_FILE: set only one"


def test_a_file_with_a_secret_wins_over_the_config_file(file: Path) -> None:
    file.write_text("from the file")
    environ = {"SPOOLED_ADMIN_KEY_FILE": str(file)}

    assert settings_of(environ, admin_key="from the config").admin_key == "from the file"


def test_an_empty_variable_names_no_file() -> None:
    settings = settings_of({"SPOOLED_ADMIN_KEY_FILE": "", "SPOOLED_ADMIN_KEY": "hunter2"})

    assert settings.admin_key == "hunter2"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"hunter2\xff", "is not text in UTF-8"),
        (b"hunter2" * SECRET_BYTES_MAX, f"is longer than {SECRET_BYTES_MAX} bytes"),
        (b"hunter2\x00", ": must be "),
    ],
    ids=["missing", "empty", "only a newline", "no text", "too long", "broken rule"],
)
def test_a_bad_file_is_named_and_never_shown(
    file: Path, content: bytes | None, reason: str
) -> None:
    if content is not None:
        file.write_bytes(content)

    message = refusal({"SPOOLED_METRICS_TOKEN_FILE": str(file)})

    assert message.startswith(f"file {file} of variable SPOOLED_METRICS_TOKEN_FILE")
    assert reason in message
    assert "hunter2" not in message


@pytest.mark.parametrize("path", ["/", "a\nb", "x" * 10_000])
def test_what_can_be_no_file_is_refused(path: str) -> None:
    assert "SPOOLED_ADMIN_KEY_FILE cannot be read: " in refusal({"SPOOLED_ADMIN_KEY_FILE": path})


def test_a_pipe_is_read_as_well() -> None:
    """As a shell gives it: SPOOLED_ADMIN_KEY_FILE=<(pass show spooled)."""
    reading, writing = os.pipe()
    os.write(writing, b"from a pipe\n")
    os.close(writing)

    try:
        settings = settings_of({"SPOOLED_ADMIN_KEY_FILE": f"/dev/fd/{reading}"})
    finally:
        os.close(reading)

    assert settings.admin_key == "from a pipe"


def test_the_admin_sees_which_file_a_secret_comes_from(file: Path) -> None:
    file.write_text(f"{ADMIN_KEY}\n")
    given = settings_of({"SPOOLED_ADMIN_KEY_FILE": str(file)}).given

    for api in an_admin_api(given=given):
        shown = {each["name"]: each for each in api.seen("server")["settings"]}["admin_key"]

    assert shown["source"] == f"file {file} of variable SPOOLED_ADMIN_KEY_FILE"
    assert shown["value"] == "set"
