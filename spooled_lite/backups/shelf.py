"""The backups in a store: which there are, whether they are whole, which to delete."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from spooled_lite.backups.facts import Facts, problems_of_copy
from spooled_lite.backups.keep import Keep, expired
from spooled_lite.backups.manifest import (
    BadManifest,
    Manifest,
    decode,
    is_manifest,
    manifest_name,
)
from spooled_lite.backups.packing import NotWhole, Sums, unpack
from spooled_lite.outbound.stores import NotStored, Store, StoreTrouble

FILES_NAMED_MAX: Final = 5  # in a message


class NoBackup(Exception):
    """There is no such backup. The message says where it was looked for."""


class Shelf(Struct, frozen=True):
    """What a store holds."""

    manifests: list[Manifest]  # the oldest first
    problems: list[str]  # of manifests that cannot be used


def on_shelf(store: Store) -> Shelf:
    """Raises StoreTrouble."""
    stored = {each.name: each.bytes for each in store.list()}
    manifests, problems = [], []
    for name in stored:
        if not is_manifest(name):
            continue
        try:
            manifest = decode(store.read(name), name=name)
        except NotStored:
            continue  # deleted meanwhile
        except (BadManifest, StoreTrouble) as error:
            problems.append(str(error))  # one that cannot be read hides no other
            continue
        if stored.get(manifest.name) != manifest.packed_bytes:
            found = stored.get(manifest.name)
            what = "is missing" if found is None else f"has {found} bytes"
            problems.append(f"{manifest.name} {what}, its manifest says {manifest.packed_bytes}")
            continue
        manifests.append(manifest)
    manifests.sort(key=lambda each: (each.made_at_ms, each.name))
    return Shelf(manifests, problems)


def find(store: Store, name: str | None) -> Manifest:
    """The backup of this name (with or without its ending), or the newest.

    Raises:
        NoBackup: there is none, or the newest is one of several files and may be of another one.
        StoreTrouble: the store cannot be read.
    """
    shelf = on_shelf(store)
    files = {each.file_id: each.name for each in shelf.manifests}
    if name is None and len(files) > 1:
        raise NoBackup(
            f"{store.where} has backups of {len(files)} files, so name one. The newest of each: "
            + ", ".join(sorted(files.values())[-FILES_NAMED_MAX:])
        )
    wanted = [
        each
        for each in shelf.manifests
        if name is None or each.name == name or each.name.startswith(f"{name}.")
    ]
    if wanted:
        return wanted[-1]
    said = "".join(f"; {problem}" for problem in shelf.problems)
    if name is None:
        raise NoBackup(f"{store.where}: there is no backup here{said}")
    raise NoBackup(f"{store.where}: there is no backup {name}{said}")


def verify(
    store: Store,
    manifest: Manifest,
    now_ms: int,
    is_stopping: Callable[[], bool] = lambda: False,
) -> list[str]:
    """Unpack a backup beside the temporary files of the system and look at all of it.

    When `is_stopping` says so it ends early, with a problem that is none.

    Returns a sentence for each problem; none when it is whole.

    Raises:
        StoreTrouble: the store cannot be read.
        OSError: there is no room to unpack it, for example.
    """
    with tempfile.TemporaryDirectory(prefix="spooled-verify-") as folder:
        path = Path(folder) / "copy.db"
        return fetch(store, manifest, path, now_ms, is_stopping)


def fetch(
    store: Store,
    manifest: Manifest,
    path: Path,
    now_ms: int,
    is_stopping: Callable[[], bool] = lambda: False,
) -> list[str]:
    """Unpack a backup into a new file and look at all of it. As `verify`."""

    def go_on() -> None:
        if is_stopping():
            raise NotWhole("the server is stopping")

    try:
        with store.opened(manifest.name) as packed:
            unpack(packed, path, sums_of(manifest), on_chunk=go_on)
    except NotWhole as error:
        return [f"{manifest.name}: {error}"]
    return problems_of_copy(path, facts_in(manifest), now_ms, is_stopping)


def prune(store: Store, keep: Keep, *, file_id: str, now_ms: int) -> list[Manifest]:
    """Delete the backups of one file that need not be kept, and say which. The newest stays.

    Nothing else in the store is touched: no backup of another file, no file of another kind.
    """
    ours = [each for each in on_shelf(store).manifests if each.file_id == file_id]
    gone = list(expired(ours, keep, now_ms))
    for each in gone:
        store.delete(manifest_name(each.name))  # first: without it there is no backup
        store.delete(each.name)
    return gone


def sums_of(manifest: Manifest) -> Sums:
    return Sums(manifest.bytes, manifest.sha256, manifest.packed_bytes, manifest.packed_sha256)


def facts_in(manifest: Manifest) -> Facts:
    return Facts(
        file_id=manifest.file_id,
        schema=manifest.schema,
        readable_by=manifest.readable_by,
        bytes=manifest.bytes,
        pages=manifest.pages,
        rows=manifest.rows,
        last_event=manifest.last_event,
    )
