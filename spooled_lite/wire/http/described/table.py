"""Every handler and what is said of it."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.wire.http.described.admin import ADMIN
from spooled_lite.wire.http.described.auth import AUTH
from spooled_lite.wire.http.described.doc import Doc
from spooled_lite.wire.http.described.ingest import INGEST
from spooled_lite.wire.http.described.jobs import JOBS
from spooled_lite.wire.http.described.organizations import KEYS, ORGANIZATIONS
from spooled_lite.wire.http.described.platform import PLATFORM, STUBS
from spooled_lite.wire.http.described.queues import QUEUES, WORKERS
from spooled_lite.wire.http.described.realtime import REALTIME
from spooled_lite.wire.http.described.schedules import SCHEDULES
from spooled_lite.wire.http.described.server import SERVER
from spooled_lite.wire.http.described.webhooks import WEBHOOKS
from spooled_lite.wire.http.described.workflows import WORKFLOWS
from spooled_lite.wire.http.dispatch import Handler

DESCRIBED: Final[Mapping[Handler, Doc]] = {
    **SERVER,
    **AUTH,
    **JOBS,
    **QUEUES,
    **WORKERS,
    **SCHEDULES,
    **WORKFLOWS,
    **WEBHOOKS,
    **INGEST,
    **ORGANIZATIONS,
    **KEYS,
    **PLATFORM,
    **ADMIN,
    **REALTIME,
    **STUBS,
}
