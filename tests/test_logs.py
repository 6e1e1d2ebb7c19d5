"""What log lines look like, and that no credential is in them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from spooled_lite.config import Settings
from spooled_lite.logs import masked, set_up_logging


@pytest.fixture(autouse=True)
def root_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_of_json_is_one_object() -> None:
    stream = io.StringIO()
    set_up_logging(Settings(json_logs=True, log_level="debug"), stream=stream)

    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("spooled_lite.test").exception("failed %d", 7)

    [line] = stream.getvalue().splitlines()
    found = json.loads(line)
    assert (found["level"], found["logger"], found["message"]) == (
        "error",
        "spooled_lite.test",
        "failed 7",
    )
    assert "ValueError: two\nlines" in found["exception"]
    assert found["time"].endswith("Z")


def test_lines_below_the_level_are_left_out() -> None:
    stream = io.StringIO()
    set_up_logging(Settings(log_level="warning"), stream=stream)

    logging.getLogger("spooled_lite.test").info("quiet")
    logging.getLogger("spooled_lite.test").warning("loud")

    assert "quiet" not in stream.getvalue()
    assert "WARNING" in stream.getvalue()
    assert "loud" in stream.getvalue()


@pytest.mark.parametrize("json_logs", [True, False])
def test_a_credential_is_masked_even_in_a_traceback(json_logs: bool) -> None:
    stream = io.StringIO()
    set_up_logging(Settings(json_logs=json_logs), stream=stream)

    try:
        raise ValueError("sk_live_abcdefgh12345678")
    except ValueError:
        logging.getLogger("spooled_lite.test").exception("with %s", "Bearer eyJabc.def.ghi")

    assert "abcdefgh" not in stream.getvalue()
    assert "eyJabc.def" not in stream.getvalue()


@pytest.mark.parametrize(
    "text", ["sk_test_abc123-_x", "sp_live_abcdef", "whk_abcdefgh", "Bearer secret", "eyJhbGci.a.b"]
)
def test_every_kind_of_credential_is_masked(text: str) -> None:
    assert masked(f"before {text} after").startswith("before ")
    assert "***" in masked(text)
    assert masked(f"{text} after").endswith(" after")


def test_other_text_is_left_alone() -> None:
    text = "POST /api/v1/jobs 503 f5f8d274-a96a-4d2a-b2fc-5d94de4f1bc2 task_live_x"

    assert masked(text) == text
