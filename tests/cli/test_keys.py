"""`spooled-lite keys` on a database file."""

import asyncio
import contextlib
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spooled_lite.cli.main import COMMANDS, main
from spooled_lite.config import Settings
from spooled_lite.errors import Unauthorized
from spooled_lite.storage.file_guard import FileLock
from tests.wire.http.served import serving


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A database with one organization, `default`, and one key."""
    path = str(tmp_path / "spooled.db")

    async def make() -> None:
        async with serving(path, Settings()):
            pass

    asyncio.run(make())
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["keys", *arguments])


def listed(file: str) -> list[dict[str, Any]]:
    answer = run("list", "--database", file, "--json")
    assert answer.exit_code == 0, answer.output
    found: list[dict[str, Any]] = json.loads(answer.output)
    return found


def test_a_created_key_is_printed_and_stored(file: str) -> None:
    answer = run("create", "--database", file, "--name", "ci", "--queue", "a", "--queue", "b*")

    assert answer.exit_code == 0, answer.output
    secret = answer.output.strip()
    assert secret.startswith("sk_test_")
    [key] = [each for each in listed(file) if each["name"] == "ci"]
    assert key["key_prefix"] == secret[:12]
    assert (key["queues"], key["permissions"]) == (["a", "b*"], ["*"])


def test_a_created_key_can_be_asked_for_in_json(file: str) -> None:
    answer = run(
        "create", "--database", file, "--json", "--live", "--permission", "jobs:read",
        "--rate-limit", "60", "--expires-at", "2100-01-01T00:00:00Z",
    )  # fmt: skip

    key = json.loads(answer.output)
    assert key["key"].startswith("sk_live_")
    assert (key["permissions"], key["rate_limit"]) == (["jobs:read"], 60)
    assert key["expires_at"] == "2100-01-01T00:00:00.000Z"


def test_the_list_shows_what_each_key_may_do_and_until_when(file: str) -> None:
    run("create", "--database", file, "--name", "ci", "--queue", "a", "--queue", "b*",
        "--permission", "jobs:read", "--permission", "queues:read",
        "--expires-at", "2100-01-01T00:00:00Z")  # fmt: skip

    head, first, ci = run("list", "--database", file).output.splitlines()

    assert re.split(r" {2,}", head)[2:] == [
        "STATE", "QUEUES", "PERMISSIONS", "EXPIRES", "LAST USED", "NAME"
    ]  # fmt: skip
    assert re.split(r" {2,}", ci)[2:] == [
        "active", "a,b*", "jobs:read,queues:read", "2100-01-01T00:00:00.000Z", "never", "ci"
    ]  # fmt: skip
    assert re.split(r" {2,}", first)[2:-1] == ["active", "all", "all", "never", "never"]
    assert [line.index(word) for line, word in ((head, "NAME"), (ci, "ci"))] == [
        first.index("Initial Admin Key")
    ] * 2


def test_the_list_tells_a_key_that_has_ended(file: str) -> None:
    created = json.loads(run("create", "--database", file, "--json").output)
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE api_keys SET expires_at_ms = 1 WHERE id = ?", (created["id"],))

    [key] = [each for each in listed(file) if each["id"] == created["id"]]

    assert (key["state"], key["is_active"]) == ("expired", True)


def test_a_revoked_key_is_listed_as_revoked_and_opens_nothing(file: str) -> None:
    created = json.loads(run("create", "--database", file, "--json").output)

    for _ in range(2):
        assert run("revoke", "--database", file, created["id"]).exit_code == 0

    [key] = [each for each in listed(file) if each["id"] == created["id"]]
    assert key["is_active"] is False
    assert "revoked" in run("list", "--database", file).output
    with pytest.raises(Unauthorized):
        asyncio.run(find(file, created["key"]))


async def find(file: str, key: str) -> None:
    async with serving(file, Settings()) as it:
        await it.services.callers.find(key)


def test_no_answer_but_that_of_create_shows_a_key(file: str) -> None:
    secret = run("create", "--database", file).output.strip()

    assert secret not in run("list", "--database", file).output
    assert secret not in run("list", "--database", file, "--json").output


def test_a_file_that_a_server_holds_is_refused(file: str) -> None:
    lock = FileLock(file).acquire()

    answer = run("list", "--database", file)

    lock.release()
    assert answer.exit_code == 1
    assert "in use by another server" in answer.output
    assert "/api/v1/api-keys" in answer.output


def test_a_file_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "nothing.db"

    answer = run("create", "--database", str(path))

    assert answer.exit_code == 1
    assert "there is no such file" in answer.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "--name", "a/b"), "name"),
        (("create", "--rate-limit", "0"), "rate_limit"),
        (("create", "--queue", "a b"), "queues[0]"),
        (("create", "--permission", "jobs:wriet"), "the nearest is `jobs:write`"),
        (("create", "--expires-at", "soon"), "--expires-at"),
        (("create", "--org", "nobody"), "Organization not found"),
        (("revoke", "no-such-key"), "API key not found"),
    ],
)
def test_what_is_wrong_is_said(file: str, arguments: tuple[str, ...], said: str) -> None:
    answer = run(*arguments, "--database", file)

    assert answer.exit_code != 0
    assert said in answer.output
    assert "Traceback" not in answer.output
    assert len(listed(file)) == 1


def test_an_organization_is_named_by_its_slug(file: str) -> None:
    assert run("create", "--database", file, "--org", "default").exit_code == 0


def test_help_names_every_command_without_loading_it() -> None:
    answer = CliRunner().invoke(main, ["--help"])

    assert answer.exit_code == 0
    assert [name for name in COMMANDS if name not in answer.output] == []


def test_an_unknown_command_is_refused() -> None:
    answer = CliRunner().invoke(main, ["nonsense"])

    assert answer.exit_code == 2
    assert "nonsense" in answer.output


def test_a_misspelled_command_is_told_the_nearest_one() -> None:
    answer = CliRunner().invoke(main, ["serv"])

    assert answer.exit_code == 2
    assert "Did you mean 'serve'?" in answer.output


@pytest.mark.parametrize(
    ("group", "typed", "meant"), [("keys", "creat", "create"), ("backups", "lst", "list")]
)
def test_a_misspelled_command_of_a_group_is_told_the_nearest_one(
    group: str, typed: str, meant: str
) -> None:
    answer = CliRunner().invoke(main, [group, typed])

    assert answer.exit_code == 2
    assert f"Did you mean '{meant}'?" in answer.output
