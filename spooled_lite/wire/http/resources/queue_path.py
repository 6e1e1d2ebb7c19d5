"""The queue that the path of a call names."""

from spooled_lite.core.queues.names import checked_step_queue_name
from spooled_lite.errors import BadRequest, RuleBroken
from spooled_lite.wire.http.call import Call


def queue_of_path(call: Call) -> str:
    """The queue in the path: a good name, and one that the key opens."""
    try:
        name = checked_step_queue_name(call.path("name"), "name")
    except RuleBroken as error:
        raise BadRequest(error.message) from None
    call.scope.check(name)
    return name
