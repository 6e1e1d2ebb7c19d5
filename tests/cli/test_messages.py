"""`spooled-lite messages` and `spooled-lite topics`."""

import pytest

from tests.cli.asking import Asking, ran

LATER = "2099-01-01T00:00:00Z"


@pytest.fixture
def audit(ask: Asking) -> Asking:
    ask.world.call("POST", "/queues", {"name": "audit"})
    return ask


def test_a_message_is_sent_listed_read_hidden_and_deleted(audit: Asking) -> None:
    [sent] = audit.lines("messages", "send", "audit", '{"a": 1}', "--key", "k", "--priority", 7)
    again = audit("messages", "send", "audit", "-", "--key", "k", given="2")
    assert (again.stdout.strip(), again.stderr.strip()) == (sent, "Another message has this key.")

    assert [each["body"] for each in audit.things("messages", "list", "audit")] == [{"a": 1}]
    assert "visible" in audit.lines("messages", "list", "audit")[1]

    _, read = audit.lines("messages", "read", "audit")
    assert sent in read
    assert audit("messages", "read", "audit").stderr == "No messages.\n"
    assert audit.json("messages", "read", "audit", "--wait", 0) == {"messages": []}

    assert audit.lines("messages", "hide", "audit", sent, "--for", 5) == ["1 message hidden"]
    assert audit.lines("messages", "delete", "audit", sent, "x") == ["1 message deleted"]
    gone = audit("messages", "delete", "audit", sent, code=1)
    assert "none of these messages is in this queue" in gone.stderr
    assert audit.lines("messages", "list", "audit") == ["No messages."]


def test_a_delayed_message_is_hidden(audit: Asking) -> None:
    audit("messages", "send", "audit", "1", "--delay", LATER, "--expires", LATER, "--topic", "t")

    [shown] = audit.things("messages", "list", "audit", "--state", "hidden")
    assert (shown["state"], shown["topic"]) == ("hidden", "t")
    assert audit.lines("messages", "list", "audit", "--state", "visible") == ["No messages."]


def test_a_queue_that_is_not_there_is_refused_with_the_nearest(audit: Asking) -> None:
    for arguments in (("send", "audti", "1"), ("list", "audti"), ("read", "audti")):
        refused = audit("messages", *arguments, code=1)
        assert "Did you mean 'audit'?" in refused.stderr
    assert "Did you mean 'audit'?" in audit("topics", "bind", "a", "audti", code=1).stderr


def test_topics_are_bound_asked_about_and_published_under(audit: Asking) -> None:
    assert audit.lines("topics", "list") == ["Nothing is bound."]
    assert audit.lines("topics", "bind", "a.#", "audit") == ["a.# leads to audit"]
    assert audit.lines("topics", "bind", "a.#", "audit") == ["a.# leads to audit already"]

    assert "a.#" in audit.lines("topics", "list", "--topic", "a.b")[1]
    assert audit.lines("topics", "list", "--topic", "b") == ["Nothing is bound."]
    assert audit.lines("topics", "publish", "a.b", '"x"', "--key", "k") == ["1 target got it"]
    assert audit.lines("topics", "publish", "b", "1") == ["Nobody is bound to it."]
    assert audit.json("topics", "publish", "a", "1")["matched"] == 1
    assert [each["topic"] for each in audit.things("messages", "list", "audit")] == ["a.b", "a"]

    assert audit.lines("topics", "unbind", "a.#", "audit") == ["a.# no longer leads to audit"]
    assert "audit is not bound to a.#" in audit("topics", "unbind", "a.#", "audit", code=1).stderr
    assert "Field `pattern`" in audit("topics", "bind", "#.a", "audit", code=1).stderr


def test_topics_lead_to_tasks_too(audit: Asking) -> None:
    audit.world.call("PUT", "/tasks/welcome", {})
    assert audit.lines("topics", "bind", "a.#", "welcome", "--task") == ["a.# leads to welcome"]
    assert audit.lines("topics", "publish", "a.b", "1") == ["1 target got it"]
    [run] = audit.world.call("GET", "/tasks/welcome/runs")
    assert (run["input"], run["topic"]) == (1, "a.b")

    assert "task" in audit.lines("topics", "list", "--task", "welcome")[1]
    assert audit.lines("topics", "list", "--queue", "welcome") == ["Nothing is bound."]
    assert (
        "welcome is not bound to a.#" in audit("topics", "unbind", "a.#", "welcome", code=1).stderr
    )
    assert audit.lines("topics", "unbind", "a.#", "welcome", "--task") == [
        "a.# no longer leads to welcome"
    ]


def test_topics_lead_to_flows_too(audit: Asking) -> None:
    audit.world.call("PUT", "/flows/orders", {"steps": [{"key": "pick"}]})
    assert audit.lines("topics", "bind", "a.#", "orders", "--flow") == ["a.# leads to orders"]
    assert (
        "Did you mean 'orders'?" in audit("topics", "bind", "a", "ordres", "--flow", code=1).stderr
    )
    assert audit.lines("topics", "publish", "a.b", "1") == ["1 target got it"]
    [run] = audit.world.call("GET", "/flows/orders/runs")
    assert audit.world.call("GET", f"/workflows/{run['id']}")["input"] == 1

    assert "flow" in audit.lines("topics", "list", "--flow", "orders")[1]
    assert audit.lines("topics", "list", "--task", "orders") == ["Nothing is bound."]
    assert audit.lines("topics", "unbind", "a.#", "orders", "--flow") == [
        "a.# no longer leads to orders"
    ]


def test_hostile_text_does_not_reach_the_terminal(audit: Asking) -> None:
    body = {"body": "\x1b[2J\x07", "concurrency_key": "\x1b]0;t\x07", "topic": "a\nb"}
    audit.world.call("POST", "/queues/audit/messages", body)

    shown = audit("messages", "list", "audit").stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert len(shown.splitlines()) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("messages", "send", "audit"),
        ("messages", "send", "audit", "{"),
        ("messages", "read", "audit", "--quantity", "101"),
        ("messages", "read", "audit", "--hide", "0"),
        ("messages", "hide", "audit", "x"),
        ("messages", "delete", "audit"),
        ("topics", "publish", "a", "{"),
        ("topics", "list", "--queue", "a", "--task", "b"),
        ("topics", "list", "--task", "a", "--flow", "b"),
        ("topics", "bind", "a", "b", "--task", "--flow"),
    ],
)
def test_a_bad_call_is_refused_before_anyone_is_asked(arguments: tuple[str, ...]) -> None:
    assert ran(*arguments, "--api-key", "sk_a").exit_code == 2
