"""The lines of log about refused credentials."""

import logging

import pytest

from spooled_lite.wire.refused import (
    INTERVAL_SECONDS,
    LINES_MAX,
    LINES_PER_ADDRESS_MAX,
    RefusedCredentials,
)


class Now:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_an_address_gets_a_few_lines_in_an_interval_and_the_rest_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = Now()
    refused = RefusedCredentials(now)

    with caplog.at_level(logging.INFO):
        for _ in range(10_000):
            refused.note("192.0.2.1", "POST /api/v1/jobs", "UNAUTHORIZED")
        many = len(caplog.messages)
        refused.note("192.0.2.2", "GET /api/v1/queues", "UNAUTHORIZED")
        now.seconds += INTERVAL_SECONDS
        refused.note("192.0.2.1", "POST /api/v1/jobs", "UNAUTHORIZED")

    assert many == LINES_PER_ADDRESS_MAX
    assert caplog.messages[0] == (
        "refused a credential from 192.0.2.1 at POST /api/v1/jobs: UNAUTHORIZED"
    )
    assert caplog.messages[-2].endswith(f"; {10_000 - LINES_PER_ADDRESS_MAX} more are not listed")
    assert caplog.messages[-1].endswith("at POST /api/v1/jobs: UNAUTHORIZED")


def test_all_addresses_together_have_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    refused = RefusedCredentials(Now())

    with caplog.at_level(logging.INFO):
        for n in range(10_000):
            refused.note(f"192.0.{n // 250}.{n % 250}", "GET /api/v1/jobs", "UNAUTHORIZED")

    assert len(caplog.messages) == LINES_MAX
