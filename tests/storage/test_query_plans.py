"""No statement looks at more rows than it has to: what SQLite would do for each of them."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest

from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.query import JobFilter, list_jobs
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.storage.statement import Statement, Value
from spooled_lite.storage.transaction import Reading
from tests.core.job_stage import JobStage
from tests.core.store import Store
from tests.factories import a_claim, a_job

LARGE: Final = frozenset(
    {
        "jobs",
        "job_bodies",
        "job_history",
        "event_log",
        "job_dependencies",
        "queue_counters",
        "deliveries",
        "notifications",
    }
)

# Whole statements; fragments that are put together are looked at by the lists below.
IS_STATEMENT: Final = re.compile(r"\s*(SELECT|UPDATE|INSERT|DELETE|WITH)\s")
FRAGMENTS: Final = frozenset(
    {
        "core.jobs.statements.LIST",
        "core.jobs.statements.LIST_WHOLE",
        "core.jobs.statements.NUMBERS",
        "core.jobs.statements.COUNT",
        "core.orgs.admin_statements.LIST",
        "core.orgs.admin_statements.COUNT",
    }
)

# What may walk along a whole index or table, or sort, with the reason.
CHECK: Final = "`spooled-lite check` looks at every row of a file that nobody serves"
IMPORT: Final = "looks at every row when the last line is in, of a file that nobody serves"
AT_MOST_ASKED: Final = "sorts at most as many rows as were named, a hundred"
WALKS: Final[Mapping[str, str]] = {
    "core.overview.series_statements.PAUSES": "all that is kept for streams, some thousand rows",
    "core.jobs.choice_statements.NEWEST": "one step back, to the newest row",
    "core.jobs.check_statements.ALL_COUNTERS": CHECK,
    "core.jobs.check_statements.ALL_COUNTS": CHECK,
    "core.jobs.check_statements.ACTIVE_OF_ORGANIZATIONS": CHECK,
    "core.jobs.check_statements.WRONGLY_CLAIMABLE": CHECK,
    "core.jobs.check_statements.WITHOUT_BODY": CHECK,
    "core.jobs.check_statements.WRONGLY_FOLLOWING": CHECK,
    "core.inbox.statements.WRONG_COUNTS": CHECK,
    "core.workflows.edge_statements.ORPHANED_EDGES": CHECK,
    "core.export.take_statements.FORWARD_EDGES": IMPORT,
    "core.export.take_statements.COUNT_ACTIVE": IMPORT,
    "core.export.take_statements.COUNT_CREATED": IMPORT,
    "core.export.take_statements.COUNT_MESSAGES": IMPORT,
    "core.export.take_statements.COUNT_BY_STATUS": IMPORT,
    "core.maintenance.deep_check_statements.ORPHANED_HISTORY": CHECK,
    "core.steps.check_statements.WAITING": CHECK,
    "core.steps.check_statements.STANDINGS": CHECK,
    "core.jobs.statements.OF_ALL_ORGS": "back from the newest job, for two seconds at most",
    "core.orgs.statements.DELETE": "asks for rows that refer to it, and there are none any more",
    "core.orgs.statements.INSERT": "runs for a deferred reference only, and there are none",
    "core.lifecycle.statements.NEXT_LEASE_END": "the first row of an index of leases",
    "core.maintenance.remove_org_statements.LARGE_OF_ORG[deliveries]": "the oldest rows, in passes",
    "core.inbox.statements.OF_ORG": "rows of a deleted organization, in passes",
    "core.inbox.statements.RECOUNT": IMPORT,
    "core.jobs.log_statements.OLDEST_REPLAYED": "one step back, as far as rows are replayed",
    "storage.event_log.NEWEST_AT": "one step back, to the newest row",
    "storage.event_log.TRIM": "one step back from the newest row, as far as rows are kept",
}
SORTS: Final[Mapping[str, str]] = {
    "core.export.take_statements.COUNT_MESSAGES": IMPORT,
    "core.export.take_statements.COUNT_BY_STATUS": IMPORT,
    "core.jobs.check_statements.SUMS_OF_ORGANIZATIONS": CHECK,
    "core.jobs.check_statements.SUMS_OF_QUEUES": CHECK,
    "core.jobs.check_statements.ALL_COUNTS": CHECK,
    "core.maintenance.deep_check_statements.USAGE_OF_MONTHS": CHECK,
    "core.steps.check_statements.STANDINGS": CHECK,
    "core.maintenance.deep_check_statements.USAGE_OF_DAYS": CHECK,
    "core.jobs.check_statements.ACTIVE_OF_ORGANIZATIONS": CHECK,
    "core.overview.series_statements.COUNTS": "groups the minutes of the keys that were asked for",
    "core.overview.series_statements.BUCKETS": "groups the minutes of the keys that were asked for",
    "core.overview.series_statements.SUM_COUNTS": "groups the minutes of one hour of one key",
    "core.overview.series_statements.SUM_BUCKETS": "groups the minutes of one hour of one key",
    "core.lifecycle.named_lease_statements.STILL_HELD_UNDER": AT_MOST_ASKED,
    "core.jobs.statements.STATUSES": AT_MOST_ASKED,
    "core.jobs.statements.DEAD_LETTERS_NAMED": AT_MOST_ASKED,
    "core.schedules.statements.UPCOMING": "the active schedules of one organization",
    "core.steps.statements.DISTINCT_EDGES": "of a thousand jobs' parents few stay",
    "core.steps.statements.STANDING_IF_BACK": "as DISTINCT_EDGES",
    "core.steps.statements.STEPS_AFTER": "the steps of one workflow, a thousand at most",
    "core.orgs.admin_statements.ORGANIZATIONS": "a row for each tier, over no large table",
    "core.orgs.statements.BY_NAME": "sorts two rows at most: an id and a slug",
}


def statements() -> Iterator[tuple[str, str]]:
    """Every SQL constant below `core` and `storage`, by its name."""
    for package in ("core", "storage"):
        path = importlib.import_module(f"spooled_lite.{package}").__path__
        for found in pkgutil.walk_packages(path, f"spooled_lite.{package}."):
            module = importlib.import_module(found.name)
            for name, value in vars(module).items():
                yield from _constants(f"{found.name.removeprefix('spooled_lite.')}.{name}", value)


def _constants(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Statement | Value):
        value = value.text
    if isinstance(value, str) and IS_STATEMENT.match(value):
        yield name, value
    elif isinstance(value, dict):
        for key, each in value.items():
            text = each.text if isinstance(each, Statement | Value) else each
            if isinstance(text, str) and IS_STATEMENT.match(text):
                yield f"{name}[{key}]", text


def once_each() -> dict[str, str]:
    """A statement that is known under several names has that of its `statements.py`."""
    by_text: dict[str, str] = {}
    for name, text in sorted(statements(), key=lambda each: ".statements." in each[0]):
        if name not in FRAGMENTS and not name.startswith("core.jobs.statements._"):
            by_text[text] = name
    return {name: text for text, name in by_text.items()}


STATEMENTS: Final = once_each()


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """With the schema and no rows: SQLite then plans by the indexes alone, as in production."""
    store = Store()
    yield store
    store.close()


def plan_of(store: Store, statement: str) -> list[str]:
    # Named or not, a value can be bound; SQLite plans without looking at it.
    names = re.findall(r"(?<!:):(\w+)", statement)
    bound: Any = dict.fromkeys(names) if names else [None] * statement.count("?")
    connection = store._connection
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", bound).fetchall()
    return [row["detail"] for row in rows]


def tables_of(statement: str) -> dict[str, str]:
    """The table behind each name that a plan may use."""
    found = re.findall(r"(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)(?:\s+AS\s+(\w+))?", statement)
    return {alias or table: table for table, alias in found}


def walks(statement: str, plan: list[str]) -> list[str]:
    """The steps of a plan that go through a large table, or all of an organization in it."""
    tables = tables_of(statement)
    return [
        step
        for step in plan
        if (words := step.split())[0] in ("SCAN", "SEARCH")
        and tables.get(words[1], words[1]) in LARGE
        and (words[0] == "SCAN" or step.endswith("(org=?)"))
        and "VIRTUAL TABLE" not in step
    ]


def sorts(plan: list[str]) -> list[str]:
    return [step for step in plan if step.startswith("USE TEMP B-TREE")]


def test_all_statements_are_found() -> None:
    assert len(STATEMENTS) > 100
    assert "core.lifecycle.claim_statements.CLAIM" in STATEMENTS
    assert "core.queues.statements.COUNT" in STATEMENTS


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_neither_scans_a_large_table_nor_sorts(store: Store, name: str) -> None:
    statement = STATEMENTS[name]

    plan = plan_of(store, statement)

    assert name in WALKS or walks(statement, plan) == [], plan
    assert name in SORTS or sorts(plan) == [], plan


@pytest.mark.parametrize(
    ("allowed", "found"),
    [
        (WALKS, lambda statement, plan: walks(statement, plan)),
        (SORTS, lambda statement, plan: sorts(plan)),
    ],
)
def test_no_exception_is_kept_that_is_none(
    store: Store, allowed: Mapping[str, str], found: Callable[[str, list[str]], list[str]]
) -> None:
    needless = [
        name for name in allowed if not found(STATEMENTS[name], plan_of(store, STATEMENTS[name]))
    ]

    assert needless == []


# -- the lists -------------------------------------------------------------------------------


class Spying(Reading):
    """Keeps what it is asked."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading._connection, reading.now_ms)
        self.asked: list[tuple[str, Any]] = []

    def rows(self, statement: Any, params: Mapping[str, Any] = {}) -> Any:
        text = statement if isinstance(statement, str) else statement.text
        self.asked.append((text, params))
        return super().rows(statement, params)


