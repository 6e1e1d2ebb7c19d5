"""`spooled-lite inbox`."""

import pytest

from spooled_lite.cli import inbox
from tests.cli.asking import Asking

LATER = "2099-01-01T00:00:00Z"


def test_a_notification_is_sent_listed_and_seen(ask: Asking) -> None:
    [first] = ask.lines("inbox", "send", "ada", "a.b", "hello", "--expires", LATER)
    [second] = ask.lines("inbox", "send", "ada", "a.b", "-", "--key", "k", given="from a pipe")
    [third] = ask.lines("inbox", "send", "ada", "a.b")

    shown = ask.things("inbox", "list", "ada")
    assert [each["message"] for each in shown] == ["hello", "from a pipe", None]
    assert "hello" in ask.lines("inbox", "list", "ada")[1]
    assert ask.lines("inbox", "list", "bob") == ["No notifications."]

    assert ask.lines("inbox", "seen", "ada", first) == ["1 notification marked as seen"]
    assert ask.json("inbox", "seen", "ada", "--until", third) == {"marked": 2}
    assert ask.lines("inbox", "seen", "ada", second) == ["0 notifications marked as seen"]
    newest = [each["id"] for each in ask.things("inbox", "list", "ada", "--seen")]
    assert newest == [int(each) for each in (third, second, first)]


def test_a_list_is_read_page_by_page(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "PAGE", 2)
    ids = [int(ask.lines("inbox", "send", "ada", "a")[0]) for _ in range(5)]

    assert [each["id"] for each in ask.things("inbox", "list", "ada")] == ids
    assert [each["id"] for each in ask.things("inbox", "list", "ada", "--limit", 3)] == ids[:3]
    ask("inbox", "seen", "ada", "--until", ids[-1])
    seen = ask.things("inbox", "list", "ada", "--seen", "--limit", 3)
    assert [each["id"] for each in seen] == ids[:1:-1]


def test_a_mark_says_which(ask: Asking) -> None:
    for arguments in ((), ("1", "--until", "1")):
        refused = ask("inbox", "seen", "ada", *arguments, code=2)
        assert "--until ID" in refused.stderr
