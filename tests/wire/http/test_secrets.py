"""No key, token, code or password in a log line, a refusal, a metric, an address or the file."""

import io
import logging
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from spooled_lite.config import Settings
from spooled_lite.logs import set_up_logging
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.routes import ROUTES
from tests.server_process import API_KEY, ServerProcess
from tests.wire.http.access_table import ACCESS, STREAMS, WITH_KEY, Home, WholeFileApi
from tests.wire.http.admin_calls import ADMIN_KEY
from tests.wire.http.sign_in_calls import sign_in_body
from tests.wire.http.webhook_calls import A_WEBHOOK

# But those whose answers do not end: tests/wire/realtime and live look at what they say and log.
NAMES: Final = [name for row in ROUTES if (name := f"{row[0]} {row[1]}") not in STREAMS]
SETTINGS: Final = {
    "metrics_token": "metrics-token-0123456789",
    "jwt_secret": "signs-what-the-server-says-0123456789",
    "smtp_password": "password-of-the-mail-server",
    "github_webhook_secret": "shared-with-the-first-provider",
    "stripe_webhook_secret": "shared-with-the-second-provider",
}
WEBHOOK_SECRET: Final = "signs-what-is-sent-at-completion"
# Fields whose value is one, in a request or an answer.
SECRET_FIELDS: Final = frozenset(
    (
        "key",
        "api_key",
        "access_token",
        "refresh_token",
        "signup_token",
        "token",
        "webhook_token",
        "secret",
    )
)
NEEDS_NO_KEY: Final = (Access.PUBLIC, Access.NONE, Access.HOOK_TOKEN, Access.SIGNATURE)
OF_A_STEP: Final = ("queue_name", "job_id", "deps")  # where `key` is the name of a step
REMOVES: Final = [name for name in NAMES if re.match(r"DELETE .*/organizations/{id}$", name)]
# These give one away: it is what they are for, and nobody else is told.
SHOW_ONE: Final = frozenset(
    {
        "POST /api/v1/auth/login",
        "POST /api/v1/auth/link",
        "POST /api/v1/auth/refresh",
        "POST /api/v1/auth/email/verify",
        "POST /api/v1/auth/signup/complete",
        "POST /api/v1/organizations",
        "GET /api/v1/organizations/webhook-token",
        "POST /api/v1/organizations/webhook-token/regenerate",
        "GET /api/v1/organizations/{id}/webhook-token",
        "POST /api/v1/organizations/{id}/webhook-token/regenerate",
        "POST /api/v1/organizations/{id}/api-keys",
        "POST /api/v1/api-keys",
        "POST /api/v1/api-keys/{id}/regenerate",
        "POST /api/v1/realtime/tokens",
        "POST /api/v1/admin/organizations",
        "POST /api/v1/admin/organizations/{id}/api-keys",
        "GET /api/v1/admin/export",
    }
)