def list_plans(stage: JobStage, scope: Scope = ALL_QUEUES, **wanted: Any) -> list[list[str]]:
    """The plan of each statement that a list of jobs runs over the jobs."""

    def listed(reading: Reading) -> list[tuple[str, Any]]:
        spying = Spying(reading)
        list_jobs(spying, stage.org, JobFilter(**wanted), scope)
        return spying.asked

    return [
        [row["detail"] for row in stage.rows(f"EXPLAIN QUERY PLAN {statement}", **params)]
        for statement, params in stage.read(listed)
        if "FROM jobs" in statement
    ]


@pytest.fixture(scope="module")
def stage() -> Iterator[JobStage]:
    stage = JobStage()
    stage.enqueue("emails")
    yield stage
    stage.close()


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize(
    ("index", "wanted"),
    [
        ("jobs_newest (org=?)", {}),
        ("jobs_newest (org=? AND created_at_ms>?)", {"created_after_ms": 1}),
        ("jobs_newest (org=? AND created_at_ms<?)", {"created_before_ms": 1}),
        ("jobs_by_status (org=? AND status=?)", {"statuses": ["pending"]}),
        (
            "jobs_by_status (org=? AND status=? AND created_at_ms>? AND created_at_ms<?)",
            {"statuses": ["pending"], "created_after_ms": 1, "created_before_ms": 2},
        ),
        ("jobs_by_queue (queue=?)", {"queue_name": "emails"}),
        (
            "jobs_by_queue (queue=? AND created_at_ms>?)",
            {"queue_name": "emails", "created_after_ms": 1},
        ),
        ("jobs_dead_of_queue (queue=?)", {"queue_name": "emails", "statuses": ["deadletter"]}),
        (
            "jobs_dead_of_queue (queue=? AND created_at_ms>?)",
            {"queue_name": "emails", "statuses": ["deadletter"], "created_after_ms": 1},
        ),
        ("jobs_by_type (org=? AND job_type=?)", {"job_type": "mail"}),
        (
            "jobs_by_type (org=? AND job_type=? AND created_at_ms>?)",
            {"job_type": "mail", "created_after_ms": 1},
        ),
    ],
)
def test_the_usual_lists_walk_along_their_index_and_do_not_sort(
    stage: JobStage, index: str, wanted: dict[str, Any], descending: bool
) -> None:
    [plan] = list_plans(stage, descending=descending, **wanted)

    assert plan[0] == f"SEARCH jobs USING INDEX {index}"
    assert sorts(plan) == []


