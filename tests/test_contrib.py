"""What is given along for running the server names only what there is."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from spooled_lite.metrics import Metrics
from tests.test_docs import codes, table

CONTRIB: Final = Path(__file__).parents[1] / "contrib"
RULES: Final = CONTRIB / "prometheus" / "spooled-lite.yml"
BOARD: Final = CONTRIB / "grafana" / "spooled-lite.json"
yaml = pytest.importorskip("yaml")
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


def test_the_run_book_has_the_rows_that_rules_name() -> None:
    rows = {code for row in table("runbook.md", "Sign") for code in codes(row[0])}

    named = {rule["annotations"]["runbook"] for rule in rules() if "runbook" in rule["annotations"]}
    assert named - rows == set()


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
