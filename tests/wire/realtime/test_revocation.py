"""What ends an open stream when whoever opened it may no more."""

from typing import Any

import pytest

from spooled_lite.storage.transaction import Tx
from tests.wire.realtime.stage import Stage, on_stage, with_times


async def revoke_key(stage: Stage, key: Any) -> None:
    await stage.post(f"api-keys/{key.row['id']}", method="DELETE")


async def replace_key(stage: Stage, key: Any) -> None:
    await stage.post(f"api-keys/{key.row['id']}/regenerate")


async def narrow_key(stage: Stage, key: Any) -> None:
    await stage.post(f"api-keys/{key.row['id']}", {"queues": ["orders"]}, "PUT")


async def take_word(stage: Stage, key: Any) -> None:
    await stage.post(f"api-keys/{key.row['id']}", {"permissions": ["users:read"]}, "PUT")


@pytest.mark.parametrize("act", [revoke_key, replace_key, take_word, narrow_key])
def test_streams_of_a_key_that_may_no_more_end_at_once(act: Any) -> None:
    async def test(stage: Stage) -> None:
        key = await stage.issue()
        access, _ = await stage.tokens(key.secret)
        bearer = {"Authorization": f"Bearer {access}"}
        stays = await stage.events()
        streams = [
            await stage.stream(f"events?queue=emails&token={key.secret}", {}),
            await stage.stream("events/queues/emails", bearer),
        ]
        sockets = [
            await stage.socket("queue=emails", key=key.secret),
            await stage.socket("queue=emails", key=access),
        ]

        await act(stage, key)

        for stream in streams:
            assert all(frame.event != "error" for frame in await stream.rest())
        for socket in sockets:
            assert await socket.closed() == 1008
        await stage.enqueue("more")
        assert (await stays.until("job.created")).data["queue_name"] == "more"

    on_stage(test)


def test_streams_of_a_token_that_was_logged_out_end_at_once_and_others_go_on() -> None:
    async def test(stage: Stage) -> None:
        access, _ = await stage.tokens()
        bearer = {"Authorization": f"Bearer {access}"}
        stream = await stage.stream("events", bearer)
        socket = await stage.socket(key=access)
        others = await stage.events(), await stage.socket()

        await stage.call("POST", "/api/v1/auth/logout", {}, headers=bearer)

        await stream.rest()
        assert await socket.closed() == 1008
        await stage.enqueue()
        assert (await others[0].next()).event == "job.created"
        assert (await others[1].next())["type"] == "JobCreated"

    on_stage(test)


@pytest.mark.parametrize(
    ("method", "query", "body"),
    [
        ("DELETE", "?hard=true", None),
        ("DELETE", "", None),
        ("PATCH", "", {"is_active": False}),
    ],
)
def test_streams_of_an_organization_that_is_deleted_or_suspended_end(
    method: str, query: str, body: Any
) -> None:
    async def test(stage: Stage) -> None:
        admin = {"X-Admin-Key": "an admin key for tests"}
        stream = await stage.events()
        socket = await stage.socket()

        path = f"/api/v1/admin/organizations/{stage.it.organization_id}{query}"
        answer = await stage.call(method, path, body, headers=admin)

        assert 200 <= answer.status < 300
        await stream.rest()
        assert await socket.closed() == 1008

    on_stage(test, admin_key="an admin key for tests")


def test_a_narrower_key_sees_less_from_then_on() -> None:
    async def test(stage: Stage) -> None:
        key = await stage.issue()
        stream = await stage.stream(f"events?events=job.created&token={key.secret}", {})

        await narrow_key(stage, key)
        await stage.until(lambda: not _only(stage).identity.caller.scope.is_unrestricted)
        await stage.enqueue("emails")
        await stage.enqueue("orders")

        assert (await stream.next()).data["queue_name"] == "orders"

    on_stage(test)


def _only(stage: Stage) -> Any:
    [stream] = stage.feed.streams
    return stream


def test_a_token_that_expires_does_not_end_an_open_stream() -> None:
    async def test(stage: Stage) -> None:
        access, _ = await stage.tokens()
        stream = await stage.stream(f"events?events=job.created&token={access}", {})
        socket = await stage.socket("events=job.created", key=access)

        stage.clock.advance(seconds=25 * 3600)
        checked = _only_checks(stage)
        await stage.until(checked)
        await stage.enqueue()

        assert (await stream.next()).event == "job.created"
        assert (await socket.next())["type"] == "JobCreated"

    on_stage(test, with_times(recheck_seconds=0.05))


def _only_checks(stage: Stage) -> Any:
    """Whether each stream has been checked again since now."""
    before = {stream: stream.recheck_at for stream in stage.feed.streams}
    return lambda: all(stream.recheck_at > at for stream, at in before.items())


def test_streams_are_checked_again_even_when_nothing_was_announced() -> None:
    async def test(stage: Stage) -> None:
        key = await stage.issue()
        stream = await stage.stream(f"events?token={key.secret}", {})
        socket = await stage.socket(key=key.secret)

        await stage.db.write(_revoke_silently, key.row["id"])
        stage.services.callers._known.clear()

        await stream.rest()
        assert await socket.closed() == 1008

    on_stage(test, with_times(recheck_seconds=0.05))


def _revoke_silently(tx: Tx, key_id: str) -> None:
    assert tx.execute("UPDATE api_keys SET is_active = 0 WHERE id = :id", {"id": key_id}) == 1
