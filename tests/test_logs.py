"""What log lines look like, and that no credential is in them."""

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from spooled_lite.config import Settings
from spooled_lite.logs import dropped_lines, log_what_is_printed, masked, set_up_logging
from spooled_lite.output import Output


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
def test_lines_that_could_not_be_written_are_counted_in_the_next_one(
    json_logs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = io.StringIO()
    takes = False

    def write(self: Output, text: str) -> bool:
        if takes:
            lines.write(text)
        else:
            self.dropped_count += 1
        return takes

    monkeypatch.setattr(Output, "write", write)
    monkeypatch.setattr(sys, "stderr", None)  # closed: what is behind the descriptor counts
    handler = set_up_logging(Settings(json_logs=json_logs))
    log = logging.getLogger("spooled_lite.test")

    for number in range(3):
        log.warning("lost %d", number)
    log.warning("too many %d %d", 1)
    takes = True
    log.warning("read")
    log.warning("read as well")

    assert dropped_lines(handler) == 4
    assert "lost" not in lines.getvalue()
    assert lines.getvalue().count("\n") == 3
    assert lines.getvalue().count("4 log lines were dropped") == 1


def test_what_python_would_print_goes_into_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    set_up_logging(Settings(), stream=stream)
    log_what_is_printed()

    try:
        thread = threading.Thread(target=lambda: 1 // 0, name="one")
        thread.start()
        thread.join()
    finally:
        logging.captureWarnings(False)

    assert "a thread ended with an error" in stream.getvalue()
    assert "ZeroDivisionError" in stream.getvalue()


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
