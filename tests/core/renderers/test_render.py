"""Templates and what they make of messages: contract catbird-capabilities, R7 and R8."""

import contextlib
import html
import json
import time
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as some

from spooled_lite.core.renderers.records import (
    FRAGMENTS_CHARACTERS_MAX,
    LABEL_CHARACTERS_MAX,
    PLACEHOLDERS_MAX,
    TEMPLATE_BYTES_MAX,
)
from spooled_lite.core.renderers.render import Fragment, Renderers
from spooled_lite.core.renderers.statements import RendererRow
from spooled_lite.core.renderers.template import parse_template
from spooled_lite.errors import RuleBroken

LONG: Final = "x" * 65_536


def a_renderer(template: str = "{{message}}", **fields: Any) -> RendererRow:
    row: RendererRow = {
        "seq": 1,
        "org": 1,
        "name": "one",
        "pattern": "#",
        "event": None,
        "event_id": None,
        "template": template,
        "content_type": "text/html",
        "created_at_ms": 0,
        "updated_at_ms": 0,
    }
    return {**row, **fields}  # type: ignore[typeddict-item]


def made(
    *rows: RendererRow, topic: str = "order.7", message: str = "m", identity: str | None = "ada"
) -> list[Fragment]:
    rendering = Renderers(rows).rendering(topic, message)
    assert rendering is not None
    return rendering.fragments(identity)


def text_of(template: str, message: Any = "m", **fields: Any) -> str:
    given = message if isinstance(message, str) else json.dumps(message)
    [fragment] = made(a_renderer(template, **fields), message=given)
    return fragment.data


# -- templates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("plain { } }} text", "plain { } }} text"),
        ("<b>{{topic}}</b>", "<b>order.7</b>"),
        ("{{ message }}{{\tidentity }}", "mada"),
        ("{{topic}}}}", "order.7}}"),
    ],
)
def test_placeholders_are_filled(template: str, expected: str) -> None:
    assert text_of(template) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data.a", "1"),
        ("data.b.c", "x"),
        ("data.b.list.1.n", "2"),
        ("data.b", '{"c":"x","list":[1,{"n":2}]}'),
        ("data.f", "1.5"),
        ("data.yes", "true"),
        ("data.none", ""),
        ("data.missing", ""),
        ("data.a.deeper", ""),
        ("data.b.list.2", ""),
        ("data.b.list.-1", ""),
        ("data.b.list.1000000000", ""),
        ("data.big", "123456789012345678901234567890"),
        ("data.with-dash_and_1", "ok"),
    ],
)
def test_a_path_leads_into_a_message_that_is_json(path: str, expected: str) -> None:
    message = {
        "a": 1,
        "b": {"c": "x", "list": [1, {"n": 2}]},
        "f": 1.5,
        "yes": True,
        "none": None,
        "big": 123456789012345678901234567890,
        "with-dash_and_1": "ok",
    }

    assert html.unescape(text_of("{{" + path + "}}", message)) == expected


@pytest.mark.parametrize(
    ("template", "place", "what"),
    [
        ("{{", "line 1, column 1", "is not closed"),
        ("{{topic", "line 1, column 1", "is not closed"),
        ("a\n{{topic}}\n  {{user}}", "line 3, column 3", "`{{user}}`"),
        ("{{}}", "line 1, column 1", "`{{}}`"),
        ("{{data.}}", "line 1, column 1", "`{{data.}}`"),
        ("{{data.a..b}}", "line 1, column 1", "`{{data.a..b}}`"),
        ("{{topic.a}}", "line 1, column 1", "is no placeholder"),
        ("{{{topic}}}", "line 1, column 1", "is no placeholder"),
        ("{{{{topic}}}}", "line 1, column 1", "is no placeholder"),
        ("{{message|raw}}", "line 1, column 1", "is no placeholder"),
        ("{{#each data}}", "line 1, column 1", "is no placeholder"),
        ("{{data.a b}}", "line 1, column 1", "is no placeholder"),
        ("x{{TOPIC}}", "line 1, column 2", "is no placeholder"),
        ("{{" + "y" * 1_000 + "}}", "line 1, column 1", "{{yyy"),
    ],
)
def test_a_template_that_cannot_be_read_is_refused_with_the_place(
    template: str, place: str, what: str
) -> None:
    with pytest.raises(RuleBroken) as refused:
        parse_template(template, "template")

    assert place in refused.value.message
    assert what in refused.value.message
    assert len(refused.value.message) < 300
    assert refused.value.details[0].field == "template"


