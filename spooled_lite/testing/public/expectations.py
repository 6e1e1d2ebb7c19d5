"""What a test expects of a world, and what is told when it is not met."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NotRequired, Required, TypedDict

from spooled_lite.testing.public.link import Link
from spooled_lite.testing.public.times import length_of


class HowMany(TypedDict, total=False):
    at_least: int
    at_most: int


class JobsWanted(TypedDict, total=False):
    """Jobs: all that is said has to hold of each that counts."""

    queue: str
    job_id: str
    status: str
    job_type: str
    payload: Any  # of objects the members named here
    result: Any
    error: str
    retry_count: int
    at: Sequence[str]  # when the attempts of the first that fits began: ["+0s", "+1h"], or times
    count: int | HowMany  # at least one, when nothing is said; so below


class MessagesWanted(TypedDict):
    """Messages that are in a queue."""

    messages: Required[str]  # the queue
    body: NotRequired[Any]  # of objects the members named here
    headers: NotRequired[Any]
    topic: NotRequired[str]
    concurrency_key: NotRequired[str]
    state: NotRequired[str]  # "visible", "hidden", "expired", "completed" or "canceled"
    deliveries: NotRequired[int]
    count: NotRequired[int | HowMany]


class WebhookWanted(TypedDict):
    """Deliveries that a webhook took."""

    webhook: Required[str]  # its name
    event: NotRequired[str]
    delivered: NotRequired[int | HowMany]


class RequestWanted(TypedDict):
    """Requests in the journal."""

    request: Required[str]  # a route, or a method and a path
    status_code: NotRequired[int]
    count: NotRequired[int | HowMany]


class EventWanted(TypedDict):
    """Events in the journal: "message.sent", "message.read", "job.completed"."""

    event: Required[str]
    queue: NotRequired[str]
    job_id: NotRequired[str]
    message_id: NotRequired[str]
    count: NotRequired[int | HowMany]


class MailWanted(TypedDict):
    """Mails in the inbox."""

    mail: Required[str]  # the recipient
    subject: NotRequired[str]
    count: NotRequired[int | HowMany]


class FaultWanted(TypedDict):
    """How often a fault struck."""

    fault: Required[str]  # its id
    struck: NotRequired[int | HowMany]


Expectation = (
    JobsWanted
    | MessagesWanted
    | WebhookWanted
    | RequestWanted
    | EventWanted
    | MailWanted
    | FaultWanted
)


class NotMet(AssertionError):
    """Something that was expected does not hold.

    `results` has one for each expectation, as the API answers them: `passed`, `expected`,
    `actual`, and in `nearest` what came nearest and how it `differs`. `now` is the time by the
    clock of the world.
    """

    def __init__(self, now: str, results: Sequence[Mapping[str, Any]]) -> None:
        self.now = now
        self.results = results
        failed = [each for each in results if not each["passed"]]
        first = f"{len(failed)} of {len(results)} expectations do not hold at {now}"
        super().__init__("\n".join([first, *(line for each in failed for line in _lines(each))]))


def expect(
    link: Link, wanted: Sequence[Expectation], *, within: timedelta | str, real_ms: int
) -> None:
    """Raises NotMet."""
    body = {"expect": list(wanted), "within": length_of(within), "real_ms": real_ms}
    told = link.call("POST", "/test/expect", body)
    if not told["passed"]:
        raise NotMet(told["now"], told["results"])


def _lines(result: Mapping[str, Any]) -> list[str]:
    found = json.dumps(result["actual"], ensure_ascii=False)
    lines = [f"- {json.dumps(result['expected'], ensure_ascii=False)}: found {found}"]
    for near in result["nearest"]:
        which = next((f"{name} {near[name]}" for name in near if name != "differs"), "one")
        differs = (
            f"{path} is {json.dumps(value, ensure_ascii=False)}"
            for path, value in near["differs"].items()
        )
        lines.append(f"    {which}: {', '.join(differs)}")
    return lines
