"""A folder whose files are recorded, with a folder for backups and one for what waits in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.power.recording import BACKUPS, SPOOL, Recording, library


@pytest.fixture
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorder, for tests that put something into the folder first."""
    return library(tmp_path_factory.getbasetemp())


@pytest.fixture
def recording(tmp_path: Path, compiled: Path) -> Iterator[Recording]:
    for name in (BACKUPS, SPOOL):
        (tmp_path / "disk" / name).mkdir(parents=True)
    with Recording(tmp_path / "disk", tmp_path / "record", compiled) as begun:
        yield begun
