"""Flows and their runs: found, run; signals, items and reasons where they are looked for."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.world import World

Open = Callable[[str], Page]


def defined(api: httpx.Client, name: str, *steps: dict[str, Any], **fields: Any) -> str:
    document = {"steps": [{"max_retries": 0, **step} for step in steps], **fields}
    api.put(f"/flows/{name}", json=document).raise_for_status()
    return name


def run(api: httpx.Client, flow: str, given: Any = 1, **fields: Any) -> str:
    made: str = World(api).post(f"/flows/{flow}/runs", {"input": given, **fields})["workflow_id"]
    return made


def node(page: Page, name: str) -> Any:
    return page.locator(".graph a.node", has=page.locator(f'text="{name}"'))


def test_a_flow_is_found_looked_at_and_run(signed_in: Open, api: httpx.Client) -> None:
    last = {"key": "b", "depends_on": ["a"], "condition": "a gt 1"}
    defined(api, "order", {"key": "a"}, last, description="of a shop")
    page = signed_in("/")
    page.keyboard.press("g")
    page.keyboard.press("l")
    row = page.locator('tr[data-id="order"]')
    expect(row).to_contain_text("a, b")
    expect(row).to_contain_text("of a shop")
    row.get_by_role("link", name="order").click()

    expect(page.locator("h1")).to_have_text("order")
    expect(page.get_by_role("heading", name="It has not been run")).to_be_visible()
    node(page, "b").press("Enter")
    expect(page.get_by_role("region", name="Step b")).to_contain_text("Conditiona gt 1")
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Step b")).to_have_count(0)
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Input").fill('{"order": 7}')
    dialog.get_by_label("Key").fill("order-7")
    dialog.get_by_role("button", name="Run", exact=True).click()

    expect(page.locator(".facts").first).to_contain_text("Floworder")
    expect(page.locator(".facts").first).to_contain_text("order-7")
    expect(page.get_by_role("region", name="Input")).to_contain_text("7")
    page.get_by_role("link", name="order", exact=True).click()
    page.get_by_role("button", name="Failed").click()
    expect(page.get_by_text("No runs fit these filters")).to_be_visible()
    page.get_by_role("button", name="All").click()
    expect(page.locator("tr[data-id]")).to_contain_text("0 of 2")
    page.get_by_role("button", name="Delete…").click()
    dialog.get_by_label("Type order").fill("order")
    dialog.get_by_role("button", name="Delete flow").click()
    expect(page.locator("h1")).to_have_text("Flows")
    expect(page.locator('tr[data-id="order"]')).to_have_count(0)


def test_a_run_is_followed_through_its_items_and_a_signal(
    signed_in: Open, api: httpx.Client
) -> None:
    each = {"key": "each", "map": {"source": "input"}}
    gift = {"key": "gift", "condition": "input contains 9"}
    gate = {"key": "gate", "depends_on": ["each"], "signal": True}
    flow = defined(api, "with_items", each, gift, gate)
    page = signed_in(f"/workflows/{run(api, flow, [1, 2, 3])}?step=each")
    page.wait_for_selector('.live[data-state="live"]')
    expect(node(page, "gift")).to_have_attribute("data-s", "skipped")
    expect(node(page, "each")).to_contain_text("0 of 3 items")

    for item in World(api).claim(flow, 3):
        World(api).complete(item, item["step"]["item_index"] * 10)
    page.get_by_role("button", name="Read again").or_(page.locator("body")).first.press("r")
    expect(node(page, "each")).to_contain_text("3 of 3 items")
    page.get_by_role("button", name="Show them").click()
    expect(page.get_by_role("region", name="Items")).to_contain_text("20")
    expect(node(page, "gate")).to_have_attribute("data-s", "signal")
    node(page, "gate").press("Enter")
    page.get_by_role("button", name="Send the signal…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What it is given").fill('{"by": "ann"}')
    dialog.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".toast").last).to_contain_text("gate has its signal")
    expect(node(page, "gate")).to_have_attribute("data-s", "pending")
    [claimed] = World(api).claim(flow)
    assert claimed["payload"]["signal"] == {"by": "ann"}
    World(api).complete(claimed, {"shipped": True})
    page.get_by_text("Completed").first.wait_for()
    expect(page.get_by_role("region", name="Output")).to_contain_text("shipped")


@pytest.mark.parametrize("end", ["failed", "canceled", "early"])
def test_a_run_says_why_it_has_ended(signed_in: Open, api: httpx.Client, end: str) -> None:
    flow = defined(api, f"ends_{end}", {"key": "first"}, {"key": "beside"}, on_fail={})
    made = run(api, flow)
    if end == "failed":
        World(api).fail(World(api).claim(flow)[0], "no such order")
    elif end == "early":
        World(api).post(f"/workflows/{made}/complete", {"output": 5, "reason": "good enough"})
    page = signed_in(f"/workflows/{made}")
    if end == "canceled":
        page.get_by_role("button", name="Cancel…").click()
        page.get_by_label("Why").fill("withdrawn")
        page.get_by_role("button", name="Cancel what waits").click()

    told = page.locator(".facts").first
    for text in {
        "failed": ["StateFailed", "no such order", "After its failure"],
        "canceled": ["StateCanceled", "withdrawn"],
        "early": ["StateCompleted", "good enough"],
    }[end]:
        expect(told).to_contain_text(text)
