"""The routes of test mode, beside those of production."""

from typing import Final

from spooled_lite.testing import clock_routes as clock
from spooled_lite.testing import drain_routes as drains
from spooled_lite.testing import expect_routes as expectations
from spooled_lite.testing import inbox_routes as inbox
from spooled_lite.testing import journal_routes as journal
from spooled_lite.testing import world_routes as worlds
from spooled_lite.testing.faults import routes as faults
from spooled_lite.testing.seeding import routes as seeds
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.dispatch import API_PREFIX, Row

TEST_PREFIX: Final = f"{API_PREFIX}/test"

# fmt: off
TEST_ROUTES: Final[tuple[Row, ...]] = (
    ("GET",    TEST_PREFIX,                    clock.about,        Access.UNSCOPED_OR_ADMIN, "-"),
    ("GET",    f"{TEST_PREFIX}/clock",         clock.show,         Access.UNSCOPED_OR_ADMIN, "-"),
    ("PUT",    f"{TEST_PREFIX}/clock",         clock.change,       Access.UNSCOPED_OR_ADMIN, "-"),
    ("POST",   f"{TEST_PREFIX}/clock/advance", clock.advance,      Access.UNSCOPED_OR_ADMIN, "-"),
    ("POST",   f"{TEST_PREFIX}/clock/next",    clock.next_,        Access.UNSCOPED_OR_ADMIN, "-"),
    ("POST",   f"{TEST_PREFIX}/clock/idle",    clock.idle,         Access.UNSCOPED_OR_ADMIN, "-"),
    ("POST",   f"{TEST_PREFIX}/clock/settle",  clock.settle,       Access.UNSCOPED_OR_ADMIN, "-"),
    ("POST",   f"{TEST_PREFIX}/clock/outage",  clock.outage,       Access.UNSCOPED_OR_ADMIN, "-"),
    ("POST",   f"{TEST_PREFIX}/fork",          worlds.fork,        Access.UNSCOPED_OR_ADMIN, "-"),
    ("GET",    f"{TEST_PREFIX}/forks",         worlds.list_forks,  Access.UNSCOPED_OR_ADMIN, "-"),
    ("DELETE", f"{TEST_PREFIX}/forks/{{name}}", worlds.delete_fork, Access.UNSCOPED_OR_ADMIN, "-"),
    ("POST",   f"{TEST_PREFIX}/reset",         worlds.reset,       Access.UNSCOPED_OR_ADMIN, "-"),
    ("POST",   f"{TEST_PREFIX}/baseline",      worlds.baseline,    Access.UNSCOPED_OR_ADMIN, "-"),
    ("POST",   f"{TEST_PREFIX}/seed",          seeds.seed,         Access.UNSCOPED_OR_ADMIN, "-"),
    ("POST",   f"{TEST_PREFIX}/drain",         drains.drain,       Access.UNSCOPED_OR_ADMIN, "-"),
    ("POST",   f"{TEST_PREFIX}/expect",        expectations.expect, Access.UNSCOPED_OR_ADMIN, "-"),
    ("GET",    f"{TEST_PREFIX}/journal",       journal.show,       Access.UNSCOPED_OR_ADMIN, "-"),
    ("DELETE", f"{TEST_PREFIX}/journal",       journal.clear,      Access.UNSCOPED_OR_ADMIN, "-"),
    ("GET",    f"{TEST_PREFIX}/inbox/webhooks", inbox.webhooks,    Access.UNSCOPED_OR_ADMIN, "-"),
    ("DELETE", f"{TEST_PREFIX}/inbox/webhooks", inbox.clear_webhooks, Access.UNSCOPED_OR_ADMIN, "-"),  # noqa: E501
    ("GET",    f"{TEST_PREFIX}/inbox/mails",   inbox.mails,        Access.UNSCOPED_OR_ADMIN, "-"),
    ("DELETE", f"{TEST_PREFIX}/inbox/mails",   inbox.clear_mails,  Access.UNSCOPED_OR_ADMIN, "-"),
    ("GET",    f"{TEST_PREFIX}/faults",        faults.list_faults, Access.UNSCOPED_OR_ADMIN, "-"),
    ("POST",   f"{TEST_PREFIX}/faults",        faults.add_fault,   Access.UNSCOPED_OR_ADMIN, "-"),
    ("DELETE", f"{TEST_PREFIX}/faults",        faults.remove_faults, Access.UNSCOPED_OR_ADMIN, "-"),
    ("DELETE", f"{TEST_PREFIX}/faults/{{id}}", faults.remove_fault, Access.UNSCOPED_OR_ADMIN, "-"),
)
# fmt: on
