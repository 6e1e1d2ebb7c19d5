"""How many requests an organization, a key and an address may make, and how often one may fail.

Contract: platform, section 4. Kept in memory: everything starts full after a restart.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final, Literal, Protocol

from spooled_lite.config import Settings
from spooled_lite.errors import RateLimited
from spooled_lite.plans import OwnLimits, Plans
from spooled_lite.wire.caller import Caller
from spooled_lite.wire.header import Header
from spooled_lite.wire.rates.buckets import (
    BucketStanding,
    Rate,
    TokenBucket,
    Window,
    keep,
    use,
)

UNLIMITED: Final = 1_000_000  # what the headers say when nothing is limited
ADDRESS_PER_SECOND: Final = 100  # public calls of one address, when no setting says otherwise
ADDRESS_BURST: Final = 200
FAILURES_MAX: Final[Mapping[Literal["login", "admin"], int]] = {"login": 10, "admin": 60}
GUESS_SECONDS: Final = 0.1  # not noticed after a typing error; at most ten guesses a second
UNKNOWN_ADDRESS: Final = "unknown"
FORWARDED_BYTES_MAX: Final = 64  # of the first entry: no address is longer


class RateLimits:
    """O(1) per request, and bounded: see `buckets.keep`."""

    def __init__(self, settings: Settings, plans: Plans) -> None:
        self._settings = settings
        self._plans = plans
        self._buckets: OrderedDict[int, TokenBucket] = OrderedDict()  # by organization
        self._windows: OrderedDict[int, Window] = OrderedDict()  # by key
        self._addresses: OrderedDict[str, TokenBucket] = OrderedDict()
        self._address_rate = Rate(
            settings.rate_limit_requests_per_second or ADDRESS_PER_SECOND,
            settings.rate_limit_burst or ADDRESS_BURST,
        )

    def charge(
        self, caller: Caller, now_ms: int, *, is_spared: bool = False
    ) -> BucketStanding | None:
        """Count one request; the standing of the tighter limit, None when nothing is limited.

        A refused request is not counted. One that `is_spared` is counted and never refused; beyond
        the limit of the organization it leaves no debt, so that others are let in as soon as
        there is room again.
        """
        limit = caller.rate_limit
        rate = organization_rate(
            self._settings, self._plans, caller.plan_tier, caller.custom_limits
        )
        window = None if limit is None else self._window(caller.key, now_ms)
        bucket = None if rate is None else self._bucket(caller.org, rate, now_ms)
        if not is_spared:
            if window is not None and limit is not None and not window.has_room(limit):
                return window.standing(limit, now_ms, refused=True)
            if bucket is not None and not bucket.has_room():
                return bucket.standing(now_ms, refused=True)
        standings: list[BucketStanding] = []
        if window is not None and limit is not None:
            window.take()
            standings.append(window.standing(limit, now_ms, refused=False))
        if bucket is not None:
            bucket.take()
            standings.append(bucket.standing(now_ms, refused=False))
        return min(standings, key=lambda standing: standing.remaining, default=None)

    def charge_address(self, address: str, now_ms: int) -> BucketStanding:
        """Count one public call, or refuse it without counting it."""
        bucket = use(self._addresses, address) or keep(
            self._addresses, address, TokenBucket(self._address_rate, now_ms, "ip")
        )
        bucket.refill(self._address_rate, now_ms)
        if not bucket.has_room():
            return bucket.standing(now_ms, refused=True)
        bucket.take()
        return bucket.standing(now_ms, refused=False)

    def _bucket(self, org: int, rate: Rate, now_ms: int) -> TokenBucket:
        bucket = use(self._buckets, org) or keep(
            self._buckets, org, TokenBucket(rate, now_ms, "organization")
        )
        bucket.refill(rate, now_ms)
        return bucket

    def _window(self, key: int, now_ms: int) -> Window:
        window = use(self._windows, key) or keep(self._windows, key, Window(now_ms, "api_key"))
        window.turn(now_ms)
        return window


class FailureWindows:
    """Failures of one kind per client address; what succeeds does not count. O(1), bounded.

    Call `check` before looking at the credential, and `fail` when it was wrong. Past the limit no
    credential is compared, so that guessing the right one is not told either.
    """

    def __init__(self, kind: Literal["login", "admin"]) -> None:
        self._kind = kind
        self._failures_max = FAILURES_MAX[kind]
        self._windows: OrderedDict[str, Window] = OrderedDict()
        self._turn_at: OrderedDict[str, float] = OrderedDict()  # of the last one in line

    def check(self, address: str, now_ms: int) -> None:
        """Raises RateLimited: this address has failed too often in the last minute."""
        window = self._windows.get(address)
        if window is None:
            return
        window.turn(now_ms)
        if not window.has_room(self._failures_max):
            window.standing(self._failures_max, now_ms, refused=True).check()

    def fail(self, address: str, now_ms: int) -> None:
        window = use(self._windows, address) or keep(
            self._windows, address, Window(now_ms, self._kind)
        )
        window.turn(now_ms)
        window.take()

    async def wait_turn(self, address: str) -> None:
        """Wait the time that a guess costs, one guess of an address after the other.

        So parallel guesses are not faster. Call `fail` first: it bounds how many can wait.
        """
        loop = asyncio.get_running_loop()
        last = use(self._turn_at, address) or 0.0
        turn_at = max(loop.time(), last) + GUESS_SECONDS
        if last:
            self._turn_at[address] = turn_at
        else:
            keep(self._turn_at, address, turn_at)
        await asyncio.sleep(turn_at - loop.time())


class Asked(Protocol):
    """What `client_address` needs to know of a call."""

    @property
    def peer(self) -> str | None: ...
    @property
    def headers(self) -> Mapping[bytes, bytes]: ...
    @property
    def settings(self) -> Settings: ...


def client_address(call: Asked) -> str:
    """The address that counts as one client: the peer, or the one a trusted proxy names.

    An IPv6 network of 64 bits counts as one: a client usually has all of its addresses.
    """
    if call.settings.trust_proxy:
        forwarded = call.headers.get(b"x-forwarded-for", b"").partition(b",")[0].strip()
        if forwarded and len(forwarded) <= FORWARDED_BYTES_MAX:
            named = _normal(forwarded.decode("latin-1"))
            if named is not None:
                return named
    if call.peer is None:
        return UNKNOWN_ADDRESS
    return _normal(call.peer) or call.peer


@lru_cache(maxsize=1024)
def _normal(text: str) -> str | None:
    """Without port and brackets; None: this is not an address."""
    host = text
    if text.startswith("["):
        host = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        host = text.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"


def organization_rate(
    settings: Settings, plans: Plans, tier: str, own: OwnLimits | None
) -> Rate | None:
    """None when the organization is not limited. A limit of its own always counts."""
    limits = plans.limits(tier) if settings.plan_enforcement == "on" else None
    per_second = (
        settings.rate_limit_requests_per_second
        if limits is None
        else limits.rate_limit_requests_per_second
    )
    burst = settings.rate_limit_burst if limits is None else limits.rate_limit_burst
    if own is not None:
        per_second = own.rate_limit_requests_per_second or per_second
        burst = own.rate_limit_burst or burst
    if per_second is None:
        return None
    return Rate(per_second, 2 * per_second if burst is None else burst)


def rate_headers(standing: BucketStanding | None, now_ms: int) -> tuple[Header, ...]:
    """None: nothing is limited; the headers then show a large number."""
    if standing is None:
        return _unlimited(now_ms // 1000)
    return _headers(standing)


def refusal_headers(error: RateLimited) -> tuple[Header, ...]:
    """The headers of the answer to a refused request."""
    return _headers(BucketStanding(error.limit, 0, error.reset_at, error.scope))


@lru_cache(maxsize=4)
def _unlimited(now_seconds: int) -> tuple[Header, ...]:
    return _headers(BucketStanding(UNLIMITED, UNLIMITED, now_seconds + 1, "organization"))


def _headers(standing: BucketStanding) -> tuple[Header, ...]:
    return (
        (b"x-ratelimit-limit", b"%d" % standing.limit),
        (b"x-ratelimit-remaining", b"%d" % standing.remaining),
        (b"x-ratelimit-reset", b"%d" % standing.reset_at),
        (b"x-ratelimit-scope", standing.scope.encode("ascii")),
    )
