"""Every handler with its description."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.admin import ADMIN
from spooled_lite.wire.http.documents.described.auth import AUTH
from spooled_lite.wire.http.documents.described.doc import Doc
from spooled_lite.wire.http.documents.described.flows import FLOWS
from spooled_lite.wire.http.documents.described.inbox import INBOX
from spooled_lite.wire.http.documents.described.ingest import INGEST
from spooled_lite.wire.http.documents.described.jobs import JOBS
from spooled_lite.wire.http.documents.described.live import LIVE
from spooled_lite.wire.http.documents.described.maintenance import MAINTENANCE
from spooled_lite.wire.http.documents.described.many_attempts import MANY_ATTEMPTS
from spooled_lite.wire.http.documents.described.messages import MESSAGES
from spooled_lite.wire.http.documents.described.organizations import KEYS, ORGANIZATIONS
from spooled_lite.wire.http.documents.described.outcomes import OUTCOMES
from spooled_lite.wire.http.documents.described.overviews import OVERVIEWS
from spooled_lite.wire.http.documents.described.platform import PLATFORM, STUBS
from spooled_lite.wire.http.documents.described.queues import QUEUES, WORKERS
from spooled_lite.wire.http.documents.described.realtime import REALTIME
from spooled_lite.wire.http.documents.described.renderers import RENDERERS
from spooled_lite.wire.http.documents.described.schedules import SCHEDULES
from spooled_lite.wire.http.documents.described.server import SERVER
from spooled_lite.wire.http.documents.described.step_items import STEP_ITEMS
from spooled_lite.wire.http.documents.described.steps import STEPS
from spooled_lite.wire.http.documents.described.tasks import TASKS
from spooled_lite.wire.http.documents.described.topics import TOPICS
from spooled_lite.wire.http.documents.described.webhooks import WEBHOOKS
from spooled_lite.wire.http.documents.described.workflows import WORKFLOWS

DESCRIBED: Final[Mapping[Handler, Doc]] = {
    **SERVER,
    **AUTH,
    **JOBS,
    **MANY_ATTEMPTS,
    **OUTCOMES,
    **QUEUES,
    **MESSAGES,
    **TOPICS,
    **INBOX,
    **RENDERERS,
    **TASKS,
    **FLOWS,
    **WORKERS,
    **SCHEDULES,
    **MAINTENANCE,
    **WORKFLOWS,
    **STEPS,
    **STEP_ITEMS,
    **WEBHOOKS,
    **INGEST,
    **ORGANIZATIONS,
    **KEYS,
    **PLATFORM,
    **OVERVIEWS,
    **ADMIN,
    **REALTIME,
    **LIVE,
    **STUBS,
}
