"""Whether a value has what a test wants of it, and where it differs."""

from typing import Any, Final

DIFFERENCES_MAX: Final = 20
SHOWN_CHARS_MAX: Final = 200  # of a text that differs


def differences(wanted: Any, found: Any, at: str = "") -> dict[str, Any]:
    """What was found where it differs from what is wanted, by the path there; empty: it fits.

    An object may have more members than are wanted. A list has to have as many items.
    """
    different: dict[str, Any] = {}
    _compare(wanted, found, at, different)
    return different


def _compare(wanted: Any, found: Any, at: str, different: dict[str, Any]) -> None:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name, value in wanted.items():
            if len(different) >= DIFFERENCES_MAX:
                return
            _compare(value, found.get(name), f"{at}.{name}" if at else name, different)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
            if len(different) >= DIFFERENCES_MAX:
                return
            _compare(one, other, f"{at}[{number}]", different)
    elif isinstance(wanted, bool) is not isinstance(found, bool) or wanted != found:
        different[at] = _shown(found)


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return value[:SHOWN_CHARS_MAX]
    if isinstance(value, dict | list):
        text = repr(value)[: SHOWN_CHARS_MAX + 1]
        return value if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}…"
    return value
