"""The intervals of frames and checks that no commit causes, in real time."""

from msgspec import Struct


class Timing(Struct, frozen=True, kw_only=True):
    """Contract: realtime, sections 2, 4.1, 4.2, 5.2."""

    turn_seconds: float = 1.0  # how often it is checked what is due, and so how late it may be
    keep_alive_seconds: float = 15.0  # since the last byte written
    lifetime_seconds: float = 1800.0  # after which an event stream is ended
    health_seconds: float = 10.0
    statistics_seconds: float = 5.0
    ping_seconds: float = 30.0
    recheck_seconds: float = 30.0
