"""A browser's own EventSource with a token for topics, on a page of another origin."""

import json
from pathlib import Path

import pytest

from tests.wire.live.test_streams import played, sent, token
from tests.wire.realtime.browser import a_page
from tests.wire.realtime.stage import Stage

pytestmark = pytest.mark.slow

OPEN = """
new Promise((done) => {
  window.seen = [];
  const stream = window.stream = new EventSource(%s);
  stream.addEventListener("order.7", (event) => {
    window.seen.push(event.data);
    if (window.look) window.look();
  });
  stream.onopen = () => done(stream.readyState);
  stream.onerror = () => done(stream.readyState);
})
"""
UNTIL = """
new Promise((done) => {
  window.look = () => { if (window.seen.length >= %d) done(window.seen); };
  window.look();
})
"""


def test_a_page_of_another_origin_listens_with_a_token(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        base = f"http://127.0.0.1:{stage.server.port}/api/v1/realtime/sse?token="
        async with a_page(tmp_path) as page:
            good = json.dumps(f"{base}{await token(stage, 'order.*')}&client_id=tab")
            assert await page.run(OPEN % good) == 1  # open

            assert await sent(stage, "order.7", "own", sent_by="tab") == 0
            for message in ("placed", "two\nlines", None, '{"step": 1}'):
                assert await sent(stage, "order.7", message) == 1

            seen = await page.run(UNTIL % 4)
            assert seen == ["placed", "two\nlines", "", '{"step": 1}']
            # A refused token closes it for good: it does not come back by itself.
            assert await page.run(OPEN % json.dumps(f"{base}bad")) == 2

    played(test)
