"""Whether a file is on a file system of another machine, where SQLite cannot keep its promises."""

import os
import re
from typing import Final

from msgspec import Struct

MOUNTS: Final = "/proc/self/mounts"  # not there on other systems than Linux: then nothing is known
MOUNTS_BYTES_MAX: Final = 4 * 1024 * 1024  # some 40,000 mounts
# By their names in the kernel. Locks, shared memory and syncs of these are promises of a server
# or of a program, and differ from one to the next.
_NETWORK: Final = re.compile(
    r"nfs\d?|cifs|smb\w*|9p|afs|ceph|lustre|ocfs2|gfs2|vboxsf|prl_fs|fuse\..+"
)
# The layers of a container without root, on a disk of this machine.
_LOCAL: Final = frozenset({"fuse.fuse-overlayfs"})
_OCTAL: Final = re.compile(r"\\([0-7]{3})")  # how the kernel writes spaces and the like


class Mount(Struct, frozen=True):
    folder: str
    kind: str  # such as nfs4


def network_mount_of(path: str) -> Mount | None:
    """The mount that the file is on, when it is of another machine; None otherwise."""
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            mounts = file.read(MOUNTS_BYTES_MAX)
    except OSError:
        return None
    found = mount_of(os.path.realpath(path), mounts)
    return found if found is not None and _is_network(found.kind) else None


def mount_of(path: str, mounts: str) -> Mount | None:
    """Of the mounts, as the kernel lists them, the one that an absolute path is on.

    That is the longest folder above it, and of two at one folder the later one, which covers the
    other.
    """
    found: Mount | None = None
    for line in mounts.splitlines():
        words = line.split(" ")
        if len(words) < 3:
            continue
        folder = _OCTAL.sub(lambda match: chr(int(match[1], 8)), words[1])
        is_above = path == folder or path.startswith(folder.rstrip("/") + "/")
        if is_above and (found is None or len(folder) >= len(found.folder)):
            found = Mount(folder, words[2])
    return found


def _is_network(kind: str) -> bool:
    return kind not in _LOCAL and _NETWORK.fullmatch(kind) is not None
