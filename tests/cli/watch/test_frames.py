"""The frames of a stream of events, however its bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spooled_lite.cli.watch.frames import FRAME_BYTES_MAX, SseFrame, TooLong, frames

STREAM = (
    b": connected\n\n"
    b'event: job.created\ndata: {"a": 1}\nid: 7\n\n'
    b"data:no space\r\n\r\n"
    b"data: two\ndata: lines\n\n"
    b"event: ping\n\n"
    b"event: left.out\ndata: it broke off"
)
FOUND = [
    SseFrame("job.created", '{"a": 1}', "7"),
    SseFrame("", "no space", ""),
    SseFrame("", "two\nlines", ""),
]


@settings(max_examples=50, deadline=None)
@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_frames_are_found_however_the_bytes_are_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[begin:end] for begin, end in pairwise(edges)]

    assert list(frames(chunks)) == FOUND


def test_bytes_that_are_no_text_end_nothing() -> None:
    assert list(frames([b"data: \xff\n\n"])) == [SseFrame("", "\ufffd", "")]


@pytest.mark.parametrize("chunk", [b"x" * 65_536, b"data: x\n" * 8_192])
def test_a_frame_without_an_end_is_given_up(chunk: bytes) -> None:
    with pytest.raises(TooLong):
        list(frames(chunk for _ in range(2 * FRAME_BYTES_MAX // len(chunk) + 1)))
