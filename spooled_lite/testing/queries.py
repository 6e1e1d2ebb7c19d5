"""The queries of test routes: an unknown parameter is refused, as a member of a body is."""

from collections.abc import Collection

from spooled_lite.config_names import nearest
from spooled_lite.errors import BadRequest, RuleBroken
from spooled_lite.wire.http.body import UNKNOWN_CHARS_MAX
from spooled_lite.wire.http.call import Call

WHOLE_MAX = 2**53


def check_query(call: Call, *known: str) -> None:
    """Raises RuleBroken: the query has a parameter that is none of these."""
    for name in call.query:
        if name not in known:
            shown = name[:UNKNOWN_CHARS_MAX]
            said = f"Parameter `{shown}` is unknown"
            if known:
                said += f"; the nearest is `{nearest(name, known)}`"
            raise RuleBroken.of(shown, said, "unknown_field")


def chosen(call: Call, name: str, choices: Collection[str]) -> list[str]:
    """Some of the choices, divided by commas; all when the parameter is missing.

    Raises:
        RuleBroken: one of them is no choice.
    """
    given = call.query.get(name)
    if given is None:
        return list(choices)
    for each in (wanted := given.split(",")):
        if each not in choices:
            shown = each[:UNKNOWN_CHARS_MAX]
            said = f"`{shown}` is unknown; the nearest is `{nearest(each, choices)}`"
            raise RuleBroken.of(name, said, "invalid_value")
    return wanted


def whole(call: Call, name: str, default: int) -> int:
    """A whole number that is not negative. Raises BadRequest."""
    given = call.query.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 16):
        raise BadRequest(f"Parameter `{name}` must be a whole number from 0 on")
    return min(int(given), WHOLE_MAX)


def wants(call: Call, media: str) -> bool:
    """Whether the header `Accept` names this type."""
    return media in (call.header("accept") or "").lower()
