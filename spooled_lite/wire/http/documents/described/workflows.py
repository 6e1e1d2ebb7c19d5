"""The routes of workflows."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.workflows.records import STEPS_MAX
from spooled_lite.errors import BadRequest, Conflict, QuotaExceeded
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter, paging
from spooled_lite.wire.http.resources import workflows
from spooled_lite.wire.shapes.workflow_bodies import CancelWorkflow, CreateWorkflow, RerunWorkflow
from spooled_lite.wire.shapes.workflows import (
    ListedWorkflow,
    StepStatus,
    WorkflowCancelled,
    WorkflowCreated,
    WorkflowDetail,
    WorkflowJob,
    WorkflowRerun,
    WorkflowSummary,
)

WORKFLOWS: Final[Mapping[Handler, Doc]] = {
    workflows.list_all: Doc(
        summary="List workflows, newest first",
        about="Workflows with a job outside the queues of the key are left out.",
        parameters=(
            Parameter(
                "status",
                "Only workflows with this status; other values are ignored",
                {"type": "string"},
                example="running",
            ),
            *paging(),
        ),
        answer=list[ListedWorkflow],
        is_paged=True,
    ),
    workflows.create: Doc(
        summary="Create a workflow",
        about="All jobs or none. A job that depends on others waits until they are done; the rest "
        "can be claimed at once. Every job needs a `key` (`id`, `name` and `step_name` are the "
        "same), a queue and a payload. What uses conditions, signals, items or anything else of "
        "flows is run as a flow is. 200: an unfinished one has its `concurrency_key`, and that one "
        "is answered.",
        body=CreateWorkflow,
        example={
            "name": "onboarding",
            "jobs": [
                {"key": "account", "queue_name": "accounts", "payload": {"user": 42}},
                {
                    "key": "welcome",
                    "queue_name": "emails",
                    "payload": {"user": 42},
                    "depends_on": ["account"],
                },
            ],
        },
        answer=WorkflowCreated,
        statuses=(201, 200),
        errors=(BadRequest, QuotaExceeded),
    ),
    workflows.get: Doc(
        summary="Show a workflow with its jobs and dependencies",
        about="The jobs are in the order of the request.",
        answer=WorkflowDetail,
    ),
    workflows.cancel: Doc(
        summary="Cancel a workflow",
        about="Jobs that wait are cancelled; those that run go on to their end. With `stop_running`"
        " they are told to stop: a job that is not completed before its next heartbeat is then"
        " cancelled, not retried. That is the default for runs of flows, whose state is `canceling`"
        " until the last one has ended. Cancelling it again changes nothing, but with"
        " `stop_running` it reaches what still runs or waits for a retry, and of a run that is"
        " `canceling` the newest reason counts. With `job_id` it is the worker of that job who"
        " asks.",
        body=CancelWorkflow,
        example={"reason": "Order withdrawn", "stop_running": True},
        answer=WorkflowCancelled,
        errors=(BadRequest, Conflict),
    ),
    workflows.retry: Doc(
        summary="Retry the failed jobs of a failed workflow",
        about="Jobs that were cancelled because of them wait again; completed ones stay.",
        answer=WorkflowSummary,
        errors=(BadRequest, QuotaExceeded),
    ),
    workflows.rerun: Doc(
        summary="Run a finished workflow again from some jobs on",
        about="The named jobs, and all jobs that wait for them, start over: the same jobs, without"
        " their results and errors; the others stay as they are. With `dry_run` nothing is changed,"
        " and the answer names what would run again.",
        body=RerunWorkflow,
        example={"from": "account", "dry_run": True},
        answer=WorkflowRerun,
        errors=(BadRequest, Conflict, QuotaExceeded),
    ),
    workflows.delete: Doc(
        summary="Delete a finished workflow; its jobs stay",
        statuses=(204,),
        errors=(Conflict,),
    ),
    workflows.jobs: Doc(
        summary="List the jobs of a workflow",
        about="In the order of the request.",
        parameters=paging(default=STEPS_MAX, most=STEPS_MAX),
        answer=list[WorkflowJob],
        is_paged=True,
    ),
    workflows.statuses: Doc(
        summary="Show the status of each job of a workflow", answer=list[StepStatus]
    ),
    workflows.job: Doc(summary="Show one job of a workflow", answer=WorkflowJob),
}
