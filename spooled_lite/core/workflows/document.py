"""What a workflow is run by: its steps with all that is said of them, as it was when it began.

A flow has such a document, and each of its runs keeps the one it was made from. A workflow of one
call has one if it uses more than plain jobs that wait for each other. Contract:
catbird-capabilities, F1 and section 19.5.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec import Raw, Struct

from spooled_lite.core.jobs.policy import Backoff, CircuitBreaker, OnFail
from spooled_lite.core.workflows import document_statements as statements
from spooled_lite.core.workflows.flow_names import INPUT
from spooled_lite.core.workflows.graph import Graph
from spooled_lite.core.workflows.records import Condition, Mode
from spooled_lite.storage.transaction import Cache, Reading, Tx

StepType = Literal["normal", "mapper", "generator", "reducer"]
PayloadMode = Literal["static", "envelope"]
FailurePolicy = Literal["fail_fast", "continue"]

# The decoder knows no JSON that may be absent: it reads any into `Raw`, and None is the default.
if TYPE_CHECKING:
    MaybeJson = Raw | None
else:
    MaybeJson = Raw


class StepDocument(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step. Its names, numbers and texts have been checked."""

    key: str
    queue_name: str
    type: StepType = "normal"
    description: str | None = None
    payload: MaybeJson = None
    payload_mode: PayloadMode = "static"
    depends_on: tuple[str, ...] = ()
    dependency_mode: Mode = "all"
    dependency_condition: Condition = "success"
    optional_deps: tuple[str, ...] = ()
    ignore_output: tuple[str, ...] = ()
    condition: str | None = None
    signal: bool = False
    source: str | None = None  # of a mapper `input` or a step, of a reducer a step
    initial: MaybeJson = None  # of a reducer; None: null
    item_queue_name: str | None = None  # None: that of the step
    needs_input: bool | None = None  # None: see `usually_gives_input`
    priority: int | None = None  # None: that of the run
    max_retries: int | None = None  # None: that of the queue
    timeout_ms: int | None = None  # None: that of the queue; 0: any time
    backoff: Backoff | None = None  # None: that of the queue
    circuit_breaker: CircuitBreaker | None = None
    max_concurrency: int | None = None
    tags: MaybeJson = None
    expires_at_ms: int | None = None  # of a workflow of one call; None: that of the workflow

    @property
    def has_items(self) -> bool:
        return self.type in ("mapper", "generator")

    @property
    def gives_input(self) -> bool:
        """Whether its items are given the input of the run."""
        usual = usually_gives_input(self.type, self.source)
        return usual if self.needs_input is None else self.needs_input

    @property
    def is_guarded(self) -> bool:
        """Whether it has limits of its own, which do not let everything through."""
        return self.circuit_breaker is not None or self.max_concurrency is not None


class FlowDocument(Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """The steps in the order of the request, and what is said of all."""

    steps: tuple[StepDocument, ...]
    output_priority: tuple[str, ...]  # always spelled out: by default the terminal steps
    failure_policy: FailurePolicy = "continue"
    on_fail: OnFail | None = None

    @cached_property
    def by_key(self) -> Mapping[str, StepDocument]:
        return {step.key: step for step in self.steps}

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """Where each step stands, by its key."""
        return {step.key: position for position, step in enumerate(self.steps)}

    @cached_property
    def graph(self) -> Graph:
        """For each step the positions of those it waits for."""
        return [[self.positions[parent] for parent in step.depends_on] for step in self.steps]

    @cached_property
    def output_positions(self) -> str:
        """Those of the steps that may give the output, the first choice first: a JSON array."""
        choices = [self.positions[key] for key in self.output_priority]
        return msgspec.json.encode(choices).decode()

    @cached_property
    def is_guarded(self) -> bool:
        """Whether one of its steps is."""
        return any(step.is_guarded for step in self.steps)

    @cached_property
    def fan_out_count(self) -> int:
        """How many steps have items."""
        return sum(step.has_items for step in self.steps)


_DECODER: Final = msgspec.json.Decoder(FlowDocument)

# The JSON of the documents that are kept in memory, where they take about four times as much.
KEPT_BYTES_MAX: Final = 4 * 1024 * 1024


class _KeptDocuments:
    """Decoded documents by their digests: what has the same digest is the same in every file, for
    every thread. Over KEPT_BYTES_MAX all are let go; those in use come back at once.
    """

    __slots__ = ("_documents", "_size_bytes")

    def __init__(self) -> None:
        self._documents: dict[bytes, FlowDocument] = {}
        self._size_bytes = 0

    def find(self, digest: bytes) -> FlowDocument | None:
        return self._documents.get(digest)

    def keep(self, digest: bytes, document: FlowDocument, size_bytes: int) -> None:
        if self._size_bytes + size_bytes > KEPT_BYTES_MAX:
            self._documents, self._size_bytes = {}, 0
        if size_bytes <= KEPT_BYTES_MAX:
            self._documents[digest] = document
            self._size_bytes += size_bytes


_KEPT: Final = _KeptDocuments()
_KNOWN: Final = Cache[int, FlowDocument]()


def usually_gives_input(step_type: StepType, source: str | None) -> bool:
    """Whether items of such a step are given the input of the run if it does not say so.

    In a map over the input the item stands in its place: each of ten thousand would bring all of
    them along. Contract: catbird-capabilities, F33; amendments, G10.
    """
    return not (step_type == "mapper" and source == INPUT)


def terminal_steps(steps: Sequence[StepDocument]) -> tuple[str, ...]:
    """The keys of those that no other waits for, in their order."""
    needed = {parent for step in steps for parent in step.depends_on}
    return tuple(step.key for step in steps if step.key not in needed)


def store_document(tx: Tx, org: int, document: FlowDocument) -> int:
    """The number under which it is stored; of an equal one that is there already, its number."""
    body = msgspec.json.encode(document)
    named = {"org": org, "digest": hashlib.sha256(body).digest()}
    known = tx.value(statements.BY_DIGEST, named)
    if known is not None:
        return known
    return tx.insert(
        statements.INSERT, {**named, "id": tx.new_id(), "body": body, "now_ms": tx.now_ms}
    )


def known_document(tx: Tx, seq: int) -> FlowDocument:
    """As `document_of`, but looked for once per batch."""
    known = tx.cache(_KNOWN)
    found = known.get(seq)
    if found is None:
        found = known[seq] = document_of(tx, seq)
    return found


def document_of(tx: Reading, seq: int) -> FlowDocument:
    """The document with this number, which a flow or a workflow has."""
    digest = tx.value(statements.DIGEST, {"seq": seq})
    assert digest is not None, "what names a document keeps it"
    kept = _KEPT.find(digest)
    if kept is not None:
        return kept
    body = tx.value(statements.BODY, {"seq": seq})
    assert body is not None, "it was there a moment ago"
    document = _DECODER.decode(body)
    _KEPT.keep(digest, document, len(body))
    return document
