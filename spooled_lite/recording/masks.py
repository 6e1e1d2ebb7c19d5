"""Masks for secrets: one for each value, so that equal values stay equal."""

import re
from collections import Counter
from typing import Final

from spooled_lite.log_lines import SECRET

VALUES_MAX: Final = 100_000  # values that are kept apart; later ones share a mask
TOKEN_CHARS_MIN: Final = 8  # a shorter secret is looked for in its own place only

MASK: Final = re.compile(r"mask:([a-z]+):([0-9]{1,9})")

# What stands before the host of an address, or an e-mail address. Possessive and with a look
# behind, so that hostile text costs no more than its length.
_AT: Final = re.compile(
    r"""(?<=://)([^\s/@"]{1,1000})(?=@)|(?<![\w.%+'-])[\w.%+'-]++@[\w-]++(?:\.[\w-]++)+"""
)
_HOOK: Final = re.compile(
    r"(?<=hooks\.slack\.com/)[\w/-]+|(?<=/api/webhooks/)[\w/-]+", re.IGNORECASE
)
TOKEN: Final = re.compile(rf"[\w.~+-]{{{TOKEN_CHARS_MIN},}}={{0,2}}")
# `"name": "value"`, `name=value` and `Name: Bearer value` inside a text.
_PAIR: Final = re.compile(
    r"""((?:token|secret|password|passwd|authorization|cookie|credential|signature|api[_-]?key)"""
    r"""["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token)\s+)?)"""
    r"""((?<=")(?:[^"\\\n]|\\.)+|(?<=')(?:[^'\\\n]|\\.)+|[^\s&,;"']+)""",
    re.IGNORECASE,
)
_KINDS: Final = {"whk_": "token", "eyJ": "token", "sk_": "credential", "sp_": "credential"}


class Masks:
    """Remembers every value that it has masked. None of them is ever written."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def mask(self, value: str, kind: str) -> str:
        """The mask of a whole value."""
        if not value or MASK.fullmatch(value):
            return value
        known = self._known.get(value)
        if known is not None:
            return known
        if len(self._known) >= VALUES_MAX:
            return f"mask:{kind}:0"
        self._counts[kind] += 1
        mask = f"mask:{kind}:{self._counts[kind]}"
        self._known[value] = mask
        return mask

    def text(self, text: str) -> str:
        """Text with every secret in it masked: by its looks, by the name that stands before it, or
        because it was masked before.
        """
        known = self._known.get(text)
        if known is not None:
            return known
        text = _PAIR.sub(lambda found: found[1] + self.mask(found[2], kind_of(found[2])), text)
        text = SECRET.sub(self._found_secret, text)
        if "@" in text:
            text = _AT.sub(self._found_at, text)
        text = _HOOK.sub(lambda found: self.mask(found[0], "secret"), text)
        return TOKEN.sub(lambda found: self._known.get(found[0], found[0]), text)

    def _found_at(self, found: re.Match[str]) -> str:
        return self.mask(found[0], "email" if found[1] is None else "credential")

    def _found_secret(self, found: re.Match[str]) -> str:
        whole = found[0]
        if found[1] is not None:
            return self.mask(whole, kind_of(whole))
        word, value = whole.split(maxsplit=1)
        return f"{word} {self.mask(value, kind_of(value))}"


def kind_of(value: str) -> str:
    return next((kind for start, kind in _KINDS.items() if value.startswith(start)), "credential")
