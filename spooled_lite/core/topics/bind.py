"""Binding queues, tasks and flows to patterns of topics, taking that back, and listing it."""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.flows.query import find_flow
from spooled_lite.core.queues.ensure import known_queue
from spooled_lite.core.tasks.query import find_task
from spooled_lite.core.topics import statements
from spooled_lite.core.topics.pattern import checked_topic
from spooled_lite.core.topics.statements import BindingRow, TargetType
from spooled_lite.core.topics.trie import Trie
from spooled_lite.errors import Conflict, NotFound
from spooled_lite.storage.transaction import Kept, Reading, Tx

BINDINGS_MAX: Final = 10_000  # of an organization: some megabytes, in memory as a tree
_TRIES_MAX: Final = 200  # organizations whose trees are kept

TopicTarget = tuple[TargetType, str]


class _Bound(Struct, frozen=True):
    """The tree of an organization, and the last change of its bindings that it knows."""

    change: str | None
    trie: Trie[TopicTarget]


# How a target is looked for.
_FINDERS: Final[dict[TargetType, Callable[[Tx, int, str], object | None]]] = {
    "queue": known_queue,
    "task": find_task,
    "flow": find_flow,
}
_BOUND: Final = Kept[int, _Bound]()  # by organization


class BindingMade(Struct, frozen=True):
    row: BindingRow
    created: bool


class BindingFilter(Struct, frozen=True, kw_only=True):
    """Which bindings to list. A field that is None filters nothing."""

    target_type: TargetType | None = None
    target_name: str | None = None
    topic: str | None = None  # those that would get what is published under it
    rows_max: int = 100
    offset: int = 0


def bind(tx: Tx, org: int, target: TopicTarget, pattern: str) -> BindingMade:
    """Let what is published under topics that match go to a target. Again is no change.

    Raises:
        NotFound: there is no such target.
        Conflict: the organization has as many bindings as it may.

    Contract: catbird-capabilities, B2.
    """
    _check_there(tx, org, target)
    asked = _named(org, target, pattern)
    row = tx.row(statements.FIND, asked)
    if row is not None:
        return BindingMade(row, created=False)
    if (tx.value(statements.COUNT, {"org": org}) or 0) >= BINDINGS_MAX:
        raise Conflict(f"An organization may have at most {BINDINGS_MAX} bindings")
    made = tx.row(statements.INSERT, {**asked, "id": tx.new_id(), "now_ms": tx.now_ms})
    assert made is not None, "it was looked for in this operation"
    _changed(tx, org)
    return BindingMade(made, created=True)


def unbind(tx: Tx, org: int, target: TopicTarget, pattern: str) -> bool:
    """Whether it was bound. Contract: catbird-capabilities, B3."""
    row = tx.row(statements.FIND, _named(org, target, pattern))
    if row is None:
        return False
    tx.execute(statements.DELETE, {"seq": row["seq"]})
    _changed(tx, org)
    return True


def remove_binding(tx: Tx, org: int, binding_id: str) -> None:
    """Raises NotFound."""
    if not tx.execute(statements.DELETE_BY_ID, {"id": binding_id, "org": org}):
        raise NotFound.thing("Binding", resource="binding")
    _changed(tx, org)


def unbind_all(tx: Tx, org: int, target: TopicTarget) -> None:
    """A target goes, and its bindings with it. Contract: catbird-capabilities, B10."""
    target_type, target_name = target
    asked = {"org": org, "target_type": target_type, "target_name": target_name}
    if tx.execute(statements.DELETE_OF_TARGET, asked):
        _changed(tx, org)


def targets_of(tx: Tx, org: int, topic: str) -> Sequence[TopicTarget]:
    """Each target that this topic leads to, once. The tree is built when bindings have changed."""
    kept = tx.kept(_BOUND)
    change = tx.value(statements.CHANGE, {"org": org})
    bound = kept.get(org)
    if bound is None or bound.change != change:
        if len(kept) >= _TRIES_MAX:
            kept.clear()
        bound = kept[org] = _Bound(change, _trie(tx, org))
    return bound.trie.matches(topic)


def list_bindings(tx: Reading, org: int, wanted: BindingFilter) -> list[BindingRow]:
    """A page of bindings, newest first.

    Raises RuleBroken: nothing can be published under this topic.

    Contract: catbird-capabilities, B12.
    """
    rows = tx.rows(statements.ALL, {"org": org})
    if wanted.topic is not None:
        numbered = [(row["pattern"], number) for number, row in enumerate(rows)]
        found = Trie(numbered).matches(checked_topic(wanted.topic))
        rows = [rows[number] for number in sorted(found)]
    rows = [
        row
        for row in rows
        if wanted.target_type in (None, row["target_type"])
        and wanted.target_name in (None, row["target_name"])
    ]
    return rows[wanted.offset : wanted.offset + wanted.rows_max]


def _trie(tx: Reading, org: int) -> Trie[TopicTarget]:
    rows = tx.rows(statements.ALL, {"org": org})
    return Trie([(row["pattern"], (row["target_type"], row["target_name"])) for row in rows])


def _changed(tx: Tx, org: int) -> None:
    """No change has the id of another one, also when a batch is lost."""
    tx.execute(statements.NOTE_CHANGE, {"org": org, "change": tx.new_id()})


def _check_there(tx: Tx, org: int, target: TopicTarget) -> None:
    target_type, target_name = target
    if _FINDERS[target_type](tx, org, target_name) is None:
        raise NotFound.thing(target_type.capitalize(), resource=target_type)


def _named(org: int, target: TopicTarget, pattern: str) -> dict[str, object]:
    target_type, target_name = target
    return {
        "org": org,
        "target_type": target_type,
        "target_name": target_name,
        "pattern": pattern,
    }
