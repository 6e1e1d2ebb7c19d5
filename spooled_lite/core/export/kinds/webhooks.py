"""Lines of outgoing webhooks, of their deliveries, and of events that are owed to very many."""

from typing import Final

from spooled_lite.core.export.fields import (
    flag,
    json,
    number,
    of,
    organization,
    said,
    text,
    time,
)
from spooled_lite.core.export.kind import LineKind, LineParams
from spooled_lite.core.export.statements import DROP_UP_TO
from spooled_lite.core.webhooks.outbox import host_endpoint
from spooled_lite.storage.transaction import Tx

WEBHOOK: Final = LineKind(
    name="webhook",
    table="webhooks",
    fields=(
        text("id"),
        organization(),
        text("name"),
        text("url"),
        json("events", list[str], is_text=True),
        json("topics", list[str], is_text=True, may_lack=True),
        text("secret", may_lack=True, is_secret=True),
        text("format"),
        flag("enabled"),
        number("failure_count"),
        time("last_triggered_at", may_lack=True),
        number("last_call_ms", may_lack=True),
        text("last_status", may_lack=True),
        time("created_at"),
        time("updated_at"),
        # Deliveries are being dropped: those that are marked so.
        said("is_clearing", bool, "nullif(each.drop_to IS NOT NULL, 0)", may_lack=True),
        time("deleted_at", may_lack=True),
    ),
    follows={"drop_to": "iif(:is_clearing, 0, NULL)"},
    left_out={"seq": "a number in the file"},
)


def _store_delivery(tx: Tx, statement: str, params: LineParams) -> None:
    params["host"] = None if params["url"] is None else host_endpoint(params["url"])
    seq = tx.insert(statement, params)
    if params["to_drop"]:
        tx.execute(DROP_UP_TO, {**params, "seq": seq})


DELIVERY: Final = LineKind(
    name="delivery",
    table="deliveries",
    fields=(
        text("id"),
        organization(),
        of("webhook_id", "webhook", "webhooks", "webhook", may_lack=True),
        text("job_id", may_lack=True),
        text("event"),
        text("url", may_lack=True),
        text("secret", may_lack=True, is_secret=True),
        text("status"),
        number("attempts"),
        time("next_attempt_at", may_lack=True),
        number("status_code", may_lack=True),
        text("response_body", may_lack=True),
        text("error", may_lack=True),
        number("duration_ms", may_lack=True),
        time("created_at"),
        time("delivered_at", may_lack=True),
        json("payload", column="body"),
        said(
            "to_drop",
            bool,
            """nullif(each.status = 'pending' AND each.seq <= coalesce(
                (SELECT drop_to FROM webhooks WHERE seq = each.webhook), -1), 0)""",
            may_lack=True,
        ),
    ),
    # Whom it takes turns with: as `records.endpoint_of` and `outbox.host_endpoint` say.
    follows={
        "endpoint": """coalesce(:host, CAST(
            (SELECT seq FROM webhooks WHERE id = :webhook_id AND org = :org) AS TEXT))"""
    },
    left_out={"seq": "a number in the file"},
    store=_store_delivery,
)

OWED_EVENT: Final = LineKind(
    name="owed_event",
    table="owed_events",
    fields=(
        organization(),
        text("event"),
        text("job_id", may_lack=True),
        time("at"),
        json("data"),
        # Those that have their delivery already are left out.
        json(
            "webhook_ids",
            list[str],
            "webhooks",
            read="""(SELECT json_group_array(id) FROM (
                SELECT webhooks.id FROM json_each(each.webhooks) AS owed
                  JOIN webhooks ON webhooks.seq = owed.value
                 WHERE owed.key >= each.written ORDER BY owed.key))""",
            is_text=True,
            write="""(SELECT json_group_array(seq) FROM (
                SELECT webhooks.seq FROM json_each(:webhook_ids) AS owed
                  JOIN webhooks ON webhooks.id = owed.value AND webhooks.org = :org
                 ORDER BY owed.key))""",
        ),
    ),
    left_out={"seq": "a number in the file", "written": "so many have their delivery"},
)
