"""`lib/json.js`: text that is cut into lines and loses nothing."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Lib = Callable[[str], Any]


def test_order_digits_escapes_and_repeated_keys_stay(lib: Lib) -> None:
    text = (
        r'{"b":12345678901234567890,"a":1.50,"__proto__":"\u00e9\/","a":{},"e":1E+400,"l":"\ud800"}'
    )

    made = lib(f"""
        const {{ readJson, formatted }} = await load("lib/json"), text = {json.dumps(text)};
        const it = readJson(text), lines = Array.from({{ length: it.count }}, (_, n) => it.line(n));
        return [formatted(text), lines.map(line => line.key)];
    """)

    assert made[0].splitlines() == [
        "{",
        '  "b": 12345678901234567890,',
        '  "a": 1.50,',
        r'  "__proto__": "\u00e9\/",',
        '  "a": {},',
        '  "e": 1E+400,',
        r'  "l": "\ud800"',
        "}",
    ]
    assert made[1] == [None, '"b"', '"a"', '"__proto__"', '"a"', '"e"', '"l"', None]


def test_it_takes_and_refuses_what_the_browser_does(lib: Lib) -> None:
    """Texts put together at random, with a fixed seed."""
    seen = lib(r"""
        const { readJson, formatted } = await load("lib/json");
        let state = 7;
        const random = n => (state = (state * 48271) % 2147483647) % n;
        const bits = '{ } [ ] : , "a" "\\n" "\\x" 1 -0 01 1.5e3 1. true null nul \t \u0001'.split(" ");
        let taken = 0;
        const different = [];
        for (let n = 0; n < 30000; n++) {
          const text = Array.from({ length: 1 + random(7) }, () => bits[random(bits.length)]).join("");
          let expected = true;
          try { JSON.parse(text); } catch { expected = false; }
          if (expected !== !readJson(text).error) different.push(text);
          if (!expected) continue;
          taken++;
          if (JSON.stringify(JSON.parse(formatted(text))) !== JSON.stringify(JSON.parse(text))) different.push(text);
        }
        return [taken > 100, different];
    """)

    assert seen == [True, []]


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("", "The text ends too early", 1, 1),
        ('{"a": 1\n "b": 2}', "A comma or } is missing", 2, 2),
        ("[1,\n2,]", "Unexpected ]", 2, 3),
        ("{a: 1}", "A name in double quotes is missing", 1, 2),
        ('{"a" 1}', "A colon is missing", 1, 6),
        ('"a\nb"', "A line break or control character inside a text", 1, 3),
        (r'"\u12"', "Four hexadecimal digits belong after \\u", 1, 4),
        ("1 2", "Something stands after the end", 1, 3),
    ],
)
def test_an_error_has_its_place(lib: Lib, text: str, message: str, line: int, column: int) -> None:
    error = lib(f'return (await load("lib/json")).readJson({json.dumps(text)}).error')

    assert (error["message"], error["line"], error["column"]) == (message, line, column)


def test_a_mebibyte_of_any_shape_is_read_and_folded(lib: Lib) -> None:
    seen = lib("""
        const { readJson, foldedTo, shownLines, formatted } = await load("lib/json"), half = 1 << 19;
        const shapes = ["[".repeat(half) + "]".repeat(half), '"' + "x".repeat(2 * half) + '"',
          "[" + "1,".repeat(half) + "1]", '{"a":'.repeat(150000) + "1" + "}".repeat(150000)];
        return shapes.map(text => {
          const it = readJson(text), shown = shownLines(it, foldedTo(it, 200)).length;
          return [it.error, it.count > 0, shown, formatted(text).length > 0];
        });
    """)

    assert [each[0] for each in seen] == [None] * 4
    assert [each[2] for each in seen] == [199, 1, (1 << 19) + 3, 199]


def test_folding_shows_the_outer_levels_first(lib: Lib) -> None:
    shown = lib("""
        const { readJson, foldedTo, shownLines } = await load("lib/json");
        const it = readJson(JSON.stringify(Array.from({ length: 50 }, (_, n) => ({ n, in: [1, 2, 3] }))));
        const closed = foldedTo(it, 200), all = shownLines(it, closed);
        return [it.count, all.length, it.line(all[1]).kind, closed.has(all[1]), closed.has(0), it.line(1).size];
    """)

    assert shown == [402, 52, "{", True, False, 2]


def test_what_has_a_masked_name_is_masked_with_all_in_it(lib: Lib) -> None:
    masked = lib(r"""
        const { readJson } = await load("lib/json"), masks = new Set(["password", "auth"]);
        const it = readJson('{"PASSWORD":1,"p\\u0061ssword":2,"a":{"auth":{"x":[3]}},"b":4}', { masks });
        return Array.from({ length: it.count }, (_, n) => it.line(n)).filter(it => it.isMasked && it.kind === "n").map(it => it.text);
    """)

    assert masked == ["1", "2", "3"]


def test_what_cannot_be_seen_is_shown_as_its_escape(lib: Lib) -> None:
    shown = lib(r"""
        return (await load("lib/json")).visible("a\u202eb\u200bc\ud800d\u{1f600}e\u200d\u0007\n");
    """)

    assert shown == "a\\u202eb\\u200bc\\ud800d\U0001f600e\u200d\\u0007\n"


def test_a_member_of_an_answer_is_found_byte_for_byte(lib: Lib) -> None:
    found = lib(r"""
        const { memberOf } = await load("lib/json"), text = '{"id":"a","tags":{"payload":0},"payload" : {"z":1.0, "a":[ ]},"n":[]}';
        return [memberOf(text, "payload"), memberOf(text, "n"), memberOf(text, "id"), memberOf(text, "none")];
    """)

    assert found == ['{"z":1.0, "a":[ ]}', "[]", '"a"', None]