@pytest.mark.parametrize("descending", [True, False])
def test_the_order_of_completion_walks_along_its_index(stage: JobStage, descending: bool) -> None:
    plans = list_plans(stage, order_by="completed_at", descending=descending)

    assert plans[0][0].startswith("SEARCH jobs USING INDEX jobs_by_completion (org=?")
    assert [sorts(plan) for plan in plans] == [[]] * len(plans)


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize(
    "more",
    [
        *({}, {"queue_name": "emails"}, {"statuses": ["completed"]}, {"kind": "task_run"}),
        *({"exact_state": "failed"}, {"job_type": "mail"}, {"created_after_ms": 1}),
    ],
)
def test_a_watermark_reads_finished_jobs_along_their_index(
    stage: JobStage, more: dict[str, Any], descending: bool
) -> None:
    wanted = {"order_by": "finished_at", "finished_after_ms": 5, **more}
    [plan] = list_plans(stage, descending=descending, **wanted)

    index = "jobs_by_completion (org=? AND completed_at_ms>?)"
    assert plan[0] == f"SEARCH jobs USING INDEX {index}"
    assert sorts(plan) == []


@pytest.mark.parametrize("more", [{}, {"statuses": ["pending"]}, {"queue_name": "emails"}])
def test_the_beginning_of_an_id_finds_its_few_jobs_by_it(
    stage: JobStage, more: dict[str, Any]
) -> None:
    [plan] = list_plans(stage, text="0123abcd", **more)

    assert plan[0] == "SEARCH jobs USING INTEGER PRIMARY KEY (rowid=?)"
    assert "SEARCH jobs USING COVERING INDEX jobs_by_id (id>? AND id<?)" in plan


