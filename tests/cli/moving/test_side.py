"""The two servers of a move: one that is no Spooled is named, whatever it answers."""

import pytest
from msgspec import Raw

from spooled_lite.cli.answer import Unreachable
from spooled_lite.cli.moving.side import ShownThing

DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize("answer", [b"[{}]", b"null", b"{", b"", b'{"\xff": 1}', DEEP])
def test_an_answer_that_is_no_thing_is_named(answer: bytes) -> None:
    with pytest.raises(Unreachable, match="is not Spooled"):
        ShownThing.read(answer)


def test_a_value_that_is_nested_too_deep_is_named() -> None:
    with pytest.raises(Unreachable, match="is not Spooled"):
        ShownThing({"payload": Raw(DEEP)}).value("payload")