def test_a_template_has_so_many_placeholders() -> None:
    parse_template("{{topic}}" * PLACEHOLDERS_MAX, "template")
    with pytest.raises(RuleBroken, match=str(PLACEHOLDERS_MAX)):
        parse_template("{{topic}}" * (PLACEHOLDERS_MAX + 1), "template")


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", ["{{", "}}", "{{topic}} {{", "{{ ", "{{data" + ".a" * 100, "{{\t"]
)
def test_no_template_takes_long_to_read(piece: str) -> None:
    template = (piece * TEMPLATE_BYTES_MAX)[:TEMPLATE_BYTES_MAX]

    began = time.perf_counter()
    for _ in range(10):
        with contextlib.suppress(RuleBroken):
            parse_template(template, "template")

    assert (time.perf_counter() - began) / 10 < 0.05


@given(some.text(max_size=200))
def test_any_text_is_a_template_or_is_refused(text: str) -> None:
    try:
        parse_template(text, "template")
    except RuleBroken:
        assert "{{" in text


# -- what values cannot do -------------------------------------------------------------------------

HOSTILE: Final = "<script>alert('x')</script>\"& {{topic}} \u2028"


@pytest.mark.parametrize("where", ["message", "identity", "data.x", "data"])
def test_a_value_is_no_markup_and_no_template(where: str) -> None:
    message = json.dumps({"x": HOSTILE}) if where.startswith("data") else HOSTILE
    row = a_renderer("<p>{{" + where + "}}</p>")

    [fragment] = made(row, message=message, identity=HOSTILE)

    inside = fragment.data.removeprefix("<p>").removesuffix("</p>")
    assert not set("<>\"'") & set(inside)
    assert "{{topic}}" in inside
    assert "&lt;script&gt;" in inside


def test_values_are_written_as_json_into_json() -> None:
    row = a_renderer(
        '{"topic":{{topic}},"who":{{identity}},"x":{{data.x}},"n":{{data.no}},"all":{{data}}}',
        content_type="application/json",
    )
    message = {"x": 'a "quote" </script>', "list": [1, None]}

    [fragment] = made(row, message=json.dumps(message))

    assert "<" not in fragment.data
    assert json.loads(fragment.data) == {
        "topic": "order.7",
        "who": "ada",
        "x": message["x"],
        "n": None,
        "all": message,
    }


def test_values_stay_as_they_are_in_plain_text() -> None:
    [fragment] = made(a_renderer("{{message}}", content_type="text/plain"), message="<b> & c")

    assert (fragment.data, fragment.content_type) == ("<b> & c", "text/plain")


def test_event_and_id_are_one_line_each_and_short() -> None:
    row = a_renderer(event="{{data.e}}", event_id="a\n{{data.e}}")
    message = json.dumps({"e": "x\r\ndata: y\n\n\0" + LONG})

    [fragment] = made(row, message=message)

    for label in (fragment.event, fragment.id or ""):
        assert not set("\r\n\0") & set(label)
        assert len(label) == LABEL_CHARACTERS_MAX


def test_the_event_is_the_topic_unless_it_says_something() -> None:
    assert made(a_renderer())[0].event == "order.7"
    assert made(a_renderer(event="update"))[0].event == "update"
    [empty] = made(a_renderer(event="{{data.none}}", event_id="{{data.none}}"), message="{}")
    assert (empty.event, empty.id) == ("order.7", None)


# -- which of them, and how much -------------------------------------------------------------------


def test_each_that_matches_makes_one_in_the_order_of_names() -> None:
    rows = [
        a_renderer("2", name="b", pattern="order.*"),
        a_renderer("1", name="a", pattern="order.7"),
        a_renderer("3", name="c", pattern="#"),
        a_renderer("no", name="d", pattern="user.#"),
    ]

    assert [each.data for each in made(*rows)] == ["1", "2", "3"]
    assert [each.data for each in made(*rows, topic="order.8")] == ["2", "3"]
    assert Renderers(rows[:2]).rendering("user.1", "m") is None


@pytest.mark.parametrize(
    "message", ["no json", "", "{", '{"a":1}x', "[" * 100_000, '"\\ud800"', "NaN", "1e400"]
)
def test_without_json_only_the_fragment_that_needs_it_is_dropped(message: str) -> None:
    rows = [
        a_renderer("{{data.a}}", name="a"),
        a_renderer("plain", name="b"),
        a_renderer("plain", name="c", event_id="{{data.id}}"),
    ]

    assert [each.data for each in made(*rows, message=message)] == ["plain"]


def test_a_fragment_that_is_too_long_is_dropped_and_others_are_not() -> None:
    rows = [
        a_renderer("{{topic}}", name="a"),
        a_renderer("{{message}}{{message}}", name="b"),
        a_renderer("{{topic}}", name="c"),
    ]

    assert [each.data for each in made(*rows, message=LONG)] == ["order.7", "order.7"]
    assert len(made(*rows, message=LONG[10:])) == 3


def test_all_fragments_of_a_message_have_one_bound() -> None:
    rows = [a_renderer("{{message}}", name=f"r{number:03}") for number in range(100)]

    fragments = made(*rows, message=LONG)

    assert len(fragments) == FRAGMENTS_CHARACTERS_MAX // len(LONG)


def test_listeners_share_what_does_not_name_them() -> None:
    same = Renderers([a_renderer("{{topic}}")]).rendering("a", "m")
    own = Renderers([a_renderer("{{topic}} {{identity}}")]).rendering("a", "m")

    assert same is not None
    assert own is not None
    assert (same.is_the_same_for_all, own.is_the_same_for_all) == (True, False)
    assert [own.fragments(each)[0].data for each in ("ada", "<b>", None)] == [
        "a ada",
        "a &lt;b&gt;",
        "a ",
    ]


@pytest.mark.alone
@pytest.mark.slow
def test_the_worst_renderers_take_a_bounded_time() -> None:
    quotes = '"' * 60_000
    message = json.dumps({"a": {"a": {"a": quotes}}})
    template = "{{data}}{{data.a}}{{data.a.a}}{{data.a.a.a}}{{message}}" * 20
    rows = [
        a_renderer(template, name=f"r{number:03}", content_type=kind)
        for number in range(33)
        for kind in ("text/html",)
    ] + [a_renderer(template, name=f"s{n:03}", content_type="application/json") for n in range(33)]
    renderers = Renderers(rows)

    began = time.perf_counter()
    rendering = renderers.rendering("a", message)
    assert rendering is not None
    rendering.fragments("ada")

    assert time.perf_counter() - began < 0.5
