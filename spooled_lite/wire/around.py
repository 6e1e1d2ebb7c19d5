"""What stands around the handlers of every door, for a server that is told to misbehave."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Around(Protocol):
    """Called in place of a handler, for a request or call that was let in; None in production.

    `name` is that of the route or method, such as `POST /api/v1/jobs` or `Enqueue`. `call` is
    what the handler would see, which depends on the door. `handle` runs the handler.
    """

    async def __call__(self, name: str, call: object, handle: Callable[[], Awaitable[T]]) -> T: ...
