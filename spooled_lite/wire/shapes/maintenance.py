"""Answers about the upkeep of the file. Contract: catbird-capabilities, G5 and U4."""

from typing import Annotated

from msgspec import Struct

from spooled_lite.core.maintenance.collect import Collected
from spooled_lite.wire.shapes.about import a_count, about


class GarbageReport(Struct, kw_only=True):
    """Answer of POST /maintenance/gc."""

    expired_queues_deleted: Annotated[int, a_count("Queues whose time had come")] = 0
    expired_messages_deleted: Annotated[int, a_count("Messages whose time had come", 4)] = 0
    expired_task_runs: Annotated[int, a_count("Runs of tasks that have expired", 1)] = 0
    expired_flow_runs: Annotated[int, a_count("Runs of flows that have expired")] = 0
    stale_workers_deleted: Annotated[int, a_count("Workers silent for a week")] = 0
    stale_wire_nodes_deleted: Annotated[int, a_count("Always 0: there are no nodes")] = 0
    expired_notifications_deleted: Annotated[int, a_count("Notifications that had expired", 2)] = 0
    task_runs_purged: Annotated[int, a_count("Runs that their task keeps no longer", 10)] = 0
    flow_runs_purged: Annotated[int, a_count("Runs that their flow keeps no longer", 2)] = 0

    def add(self, done: Collected) -> None:
        self.expired_queues_deleted += done.queues
        self.expired_messages_deleted += done.messages
        self.expired_task_runs += done.task_runs
        self.expired_flow_runs += done.flow_runs
        self.stale_workers_deleted += done.workers
        self.expired_notifications_deleted += done.notifications
        self.task_runs_purged += done.purged_runs
        self.flow_runs_purged += done.purged_flow_runs


class MigrationView(Struct, frozen=True):
    """A row of GET /maintenance/migrations."""

    version: Annotated[int, a_count("Its number; they are applied in this order", 1)]
    name: Annotated[str, about("Its name", "initial")]
    applied: Annotated[bool, about("Whether the file has it", True)]
