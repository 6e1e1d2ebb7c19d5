"""Jobs that a search found, and how far it has looked."""

from typing import Annotated

from msgspec import Struct

from spooled_lite.core.jobs.excerpts import CHARS_MAX
from spooled_lite.core.jobs.search import WHERES
from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of
from spooled_lite.wire.shapes.jobs import JobSummary

# One line a field, however long.
# ruff: noqa: E501
# fmt: off
WhereFound = Annotated[str, one_of("Where it was found first", *WHERES)]
Excerpt = Annotated[str, about(f"What stands around it there, up to {CHARS_MAX} characters, with `…` where it was cut; of a path the path and its value", '{"customer":{"id":"cus_81x"}}')]
Scanned = Annotated[int, a_count("Jobs that this call looked through", 240_000)]
ReachedAt = Annotated[str, a_time("Jobs created after this time have been looked through; null: none has")]
SearchCursor = Annotated[str, about("What to send to look further; null: that was all", "1795900000000.421")]
IsComplete = Annotated[bool, about("Whether all jobs have been looked through", False)]
# fmt: on


class Match(Struct, frozen=True):
    where: WhereFound
    excerpt: Excerpt


class FoundJob(JobSummary, kw_only=True):
    """A job that a search found."""

    match: Annotated[Match, about("What was found in it")]


class SearchAnswer(Struct, frozen=True, kw_only=True):
    """Answer of GET /jobs/search."""

    jobs: Annotated[list[FoundJob], about("What was found, the newest first")]
    scanned: Scanned
    reached_at: ReachedAt | None
    cursor: SearchCursor | None
    is_complete: IsComplete
