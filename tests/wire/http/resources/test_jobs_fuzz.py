"""Whatever is sent, on any route: no 5xx, always the envelope; a refusal changes nothing.

Streams have tests of their own (tests/wire/realtime): what they answer does not end.
"""

import json
from typing import Any, Final
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spooled_lite.config import Settings
from spooled_lite.wire.http.routes import ROUTES, STREAMS
from tests.wire.http.job_calls import WatchedApi

# Names that mean something somewhere. Not `wait_ms`: some values would really wait.
FIELDS: Final = (
    "queue_name", "queue", "name", "payload", "priority", "max_retries", "timeout_seconds",
    "scheduled_at", "scheduled_for", "delay_seconds", "expires_at", "idempotency_key", "tags",
    "parent_job_id", "completion_webhook", "completion_webhook_secret", "jobs", "job_ids",
    "default_priority", "worker_id", "limit", "lease_duration_secs", "lease_id", "result", "error",
    "reason", "no_retry", "extension_secs", "extension_seconds", "progress", "message", "confirm",
    "older_than", "depends_on", "dependency_mode", "dependency_type", "rate_limit", "enabled",
    "settings", "max_concurrency", "backoff_base_seconds", "backoff_multiplier", "description",
    "retry_delay_seconds", "hostname", "queue_names", "metadata", "current_jobs", "status",
    "version", "worker_type", "job_type",
)  # fmt: skip
PARAMETERS: Final = (
    "limit", "offset", "status", "q", "job_type", "created_after", "created_before", "tag",
    "order_by", "order_dir", "queue", "queue_name", "workflow_id", "ids", "include", "delete_jobs",
    "cursor",
)  # fmt: skip
WORDS: Final = (
    "", "a", "emails", "\x00", "\ud800", "\U0001f600", "é", "..", "%", "%00", "' OR 1=1 --", "*",
    "2027-01-15T08:00:00Z", "0001-01-01T00:00:00", "9999-12-31T23:59:59-23:59", "completed_at",
    "created_at", "asc", "any", "history", "deadletter,failed", "http://localhost/x", "x" * 300,
    "true", "null", "1e999", "-1", "99999999999999999999", "0123abcd", "w-1",
)  # fmt: skip
PHP_TIME: Final = {"date": "2027-01-15 08:00:00.000000", "timezone": "Europe/Berlin"}

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from((0, 1, 5, -1, 100, 101, 3600, 2**31, 2**53, 2**63, 2**64, 10**40, -(2**63))),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(WORDS),
    st.text(max_size=8),
    st.just(PHP_TIME),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=4)), inner, max_size=5),
    ),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(FIELDS), values, max_size=8)
likely = st.builds(
    lambda some, more: {**more, **some},
    objects,
    st.sampled_from(
        (
            {"queue": "emails", "payload": {"job_type": "a"}},
            {"queue": "emails", "jobs": [{"payload": 1}, {"payload": 2, "tags": ["a"]}]},
            {"queue_name": "emails", "worker_id": "w-1", "limit": 3},
            {"error": "e"},
            {"progress": 1, "lease_id": "x"},
            {"confirm": True, "older_than": "2027-01-15T08:00:00Z"},
            {"name": "emails", "queue_name": "emails", "hostname": "h"},
        )
    ),
)
NO_BODIES: Final = (b"", b"[]", b"{", b"[" * 200, b'{"a":' * 150, b'{"payload":1e999,"queue":"a"}')
bodies = st.one_of(
    st.builds(lambda value: json.dumps(value).encode(), st.one_of(likely, objects, values)),
    st.builds(
        lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"), likely
    ),
    st.binary(max_size=40),
    st.sampled_from(NO_BODIES),
)
segments = st.one_of(st.sampled_from(("emails", "w-1", "a job")), st.binary(min_size=1, max_size=8))
queries = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(PARAMETERS), st.text(max_size=4)),
        st.one_of(st.sampled_from(WORDS), st.integers().map(str), st.text(max_size=8)),
    ),
    max_size=4,
)
headers = st.dictionaries(
    st.sampled_from(("Idempotency-Key", "Content-Type", "X-API-Version", "X-Request-Id")),
    st.sampled_from((b"a", b"\xff\xe9", b"x" * 300, b"text/plain", b"1")),
    max_size=2,
)
answered = [row for row in ROUTES if row not in STREAMS]
calls = st.tuples(st.sampled_from(answered), segments, queries, bodies, headers)


def url(path: str, segment: bytes, query: list[tuple[str, str]]) -> str:
    spelled = "/".join(
        quote(segment, safe="") if part.startswith("{") else part for part in path.split("/")
    )
    pairs = "&".join(f"{quoted(name)}={quoted(value)}" for name, value in query)
    return f"{spelled}?{pairs}"


def quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def send_anything(examples: int, *, derandomize: bool) -> None:
    with WatchedApi(":memory:", Settings()) as api:
        job_ids = [api.enqueue()["id"], api.claimed()["id"], api.dead()["id"]]

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=derandomize,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(calls, st.integers(0, len(job_ids) - 1))
        def one(call: Any, which: int) -> None:
            (method, path, *_), segment, query, body, given_headers = call
            segment = job_ids[which] if segment == "a job" else segment
            raw = segment.encode() if isinstance(segment, str) else segment
            content = {} if method in ("GET", "DELETE") else {"content": body}
            api.come_to_rest()

            answer = api.request(method, url(path, raw, query), headers=given_headers, **content)

            assert answer.status_code < 500, answer.text
            assert answer.status_code != 408
            if answer.status_code == 204:
                assert answer.content == b""
            elif answer.headers["content-type"].startswith("application/json"):
                json.loads(answer.content)
            else:  # a page, or metrics: errors are always JSON
                assert answer.status_code < 400, answer.text

        one()


def test_nothing_that_is_sent_is_an_internal_error() -> None:
    send_anything(600, derandomize=True)


@pytest.mark.long
def test_nothing_that_is_sent_for_long_is_an_internal_error() -> None:
    send_anything(20_000, derandomize=False)
