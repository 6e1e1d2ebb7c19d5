"""The state and the settings of the server, as its administrator sees them."""

from typing import Annotated, Any, Final, Self

from msgspec import Struct

from spooled_lite.background.deadlines import LoopState
from spooled_lite.config import SECRETS, TYPES, Settings
from spooled_lite.storage.writer import Writer
from spooled_lite.times import format_ms
from spooled_lite.wire.services import Services
from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of

DEFAULT: Final = "default"  # the source of a setting that was not set


class File(Struct, frozen=True, kw_only=True):
    bytes: Annotated[int, a_count("Size of the database file", 4_096_000)]
    wal_bytes: Annotated[int, a_count("Size of the write-ahead log", 4_120)]
    checkpointed_at: Annotated[
        str | None, a_time("When the file last held all; null: not yet since the start")
    ]


class Disk(Struct, frozen=True, kw_only=True):
    free_bytes: Annotated[
        int, a_count("What is free, less what the log has to put into the file", 8_000_000_000)
    ]
    reserve_bytes: Annotated[int, a_count("With less no job is created", 67_108_864)]


class WritingThread(Struct, frozen=True, kw_only=True):
    state: Annotated[str, one_of("How it is", "ok", "stalled", "failed")]
    lines: Annotated[dict[str, int], about("How many operations wait in each line", {"claim": 0})]


class LoopView(Struct, frozen=True, kw_only=True):
    name: Annotated[str, about("The name of the background loop", "promote-due")]
    ran_at: Annotated[str | None, a_time("When its last pass began; null: none has yet")]
    due_at: Annotated[
        str | None, a_time("When it runs again; null: when something becomes due for it")
    ]
    failures: Annotated[int, a_count("Passes that failed in a row, up to now")]

    @classmethod
    def of(cls, loop: LoopState) -> Self:
        return cls(
            name=loop.name,
            ran_at=_time(loop.ran_at_ms),
            due_at=_time(loop.due_at_ms),
            failures=loop.failures,
        )


class BackupsSummary(Struct, frozen=True, kw_only=True):
    at: Annotated[str | None, a_time("The moment of the newest backup; null: there is none yet")]
    next_at: Annotated[str | None, a_time("When the next one is made")]
    problem: Annotated[str | None, about("Why the last try failed; null: it did not")]
    to: Annotated[str, about("Where they are kept", "/var/backups/spooled")]

    @classmethod
    def of(cls, services: Services) -> Self | None:
        backups = services.state.backups
        if backups is None:
            return None
        return cls(
            at=None if backups.newest is None else backups.newest.made_at,
            next_at=_time(backups.next_at_ms),
            problem=backups.problem,
            to=backups.plan.store.where,
        )


class SettingView(Struct, frozen=True, kw_only=True):
    name: Annotated[str, about("The name of the setting", "port")]
    value: Annotated[Any, about("Its value; of a secret `set`, or null", 8080)]
    source: Annotated[str, about("Where it comes from", "variable SPOOLED_PORT")]


class AdministeredServer(Struct, frozen=True, kw_only=True):
    """Answer of GET /admin/server."""

    database: Annotated[File, about("The database file")]
    disk: Annotated[Disk, about("The disk it is on")]
    writer: Annotated[WritingThread, about("The thread that writes")]
    loops: Annotated[list[LoopView], about("What happens without a request")]
    settings: Annotated[list[SettingView], about("Every setting")]
    backup: Annotated[
        BackupsSummary | None, about("The newest backup; null: the server makes none by itself")
    ]

    @classmethod
    def of(cls, services: Services, *, now_ms: int) -> Self:
        writer = services.db.writer
        return cls(
            database=_file(writer, now_ms),
            disk=Disk(free_bytes=writer.room.left_bytes(), reserve_bytes=writer.room.reserve_bytes),
            writer=WritingThread(state=writer.state, lines=writer.backlog.lengths()),
            loops=[LoopView.of(each) for each in services.state.loops()],
            settings=_settings(services.settings),
            backup=BackupsSummary.of(services),
        )


def _file(writer: Writer, now_ms: int) -> File:
    age_seconds = writer.checkpoint_age_seconds
    return File(
        bytes=writer.file.file_bytes(),
        wal_bytes=writer.file.wal_bytes(),
        checkpointed_at=None if age_seconds is None else _time(now_ms - round(age_seconds * 1000)),
    )


def _settings(settings: Settings) -> list[SettingView]:
    return [
        SettingView(name=name, value=_value(settings, name), source=_source(settings, name))
        for name in TYPES
    ]


def _value(settings: Settings, name: str) -> Any:
    value = getattr(settings, name)
    if name in SECRETS:
        return "set" if value else None
    return [str(each) for each in value] if isinstance(value, tuple) else value


def _source(settings: Settings, name: str) -> str:
    return settings.given.get(name, DEFAULT)


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_ms(at_ms)
