"""Webhooks as GitHub, Stripe and others send them."""

import hashlib
import hmac
import json
from typing import Any, Final

import httpx

from spooled_lite.config import Settings
from tests.wire.http.admin_calls import ADMIN_KEY
from tests.wire.http.job_calls import WatchedApi

GITHUB_SECRET: Final = "gh-secret-0123456789"
STRIPE_SECRET: Final = "whsec_0123456789abcdef"
SECRETS: Final = {
    "github_webhook_secret": GITHUB_SECRET,
    "stripe_webhook_secret": STRIPE_SECRET,
}
PUSH: Final = b'{"action":"opened"}'
PAID: Final = b'{"id":"evt_1","type":"invoice.paid","data":{"object":{"id":"in_1"}}}'
ORDER: Final[dict[str, Any]] = {"queue_name": "orders", "payload": {"order": 7}}
HTTPS: Final = {"X-Forwarded-Proto": "https"}
FAILED: Final = (401, "AUTHENTICATION_FAILED")
BAD: Final = (400, "BAD_REQUEST")
TOO_LARGE: Final = (413, "PAYLOAD_TOO_LARGE")
PROVIDERS: Final = ("github", "stripe", "custom")
ORDER_BODY: Final = json.dumps(ORDER).encode()
BODIES: Final = {"github": PUSH, "stripe": PAID, "custom": ORDER_BODY}


def hmac_hex(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def github_headers(body: bytes, secret: str = GITHUB_SECRET, **more: str) -> dict[str, str]:
    """`event` and `delivery` are those headers of GitHub."""
    names = {"event": "X-GitHub-Event", "delivery": "X-GitHub-Delivery", "token": "X-Webhook-Token"}
    return {
        "X-Hub-Signature-256": f"sha256={hmac_hex(secret, body)}",
        **{names[name]: value for name, value in more.items()},
    }


def stripe_headers(body: bytes, at_seconds: int, secret: str = STRIPE_SECRET) -> dict[str, str]:
    signature = hmac_hex(secret, f"{at_seconds}.".encode() + body)
    return {"Stripe-Signature": f"t={at_seconds},v1={signature}"}


class IngestApi(WatchedApi):
    """`token` is the webhook token; the providers' secrets are the server's."""

    def __init__(self, path: str = ":memory:", **settings: Any) -> None:
        super().__init__(path, Settings(**{**SECRETS, **settings}))

    def __enter__(self) -> "IngestApi":
        super().__enter__()
        self.org_id = self.served.org_id
        self.token = self.get("organizations/webhook-token").json()["token"]
        return self

    @property
    def now_seconds(self) -> int:
        return self.clock.now_ms() // 1000

    def send(
        self, provider: str, body: bytes, headers: Any = None, *, org_id: str | None = None
    ) -> httpx.Response:
        """Without the credential that other calls show."""
        path = f"webhooks/{org_id or self.org_id}/{provider}"
        return self.request("POST", path, key=None, content=body, headers=headers or {})

    def github(self, body: bytes = PUSH, **more: str) -> httpx.Response:
        return self.send("github", body, github_headers(body, **more))

    def stripe(self, body: bytes = PAID, *, age_seconds: int = 0) -> httpx.Response:
        return self.send("stripe", body, stripe_headers(body, self.now_seconds - age_seconds))

    def custom(self, **fields: Any) -> httpx.Response:
        body = json.dumps({**ORDER, **fields}).encode()
        return self.send("custom", body, {"X-Webhook-Token": self.token})

    def settings(self, **members: Any) -> dict[str, Any]:
        """Change the settings of the organization; what is shown of them afterwards."""
        path = f"organizations/{self.org_id}"
        shown: dict[str, Any] = self.shown("PUT", path, json={"settings": members})["settings"]
        return shown

    def log(self, query: str = "", **more: Any) -> list[dict[str, Any]]:
        answer = self.get(f"webhooks/deliveries{query}", **more)
        assert answer.status_code == 200, answer.text
        entries: list[dict[str, Any]] = answer.json()
        return entries

    def jobs(self) -> int:
        count: int = self.row("SELECT count(*) FROM jobs")[0]
        return count

    def payload(self, job_id: str) -> bytes:
        """As it is stored, byte for byte."""
        stored: bytes = self.row("SELECT payload FROM jobs WHERE id = :id", id=job_id)[0]
        return stored


def an_ingest_call(path: str, api: WatchedApi) -> tuple[str, bytes, dict[str, str]]:
    """Path, body and headers of a call of this route that succeeds."""
    path = path.replace("{org_id}", api.served.org_id)
    provider = path.rpartition("/")[2]
    if provider == "custom":
        token = api.get("organizations/webhook-token").json()["token"]
        return path, json.dumps(ORDER).encode(), {"X-Webhook-Token": token}
    api.shown("PUT", f"organizations/{api.served.org_id}", json={"settings": SECRETS})
    if provider == "github":
        return path, PUSH, github_headers(PUSH)
    return path, PAID, stripe_headers(PAID, api.clock.now_ms() // 1000)


def proof(api: IngestApi, provider: str, body: bytes) -> dict[str, str]:
    """The headers that show who sends these bytes."""
    if provider == "github":
        return github_headers(body, event="push")
    if provider == "stripe":
        return stripe_headers(body, api.now_seconds)
    return {"X-Webhook-Token": api.token}


def sent(api: IngestApi, provider: str, body: bytes, **more: Any) -> httpx.Response:
    """Signed, or with the token."""
    headers = {**proof(api, provider, body), **more.pop("headers", {})}
    return api.send(provider, body, headers, **more)


def suspend(api: IngestApi, **changes: Any) -> None:
    path, admin = f"admin/organizations/{api.org_id}", {"X-Admin-Key": ADMIN_KEY}
    api.shown("PATCH", path, json=changes or {"is_active": False}, key=None, headers=admin)
