"""The first hour of somebody who has started `serve` in an empty folder and opened what it printed."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

SECONDS_MAX: Final = 40.0  # until the server accepts connections; the machine may be busy


@pytest.fixture
def printed(tmp_path: Path) -> Iterator[str]:
    """What `serve` says, with no setting given."""
    said, ready = tmp_path / "said", tmp_path / "ready.json"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SPOOLED")}
    with said.open("wb") as out:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "spooled_lite", "serve", "--port", "0"),
                *("--grpc-port", "off", "--ready-file", str(ready)),
            ],
            cwd=tmp_path,
            env=environ,
            stdout=out,
        )
    try:
        until = time.monotonic() + SECONDS_MAX
        while not ready.exists() or "API key" not in said.read_text():
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < until, "it hangs"
            time.sleep(0.05)
        yield said.read_text()
    finally:
        process.kill()
        process.wait()


def pasted(command: str, key: str) -> Any:
    """What a command of the page answers in a shell where the variable holds the key."""
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "SPOOLED_API_KEY": key},
        capture_output=True,
        timeout=SECONDS_MAX,
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="no curl")
def test_the_page_leads_from_nothing_to_a_completed_job_and_a_key_of_less(
    page: Page, printed: str
) -> None:
    found = re.search(r"Dashboard (\S+)[^$]*API key +in (\S+)", printed)
    assert found is not None
    link, key = found[1], Path(found[2]).read_text().strip()
    page.goto(link)
    steps = page.locator("ol .code")

    # The shown commands are run as they are, one after the other.
    expect(steps).to_have_count(3)
    pasted(steps.nth(0).inner_text(), key)
    expect(page.get_by_role("navigation", name="Jobs by status")).to_be_visible()
    [claimed] = pasted(steps.nth(1).inner_text(), key)["jobs"]
    expect(steps.nth(2)).to_contain_text(claimed["id"])
    expect(steps.nth(2)).to_contain_text(claimed["lease_id"])
    assert pasted(steps.nth(2).inner_text(), key)["success"] is True
    expect(page.get_by_text("Done", exact=True)).to_have_count(3)

    # The first key is one for all queues, although its list is not empty.
    page.goto(f"{link.partition('#')[0]}#/keys")
    expect(page.locator("tr[data-id]")).to_contain_text("all queues")
    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("reader")
    dialog.get_by_label("Only this").check()
    dialog.get_by_role("group", name="jobs").get_by_label("read").check()
    with page.expect_response(lambda it: it.request.method == "POST") as answer:
        dialog.get_by_role("button", name="Create").click()
    reader = answer.value.json()["key"]
    dialog.get_by_role("button", name="I have stored it").click()

    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("API key", exact=True).fill(reader)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Jobs").first.click()
    page.locator("tr[data-id] a.mono").click()
    page.get_by_role("link", name="Edit and run as new").click()

    run = page.get_by_role("button", name="Run as new")
    expect(run).to_have_attribute("aria-disabled", "true")
    expect(run).to_have_attribute("title", "This key lacks jobs:write")
