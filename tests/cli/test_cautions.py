"""What a start says of a disk that is elsewhere, and of keys that cross a network unencrypted."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.cli.cautions import cautions
from spooled_lite.config import Settings
from spooled_lite.storage import network_disk
from spooled_lite.storage.file_guard import CannotUseFile
from tests.server_process import STOP_SECONDS_MAX


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A path on what the system takes for NFS."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/ {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr(network_disk, "MOUNTS", str(mounts))
    return str(tmp_path / "spooled.db")


def test_a_database_on_a_network_disk_is_warned_of(database: str) -> None:
    [told] = cautions(Settings(database=database))

    assert told.startswith(f"{database} is on a network or shared file system (nfs4 at ")
    assert told.endswith("In production this is an error")


def test_in_production_it_is_refused(database: str) -> None:
    with pytest.raises(CannotUseFile, match="allow_network_disk = true"):
        cautions(Settings(database=database, environment="production"))


@pytest.mark.slow  # starts a process: what `serve` sets up concerns all of it
def test_a_start_that_is_refused_makes_no_file(database: str) -> None:
    code = (
        "from spooled_lite.cli.main import main; from spooled_lite.storage import network_disk;"
        f"network_disk.MOUNTS = {network_disk.MOUNTS!r}; main()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, "serve", "--database", database, "--port", "0"],
        env={**os.environ, "SPOOLED_ENVIRONMENT": "production"},
        capture_output=True,
        text=True,
        check=False,
        timeout=STOP_SECONDS_MAX,
    )

    assert answer.returncode == 1
    assert "nfs4" in answer.stderr
    assert not Path(database).exists()


def test_who_allows_a_network_disk_is_told_nothing_more(database: str) -> None:
    settings = Settings(
        database=database, environment="production", allow_network_disk=True, backup_to="/backups"
    )

    assert cautions(settings) == []


def test_a_database_in_memory_is_on_no_disk(database: str) -> None:
    assert cautions(Settings(database=":memory:")) == []


@pytest.mark.parametrize(
    ("settings", "is_told"),
    [
        ({"environment": "production"}, True),
        ({"environment": "production", "backup_to": "s3://backups"}, False),
        ({"environment": "production", "database": ":memory:"}, False),
        ({"environment": "staging"}, False),
        ({}, False),
    ],
)
def test_production_without_backups_is_warned_of(
    tmp_path: Path, settings: dict[str, Any], is_told: bool
) -> None:
    told = cautions(Settings(**{"database": str(tmp_path / "spooled.db"), **settings}))

    assert any(each.startswith("no backups are made: ") for each in told) is is_told


def test_a_copy_from_before_an_upgrade_is_named_when_it_is_old(tmp_path: Path) -> None:
    path = tmp_path / "spooled.db"
    for name in ("spooled.db.before-2", "spooled.db.before-restore-2030-01-01T00-00-00"):
        copy = tmp_path / name
        copy.write_bytes(b"x" * 100)
    os.utime(tmp_path / "spooled.db.before-2", (0, 0))

    [told] = cautions(Settings(database=str(path)))

    assert told.startswith(f"{path}.before-2 keeps the database as it was ")
    assert told.endswith(" days ago, in 1 MiB: delete it when nobody will go back to it")


@pytest.mark.parametrize(
    ("settings", "is_told"),
    [
        ({"host": "0.0.0.0"}, True),
        ({"host": "::"}, True),
        ({"host": "jobs.example.com"}, True),
        ({"host": "0.0.0.0", "trust_proxy": True}, False),
        ({"host": "0.0.0.0", "enable_hsts": True}, False),
        ({"host": "127.0.0.1"}, False),
        ({"host": "::1"}, False),
        ({"host": "localhost"}, False),
    ],
)
def test_listening_for_others_without_tls_is_warned_of(
    settings: dict[str, Any], is_told: bool
) -> None:
    told = cautions(Settings(database=":memory:", **settings))

    assert (
        any(each.startswith(f"listening on {settings['host']} without TLS") for each in told)
        is is_told
    )