class Lines(logging.Handler):
    """Every line as it was meant, before anything in it is masked, and as it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = io.StringIO()
        self.meant: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.meant.append(logging.Formatter().format(record))


@pytest.fixture
def lines() -> Iterator[Lines]:
    root, chatty = logging.getLogger(), ("aiosqlite", "asyncio", "httpcore", "httpx")
    before = root.handlers[:], root.level, [logging.getLogger(name).level for name in chatty]
    it = Lines()
    set_up_logging(Settings(log_level="debug"), stream=it.written)
    root.addHandler(it)
    yield it
    root.handlers[:], root.level = before[0], before[1]
    for name, level in zip(chatty, before[2], strict=True):
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def api(tmp_path: Path, lines: Lines) -> Iterator[WholeFileApi]:
    # Nobody listens there: a mail that cannot be sent leaves a line as well.
    mail: dict[str, Any] = {"smtp_host": "127.0.0.1", "smtp_port": 1, "smtp_username": "me"}
    sender = {"smtp_from": "spooled@example.com"}
    with WholeFileApi(str(tmp_path / "spooled.db"), **SETTINGS, **mail, **sender) as it:
        yield it


class Told:
    """Calls, and every secret that was in one of them or in its answer."""

    def __init__(self, api: WholeFileApi) -> None:
        self.api = api
        self.secrets = {ADMIN_KEY, api.key, WEBHOOK_SECRET, *SETTINGS.values()}
        self.answers: list[tuple[str, httpx.Response]] = []

    def call(self, name: str, home: Home) -> httpx.Response:
        method, path = name.split()
        headers, key = {}, home.key
        body: Any = None
        if path.endswith("/email/start"):  # whoever just got a code gets no other
            body = {"email": "nobody@example.com"}
        elif path.startswith("/api/v1/auth/") and ACCESS[name] is Access.PUBLIC:
            body = sign_in_body(self.api, path) if method == "POST" else None
            path += "?email=ada@example.com"
        elif "{" in path and ACCESS[name] in NEEDS_NO_KEY:
            path = re.sub(r"\{\w+\}", "something", path)
        else:
            target = self.api.target(name, home)
            path, body = target.path, target.body
        if name == "POST /api/v1/jobs":
            hook = {"completion_webhook": "https://firm.example/done"}
            body = {**body, **hook, "completion_webhook_secret": WEBHOOK_SECRET}
        if ACCESS[name] is Access.ADMIN:
            headers["X-Admin-Key"] = ADMIN_KEY
        if ACCESS[name] in (Access.METRICS, Access.OWN_METRICS):
            key = SETTINGS["metrics_token"]
        self.learn(body)
        answer = self.api.request(method, path, key=key, json=body, headers=headers)
        self.answers.append((name, answer))
        is_json = answer.headers.get("content-type") == "application/json"
        if is_json and "openapi" not in name:  # that has examples
            self.learn(answer.json())
        return answer

    def learn(self, value: Any) -> None:
        if isinstance(value, list):
            for each in value:
                self.learn(each)
        if isinstance(value, dict):
            for name, each in value.items():
                is_one = name in SECRET_FIELDS or (name == "code" and str(each).isdigit())
                is_a_name = name == "key" and not value.keys().isdisjoint(OF_A_STEP)
                if is_one and not is_a_name and isinstance(each, str):
                    self.secrets.add(each)
                self.learn(each)

    def found_in(self, text: str) -> set[str]:
        maybe = {secret for secret in self.secrets if secret in text}
        return {secret for secret in maybe if re.search(rf"\b{re.escape(secret)}\b", text)}


@pytest.fixture
def told(api: WholeFileApi) -> Told:
    """Every route was called once."""
    it, home = Told(api), api.another_home("home")
    short_lived = {name: api.another_home(f"home-{n}") for n, name in enumerate(REMOVES)}
    it.secrets |= {each.key for each in (home, *short_lived.values())}
    for name in NAMES:
        it.call(name, short_lived.get(name, home))
    assert {name for name, answer in it.answers if answer.is_success} >= SHOW_ONE
    assert len(it.secrets) > 2 * len(SHOW_ONE)
    return it


def test_no_line_of_the_log_holds_one(told: Told, lines: Lines) -> None:
    written, meant = lines.written.getvalue(), "\n".join(lines.meant)

    assert len(lines.meant) > len(NAMES)
    assert told.found_in(written) == set()
    assert told.found_in(meant) == set()  # masking is a net, not the rule


def test_only_what_gives_one_away_shows_one(told: Told) -> None:
    shown = {
        name: told.found_in(f"{answer.text} {answer.headers}")
        for name, answer in told.answers
        if name not in SHOW_ONE
    }

    assert {name: secrets for name, secrets in shown.items() if secrets} == {}


def test_no_address_holds_one(told: Told) -> None:
    for name, answer in told.answers:
        for address in re.findall(r"https?://[^\s\"<>]+", answer.text):
            assert told.found_in(address) == set(), name
            assert urlsplit(address).password is None
        assert "location" not in answer.headers, name


def test_no_metric_holds_one(told: Told) -> None:
    texts = {name: answer.text for name, answer in told.answers if "/metrics" in name}

    assert len(texts) == 3
    for text in texts.values():
        assert told.found_in(text) == set()
        for organization in told.api.state()["organizations"]:
            assert organization["id"] not in text


def test_no_key_token_or_code_is_in_the_file(told: Told) -> None:
    stored = {row["webhook_token"] for row in told.api.state()["organizations"]}
    stored |= {row["secret"] for row in told.api.state()["webhooks"]} - {None}
    used_later = stored | {WEBHOOK_SECRET, A_WEBHOOK["secret"]}  # shown again, or sent with

    assert told.found_in(str(told.api.state())) <= used_later


# -- where one should not have been --------------------------------------------------------------


@pytest.mark.parametrize("as_what", ["text", "list", "number", "field", "broken"])
def test_a_refusal_of_a_body_does_not_repeat_it(
    api: WholeFileApi, lines: Lines, as_what: str
) -> None:
    secret = api.key
    fields = ("name", "slug", "api_key", "refresh_token", "token", "code", "email", "queue_name",
              "queues", "permissions", "worker_id", "lease_id", "settings", "job_ids")  # fmt: skip
    ways: dict[str, dict[str, Any]] = {
        "text": {"json": secret},
        "list": {"json": {field: [[secret]] for field in fields}},
        "number": {"json": {field: {secret: 1} for field in fields}},
        "field": {"json": dict.fromkeys(fields, f"{secret} {secret}")},
        "broken": {"content": f'{{"name": "{secret}'.encode()},
    }

    for name in NAMES:
        method, path = name.split()
        path = re.sub(r"\{\w+\}", "x", path)
        answer = api.request(method, path, headers={"X-Admin-Key": ADMIN_KEY}, **ways[as_what])
        if answer.status_code >= 400:
            assert secret not in answer.text, name
        assert answer.status_code < 500, name

    assert secret not in "\n".join(lines.meant)


def test_nothing_of_a_query_is_repeated(api: WholeFileApi, lines: Lines) -> None:
    # The second has no form by which a line could be masked.
    for secret in (api.key, SETTINGS["metrics_token"]):
        query = f"token={secret}&api_key={secret}&limit={secret}&ids={secret}"
        for name in NAMES:
            method, path = name.split()
            answer = api.request(method, re.sub(r"\{\w+\}", "x", path), params=query)
            if answer.status_code >= 400:
                assert secret not in answer.text, name

    assert len(lines.meant) > len(NAMES)
    for secret in (api.key, SETTINGS["metrics_token"]):
        assert secret not in "\n".join(lines.meant)


def test_a_key_in_a_path_is_masked_and_not_answered(api: WholeFileApi, lines: Lines) -> None:
    access = sign_in_body(api, "/api/v1/auth/validate")["token"]
    secrets = (api.key, access, "whk_" + "A" * 43)

    for secret in secrets:
        for name in WITH_KEY:
            method, path = name.split()
            answer = api.request(method, re.sub(r"\{\w+\}", secret, path))
            if answer.status_code >= 400:
                assert secret not in answer.text, name

    for secret in secrets:
        assert secret not in lines.written.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("json_logs", ["false", "true"])
def test_the_server_says_none_whatever_comes_in(tmp_path: Path, json_logs: str) -> None:
    settings = {"log_level": "debug", "json_logs": json_logs, "admin_key": ADMIN_KEY, **SETTINGS}
    with ServerProcess(tmp_path, **settings) as process:
        process.start()
        bearer = {"Authorization": f"Bearer {API_KEY}"}
        with httpx.Client(base_url=process.url, headers=bearer) as client:
            tokens = client.post("/api/v1/auth/login", json={"api_key": API_KEY}).json()
            wanted = {
                *SETTINGS.values(), API_KEY, ADMIN_KEY,
                tokens["access_token"], tokens["refresh_token"],
            }  # fmt: skip
            for row in ROUTES:
                path = re.sub(r"\{\w+\}", API_KEY, row[1])
                url, body = f"{path}?token={API_KEY}", {"name": API_KEY}
                with client.stream(row[0], url, json=body):
                    pass  # some answers do not end
            with_admin = {"X-Admin-Key": ADMIN_KEY, "X-Request-Id": f"Bearer {ADMIN_KEY}"}
            assert client.get("/api/v1/admin/stats", headers=with_admin).is_success
        said = [raw(process.url, request) for request in malformed(API_KEY)]
        assert process.stop() == 0, process.log

    assert "/api/v1/jobs" in process.log
    for secret in wanted:
        assert secret not in process.log
        assert all(secret.encode() not in answer for answer in said)


def malformed(secret: str) -> list[bytes]:
    return [
        f"GET /{secret} HTTP/9.9\r\n\r\n".encode(),
        f"{secret} / HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        f"GET / HTTP/1.1\r\nAuthorization Bearer {secret}\r\n\r\n".encode(),
        f"POST /api/v1/jobs HTTP/1.1\r\nContent-Length: {secret}\r\n\r\n".encode(),
        f"GET / HTTP/1.1\r\nAuthorization: {secret * 2000}\r\n\r\n".encode(),
    ]


def raw(url: str, request: bytes) -> bytes:
    """What the server says before it closes the connection."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port or 80), timeout=10) as it:
        it.sendall(request)
        it.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := it.recv(65_536):
                answer += piece
        except ConnectionResetError:  # what was left of the request is thrown away
            pass
        return answer
