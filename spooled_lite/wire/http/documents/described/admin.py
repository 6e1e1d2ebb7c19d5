"""The routes for the administrator of the server."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.errors import BadRequest, Conflict, NotFound, Unavailable
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import FLAG, Doc, Parameter, paging
from spooled_lite.wire.http.resources import admin, admin_reads, backups, export
from spooled_lite.wire.shapes import admin as shapes
from spooled_lite.wire.shapes.administered import AdministeredServer
from spooled_lite.wire.shapes.backups import BackupsView
from spooled_lite.wire.shapes.jobs import Job, JobSummary
from spooled_lite.wire.shapes.keys import CreateKey, KeyShown
from spooled_lite.wire.shapes.organizations import OnboardedView, OrganizationView
from spooled_lite.wire.shapes.queues import QueueView
from spooled_lite.wire.shapes.schedules import ScheduleView
from spooled_lite.wire.shapes.usage import CustomLimits
from spooled_lite.wire.shapes.workers import WorkerView
from spooled_lite.wire.shapes.workflows import ListedWorkflow

_LIMITS: Final = {"max_active_jobs": 1_000, "max_queues": None}

ADMIN: Final[Mapping[Handler, Doc]] = {
    admin.list_all: Doc(
        summary="List organizations",
        parameters=(
            Parameter("plan_tier", "Only organizations of this tier, `deleted` included"),
            Parameter("search", "Text that the name or slug contains"),
            Parameter(
                "sort_by",
                "The field to order by; unknown ones count as `created_at`",
                example="name",
            ),
            Parameter("sort_order", "`asc` or `desc`", example="asc"),
            *paging(),
        ),
        answer=shapes.OrganizationPage,
    ),
    admin.create: Doc(
        summary="Create an organization",
        about="With its first key, which is shown only here. Whatever `registration` is set to.",
        body=shapes.AdminCreateOrganization,
        example={"name": "Acme", "slug": "acme", "plan_tier": "pro", "custom_limits": _LIMITS},
        answer=OnboardedView,
        statuses=(201,),
        errors=(Conflict,),
    ),
    admin.get: Doc(
        summary="Show one organization with all its figures",
        answer=shapes.OrganizationDetailView,
    ),
    admin.update: Doc(
        summary="Change an organization",
        about="Fields that are left out do not change. Null clears the address, the payment links "
        "and the custom limits.",
        body=shapes.AdminUpdateOrganization,
        example={"plan_tier": "pro", "custom_limits": _LIMITS, "is_active": True},
        answer=OrganizationView,
        errors=(Conflict,),
    ),
    admin.set_limits: Doc(
        summary="Set the custom limits of an organization",
        about="The body is the limits; an empty object removes all of them.",
        body=CustomLimits,
        example=_LIMITS,
        answer=OrganizationView,
    ),
    admin.delete: Doc(
        summary="Delete an organization",
        about="It is closed, and opens again when it gets a tier, unless `hard_delete` is set.",
        parameters=(
            Parameter("hard_delete", "Delete it for good, with everything in it", FLAG),
            Parameter("hard", "The same as `hard_delete`", FLAG),
        ),
        statuses=(204,),
    ),
    admin.create_key: Doc(
        summary="Create a key for an organization",
        about="The key is shown only here. No plan limits it.",
        body=CreateKey,
        example={"name": "Way in"},
        answer=KeyShown,
        statuses=(201,),
    ),
    admin.reset_usage: Doc(summary="Set the count of today's jobs to 0", statuses=(204,)),
    admin.stats: Doc(summary="Show the figures of the server", answer=shapes.ServerStats),
    admin.server: Doc(
        summary="Show how the server is and how it is set",
        about="The file, the disk, the writing thread, the background loops, and every setting "
        "with where it comes from. Of secrets it says only that they are set.",
        answer=AdministeredServer,
    ),
    backups.list_all: Doc(
        summary="List the backups of the file",
        about="Also whether one is being made now, when the next one is due, and why the last try "
        "failed. 409: the server makes no backups by itself.",
        answer=BackupsView,
        errors=(Conflict, Unavailable),
    ),
    backups.create: Doc(
        summary="Have a backup made now",
        about="Answers at once; the list says how it goes on. 409: one is being made, or the "
        "server makes no backups by itself.",
        answer=BackupsView,
        statuses=(202,),
        errors=(Conflict, Unavailable),
    ),
    admin.resume_webhooks: Doc(
        summary="Make the webhook calls that a restore holds",
        about="After `spooled-lite restore --hold-webhooks` none is made by itself, until this. "
        "Nothing happens when none is held.",
        statuses=(204,),
    ),
    export.get: Doc(
        summary="Export everything as lines of JSON",
        about="One moment of the file, as a stream: a first line that says what it is, a line for "
        "each thing with its `kind`, and a last line with their number and SHA-256. A last line "
        "with `error` says why it could not go on. It holds secrets. 409: another one is under "
        "way. One that broke off goes on with `moment` and `after`, for ten minutes.",
        parameters=(
            Parameter("organization", "Only this organization, by its id"),
            Parameter("kinds", "Only these kinds of lines, separated by commas", example="job"),
            Parameter("without_secrets", "No secrets, and no hashes of keys", FLAG),
            Parameter("moment", "Go on with this moment, as the first line names it"),
            Parameter(
                "after",
                "With `moment`: leave out so many bytes, which have come already",
                {"type": "integer", "default": 0, "minimum": 0},
            ),
        ),
        answer=str,
        media=("application/x-ndjson",),
        errors=(BadRequest, NotFound, Conflict),
    ),
    admin.plans: Doc(summary="List the plans and their limits", answer=list[shapes.PlanView]),
    admin_reads.jobs: Doc(
        summary="List the jobs of all organizations",
        parameters=(
            Parameter("status", "Only jobs with this status"),
            Parameter("queue_name", "Only jobs of queues with this name"),
            *paging(),
        ),
        answer=list[JobSummary],
        is_paged=True,
    ),
    admin_reads.job: Doc(summary="Show one job of any organization", answer=Job),
    admin_reads.workers: Doc(
        summary="List the workers of all organizations",
        parameters=paging(default=100),
        answer=list[WorkerView],
        is_paged=True,
    ),
    admin_reads.worker: Doc(summary="Show one worker of any organization", answer=WorkerView),
    admin_reads.queues: Doc(
        summary="List the queues of all organizations",
        parameters=paging(default=100),
        answer=list[QueueView],
        is_paged=True,
    ),
    admin_reads.schedules: Doc(
        summary="List the schedules of all organizations",
        parameters=(
            Parameter(
                "is_active",
                "Only active or only paused ones",
                {"type": "boolean"},
            ),
            *paging(100, 500),
        ),
        answer=list[ScheduleView],
        is_paged=True,
    ),
    admin_reads.workflows: Doc(
        summary="List the workflows of all organizations",
        parameters=(
            Parameter("status", "Only workflows with this status; other values are ignored"),
            *paging(),
        ),
        answer=list[ListedWorkflow],
        is_paged=True,
    ),
}
