"""What the answers of a replay gave in place of what the recording has."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from spooled_lite.recording.exchanges import KeptRequest
from spooled_lite.recording.masks import MASK, TOKEN

CHARS_MIN: Final = 6  # shorter ones may be words that mean something else elsewhere
UNAUTHORIZED: Final = 401

_WORD: Final = re.compile(rf"{MASK.pattern}|{TOKEN.pattern}")


class Credentials(Struct, frozen=True):
    """Stand in for those that the recording masks."""

    api_key: str
    admin_key: str | None = None


class ReadyRequest(Struct, frozen=True):
    """A request of the recording as it is sent now."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Learned:
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._values: dict[str, str] = {}
        self._chosen: set[str] = set()  # by callers: no server has invented these

    def __getitem__(self, recorded: str) -> str | None:
        return self._values.get(recorded)

    def may_be_invented(self, recorded: str) -> bool:
        return recorded not in self._chosen

    def learn(self, recorded: Any, replayed: Any) -> None:
        """Learn every pair of texts in the same place, equal ones too. What is known stays."""
        if isinstance(recorded, dict) and isinstance(replayed, dict):
            for name in recorded.keys() & replayed.keys():
                self.learn(recorded[name], replayed[name])
        elif isinstance(recorded, list) and isinstance(replayed, list):
            for one, other in zip(recorded, replayed, strict=False):
                self.learn(one, other)
        elif (
            isinstance(recorded, str)
            and isinstance(replayed, str)
            and len(recorded) >= CHARS_MIN
            and recorded not in self._chosen
        ):
            self._values.setdefault(recorded, replayed)

    def put_into(self, text: str) -> str:
        """A text of the recording as it has to be now."""
        known = self._values.get(text)
        return known if known is not None else _WORD.sub(self._now, text)

    def shown(self, path: str) -> str:
        """A path for people: `{id}` in place of what a server invented, and no query."""
        parts = path.partition("?")[0].split("/")
        return "/".join("{id}" if each in self._values else each for each in parts)

    def ready(self, request: KeptRequest, status: int) -> ReadyRequest:
        """The request as it is sent now. `status` is that of the answer that was recorded."""
        may_sign_in = status != UNAUTHORIZED
        headers = {
            name: self._header(name, value, may_sign_in) for name, value in request.headers.items()
        }
        self._note(request.path.replace("?", "/").replace("&", "/").replace("=", "/").split("/"))
        if request.body is not UNSET:
            self._note(request.body)
            body = msgspec.json.encode(self._body(request.body, may_sign_in))
        else:
            body = self.put_into(request.text or "").encode()
        return ReadyRequest(request.method, self.put_into(request.path), headers, body)

    def _now(self, found: re.Match[str]) -> str:
        text = found[0]
        known = self._values.get(text)
        if known is not None:
            return known
        if found[1] is None:
            return text
        known = self._values[text] = stand_in(found[1], int(found[2]))
        return known

    def _header(self, name: str, value: str, may_sign_in: bool) -> str:
        mask = MASK.search(value)
        if mask is not None and may_sign_in and mask[0] not in self._values:
            if name in ("authorization", "x-api-key"):
                self._values[mask[0]] = self._credentials.api_key
            elif name == "x-admin-key" and self._credentials.admin_key is not None:
                self._values[mask[0]] = self._credentials.admin_key
        return self.put_into(value)

    def _body(self, value: Any, may_sign_in: bool) -> Any:
        if isinstance(value, dict):
            given = value.get("api_key")
            if may_sign_in and isinstance(given, str) and MASK.fullmatch(given):
                self._values.setdefault(given, self._credentials.api_key)
            return {
                self.put_into(key): self._body(each, may_sign_in) for key, each in value.items()
            }
        if isinstance(value, list):
            return [self._body(each, may_sign_in) for each in value]
        return self.put_into(value) if isinstance(value, str) else value

    def _note(self, value: Any) -> None:
        if isinstance(value, dict):
            for each in value.values():
                self._note(each)
        elif isinstance(value, list):
            for each in value:
                self._note(each)
        elif isinstance(value, str) and value not in self._values:
            self._chosen.add(value)


def stand_in(kind: str, number: int) -> str:
    """Something of its kind, for a value that only the recording's caller knew."""
    if kind == "email":
        return f"mask-email-{number}@example.com"
    if kind == "code":
        return f"{number:06d}"
    return f"mask-{kind}-{number}-{'0' * 24}"
