"""Sets up there what is set up here: queues, webhooks (off), schedules (paused), keys.

Doing it again changes nothing, or what was changed here since. Nothing fires and nobody is called
there before the switch.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from msgspec import Raw, Struct

from spooled_lite.cli.answer import ServerRefused
from spooled_lite.cli.client import path_of
from spooled_lite.cli.escaped import escaped
from spooled_lite.cli.moving.config import (
    KEY_FIELDS,
    WEBHOOK_FIELDS,
    Config,
    Pair,
    differences,
    label,
    queue_body,
    schedule_body,
)
from spooled_lite.cli.moving.ledger import Ledger
from spooled_lite.cli.moving.side import ShownThing, Side

FALSE: Final = Raw(b"false")
# A server that lacks these knows no such thing: the plan says so, or nothing depends on it.
_MAY_BE_MISSING: Final = frozenset({"catch_up", "format", "permissions"})

TellKey = Callable[[str, str], None]


class CopyTally(Struct):
    created: int = 0
    changed: int = 0
    same: int = 0
    problems: list[str] = []


def copy(config: Config, there: Side, ledger: Ledger, tell_key: TellKey) -> CopyTally:
    """`tell_key` gets the name and the secret of each new key, once.

    Raises: as Side, when a server does not answer or is busy.
    """
    copied = CopyTally()
    for pair in config.queues:
        with _refusals(copied, "queue", pair):
            _queue(there, pair, copied)
    for pair in config.schedules:
        with _refusals(copied, "schedule", pair):
            _schedule(there, pair, copied)
    for pair in config.webhooks:
        with _refusals(copied, "webhook", pair):
            _webhook(there, pair, copied)
    for pair in config.keys:
        with _refusals(copied, "key", pair):
            _key(there, pair, ledger, tell_key, copied)
    return copied


@contextmanager
def _refusals(copied: CopyTally, kind: str, pair: Pair) -> Iterator[None]:
    """What is refused does not keep the others from being copied."""
    try:
        yield
    except ServerRefused as error:
        if error.status >= 500 or error.status in (401, 408, 429):
            raise
        copied.problems.append(f"{kind} {label(pair.here)}: {error.message}")


def _queue(there: Side, pair: Pair, copied: CopyTally) -> None:
    body = queue_body(pair.here)
    if pair.there is not None and not differences(pair.there, body):
        copied.same += 1
        return
    answer = there.put(path_of("queues", pair.here.text("queue_name"), "config"), body)
    _count(copied, pair)
    _compare(copied, "queue", pair, ShownThing.read(answer.body), body)


def _schedule(there: Side, pair: Pair, copied: CopyTally) -> None:
    body = schedule_body(pair.here)
    if pair.there is None:
        answer = there.post("/schedules", {**body, "is_active": FALSE})
    elif differences(pair.there, body):
        answer = there.put(path_of("schedules", pair.there.text("id")), body)
    else:
        copied.same += 1
        return
    _count(copied, pair)
    _compare(copied, "schedule", pair, ShownThing.read(answer.body), body)


def _webhook(there: Side, pair: Pair, copied: CopyTally) -> None:
    body = pair.here.chosen(WEBHOOK_FIELDS)
    if pair.there is None:
        answer = there.post("/outgoing-webhooks", {**body, "enabled": FALSE})
    elif differences(pair.there, body):
        answer = there.put(path_of("outgoing-webhooks", pair.there.text("id")), body)
    else:
        copied.same += 1
        return
    _count(copied, pair)
    _compare(copied, "webhook", pair, ShownThing.read(answer.body), body)


def _key(there: Side, pair: Pair, ledger: Ledger, tell_key: TellKey, copied: CopyTally) -> None:
    """A key with a secret of its own.

    One that was made when the last run broke off, so that nobody has seen its secret, is made
    again in its place, unless somebody uses it.
    """
    key_id = pair.here.text("id")
    if pair.there is None:
        ledger.write("making", **{"from": key_id})
        answer = there.post("/api-keys", pair.here.chosen(KEY_FIELDS))
    elif key_id in ledger.making and key_id not in ledger.keys and _is_unused(pair.there):
        answer = there.post(path_of("api-keys", pair.there.text("id"), "regenerate"))
    else:
        copied.same += 1
        return
    made = ShownThing.read(answer.body)
    tell_key(label(pair.here), escaped(made.text("key")))
    ledger.write("key", **{"from": key_id}, to=made.text("id"))
    _count(copied, pair)


def _is_unused(key: ShownThing) -> bool:
    return key.value("last_used") is None


def _count(copied: CopyTally, pair: Pair) -> None:
    if pair.there is None:
        copied.created += 1
    else:
        copied.changed += 1


def _compare(
    copied: CopyTally, kind: str, pair: Pair, answer: ShownThing, body: dict[str, Raw]
) -> None:
    """Name what the server has not taken as it was sent."""
    lost = [
        name
        for name in differences(answer, body)
        if name in answer.members or name not in _MAY_BE_MISSING
    ]
    if lost:
        sent = ", ".join(f"{name} {escaped(bytes(body[name]).decode())[:60]}" for name in lost)
        copied.problems.append(f"{kind} {label(pair.here)}: not kept there: {sent}")
