"""The payload of a step or an item as its worker sees it."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.kinds import payload_shown
from spooled_lite.core.steps.given import GivenToWorker, OfDocument, Reduce

_NULL: Final = b"null"
_OMITTED: Final = b'"deps_omitted":true'


def payload_given(job: JobRow, given: GivenToWorker | None) -> bytes | None:
    """The payload as a claim hands it out: the envelope, or what the row has.

    Contract: catbird-capabilities, section 19.6.
    """
    of = None if given is None else given.of_document
    if given is None or of is None or of.payload_mode == "static":
        return payload_shown(job)
    return b"{%b}" % b",".join(_members(job, given, of))


def _members(job: JobRow, given: GivenToWorker, of: OfDocument) -> Iterator[bytes]:
    yield b'"input":' + (of.input or _NULL)
    yield _OMITTED if given.deps is None else b'"deps":' + as_object(given.deps)
    yield b'"skipped_deps":' + msgspec.json.encode(of.skipped_deps)
    yield b'"signal":' + (of.signal or _NULL)
    if job["kind"] == "item":
        yield b'"item":' + (job["payload"] or _NULL)
        yield b'"item_index":%d' % (job["item_index"] or 0)
    if of.reduce is not None:
        yield b'"reduce":' + as_reduce(of.reduce)
    if of.payload is not None:
        yield b'"payload":' + of.payload


def as_object(members: Mapping[str, bytes]) -> bytes:
    return b"{%b}" % b",".join(
        msgspec.json.encode(key) + b":" + value for key, value in members.items()
    )


def as_reduce(reduce: Reduce) -> bytes:
    source = msgspec.json.encode(reduce.source)
    return b'{"source":%b,"count":%d,"initial":%b}' % (source, reduce.count, reduce.initial)
