"""With a seed and a clock that stands, two runs are equal byte for byte, on every Python."""

from play import ANSWERS, SCRIPT, played


def test_the_answers_are_the_same_bytes_as_ever() -> None:
    found = played(SCRIPT.read_text(encoding="utf-8"))

    assert found.decode() == ANSWERS.read_text(encoding="utf-8")
