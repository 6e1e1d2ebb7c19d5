"""The revision that a caller has seen, in the header `If-Match`. Contract: amendments, G18."""

from spooled_lite.core.tasks.revision import IfMatch
from spooled_lite.wire.http.call import Call


def if_match_of(call: Call) -> IfMatch | None:
    """Revisions with or without quotes, with commas between them."""
    given = call.header("If-Match")
    if given is None:
        return None
    return IfMatch([each.strip().strip('"') for each in given.split(",")])
