"""Fields that several resources share, with their descriptions."""

from typing import Annotated, Final

from msgspec import Struct

from spooled_lite.core.queues.names import QUEUE_NAME_MAX, STEP_QUEUE_NAME_MAX
from spooled_lite.wire.shapes.about import a_count, a_time, about

AN_ID: Final = "7d444840-9dc0-41d1-b245-5ffdce74fad2"
AN_ORGANIZATION: Final = "11e7a5c0-8f0e-4d5c-9a57-3c1f0f6a1e22"
A_LEASE: Final = "2f0f1c8e-54a5-4d39-8f3b-0a4c9b7f6c11"
QUEUE_NAMES: Final = (
    f"1 to {QUEUE_NAME_MAX} letters and digits of any script, `-`, `_` and `.`; "
    "does not start with `-` or `.`; that of a step of a flow may have up to "
    f"{STEP_QUEUE_NAME_MAX}"
)
QUEUE_LENGTH: Final = {"minLength": 1, "maxLength": STEP_QUEUE_NAME_MAX}

Id = Annotated[str, about("The id", AN_ID)]
OrganizationId = Annotated[
    str, about("The organization everything of a key belongs to", AN_ORGANIZATION)
]
QueueName = Annotated[str, about(f"The queue. {QUEUE_NAMES}", "emails", **QUEUE_LENGTH)]
SameQueueName = Annotated[str, about("The same as `queue_name`", "emails", **QUEUE_LENGTH)]
CreatedAt = Annotated[str, a_time("When it was created")]
UpdatedAt = Annotated[str, a_time("When it changed last")]
IsSuccess = Annotated[bool, about("Always true: a refusal is an error", True)]
Message = Annotated[str, about("The result in words", "3 jobs were removed")]


Version = Annotated[str, about("The version", "1.4.0")]
UptimeSeconds = Annotated[int, a_count("Since the server started", 3_600)]


class Success(Struct, frozen=True):
    """The answer of a call that says only that it was done."""

    success: IsSuccess = True
