"""Backups as the administrator sees them."""

from typing import TYPE_CHECKING, Annotated, Self

from msgspec import Struct

from spooled_lite.times import format_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of, texts

if TYPE_CHECKING:
    from spooled_lite.background.backups import BackupRun, Backups
    from spooled_lite.backups.manifest import Manifest
    from spooled_lite.backups.shelf import Shelf


class BackupView(Struct, frozen=True, kw_only=True):
    """A backup that was checked when it was made."""

    name: Annotated[str, about("Its name", "spooled-20301201T030000Z-9c1e02af.db.gz")]
    made_at: Annotated[str, a_time("The moment that it shows")]
    verified_at: Annotated[str, a_time("When all of it was looked at")]
    program: Annotated[str, about("The version that made it", "0.1.0")]
    bytes: Annotated[int, a_count("Size of the file", 4_096_000)]
    packed_bytes: Annotated[int, a_count("Size of the packed copy", 512_000)]
    rows: Annotated[int, a_count("Rows of all tables", 12_345)]
    file_id: Annotated[
        str,
        about(
            "Of which file: the same for all its backups", "8a040cd7-fcf9-4457-9a65-caad773459bd"
        ),
    ]

    @classmethod
    def of(cls, manifest: "Manifest") -> Self:
        return cls(
            name=manifest.name,
            made_at=manifest.made_at,
            verified_at=manifest.verified_at,
            program=manifest.program,
            bytes=manifest.bytes,
            packed_bytes=manifest.packed_bytes,
            rows=sum(manifest.rows.values()),
            file_id=manifest.file_id,
        )


class BackupUnderWay(Struct, frozen=True, kw_only=True):
    """A backup that is being made."""

    since: Annotated[str, a_time("When it began")]
    stage: Annotated[
        str, one_of("What is done now", "waiting", "copying", "checking", "packing", "storing")
    ]
    done_bytes: Annotated[int, a_count("So much of the stage is done", 1_048_576)]
    all_bytes: Annotated[int, a_count("So much there is to do in the stage", 4_096_000)]

    @classmethod
    def of(cls, under_way: "BackupRun") -> Self:
        progress = under_way.progress
        return cls(
            since=format_ms(under_way.since_ms),
            stage="waiting" if progress is None else progress.stage,
            done_bytes=0 if progress is None else progress.done_bytes,
            all_bytes=0 if progress is None else progress.all_bytes,
        )


class BackupsView(Struct, frozen=True, kw_only=True):
    """Answer of GET and POST /admin/backups."""

    to: Annotated[str, about("Where they are kept", "/var/backups/spooled")]
    under_way: Annotated[BackupUnderWay | None, about("The one being made; null: none")]
    tries: Annotated[int, a_count("Tries that have ended since the start, well or not", 1)]
    next_at: Annotated[str | None, a_time("When the next one is made by itself")]
    problem: Annotated[
        str | None, about("Why the last try failed; null: it did not", "No space left on device")
    ]
    backups: Annotated[list[BackupView], about("The newest first, at most 1,000")]
    problems: Annotated[
        list[str], texts("What is there and cannot be used", ["spooled-….json: no manifest"])
    ]

    @classmethod
    def of(cls, backups: "Backups", shelf: "Shelf") -> Self:
        under_way, next_ms = backups.under_way, backups.next_at_ms
        return cls(
            to=backups.plan.store.where,
            under_way=None if under_way is None else BackupUnderWay.of(under_way),
            tries=backups.tries,
            next_at=None if next_ms is None else format_ms(next_ms),
            problem=backups.problem,
            backups=[BackupView.of(each) for each in reversed(shelf.manifests)],
            problems=shelf.problems,
        )
