"""A server with nothing in it."""

from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from tests.dashboard.world import World

Open = Callable[[str], Page]


def test_an_empty_server_shows_the_way_to_a_first_job(signed_in: Open, api: httpx.Client) -> None:
    page = signed_in("/")
    expect(page.get_by_text("Three calls to a first completed job")).to_be_visible()

    world = World(api)
    world.job("first")
    expect(page.get_by_text("Done", exact=True)).to_have_count(1)
    [claimed] = world.claim("first")
    expect(page.get_by_text("Done", exact=True)).to_have_count(2)
    world.complete(claimed)

    expect(page.get_by_role("navigation", name="Jobs by status")).to_be_visible()
