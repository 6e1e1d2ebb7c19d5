"""Answers of the acts on many dead letters. Contract: jobs, J18 and J19."""

from typing import Annotated, Self

from msgspec import Struct

from spooled_lite.wire.shapes.about import a_count, about
from spooled_lite.wire.shapes.common import AN_ID


class RetriedDeadLetters(Struct):
    retried_count: Annotated[int, a_count("How many were put back", 1)]
    retried_jobs: Annotated[list[str], about("Which ones", [AN_ID])]
    job_ids: Annotated[list[str], about("The same as `retried_jobs`", [AN_ID])]
    skipped_jobs: Annotated[
        list[str],
        about(
            "Which ones had to stay: their workflow has a limit, or another job has their key",
            [],
        ),
    ]

    @classmethod
    def of(cls, retried: list[str], skipped: list[str]) -> Self:
        return cls(len(retried), retried, retried, skipped)


class PurgedDeadLetters(Struct):
    purged_count: Annotated[int, a_count("How many were deleted", 3)]
