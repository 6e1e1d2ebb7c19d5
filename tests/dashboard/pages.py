"""Every page, with an address of it in the seeded world: for accessibility, pictures, hostile data."""

from collections.abc import Callable, Mapping
from typing import Final

from playwright.sync_api import Page

from tests.dashboard.world import World

ADMIN_KEY: Final = "an admin key of the tests"
# Name of the picture: the address behind `#`.
PAGES: Final[Mapping[str, Callable[[World], str]]] = {
    "home": lambda world: "/",
    "queues": lambda world: "/queues",
    "queue": lambda world: "/queues/charges",
    "queue-paused": lambda world: "/queues/reports",
    "messages": lambda world: "/messages/audit",
    "message": lambda world: f"/messages/audit?open={world.made['message']}",
    "topics": lambda world: "/topics",
    "topics-asked": lambda world: "/topics?topic=events.user.created",
    "live": lambda world: "/live?topic=order.7",
    "inbox": lambda world: "/inbox/user-123",
    "inbox-seen": lambda world: "/inbox/user-123?state=seen",
    "tasks": lambda world: "/tasks",
    "task": lambda world: "/tasks/charge_card",
    "task-none": lambda world: "/tasks/send_receipt",
    "job-run": lambda world: f"/jobs/{world.made['run']['id']}",
    "job-message": lambda world: f"/jobs/{world.made['message']}",
    "workers": lambda world: "/workers",
    "worker": lambda world: f"/workers/{world.made['worker']['id']}",
    "jobs": lambda world: "/jobs",
    "jobs-dead": lambda world: "/jobs?status=deadletter",
    "dead": lambda world: "/dead",
    "dead-group": lambda world: f"/dead?group={world.made['error']}",
    "jobs-search": lambda world: "/jobs?text=cus_81",
    "job-dead": lambda world: f"/jobs/{world.made['dead']['id']}",
    "job-waiting": lambda world: f"/jobs/{world.made['waiting']['id']}",
    "job-told": lambda world: f"/jobs/{world.made['told']['id']}",
    "job-hostile": lambda world: f"/jobs/{world.made['hostile']['id']}",
    "job-new": lambda world: "/jobs/new?queue=emails",
    "job-again": lambda world: f"/jobs/new?from={world.made['dead']['id']}",
    "job-lines": lambda world: "/jobs/new?lines=1&queue=emails",
    "events": lambda world: "/events",
    "webhooks": lambda world: "/webhooks",
    "webhook": lambda world: f"/webhooks/{world.made['webhook']['id']}",
    "inbound": lambda world: "/inbound",
    "keys": lambda world: "/keys",
    "org": lambda world: "/org",
    "server": lambda world: "/server",
    "server-locked": lambda world: "/server",
    "server-org": lambda world: f"/server/orgs/{world.made['org']}",
    "acts": lambda world: "/acts",
    "here": lambda world: "/here",
    "schedules": lambda world: "/schedules",
    "schedule": lambda world: f"/schedules/{world.made['schedule']['id']}",
    "schedule-edit": lambda world: f"/schedules/{world.made['schedule']['id']}?edit=1",
    "schedule-new": lambda world: "/schedules/new?cron=30 2 * *",
    "cron": lambda world: "/cron",
    "workflows": lambda world: "/workflows",
    "workflow": lambda world: f"/workflows/{world.made['workflow']['id']}?step=score",
    "workflow-time": lambda world: f"/workflows/{world.made['workflow']['id']}?view=time",
    "flows": lambda world: "/flows",
    "flow": lambda world: "/flows/order_flow?step=lines",
    "flow-run": lambda world: f"/workflows/{world.made['flow_run']['id']}?step=lines",
    "flow-run-failed": lambda world: f"/workflows/{world.made['flow_run']['failed']}",
    "more": lambda world: "/more",
    "missing": lambda world: "/nothing",
    "sign-in": lambda world: "/sign-in",
}
UNLOCKED: Final = ("server", "server-org")


def unlock(page: Page) -> None:
    """Enter the admin key on a page that asks for it."""
    page.get_by_label("The admin key of this server").fill(ADMIN_KEY)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Forget the key").wait_for()
