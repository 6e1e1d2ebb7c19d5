"""Where things stand: what is beside what, what has its room, what is not cut."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page

from tests.dashboard.conftest import PHONE
from tests.dashboard.world import NOBODY, World

Open = Callable[[str], Page]
LINE = 30  # pixels: less than two lines of text


def box(of: Locator) -> dict[str, float]:
    found = of.bounding_box()
    assert found is not None
    x, y, width, height = found["x"], found["y"], found["width"], found["height"]
    return {"y": y, "width": width, "height": height, "right": x + width, "middle": y + height / 2}


@pytest.fixture
def on_a_phone(signed_in: Open, page: Page) -> Open:
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    return signed_in


def test_on_a_phone_the_buttons_of_a_page_end_the_line_of_its_title(
    on_a_phone: Open, world: World
) -> None:
    page = on_a_phone("/queues")

    acts = box(page.locator(".head .acts"))

    assert abs(acts["middle"] - box(page.locator("h1"))["middle"]) < LINE / 2
    assert acts["right"] == box(page.locator(".head"))["right"]


def test_on_a_phone_a_delivery_takes_three_lines(on_a_phone: Open, world: World) -> None:
    page = on_a_phone(f"/webhooks/{world.made['webhook']['id']}")

    row = page.locator("tr[data-id]").first
    again = box(row.get_by_role("button"))

    assert abs(again["middle"] - box(row.get_by_role("link"))["middle"]) < LINE / 2
    assert box(row)["height"] < 4 * LINE


def test_on_a_phone_a_group_of_dead_letters_has_its_button_beside_what_is_told(
    on_a_phone: Open, world: World
) -> None:
    page = on_a_phone("/dead")

    group = page.locator(".group").first
    told, retry = box(group.locator(".told")), box(group.get_by_role("button", name="Retry"))

    assert told["y"] <= retry["middle"] <= told["y"] + told["height"]
    assert group.locator(".told span").first.inner_text() == "charges 2, etl 1"


def test_a_long_type_leaves_room_for_the_last_error(signed_in: Open, world: World) -> None:
    world.dead("charges", "HTTP 503", "invoice.capture.of-a-rather-long-name.that-says-it-all")
    page = signed_in("/jobs")
    page.wait_for_selector("tr[data-id]")

    assert box(page.locator("th", has_text="Last error"))["width"] > 150
    assert box(page.locator("th", has_text="Type"))["width"] < 170


def test_what_was_searched_for_is_seen_whole(signed_in: Open, world: World) -> None:
    page = signed_in("/jobs?text=cus_81")

    hit = page.locator("tr[data-id] td b", has_text="cus_81").first

    assert box(hit)["right"] < box(hit.locator("xpath=ancestor::td"))["right"]


def test_long_facts_of_a_job_are_not_broken(signed_in: Open, world: World) -> None:
    page = signed_in(f"/jobs/{world.made['told']['id']}")

    for text in (world.made["told"]["id"], NOBODY):
        fact = page.locator(".facts dd", has_text=text)
        assert box(fact)["height"] < LINE


def test_links_stand_on_the_line_of_their_row(signed_in: Open, world: World) -> None:
    page = signed_in("/workers")
    row = page.locator("tr[data-id]").first

    line: float = row.get_by_role("link").first.evaluate("""it => {
        const range = document.createRange();
        range.selectNodeContents(it);
        const { top, height } = range.getBoundingClientRect();
        return top + height / 2;
    }""")
    assert abs(line - box(row)["middle"]) < 2


def test_the_values_under_the_pointer_move_nothing_below_the_chart(
    signed_in: Open, world: World
) -> None:
    page = signed_in("/")
    legend = page.locator(".legend").first
    before = box(legend)

    page.locator(".plot").first.hover()
    page.wait_for_function("document.querySelector('.legend .at').textContent")

    assert box(legend)["height"] == before["height"]
    names = [box(each)["y"] for each in legend.locator("li:has(i)").all()]
    assert len(set(names)) == 1
