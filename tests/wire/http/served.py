"""The real application over a file of its own, in process, at a time that stands still."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self

import httpx
from msgspec import structs

from spooled_lite.app import running
from spooled_lite.background.supervisor import Supervise, run_loops
from spooled_lite.clock import ManualClock
from spooled_lite.config import Settings
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.records import IssuedKey, NewKey
from spooled_lite.core.orgs.create import create, find_first
from spooled_lite.ids import Ids
from spooled_lite.storage.transaction import Reading, Tx
from spooled_lite.wire.http.application import Application
from spooled_lite.wire.http.dispatch import Row
from tests.factories import a_key, an_org
from tests.wire.http.conformance import assert_documented

NOW_MS: Final = 1_800_000_000_000  # 2027-01-15T08:00:00Z
BASE_URL: Final = "http://spooled.test"
ANSWER_SECONDS_MAX: Final = (
    120.0  # of one call: an answer that does not end is a failure and no hang
)


class Served:
    """What an API test holds. `client` sends the key; `bare` sends no credential."""

    def __init__(
        self, app: Application, clock: ManualClock, org: int, org_id: str, key: str
    ) -> None:
        self.services = app.services
        self.db = app.services.db
        self.clock = clock
        self.org = org
        self.org_id = org_id
        self.key = key
        self.use(app)

    def use(self, app: Application) -> None:
        """Put another application in front of the same parts."""
        self.app = app
        self.client = self.client_with(self.key)
        self.bare = httpx.AsyncClient(transport=self._transport(), base_url=BASE_URL)

    def client_with(self, key: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=self._transport(),
            base_url=BASE_URL,
            headers={"Authorization": f"Bearer {key}"},
        )

    async def issue(self, org: int | None = None, **fields: Any) -> IssuedKey:
        """Another key, of the same organization unless told otherwise."""
        key: NewKey = a_key(**fields)
        return await self.db.write(issue, self.org if org is None else org, key, is_live=False)

    async def other_org(self, **fields: Any) -> tuple[int, str]:
        """Another organization, and a key of it."""
        row = await self.db.write(create, an_org(**{"slug": "other", **fields}))
        issued = await self.issue(row["seq"])
        return row["seq"], issued.secret

    def _transport(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(app=self.app)


@asynccontextmanager
async def serving(
    path: str,
    settings: Settings,
    *,
    rows: Sequence[Row] | None = None,
    ids: Ids | None = None,
    supervise: Supervise = run_loops,
) -> AsyncIterator[Served]:
    """Everything but the listeners. `rows`: other routes than the real ones."""
    clock = ManualClock(NOW_MS)
    file = structs.replace(settings, database=path)
    async with running(file, clock=clock, ids=ids, supervise=supervise) as it:
        services, key = it.services, it.key
        if key is None:  # the file is not new
            key = (await services.db.write(_another_key)).secret
        org = await services.db.readers.read(_first_org)
        app = it.application if rows is None else Application(services, rows)
        yield Served(app, clock, org, it.organization_id, key)


def _first_org(tx: Reading) -> int:
    row = find_first(tx)
    assert row is not None, "the first start made one"
    seq: int = row["seq"]
    return seq


def _another_key(tx: Tx) -> IssuedKey:
    return issue(tx, _first_org(tx), a_key(), is_live=False)


class Api:
    """The same for tests that are written without await: one call after the other.

    Every answer of the real routes is held against the OpenAPI document.
    """

    def __init__(
        self,
        path: str,
        settings: Settings,
        rows: Sequence[Row] | None = None,
        *,
        ids: Ids | None = None,
        supervise: Supervise = run_loops,
    ) -> None:
        self._runner = asyncio.Runner()
        self._context = serving(path, settings, rows=rows, ids=ids, supervise=supervise)
        self._has_real_routes = rows is None

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self.served = self._runner.run(self._context.__aenter__())
        self.clock, self.org, self.key = self.served.clock, self.served.org, self.served.key
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self._context.__aexit__(None, None, None))
        self._runner.__exit__(kind, error, trace)

    def request(
        self, method: str, path: str, *, key: str | None = "the key", **more: Any
    ) -> httpx.Response:
        """A path that does not begin with a slash is one below /api/v1. `key` None: none."""
        return self._runner.run(self._request(method, path, key, more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def put(self, path: str, **more: Any) -> httpx.Response:
        return self.request("PUT", path, **more)

    def delete(self, path: str, **more: Any) -> httpx.Response:
        return self.request("DELETE", path, **more)

    def issue(self, org: int | None = None, **fields: Any) -> str:
        """The secret of another key."""
        return self._runner.run(self.served.issue(org, **fields)).secret

    def other_org(self, **fields: Any) -> str:
        """The key of another organization."""
        return self._runner.run(self.served.other_org(**fields))[1]

    def write(self, operation: Any, *args: Any) -> Any:
        return self._runner.run(self._write(operation, args))

    async def _write(self, operation: Any, args: Any) -> Any:
        return await self.served.db.write(operation, *args)

    async def _request(
        self, method: str, path: str, key: str | None, more: dict[str, Any]
    ) -> httpx.Response:
        url = path if path.startswith("/") else f"/api/v1/{path}"
        if key == "the key":
            key = self.key
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        headers.update(more.pop("headers", {}))
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            answer = await self.served.bare.request(method, url, headers=headers, **more)
        if self._has_real_routes:
            assert_documented(answer)
        return answer
