"""Organizations over HTTP. Contract: platform, section 8."""

from spooled_lite.core.keys.onboard import onboard
from spooled_lite.core.maintenance.remove_org import delete_organization
from spooled_lite.core.orgs.create import check_slug as check_slug_of
from spooled_lite.core.orgs.create import free_slug, get_organization
from spooled_lite.core.orgs.members import list_members
from spooled_lite.core.orgs.update import regenerate_webhook_token
from spooled_lite.core.orgs.update import update as update_organization
from spooled_lite.core.orgs.usage import OrgUsage
from spooled_lite.core.orgs.usage import usage_of as find_usage
from spooled_lite.errors import NotFound, WrongShape
from spooled_lite.plans import Plans
from spooled_lite.storage.transaction import Reading
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.resources.confirmation import ask_to_confirm
from spooled_lite.wire.shapes.organizations import (
    CreateOrganization,
    GeneratedSlug,
    GenerateSlug,
    Member,
    OnboardedView,
    OrganizationView,
    SlugAnswer,
    UpdateOrganization,
    WebhookTokenView,
)
from spooled_lite.wire.shapes.usage import Usage


async def create(call: Call) -> Reply:
    body = await call.body(CreateOrganization)
    wanted = body.new_organization(call.settings.default_plan_tier)
    made = await call.write(onboard, wanted, is_live=call.settings.issues_live_keys)
    await ask_to_confirm(call, made.row["seq"])
    return reply(OnboardedView.of(made), 201)


async def list_all(call: Call) -> Reply:
    """Only the organization of the caller."""
    row = await call.reads.point(get_organization, call.org)
    return reply([OrganizationView.of(row)])


async def get(call: Call) -> Reply:
    _check_own(call)
    return reply(OrganizationView.of(await call.reads.point(get_organization, call.org)))


async def update(call: Call) -> Reply:
    _check_own(call)
    changes = (await call.body_or_empty(UpdateOrganization)).changes()
    row = await Acting(call, "organization", "change", call.org_id).write_while_valid(
        update_organization, call.org, changes
    )
    await ask_to_confirm(call, call.org)
    return reply(OrganizationView.of(row))


async def delete(call: Call) -> Reply:
    _check_own(call)
    await Acting(call, "organization", "delete", call.org_id).write_while_valid(
        delete_organization, call.org
    )
    return NO_CONTENT


async def usage(call: Call) -> Reply:
    return reply(Usage.of(await call.reads.read(_usage, call.org, call.services.plans)))


async def usage_of(call: Call) -> Reply:
    _check_own(call)
    return await usage(call)


async def members(call: Call) -> Reply:
    _check_own(call)
    return reply(Member.all_of(await call.reads.read(list_members, call.org)))


async def check_slug(call: Call) -> Reply:
    slug = call.query.get("slug")
    if slug is None:
        raise WrongShape.missing("slug")
    return await _slug_answer(call, slug)


async def check_slug_in_path(call: Call) -> Reply:
    return await _slug_answer(call, call.path("slug"))


async def generate_slug(call: Call) -> Reply:
    name = (await call.body(GenerateSlug)).name
    slug = await call.reads.read(free_slug, name, call.services.ids.secret)
    return reply(GeneratedSlug(slug))


async def webhook_token(call: Call) -> Reply:
    row = await call.reads.point(get_organization, call.org)
    return reply(WebhookTokenView.of(row, call.base_url))


async def webhook_token_of(call: Call) -> Reply:
    _check_own(call)
    return await webhook_token(call)


async def new_webhook_token(call: Call) -> Reply:
    """Takes no body: a body that is sent is not read."""
    row = await Acting(call, "organization", "new_token", call.org_id).write_while_valid(
        regenerate_webhook_token, call.org
    )
    return reply(WebhookTokenView.of(row, call.base_url))


async def new_webhook_token_of(call: Call) -> Reply:
    _check_own(call)
    return await new_webhook_token(call)


async def _slug_answer(call: Call, slug: str) -> Reply:
    found = await call.reads.read(check_slug_of, slug, call.services.ids.secret)
    return reply(SlugAnswer.of(found))


def _usage(tx: Reading, org: int, plans: Plans) -> OrgUsage:
    return find_usage(tx, get_organization(tx, org), plans)


def _check_own(call: Call) -> None:
    """Another organization is answered as not found, whether or not it exists."""
    if call.path("id") != call.org_id:
        raise NotFound.thing("Organization")
