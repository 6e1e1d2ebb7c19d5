"""A folder whose files are recorded, with a folder for backups and one for what waits in it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from spooled_lite.storage.throwaway import MEMORY_BYTES_MIN, MEMORY_FOLDER
from tests.power.recording import BACKUPS, SPOOL, Recording, library


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is room: what reaches the disk is in the record, and nobody waits.

    Images with complaints are kept where other tests have their files.
    """
    if not os.path.isdir(MEMORY_FOLDER) or shutil.disk_usage(MEMORY_FOLDER).free < MEMORY_BYTES_MIN:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="spooled-power-", dir=MEMORY_FOLDER) as folder:
        yield Path(folder)
        for each in Path(folder).glob("image-*"):
            shutil.move(each, tmp_path)


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
