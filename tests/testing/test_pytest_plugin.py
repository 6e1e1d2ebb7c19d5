"""The pytest plugin and the unittest class, each in a run of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from spooled_lite.testing import Server

SECONDS_MAX: Final = 90
ENVIRON: Final = {k: v for k, v in os.environ.items() if not k.startswith(("SPOOLED", "PYTEST"))}
PLUGIN: Final = ("-p", "spooled_lite.pytest_plugin", "-p", "no:schemathesis", "-p", "no:randomly")

TESTS = """
import pytest
from datetime import UTC, datetime

JOB = {"queue_name": "emails", "payload": {}}
NAMES = set()

@pytest.mark.parametrize("case", ["a/b", "zoë", "x" * 600])
def test_a_world_of_its_own(case, spooled, spooled_clock):
    NAMES.add(spooled.name)
    assert spooled.call("GET", "/jobs") == []
    spooled.call("POST", "/jobs", {**JOB, "delay_seconds": 60})
    assert [each["what"] for each in spooled_clock.advance("1m").happened] == ["job.promoted"]

def test_they_had_different_worlds(spooled_server):
    assert len(NAMES) == 3
    assert spooled_server.call("GET", "/test/forks") == {"forks": []}

@pytest.mark.spooled(at="2030-03-09T12:00:00Z")
def test_at_a_time(spooled):
    assert spooled.clock.now == datetime(2030, 3, 9, 12, tzinfo=UTC)

@pytest.mark.spooled(settings={"queue_default_max_retries": 7})
def test_with_settings(spooled):
    job = spooled.call("POST", "/jobs", JOB)
    assert spooled.call("GET", f"/jobs/{job['id']}")["max_retries"] == 7

def test_a_declined_card_is_tried_for_a_week(spooled, spooled_client, spooled_worker):
    attempts = []
    backoff = {
        "backoff_base_seconds": 3600, "backoff_multiplier": 4, "backoff_max_seconds": 400_000,
    }
    spooled.call("PUT", "/queues/charges/config", backoff)
    with spooled_worker("charges", lambda job: (attempts.append(spooled.clock.now), 1 / 0)):
        spooled_client.jobs.create({"queue_name": "charges", "payload": {}, "max_retries": 5})
        spooled.clock.advance("14d")
    assert [round((at - attempts[0]).total_seconds() / 3600) for at in attempts] == [
        0, 1, 5, 21, 85, 196,
    ]
"""

UNITTEST = """
import unittest
from spooled_lite.testing import SpooledTestCase

class Mails(SpooledTestCase):
    def test_one(self):
        self.spooled.call("POST", "/jobs", {"queue_name": "q", "payload": {}})
        self.assertEqual(len(self.spooled.call("GET", "/jobs")), 1)
        self.spooled.clock.advance("1d")

    def test_two(self):
        self.assertEqual(self.spooled.call("GET", "/jobs"), [])
        self.assertIn("test_two", self.spooled.name)
        self.assertEqual(self.spooled.clock.now.year, 2030)

unittest.main()
"""


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=ENVIRON | environ,
        capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
    )  # fmt: skip


def what_pytest_says(folder: Path, text: str, *flags: str, **environ: str) -> str:
    """What a run of pytest over this text says."""
    (folder / "test_it.py").write_text(text, encoding="utf-8")
    flags = ("-q", "--strict-markers", "-W", "error", "-p", "no:cacheprovider", *PLUGIN, *flags)
    return run(folder, "-m", "pytest", *flags, **environ).stdout


@pytest.mark.slow
def test_each_test_has_a_world_with_its_own_rows_and_time(tmp_path: Path) -> None:
    pytest.importorskip("spooled")

    assert "7 passed" in (said := what_pytest_says(tmp_path, TESTS)), said


@pytest.mark.slow
def test_tests_run_beside_each_other_and_on_a_server_that_is_there(tmp_path: Path) -> None:
    text = TESTS.partition("def test_they_had")[0]
    with Server(seed=3) as server:
        left = "test_it.py::test_a_world_of_its_own[a/b]"
        server.fork(left)  # by a run that was killed
        environ = {"SPOOLED_TEST_URL": server.url, "SPOOLED_TEST_KEY": server.api_key}
        assert "3 passed" in (said := what_pytest_says(tmp_path, text, "-n", "2", **environ)), said
        assert server.call("GET", "/test/forks") == {"forks": []}


@pytest.mark.slow
def test_what_the_marker_does_not_know_and_a_url_without_a_key_are_refused(tmp_path: Path) -> None:
    text = """
import pytest

@pytest.mark.spooled(att="2030-03-09T12:00:00Z")
def test_it(spooled): ...

@pytest.mark.spooled("2030-03-09T12:00:00Z")
def test_that(spooled): ...

def test_without_a_key(spooled): ...
"""
    said = what_pytest_says(tmp_path, text, SPOOLED_TEST_URL="http://127.0.0.1:9")

    assert "does not know `att`; it takes `at` and `settings`" in said
    assert "does not know arguments without a name" in said
    assert "needs a key, in SPOOLED_TEST_KEY" in said


def test_whoever_does_not_use_the_plugin_loads_nothing_of_the_server(tmp_path: Path) -> None:
    text = """
import sys

def test_it():
    ours = {each for each in sys.modules if each.startswith("spooled_lite")}
    assert ours == {"spooled_lite", "spooled_lite.pytest_plugin"}
"""
    assert "1 passed" in (said := what_pytest_says(tmp_path, text)), said


@pytest.mark.slow
def test_a_test_of_unittest_has_a_world_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "mails.py").write_text(UNITTEST)

    done = run(tmp_path, "-W", "error", "mails.py")

    assert done.returncode == 0, done.stderr
    assert "Ran 2 tests" in done.stderr
