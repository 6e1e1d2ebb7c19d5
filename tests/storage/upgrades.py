"""Files before and after an upgrade: a program that knows more migrations than this one."""

import sqlite3
from pathlib import Path

import pytest

from spooled_lite.storage import migrate
from tests.storage.stage import a_database, add, run


def release(monkeypatch: pytest.MonkeyPatch, *texts: str, readable_by: int | None = None) -> None:
    """Have the program know more migrations than it does. None: only programs that know each."""
    known = migrate.numbered()
    first = known[-1][0] + 1
    more = tuple(
        (number, f"-- readable by: {readable_by or number}\n{text}")
        for number, text in enumerate(texts, start=first)
    )
    names = migrate.names() | {number: "release" for number, _ in more}
    monkeypatch.setattr(migrate, "numbered", lambda: known + more)
    monkeypatch.setattr(migrate, "names", lambda: names)


def version_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return version
    finally:
        connection.close()


def tables_of(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
    finally:
        connection.close()


def fill(path: Path, text: str = "kept") -> None:
    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, text)

    run(main())