@pytest.mark.parametrize("more", [{}, {"queue_name": "emails"}, {"order_by": "completed_at"}])
@pytest.mark.parametrize(
    ("index", "wanted"),
    [
        ("INDEX jobs_held_back (queue=? AND status=?)", {"state": "retrying"}),
        ("INDEX jobs_held_back (queue=? AND status=?)", {"state": "blocked"}),
        ("INDEX jobs_by_status (org=? AND status=?)", {"worker_id": "w-1"}),
        ("INDEX jobs_dead_by_error (org=? AND error_key=?)", {"error_key": 7}),
    ],
)
def test_what_few_jobs_have_in_common_is_found_by_its_index_and_only_a_page_is_read(
    stage: JobStage, index: str, wanted: dict[str, Any], more: dict[str, Any]
) -> None:
    [plan] = list_plans(stage, **wanted, **more)

    assert plan[0] == "SEARCH jobs USING INTEGER PRIMARY KEY (rowid=?)"
    assert f"SEARCH jobs USING {index}" in plan


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("more", [{}, {"queue_name": "emails"}, {"created_before_ms": 9}])
def test_a_page_of_the_dead_letters_of_an_error_is_in_its_index_in_order(
    stage: JobStage, more: dict[str, Any], descending: bool
) -> None:
    [plan] = list_plans(stage, error_key=7, descending=descending, **more)

    assert any(each.startswith("SEARCH jobs USING INDEX jobs_dead_by_error") for each in plan)
    # Only the page is sorted, once more, after its rows were read.
    assert sorts(plan) == ["USE TEMP B-TREE FOR ORDER BY"]


