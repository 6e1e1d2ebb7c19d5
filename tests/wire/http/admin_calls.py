"""The application with an admin key, and calls with it in short."""

from collections.abc import Iterator
from typing import Any, Final

import httpx

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi

ADMIN_KEY: Final = "an admin key of the tests"


class AdminApi(WatchedApi):
    def __init__(self, **settings: Any) -> None:
        super().__init__(":memory:", Settings(**{"admin_key": ADMIN_KEY, **settings}))

    def admin(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A path below /api/v1/admin, with the admin key and no other credential."""
        headers = {"X-Admin-Key": ADMIN_KEY, **more.pop("headers", {})}
        return self.request(method, f"admin/{path}", key=None, headers=headers, **more)

    def seen(self, path: str) -> Any:
        """What the administrator is shown."""
        answer = self.admin("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def made(self, name: str = "Acme", slug: str = "acme", **fields: Any) -> dict[str, Any]:
        """A new organization as its maker is told of it."""
        answer = self.admin("POST", "organizations", json={"name": name, "slug": slug, **fields})
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def changed(self, org_id: str, **fields: Any) -> dict[str, Any]:
        answer = self.admin("PATCH", f"organizations/{org_id}", json=fields)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


def an_admin_api(**settings: Any) -> Iterator[AdminApi]:
    """The body of the fixtures that hand one out."""
    with AdminApi(**settings) as api:
        yield api
