"""Tests with unittest: a fork for each."""

import unittest
from collections.abc import Callable
from contextlib import AbstractContextManager
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

from spooled_lite.testing.public.clock import Clock
from spooled_lite.testing.public.faults import Faults
from spooled_lite.testing.public.server import Server
from spooled_lite.testing.public.world import World

if TYPE_CHECKING:
    from spooled.client import SpooledClient
    from spooled.worker.worker import SpooledWorker

NAME_CHARS_MAX = 400


class SpooledTestCase(unittest.TestCase):
    """Has a world of its own in each test, in `spooled`. All classes share one server, which is
    started with `spooled_options`; a class with other options has a server of its own.

    A test begins at `spooled_at` and with what `spooled_seed_file` contains, where its class says
    so.
    """

    spooled: World
    spooled_options: ClassVar[dict[str, Any]] = {"seed": 1}
    spooled_at: ClassVar[str | None] = None
    spooled_seed_file: ClassVar[str | PathLike[str] | None] = None
    _servers: ClassVar[list[tuple[dict[str, Any], Server]]] = []
    _client: "SpooledClient | None" = None

    def setUp(self) -> None:
        super().setUp()
        server = self.spooled_server
        self.spooled = server.fork(self.id()[-NAME_CHARS_MAX:], at=self.spooled_at)
        self.addCleanup(self.spooled.close)
        if self.spooled_seed_file is not None:
            self.spooled.seed(self.spooled_seed_file)
            self.spooled.baseline()

    @property
    def spooled_server(self) -> Server:
        """The server of this class, which ends with the process."""
        for options, server in SpooledTestCase._servers:
            if options == self.spooled_options:
                return server.start()
        server = Server(**self.spooled_options).start()
        SpooledTestCase._servers.append((dict(self.spooled_options), server))
        return server

    @property
    def spooled_clock(self) -> Clock:
        return self.spooled.clock

    @property
    def spooled_faults(self) -> Faults:
        return self.spooled.faults

    @property
    def spooled_client(self) -> "SpooledClient":
        """A client of the official SDK, the same for all of a test."""
        if self._client is None:
            self._client = self.spooled.client()
            self.addCleanup(self._client.close)
        return self._client

    def spooled_worker(
        self, queue: str, handler: Callable[..., object], **options: Any
    ) -> "AbstractContextManager[SpooledWorker]":
        """A worker of the official SDK: `with self.spooled_worker("emails", handle): ...`."""
        return self.spooled.worker(queue, handler, **options)
