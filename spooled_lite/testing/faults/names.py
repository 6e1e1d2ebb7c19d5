"""The names of methods and streams that rules are for."""

from collections.abc import Mapping
from typing import Final

ANY: Final = "*"
# By the name under which a method is served: all names differ.
RPC_NAMES: Final[Mapping[str, str]] = {
    name: f"{service}/{name}"
    for service, names in (
        (
            "QueueService",
            ("Enqueue", "Dequeue", "Complete", "Fail", "RenewLease", "GetJob", "GetQueueStats",
             "StreamJobs", "ProcessJobs"),
        ),
        ("WorkerService", ("Register", "Heartbeat", "Deregister")),
    )
    for name in names
}  # fmt: skip
# Of gRPC: who has one open works, however long it says nothing.
JOB_STREAMS: Final = frozenset({"StreamJobs", "ProcessJobs"})
STREAMS: Final = ("sse", "websocket", "grpc")