def test_other_lists_have_a_time_limit_instead_of_an_index(stage: JobStage) -> None:
    for wanted in ({"tag": "x"}, {"text": "mail"}, {"statuses": ["pending", "completed"]}):
        [plan] = list_plans(stage, **wanted)
        assert plan[0] == "SEARCH jobs USING INDEX jobs_newest (org=?)"
    for order_by in ("priority", "updated_at", "status", "queue_name", "retry_count"):
        [plan] = list_plans(stage, order_by=order_by)
        assert sorts(plan) != []


WALKS_OF_SEARCH: Final = {
    "newest": "jobs_newest (org=? AND created_at_ms>? AND created_at_ms<?)",
    "of_status": "jobs_by_status (org=? AND status=? AND created_at_ms>? AND created_at_ms<?)",
    "of_queue": "jobs_by_queue (queue=? AND created_at_ms>? AND created_at_ms<?)",
    "dead_of_queue": "jobs_dead_of_queue (queue=? AND created_at_ms>? AND created_at_ms<?)",
}


@pytest.mark.parametrize("walk", WALKS_OF_SEARCH)
def test_a_search_reads_the_rows_of_one_window(store: Store, walk: str) -> None:
    index = WALKS_OF_SEARCH[walk]
    of_search = "core.jobs.search_statements"

    assert plan_of(store, STATEMENTS[f"{of_search}.CANDIDATES[{walk}]"])[0] == (
        f"SEARCH jobs USING INDEX {index}"
    )
    # SQLite 3.40 reads the rows of a partial index, whose status it knows.
    covering = "" if walk == "dead_of_queue" else "COVERING "
    for name in ("WINDOW_END", "LOOKED_AT"):
        assert plan_of(store, STATEMENTS[f"{of_search}.{name}[{walk}]"]) == [
            f"SEARCH jobs USING {covering}INDEX {index}"
        ]


# -- what a claim costs ----------------------------------------------------------------------


def claim_steps(stage: JobStage) -> int:
    """How many steps SQLite's machine takes for one claim of one job."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def claim_counted(tx: Any) -> int:
        tx._connection.set_progress_handler(count, 1)
        try:
            return len(claim(tx, stage.org, a_claim()))
        finally:
            tx._connection.set_progress_handler(None, 1)

    assert stage.run(claim_counted) == 1
    return steps


def many(stage: JobStage, count: int, **fields: Any) -> None:
    jobs: list[NewJob] = [a_job(**fields) for _ in range(count)]
    stage.bulk(*jobs)


def claimed(stage: JobStage, count: int) -> list[Any]:
    return stage.claim(limit=count)


def finish(stage: JobStage) -> None:
    for job in claimed(stage, 500):
        stage.complete(job)


def delay(stage: JobStage) -> None:
    many(stage, 500, delay_ms=10**9, priority=5)


def wait_to_retry(stage: JobStage) -> None:
    stage.configure(backoff_base_seconds=3_000.0)
    for job in claimed(stage, 500):
        stage.fail(job)


def block(stage: JobStage) -> None:
    [parent] = [stage.enqueue("parents")]
    many(stage, 500, parent_job_id=parent["id"], priority=5)


def bury(stage: JobStage) -> None:
    for job in claimed(stage, 500):
        stage.fail(job, may_retry=False)


def leave_leased(stage: JobStage) -> None:
    claimed(stage, 500)


@pytest.mark.parametrize("fill", [finish, delay, wait_to_retry, block, bury, leave_leased])
def test_a_claim_costs_the_same_however_many_other_jobs_there_are(
    fill: Callable[[JobStage], None],
) -> None:
    empty, full = JobStage(), JobStage()
    many(full, 500, priority=9)
    fill(full)
    for job in claimed(full, 500):
        if fill in (delay, block):
            full.complete(job)
    steps = []
    for stage in (empty, full):
        many(stage, 10)
        claim_steps(stage)
        steps.append(claim_steps(stage))
        stage.close()

    # Trees that are deeper take a few steps more; a row that is looked at takes more than that.
    assert steps[1] <= steps[0] + 20, steps
