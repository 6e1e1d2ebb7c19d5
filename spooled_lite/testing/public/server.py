"""A server for tests, and its worlds."""

import atexit
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, Self
from urllib.parse import quote

from spooled_lite.ids import Ids
from spooled_lite.testing.public.choice import ADMIN_KEY_BYTES, ReadyServer, ServerChoice
from spooled_lite.testing.public.clock import Clock, time_of
from spooled_lite.testing.public.link import Link, tell_freezegun

if TYPE_CHECKING:
    from spooled.client import SpooledClient
    from spooled.worker.worker import SpooledWorker

POLL_SECONDS: Final = 0.01  # of a worker: time stands until it has looked
WORKER_SECONDS_MAX: Final = 30.0  # to register, and to stop


class NotStarted(Exception):
    """The server was not started, or is closed."""


class _Server(Protocol):
    def start(self) -> ReadyServer: ...
    def close(self) -> None: ...


class World:
    """A server as a test sees it: its address, a key, its clock. A fork is one, and so is the
    server itself."""

    _link: Link | None = None

    def __init__(
        self, link: Link, about: Mapping[str, Any], admin_key: str | None, grpc: str | None
    ) -> None:
        """`about`: the answer to POST /test/fork."""
        self.admin_key = admin_key
        self.grpc_address = grpc
        self.name: str = about["name"]
        self.keys: Mapping[str, str] = about["keys"]
        self._enter(link, about["organization_id"])

    def _enter(self, link: Link, organization_id: str | None) -> None:
        self._link = link
        self._organization_id = organization_id
        self.clock = Clock(link)

    @property
    def link(self) -> Link:
        """Raises NotStarted."""
        if self._link is None:
            raise NotStarted("the server was not started: use it with `with`, or call start()")
        return self._link

    @property
    def url(self) -> str:
        return self.link.url

    @property
    def api_key(self) -> str:
        """A key without limits, of this world only."""
        return self.link.api_key

    @property
    def organization_id(self) -> str:
        if self._organization_id is None:
            self._organization_id = str(self.call("GET", "/auth/me")["organization_id"])
        return self._organization_id

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call any route below `/api/v1`; its answer, decoded. Raises RefusedCall."""
        return self.link.call(method, path, body)

    def fork(
        self,
        name: str | None = None,
        *,
        at: datetime | str | None = None,
        keys: Sequence[Mapping[str, Any]] = (),
    ) -> "World":
        """Copy this world: the copy has rows, a clock, ids and a key of its own.

        `at` leads its clock there at once. `keys` are more keys for it, such as
        `{"name": "web", "queues": ["emails"]}`; they are in `World.keys` by name.

        Raises:
            RefusedCall: the name is taken or unusable, or there are too many forks.
        """
        body = {"name": name, "at": None if at is None else time_of(at), "keys": list(keys)}
        about = self.link.call("POST", "/test/fork", body)
        link = self.link.with_key(about["api_key"])
        return World(link, about, self.admin_key, self.grpc_address)

    def reset(self) -> None:
        """Go back to the baseline: the state after the start, or after the last `baseline`."""
        self.link.call("POST", "/test/reset")

    def baseline(self) -> None:
        """Make the present state the one that a reset goes back to."""
        self.link.call("POST", "/test/baseline")

    def client(self, **options: Any) -> "SpooledClient":
        """A client of the official SDK, which has to be installed."""
        from spooled.client import SpooledClient

        return SpooledClient(api_key=self.api_key, base_url=self.url, **options)

    def worker(
        self, queue: str, handler: Callable[..., object], **options: Any
    ) -> "AbstractContextManager[SpooledWorker]":
        """Run a worker of the official SDK in a thread, for as long as the context lasts."""
        return _working(self.client(), queue, handler, options)

    def close(self) -> None:
        """Delete the fork."""
        if self._link is not None:
            self._link.call("DELETE", f"/test/forks/{quote(self.name, safe='')}")
            self._link = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Server(World):
    """A whole server whose clock stands until a test moves it.

    It runs in a thread of this process, and touches nothing that the process owns; with
    `process=True` in a process of its own, which ends with this one. Use it with `with`, or call
    `start` and `close`.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        at: datetime | str | None = None,
        clock: Literal["frozen", "real"] = "frozen",
        grpc: bool = False,
        database: str | None = None,
        process: bool = False,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        """
        seed: ids, secrets and tokens are the same in every run, and time begins in 2030.
        at: when time begins.
        clock: `real` goes as the machine's does, until it is frozen.
        grpc: serve gRPC as well, if it is installed.
        database: a file that lasts, which test mode must have made; else it is thrown away.
        settings: of the server, by the names of the configuration file.
        """
        self.name = "root"
        self.keys = {}
        self.grpc_address = None
        self.admin_key = str((settings or {}).get("admin_key") or _admin_key(seed))
        self._mode = clock
        self._is_process = process
        self._choice = ServerChoice(
            seed=seed,
            at=None if at is None else time_of(at),
            grpc=grpc,
            database=database,
            admin_key=self.admin_key,
            settings=settings or {},
        )
        self._server: _Server | None = None
        self._pid = os.getpid()

    @classmethod
    def at(cls, url: str, api_key: str) -> Self:
        """A server in test mode that somebody else has started, and will stop."""
        it = cls()
        it.admin_key = None
        it._enter(Link(url, api_key), None)
        return it

    def start(self) -> Self:
        """Return when it accepts connections. Raises: what keeps it from starting."""
        if self._link is not None:
            return self
        tell_freezegun()
        self._server, self._pid = self._made(), os.getpid()
        about = self._server.start()
        atexit.register(self.close)
        self.grpc_address = about.grpc_address
        if about.api_key is None:
            self.close()
            raise NotStarted("the key of this file is not known any more; take a new file")
        pid = None if self._is_process else self._pid
        self._enter(Link(about.url, about.api_key, pid=pid), about.organization_id)
        if self._mode == "real":
            self.clock.run()
        return self

    def close(self) -> None:
        """Stop it, with all its forks. May be called again."""
        server, self._server, self._link = self._server, None, None
        atexit.unregister(self.close)
        if server is not None and self._pid == os.getpid():
            server.close()

    def __enter__(self) -> Self:
        return self.start()

    def _made(self) -> _Server:
        if self._is_process:
            from spooled_lite.testing.public.process import ProcessServer

            return ProcessServer(self._choice)
        from spooled_lite.testing.public.thread import ThreadServer

        return ThreadServer(self._choice)


def _admin_key(seed: int | None) -> str:
    return Ids(seed, "admin key").secret(ADMIN_KEY_BYTES).hex()


@contextmanager
def _working(
    client: "SpooledClient", queue: str, handler: Callable[..., object], options: dict[str, Any]
) -> "Iterator[SpooledWorker]":
    import threading

    from spooled.worker.worker import SpooledWorker

    worker = SpooledWorker(client, queue, **{"poll_interval": POLL_SECONDS, **options})
    worker.process(handler)  # type: ignore[arg-type]  # whatever it returns
    started = threading.Event()
    worker.on("started")(lambda _: started.set())
    thread = threading.Thread(target=worker.start, name=f"worker of {queue}", daemon=True)
    thread.start()
    try:
        if not started.wait(WORKER_SECONDS_MAX):
            raise NotStarted(f"the worker of {queue} has not registered in time")
        yield worker
    finally:
        worker.stop()
        thread.join(WORKER_SECONDS_MAX)
        client.close()
