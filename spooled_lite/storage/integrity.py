"""What SQLite finds wrong with a file when it looks at every page and every reference."""

from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement, Value
from spooled_lite.storage.transaction import Reading

SHOWN_MAX: Final = 100  # problems of each kind: a file that is badly damaged has millions


class OrphanRow(TypedDict):
    """A row whose foreign key leads nowhere, and its table."""

    table: str
    rowid: int


DAMAGES: Final = Value(str, "SELECT integrity_check FROM pragma_integrity_check(:limit)")
ORPHANS: Final = Statement(
    OrphanRow, 'SELECT "table", rowid FROM pragma_foreign_key_check LIMIT :limit'
)


def damages(tx: Reading) -> list[str]:
    """A sentence for each problem, at most SHOWN_MAX of each kind; none when the file is whole."""
    limit = {"limit": SHOWN_MAX}
    return [
        *(said for said in tx.values(DAMAGES, limit) if said != "ok"),
        *(
            f"{row['table']}: row {row['rowid']} refers to a row that does not exist"
            for row in tx.rows(ORPHANS, limit)
        ),
    ]
