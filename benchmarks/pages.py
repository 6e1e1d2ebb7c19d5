"""What the dashboard costs: how soon a page shows its first row, and what open pages take away."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from benchmarks.bench import Bench
from benchmarks.browser import API_READS, FIRST_ROW, TASKS, chromium, enter
from benchmarks.rates import CLAIMS_PER_SECOND_MAX, lay_out
from benchmarks.seed import Contents
from benchmarks.server import Server, cpu_seconds
from benchmarks.serving import QUEUE
from benchmarks.table import Bound, Row, ratios, spread
from spooled_lite.cli.load.run import run_load
from spooled_lite.cli.load.serial import KeptConnection
from spooled_lite.cli.load.shapes import work

OPEN_PAGES: Final = 10
ADDRESSES: Final = ("/", "/jobs", "/events", "/queues", "/workers")
FIRST_VIEWS: Final = 9
EVENTS_PER_SECOND: Final = 500
BULK: Final = 50
WAIT_MS: Final = 60_000.0
SETTLE_SECONDS: Final = 5.0


def pages(bench: Bench) -> list[Row]:
    for name in ("pages-few", "pages-busy", "pages-open"):
        bench.file(name)  # before there is a browser: making one runs a loop of its own
    bench.file("start-many", Contents(finished=bench.scale.jobs))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            return [*_first_views(bench, browser), *_busy(bench, browser), *_open(bench, browser)]
        finally:
            browser.close()


def _first_views(bench: Bench, browser: Browser) -> list[Row]:
    """An idle server with little in it; then one with many jobs, under the load of workers."""
    with bench.spooled_lite("pages-few") as ours:
        lay_out(ours, 100)
        few = _rows_of_view(
            bench, browser, ours, "an idle server", Bound(600, 300, is_most=True, unit=" ms")
        )
    with bench.spooled_lite("start-many", Contents(finished=bench.scale.jobs)) as ours:
        name = f"{bench.scale.jobs:,} jobs"
        idle = _rows_of_view(bench, browser, ours, name, None)
        lay_out(ours, CLAIMS_PER_SECOND_MAX * 20)
        with _working(ours):
            bound = Bound(1200, 600, is_most=True, unit=" ms")
            busy = _rows_of_view(bench, browser, ours, f"{name}, claim + complete beside it", bound)
    return [*few, *idle, *busy]


def _rows_of_view(
    bench: Bench, browser: Browser, server: Server, name: str, bound: Bound | None
) -> list[Row]:
    bench.say(f"first view of the dashboard: {name}")
    rows: list[Row] = []
    for address in ("/", "/jobs"):
        shown_ms: list[float] = []
        read_ms: list[float] = []
        for _ in range(FIRST_VIEWS):
            with _context(browser, server) as context:  # nothing of the one before is kept
                page = context.new_page()
                page.add_init_script(FIRST_ROW)
                page.goto(f"{server.target.url}/#{address}")
                shown_ms.append(page.evaluate("window.firstRowMs"))
                read_ms.append(max(page.evaluate(API_READS), default=0.0))
        rows.append(
            Row(
                workload=f"first view of {address}, {name}",
                figure="from the address to the first row painted",
                values=shown_ms,
                bound=bound,
                besides=f"slowest read {statistics.median(read_ms):.0f} ms at the median",
            )
        )
    return rows


def _busy(bench: Bench, browser: Browser) -> list[Row]:
    """Scripts of open pages while much happens: one page at a time, the loads one after another."""
    rows: list[Row] = []
    seconds = bench.scale.idle_seconds * 2
    with bench.spooled_lite("pages-busy") as ours:
        lay_out(ours, 100)
        for address in ("/", "/jobs", "/events"):
            bench.say(f"{EVENTS_PER_SECOND} events/s for {seconds:.0f} s at {address}")
            with _context(browser, ours) as context:
                page = context.new_page()
                page.goto(f"{ours.target.url}/#{address}")
                page.wait_for_selector(".live[data-state='live']", timeout=WAIT_MS)
                page.evaluate(TASKS)
                with _pouring(ours):
                    page.wait_for_timeout(seconds * 1000)
                longest: float = page.evaluate("window.longestMs")
            rows.append(
                Row(
                    workload=f"{EVENTS_PER_SECOND} events/s for {seconds:.0f} s, {address} open",
                    figure="longest task of the page",
                    values=[longest],
                    bound=Bound(100, 50, is_most=True, unit=" ms"),
                )
            )
    return rows


def _open(bench: Bench, browser: Browser) -> list[Row]:
    """Processor time of the server: the browser has its own, and would take away the other's."""
    bench.say(f"claim + complete beside {OPEN_PAGES} open pages")
    rates: list[float] = []
    with bench.spooled_lite("pages-open") as ours:

        def milliseconds_each() -> float:
            # The pages have seen the load for a while: what many events do to them has happened.
            lay_out(ours, int((bench.scale.seconds + SETTLE_SECONDS) * CLAIMS_PER_SECOND_MAX))
            run_load(ours.target, work(QUEUE), seconds=SETTLE_SECONDS)
            before = cpu_seconds(ours.pid)
            measured = run_load(ours.target, work(QUEUE), seconds=bench.scale.seconds)
            rates.append(measured.per_second)
            return (cpu_seconds(ours.pid) - before) * 1000 / measured.request_count

        def watched() -> float:
            # A browser for each: the tabs of one share six connections, so most would wait.
            with ExitStack() as opened:
                for number in range(OPEN_PAGES):
                    page = opened.enter_context(_context(browser, ours)).new_page()
                    page.goto(f"{ours.target.url}/#{ADDRESSES[number % len(ADDRESSES)]}")
                    page.wait_for_selector("main h1", timeout=WAIT_MS)
                return milliseconds_each()

        costs = bench.turn_about({"alone": milliseconds_each, "watched": watched})
    return [
        Row(
            workload=f"claim + complete while {OPEN_PAGES} pages are open",
            figure="processor time of a request, of that without pages",
            values=ratios(costs["watched"], costs["alone"]),
            bound=Bound(1.15, 1.05, is_most=True),
            besides=f"{spread(costs['watched'])} ms at {spread(rates)} requests/s of both",
        )
    ]


@contextmanager
def _context(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    """A browser that has never been here but is signed in."""
    with browser.new_context(reduced_motion="reduce") as context:
        context.add_init_script(enter(server.target))
        yield context


@contextmanager
def _working(server: Server) -> Iterator[None]:
    """Workers claim and complete, 64 connections, until the end."""
    with _beside(lambda: run_load(server.target, work(QUEUE), seconds=1.0)):
        yield


@contextmanager
def _pouring(server: Server) -> Iterator[None]:
    """Jobs are made, each an event, until the end."""
    body = {"queue_name": QUEUE, "jobs": [{"payload": {}}] * BULK}
    with KeptConnection(server.target) as line:

        def pour() -> None:
            line.post("/api/v1/jobs/bulk", body)
            time.sleep(BULK / EVENTS_PER_SECOND)

        with _beside(pour):
            yield


@contextmanager
def _beside(act: Callable[[], Any]) -> Iterator[None]:
    """Act again and again, in a thread, until the end."""
    is_over = threading.Event()

    def go() -> None:
        while not is_over.is_set():
            act()

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
