import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import second_try
from tests.second_try import SECOND_TRIES_MAX, run

Runs = list[tuple[int, list[str]]]  # of each run of pytest: its exit code, and what failed


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Runs, list[tuple[str, ...]]]]:
    """What the runs of pytest are to end with, and what they were asked for."""
    ends: Runs = []
    calls: list[tuple[str, ...]] = []

    def pytest_once(*arguments: str) -> int:
        calls.append(arguments)
        code, failed = ends.pop(0)
        if failed:
            cache = Path(arguments[-1].removeprefix("cache_dir=")) / "v" / "cache"
            cache.mkdir(parents=True)
            (cache / "lastfailed").write_text(json.dumps(dict.fromkeys(failed, True)))
        return code

    monkeypatch.setattr(second_try, "_pytest", pytest_once)
    yield ends, calls
    assert ends == []


def test_a_test_that_passes_by_itself_is_named_and_does_not_fail_the_run(
    asked: tuple[Runs, list[tuple[str, ...]]], capsys: pytest.CaptureFixture[str]
) -> None:
    ends, calls = asked
    ends += [(1, ["tests/test_a.py::test_race[x y]"]), (0, [])]
    assert run(["-q", "-n", "auto"]) == 0
    assert calls[1] == ("-q", "tests/test_a.py::test_race[x y]")
    assert capsys.readouterr().out.rstrip().endswith("\ntests/test_a.py::test_race[x y]")


@pytest.mark.parametrize(
    "runs",
    [
        [(1, ["one"]), (1, [])],
        [(1, [str(each) for each in range(SECOND_TRIES_MAX + 1)])],
        [(1, [])],
        [(2, ["one"])],
        [(5, [])],
    ],
    ids=["fails-twice", "many-at-once", "none-named", "was-broken-off", "none-found"],
)
def test_all_else_fails_the_run(asked: tuple[Runs, list[tuple[str, ...]]], runs: Runs) -> None:
    asked[0].extend(runs)
    assert run([]) == runs[-1][0]
