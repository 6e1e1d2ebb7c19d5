"""Over gRPC the key, or the name in the metadata, finds the world as well."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from spooled_lite.serving import serving
from tests.testing.park import Park, opened

grpc = pytest.importorskip("grpc")

METHOD = "/spooled.v1.QueueService/Enqueue"


def played(script: Callable[[Park, Any], Awaitable[None]]) -> None:
    """Run a script with worlds, and a channel to them."""

    async def main() -> None:
        async with asyncio.timeout(60), opened(grpc_port="auto") as park:
            it = park.worlds
            async with (
                serving(
                    it.front, asgi=it.router, find=it.router.find, current=it.current
                ) as server,
                grpc.aio.insecure_channel(server.grpc_address) as channel,
            ):
                await script(park, channel)

    asyncio.run(main())


def test_a_call_is_served_by_the_world_of_its_key() -> None:
    from spooled_lite.wire.grpc.descriptors import methods_of

    [enqueue] = [each for each in methods_of("spooled.v1.QueueService") if each.name == "Enqueue"]

    async def script(park: Park, channel: Any) -> None:
        call = channel.unary_unary(METHOD)

        async def send(**metadata: str) -> None:
            asked = enqueue.request(queue_name="emails").SerializeToString()
            given = tuple((name.replace("_", "-"), value) for name, value in metadata.items())
            await call(asked, metadata=given)

        fork = await park.fork("it")
        root_key = str(park.worlds.root.app.key)
        await send(x_api_key=fork.about["api_key"])
        await send(authorization=f"Bearer {fork.about['api_key']}")
        await send(x_api_key=root_key, x_spooled_world="it")
        assert (len(await fork.jobs()), len(await park.root.jobs())) == (3, 0)
        await send(x_api_key=root_key)
        assert (len(await fork.jobs()), len(await park.root.jobs())) == (3, 1)

        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await send(x_api_key=root_key, x_spooled_world="none")
        assert raised.value.code() == grpc.StatusCode.NOT_FOUND

    played(script)


@pytest.mark.parametrize(
    ("end", "code"),
    [("revoked", "UNAUTHENTICATED"), ("reset", "UNAVAILABLE"), ("deleted", "UNAVAILABLE")],
)
def test_a_stream_that_says_nothing_ends_with_its_world_or_its_key(end: str, code: str) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async def script(park: Park, channel: Any) -> None:
        fork = await park.fork("it")
        made = await fork.post("api-keys", {"name": "worker"})
        process = channel.stream_stream("/spooled.v1.QueueService/ProcessJobs")
        stream = process(nothing(), metadata=(("x-api-key", made["key"]),))
        await stream.initial_metadata()

        if end == "revoked":
            await fork.call("DELETE", f"api-keys/{made['id']}")
        elif end == "reset":
            await fork.post("test/reset")
        else:
            await park.root.call("DELETE", "test/forks/it")

        async with asyncio.timeout(10):  # half a minute later its key is looked at anyway
            assert await stream.code() == grpc.StatusCode[code]

    played(script)
