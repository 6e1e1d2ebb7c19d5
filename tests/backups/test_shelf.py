"""What is in a folder for backups: what can be used, what cannot, and what is not touched."""

import errno
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from spooled_lite.backups.keep import Keep
from spooled_lite.backups.manifest import Manifest
from spooled_lite.backups.shelf import NoBackup, fetch, find, on_shelf, prune, verify
from spooled_lite.outbound.stores import AlreadyStored, Folder, StoreTrouble
from tests.backups.stage import a_file, a_store, backed_up, work_in
from tests.storage.stage import NOON_MS

DAY_MS = 86_400_000
LATER_MS = NOON_MS + 9 * DAY_MS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "to"


@pytest.fixture
def three(tmp_path: Path, folder: Path) -> list[Manifest]:
    """Backups of three days."""
    path = a_file(tmp_path / "spooled.db", "one")
    return [backed_up(path, work_in(folder, now_ms=NOON_MS + day * DAY_MS)) for day in range(3)]


def manifest_of(folder: Path, manifest: Manifest) -> Path:
    return folder / manifest.name.replace(".db.gz", ".json")


def test_they_are_listed_oldest_first_and_found_by_name(
    folder: Path, three: list[Manifest]
) -> None:
    store = a_store(folder)

    assert on_shelf(store).manifests == three
    assert find(store, None) == three[2]
    assert find(store, three[0].name) == three[0]
    assert find(store, three[1].name.removesuffix(".db.gz")) == three[1]


def test_what_is_not_there_is_named(folder: Path, three: list[Manifest]) -> None:
    with pytest.raises(NoBackup, match="there is no backup spooled-2030"):
        find(a_store(folder), "spooled-2030")
    with pytest.raises(NoBackup, match="there is no backup here"):
        find(a_store(folder.parent / "empty"), None)


def test_the_newest_is_asked_for_by_name_where_it_may_be_of_another_file(
    folder: Path, three: list[Manifest]
) -> None:
    another = manifest_of(folder, three[2])
    another.write_text(another.read_text().replace(three[2].file_id, "another"))

    with pytest.raises(
        NoBackup, match=f"of 2 files, so name one.*{three[1].name}, {three[2].name}"
    ):
        find(a_store(folder), None)
    assert find(a_store(folder), three[1].name) == three[1]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: b"{}", "no manifest of a backup"),
        (lambda text: b"not json", "no manifest of a backup"),
        (lambda text: text.replace(b'"version": 1', b'"version": 2'), "no manifest of a backup"),
        (lambda text: text.replace(b"20260921T", b"20250921T"), "is the manifest of"),
        (lambda text: text.replace(b'"made_at": "2', b'"made_at": "x'), "no manifest"),
    ],
)
def test_a_spoiled_manifest_is_named_and_the_others_are_used(
    folder: Path, three: list[Manifest], spoil: Callable[[bytes], bytes], words: str
) -> None:
    spoiled = manifest_of(folder, three[0])
    spoiled.write_bytes(spoil(spoiled.read_bytes()))
    shelf = on_shelf(a_store(folder))

    assert shelf.manifests == three[1:]
    [problem] = shelf.problems
    assert spoiled.name in problem
    assert words in problem


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"x" * 1_100_000, "longer than 1048576 bytes"),
        (b'{"x":' + b"[" * 200_000, "no manifest of a backup"),
        (b"", "no manifest of a backup"),
    ],
)
def test_a_file_that_is_no_manifest_hides_no_backup(
    folder: Path, three: list[Manifest], text: bytes, words: str
) -> None:
    spoiled = folder / "spooled-20300101T000000Z-00000000.json"
    spoiled.write_bytes(text)
    (folder / "spooled-20300101T000000Z-00000001.json").symlink_to("/nowhere")
    looping = folder / "spooled-20300101T000000Z-00000002.json"
    looping.symlink_to(looping)
    shelf = on_shelf(a_store(folder))

    assert shelf.manifests == three
    [problem] = shelf.problems
    assert words in problem
    assert (
        prune(a_store(folder), Keep(days=1), file_id=three[0].file_id, now_ms=LATER_MS) == three[:2]
    )


@pytest.mark.parametrize(
    "given",
    [
        {"file_id": "[/bold]"},
        {"file_id": "\x1b[2J"},
        {"file_id": "x\n"},
        {"program": "x" * 1000},
        {"sha256": "0"},
        {"bytes": 2**64},
        {"rows": {"jobs": -1}},
        {"verified_at": "today"},
        {"name": "../../x"},
        {"name": "\x1b[2J" * 1000},
    ],
)
def test_a_manifest_that_cannot_be_shown_is_none(
    folder: Path, three: list[Manifest], given: dict[str, object]
) -> None:
    spoiled = manifest_of(folder, three[0])
    spoiled.write_text(json.dumps({**json.loads(spoiled.read_bytes()), **given}))
    shelf = on_shelf(a_store(folder))

    assert shelf.manifests == three[1:]
    [problem] = shelf.problems
    assert problem.isprintable()
    assert len(problem) < 300


