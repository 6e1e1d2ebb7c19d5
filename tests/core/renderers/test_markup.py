"""Where placeholders may stand in HTML, so that no value becomes markup or script."""

import contextlib
import time

import pytest

from spooled_lite.core.renderers.markup import check_markup
from spooled_lite.core.renderers.records import TEMPLATE_BYTES_MAX
from spooled_lite.errors import RuleBroken

X = "{{data.x}}"


@pytest.mark.parametrize(
    "template",
    [
        "",
        X,
        f"a < b {X}",
        f"<li>{X}</li>",
        f"<a href=\"/orders/{X}\" title='{X} {{{{topic}}}}'>{X}</a>",
        f'<A HREF = "{X}" hidden>{X}</A >',
        f"<br/>{X}<br />{X}",
        f"<!-- no placeholder -->{X}<!doctype html>{X}",
        f"<script>var a = '<b>';</script>{X}",
        f"<style>b {{ color: red }}</style>{X}",
        f"<textarea>{X}<b </textarea>{X}",
        f'<input value="{X}" data-on="{X}" class=plain>',
        f'<p data-a="x > y">{X}</p>',
        f"<p title='a\"b'>{X}</p>",
    ],
)
def test_between_tags_and_in_quotes_a_placeholder_is_safe(template: str) -> None:
    check_markup(template, "template")


@pytest.mark.parametrize(
    ("template", "where"),
    [
        (f"<script>{X}</script>", "in <script>"),
        (f"<SCRIPT>a</b>{X}</script>", "in <script>"),
        (f"<style>{X}", "in <style>"),
        (f'<iframe srcdoc="{X}"></iframe>', "`srcdoc`"),
        (f'<b onclick="{X}">', "`onclick`"),
        (f"<b OnClick = '{X}'>", "`OnClick`"),
        (f'<b style="color: {X}">', "`style`"),
        (f"<b class={X}>", "without quotes"),
        (f"<b class=a{X}>", "without quotes"),
        (f'<b x=b"title="{X}">', "without quotes"),
        (f"<b {X}>", "outside of quotes"),
        (f"<b{X}>", "outside of quotes"),
        (f"<b a/{X}>", "outside of quotes"),
        (f'<b {X}="a">', "outside of quotes"),
        (f"<{X}>", "name of a tag"),
        (f"</{X}>", "name of a tag"),
        (f"<!-- {X} -->", "comment"),
        (f"<!doctype {X}>", "declaration"),
        (f"<?x {X}>", "declaration"),
        (f"<script></script ><script>{X}", "in <script>"),
    ],
)
def test_elsewhere_it_is_refused_with_the_place(template: str, where: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        check_markup(f"\n{template}", "template")

    assert where in refused.value.message
    assert "line 2, column" in refused.value.message


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<a b=", '<a b="', "<script>", "<!--", "</", f"<p>{X}", "<a / = ' ", "="]
)
def test_no_template_takes_long_to_look_through(piece: str) -> None:
    template = (piece * TEMPLATE_BYTES_MAX)[:TEMPLATE_BYTES_MAX]

    began = time.perf_counter()
    with contextlib.suppress(RuleBroken):
        check_markup(template, "template")

    assert time.perf_counter() - began < 0.25
