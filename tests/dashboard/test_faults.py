"""Faults in the dashboard: rules with what came of them, and a form of all that the server can make."""

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from spooled_lite.testing.faults.kinds import DO_OF, MEMBERS_OF, ON_KINDS
from spooled_lite.testing.faults.shapes import Do, NewFault, On, When
from tests.dashboard.stage import bad_on_any_screen, new_job
from tests.dashboard.watched import Watch
from tests.dashboard.world import HOSTILE

ADDRESS: Final = "/test?tab=faults"
FOR, COMES, WHICH = "What it is for", "What comes of it", "Which ones it strikes"
LOST: Final = {"on": {"route": "POST /api/v1/jobs/{id}/complete"}, "do": {"drop": "after_commit"}}


def opened(on_stage: Callable[[str], Page]) -> Page:
    page = on_stage(ADDRESS)
    page.get_by_role("button", name="Make it").wait_for()
    return page


def test_what_the_server_can_make_is_in_the_form(on_stage: Callable[[str], Page]) -> None:
    page = opened(on_stage)
    page.get_by_text("More conditions").click()
    # So that what it learns to make appears here by itself.
    fields = set(page.locator("form :is(label, legend)").all_inner_texts())
    wanted = set(On.__struct_fields__) | set(When.__struct_fields__)
    wanted |= set(NewFault.__struct_fields__) - {"on", "do", "when"}
    assert labels(wanted) - fields == set()
    subject, kind = page.get_by_label("Of", exact=True), page.get_by_label("Kind")
    assert values(subject) == list(ON_KINDS)
    offered = set[str]()
    for of in ON_KINDS:
        subject.select_option(of)
        assert set(values(kind)) == DO_OF[of]
        offered |= DO_OF[of]
        conditions = page.get_by_role("group", name=FOR).locator("label:visible")
        shown = {*conditions.all_inner_texts()} & labels(set(On.__struct_fields__) - {*ON_KINDS})
        assert shown == labels(MEMBERS_OF[of])
    assert offered == set(Do.__struct_fields__) - {"where"}


def labels(names: Iterable[str]) -> set[str]:
    return {name.replace("_", " ").capitalize() for name in names}


def values(select: Locator) -> list[str]:
    found: list[str] = select.locator("option").evaluate_all("all => all.map(it => it.value)")
    return found


def test_each_kind_of_subject_can_be_struck(
    on_stage: Callable[[str], Page], there: httpx.Client
) -> None:
    page = opened(on_stage)
    page.get_by_role("button", name="A slow server").click()
    page.get_by_label("Of", exact=True).select_option("mail")
    page.get_by_label("Kind").select_option("lose")
    page.get_by_role("button", name="Make it").click()
    expect(page.locator('tr[data-id="f1"]')).to_contain_text("lose true")
    page.get_by_label("Of", exact=True).select_option("delivery")
    delivery = page.get_by_role("group", name="Delivery")
    delivery.get_by_label("Url").fill("https://inbox.test/shop")
    page.get_by_label("Kind").select_option("receiver")
    page.get_by_label("Receiver").fill("timeout")
    page.get_by_role("button", name="Make it").click()
    expect(page.locator('tr[data-id="f2"]')).to_contain_text("url https://inbox.test/shop")
    page.get_by_label("Receiver").fill('{"status": 503}')
    page.get_by_role("button", name="Make it").click()
    expect(page.locator('tr[data-id="f3"]')).to_contain_text("receiver status 503")
    page.get_by_label("Of", exact=True).select_option("rpc")
    page.get_by_label("Rpc").select_option("QueueService/Complete")
    page.get_by_role("button", name="Make it").click()
    expect(page.locator('tr[data-id="f4"]')).to_contain_text("latency ms 50, 400")
    made = [(rule["on"], rule["do"]) for rule in there.get("/test/faults").json()["faults"]]
    shop = {"delivery": {"url": "https://inbox.test/shop"}}
    assert made == [
        ({"mail": {}}, {"lose": True}),
        (shop, {"receiver": "timeout"}),
        (shop, {"receiver": {"status": 503}}),
        ({"rpc": "QueueService/Complete"}, {"latency_ms": [50, 400]}),
    ]


