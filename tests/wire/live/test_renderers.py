"""What renderers make of live messages, for streams that are open: contract catbird, R7 and R8."""

from typing import Any, Final

import pytest

from spooled_lite.core.renderers.define import all_renderers
from spooled_lite.storage.readers import Reads
from spooled_lite.wire.live import hub
from spooled_lite.wire.live import renderers as live_renderers
from tests.wire.live.test_streams import listening, opened, played, raw, sent, token
from tests.wire.realtime.stage import Stage

LI: Final = {"pattern": "order.*", "event": "update", "template": "<li>{{data.step}}</li>"}


async def put(stage: Stage, name: str = "li", **fields: Any) -> None:
    answer = await stage.call("PUT", f"/api/v1/realtime/renderers/{name}", {**LI, **fields})
    assert answer.status == 200, answer.body


async def removed(stage: Stage, name: str = "li") -> None:
    answer = await stage.call("DELETE", f"/api/v1/realtime/renderers/{name}")
    assert answer.status == 204, answer.body


def test_a_holder_of_a_token_gets_what_is_rendered_and_a_key_the_message() -> None:
    async def test(stage: Stage) -> None:
        await put(stage, id="{{data.id}}")
        by_token = await opened(stage, await token(stage, "#"))
        by_key = await listening(stage, "#")

        assert await sent(stage, "order.7", '{"step": "<1>", "id": 5}') == 2
        assert await sent(stage, "user.1", "as it is") == 2

        assert await raw(by_token) == "event: update\ndata: <li>&lt;1&gt;</li>\nid: 5"
        assert await raw(by_token) == "event: user.1\ndata: as it is"
        assert await raw(by_key) == 'event: order.7\ndata: {"step": "<1>", "id": 5}'

    played(test)


def test_a_fragment_that_fails_is_dropped_alone() -> None:
    async def test(stage: Stage) -> None:
        await put(stage)
        await put(stage, "other", pattern="order.8", template="{{message}}", event=None)
        stream = await opened(stage, await token(stage, "#"))

        assert await sent(stage, "order.7", "no json") == 0
        assert await sent(stage, "order.8", "no json") == 1

        assert await raw(stream) == "event: order.8\ndata: no json"

    played(test)


def test_each_listener_is_told_by_its_own_name() -> None:
    async def test(stage: Stage) -> None:
        await put(stage, template="{{identity}}", event=None)
        ada = await opened(stage, await token(stage, "#", identity="ada"))
        bob = await opened(stage, await token(stage, "#", identity="<bob>"))
        nobody = await opened(stage, await token(stage, "#"))

        assert await sent(stage, "order.7") == 3

        found = [await told(stream, "order.7") for stream in (ada, bob, nobody)]
        assert found == ["data: ada", "data: &lt;bob&gt;", "data:"]

    async def told(stream: Any, topic: str) -> str:
        while True:  # its own coming and going is told to other topics
            event, *rest = (await raw(stream)).split("\n")
            if event == f"event: {topic}":
                return "\n".join(rest)

    played(test)


def test_a_change_holds_for_streams_that_are_open() -> None:
    async def test(stage: Stage) -> None:
        stream = await opened(stage, await token(stage, "order.*"))

        await sent(stage, "order.7", '{"step": 1}')
        await put(stage)
        await sent(stage, "order.7", '{"step": 2}')
        await put(stage, template="<b>{{data.step}}</b>", event=None)
        await sent(stage, "order.7", '{"step": 3}')
        await removed(stage)
        await sent(stage, "order.7", '{"step": 4}')

        assert await raw(stream) == 'event: order.7\ndata: {"step": 1}'
        assert await raw(stream) == "event: update\ndata: <li>2</li>"
        assert await raw(stream) == "event: order.7\ndata: <b>3</b>"
        assert await raw(stream) == 'event: order.7\ndata: {"step": 4}'

    played(test)


def test_a_value_begins_no_line_and_no_event_of_its_own() -> None:
    async def test(stage: Stage) -> None:
        await put(stage, template="{{message}}", event="{{message}}", id="{{message}}")
        stream = await opened(stage, await token(stage, "#"))

        await sent(stage, "order.7", "a\r\n\r\nevent: x\rdata: y\n\nid: 9")

        frame = (await raw(stream)).split("\n")
        assert [line.partition(":")[0] for line in frame] == ["event", *["data"] * 6, "id"]

    played(test)


def test_what_is_rendered_for_very_many_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(stage: Stage) -> None:
        await put(stage, template="{{identity}} {{message}}", event=None)
        for name in ("ada", "bob", "cy"):
            await opened(stage, await token(stage, "order.*", identity=name))

        assert await sent(stage, "order.7", "x" * 40) == 2
        assert await sent(stage, "order.7", "") == 3

    monkeypatch.setattr(hub, "RENDERED_OF_NOTICE_MAX", 100)
    played(test)


def test_organizations_that_listen_keep_theirs_and_others_are_read_again() -> None:
    async def test(stage: Stage) -> None:
        kept = stage.services.renderers
        await put(stage)
        stream = await opened(stage, await token(stage, "#"))
        for org in range(1_000, 1_000 + live_renderers.ORGS_MAX * 2):
            await kept.loaded(org)

        await sent(stage, "order.7", '{"step": 1}')

        assert await raw(stream) == "event: update\ndata: <li>1</li>"
        assert len(kept._rows) <= live_renderers.ORGS_MAX + 1

    played(test)


def test_one_that_is_changed_while_they_are_read_is_the_changed_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(stage: Stage) -> None:
        await put(stage, template="old")
        read, is_first = Reads.read, True

        async def slowly(self: Reads, *args: Any, **kwargs: Any) -> Any:
            nonlocal is_first
            rows = await read(self, *args, **kwargs)
            if args[0] is all_renderers and is_first:
                is_first = False
                await put(stage, template="new", pattern="#", event=None)
            return rows

        monkeypatch.setattr(Reads, "read", slowly)
        stream = await opened(stage, await token(stage, "#"))
        await sent(stage, "order.7")

        assert not is_first
        assert await raw(stream) == "event: order.7\ndata: new"

    played(test)
