"""The two servers of a move, asked over the public API only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from time import sleep
from typing import Any, Final, Self

import msgspec
from msgspec import Raw, Struct

from spooled_lite.cli.answer import Answered, ServerRefused, Unreachable
from spooled_lite.cli.client import Client, Parameters, path_of
from spooled_lite.cli.escaped import message_of

BOARD_PATH: Final = "/dashboard/queues"  # a route that only ours has
BUSY_TRIES: Final = 6
BUSY_SECONDS: Final = 1.0  # when a server that is busy does not say for how long
BUSY_SECONDS_MAX: Final = 30.0
_BUSY: Final = frozenset({429, 503})
_NOT_THERE: Final = frozenset({404, 405})

Members = Mapping[str, Raw]


class ShownThing(Struct, frozen=True):
    """A queue, schedule, webhook, key or job as a server shows it. Its values stay as they were
    sent: a number in a payload is never rounded on the way."""

    members: Members

    @classmethod
    def read(cls, raw: bytes | Raw) -> Self:
        """Raises Unreachable: no server of Spooled shows a thing like this."""
        return cls(_decoded(raw, dict[str, Raw]))

    def value(self, name: str) -> Any:
        """Raises Unreachable, as `read`."""
        return _decoded(self.members.get(name, Raw(b"null")), Any)

    def text(self, name: str) -> str:
        """Empty when it is null or something else."""
        value = self.value(name)
        return value if isinstance(value, str) else ""

    def chosen(self, names: Sequence[str]) -> dict[str, Raw]:
        """Those of these members that are there and not null."""
        found = {name: self.members.get(name, Raw(b"null")) for name in names}
        return {name: raw for name, raw in found.items() if bytes(raw) != b"null"}


class Side:
    """One of the two servers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.url = client.url
        # Of a key it is the only one in the list. `/auth/me` takes no keys on other servers.
        own = self.get("/organizations").read(list[dict[str, Raw]])
        self.organization_id = ShownThing(own[0]).text("id") if own else ""

    def get(self, path: str, query: Parameters | None = None) -> Answered:
        return self._ask(lambda: self._client.get(path, query))

    def post(self, path: str, body: object = None) -> Answered:
        return self._ask(lambda: self._client.post(path, body))

    def put(self, path: str, body: object) -> Answered:
        return self._ask(lambda: self._client.put(path, body))

    def delete(self, path: str) -> Answered:
        return self._ask(lambda: self._client.delete(path))

    def thing(self, *parts: str) -> ShownThing | None:
        """One thing; None when it does not exist."""
        try:
            return ShownThing.read(self.get(path_of(*parts)).body)
        except ServerRefused as error:
            if error.status != 404:
                raise
            return None

    def things(self, path: str, query: Parameters | None = None) -> Iterator[ShownThing]:
        """What the server lists, page by page; of jobs those that were there at the beginning."""
        try:
            for raw in self._client.things(path, query or {}, None, is_frozen=path == "/jobs"):
                yield ShownThing.read(raw)
        except ServerRefused as error:
            raise self._named(error) from None

    @cached_property
    def is_ours(self) -> bool:
        """Whether the server is Spooled Lite, which has more than others."""
        try:
            self.get(BOARD_PATH, {"limit": 1})
        except ServerRefused as error:
            return error.status not in _NOT_THERE
        return True

    def _ask(self, question: Callable[[], Answered]) -> Answered:
        """A busy server is asked again. Raises: as Client, and names this server."""
        for tried in range(BUSY_TRIES):
            try:
                return question()
            except ServerRefused as error:
                if error.status not in _BUSY or tried == BUSY_TRIES - 1:
                    raise self._named(error) from None
                sleep(min(error.retry_seconds or BUSY_SECONDS, BUSY_SECONDS_MAX))
        raise AssertionError("the last try returns or raises")

    def _named(self, error: ServerRefused) -> ServerRefused:
        """Says which of the two refused."""
        told = f"{self.url}: {error.message}"
        return ServerRefused(told, status=error.status, code=error.code)


def _decoded(raw: bytes | Raw, kind: Any) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unreachable(f"what answers there is not Spooled: {message_of(str(error))}") from None
