"""Queues, schedules, webhooks and keys of one side, and what they are to be on the other."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from spooled_lite.cli.client import path_of
from spooled_lite.cli.escaped import escaped
from spooled_lite.cli.moving.side import BOARD_PATH, ShownThing, Side

UNPAGED_MAX: Final = 100  # queues, webhooks and keys in one answer; their lists have no pages
QUEUE_FIELDS: Final = (
    "description",
    "max_retries",
    "default_timeout",
    "rate_limit",
    "max_concurrency",
    "retry_delay_seconds",
    "backoff_base_seconds",
    "backoff_multiplier",
    "backoff_max_seconds",
    "backoff",
    "circuit_breaker",
    "enabled",
)
SCHEDULE_FIELDS: Final = (
    "name",
    "description",
    "cron_expression",
    "timezone",
    "queue_name",
    "priority",
    "max_retries",
    "timeout_seconds",
    "tags",
    "catch_up",
)
WEBHOOK_FIELDS: Final = ("name", "url", "events", "format")
KEY_FIELDS: Final = ("name", "queues", "permissions", "rate_limit", "expires_at")
MOVED_FROM: Final = "moved_from"  # in the metadata of a schedule there: its id here
DEFAULT_CATCH_UP: Final = "one"  # of a server that knows no other
_RESERVED: Final = frozenset({"paused", "paused_at", "paused_reason"})  # in settings, by the server


class Pair(Struct, frozen=True):
    """A thing here, and the one there that it is, or will be."""

    here: ShownThing
    there: ShownThing | None


class Config(Struct, frozen=True):
    """What has to be set up there, and what cannot be seen or kept."""

    queues: Sequence[Pair]
    schedules: Sequence[Pair]
    webhooks: Sequence[Pair]
    keys: Sequence[Pair]
    losses: Sequence[str]


def compare(here: Side, there: Side) -> Config:
    losses: list[str] = []

    def listed(side: Side, path: str, what: str) -> list[ShownThing]:
        found = list(side.things(path))
        if len(found) >= UNPAGED_MAX:
            losses.append(f"{what}: only the first {UNPAGED_MAX} at {side.url} can be seen")
        return found

    for side in (here, there):
        if not side.is_ours and len(list(side.things("/queues"))) >= UNPAGED_MAX:
            losses.append(f"queues: only the first {UNPAGED_MAX} at {side.url} can be seen")
    queues = _by_name(queues_of(here), queues_of(there))
    schedules = _schedules(here, there)
    webhooks = _alike(
        listed(here, "/outgoing-webhooks", "webhooks"),
        listed(there, "/outgoing-webhooks", "webhooks"),
        ("name", "url"),
    )
    keys = _alike(
        [each for each in listed(here, "/api-keys", "keys") if _is_usable(each)],
        [each for each in listed(there, "/api-keys", "keys") if _is_usable(each)],
        ("name", "queues", "permissions"),
    )
    losses += _losses(schedules, webhooks, is_ours=there.is_ours)
    return Config(queues, schedules, webhooks, keys, losses)


def queues_of(side: Side) -> list[ShownThing]:
    """All queues of ours, and the first UNPAGED_MAX of another server: its list has no pages."""
    found = list(side.things("/queues"))
    if len(found) < UNPAGED_MAX or not side.is_ours:
        return found
    known = {each.text("queue_name") for each in found}
    names = {each.text("queue_name") for each in side.things(BOARD_PATH, {"sort": "name"})}
    more = (side.thing("queues", name) for name in sorted(names - known))
    return found + [each for each in more if each is not None]


def queue_body(queue: ShownThing) -> dict[str, Raw]:
    settings = queue.value("settings")
    body = queue.chosen(QUEUE_FIELDS)
    if isinstance(settings, dict) and (own := settings.keys() - _RESERVED):
        raw = msgspec.json.decode(queue.members["settings"], type=dict[str, Raw])
        body["settings"] = _json({name: raw[name] for name in raw if name in own})
    return body


def schedule_body(schedule: ShownThing) -> dict[str, Raw]:
    """A schedule there: it says which one here it is, and does not fire until the switch."""
    metadata = schedule.members.get("metadata", Raw(b"null"))
    own = schedule.value("metadata")
    kept = msgspec.json.decode(metadata, type=dict[str, Raw]) if isinstance(own, dict) else {}
    return {
        "payload_template": schedule.members["payload_template"],  # null is one
        **schedule.chosen(SCHEDULE_FIELDS),
        "metadata": _json({**kept, MOVED_FROM: schedule.text("id")}),
    }


def is_as_wanted(thing: ShownThing, body: dict[str, Raw]) -> bool:
    return not differences(thing, body)


def differences(thing: ShownThing, body: dict[str, Raw]) -> list[str]:
    """The members that the server has not taken as they were sent."""
    wanted = ShownThing(body)
    return [name for name in body if not _is_equal(thing, wanted, name)]


def label(thing: ShownThing) -> str:
    return escaped(thing.text("name") or thing.text("queue_name") or thing.text("id"))


def _is_equal(thing: ShownThing, wanted: ShownThing, name: str) -> bool:
    found, asked = thing.value(name), wanted.value(name)
    if name == "settings" and isinstance(found, dict):
        found = {key: value for key, value in found.items() if key not in _RESERVED}
    if name == "expires_at" and isinstance(found, str) and isinstance(asked, str):
        return found[:19] == asked[:19]  # to the second
    return bool(found == asked)


def _by_name(here: Iterable[ShownThing], there: Iterable[ShownThing]) -> list[Pair]:
    known = {each.text("queue_name"): each for each in there}
    return [Pair(each, known.get(each.text("queue_name"))) for each in here]


def _schedules(here: Side, there: Side) -> list[Pair]:
    known: dict[str, ShownThing] = {}
    for each in there.things("/schedules"):
        metadata = each.value("metadata")
        if isinstance(metadata, dict) and isinstance(moved := metadata.get(MOVED_FROM), str):
            known[moved] = _whole(there, each)
    return [
        Pair(_whole(here, each), known.get(each.text("id"))) for each in here.things("/schedules")
    ]


def _whole(side: Side, schedule: ShownThing) -> ShownThing:
    """A list leaves large values out."""
    if not schedule.value("values_omitted"):
        return schedule
    return ShownThing.read(side.get(path_of("schedules", schedule.text("id"))).body)


def _alike(
    here: Iterable[ShownThing], there: Iterable[ShownThing], names: Sequence[str]
) -> list[Pair]:
    """Things whose names need not be different: the second of two is the second there."""
    left: dict[bytes, list[ShownThing]] = {}
    for each in there:
        left.setdefault(_identity(each, names), []).append(each)
    pairs = []
    for each in here:
        found = left.get(_identity(each, names))
        pairs.append(Pair(each, found.pop(0) if found else None))
    return pairs


def _identity(thing: ShownThing, names: Sequence[str]) -> bytes:
    return msgspec.json.encode([thing.value(name) for name in names])


def _is_usable(key: ShownThing) -> bool:
    return bool(key.value("is_active"))


def _losses(schedules: Sequence[Pair], webhooks: Sequence[Pair], *, is_ours: bool) -> Iterator[str]:
    for each in schedules:
        catch_up = each.here.text("catch_up")
        if catch_up not in ("", DEFAULT_CATCH_UP) and not is_ours:
            yield (
                f'schedule {label(each.here)}: catch_up "{escaped(catch_up)}" →'
                f' "{DEFAULT_CATCH_UP}" there'
            )
        if not isinstance(each.here.value("metadata"), dict | None):
            yield f"schedule {label(each.here)}: its metadata is no object"
    for each in webhooks:
        if each.here.value("has_secret") and not (each.there and each.there.value("has_secret")):
            yield (
                f"webhook {label(each.here)}: its secret is shown nowhere; set it there after"
                " --copy, or its calls stay off"
            )


def _json(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
