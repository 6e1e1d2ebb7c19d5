"""How a backup gets into its store, and where it waits when the store cannot be reached."""

import contextlib
import os
from pathlib import Path
from typing import Final

from spooled_lite.backups.manifest import BadManifest, Manifest, decode, encode, manifest_name
from spooled_lite.backups.shelf import on_shelf
from spooled_lite.outbound.store_places import is_folder
from spooled_lite.outbound.stores import AlreadyStored, Folder, Store, StoreTrouble
from spooled_lite.storage.copy import sync_folder

# Of a folder in the spool, with the id of the file at its end.
UNSENT_PREFIX: Final = ".unsent-"


# What putting both parts of a backup into a store may raise.
STORE_FAILURES: Final = (StoreTrouble, BadManifest, OSError)


class Unsent(StoreTrouble):
    """A backup is not in its store. The message says why, and where it is kept."""


def spool_of(place: str, spool: str | None, database: str) -> Path:
    """The local folder for what is not in the store yet: the one that is asked for, or else the
    store's own folder or, when backups go into a bucket, that of the database.

    Raises:
        StoreTrouble: nothing can be written to it.
    """
    if spool is not None:
        folder = spool
    elif is_folder(place):
        folder = place
    else:
        folder = os.path.dirname(os.path.realpath(database))
    Folder(folder).check()
    return Path(folder)


def put_both(packed: Path, manifest: Manifest, store: Store) -> None:
    """Put both parts into the store, the manifest last. A part that is there is the same one:
    another backup of this second, of the same moment."""
    with contextlib.suppress(AlreadyStored):
        store.put(manifest.name, packed)
    name = manifest_name(manifest.name)
    try:
        store.create(name, encode(manifest))
    except AlreadyStored:
        if decode(store.read(name), name=name).sha256 != manifest.sha256:
            raise


def keep_unsent(packed: Path, manifest: Manifest, spool: Path) -> Path:
    """Keep a backup that could not be sent, in place of an older one. Returns its folder."""
    folder = _unsent(spool, manifest.file_id)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(str(spool))
    waiting = Folder(str(folder))
    put_both(packed, manifest, waiting)
    for each in waiting.list():
        if each.name not in (manifest.name, manifest_name(manifest.name)):
            waiting.delete(each.name)
    return folder


def unsent(spool: Path, file_id: str) -> Manifest | None:
    """The backup that waits to be sent."""
    folder = _unsent(spool, file_id)
    manifests = on_shelf(Folder(str(folder))).manifests if folder.is_dir() else []
    return manifests[-1] if manifests else None


def send_unsent(spool: Path, file_id: str, store: Store) -> Manifest | None:
    """Send the backup that waits, if there is one, and return it.

    Raises:
        StoreTrouble: it goes on waiting.
    """
    if (manifest := unsent(spool, file_id)) is None:
        return None
    folder = _unsent(spool, file_id)
    put_both(folder / manifest.name, manifest, store)
    waiting = Folder(str(folder))
    waiting.delete(manifest_name(manifest.name))
    waiting.delete(manifest.name)
    with contextlib.suppress(OSError):  # it holds what a crash left, which the next one deletes
        folder.rmdir()
    return manifest


def put_or_keep(packed: Path, manifest: Manifest, store: Store, spool: Path) -> None:
    """Send a backup and then an older one that waits; or keep it when the store is a bucket.

    Raises:
        Unsent: it is not in the store, and kept.
        StoreTrouble: it is neither.
    """
    try:
        put_both(packed, manifest, store)
    except AlreadyStored:
        raise
    except StoreTrouble as error:
        if isinstance(store, Folder):
            raise
        folder = keep_unsent(packed, manifest, spool)
        raise Unsent(f"{error}; the backup is kept in {folder} and sent at the next run") from error
    with contextlib.suppress(StoreTrouble):  # then it waits for the next run
        send_unsent(spool, manifest.file_id, store)


def _unsent(spool: Path, file_id: str) -> Path:
    return spool / f"{UNSENT_PREFIX}{file_id}"
