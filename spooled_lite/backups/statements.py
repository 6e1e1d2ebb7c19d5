"""What is counted in a file, to compare a copy with it."""

from typing import Final

from spooled_lite.storage.statement import Value

TABLES: Final = Value(
    str,
    "SELECT name FROM sqlite_schema"
    " WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name",
)
PAGES: Final = Value(int, "SELECT page_count FROM pragma_page_count")
PAGE_BYTES: Final = Value(int, "SELECT page_size FROM pragma_page_size")
LAST_EVENT: Final = Value(int, "SELECT max(seq) FROM event_log")


def count_of(table: str) -> Value[int]:
    """How many rows a table of the file has."""
    return Value(int, f'SELECT count(*) FROM "{table}"')
