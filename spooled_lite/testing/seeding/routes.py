"""Seeds over HTTP."""

from functools import partial
from typing import Final

from spooled_lite.core.auth.verify import ShownCredential
from spooled_lite.testing.asking import asking
from spooled_lite.testing.calls import first_org, reserving, world_of
from spooled_lite.testing.clock_routes import SLACK_SECONDS
from spooled_lite.testing.seeding.sow import author_for, sow
from spooled_lite.testing.seeding.store import Author
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.resources.keys import grants_of

CREATED: Final = 201


async def seed(call: Call) -> Reply:
    call.allow_seconds(SLACK_SECONDS)
    body = await call.raw_body()
    await call.admit_again()
    author = await _author(call)
    reserve = partial(reserving, call)
    async with asking(call) as gone:
        made = await sow(world_of(call), call.services, author, body, reserve, gone)
    return reply(made, CREATED)


async def _author(call: Call) -> Author:
    caller = call.caller
    if caller is None:
        return author_for(call.services, await first_org(call))
    token_id = None if caller.token is None else caller.token.jti
    return Author(
        org=call.org,
        storing=call,
        grants=grants_of(call),
        shown=ShownCredential(caller.key, caller.secret_id, token_id),
    )
