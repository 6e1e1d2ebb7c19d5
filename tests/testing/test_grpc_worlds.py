"""Over gRPC the key, or the name in the metadata, finds the world as well."""

import asyncio

import pytest

from spooled_lite.serving import serving
from tests.testing.park import Park, opened

grpc = pytest.importorskip("grpc")

METHOD = "/spooled.v1.QueueService/Enqueue"


def test_a_call_is_served_by_the_world_of_its_key() -> None:
    from spooled_lite.wire.grpc.descriptors import methods_of

    [enqueue] = [each for each in methods_of("spooled.v1.QueueService") if each.name == "Enqueue"]

    async def script(park: Park) -> None:
        async with (
            serving(park.worlds.front, asgi=park.worlds, find=park.worlds.find) as server,
            grpc.aio.insecure_channel(server.grpc_address) as channel,
        ):
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

    async def main() -> None:
        async with asyncio.timeout(60), opened(grpc_port="auto") as park:
            await script(park)

    asyncio.run(main())
