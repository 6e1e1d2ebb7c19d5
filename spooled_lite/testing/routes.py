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
    ("GET",    TEST_PREFIX,                    clock.about,        Access.TEST, "-"),
    ("GET",    f"{TEST_PREFIX}/clock",         clock.show,         Access.TEST, "-"),
    ("PUT",    f"{TEST_PREFIX}/clock",         clock.change,       Access.TEST, "-"),
    ("POST",   f"{TEST_PREFIX}/clock/advance", clock.advance,      Access.TEST, "-"),
    ("POST",   f"{TEST_PREFIX}/clock/next",    clock.next_,        Access.TEST, "-"),
    ("POST",   f"{TEST_PREFIX}/clock/idle",    clock.idle,         Access.TEST, "-"),
    ("POST",   f"{TEST_PREFIX}/clock/settle",  clock.settle,       Access.TEST, "-"),
    ("POST",   f"{TEST_PREFIX}/clock/outage",  clock.outage,       Access.TEST, "-"),
    ("POST",   f"{TEST_PREFIX}/fork",          worlds.fork,        Access.TEST, "-"),
    ("GET",    f"{TEST_PREFIX}/forks",         worlds.list_forks,  Access.TEST, "-"),
    ("DELETE", f"{TEST_PREFIX}/forks/{{name}}", worlds.delete_fork, Access.TEST, "-"),
    ("POST",   f"{TEST_PREFIX}/reset",         worlds.reset,       Access.TEST, "-"),
    ("POST",   f"{TEST_PREFIX}/baseline",      worlds.baseline,    Access.TEST, "-"),
    ("POST",   f"{TEST_PREFIX}/seed",          seeds.seed,         Access.TEST, "-"),
    ("POST",   f"{TEST_PREFIX}/drain",         drains.drain,       Access.TEST, "-"),
    ("POST",   f"{TEST_PREFIX}/expect",        expectations.expect, Access.TEST, "-"),
    ("GET",    f"{TEST_PREFIX}/journal",       journal.show,       Access.TEST, "-"),
    ("DELETE", f"{TEST_PREFIX}/journal",       journal.clear,      Access.TEST, "-"),
    ("GET",    f"{TEST_PREFIX}/inbox/webhooks", inbox.webhooks,    Access.TEST, "-"),
    ("DELETE", f"{TEST_PREFIX}/inbox/webhooks", inbox.clear_webhooks, Access.TEST, "-"),
    ("GET",    f"{TEST_PREFIX}/inbox/mails",   inbox.mails,        Access.TEST, "-"),
    ("DELETE", f"{TEST_PREFIX}/inbox/mails",   inbox.clear_mails,  Access.TEST, "-"),
    ("GET",    f"{TEST_PREFIX}/faults",        faults.list_faults, Access.TEST, "-"),
    ("POST",   f"{TEST_PREFIX}/faults",        faults.add_fault,   Access.TEST, "-"),
    ("DELETE", f"{TEST_PREFIX}/faults",        faults.remove_faults, Access.TEST, "-"),
    ("DELETE", f"{TEST_PREFIX}/faults/{{id}}", faults.remove_fault, Access.TEST, "-"),
)
# fmt: on
