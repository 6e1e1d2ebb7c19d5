"""How often streams are told of what no commit tells them. Real time, not the product's."""

from msgspec import Struct


class Timing(Struct, frozen=True, kw_only=True):
    """Contract: realtime, sections 2, 4.1, 4.2, 5.2."""

    turn_seconds: float = 1.0  # how late any of it may be noticed
    keep_alive_seconds: float = 15.0  # since the last byte written
    lifetime_seconds: float = 1800.0  # of an event stream
    health_seconds: float = 10.0
    statistics_seconds: float = 5.0
    ping_seconds: float = 30.0
    recheck_seconds: float = 30.0
