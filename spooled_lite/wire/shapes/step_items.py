"""Bodies and answers about the items of steps. Contract: catbird-capabilities, F37-F42."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from spooled_lite.core.jobs.records import NULL, SHORT, check_json_size
from spooled_lite.core.lifecycle.step_items import NewItems
from spooled_lite.core.steps.item_outputs import ITEM_STATES
from spooled_lite.core.steps.item_page_statements import ItemRow, state_of_item
from spooled_lite.errors import RuleBroken
from spooled_lite.times import format_optional_ms
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes.about import a_count, about, one_of
from spooled_lite.wire.shapes.common import A_LEASE, AN_ID
from spooled_lite.wire.shapes.many_attempts import AsRefused, IsDone, JobIdGiven

ITEMS_ADDED_MAX: Final = 1_000
ITEMS_COMPLETED_MAX: Final = 1_000

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
ItemIndex = Annotated[int, a_count("Its place among the items of its step, from 0")]
ItemStateShown = Annotated[str, one_of("Where it stands", *ITEM_STATES)]
ItemOutput = Annotated[Raw, about("What its worker gave, byte for byte; once it is completed", 40)]
ItemsGiven = Annotated[list[Raw], about(f"1 to {ITEMS_ADDED_MAX:,} values, each as large as a payload may be", [{"sku": "a"}, {"sku": "b"}])]
OffsetGiven = Annotated[int, Meta(ge=0), about("The index of the first: those that are there already are passed over, so that a batch may be sent again. Without it they come after those that are there", 0)]
ProducerJob = Annotated[str, Meta(max_length=255), about("The job of the producer, which is that of the step", AN_ID)]
ProducerLease = Annotated[str, SHORT, about("Its lease", A_LEASE)]
Accepted = Annotated[int, a_count("Those that were not there yet", 2)]
TotalItems = Annotated[int, a_count("How many items the step has by now", 2)]
Completed = Annotated[list[Raw], about(f"1 to {ITEMS_COMPLETED_MAX:,} items, each with the fields of `CompleteItem`; a bad one fails alone", items={"$ref": "#/components/schemas/CompleteItem"})]
NextAfterIndex = Annotated[int, about("What to send as `after_index` for what follows", 1, minimum=-1)]
HasMoreItems = Annotated[bool, about("Whether the step has items after that index. A page may be empty and have more after it", False)]
# fmt: on


class AddItems(Struct, frozen=True, kw_only=True):
    """Body of POST /workflows/{id}/steps/{key}/items."""

    items: ItemsGiven
    job_id: ProducerJob
    lease_id: ProducerLease
    offset: OffsetGiven | None = None

    def new_items(self, *, item_bytes_max: int) -> NewItems:
        """Raises RuleBroken: there are none, or too many; PayloadTooLarge: one of them is."""
        if not 1 <= len(self.items) <= ITEMS_ADDED_MAX:
            raise RuleBroken.of(
                "items", f"Field `items` must contain 1 to {ITEMS_ADDED_MAX:,} items", "length"
            )
        items = [bytes(item) for item in self.items]
        for index, item in enumerate(items):
            check_json_size(item, item_bytes_max, f"items[{index}]")
        return NewItems(job_id=self.job_id, lease_id=self.lease_id, items=items, offset=self.offset)


class ItemsTaken(Struct):
    """Answer of POST /workflows/{id}/steps/{key}/items."""

    accepted: Accepted
    total: TotalItems


class CompleteItems(Struct, frozen=True, kw_only=True):
    """Body of POST /workflows/{id}/steps/{key}/items/complete."""

    items: Completed

    def each(self) -> list[bytes]:
        """Raises RuleBroken: there are none, or too many."""
        if not 1 <= len(self.items) <= ITEMS_COMPLETED_MAX:
            raise RuleBroken.of(
                "items", f"Field `items` must contain 1 to {ITEMS_COMPLETED_MAX:,} items", "length"
            )
        return [bytes(item) for item in self.items]


class NamedItem(Struct, frozen=True):
    """Which item is to be completed, whatever else is wrong with what is said of it."""

    id: JobIdGiven


class CompleteItem(Struct, frozen=True, kw_only=True):
    """One item of POST /workflows/{id}/steps/{key}/items/complete."""

    id: JobIdGiven
    lease_id: Annotated[job.LeaseId, SHORT] | None = None
    worker_id: Annotated[job.WorkerId, SHORT] | None = None
    result: job.Result = NULL


class CompletedItem(Struct, kw_only=True):
    """What became of one item."""

    id: job.JobId | None
    success: IsDone
    error: AsRefused | UnsetType = UNSET


class ItemsCompleted(Struct):
    """Answer of POST /workflows/{id}/steps/{key}/items/complete."""

    results: Annotated[list[CompletedItem], about("One for each item, in their order", [])]


class ItemView(Struct, kw_only=True):
    """An item of a step, as a page of them shows it."""

    index: ItemIndex
    id: job.JobId
    state: ItemStateShown
    status: job.Status
    attempts: job.Attempts
    started_at: job.StartedAt | None
    completed_at: job.CompletedAt | None
    error_message: job.ErrorMessage | None
    output: ItemOutput | UnsetType = UNSET

    @classmethod
    def of(cls, row: ItemRow) -> "ItemView":
        return cls(
            index=row["item_index"],
            id=row["id"],
            state=state_of_item(row),
            status=row["status"],
            attempts=row["claims"],
            started_at=format_optional_ms(row["started_at_ms"]),
            completed_at=format_optional_ms(row["completed_at_ms"]),
            error_message=row["last_error"],
            output=Raw(row["result"] or b"null") if row["status"] == "completed" else UNSET,
        )


class ItemsPage(Struct):
    """Answer of GET /workflows/{id}/steps/{key}/items."""

    items: Annotated[list[ItemView], about("In the order of their indexes", [])]
    next_after_index: NextAfterIndex
    has_more: HasMoreItems
