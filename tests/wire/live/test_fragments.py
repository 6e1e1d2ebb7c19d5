"""How fragments are written into an event stream: contract catbird-capabilities, R5."""

import re

from hypothesis import given
from hypothesis import strategies as some

from spooled_lite.core.renderers.render import Fragment
from spooled_lite.wire.live.fragments import written

TEXTS = some.text(alphabet=some.sampled_from("ab: \r\n\x0b\u2028d"), max_size=30)


def test_each_line_is_a_line_of_data_and_an_empty_one_says_nothing() -> None:
    text = "data: \n\ndata: x\r\n\r last "

    frame = written([Fragment("e", text)]).decode()

    assert frame == "event: e\ndata: data: \ndata:\ndata: data: x\ndata:\ndata:  last \n\n"
    assert written([Fragment("e", "")]) == b"event: e\ndata:\n\n"


@given(TEXTS)
def test_any_text_is_read_as_it_was_but_for_its_line_ends(text: str) -> None:
    head, *lines = written([Fragment("e", text)]).decode().removesuffix("\n\n").split("\n")

    assert head == "event: e"
    assert all(line == "data:" or re.match("data: .", line, re.DOTALL) for line in lines)
    read = "\n".join(line[6:] for line in lines)
    assert read == re.sub("\r\n|\r", "\n", text)
