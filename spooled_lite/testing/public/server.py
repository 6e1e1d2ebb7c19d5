"""A server for tests."""

import atexit
import os
from typing import Protocol, Self, Unpack

from spooled_lite.ids import Ids
from spooled_lite.testing.public.choice import (
    ADMIN_KEY_BYTES,
    API_KEY_BYTES,
    ReadyServer,
    ServerChoice,
    ServerOptions,
    check_options,
)
from spooled_lite.testing.public.link import Link, NotStarted, tell_freezegun
from spooled_lite.testing.public.times import time_of
from spooled_lite.testing.public.world import World


class _Server(Protocol):
    def start(self) -> ReadyServer: ...
    def close(self) -> None: ...


class Server(World):
    """A whole server whose clock stands until a test moves it.

    It runs in a thread of this process, and touches nothing that the process owns; with
    `process=True` in a process of its own, which ends with this one. Use it with `with`, or call
    `start` and `close`.
    """

    def __init__(self, **options: Unpack[ServerOptions]) -> None:
        """
        seed: ids, secrets and tokens are the same in every run, and time begins in 2030.
        at: when time begins.
        clock: `real` goes as the machine's does, until it is frozen.
        grpc: serve gRPC as well, if it is installed.
        database: a file that lasts, which test mode must have made; else it is thrown away.
        seed_file: what it begins with, and goes back to; not with `database`.
        process: in a process of its own.
        settings: of the server, by the names of the configuration file.

        Raises:
            TypeError: there is no such option.
        """
        check_options(options)
        seed, at, settings = options.get("seed"), options.get("at"), options.get("settings") or {}
        if options.get("database") is not None and seed is not None:
            settings = {"bootstrap_api_key": _api_key(seed), **settings}  # the next start needs it
        seed_file = options.get("seed_file")
        self.name = "root"
        self.keys = {}
        self.grpc_address = None
        self.admin_key = str(settings.get("admin_key") or _admin_key(seed))
        self._mode = options.get("clock", "frozen")
        self._is_process = options.get("process", False)
        self._choice = ServerChoice(
            seed=seed,
            at=None if at is None else time_of(at),
            grpc=options.get("grpc", False),
            database=options.get("database"),
            admin_key=self.admin_key,
            settings=settings,
            seed_file=None if seed_file is None else os.path.abspath(seed_file),
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
        self.grpc_address, self.keys = about.grpc_address, about.keys
        if about.api_key is None:
            self.close()
            raise NotStarted(
                "the key of this file is not known any more; start a new file with a seed, or with"
                " `bootstrap_api_key` in the settings, and the same one each time"
            )
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


def _api_key(seed: int) -> str:
    return f"sk_test_{Ids(seed, 'api key').secret(API_KEY_BYTES).hex()}"
