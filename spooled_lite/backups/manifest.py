"""What is known of a backup. It is put into the store last: without it there is no backup."""

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from spooled_lite.errors import WrongShape
from spooled_lite.times import format_ms, parse_ms

BACKUP_PREFIX: Final = "spooled-"
PACKED_SUFFIX: Final = ".db.gz"
MANIFEST_SUFFIX: Final = ".json"
BAD_SUFFIX: Final = ".bad"  # of a copy that was not whole
_STEM: Final = re.compile(r"spooled-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")
_HASH_SHOWN_CHARS: Final = 8
_NAME_SHOWN_CHARS: Final = 60  # of what a manifest calls its backup, in a message

# What a manifest says is shown and counted with; it may be of anyone who can write in the folder.
HashText = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
ShortWord = Annotated[str, Meta(pattern=r"^[0-9A-Za-z.+-]{0,64}\Z")]
ManifestCount = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class BadManifest(Exception):
    """It cannot be read, or is of a newer program. The message names it."""


class Manifest(Struct, frozen=True, kw_only=True):
    """A backup that was checked. Times are as on the wire; sizes in bytes; hashes are SHA-256."""

    format: Literal["spooled-backup"] = "spooled-backup"
    version: Literal[1] = 1
    name: str  # of the packed copy beside it
    made_at: str  # of the moment that it shows
    program: ShortWord
    schema: ManifestCount
    readable_by: ManifestCount = 0  # the oldest schema version that suits it; 0: its own
    file_id: ShortWord  # the same for all backups of one file
    bytes: ManifestCount
    pages: ManifestCount
    sha256: HashText
    packed_bytes: ManifestCount
    packed_sha256: HashText
    rows: dict[str, ManifestCount]  # by table
    last_event: ManifestCount  # the number of the newest event; 0: none
    verified_at: str

    @property
    def made_at_ms(self) -> int:
        return parse_ms(self.made_at, "made_at")


def stem_of(made_at_ms: int, sha256: str) -> str:
    """What a backup is called, such as `spooled-20301201T030000Z-9c1e02af`."""
    at = format_ms(made_at_ms).partition(".")[0].replace("-", "").replace(":", "")
    return f"{BACKUP_PREFIX}{at}Z-{sha256[:_HASH_SHOWN_CHARS]}"


def is_manifest(name: str) -> bool:
    return name.endswith(MANIFEST_SUFFIX) and _is_stem(name.removesuffix(MANIFEST_SUFFIX))


def is_packed(name: str) -> bool:
    return name.endswith(PACKED_SUFFIX) and _is_stem(name.removesuffix(PACKED_SUFFIX))


def manifest_name(packed_name: str) -> str:
    return packed_name.removesuffix(PACKED_SUFFIX) + MANIFEST_SUFFIX


def encode(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode(text: bytes, *, name: str | None) -> Manifest:
    """`name`: of the manifest, for the message and to compare; None: it has none yet.

    Raises:
        BadManifest: it is none, or says that it belongs to another file than the one beside it.
    """
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
        parse_ms(manifest.made_at, "made_at")
        parse_ms(manifest.verified_at, "verified_at")
    except (msgspec.DecodeError, WrongShape, RecursionError) as error:
        raise BadManifest(f"{name}: this is no manifest of a backup: {error}") from error
    is_beside = name is None or manifest_name(manifest.name) == name
    if not is_beside or not is_packed(manifest.name):
        raise BadManifest(f"{name}: this is the manifest of {manifest.name[:_NAME_SHOWN_CHARS]!r}")
    return manifest


def _is_stem(name: str) -> bool:
    return _STEM.fullmatch(name) is not None
