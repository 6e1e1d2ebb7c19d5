"""What all handlers may be wrapped in, HTTP and gRPC: test servers see and strike calls there."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class HandlerWrapper(Protocol):
    """Called instead of the handler of a request or call that was admitted.

    `name` is that of the route or method, such as `POST /api/v1/jobs` or `Enqueue`. `call` is
    what the handler gets, which differs between HTTP and gRPC. `handle` runs the handler.
    """

    async def __call__(self, name: str, call: object, handle: Callable[[], Awaitable[T]]) -> T: ...