def test_a_fault_is_made_seen_to_strike_and_deleted(
    on_stage: Callable[[str], Page], there: httpx.Client
) -> None:
    made = new_job(there, queue_name="charges")
    page = opened(on_stage)
    expect(page.get_by_text("All goes well.")).to_be_visible()
    page.get_by_role("button", name="A lost acknowledgement").click()
    assert "POST /api/v1/jobs/{id}/fail" in choices(page, "known-route")
    assert not [it for it in choices(page, "known-route") if "/test/" in it or "/health" in it]
    assert choices(page, "known-queue") == ["charges"]
    assert choices(page, "known-job_id") == [made]
    page.get_by_label("Queue", exact=True).fill("charges")
    page.get_by_role("button", name="Make it").click()
    row = page.locator('tr[data-id="f1"]')
    expect(row).to_contain_text("POST /api/v1/jobs/{id}/complete queue charges")
    expect(row).to_contain_text("drop after_commit")
    expect(row).to_contain_text("matches 1, at most 1")

    claim = {"queue_name": "charges", "worker_id": "w"}
    [job] = there.post("/jobs/claim", json=claim).json()["jobs"]
    done = {"worker_id": "w", "lease_id": job["lease_id"]}
    with pytest.raises(httpx.RemoteProtocolError):
        there.post(f"/jobs/{made}/complete", json=done)
    expect(row.get_by_role("cell").nth(4)).to_have_text("used up 1 of 1 struck")

    there.post("/test/faults", json=LOST).raise_for_status()
    expect(page.locator('tr[data-id="f2"]')).to_be_visible()
    page.get_by_role("button", name="Delete f1").click()
    page.get_by_role("button", name="Delete it").click()
    expect(row).to_have_count(0)
    page.locator('tr[data-id="f2"]').get_by_role("link", name="0").click()
    expect(page.get_by_role("list", name="Journal")).to_contain_text("jobs/{id}/complete")
    page.go_back()
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("button", name="Delete all").click()
    expect(page.get_by_text("All goes well.")).to_be_visible()
    assert there.get("/test/faults").json() == {"faults": []}


def choices(page: Page, name: str) -> list[str]:
    options = page.locator(f"#{name} option")
    expect(options.first).to_be_attached()
    values: list[str] = options.evaluate_all("all => all.map(it => it.value)")
    return values


def test_what_is_refused_stands_where_it_was_asked_for(
    on_stage: Callable[[str], Page], watch: Watch
) -> None:
    watch.allow("POST .*/test/faults 4")
    page = opened(on_stage)
    folded = page.get_by_text("More conditions")
    for section, kind, label, value, said in (
        (FOR, "drop", "Route", "POST /api/v1/job", "the nearest is"),
        (WHICH, "drop", "Matches", "[0]", ">= 1"),
        (WHICH, "drop", "After", "soon", "must be a time"),
        (WHICH, "drop", "Times", "0", ">= 1"),
        (COMES, "latency_ms", "Latency ms", "[400, 50]", "the smaller bound comes first"),
        (COMES, "error", "Status", "999", "<= 599"),
        # These stand among what is folded away.
        (FOR, "drop", "Headers", '{"a b": "c"}', "no header can have"),
        (FOR, "drop", "Body", "none", "must be"),
    ):
        page.get_by_role("button", name="A lost acknowledgement").click()
        page.get_by_label("Kind").select_option(kind)
        field = page.get_by_role("group", name=section).get_by_label(label, exact=True)
        if is_folded := label in ("Headers", "Body"):
            folded.click()
        field.fill(value)
        if is_folded:
            folded.click()
        page.get_by_role("button", name="Make it").click()
        expect(field).to_be_focused()
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(page.locator(".field:has(> [aria-invalid=true]) > .refused")).to_contain_text(said)
        if is_folded:
            folded.click()
    page.get_by_role("button", name="A lost acknowledgement").click()
    page.get_by_label("Drop").select_option("")
    page.get_by_role("button", name="Make it").click()
    comes = page.get_by_role("group", name=COMES)
    expect(comes.locator(".refused").first).to_contain_text("must have exactly one of")


def test_hostile_rules_are_text_and_everybody_can_use_the_page(
    on_stage: Callable[[str], Page], there: httpx.Client
) -> None:
    on: dict[str, Any] = {"route": "*", "queue": HOSTILE, "body": {HOSTILE: [HOSTILE]}}
    rule = {"on": on, "do": {"error": {"status": 502, "body": HOSTILE * 9}}, "note": HOSTILE * 3}
    there.post("/test/faults", json=rule).raise_for_status()
    there.post("/test/faults", json=LOST).raise_for_status()
    page = opened(on_stage)
    row = page.locator('tr[data-id="f1"]')
    expect(row).to_contain_text(json.dumps({HOSTILE: [HOSTILE]}, ensure_ascii=False)[2:20])
    expect(page.locator("main img")).to_have_count(0)
    page.get_by_text("More conditions").click()
    assert bad_on_any_screen(page) == []


def test_a_failure_to_read_them_is_said_and_leaves_the_form(
    on_stage: Callable[[str], Page], watch: Watch
) -> None:
    watch.allow("GET .*/test/faults 500")
    watch.page.route("**/test/faults", lambda it: it.fulfill(status=500, json={"message": "no"}))
    page = opened(on_stage)
    expect(page.get_by_text("The faults could not be read")).to_be_visible()
    page.unroute("**/test/faults")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("All goes well.")).to_be_visible()
