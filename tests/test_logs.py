"""What log lines look like, and that no credential is in them."""

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest

from spooled_lite.call_notes import NOTES, CallNotes
from spooled_lite.config import Settings
from spooled_lite.log_lines import LINE_CHARS_MAX, masked
from spooled_lite.logs import dropped_lines, log_what_is_printed, set_up_logging
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
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
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


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_masked_line_is_json_all_the_same() -> None:
    stream = io.StringIO()
    set_up_logging(Settings(json_logs=True), stream=stream)

    logging.getLogger("spooled_lite.test").warning(
        "Bearer abc", extra={"fields": {"asked": ["BEARER xyz"], "by": {"key": "sk_live_12345678"}}}
    )

    [line] = lines_of(stream)
    assert line["message"] == "***"
    assert (line["asked"], line["by"]) == (["***"], {"key": "sk_live_***"})


@pytest.mark.parametrize("json_logs", [True, False])
def test_a_secret_of_the_settings_is_masked_whatever_its_form(json_logs: bool) -> None:
    stream = io.StringIO()
    secret = 'correct horse "battery" \\ staple'
    set_up_logging(Settings(json_logs=json_logs, smtp_password=secret), stream=stream)

    logging.getLogger("spooled_lite.test").warning("refused: %s", secret)

    assert "refused: ***" in stream.getvalue()
    assert "battery" not in stream.getvalue()


@pytest.mark.parametrize("json_logs", [True, False])
def test_a_line_is_bounded_and_keeps_its_ends(json_logs: bool) -> None:
    stream = io.StringIO()
    set_up_logging(Settings(json_logs=json_logs), stream=stream)
    log = logging.getLogger("spooled_lite.test")

    try:
        raise ValueError("y" * 10**6 + " the end of the error")
    except ValueError:
        log.exception(
            "begin %s end", "\x00" * 10**6, extra={"fields": {"z" * 10**4: ["x"] * 10**4}}
        )

    assert len(stream.getvalue()) <= LINE_CHARS_MAX
    assert "begin " in stream.getvalue()
    assert " end" in stream.getvalue()
    assert "characters left out" in stream.getvalue()


def test_fields_that_are_too_long_together_give_way_to_the_message() -> None:
    stream = io.StringIO()
    set_up_logging(Settings(json_logs=True), stream=stream)

    fields = {str(number): "\x00" * 10**4 for number in range(100)}
    logging.getLogger("spooled_lite.test").error("what matters", extra={"fields": fields})

    [line] = lines_of(stream)
    assert (line["message"], line["is_cut"]) == ("what matters", True)
    assert len(stream.getvalue()) <= LINE_CHARS_MAX


def test_what_json_cannot_hold_is_written_in_other_words() -> None:
    stream = io.StringIO()
    set_up_logging(Settings(json_logs=True), stream=stream)

    fields = {"a": object, "b": "\udcff", "c": 2**80, "d": {1: {2: {3: {4: {5: {}}}}}}, "e": None}
    logging.getLogger("spooled_lite.test").warning("half of %s", "\ud800", extra={"fields": fields})

    [line] = lines_of(stream)
    assert line["message"] == "half of \\ud800"
    assert (line["b"], line["c"], line["e"]) == ("\\udcff", str(2**80), None)
    assert "object" in line["a"]


def test_text_that_is_made_up_neither_begins_a_line_nor_moves_the_cursor() -> None:
    stream = io.StringIO()
    set_up_logging(Settings(), stream=stream)

    forged = "a\n2030-01-01T00:00:00.000Z ERROR    forged: line\x1b[2J\u2028"
    logging.getLogger("spooled_lite.test").warning("said %s", forged)

    first, second = stream.getvalue().splitlines()
    assert first.endswith("said a")
    assert second.startswith("    2030")
    assert second.endswith("line\\x1b[2J\\x2028")


def test_a_line_of_a_call_names_its_request_route_and_organization() -> None:
    stream = io.StringIO()
    set_up_logging(Settings(json_logs=True), stream=stream)
    notes = CallNotes(b"r-1")

    def serve() -> None:
        NOTES.set(notes)
        logging.getLogger("spooled_lite.test").warning("early")
        notes.route, notes.org_id = "/api/v1/jobs/{id}", "org-1"
        logging.getLogger("some.library").warning("late")

    copy_context().run(serve)
    logging.getLogger("spooled_lite.test").warning("outside")

    early, late, outside = lines_of(stream)
    assert early["request_id"] == "r-1"
    assert "route" not in early
    assert (late["request_id"], late["route"], late["org"]) == (
        "r-1", "/api/v1/jobs/{id}", "org-1",
    )  # fmt: skip
    assert "request_id" not in outside
