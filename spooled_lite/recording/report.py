"""How a replay is told: to people, as JSON, and as JUnit XML."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import msgspec

from spooled_lite.recording.diff import Difference
from spooled_lite.recording.replay import Replayed, ReplayOutcome

VALUE_CHARS_MAX: Final = 120  # shown of a value

_NOT_IN_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_lines(outcome: ReplayOutcome) -> Iterator[str]:
    sent, differ = outcome.sent_count, outcome.differ_count
    line = f"replayed {_exchanges(sent)}: {sent - differ} equal, {differ} differ"
    if outcome.skipped_count:
        line += f"; {outcome.skipped_count} not replayed (streams, bodies that were not kept)"
    yield line
    for each in outcome.exchanges:
        for difference in each.differences:
            yield f"{_title(each)}   {_told(difference)}"


def as_json(outcome: ReplayOutcome) -> bytes:
    return msgspec.json.encode(
        {
            "exchanges": outcome.sent_count,
            "equal": outcome.sent_count - outcome.differ_count,
            "differ": outcome.differ_count,
            "not_replayed": [
                {"n": each.n, "method": each.method, "path": each.path, "why": each.skipped}
                for each in outcome.exchanges
                if each.skipped is not None
            ],
            "differences": [
                {
                    "n": each.n,
                    "method": each.method,
                    "path": each.path,
                    **msgspec.structs.asdict(difference),
                }
                for each in outcome.exchanges
                for difference in each.differences
            ],
        }
    )


def as_junit(outcome: ReplayOutcome) -> str:
    """One suite with one case for each exchange."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(
        f'<testsuite name="spooled-lite replay" tests="{len(outcome.exchanges)}"'
        f' failures="{outcome.differ_count}" skipped="{outcome.skipped_count}" errors="0">'
    )
    for each in outcome.exchanges:
        lines.append(f"  <testcase name={quoteattr(_xml(_title(each)))}>")
        if each.skipped is not None:
            lines.append(f"    <skipped message={quoteattr(_xml(each.skipped))}/>")
        if each.differences:
            told = "\n".join(_told(difference) for difference in each.differences)
            count = len(each.differences)
            message = f"{count} difference{'' if count == 1 else 's'}"
            lines.append(f'    <failure message="{message}">{escape(_xml(told))}</failure>')
        lines.append("  </testcase>")
    return "\n".join([*lines, "</testsuite>"])


def _exchanges(count: int) -> str:
    return f"{count} exchange{'' if count == 1 else 's'}"


def _title(each: Replayed) -> str:
    return f"#{each.n} {_plain(each.method)} {_plain(each.path)}"


def _told(difference: Difference) -> str:
    return (
        f"{_plain(difference.place)}   recorded {_shown(difference.recorded)}"
        f"   replayed {_shown(difference.replayed)}   {difference.rule}"
    )


def _shown(value: Any) -> str:
    text = json.dumps(value)  # ASCII: what a server says must not move the cursor of a terminal
    return text if len(text) <= VALUE_CHARS_MAX else text[:VALUE_CHARS_MAX] + "…"


def _plain(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode() if text.isprintable() else ascii(text)


def _xml(text: str) -> str:
    return _NOT_IN_XML.sub("?", text)
