"""Lines of jobs with payload, result and tags; of who waits for whom, and of their history."""

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from spooled_lite.core.export.fields import (
    Field,
    NotAsPromised,
    checked,
    flag,
    json,
    number,
    of,
    organization,
    real,
    said,
    text,
    time,
)
from spooled_lite.core.export.kind import LineKind, LineParams
from spooled_lite.core.export.statements import body, checksum
from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.bodies import (
    add_result,
    add_traceback,
    detail_columns,
    insert_job,
    is_intact,
    result_columns,
)
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.policy import OwnPolicy
from spooled_lite.core.jobs.records import ErrorDetail
from spooled_lite.core.queues.names import checked_step_queue_name
from spooled_lite.storage.transaction import Tx

# A job has the name of its queue. Only of a queue that is being deleted the id is needed as well,
# since another one may have its name by now.
_QUEUE: Final = of(
    "queue_id",
    "queue",
    "queues",
    "queue",
    may_lack=True,
    read="(SELECT id FROM queues WHERE seq = each.queue AND deleted_at_ms IS NOT NULL)",
    write="""coalesce(
        (SELECT seq FROM queues WHERE org = :org AND queue_name = :queue_name
            AND deleted_at_ms IS NULL AND :queue_id IS NULL),
        (SELECT seq FROM queues WHERE id = :queue_id AND org = :org
            AND queue_name = :queue_name))""",
)


_TRACEBACK: Final = Field(
    name="traceback",
    column=None,
    read="(SELECT body FROM job_bodies WHERE job = each.seq AND which = 'traceback')",
    write="",
    type=str | None,
    given=lambda body: body.decode("utf-8", "replace"),
    may_lack=True,
)


def _examine(row: Sequence[Any]) -> None:
    """Raises NotAsPromised: a body that stands apart is missing or damaged."""
    checksums = row[-2:]
    payload, result, result_bytes = row[-5:-2]
    if payload is None or (result is None and result_bytes is not None):
        raise NotAsPromised("a body of it is missing in the file")
    for each, stored in zip((payload, result), checksums, strict=True):
        if not is_intact(each, stored):
            raise NotAsPromised("a body of it is damaged in the file")


def _store(tx: Tx, statement: str, params: LineParams) -> None:
    """A lease that was held gets another id: its holder will be told that it is over."""
    result = params["result"]
    has_lease = params["lease_expires_at"] is not None
    detail = ErrorDetail.of(params["error_type"], params["traceback"])
    row = {
        **params,
        **result_columns(result),
        **detail_columns(detail),
        "payload_bytes": None,
        "lease_id": tx.new_id() if has_lease else None,
    }
    seq = insert_job(tx, statement, cast(JobRow, row))
    job = cast(JobRow, {**row, "seq": seq})
    add_result(tx, job, result)
    add_traceback(tx, job, detail.traceback)
    if params["has_dependents_to_tell"]:
        tx.execute(job_statements.MARK_CASCADE, {"job": seq})


# A run that its task keeps out of the way of others may be handed out again: no breaker is open,
# and nothing runs, where it comes to.
_RUN_AT: Final = msgspec.structs.replace(
    time("run_at", may_lack=True),
    read="""CASE WHEN each.kind = 'task_run' AND each.status = 'pending'
             AND each.run_at_ms IS NOT each.scheduled_at_ms
            THEN NULL ELSE each.run_at_ms END""",
)

