"""Every kind of line, in the order of the file: what others refer to comes first.

A new resource has a file in `kinds/` and a place here.
"""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.export.kind import LineKind
from spooled_lite.core.export.kinds.flows import FLOW, FLOW_DOCUMENT
from spooled_lite.core.export.kinds.inbox import NOTIFICATION
from spooled_lite.core.export.kinds.jobs import (
    DEPENDENCY,
    ERROR_GROUP,
    HISTORY,
    JOB,
    STEP_STATE,
)
from spooled_lite.core.export.kinds.keys import API_KEY, BOOTSTRAP_KEY, REVOKED_TOKEN
from spooled_lite.core.export.kinds.logs import ACT, INBOUND
from spooled_lite.core.export.kinds.organizations import ORGANIZATION, USAGE
from spooled_lite.core.export.kinds.queues import QUEUE
from spooled_lite.core.export.kinds.renderers import RENDERER
from spooled_lite.core.export.kinds.schedules import SCHEDULE, SCHEDULE_RUN
from spooled_lite.core.export.kinds.tasks import TASK
from spooled_lite.core.export.kinds.topics import BINDING
from spooled_lite.core.export.kinds.webhooks import DELIVERY, OWED_EVENT, WEBHOOK
from spooled_lite.core.export.kinds.workers import WORKER
from spooled_lite.core.export.kinds.workflows import WORKFLOW

LINE_KINDS: Final = (
    ORGANIZATION,
    API_KEY,
    BOOTSTRAP_KEY,
    REVOKED_TOKEN,
    QUEUE,
    TASK,
    FLOW_DOCUMENT,
    FLOW,
    BINDING,
    WORKER,
    WEBHOOK,
    SCHEDULE,
    WORKFLOW,
    JOB,
    STEP_STATE,
    DEPENDENCY,
    HISTORY,
    ERROR_GROUP,
    SCHEDULE_RUN,
    DELIVERY,
    OWED_EVENT,
    RENDERER,
    NOTIFICATION,
    INBOUND,
    ACT,
    USAGE,
)

BY_NAME: Final[Mapping[str, LineKind]] = {kind.name: kind for kind in LINE_KINDS}

# Tables that are in no line, and why.
LEFT_OUT: Final[Mapping[str, str]] = {
    "queue_counters": "what is there now is counted anew; the minutes behind charts begin anew",
    "minute_histograms": "likewise, the minutes behind charts",
    "hours": "likewise, the hours behind charts",
    "event_log": "events are numbered anew; it holds those of some minutes, for streams",
    "confirmation_codes": "codes that are valid for some minutes",
    "sign_in_codes": "likewise",
    "named_leases": "claims that may be made again within an hour; no lease is taken along",
    "breakers": "work is tried anew; what breakers queues have is in their lines",
    "step_guards": "limits of steps, which the next run of each sets",
    "in_process_workers": "their leases end at the next start; no lease is taken along",
    "kept_answers": "answers for who repeats a call within a day, of this server",
    "binding_changes": "what is kept in memory is worked out anew",
    "server_state": "of this file alone: its name, its id, its secret for tokens",
}
