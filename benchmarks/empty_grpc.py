"""Baseline `empty_grpc`: the same library, calls answered with constants, streams echoed.

`python -m benchmarks.empty_grpc READY_FILE` serves until it is told to stop.
"""

import gc
import sys
from typing import Any, Final

import grpc
from grpc import aio

from benchmarks import serving
from spooled_lite.cli.serve import GC_THRESHOLDS

ANSWER: Final = b"\x0a\x243f2b8a52-7f0c-4f65-9d3e-0a1b2c3d4e5f\x10\x01"  # a job id, and "created"


async def enqueue(request: bytes, context: Any) -> bytes:
    return ANSWER


async def echo(requests: Any, context: Any) -> None:
    while (message := await context.read()) is not aio.EOF:
        await context.write(message)


HANDLERS: Final[dict[str, Any]] = {
    "Enqueue": grpc.unary_unary_rpc_method_handler(enqueue),
    "ProcessJobs": grpc.stream_stream_rpc_method_handler(echo),
}


async def serve(ready_file: str) -> None:
    server = aio.server()
    service = grpc.method_handlers_generic_handler("spooled.v1.QueueService", HANDLERS)
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")

    async def start() -> str:
        await server.start()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        return f"127.0.0.1:{port}"

    await serving.until_stopped(start, ready_file)
    await server.stop(None)


if __name__ == "__main__":
    serving.run(serve(sys.argv[1]))
