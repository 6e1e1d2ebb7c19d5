"""A seed in the dashboard: an editor or a file, all of it or nothing, and where it was refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx
from playwright.sync_api import Page, expect

from tests.dashboard.stage import BAR, bad_on_any_screen
from tests.dashboard.watched import Watch
from tests.dashboard.world import HOSTILE

ADDRESS: Final = "/test?tab=seed"
ADDRESSES: Final = "all => all.map(it => it.getAttribute('href'))"


def store(page: Page) -> None:
    page.get_by_role("button", name="Store all of it").click()


def test_all_of_it_is_stored_and_leads_there(
    on_stage: Callable[[str], Page], there: httpx.Client, tmp_path: Path
) -> None:
    page = on_stage(ADDRESS)
    store(page)  # the example that it begins with
    made = page.locator(".panel", has=page.get_by_role("heading", name="What was stored"))
    for name in ("charges", "nightly", "shop", "order 1"):
        expect(made.get_by_role("link", name=name)).to_be_visible()
    jobs = {job["id"] for job in there.get("/jobs").json()}
    links = made.locator('a[href^="#/jobs/"]')
    assert {it.removeprefix("#/jobs/") for it in links.evaluate_all(ADDRESSES)} <= jobs

    file = tmp_path / "seed.json"
    seed = {
        "clock": {"at": "2030-01-02T00:00:00Z"},
        "keys": [{"name": "web", "queues": ["charges"]}],
        "jobs": [{"queue_name": "charges", "payload": {"order": n}} for n in range(51)],
        "faults": [{"on": {"route": "POST /api/v1/jobs"}, "do": {"drop": "before"}}],
    }
    file.write_text(json.dumps(seed))
    page.get_by_label("From a file").set_input_files(file)
    expect(page.get_by_label("The seed")).to_have_value(json.dumps(seed))
    store(page)
    expect(made).to_contain_text("Jobs (51)")
    expect(made).to_contain_text("and 1 more")
    expect(page.locator(BAR)).to_contain_text("2030-01-02 00:00:00.000")
    made.get_by_role("button", name="Hold to see").hover()
    page.mouse.down()
    key = made.locator("code").inner_text()
    page.mouse.up()
    headers = {"Authorization": f"Bearer {key}"}
    claim = {"queue_name": "charges", "worker_id": "w"}
    assert there.post("/jobs/claim", json=claim, headers=headers).status_code == 200
    assert made.get_by_role("link", name="f1").get_attribute("href") == "#/test?tab=faults"


def test_what_is_refused_stands_at_its_place_and_nothing_is_stored(
    on_stage: Callable[[str], Page], there: httpx.Client, watch: Watch
) -> None:
    watch.allow("POST .*/test/seed 4")
    page = on_stage(ADDRESS)
    seed = page.get_by_label("The seed")
    told = page.locator(".editor .refused")
    job = '{"queue_name": "q", "payload": {}}'
    for text, said in (
        (f'{{"jobs": [\n{job},\n{{"queue_name": "q"}}]}}', "Line 3, column 1: Field `jobs[1]."),
        (f'{{"jobs": [{job}],\n"queus": []}}', "Line 2, column 10: Field `queus`"),
        ('{"keys": [{"name": "a",\n "key": "short"}]}', "Line 2, column 9: "),
        ('{"webhooks": [{"name": "a", "events": ["job.failed"],\n "url": "x"}]}', "Line 2, column"),
        (
            '{"workflows": [{"name": "w", "jobs": [\n{"key": "a", "queue_name": "q", "payload": {},'
            ' "depends_on": ["b"]}]}]}',
            "Line 1, column 16: workflows[0]: Job 'a' depends on",
        ),
    ):
        seed.fill(text)
        expect(told).to_have_count(0)
        store(page)
        expect(told).to_contain_text(said)
    assert there.get("/jobs").json() == []

    seed.fill('{"jobs": [')
    button = page.get_by_role("button", name="Store all of it")
    expect(button).to_have_attribute("title", "This is not JSON")


def test_hostile_names_are_text_and_everybody_can_use_the_page(
    on_stage: Callable[[str], Page],
) -> None:
    page = on_stage(ADDRESS)
    hook = {"name": HOSTILE, "url": "https://inbox.test/shop", "events": ["job.created"]}
    job = {"queue_name": "q", "payload": {HOSTILE: HOSTILE}}
    seed = {"webhooks": [hook], "keys": [{"name": "k"}], "jobs": [job] * 60}
    page.get_by_label("The seed").fill(json.dumps(seed))
    store(page)
    expect(page.locator(".stored", has_text="onerror=alert(1)")).to_be_visible()
    expect(page.locator("main img")).to_have_count(0)
    assert bad_on_any_screen(page) == []
