"""What the server refuses arrives as the official client's own errors."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from spooled.client import SpooledClient
from spooled.errors import (
    AuthenticationError,
    AuthorizationError,
    NotFoundError,
    PayloadTooLargeError,
    QuotaExceededError,
    RateLimitError,
    ValidationError,
)

from tests.sdk.driven import a_client
from tests.sdk.test_jobs import create
from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow

PAYLOAD_BYTES_MAX = 1_048_576


@contextmanager
def stopped(server: ServerProcess) -> Iterator[None]:
    """The file belongs to nobody meanwhile."""
    assert server.stop() == 0
    yield
    server.start()


def issue_key(server: ServerProcess, *options: str) -> str:
    command = [sys.executable, "-m", "spooled_lite", "keys", "create", *options]
    done = subprocess.run(
        [*command, "--database", server.database], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def ask_often(client: SpooledClient) -> None:
    """Often enough for a limit of three, even if a minute turns in between."""
    for _ in range(8):
        client.queues.list()


def test_an_unknown_job_is_not_found(client: SpooledClient) -> None:
    for call in (client.jobs.get, client.jobs.cancel, client.jobs.retry, client.jobs.history):
        with pytest.raises(NotFoundError) as refused:
            call("no-such-job")
        assert (refused.value.code, refused.value.status_code) == ("NOT_FOUND", 404)
        assert refused.value.request_id


def test_a_broken_rule_names_its_field(client: SpooledClient) -> None:
    with pytest.raises(ValidationError) as refused:
        create(client, "no spaces allowed")

    error = refused.value
    assert (error.code, error.status_code) == ("VALIDATION_ERROR", 400)
    assert isinstance(error.details, list)
    assert error.details[0]["field"] == "queue_name"


def test_a_missing_field_is_a_validation_error_of_its_own_status(
    client: SpooledClient, queue: str
) -> None:
    # A payload of null is left out by the client.
    with pytest.raises(ValidationError) as refused:
        create(client, queue, payload=None)

    assert (refused.value.code, refused.value.status_code) == ("VALIDATION_ERROR", 422)
    assert isinstance(refused.value.details, list)
    assert refused.value.details[0]["field"] == "payload"


def test_a_payload_over_the_limit_is_too_large(client: SpooledClient, queue: str) -> None:
    fits = "x" * (PAYLOAD_BYTES_MAX - 2)

    create(client, queue, payload=fits)
    with pytest.raises(PayloadTooLargeError) as refused:
        create(client, queue, payload=fits + "x")

    assert refused.value.code == "PAYLOAD_TOO_LARGE"


def test_a_wrong_key_does_not_get_in(server: ServerProcess, kind: str) -> None:
    with (
        a_client(kind, server.url, "sk_test_of_nobody_at_all_00") as client,
        pytest.raises(AuthenticationError) as refused,
    ):
        client.jobs.list()

    assert refused.value.code == "UNAUTHORIZED"


def test_a_key_of_some_queues_sees_no_other(own_server: ServerProcess, kind: str) -> None:
    with a_client(kind, own_server.url) as client:
        hidden = create(client, "secret")
    with stopped(own_server):
        key = issue_key(own_server, "--queue", "mail")

    with a_client(kind, own_server.url, key) as client:
        create(client, "mail")
        with pytest.raises(AuthorizationError) as refused:
            create(client, "secret")
        with pytest.raises(NotFoundError):
            client.jobs.get(hidden)
        assert [job.queue_name for job in client.jobs.list()] == ["mail"]

    assert refused.value.code == "ACCESS_DENIED"


def test_a_key_that_asks_too_often_is_told_when_to_come_back(
    own_server: ServerProcess, kind: str
) -> None:
    with stopped(own_server):
        key = issue_key(own_server, "--rate-limit", "3")

    with a_client(kind, own_server.url, key) as client:
        with pytest.raises(RateLimitError) as refused:
            ask_often(client)
        state = client.rate_limit

    error = refused.value
    assert not isinstance(error, QuotaExceededError)
    assert (error.code, error.limit, error.remaining) == ("RATE_LIMIT_EXCEEDED", 3, 0)
    assert 1 <= error.retry_after <= 60
    assert error.reset is not None
    assert error.reset - datetime.now(UTC) <= timedelta(seconds=61)
    assert error.scope
    assert state is not None
    assert (state.limit, state.remaining) == (3, 0)


def test_a_quota_tells_what_is_used_up(own_server: ServerProcess, kind: str) -> None:
    with stopped(own_server), closing(sqlite3.connect(own_server.database)) as connection:
        limits = json.dumps({"max_active_jobs": 2}).encode()
        connection.execute("UPDATE organizations SET custom_limits = ?", (limits,))
        connection.commit()

    with a_client(kind, own_server.url) as client:
        create(client, "mail")
        create(client, "mail")
        with pytest.raises(QuotaExceededError, match="limit reached") as refused:
            create(client, "mail")

    error = refused.value
    assert (error.resource, error.current, error.limit) == ("active_jobs", 2, 2)
    assert error.plan == "enterprise"
    assert not error.is_retryable()
