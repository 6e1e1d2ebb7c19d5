"""Whether those who listen to topics may go on, by the key that is behind them."""

from spooled_lite.errors import AccessDenied, Unauthorized
from spooled_lite.wire.caller import Caller, Callers
from spooled_lite.wire.identity import REVOKED
from spooled_lite.wire.live.stream import TopicStream
from spooled_lite.wire.live.tokens import TopicGrant

# What the key of a token for topics must be allowed: the same as of one that makes it.
TOKEN_WORD = "jobs:write"
STREAM_WORD = "jobs:read"  # of a key that listens itself


class TopicRights:
    def __init__(self, callers: Callers, *, checks_words: bool) -> None:
        self._callers = callers
        self._checks_words = checks_words

    @property
    def generation(self) -> int:
        """Another number after each change of a key, a token or an organization."""
        return self._callers.generation

    async def of_grant(self, grant: TopicGrant) -> Caller:
        """The key behind a token for topics, with the rights it has now.

        Raises:
            Unauthorized: it may not make such tokens any more, has another secret, or is gone.
            AccessDenied: the organization is suspended.
        """
        try:
            caller = await self._callers.of_key(grant.key_id, grant.secret_id)
        except Unauthorized:
            raise Unauthorized(REVOKED) from None
        if not self._may(caller, TOKEN_WORD):
            raise Unauthorized(REVOKED)
        return caller

    async def again(self, stream: TopicStream) -> Caller | None:
        """The key behind an open stream as it is now; None: it may not listen any more."""
        try:
            if stream.grant is not None:
                return await self.of_grant(stream.grant)
            caller = await self._callers.again(stream.caller)
        except (Unauthorized, AccessDenied):
            return None
        return caller if self._may(caller, STREAM_WORD) else None

    def _may(self, caller: Caller, word: str) -> bool:
        return caller.scope.is_unrestricted and (not self._checks_words or caller.may(word))
