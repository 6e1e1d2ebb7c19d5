"""The addresses of a name, as the system knows them, looked up in threads of their own."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

# Gives addresses as texts; raises OSError when there are none.
Lookup = Callable[[str], Awaitable[Sequence[str]]]

# A name whose servers do not answer keeps a thread for half a minute, long after its caller has
# left. This is far more than the calls under way, so that such names do not delay others.
LOOKUPS_MAX: Final = 256


class SystemLookup:
    """Looks up a name once at a time; callers that come meanwhile share the answer.

    The threads are not those of the event loop, which are few. They end with the process.
    """

    def __init__(self, ask: Callable[[str], Sequence[str]] | None = None) -> None:
        self._ask = _ask_system if ask is None else ask
        self._running: dict[str, asyncio.Future[Sequence[str]]] = {}

    async def __call__(self, host: str) -> Sequence[str]:
        """The addresses of a name. The caller has to limit the time.

        Raises:
            OSError: no such name, no answer, or LOOKUPS_MAX lookups are under way.
        """
        answer = self._running.get(host)
        if answer is None:
            if len(self._running) >= LOOKUPS_MAX:
                raise OSError("too many lookups")
            answer = self._start(host)
        # A caller that leaves does not cancel the lookup for the others.
        return await asyncio.shield(answer)

    def _start(self, host: str) -> asyncio.Future[Sequence[str]]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[str]] = loop.create_future()
        # Read here, so that asyncio does not log an error when every caller has left.
        answer.add_done_callback(lambda it: it.exception())

        def settle(found: Sequence[str], error: OSError | None) -> None:
            del self._running[host]
            if error is None:
                answer.set_result(found)
            else:
                answer.set_exception(error)

        def run() -> None:
            found: Sequence[str] = ()
            failed: OSError | None = None
            try:
                found = self._ask(host)
            except Exception as error:  # whatever it is, callers must not wait for it
                failed = OSError(type(error).__name__)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(settle, found, failed)

        threading.Thread(target=run, name=f"lookup-{host}", daemon=True).start()
        self._running[host] = answer
        return answer


def _ask_system(host: str) -> Sequence[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
