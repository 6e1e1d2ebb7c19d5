"""Results of expectations as JUnit writes them, for the reports of CI."""

import re
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import msgspec

from spooled_lite.testing.expect_shapes import ExpectedResult

# XML 1.0 cannot say these, not even escaped.
_UNSAYABLE: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(name: str, results: Sequence[ExpectedResult]) -> bytes:
    """One test suite with a case for each expectation."""
    failed = sum(not each.passed for each in results)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuite name={_quoted(name)} tests="{len(results)}" failures="{failed}">',
        *(_case(name, each) for each in results),
        "</testsuite>",
    ]
    return ("\n".join(lines) + "\n").encode()


def _case(name: str, result: ExpectedResult) -> str:
    expected = bytes(result.expected).decode()
    head = f"  <testcase classname={_quoted(name)} name={_quoted(expected)}"
    if result.passed:
        return f"{head}/>"
    said = _quoted(f"actual: {_json(result.actual)}")
    nearest = escape(_sayable(_json(result.nearest)))
    return f"{head}>\n    <failure message={said}>{nearest}</failure>\n  </testcase>"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _quoted(text: str) -> str:
    return quoteattr(_sayable(text))


def _sayable(text: str) -> str:
    return _UNSAYABLE.sub("\ufffd", text)
