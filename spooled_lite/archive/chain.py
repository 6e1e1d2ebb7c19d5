"""Chains and bases in a store: which there are, beginning a new one, going back to them."""

from collections.abc import Callable
from typing import Final, Literal, TypeVar

import msgspec
from msgspec import Struct

from spooled_lite.archive.names import BASE_PREFIX, CHAIN_PREFIX, ChainName, base_of, chain_of
from spooled_lite.backups.manifest import ManifestCount, ShortWord
from spooled_lite.outbound.stores import AlreadyStored, NotStored, Store, StoreTrouble

T = TypeVar("T")

BEGIN_TRIES: Final = 5  # when others begin chains of the same file at this moment


class BadArchive(StoreTrouble):
    """Something in the archive cannot be used. The message names it and says why."""


class Chain(Struct, frozen=True, kw_only=True):
    """An unbroken row of windows, written by one server."""

    format: Literal["spooled-chain"] = "spooled-chain"
    version: Literal[1] = 1
    file_id: ShortWord
    chain: ManifestCount
    token: ShortWord  # what its first window is linked to
    began_ms: int
    program: ShortWord

    @property
    def name(self) -> ChainName:
        return ChainName(self.file_id, self.chain)


class Base(Struct, frozen=True, kw_only=True):
    """A backup that windows can be applied to."""

    format: Literal["spooled-base"] = "spooled-base"
    version: Literal[1] = 1
    file_id: ShortWord
    chain: ManifestCount
    number: ManifestCount  # of the window at the end of which it was made; 0: before the first
    link: ShortWord  # what the next window is linked to
    at_ms: int
    backup: str  # its name in the same store
    created: ManifestCount  # as in a window
    settled: ManifestCount

    @property
    def name(self) -> ChainName:
        return ChainName(self.file_id, self.chain)


def chains_in(store: Store) -> list[ChainName]:
    """By file, the oldest first. Raises StoreTrouble."""
    found = (chain_of(each.name) for each in store.list(CHAIN_PREFIX))
    return sorted(each for each in found if each is not None)


def bases_in(
    store: Store,
    file_id: str | None = None,
    *,
    on_bad: Callable[[BadArchive], None] | None = None,
) -> list[Base]:
    """By chain and number. With `on_bad` those that cannot be read are told to it and left out.

    Raises:
        BadArchive: one cannot be read.
        StoreTrouble: the store cannot.
    """
    bases = []
    for each in store.list(BASE_PREFIX):
        found = base_of(each.name)
        if found is not None and file_id in (None, found[0].file_id):
            try:
                bases.append(_read_base(store, each.name, found))
            except BadArchive as error:
                if on_bad is None:
                    raise
                on_bad(error)
    return sorted(bases, key=lambda base: (base.file_id, base.chain, base.number))


def _read_base(store: Store, name: str, named: tuple[ChainName, int]) -> Base:
    base = _decoded(store.read(name), Base, name)
    if (base.name, base.number) != named:
        raise BadArchive(f"{name}: this is another base")
    return base


def read_chain(store: Store, name: ChainName) -> Chain:
    """Raises BadArchive, StoreTrouble."""
    chain = _decoded(store.read(name.of_chain), Chain, name.of_chain)
    if chain.name != name:
        raise BadArchive(f"{name.of_chain}: this is another chain")
    return chain


def begin_chain(store: Store, file_id: str, *, token: str, now_ms: int, program: str) -> Chain:
    """Begin the next chain of a file. No other can have the same number.

    Raises StoreTrouble.
    """
    for _ in range(BEGIN_TRIES):
        before = [each.chain for each in chains_in(store) if each.file_id == file_id]
        number = max(before, default=0) + 1
        chain = Chain(file_id=file_id, chain=number, token=token, began_ms=now_ms, program=program)
        try:
            store.create(chain.name.of_chain, _encoded(chain))
        except AlreadyStored:
            continue
        return chain
    raise StoreTrouble(f"{store.where}: others begin chains of this file at the same moment")


def newer_chain(store: Store, name: ChainName) -> Chain | None:
    """The chain that somebody began after this one. Raises StoreTrouble, BadArchive."""
    try:
        return read_chain(store, name.next)
    except NotStored:
        return None


def store_base(store: Store, base: Base) -> None:
    """Raises StoreTrouble."""
    store.create(base.name.of_base(base.number), _encoded(base))


def _encoded(record: Chain | Base) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def _decoded(text: bytes, kind: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadArchive(f"{name}: it cannot be read: {error}") from None
