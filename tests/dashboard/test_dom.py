"""`lib/dom.js`: real nodes, changed where they change, and text that stays text."""

from collections.abc import Callable
from typing import Any

Lib = Callable[[str], Any]


def test_a_child_that_is_a_function_changes_alone(lib: Lib) -> None:
    seen = lib("""
        const { el, mount } = await load("lib/dom"), { signal } = await load("lib/signal");
        const n = signal(1), { p, b } = el;
        mount(document.body, () => p("n is ", () => n.value, b("!")));
        const before = document.querySelector("b");
        n.value = 2;
        return [document.querySelector("p").innerHTML, before === document.querySelector("b")];
    """)

    assert seen == ["n is 2<b>!</b>", True]


def test_a_button_sends_its_form_only_when_it_says_so(lib: Lib) -> None:
    seen = lib("""
        const { el } = await load("lib/dom"), { button } = el;
        return [button().type, button({ type: "submit" }).type];
    """)

    assert seen == ["button", "submit"]


def test_a_child_may_be_text_then_nodes_then_nothing(lib: Lib) -> None:
    seen = lib("""
        const { el, mount } = await load("lib/dom"), { signal } = await load("lib/signal");
        const it = signal("text"), { p, i } = el, seen = [];
        const inner = signal("x");
        const kinds = { text: () => "a", nodes: () => [i("b"), () => inner.value], none: () => null };
        mount(document.body, () => p("<", () => kinds[it.value](), ">"));
        for (const each of ["text", "nodes", "none", "nodes", "text"]) {
          it.value = each; inner.value = inner.peek() + "y";
          seen.push(document.querySelector("p").innerHTML);
        }
        return seen;
    """)

    assert seen == [
        "&lt;a&gt;",
        "&lt;<i>b</i>xyy&gt;",
        "&lt;&gt;",
        "&lt;<i>b</i>xyyyy&gt;",
        "&lt;a&gt;",
    ]


def test_text_is_never_markup_and_an_address_never_a_script(lib: Lib) -> None:
    seen = lib("""
        const { el, mount } = await load("lib/dom");
        const { p, a, img, iframe } = el, bad = "<img src=x onerror=alert(1)>";
        mount(document.body, () => p({ title: bad, onclick: "alert(1)" }, bad, () => bad,
          a({ href: "javascript:alert(1)" }, "a"), a({ href: " JavaScript:alert(1)" }, "b"),
          a({ href: "data:text/html,x" }, "c"), a({ href: "//evil.example" }, "d"),
          a({ href: "#/jobs" }, "e"), a({ href: "https://a.example/" }, "f")));
        return [document.querySelectorAll("img").length, document.querySelector("p").onclick,
          [...document.querySelectorAll("a")].map(each => each.getAttribute("href"))];
    """)

    assert seen == [0, None, [None, None, None, None, "#/jobs", "https://a.example/"]]


def test_attributes_say_what_they_mean(lib: Lib) -> None:
    seen = lib("""
        const { el, svg, mount } = await load("lib/dom"), { signal } = await load("lib/signal");
        const on = signal(false), { button, input } = el;
        mount(document.body, () => [
          button({ disabled: on, "aria-pressed": () => on.value, style: () => ({ "--n": on.value ? "1" : null }) }),
          input({ type: "checkbox", checked: on }), svg.svg(svg.path({ d: "M0 0" }))]);
        const read = () => [document.querySelector("button").outerHTML, document.querySelector("input").checked];
        const before = read(); on.value = true;
        return [...before, ...read(), document.querySelector("path").namespaceURI];
    """)

    assert seen == [
        '<button type="button" aria-pressed="false"></button>',
        False,
        '<button type="button" aria-pressed="true" disabled="" style="--n: 1;"></button>',
        True,
        "http://www.w3.org/2000/svg",
    ]


def test_a_list_keeps_its_nodes_by_their_keys(lib: Lib) -> None:
    seen = lib("""
        const { el, list, mount } = await load("lib/dom"), { signal } = await load("lib/signal");
        const { ul, li } = el, rows = signal([]), made = [], seen = [];
        mount(document.body, () => ul(list(() => rows.value, it => it.id, (row, id) => {
          made.push(id);
          return li(() => row.value.id + row.value.text);
        })));
        const orders = ["abc", "cba", "bxc", "", "za", "azb", "ab"];
        for (const [i, order] of orders.entries()) {
          const kept = new Map([...document.querySelectorAll("li")].map(it => [it.textContent[0], it]));
          rows.value = [...order].map(id => ({ id, text: i }));
          const now = [...document.querySelectorAll("li")];
          const same = now.every(it => !kept.has(it.textContent[0]) || kept.get(it.textContent[0]) === it);
          seen.push(now.map(it => it.textContent).join(" ") + (same ? "" : " made anew"));
        }
        return [seen, made.join("")];
    """)

    assert seen == [
        ["a0 b0 c0", "c1 b1 a1", "b2 x2 c2", "", "z4 a4", "a5 z5 b5", "a6 b6"],
        "abcxzab",
    ]


def test_what_goes_ends_its_effects(lib: Lib) -> None:
    seen = lib("""
        const { el, list, when, mount } = await load("lib/dom"), { signal } = await load("lib/signal");
        const { p, i } = el, n = signal(1), rows = signal([1, 2]), error = signal({ text: "bad" });
        const take = mount(document.body, () => p(
          list(() => rows.value, it => it, () => i(() => n.value)),
          when(() => error.value, () => i(() => error.value.text, () => n.value))));
        const counts = [n.readers.size];
        rows.value = [2]; counts.push(n.readers.size);
        error.value = null; counts.push(n.readers.size);
        error.value = { text: "worse" }; counts.push(n.readers.size);
        take(); counts.push(n.readers.size, document.body.textContent.trim());
        return counts;
    """)

    assert seen == [3, 2, 1, 2, 0, ""]