def test_a_backup_that_is_cut_or_gone_is_named(folder: Path, three: list[Manifest]) -> None:
    (folder / three[0].name).unlink()
    packed = folder / three[1].name
    packed.write_bytes(packed.read_bytes()[:-1])
    shelf = on_shelf(a_store(folder))

    assert shelf.manifests == three[2:]
    assert [f"{each.split()[0]} {each.split()[1]}" for each in shelf.problems] == [
        f"{three[0].name} is",
        f"{three[1].name} has",
    ]


def test_verifying_finds_a_flipped_bit_and_a_wrong_count(
    folder: Path, three: list[Manifest]
) -> None:
    packed = folder / three[0].name
    text = bytearray(packed.read_bytes())
    text[len(text) // 2] ^= 1
    packed.write_bytes(bytes(text))
    about = json.loads(manifest_of(folder, three[1]).read_bytes())
    about["rows"]["notes"] = 7
    manifest_of(folder, three[1]).write_text(json.dumps(about))
    shelf = on_shelf(a_store(folder))

    found = [verify(a_store(folder), each, NOON_MS) for each in shelf.manifests]

    assert "manifest says" in found[0][0] or "unpacked" in found[0][0]
    assert found[1:] == [["table notes: 1 rows, 7 were pinned"], []]


def test_looking_at_a_backup_ends_before_it_is_unpacked_when_the_server_stops(
    tmp_path: Path, folder: Path, three: list[Manifest]
) -> None:
    path = tmp_path / "unpacked"
    found = fetch(a_store(folder), three[0], path, NOON_MS, lambda: True)

    assert found == [f"{three[0].name}: the server is stopping"]
    assert path.stat().st_size == 0


def test_pruning_touches_only_backups_of_the_file(
    tmp_path: Path, folder: Path, three: list[Manifest]
) -> None:
    strangers = {"notes.txt", "spooled-x.json", "spooled-20300101T000000Z-00000000.db.gz"}
    for name in strangers:
        (folder / name).write_text("kept")

    assert prune(a_store(folder), Keep(days=9), file_id="another", now_ms=LATER_MS) == []
    assert (
        prune(a_store(folder), Keep(days=1), file_id=three[0].file_id, now_ms=LATER_MS) == three[:2]
    )
    assert on_shelf(a_store(folder)).manifests == three[2:]
    assert strangers <= {each.name for each in folder.iterdir()}


def test_a_backup_that_is_deleted_while_they_are_listed_is_left_out(
    folder: Path, three: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = a_store(folder)
    seen = store.list()
    manifest_of(folder, three[1]).unlink()
    monkeypatch.setattr(Folder, "list", lambda self: seen)

    assert on_shelf(store).manifests == [three[0], three[2]]
    assert on_shelf(store).problems == []


def test_a_folder_keeps_what_is_there(folder: Path) -> None:
    store = a_store(folder)
    store.create("a", b"first")
    with pytest.raises(AlreadyStored, match="is there already"):
        store.create("a", b"second")
    (folder.parent / "b").write_bytes(b"b")
    with pytest.raises(AlreadyStored):
        store.put("a", folder.parent / "b")

    assert store.read("a") == b"first"
    assert [each.name for each in store.list()] == ["a"]
    assert {each.name for each in folder.iterdir()} == {"a"}


def test_what_comes_from_another_disk_is_as_private(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = a_store(folder)
    source = folder.parent / "packed"
    source.write_bytes(b"secret")
    link, rename = os.link, os.rename

    def on_one_disk(way: Callable[[Path, Path], None], file: Path, name: Path) -> None:
        if file == source:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        way(file, name)

    monkeypatch.setattr(os, "link", partial(on_one_disk, link))
    monkeypatch.setattr(os, "rename", partial(on_one_disk, rename))
    store.put("a", source)

    assert (folder / "a").stat().st_mode & 0o077 == 0
    assert store.read("a") == b"secret"


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreTrouble, match="does not exist"):
        Folder(str(tmp_path / "gone")).check()
    with pytest.raises(StoreTrouble, match="No such file"):
        Folder(str(tmp_path / "gone")).list()
    with pytest.raises(StoreTrouble, match=r"gone\.json"):
        Folder(str(tmp_path)).read("gone.json")
    (tmp_path / "long").write_bytes(bytes(1024 * 1024 + 1))
    with pytest.raises(StoreTrouble, match="longer than"):
        Folder(str(tmp_path)).read("long")


def test_a_link_in_the_place_of_a_new_file_is_not_followed(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"kept")
    (folder / ".partial-a.json").symlink_to(theirs)

    Folder(str(folder)).create("a.json", b"{}")

    assert theirs.read_bytes() == b"kept"
    assert not (folder / "a.json").is_symlink()
