"""API keys over HTTP. Contract: platform, section 9."""

from spooled_lite.core.keys.change import change, regenerate
from spooled_lite.core.keys.issue import issue_with
from spooled_lite.core.keys.onboard import issue_by_admin, issue_in_window
from spooled_lite.core.keys.records import Grants
from spooled_lite.core.keys.revoke import get_key, list_keys, revoke
from spooled_lite.errors import NotFound
from spooled_lite.wire.admission import admission_of
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.shapes.keys import CreateKey, KeyShown, KeyView, UpdateKey


async def list_all(call: Call) -> Reply:
    rows = await call.reads.read(list_keys, call.org)
    return reply([KeyView.of(row, call.org_id) for row in rows])


async def create(call: Call) -> Reply:
    key = (await call.body(CreateKey)).new_key()
    issued = await Acting(call, "key", "create", made=lambda it: it.row["id"]).write_while_valid(
        issue_with,
        call.org,
        key,
        grants_of(call),
        admission_of(call).caps,
        is_live=call.settings.issues_live_keys,
    )
    return reply(KeyShown.issued(issued, call.org_id), 201)


async def get(call: Call) -> Reply:
    row = await call.reads.point(get_key, call.org, call.path("id"))
    return reply(KeyView.of(row, call.org_id))


async def update(call: Call) -> Reply:
    changes = (await call.body_or_empty(UpdateKey)).changes()
    row = await Acting(call, "key", "change", call.path("id")).write_while_valid(
        change, call.org, call.path("id"), changes, grants_of(call), admission_of(call).caps
    )
    return reply(KeyView.of(row, call.org_id))


async def revoke_key(call: Call) -> Reply:
    await Acting(call, "key", "revoke", call.path("id")).write_while_valid(
        revoke, call.org, call.path("id"), grants_of(call)
    )
    return NO_CONTENT


async def regenerate_key(call: Call) -> Reply:
    issued = await Acting(call, "key", "new_secret", call.path("id")).write_while_valid(
        regenerate,
        call.org,
        call.path("id"),
        grants_of(call),
        is_live=call.settings.issues_live_keys,
    )
    return reply(KeyShown.issued(issued, call.org_id))


async def create_for_organization(call: Call) -> Reply:
    """With a key of the organization, with the admin key, or soon after its creation (8.4)."""
    org_id = call.path("id")
    if call.caller is not None:
        if org_id != call.org_id:
            raise NotFound.thing("Organization")
        return await create(call)
    key, is_live = (await call.body(CreateKey)).new_key(), call.settings.issues_live_keys
    if call.is_admin:
        made = await call.write(issue_by_admin, org_id, key, is_live=is_live)
    else:
        made = await call.write(
            issue_in_window,
            org_id,
            key,
            call.services.plans,
            is_enforced=call.settings.plan_enforcement == "on",
            is_live=is_live,
        )
    return reply(KeyShown.issued(made.key, made.org_id), 201)


def grants_of(call: Call) -> Grants:
    """What the key of the caller may give to another key."""
    assert call.caller is not None, "a call without a key does not come here"
    words = call.caller.words if call.settings.enforce_key_permissions else None
    return Grants(call.caller.scope, words)
