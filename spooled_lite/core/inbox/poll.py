"""Reading the part of an inbox that the holder of a token may see, rendered for its eyes."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.inbox.read import unseen
from spooled_lite.core.inbox.statements import NotificationRow
from spooled_lite.core.renderers.render import Fragment, Renderers
from spooled_lite.core.topics.trie import Trie
from spooled_lite.storage.transaction import Reading

POLLED_CHARACTERS_MAX: Final = 4 * 1024 * 1024  # of all fragments of one answer


class Polled(Struct, frozen=True):
    """A notification within the topics of a token, and what its renderers make of it."""

    row: NotificationRow
    fragments: Sequence[Fragment]


class PolledPage(Struct, frozen=True):
    """`cursor` is that of the last row that was looked at, whether it is in here or not."""

    found: Sequence[Polled]
    cursor: int


def poll_inbox(
    tx: Reading,
    org: int,
    identity: str,
    patterns: Sequence[str],
    renderers: Renderers,
    *,
    after: int,
    limit: int,
) -> PolledPage:
    """What `identity` has not seen, as far as the patterns cover it; marks nothing.

    `limit` bounds the rows that are looked at. It looks at fewer when there is much to show.

    Contract: catbird-capabilities, R11.
    """
    page = unseen(tx, org, identity, after=after, limit=limit)
    covered = Trie([(pattern, True) for pattern in patterns])
    found: list[Polled] = []
    left = POLLED_CHARACTERS_MAX
    for row in page.rows:
        if covered.matches(row["topic"]):
            fragments = _fragments(renderers, row, identity)
            left -= sum(len(each.data) for each in fragments)
            if left < 0 and found:
                return PolledPage(found, after)
            found.append(Polled(row, fragments))
        after = row["id"]
    return PolledPage(found, after)


def _fragments(renderers: Renderers, row: NotificationRow, identity: str) -> Sequence[Fragment]:
    rendering = renderers.rendering(row["topic"], row["message"] or "")
    return () if rendering is None else rendering.fragments(identity)
