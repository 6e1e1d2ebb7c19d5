"""`lib/diff.js`: the differences of two texts by lines."""

from collections.abc import Callable
from typing import Any

Lib = Callable[[str], Any]


def test_lines_taken_away_and_added_are_told_apart(lib: Lib) -> None:
    lines = lib("""
        const { diffLines } = await load("lib/diff");
        return diffLines("a\\nb\\nc\\nd", "a\\nc\\nx\\nd").map(it => [it.kind, it.text, it.before, it.after]);
    """)

    assert lines == [
        [" ", "a", 1, 1],
        ["-", "b", 2, None],
        [" ", "c", 3, 2],
        ["+", "x", None, 3],
        [" ", "d", 4, 4],
    ]


def test_both_texts_can_be_read_out_of_it(lib: Lib) -> None:
    wrong = lib("""
        const { diffLines } = await load("lib/diff"), wrong = [];
        let state = 3;
        const random = n => (state = (state * 48271) % 2147483647) % n;
        const text = () => Array.from({ length: random(14) }, () => "abc"[random(3)]).join("\\n");
        for (let n = 0; n < 2000; n++) {
          const [a, b] = [text(), text()], lines = diffLines(a, b);
          const of = kind => lines.filter(it => it.kind !== kind).map(it => it.text).join("\\n");
          if (of("+") !== a || of("-") !== b) wrong.push([a, b]);
        }
        return wrong;
    """)

    assert wrong == []


def test_texts_with_nothing_in_common_take_no_time(lib: Lib) -> None:
    seen = lib("""
        const { diffLines } = await load("lib/diff"), from = performance.now();
        const text = mark => Array.from({ length: 9000 }, (_, n) => mark + n).join("\\n");
        const lines = diffLines(text("a"), text("b"));
        return [lines.length, performance.now() - from];
    """)

    assert seen[0] == 18_000
    assert seen[1] < 5_000


def test_what_is_alike_is_left_out_but_for_its_edges(lib: Lib) -> None:
    shown = lib("""
        const { diffLines, diffHunks } = await load("lib/diff");
        const text = odd => Array.from({ length: 30 }, (_, n) => (n === 15 ? odd : n)).join("\\n");
        return diffHunks(diffLines(text("x"), text("y")), 2).map(it => it.kind + (it.text ?? it.count));
    """)

    assert shown == ["…13", " 13", " 14", "-x", "+y", " 16", " 17", "…12"]
