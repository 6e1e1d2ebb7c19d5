"""`spooled-lite migrate`: what a file has, bringing it up to date, and no way down."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spooled_lite.cli.main import main
from spooled_lite.storage import migrate
from tests.storage.stage import an_idle_database, in_file
from tests.storage.upgrades import fill, release, tables_of, version_of

KNOWN = migrate.newest_version()
ADDS = "CREATE TABLE added (x);"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "spooled.db"
    fill(path)
    return path


def run(act: str, path: Path, *more: object) -> Result:
    arguments = ["migrate", act, "--database", str(path), *(str(each) for each in more)]
    return CliRunner().invoke(main, arguments)


def status(path: Path) -> Any:
    answer = run("status", path, "--json")
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def test_a_file_that_is_up_to_date_says_so(path: Path) -> None:
    answer = run("status", path)

    assert answer.exit_code == 0, answer.output
    head, first, *_ = answer.stdout.splitlines()
    assert head.split() == ["VERSION", "NAME", "APPLIED"]
    assert first.split() == ["1", "initial", "yes"]
    assert answer.stderr == f"{path} is at schema version {KNOWN}: nothing is left to apply\n"


def test_what_is_not_applied_is_listed_and_who_applies_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(monkeypatch, ADDS)
    before = path.read_bytes()

    answer = run("status", path)

    assert answer.stdout.splitlines()[-1].split() == [str(KNOWN + 1), "release", "no"]
    assert "lacks 1 of them. A server applies them by itself when it starts" in answer.stderr
    assert status(path) == {
        "version": KNOWN,
        "newest": KNOWN + 1,
        "migrations": [
            {"version": 1, "name": "initial", "applied": True},
            {"version": KNOWN + 1, "name": "release", "applied": False},
        ],
    }
    assert path.read_bytes() == before


def test_a_file_that_a_server_uses_is_looked_at_and_not_changed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = an_idle_database(path)
    try:
        release(monkeypatch, ADDS)

        assert status(path)["version"] == KNOWN
        refused = run("up", path)
    finally:
        database.close()

    assert refused.exit_code == 1
    assert "Stop it first, or start it anew: a start migrates by itself" in refused.output
    assert version_of(path) == KNOWN


def test_up_applies_what_is_left_and_keeps_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(monkeypatch, ADDS)

    answer = run("up", path)

    copy = Path(f"{path}.before-{KNOWN + 1}")
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.splitlines() == [
        f"{path} was at schema version {KNOWN} and is at {KNOWN + 1} now",
        f"As it was it is kept as {copy}",
    ]
    assert in_file(path) == in_file(copy) == ["kept"]
    assert "added" in tables_of(path)
    assert "added" not in tables_of(copy)
    assert run("up", path).output == (
        f"{path} is at schema version {KNOWN + 1}: nothing is left to apply\n"
    )


def test_a_file_of_a_newer_version_that_only_added_to_it_is_told(path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        release(patch, ADDS, readable_by=KNOWN)
        an_idle_database(path).close()

    answer = run("status", path)

    assert answer.exit_code == 0
    assert f"is at schema version {KNOWN + 1}, of a newer version" in answer.stderr
    assert run("up", path).exit_code == 0
    assert version_of(path) == KNOWN + 1


def test_down_is_refused_with_the_way_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release(monkeypatch, ADDS)
    run("up", path)

    refused = run("down", path, "--to", KNOWN)

    assert refused.exit_code == 1
    assert "migrations have no way back" in refused.output
    way = f"spooled-lite restore --from {path}.before-{KNOWN + 1} --database {path} --replace\n"
    assert refused.output.endswith(way)
    assert version_of(path) == KNOWN + 1
    unnamed = CliRunner().invoke(main, ["migrate", "down"])
    assert "--from FILE.before-N --database FILE --replace" in unnamed.output
