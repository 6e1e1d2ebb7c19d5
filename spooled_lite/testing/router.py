"""Leads each request and each gRPC call to a world.

It goes to the first world that it names: by the header `X-Spooled-World`, by its API key, by the
organization of its token, by that of `/webhooks/{organization}/...`; else to the root.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from starlette.types import Message, Receive, Scope, Send

from spooled_lite.errors import SpooledError
from spooled_lite.testing.belongings import Belongings
from spooled_lite.testing.calls import WORLDS, WorldsOfCall
from spooled_lite.testing.early_answers import answer_early, over
from spooled_lite.testing.refusals import NoSuchWorld
from spooled_lite.testing.routes import TEST_PREFIX
from spooled_lite.testing.shown import Shown, name_of, peeked
from spooled_lite.testing.site import Site
from spooled_lite.testing.world import ROOT
from spooled_lite.wire.http.errors import refusal
from spooled_lite.wire.services import Services

if TYPE_CHECKING:
    from spooled_lite.wire.grpc.errors import Context

_ENDS_WORLDS: Final = (f"{TEST_PREFIX}/reset", f"{TEST_PREFIX}/forks/")  # and are answered


class WorldRouter:
    """An ASGI application in front of all worlds. Used on the event loop's thread."""

    def __init__(
        self, worlds: WorldsOfCall, sites: Mapping[str, Site], belongings: Belongings
    ) -> None:
        """`sites` and `belongings` are those of `worlds`, as they are at each moment."""
        self._worlds = worlds
        self._sites = sites
        self._belongings = belongings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._sites[ROOT].world.app.application(scope, receive, send)
            return
        try:
            shown = Shown.by(scope)
            if scope["type"] == "http":
                shown, receive = await peeked(shown, scope, receive)
            site = self._site_of(shown)
        except SpooledError as error:
            await answer_early(refusal(error), scope, send)
            return
        life = site.life
        is_answered = False

        async def send_unless_over(message: Message) -> None:
            # What such a request did went with the world: nobody is told that it was done.
            nonlocal is_answered
            if not life.is_over or message["type"] == "websocket.close":
                await send(message)
            elif message["type"] == "http.response.start":
                is_answered = True
                await answer_early(refusal(over()), scope, send)
            elif not is_answered:
                await send(message)

        extensions = {**scope.get("extensions", {}), WORLDS: self._worlds}
        keeps = scope["path"].startswith(_ENDS_WORLDS)
        site.began()
        try:
            await life.world.app.application(
                {**scope, "extensions": extensions}, receive, send if keeps else send_unless_over
            )
        finally:
            site.ended()

    def find(self, context: "Context") -> Services:
        """The services for a gRPC call. Raises NoSuchWorld."""
        given = context.invocation_metadata() or ()
        site = self._site_of(
            Shown.by_headers(
                (name.encode(), value if isinstance(value, bytes) else value.encode())
                for name, value in given
            )
        )
        site.began()
        context.add_done_callback(_ends(site))
        return site.world.app.services

    def _site_of(self, shown: Shown) -> Site:
        if shown.name is not None:
            name = shown.name.decode("utf-8", "replace")
            return self.named(name if name in self._sites else name_of(shown.name))
        known = self._belongings
        found = None
        if shown.credential is not None:
            token_of = shown.token_organization_id
            found = (
                known.world_of_key(shown.credential)
                if token_of is None
                else known.world_of_organization(token_of)
            )
        if found is None and shown.organization_id is not None:
            found = known.world_of_organization(shown.organization_id)
        return self._sites.get(found or ROOT) or self._sites[ROOT]

    def named(self, name: str) -> Site:
        """Raises NoSuchWorld."""
        site = self._sites.get(name)
        if site is None:
            raise NoSuchWorld(name)
        return site


def _ends(site: Site) -> Any:
    """As a callback of gRPC, which hands the context over."""
    return lambda _: site.ended()