JOB: Final = LineKind(
    name="job",
    table="jobs",
    tables=("job_bodies", "job_cascades"),
    fields=(
        text("id"),
        organization(),
        checked("queue_name", checked_step_queue_name),
        _QUEUE,
        text("type", "kind"),
        text("status"),
        text("state", may_lack=True),
        number("priority"),
        text("job_type"),
        number("retry_count"),
        number("max_retries"),
        number("timeout_seconds"),
        time("created_at"),
        time("updated_at"),
        time("scheduled_at", may_lack=True),
        _RUN_AT,
        number("delay_ms", may_lack=True),
        time("started_at", may_lack=True),
        time("completed_at", may_lack=True),
        time("expires_at", may_lack=True),
        text("assigned_worker_id", may_lack=True),
        time("lease_expires_at", may_lack=True),
        text("settled_lease_id", may_lack=True),
        text("stop_reason", may_lack=True),
        text("idempotency_key", may_lack=True),
        text("parent_job_id", may_lack=True),
        text("workflow_id", may_lack=True),
        text("step_key", may_lack=True),
        number("step_position", may_lack=True),
        text("dependency_mode", may_lack=True),
        flag("dependencies_met", may_lack=True),
        flag("cancelled_by_parent"),
        text("last_error", may_lack=True),
        number("error_key", may_lack=True),
        real("progress", may_lack=True),
        text("progress_message", may_lack=True),
        text("completion_webhook", may_lack=True),
        text("completion_webhook_secret", may_lack=True, is_secret=True),
        number("claims"),
        text("topic", may_lack=True),
        text("concurrency_key", may_lack=True),
        text("task_name", may_lack=True),
        text("on_fail_of", may_lack=True),
        text("cancel_reason", may_lack=True),
        text("error_type", may_lack=True),
        _TRACEBACK,
        number("timeout_ms", may_lack=True),
        text("flow_name", may_lack=True),
        text("phase", may_lack=True),
        of("step_job_id", "step_job", "jobs", "job", may_lack=True),
        number("item_index", may_lack=True),
        json("policy", OwnPolicy, may_lack=True),
        json("headers", may_lack=True),
        # It has ended, and jobs that wait for it have not been told yet.
        said(
            "has_dependents_to_tell",
            bool,
            "nullif(EXISTS (SELECT 1 FROM job_cascades WHERE job = each.seq), 0)",
            may_lack=True,
        ),
        json("tags", may_lack=True),
        json("payload", read=body("payload")),
        json("result", read=body("result"), may_lack=True),
    ),
    examined=("each.result_bytes", checksum("payload"), checksum("result")),
    examine=_examine,
    follows={
        "payload_bytes": ":payload_bytes",
        "result_bytes": ":result_bytes",
        "traceback_bytes": ":traceback_bytes",
        "lease_id": ":lease_id",
        "claimable": """(:status = 'pending' AND :run_at IS NULL
            AND :dependencies_met IS NOT 0)""",
    },
    left_out={
        "seq": "a number in the file",
        "tells_breaker": "breakers begin closed",
        "guard": "limits of steps hold from the next run on",
    },
    store=_store,
)

# How far steps are that wait for a signal or have items.
STEP_STATE: Final = LineKind(
    name="step_state",
    table="step_states",
    order="job",
    fields=(
        organization(),
        of("job_id", "job", "jobs", "job"),
        flag("is_signalled"),
        json("signal", may_lack=True),
        number("items_total", may_lack=True),
        number("items_stored"),
        number("items_released"),
        number("items_open"),
        number("items_window"),
        number("items_done"),
        number("items_failed"),
        number("output_bytes"),
        number("source_offset"),
        flag("is_produced"),
        flag("gives_input"),
        text("work", may_lack=True),
    ),
)

DEPENDENCY: Final = LineKind(
    name="dependency",
    table="job_dependencies",
    order="job parent is_link",
    org="(SELECT org FROM jobs WHERE seq = each.job)",
    fields=(
        said(
            "organization_id",
            str,
            """(SELECT organizations.id FROM jobs
                JOIN organizations ON organizations.seq = jobs.org WHERE jobs.seq = each.job)""",
        ),
        of("job_id", "job", "jobs", "job"),
        of("depends_on", "parent", "jobs", "job"),
        text("when", "condition"),
        flag("is_link"),
    ),
)

HISTORY: Final = LineKind(
    name="job_history",
    table="job_history",
    where="EXISTS (SELECT 1 FROM jobs WHERE seq = each.job)",
    fields=(
        organization(),
        of("job_id", "job", "jobs", "job"),
        text("event_type"),
        text("worker_id", may_lack=True),
        json("details"),
        time("created_at"),
    ),
    left_out={"seq": "a number in the file"},
)

# Of the dead letters in it there are as many as there are: they are counted anew.
ERROR_GROUP: Final = LineKind(
    name="error_group",
    table="error_groups",
    order="queue error_key",
    org="(SELECT org FROM queues WHERE seq = each.queue AND deleted_at_ms IS NULL)",
    fields=(
        said(
            "organization_id",
            str,
            """(SELECT organizations.id FROM queues
                JOIN organizations ON organizations.seq = queues.org
                WHERE queues.seq = each.queue)""",
        ),
        of(
            "queue_name",
            "queue",
            "queues",
            "queue",
            read="(SELECT queue_name FROM queues WHERE seq = each.queue)",
            write="""(SELECT seq FROM queues WHERE org = :org AND queue_name = :queue_name
                AND deleted_at_ms IS NULL)""",
        ),
        number("error_key"),
        text("title"),
        number("retried_count"),
        number("completed_count"),
        time("first_at"),
        time("last_at"),
        text("last_job_id"),
        text("last_job_type"),
    ),
    follows={"dead_count": "0"},
)
