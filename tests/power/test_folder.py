"""The power fails while backups come into a folder and go: a manifest is never without its data."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from spooled_lite.backups.shelf import on_shelf
from spooled_lite.outbound.stores import Folder
from tests.power.disk import Disk
from tests.power.images import look_at_images
from tests.power.recording import BACKUPS, SPOOL, Record, Recording

IMAGE_COUNT: Final = 120
A_PROGRAM: Final = """
import sys
from pathlib import Path
from spooled_lite.backups.manifest import Manifest, manifest_name, stem_of
from spooled_lite.backups.packing import pack
from spooled_lite.backups.sending import keep_unsent, put_both, send_unsent
from spooled_lite.outbound.stores import Folder

backups, spool = Path(sys.argv[1]), Path(sys.argv[2])
store, made = Folder(str(backups)), []

def said(*words):
    print(*words, flush=True)
    sys.stdin.readline()

def packed(number):
    plain, target = spool / "plain", spool / "packed"
    plain.write_bytes(str(number).encode() * 3_000)
    sums = pack(plain, target, None)
    at = f"2030-01-0{number + 1}T00:00:00Z"
    manifest = Manifest(
        name=f"{stem_of(number * 86_400_000, sums.sha256)}.db.gz", made_at=at, program="0",
        schema=1, file_id="f", bytes=sums.bytes, pages=1, sha256=sums.sha256,
        packed_bytes=sums.packed_bytes, packed_sha256=sums.packed_sha256, rows={}, last_event=0,
        verified_at=at,
    )
    return target, manifest

for number in range(4):
    target, manifest = packed(number)
    put_both(target, manifest, store)
    said("made", manifest.name)
    made.append(manifest.name)
    if len(made) > 1:
        gone = made.pop(0)
        said("deleting", gone)
        store.delete(manifest_name(gone))
        store.delete(gone)
target, manifest = packed(7)
keep_unsent(target, manifest, spool)
said("kept", manifest.name)
said("sending", manifest.name)
send_unsent(spool, "f", store)
said("made", manifest.name)
"""


def test_a_manifest_is_never_without_its_data_and_what_was_made_stays(recording: Recording) -> None:
    recording.run(A_PROGRAM, *(str(recording.folder / name) for name in (BACKUPS, SPOOL)))
    records = recording.records()

    def look(folder: Path, disk: Disk) -> Iterable[str]:
        there = set()
        for store in (folder / BACKUPS, *folder.glob(f"{SPOOL}/.unsent-*")):
            shelf = on_shelf(Folder(str(store)))
            yield from shelf.problems
            there |= {each.name for each in shelf.manifests}
        if lost := promised(records[: disk.records]) - there:
            yield f"lost: {sorted(lost)}"

    complaints = look_at_images(recording, IMAGE_COUNT, "a folder", look)

    assert not complaints, "\n".join(complaints)


def promised(records: list[Record]) -> set[str]:
    """The backups that have to be there."""
    names: set[str] = set()
    for each in records:
        if each.kind == "n":
            word, name = each.data.decode().split()
            names.discard(name) if word == "deleting" else names.add(name)
    return names
