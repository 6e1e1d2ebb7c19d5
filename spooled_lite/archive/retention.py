"""Which parts of an archive are deleted when they are old."""

from spooled_lite.archive.chain import Base, bases_in, chains_in
from spooled_lite.archive.names import ChainName, window_of
from spooled_lite.backups.manifest import manifest_name
from spooled_lite.outbound.stores import Store


def drop_old(store: Store, file_id: str, keep_ms: int, now_ms: int) -> int:
    """Delete what is not needed to restore any moment of the last `keep_ms` of a file.

    So the newest base that is older stays, with all that comes after it. Returns how many windows
    are gone. What a crash leaves of it is deleted the next time.

    Raises StoreTrouble.
    """
    bases = bases_in(store, file_id)
    older = [each for each in bases if each.at_ms <= now_ms - keep_ms]
    if not older:
        return 0
    first = max(older, key=lambda base: (base.at_ms, base.name, base.number))
    for base in bases:
        if _is_before(base, first):
            _drop_base(store, base)
    count = 0
    for name in chains_in(store):
        if name.file_id == file_id and name <= first.name:
            count += _drop_windows(store, name, first)
            if name < first.name:
                store.delete(name.of_chain)
    return count


def _is_before(base: Base, first: Base) -> bool:
    return (base.chain, base.number) < (first.chain, first.number)


def _drop_base(store: Store, base: Base) -> None:
    store.delete(base.name.of_base(base.number))  # first: without it there is no base
    store.delete(manifest_name(base.backup))
    store.delete(base.backup)


def _drop_windows(store: Store, name: ChainName, first: Base) -> int:
    count = 0
    for each in store.list(name.windows):
        found = window_of(each.name)
        if found is not None and (name < first.name or found[1] <= first.number):
            store.delete(each.name)
            count += 1
    return count
