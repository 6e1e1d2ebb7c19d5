"""The server's own administration. Contract: platform, sections 11 and 17."""

from functools import partial
from typing import Final

from msgspec import Raw

from spooled_lite.core.keys.administer import (
    change_organization,
    soft_delete,
)
from spooled_lite.core.keys.administer import (
    reset_usage as reset_usage_of,
)
from spooled_lite.core.keys.onboard import issue_by_admin, onboard
from spooled_lite.core.maintenance.remove_org import delete_organization
from spooled_lite.core.orgs.admin_query import (
    OrganizationFilter,
    get_organization_detail,
    list_organizations,
    server_sums,
)
from spooled_lite.core.orgs.admin_records import checked_limits
from spooled_lite.core.orgs.create import get_by_id
from spooled_lite.core.orgs.records import OrganizationChanges
from spooled_lite.core.webhooks.hold import resume_webhooks as resume
from spooled_lite.plans import TIERS
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.paging import flag, page
from spooled_lite.wire.http.resources.confirmation import ask_to_confirm
from spooled_lite.wire.http.resources.dashboard import uptime_seconds
from spooled_lite.wire.shapes.admin import (
    AdminCreateOrganization,
    AdminUpdateOrganization,
    ListedOrganization,
    OrganizationDetailView,
    OrganizationPage,
    PlanView,
    ServerStats,
)
from spooled_lite.wire.shapes.administered import AdministeredServer
from spooled_lite.wire.shapes.keys import CreateKey, KeyShown
from spooled_lite.wire.shapes.organizations import OnboardedView, OrganizationView

EVERY_QUEUE: Final = ("*",)


async def list_all(call: Call) -> Reply:
    query, shown = call.query, page(call)
    wanted = OrganizationFilter.lenient(
        plan_tier=query.get("plan_tier", ""),
        search=query.get("search", ""),
        sort_by=query.get("sort_by", ""),
        order=query.get("sort_order", ""),
        limit=shown.limit,
        offset=shown.offset,
    )
    found = await call.reads.read(list_organizations, wanted)
    return reply(
        OrganizationPage(
            organizations=[ListedOrganization.listed(row) for row in found.rows],
            total=found.total,
            limit=shown.limit,
            offset=shown.offset,
        )
    )


async def create(call: Call) -> Reply:
    organization = (await call.body(AdminCreateOrganization)).new_organization()
    made = await call.write(onboard, organization, is_live=_is_live(call))
    await ask_to_confirm(call, made.row["seq"])
    return reply(OnboardedView.of(made), 201)


async def get(call: Call) -> Reply:
    found = await call.reads.read(get_organization_detail, call.path("id"), call.services.plans)
    return reply(OrganizationDetailView.detailed(found))


async def update(call: Call) -> Reply:
    changes = (await call.body_or_empty(AdminUpdateOrganization)).changes()
    row = await call.write(change_organization, call.path("id"), changes)
    await ask_to_confirm(call, row["seq"])
    return reply(OrganizationView.of(row))


async def set_limits(call: Call) -> Reply:
    """The body is the limits themselves."""
    limits = checked_limits(bytes(await call.body(Raw)))
    changes = OrganizationChanges({"custom_limits": limits})
    row = await call.write(change_organization, call.path("id"), changes)
    return reply(OrganizationView.of(row))


async def delete(call: Call) -> Reply:
    if flag(call, "hard_delete") or flag(call, "hard"):
        organization = await call.reads.point(get_by_id, call.path("id"))
        operation = partial(delete_organization, even_if_busy=True)
        await call.write(operation, organization["seq"])
    else:
        await call.write(soft_delete, call.path("id"))
    return NO_CONTENT


async def create_key(call: Call) -> Reply:
    key = (await call.body(CreateKey)).new_key(queues=EVERY_QUEUE)
    made = await call.write(issue_by_admin, call.path("id"), key, is_live=_is_live(call))
    return reply(KeyShown.issued(made.key, made.org_id), 201)


async def reset_usage(call: Call) -> Reply:
    await call.write(reset_usage_of, call.path("id"))
    return NO_CONTENT


async def stats(call: Call) -> Reply:
    found = await call.reads.read(server_sums)
    return reply(ServerStats.of(found, uptime_seconds=uptime_seconds(call)))


async def server(call: Call) -> Reply:
    return reply(AdministeredServer.of(call.services, now_ms=call.now_ms))


async def resume_webhooks(call: Call) -> Reply:
    await call.write(resume)
    return NO_CONTENT


async def plans(call: Call) -> Reply:
    return reply([PlanView.listed(tier, call.services.plans) for tier in TIERS])


def _is_live(call: Call) -> bool:
    return call.settings.environment == "production"
