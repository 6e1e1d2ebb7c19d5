"""What is given along for running the server names only what there is."""

import json
import re
import shutil
import subprocess
import time
import tomllib
import uuid
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from spooled_lite.cli.main import COMMANDS
from spooled_lite.config import load
from spooled_lite.metrics import Metrics
from tests.test_docs import codes, table

ROOT: Final = Path(__file__).parents[1]
CONTRIB: Final = ROOT / "contrib"
RULES: Final = CONTRIB / "prometheus" / "spooled-lite.yml"
BOARD: Final = CONTRIB / "grafana" / "spooled-lite.json"
yaml = pytest.importorskip("yaml")
HEALTHY_SECONDS_MAX: Final = 120.0  # its first health check comes after ten
COLUMNS: Final = 24  # of a board of Grafana

_METRIC: Final = re.compile(r"\b(?:spooled|process)_[a-z0-9_]+")
_STRING: Final = re.compile(r'"[^"]*"')


def rules() -> list[dict[str, Any]]:
    return [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(BOARD.read_text())["panels"]
    return found


def expressions() -> list[str]:
    of_board = [target["expr"] for panel in panels() for target in panel.get("targets", ())]
    return [*(rule["expr"] for rule in rules()), *of_board]


def scraped() -> set[str]:
    """The names of all series that a scrape brings, and of those that come with labels later."""
    names: set[str] = set()
    for family in text_string_to_metric_families(Metrics().text().decode()):
        names |= {sample.name for sample in family.samples}
        names.add(family.name + ("_total" if family.type == "counter" else ""))
    return names


@pytest.mark.parametrize("expression", expressions())
def test_every_metric_that_a_rule_or_a_panel_names_exists(expression: str) -> None:
    named = set(_METRIC.findall(_STRING.sub("", expression)))

    assert named - scraped() == set()
    assert named or expression.startswith("up{")


def test_a_rule_says_how_bad_it_is_and_what_it_means() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
        assert rule["annotations"]["description"], rule["alert"]
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))


def test_each_rule_names_a_row_of_the_run_book() -> None:
    rows = {code for row in table("runbook.md", "Sign") for code in codes(row[0])}

    named = {rule["alert"]: rule["annotations"].get("runbook") for rule in rules()}
    assert {alert: row for alert, row in named.items() if row not in rows} == {}


def test_the_rules_are_valid_where_prometheus_can_say() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    told = subprocess.run(
        ["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False
    )

    assert told.returncode == 0, told.stderr


def test_the_panels_of_the_board_cover_no_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= COLUMNS
        assert not cells & taken, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))


# -- the container -------------------------------------------------------------------------------

CONTAINERFILE: Final = CONTRIB / "Containerfile"


def instructions() -> list[tuple[str, str]]:
    """Each with its arguments, and lines that go on put together."""
    text = CONTAINERFILE.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def arguments(word: str) -> list[str]:
    return [rest for each, rest in instructions() if each == word]


def test_the_container_is_built_from_files_that_are_there() -> None:
    copied = [name for rest in arguments("COPY") if "--from" not in rest for name in rest.split()]

    assert [name for name in copied[:-1] if not (ROOT / name).exists() and name != "./"] == []
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [asked] = re.findall(r"\.\[([a-z,0-9]+)\]", CONTAINERFILE.read_text())
    assert set(asked.split(",")) <= extras["optional-dependencies"].keys()


def test_the_container_sets_what_the_server_reads_and_runs_commands_that_it_has() -> None:
    [env] = arguments("ENV")
    given = dict(re.findall(r"(SPOOLED_[A-Z_]+)=(\S+)", env))
    settings, warnings = load(flags={}, environ=given)

    assert warnings == []
    assert (settings.host, settings.database) == ("0.0.0.0", "/data/spooled.db")
    [check], [command] = arguments("HEALTHCHECK"), arguments("CMD")
    assert re.findall(r'"([a-z-]+)"', check) == ["spooled-lite", "health"]
    assert set(json.loads(command)) | {"health"} <= set(COMMANDS)


def test_the_container_does_not_run_as_root() -> None:
    [user] = arguments("USER")

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


@pytest.mark.long  # builds an image from the network
def test_the_container_becomes_healthy_and_stops_in_order() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True).returncode != 0:
        pytest.skip("no Docker that runs containers is here")

    def run(*words: str) -> str:
        told = subprocess.run([docker, *words], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
        return told.stdout.strip()

    name = f"spooled-lite-test-{uuid.uuid4().hex[:8]}"
    run("build", "-q", "-f", str(CONTAINERFILE), "-t", name, str(ROOT))
    try:
        run("run", "-d", "--name", name, name)
        until = time.monotonic() + HEALTHY_SECONDS_MAX
        while run("inspect", "-f", "{{.State.Health.Status}}", name) != "healthy":
            assert time.monotonic() < until, run("logs", name)
            time.sleep(1)
        assert run("exec", name, "cat", "/data/spooled.db.key").startswith("sk_")
        run("stop", "-t", "30", name)
        assert run("inspect", "-f", "{{.State.ExitCode}}", name) == "0"
    finally:
        subprocess.run([docker, "rm", "-fv", name], capture_output=True, check=False)
        subprocess.run([docker, "rmi", "-f", name], capture_output=True, check=False)
