"""Follows the events of a server, and comes back where it was when the stream ends."""

import time
from collections.abc import Callable, Generator, Iterator
from typing import Final

import click

from spooled_lite.cli.answer import ServerRefused, Unreachable
from spooled_lite.cli.client import Client, Parameters
from spooled_lite.cli.watch.frames import SseFrame, TooLong, frames

EVENTS_PATH: Final = "/events"
SILENT_SECONDS_MAX: Final = 60.0  # a server sends a comment after 15; such a connection is dead
AGAIN_SECONDS: Final = 0.2  # before the first try to come back
AGAIN_SECONDS_MAX: Final = 5.0
SEEN_MAX: Final = 1_000  # frames since the last number; one change of a job has at most four
# The server has too much to do, or is about to stop. Any other refusal would be repeated for ever.
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})

Tell = Callable[[str], None]
Pause = Callable[[float], None]


def follow(
    client: Client, query: Parameters, tell: Tell, *, pause: Pause = time.sleep
) -> Generator[SseFrame, None, None]:
    """Every frame, without an end. Nothing is given twice; what happened while the connection was
    lost comes as far as the server still knows it.

    `tell` gets one line when the connection is lost, and one when it is back.

    Raises:
        ServerRefused, Unreachable: the first connection fails, or the server refuses for good.
    """
    place = _Place()
    is_known = False
    lost: click.ClickException | None = None
    wait = AGAIN_SECONDS
    while True:
        try:
            with client.stream(
                "GET", EVENTS_PATH, query, seconds=SILENT_SECONDS_MAX, headers=place.headers
            ) as response:
                if lost is not None:
                    tell("the stream is back")
                is_known, lost, wait = True, None, AGAIN_SECONDS
                yield from place.new(frames(response.iter_raw()))
        except TooLong:
            raise Unreachable(f"what answers at {client.url} is no stream of events") from None
        except (Unreachable, ServerRefused) as error:
            if not is_known or (isinstance(error, ServerRefused) and error.status not in _PASSING):
                raise
            if lost is None:
                tell(f"the stream was lost: {error.message}")
            lost = error
        pause(wait)
        wait = min(2 * wait, AGAIN_SECONDS_MAX)


class _Place:
    """How far a stream was read."""

    def __init__(self) -> None:
        self._last_id = ""
        self._since = set[str]()  # what came after the frame with that number

    @property
    def headers(self) -> dict[str, str]:
        return {"Last-Event-ID": self._last_id} if self._last_id else {}

    def new(self, found: Iterator[SseFrame]) -> Iterator[SseFrame]:
        """The frames that were not given before.

        The frames of one change share a number, which stands on the last of them: after a break
        the first ones come once more.
        """
        before, self._since = self._since, set()
        for frame in found:
            if frame.id:
                self._last_id = frame.id
                self._since.clear()
            elif len(self._since) < SEEN_MAX:
                self._since.add(frame.data)
            if frame.data in before:
                before.discard(frame.data)
                continue
            yield frame
            if frame.id:
                before.clear()
