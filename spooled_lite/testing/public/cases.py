"""Tests with unittest: a fork for each."""

import unittest
from typing import Any, ClassVar

from spooled_lite.testing.public.server import Server
from spooled_lite.testing.public.world import World

NAME_CHARS_MAX = 400


class SpooledTestCase(unittest.TestCase):
    """Has a world of its own in each test, in `spooled`. All classes share one server, which is
    started with `spooled_options`; a class with other options has a server of its own."""

    spooled: World
    spooled_options: ClassVar[dict[str, Any]] = {"seed": 1}
    _servers: ClassVar[list[tuple[dict[str, Any], Server]]] = []

    def setUp(self) -> None:
        super().setUp()
        self.spooled = self._server().fork(self.id()[-NAME_CHARS_MAX:])
        self.addCleanup(self.spooled.close)

    @classmethod
    def _server(cls) -> Server:
        for options, server in SpooledTestCase._servers:
            if options == cls.spooled_options:
                return server.start()
        server = Server(**cls.spooled_options).start()  # it is closed when the process ends
        SpooledTestCase._servers.append((dict(cls.spooled_options), server))
        return server
