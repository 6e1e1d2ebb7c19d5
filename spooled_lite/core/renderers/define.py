"""Storing renderers, and looking them up."""

import msgspec

from spooled_lite.core.renderers import statements
from spooled_lite.core.renderers.records import RENDERERS_MAX, NewRenderer
from spooled_lite.core.renderers.statements import RendererRow
from spooled_lite.errors import Conflict, NotFound
from spooled_lite.storage.transaction import Reading, Tx


def put_renderer(tx: Tx, org: int, new: NewRenderer) -> RendererRow:
    """Store a renderer, in place of the one of this name if there is one.

    Raises Conflict: the organization has as many as it may.

    Contract: catbird-capabilities, R7.
    """
    asked = {"org": org, "name": new.name}
    is_new = tx.row(statements.BY_NAME, asked) is None
    if is_new and (tx.value(statements.COUNT, {"org": org}) or 0) >= RENDERERS_MAX:
        raise Conflict(f"An organization may have at most {RENDERERS_MAX} renderers")
    row = tx.row(statements.PUT, {**msgspec.structs.asdict(new), "org": org, "now_ms": tx.now_ms})
    assert row is not None, "it was stored just now"
    tx.emit("renderer.changed", org, row=row)
    return row


def remove_renderer(tx: Tx, org: int, name: str) -> None:
    """Raises NotFound."""
    row = tx.row(statements.DELETE, {"org": org, "name": name})
    if row is None:
        raise NotFound.thing("Renderer", resource="renderer")
    tx.emit("renderer.changed", org, row=row, facts={"is_gone": True})


def get_renderer(tx: Reading, org: int, name: str) -> RendererRow:
    """Raises NotFound."""
    row = tx.row(statements.BY_NAME, {"org": org, "name": name})
    if row is None:
        raise NotFound.thing("Renderer", resource="renderer")
    return row


def all_renderers(tx: Reading, org: int) -> list[RendererRow]:
    """In the order of their names; at most RENDERERS_MAX."""
    return tx.rows(statements.ALL, {"org": org})
