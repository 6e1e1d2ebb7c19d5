"""The routes of whoever runs the server."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.keys.onboard import OnboardedView
from spooled_lite.core.keys.records import CreateKey, KeyShown
from spooled_lite.core.orgs import admin_records as records
from spooled_lite.core.orgs.records import OrganizationView
from spooled_lite.core.queues.records import QueueView
from spooled_lite.core.schedules.records import ScheduleView
from spooled_lite.errors import Conflict
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.answers import CustomLimits
from spooled_lite.wire.http.documents.described.doc import FLAG, Doc, Parameter, paging
from spooled_lite.wire.http.resources import admin, admin_reads, admin_views
from spooled_lite.wire.http.resources.workflow_views import ListedWorkflow
from spooled_lite.wire.shapes.jobs import Job, JobSummary
from spooled_lite.wire.shapes.workers import WorkerView

_LIMITS: Final = {"max_active_jobs": 1_000, "max_queues": None}

ADMIN: Final[Mapping[Handler, Doc]] = {
    admin.list_all: Doc(
        summary="A page of organizations",
        parameters=(
            Parameter("plan_tier", "Only of this tier; `deleted` too"),
            Parameter("search", "Name or slug that contains it"),
            Parameter("sort_by", "The order; others count as `created_at`", example="name"),
            Parameter("sort_order", "`asc` or `desc`", example="asc"),
            *paging(),
        ),
        answer=records.OrganizationPage,
    ),
    admin.create: Doc(
        summary="Make an organization",
        about="With its first key, which is shown this once. In every mode of registration.",
        body=records.AdminCreateOrganization,
        example={"name": "Acme", "slug": "acme", "plan_tier": "pro", "custom_limits": _LIMITS},
        answer=OnboardedView,
        statuses=(201,),
        errors=(Conflict,),
    ),
    admin.get: Doc(
        summary="One organization with all its figures", answer=admin_views.OrganizationDetailView
    ),
    admin.update: Doc(
        summary="Change an organization",
        about="What is left out is kept. Null clears the address, the links to a payment provider "
        "and the limits of its own.",
        body=records.AdminUpdateOrganization,
        example={"plan_tier": "pro", "custom_limits": _LIMITS, "is_active": True},
        answer=OrganizationView,
        errors=(Conflict,),
    ),
    admin.set_limits: Doc(
        summary="Set the limits of an organization's own",
        about="The body is the limits; an empty object takes them away.",
        body=CustomLimits,
        example=_LIMITS,
        answer=OrganizationView,
    ),
    admin.delete: Doc(
        summary="Delete an organization",
        about="So that it can be taken back by giving it a tier again, unless told otherwise.",
        parameters=(
            Parameter("hard_delete", "For good, with everything in it", FLAG),
            Parameter("hard", "The same as `hard_delete`", FLAG),
        ),
        statuses=(204,),
    ),
    admin.create_key: Doc(
        summary="Make a key of an organization",
        about="It is shown this once. No plan limits it.",
        body=CreateKey,
        example={"name": "Way in"},
        answer=KeyShown,
        statuses=(201,),
    ),
    admin.reset_usage: Doc(summary="Count the jobs of today from 0", statuses=(204,)),
    admin.stats: Doc(summary="The figures of the server", answer=admin_views.ServerStats),
    admin.plans: Doc(summary="What each plan allows", answer=list[admin_views.PlanView]),
    admin_reads.jobs: Doc(
        summary="A page of the jobs of all organizations",
        parameters=(
            Parameter("status", "Only in this status"),
            Parameter("queue_name", "Only of queues of this name"),
            *paging(),
        ),
        answer=list[JobSummary],
        is_paged=True,
    ),
    admin_reads.job: Doc(summary="One job of any organization", answer=Job),
    admin_reads.workers: Doc(
        summary="A page of the workers of all organizations",
        parameters=paging(default=100),
        answer=list[WorkerView],
        is_paged=True,
    ),
    admin_reads.worker: Doc(summary="One worker of any organization", answer=WorkerView),
    admin_reads.queues: Doc(
        summary="A page of the queues of all organizations",
        parameters=paging(default=100),
        answer=list[QueueView],
        is_paged=True,
    ),
    admin_reads.schedules: Doc(
        summary="A page of the schedules of all organizations",
        parameters=(
            Parameter("is_active", "Only those that run, or that do not", {"type": "boolean"}),
            *paging(100, 500),
        ),
        answer=list[ScheduleView],
        is_paged=True,
    ),
    admin_reads.workflows: Doc(
        summary="A page of the workflows of all organizations",
        parameters=(
            Parameter("status", "Only of this status; another word counts as none"),
            *paging(),
        ),
        answer=list[ListedWorkflow],
        is_paged=True,
    ),
}
