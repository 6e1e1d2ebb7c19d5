"""The rows of the table of routes that are about flows and the steps of their runs."""

from typing import Final

from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.dispatch import Row, Trait
from spooled_lite.wire.http.resources import flow_runs, flow_schedules, flows

# fmt: off
FLOW_ROUTES: Final[tuple[Row, ...]] = (
    ("GET",    "/api/v1/flows",        flows.list_all, Access.KEY, "workflows:read"),
    ("POST",   "/api/v1/flows",        flows.create,   Access.KEY, "workflows:write", Trait.ONCE),
    ("GET",    "/api/v1/flows/{name}", flows.get,      Access.KEY, "workflows:read"),
    ("PUT",    "/api/v1/flows/{name}", flows.replace,  Access.KEY, "workflows:write"),
    ("DELETE", "/api/v1/flows/{name}", flows.delete,   Access.KEY, "workflows:write"),
    ("GET",    "/api/v1/flows/{name}/runs", flow_runs.list_all, Access.KEY, "workflows:read"),
    ("POST",   "/api/v1/flows/{name}/runs", flow_runs.create,   Access.KEY, "workflows:write", Trait.ONCE),  # noqa: E501
    ("DELETE", "/api/v1/flows/{name}/runs", flow_runs.purge,    Access.KEY, "workflows:write"),
    ("GET",    "/api/v1/flows/{name}/schedule", flow_schedules.get,    Access.KEY, "schedules:read"),  # noqa: E501
    ("PUT",    "/api/v1/flows/{name}/schedule", flow_schedules.put,    Access.KEY, "schedules:write"),  # noqa: E501
    ("DELETE", "/api/v1/flows/{name}/schedule", flow_schedules.delete, Access.KEY, "schedules:write"),  # noqa: E501
)
# fmt: on
