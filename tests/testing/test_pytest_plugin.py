"""The pytest plugin and the unittest class, each in a run of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from spooled_lite.testing import Server

SECONDS_MAX: Final = 90
DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final = ("testing.md", "testing-python.md")
ENVIRON: Final = {k: v for k, v in os.environ.items() if not k.startswith(("SPOOLED", "PYTEST"))}
PLUGIN: Final = ("-p", "spooled_lite.pytest_plugin", "-p", "no:schemathesis", "-p", "no:randomly")

SEED: Final = """
{"clock": {"at": "2030-03-09T12:00:00Z"},
 "keys": [{"name": "web", "key": "sk_test_web_00000000000000"}],
 "jobs": [{"queue_name": "charges", "payload": {}}]}
"""
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

@pytest.mark.spooled(faults=[{"on": {"route": "*"}, "do": {"latency_ms": 0}}])
def test_with_faults(spooled, spooled_faults):
    [fault] = spooled_faults
    spooled.call("GET", "/jobs")
    assert fault.struck == 1
    with spooled_faults.add(on={"route": "GET /api/v1/jobs"}, do={"error": {"as": "internal"}}):
        with pytest.raises(Exception):
            spooled.call("GET", "/jobs")

@pytest.mark.spooled(at="2030-02-01T00:00:00Z", seed_file="seed.json")
def test_with_a_seed_file(spooled):
    assert spooled.clock.now == datetime(2030, 3, 9, 12, tzinfo=UTC)
    assert spooled.keys == {"web": "sk_test_web_00000000000000"}
    spooled.call("POST", "/jobs", JOB)
    spooled.reset()
    assert [each["queue_name"] for each in spooled.call("GET", "/jobs")] == ["charges"]

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

FAILS = """
import pytest

JOB = {"queue_name": "emails", "payload": {}, "delay_seconds": 60}

@pytest.fixture
def broken(spooled_clock):
    spooled_clock.advance("1m")
    assert False, "in a fixture"

@pytest.mark.parametrize("case", ["a/b", "../zo\u00eb", "x" * 600])
def test_fails(case, spooled, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for _ in range(60):
        spooled.call("POST", "/jobs", JOB)
    assert False

def test_setup_fails(broken): ...

@pytest.mark.spooled(faults=[{"on": {"rout": "*"}, "do": {"drop": "before"}}])
def test_with_a_fault_that_is_none(spooled): ...

def test_passes(spooled):
    spooled.call("POST", "/jobs", JOB)
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

class Charges(SpooledTestCase):
    spooled_at = "2031-05-01T00:00:00Z"

    def test_three(self):
        self.assertEqual(self.spooled_clock.now.year, 2031)
        done = []
        create = {"queue_name": "charges", "payload": {"order": 1}}
        drop = {"drop": "after_commit"}
        with self.spooled_faults.add(on={"route": "*"}, when={"matches": [2]}, do=drop) as fault:
            self.spooled.call("POST", "/jobs", create)
            with self.assertRaises(Exception):
                self.spooled.call("POST", "/jobs", create)
            self.assertEqual(fault.struck, 1)
        self.spooled_client.queues.pause("emails", {})
        with self.spooled_worker("charges", lambda job: done.append(job.job_id)):
            self.spooled_clock.advance("1m")
        self.assertEqual(len(done), 2)
        self.assertEqual(self.spooled_server.call("GET", "/jobs"), [])

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
    (folder / "seed.json").write_text(SEED, encoding="utf-8")
    flags = ("-q", "--strict-markers", "-W", "error", "-p", "no:cacheprovider", *PLUGIN, *flags)
    return run(folder, "-m", "pytest", *flags, **environ).stdout


@pytest.mark.slow
def test_each_test_has_a_world_with_its_own_rows_and_time(tmp_path: Path) -> None:
    pytest.importorskip("spooled")

    assert "9 passed" in (said := what_pytest_says(tmp_path, TESTS)), said


@pytest.mark.slow
def test_tests_run_beside_each_other_and_on_a_server_that_is_there(tmp_path: Path) -> None:
    text = TESTS.partition("def test_they_had")[0] + "def test_fails(spooled): assert False"
    with Server(seed=3) as server:
        left = "test_it.py::test_a_world_of_its_own[a/b]"
        server.fork(left)  # by a run that was killed
        environ = {"SPOOLED_TEST_URL": server.url, "SPOOLED_TEST_KEY": server.api_key}
        said = what_pytest_says(tmp_path, text, "-n", "2", "--spooled-journal", "logs", **environ)
        assert "1 failed, 3 passed" in said, said
        assert (
            said.count("- what happened in the world -") == len(os.listdir(tmp_path / "logs")) == 1
        )
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

    assert "does not know `att`; it takes `at`, `faults`, `seed_file`, `settings`" in said
    assert "does not know arguments without a name" in said
    assert "needs a key, in SPOOLED_TEST_KEY" in said


@pytest.mark.slow
def test_a_test_that_fails_shows_and_keeps_what_happened_in_its_world(tmp_path: Path) -> None:
    said = what_pytest_says(tmp_path, FAILS, "--spooled-journal", "logs/of run")

    assert "3 failed, 1 passed, 2 errors" in said, said
    # The last one was refused before anything happened.
    assert said.count("- what happened in the world -") == 4
    assert " request POST /api/v1/jobs status_code=201" in said
    assert "2030-01-01T00:01:00.000Z step step" in said
    assert "the nearest is `route`" in said
    files = list((tmp_path / "logs" / "of run").iterdir())
    assert len(files) == 4
    for file in files:
        assert re.fullmatch(r"[A-Za-z0-9_]{1,150}-[0-9a-f]{8}\.ndjson", file.name)
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert sum(line.get("path") == "/api/v1/jobs" for line in lines) == 180


@pytest.mark.slow
def test_the_tests_in_the_docs_pass_as_they_are_pasted(tmp_path: Path) -> None:
    pytest.importorskip("spooled")
    text = "".join((DOCS / page).read_text() for page in PAGES)
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    tests = [block for block in blocks if "def test_" in block]
    [script] = (block for block in blocks if block not in tests)

    said = what_pytest_says(tmp_path, "\n".join(tests))
    done = run(tmp_path, "-c", script)

    count = sum(block.count("def test_") for block in tests)
    assert f"{count} passed" in said, said
    assert done.returncode == 0, done.stderr


def test_the_plugin_imports_nothing_but_pytest() -> None:
    code = """
import sys
import pytest
before = set(sys.modules)
import spooled_lite.pytest_plugin
print(sorted(set(sys.modules) - before))
"""
    assert run(Path.cwd(), "-c", code).stdout.strip() == str(
        ["spooled_lite", "spooled_lite.pytest_plugin"]
    )


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
    pytest.importorskip("spooled")
    (tmp_path / "mails.py").write_text(UNITTEST)

    done = run(tmp_path, "-W", "error", "mails.py")

    assert done.returncode == 0, done.stderr
    assert "Ran 3 tests" in done.stderr
