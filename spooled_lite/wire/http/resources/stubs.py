"""Calls that clients know and this server refuses. Contract: platform, sections 10 and 17."""

from spooled_lite.errors import BadRequest, NotFound
from spooled_lite.wire.http.call import Call, Reply


async def no_passwords(call: Call) -> Reply:
    raise NotFound("There are no passwords here: sign in with an API key or by email")


async def no_invitations(call: Call) -> Reply:
    raise NotFound("The members of an organization are its API keys")


async def no_payments(call: Call) -> Reply:
    raise NotFound("This server has no payment provider")


async def no_charts(call: Call) -> Reply:
    raise NotFound("This server keeps no charts; GET /api/v1/dashboard has the figures of a day")


async def not_by_admin(call: Call) -> Reply:
    raise NotFound("The admin key cannot do this; use a key of the organization")


async def no_remote_configuration(call: Call) -> Reply:
    raise NotFound("This server is configured at its start, by flags, variables and a file")


async def keep_webhook_token(call: Call) -> Reply:
    """An organization always has a token: without one, anybody could send it webhooks."""
    raise NotFound("the webhook token cannot be cleared; regenerate it to stop the old one")


async def keep_webhook_token_of(call: Call) -> Reply:
    if call.path("id") != call.org_id:
        raise NotFound.thing("Organization")
    return await keep_webhook_token(call)


async def no_portal(call: Call) -> Reply:
    raise BadRequest("There is no billing portal: this server has no payment provider")
