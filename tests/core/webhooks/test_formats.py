"""Messages for chat services: one line, escaped, and never longer than the service takes."""

import json
from typing import Any

import pytest

from spooled_lite.core.webhooks.formats import (
    DISCORD_CHARS_MAX,
    SLACK_CHARS_MAX,
    TEAMS_BYTES_MAX,
    formatted,
)

NAUGHTY = "a & b <!channel> *bold* _it_ ~no~ `code` [x](https://y.test) @everyone <@1> | > # \\"


def envelope(event: str = "job.failed", **data: Any) -> bytes:
    return json.dumps({"id": "d-1", "event": event, "data": data}).encode()


def said(name: str, body: bytes) -> str:
    made = json.loads(formatted(name, body))
    if name == "slack":
        assert made.keys() == {"text"}
        return str(made["text"])
    if name == "discord":
        assert made.keys() == {"content"}
        return str(made["content"])
    [attachment] = made["attachments"]
    [block] = attachment["content"].pop("body")
    assert attachment == {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "content": {"type": "AdaptiveCard", "version": "1.4"},
    }
    assert (made["type"], block["type"], block["wrap"]) == ("message", "TextBlock", True)
    return str(block["text"])


def test_json_is_the_envelope_itself() -> None:
    body = envelope(job_id="j-1")

    assert formatted("json", body) is body


@pytest.mark.parametrize("name", ["slack", "discord", "teams"])
def test_the_event_comes_first_then_what_it_is_about(name: str) -> None:
    body = envelope(queue_name="emails", error="boom", status="deadletter", job_id="j-1")

    assert said(name, body) == "job.failed: job j-1, queue emails, status deadletter, error boom"


@pytest.mark.parametrize(
    ("event", "data", "line"),
    [
        ("queue.paused", {"queue_name": "q", "reason": "lunch"}, "queue q, reason lunch"),
        ("worker.offline", {"worker_id": "w", "hostname": "h"}, "worker w, on h"),
        ("workflow.completed", {"workflow_id": "f", "name": "etl"}, "workflow f, named etl"),
        (
            "webhook.test",
            {"webhook_id": "h", "message": "Hi", "test": True},
            "webhook h, message Hi",
        ),
    ],
)
def test_every_kind_of_event_has_a_line(event: str, data: dict[str, Any], line: str) -> None:
    assert said("slack", envelope(event, **data)) == f"{event}: {line}"


@pytest.mark.parametrize("name", ["slack", "discord", "teams"])
@pytest.mark.parametrize("number", ["1e999", "-1e400", "9" * 5_000])
def test_what_is_not_said_need_not_be_read(name: str, number: str) -> None:
    # Results and tags go through as they came, and no machine number holds these.
    data = f'{{"job_id": "j-1", "result": {{"n": [{number}]}}, "tags": {{"n": {number}}}}}'

    line = said(name, f'{{"event": "job.completed", "data": {data}}}'.encode())

    assert line == "job.completed: job j-1"


def test_an_event_about_nothing_is_its_name() -> None:
    assert said("slack", envelope("job.created")) == "job.created"


def test_slack_sees_no_mention_and_no_link() -> None:
    text = said("slack", envelope(error=NAUGHTY))

    assert "a &amp; b &lt;!channel&gt;" in text
    assert "<" not in text


@pytest.mark.parametrize("name", ["discord", "teams"])
def test_markdown_is_itself(name: str) -> None:
    text = said(name, envelope(error=NAUGHTY))

    assert r"\*bold\* \_it\_ \~no\~ \`code\` \[x\]\(https://y.test\)" in text
    assert r"\<" in text
    assert text.endswith("\\\\"), "the backslash itself, too"


def test_discord_calls_nobody() -> None:
    text = said("discord", envelope(error=NAUGHTY))

    assert "@everyone" not in text
    assert "@\u200beveryone" in text


@pytest.mark.parametrize("name", ["slack", "discord", "teams"])
def test_it_is_one_line_of_plain_text(name: str) -> None:
    text = said(name, envelope(error="first\r\nsecond\tthird\x00\u2028fourth"))

    assert text.endswith("error first second third fourth")


@pytest.mark.parametrize("filler", ["x", "<", "*", "\u00fc", "\U0001f600", '"', "\\"])
@pytest.mark.parametrize("name", ["slack", "discord", "teams"])
def test_a_long_line_is_cut_between_two_characters(name: str, filler: str) -> None:
    body = envelope(error=filler * 50_000)

    text = said(name, body)

    units = len(text.encode("utf-16-le")) // 2
    if name == "teams":
        size, most = len(formatted(name, body)), TEAMS_BYTES_MAX
    else:
        size, most = units, SLACK_CHARS_MAX if name == "slack" else DISCORD_CHARS_MAX
    assert most - 12 <= size <= most
    assert text.endswith("…")
    inside = text.removesuffix("…").partition("error ")[2]
    piece = {"<": "&lt;"}.get(filler, filler) if name == "slack" else None
    if name != "slack":
        piece = f"\\{filler}" if filler in "<*\\" else filler
    assert inside.replace(str(piece), "") == ""


@pytest.mark.parametrize("name", ["slack", "discord", "teams"])
def test_a_line_that_just_fits_is_not_cut(name: str) -> None:
    most = {"slack": SLACK_CHARS_MAX, "discord": DISCORD_CHARS_MAX}.get(name)
    if most is None:
        most = TEAMS_BYTES_MAX - len(formatted("teams", envelope(""))) - 0
    line = "job.failed: error "
    text = said(name, envelope(error="x" * (most - len(line))))

    assert len(text) == most
    assert text.endswith("x")
