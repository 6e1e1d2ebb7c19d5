"""The disk of the power cuts: what it may lose and what not, and that a lost promise is found."""

import random
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from tests.power.disk import Disk, Loss, Takes
from tests.power.images import look_at_images
from tests.power.recording import Record, Recording

FOLDER: Final = Path("/disk")
FILE: Final = "/disk/file"
# A file whose name is on the disk.
SYNCED: Final = (Record("s", 7, 1, path=FILE), Record("S", 7, 1, path=FILE))
FOLDER_SYNCED: Final = (Record("s", 1, 2, path="/disk"), Record("S", 1, 2, path="/disk"))
CREATED: Final = (Record("c", 7, path=FILE), *FOLDER_SYNCED)

IMAGE_COUNT: Final = 12
PROMISE_COUNT: Final = 20
A_PROGRAM: Final = """
import sqlite3, sys
path, synchronous, count = sys.argv[1:]
connection = sqlite3.connect(path, isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute(f"PRAGMA synchronous = {synchronous}")
connection.execute("CREATE TABLE notes (number INTEGER)")
for number in range(int(count)):
    connection.execute("INSERT INTO notes VALUES (?)", (number,))
    print(number, flush=True)
    sys.stdin.readline()
"""


def written(at: int, data: bytes) -> Record:
    return Record("w", 7, at, path=FILE, data=data)


def cut(*records: Record, sectors: Takes = "all", names: Takes = "all", seed: int = 1) -> bytes:
    """The file after a cut behind these records; empty when it is not there."""
    disk = Disk(FOLDER)
    for record in records:
        disk.follow(record)
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image"
        disk.build(image, Loss(sectors, names, random.Random(seed)))
        file = image / "file"
        return file.read_bytes() if file.exists() else b""


def test_what_was_synced_stays_and_what_was_not_goes() -> None:
    acts = (*CREATED, written(0, b"a" * 600), *SYNCED, written(600, b"b"))

    assert cut(*acts) == b"a" * 600
    assert cut(*acts, sectors="nothing") == b"a" * 600 + b"b"


def test_what_is_written_while_a_sync_runs_is_not_synced() -> None:
    begun, ended = SYNCED

    assert cut(*CREATED, written(0, b"a"), begun, written(1, b"b"), ended) == b"a"


def test_a_later_sector_may_be_there_without_an_earlier_one() -> None:
    first, second = b"a" * 512, b"b" * 512
    acts = (*CREATED, written(0, first + second))

    found = {cut(*acts, sectors="one", seed=seed) for seed in range(20)}

    assert found == {first, bytes(512) + second}


def test_a_sector_is_as_it_was_at_one_time() -> None:
    acts = (*CREATED, written(0, b"abc"), written(1, b"x"), written(0, b"y"))

    found = {cut(*acts, sectors="any", seed=seed) for seed in range(40)}

    assert found == {b"", b"abc", b"axc", b"yxc"}


def test_that_a_file_became_shorter_may_be_lost_as_well() -> None:
    shorter = Record("t", 7, 1, path=FILE)

    assert cut(*CREATED, written(0, b"abc"), *SYNCED, shorter) == b"abc"
    assert cut(*CREATED, written(0, b"abc"), shorter, *SYNCED) == b"a"


def test_a_new_name_lasts_by_a_sync_of_its_folder_alone() -> None:
    acts = (Record("c", 7, path=FILE), written(0, b"a"), *SYNCED)

    assert cut(*acts) == b""
    assert cut(*acts, names="nothing") == cut(*acts, *FOLDER_SYNCED) == b"a"


def test_a_name_is_gone_for_good_by_a_sync_of_its_folder_alone() -> None:
    renamed = Record("r", 7, path=FILE, other=f"{FILE}.old")
    acts = (*CREATED, written(0, b"a"), *SYNCED, renamed)

    assert cut(*acts) == b"a"
    assert cut(*acts, *FOLDER_SYNCED) == b""


@pytest.mark.parametrize(("synchronous", "is_kept"), [("FULL", True), ("OFF", False)])
def test_a_promise_is_kept_by_who_syncs_and_found_broken_of_who_does_not(
    recording: Recording, synchronous: str, is_kept: bool
) -> None:
    database = recording.folder / "notes.db"
    recording.run(A_PROGRAM, str(database), synchronous, str(PROMISE_COUNT))
    records = recording.records()

    def look(folder: Path, disk: Disk) -> Iterable[str]:
        promised = {int(each.data) for each in records[: disk.records] if each.kind == "n"}
        try:
            with closing(sqlite3.connect(folder / "notes.db")) as connection:
                rows = connection.execute("SELECT number FROM notes").fetchall()
        except sqlite3.Error as error:
            rows = []
            if promised:
                yield str(error)
        if lost := promised - {row[0] for row in rows}:
            yield f"lost: {lost}"

    complaints = look_at_images(recording, IMAGE_COUNT, "a promise", look)

    assert (not complaints) == is_kept, complaints
