"""Searches that look through jobs: so many at a time for each organization."""

from typing import Final

from spooled_lite.clock import Clock
from spooled_lite.wire.calls_of_org import CallsOfOrg

# Each keeps a reader thread busy. Their windows take turns with other reads, but not with the
# processor's other work.
OF_ORG_MAX: Final = 2


def searches_of_orgs(clock: Clock) -> CallsOfOrg:
    return CallsOfOrg(
        clock, OF_ORG_MAX, f"At most {OF_ORG_MAX} searches of an organization may run at a time"
    )
