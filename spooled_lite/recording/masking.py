"""Masks a whole exchange before it is written. Nothing unmasked reaches the disk."""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

import msgspec
from msgspec import UNSET, Struct

from spooled_lite.recording.exchanges import Body, Exchange, KeptFrame
from spooled_lite.recording.masks import Masks, kind_of
from spooled_lite.recording.patterns import Pattern

DROPPED: Final = frozenset(
    {"payload", "payload_template", "result", "results", "metadata", "output", "progress_data"}
)
INGEST: Final = "/api/v1/webhooks/"  # whatever is sent there becomes a payload as a whole
SIGN_IN: Final = "/auth/"

_SECRET_NAME: Final = re.compile(
    r"(token|secret|authorization|cookie|credential|signature|password\w*|passwd"
    r"|(api|admin|private|access)[_-]?key)s?$",
    re.IGNORECASE,
)
_SECRET_HEADER: Final = re.compile(
    r"token|secret|authorization|cookie|credential|signature|password|-key$", re.IGNORECASE
)
_NO_SECRET: Final = frozenset({"idempotency-key", "x-idempotency-key", "sec-websocket-key"})
_CODE_NAME: Final = frozenset({"code", "otp", "pin", "verification_code"})
_CODE: Final = re.compile(r"[0-9]{4,10}")
_SCHEMES: Final = frozenset({"bearer", "basic", "token"})


class MaskRules(Struct, frozen=True):
    """What is masked beside that which always is."""

    patterns: Sequence[Pattern] = ()
    drops_payloads: bool = False


class Masking:
    def __init__(self, rules: MaskRules) -> None:
        self._rules = rules
        self._masks = Masks()

    def text(self, text: str) -> str:
        return self._masks.text(text)

    def exchange(self, exchange: Exchange) -> Exchange:
        """The same with masks. Headers come first: what they show is known in what follows."""
        request, response = exchange.request, exchange.response
        inner = _Inner(self._masks, self._rules, request.path)
        for each in (request, response):
            each.headers = {name: self._header(name, each.headers[name]) for name in each.headers}
        for each in (request, response):
            content = inner.body(each.content, is_payload=inner.is_ingest and each is request)
            each.body, each.text, each.omitted = content.body, content.text, content.omitted
        if response.frames is not None:
            response.frames = [inner.frame(frame) for frame in response.frames]
        request.path = self._path(request.path)
        return exchange

    def _header(self, name: str, value: str) -> str:
        if name in _NO_SECRET or not _SECRET_HEADER.search(name):
            return self._masks.text(value)
        scheme, _, rest = value.partition(" ")
        if rest and scheme.lower() in _SCHEMES:
            return f"{scheme} {self._masks.mask(rest.strip(), kind_of(rest.strip()))}"
        return self._masks.mask(value, "credential")

    def _path(self, path: str) -> str:
        before, question, query = path.partition("?")
        parts = [self._segment(each) for each in before.split("/")]
        return "/".join(parts) + question + (self._query(query) if query else "")

    def _segment(self, segment: str) -> str:
        plain = unquote(segment)
        masked = self._masks.text(plain)
        return segment if masked == plain else quote(masked, safe=":@")

    def _query(self, query: str) -> str:
        pairs = parse_qsl(query, keep_blank_values=True)
        masked = [(self._masks.text(name), self._parameter(name, value)) for name, value in pairs]
        return query if masked == pairs else urlencode(masked, safe=":@")

    def _parameter(self, name: str, value: str) -> str:
        is_code = name in _CODE_NAME and _CODE.fullmatch(value)
        kind = "code" if is_code else _kind(name)
        return self._masks.mask(value, kind) if kind else self._masks.text(value)


class _Inner:
    """Masks the bodies of one exchange."""

    def __init__(self, masks: Masks, rules: MaskRules, path: str) -> None:
        self._masks = masks
        self._rules = rules
        self._is_sign_in = SIGN_IN in path
        self.is_ingest = path.startswith(INGEST)

    def body(self, content: Body, *, is_payload: bool) -> Body:
        if content.body is not UNSET:
            return self._json_body(content.body, is_payload=is_payload)
        if content.text is None:
            return content
        if is_payload and self._rules.drops_payloads:
            return Body(omitted=f"{len(content.text)} characters, a payload")
        return Body(text=self._masks.text(content.text))

    def _json_body(self, value: Any, *, is_payload: bool) -> Body:
        try:
            if is_payload and self._rules.drops_payloads:
                value = shape_of(value)
            return Body(body=self._value(value, "", None))
        except RecursionError:
            return Body(omitted="nested too deep")

    def frame(self, frame: KeptFrame) -> KeptFrame:
        if frame.text is not None:
            lines = frame.text.split("\n")
            frame.text = "\n".join(self._line(each) for each in lines)
        return frame

    def _line(self, line: str) -> str:
        """A line of an event (`data: …`), or a message."""
        name, colon, rest = ("", "", line)
        if line.startswith("data:"):
            name, colon, rest = line.partition(":")
        try:
            value = self._value(msgspec.json.decode(rest.strip()), "", None)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return self._masks.text(line)
        encoded = msgspec.json.encode(value).decode()
        return f"{name}{colon} {encoded}" if colon else encoded

    def _value(self, value: Any, path: str, kind: str | None) -> Any:
        if path and any(each.matches(path) for each in self._rules.patterns):
            whole = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            return self._masks.mask(whole, "value")
        if isinstance(value, dict):
            return {
                self._masks.text(name): self._member(name, each, f"{path}.{name}".lstrip("."), kind)
                for name, each in value.items()
            }
        if isinstance(value, list):
            return [
                self._value(each, f"{path}.{index}".lstrip("."), kind)
                for index, each in enumerate(value)
            ]
        if isinstance(value, str):
            return self._masks.mask(value, kind) if kind else self._masks.text(value)
        if kind and isinstance(value, int | float) and not isinstance(value, bool):
            return self._masks.mask(str(value), kind)
        return value

    def _member(self, name: str, value: Any, path: str, kind: str | None) -> Any:
        if self._rules.drops_payloads and name in DROPPED:
            return self._value(shape_of(value), path, kind)
        if name in _CODE_NAME and self._is_code(value):
            return self._masks.mask(str(value), "code")
        return self._value(value, path, kind or _kind(name))

    def _is_code(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | str):
            return False
        is_of_sign_in = self._is_sign_in and any(each.isdigit() for each in str(value))
        return is_of_sign_in or _CODE.fullmatch(str(value)) is not None


def shape_of(value: Any) -> Any:
    """The names and kinds of a value without what it says."""
    if isinstance(value, dict):
        return {name: shape_of(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape_of(each) for each in value]
    return None if value is None else type(value)()


def _kind(name: str) -> str | None:
    found = _SECRET_NAME.search(name)
    if found is None:
        return None
    word = found[1].lower()
    if word == "token":
        return "token"
    return "secret" if word.startswith(("secret", "passw")) else "credential"
