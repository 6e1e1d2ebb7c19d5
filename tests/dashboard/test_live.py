"""What a page paints of a stream: when, how often, and what it does when frames may be missing."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.dashboard.conftest import enter
from tests.dashboard.scripted import SERVER, Lib
from tests.dashboard.watched import Watch
from tests.dashboard.world import World
from tests.server_process import API_KEY, ServerProcess


@pytest.fixture
def scripted(lib: Lib) -> Lib:
    """`paints`, `reads` and what `live` gives: `follow({ events: "job.status" })`."""
    return lambda body: lib(
        SERVER
        + """
        const { live, mark, held } = await load("lib/live"), { scope } = await load("lib/signal");
        const paints = [];
        let reads = 0, end = () => {};
        const follow = (options = {}) => {
          [, end] = scope(() => live({ paint: frames => paints.push({ n: frames.length, at: Date.now() }), read: () => reads++, ...options }));
          return soon(() => server.streams.length);
        };
        const events = () => server.asked.map(it => it.query.events);
        const many = (from, to) => Array.from({ length: to - from }, (_, n) => frame("job.status", { job_id: String(from + n) })).join("");
        """
        + body
    )


def test_paints_are_few_and_hold_the_last_of_each_kind(scripted: Lib) -> None:
    seen = scripted("""
        const frames = [];
        await follow({ events: "job.status", paint: all => frames.push(all.map(it => [it.data.job_id, it.data.n])) });
        for (let n = 0; n < 40; n++) server.streams[0].say(frame("job.status", { job_id: n % 2 ? "a" : "b", n }));
        await soon(() => frames.length);
        end();
        return frames;
    """)

    assert seen == [[["b", 38], ["a", 39]]]


def test_nothing_is_painted_under_a_hand(scripted: Lib) -> None:
    seen = scripted("""
        const quiet = () => new Promise(done => setTimeout(done, 600));
        await follow();
        const say = () => server.streams[0].say(frame("job.status", { job_id: String(Math.random()) }));
        const counts = [];
        dispatchEvent(new Event("pointerdown")); say(); await quiet(); counts.push(paints.length);
        dispatchEvent(new Event("pointerup")); await soon(() => paints.length === 1); counts.push(paints.length);
        held.value = true; say(); await quiet(); counts.push(paints.length);
        held.value = false; await soon(() => paints.length === 2); counts.push(paints.length);
        end();
        return counts;
    """)

    assert seen == [0, 1, 1, 2]


def test_after_three_breaks_it_polls_until_the_stream_is_back(scripted: Lib) -> None:
    seen = scripted("""
        hasten(10);
        server.next = [{ status: 500 }, { status: 500 }, { status: 500 }, { status: 500 }, { status: 500 }];
        follow();
        const polls = await soon(() => mark.value === "polling" && reads > 0);
        await soon(() => mark.value === "live");
        const after = mark.value;
        end();
        return [polls, after];
    """)

    assert seen == [True, "live"]


@pytest.mark.parametrize("is_tail", ["false", "true"])
def test_after_a_flood_it_reads_what_was_left_out_and_listens_again(
    scripted: Lib, is_tail: str
) -> None:
    seen = scripted(
        f"const isTail = {is_tail};"
        + """
        hasten(20);
        await follow({ query: { events: "job.status" }, isTail });
        let n = 0;
        const pour = atAll(() => { try { server.streams[0].say(many(n, n += 400)); } catch { clearInterval(pour); } }, 10);
        await soon(() => mark.value === "busy");
        clearInterval(pour);
        await soon(() => reads > 0);
        const busy = reads;
        await soon(() => mark.value === "live" && reads > busy);
        const seen = [events(), busy > 0, reads > busy];
        end();
        return seen;
    """
    )

    assert seen == [["job.status", "queue.stats", "job.status"], True, True]


def test_many_that_wait_are_painted_once_a_second(scripted: Lib) -> None:
    seen = scripted("""
        await follow();
        server.streams[0].say(many(0, 250));
        await soon(() => paints.length === 1);
        server.streams[0].say(many(0, 250));
        await soon(() => paints.length === 2);
        end();
        return [paints.map(it => it.n), paints[1].at - paints[0].at >= 1000];
    """)

    assert seen == [[250, 250], True]


def test_what_waits_while_it_is_held_has_a_bound(scripted: Lib) -> None:
    seen = scripted("""
        await follow();
        held.value = true;
        server.streams[0].say(many(0, 5100));
        server.streams[0].say(frame("job.status", { job_id: "last" }));
        await new Promise(done => inTime(done, 100));
        held.value = false;
        await soon(() => paints.length);
        await soon(() => reads);
        end();
        return [paints[0].n, reads];
    """)

    assert seen == [5000, 1]


def test_a_hidden_tab_holds_no_stream_and_reads_when_it_is_seen(scripted: Lib) -> None:
    seen = scripted("""
        await follow();
        const isClosed = () => { try { server.streams[0].say(": quiet\\n\\n"); return false; } catch { return true; } };
        hide(true);
        await soon(isClosed);
        const before = [isClosed(), server.streams.length, reads];
        hide(false);
        await soon(() => reads);
        end();
        return [before, server.streams.length, reads];
    """)

    assert seen == [[True, 1, 0], 2, 1]


def test_a_tab_that_is_opened_unseen_listens_when_it_is_seen(scripted: Lib) -> None:
    seen = scripted("""
        hide(true);
        [, end] = scope(() => live({ paint() {}, read: () => reads++ }));
        await new Promise(done => inTime(done, 100));
        const before = server.streams.length;
        hide(false);
        await soon(() => reads);
        end();
        return [before, server.streams.length, reads];
    """)

    assert seen == [0, 1, 1]


def test_who_signs_in_again_listens_again(scripted: Lib) -> None:
    seen = scripted("""
        const { state } = await load("lib/session");
        state.value = "in";
        await follow();
        state.value = "lost";
        state.value = "in";
        await soon(() => server.streams.length === 2 && reads);
        end();
        return [server.streams.length, reads];
    """)

    assert seen == [2, 1]


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("restarted")) as process:
        process.start()
        yield process


def test_a_server_that_starts_again_is_followed_without_loss(
    page: Page, watch: Watch, own_server: ServerProcess
) -> None:
    """One job was completed and one was made while the page heard nothing."""
    watch.allow("net::|console: ")
    headers = {"Authorization": f"Bearer {API_KEY}"}
    first, is_away = own_server.url, False
    login = httpx.post(f"{first}/api/v1/auth/login", json={"api_key": API_KEY}).json()
    page.add_init_script(enter({name: login[name] for name in ("access_token", "refresh_token")}))

    def pass_on(route: Route) -> None:
        if is_away:
            route.abort()
        else:
            route.continue_(url=route.request.url.replace(first, own_server.url))

    page.route(re.compile("^" + re.escape(first)), pass_on)
    with httpx.Client(base_url=f"{first}/api/v1", headers=headers) as client:
        job = World(client).job("restarted")
        [claimed] = World(client).claim("restarted")
    page.goto(f"{first}/#/jobs")
    row = page.locator(f'tr[data-id="{job["id"]}"]')
    expect(row).to_contain_text("Processing")
    page.wait_for_selector('.live[data-state="live"]')

    is_away = True
    own_server.kill()
    page.wait_for_selector('.live:not([data-state="live"])')
    own_server.start()
    with httpx.Client(base_url=f"{own_server.url}/api/v1", headers=headers) as client:
        World(client).complete(claimed)
        World(client).job("restarted")
    is_away = False

    expect(row).to_contain_text("Completed")
    expect(page.get_by_role("button", name="1 newer job", exact=False)).to_be_visible()
    page.wait_for_selector('.live[data-state="live"]')
    assert page.locator("tr[data-id]").count() == 1
