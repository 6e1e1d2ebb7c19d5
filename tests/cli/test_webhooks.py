"""`spooled-lite webhooks`."""

from pathlib import Path

import pytest

from tests.cli.asking import Asking, columns, ran

SHOP = ("webhooks", "create", "shop", "https://inbox.test/shop", "--event", "job.completed")


def test_a_webhook_is_created_listed_tried_and_deleted(ask: Asking, tmp_path: Path) -> None:
    assert ask.lines("webhooks", "list") == ["No webhooks."]
    secret = tmp_path / "secret"
    secret.write_text("keep-me-secret\n")

    [webhook] = ask.lines(*SHOP, "--event", "job.failed", "--secret-file", secret)

    _, line = ask.lines("webhooks", "list")
    assert [each.strip() for each in columns(line)] == [
        webhook, "shop", "on", "-", "-", "0", "job.completed, job.failed", "https://inbox.test/shop"
    ]  # fmt: skip
    [shown] = ask.things("webhooks", "list")
    assert shown["has_secret"] is True
    told = ask.lines("webhooks", "test", "shop")
    assert told[0].startswith("success  200  ")
    assert (
        "Delete shop and its deliveries? Nobody" in ask("webhooks", "delete", "shop", code=2).stderr
    )
    assert ask.lines("webhooks", "delete", webhook, "--yes") == [f"{webhook} is deleted"]
    assert ask.lines("webhooks", "list") == ["No webhooks."]


def test_a_try_that_fails_is_told_by_code_1(ask: Asking) -> None:
    ask("webhooks", "create", "down", "http://127.0.0.1:9/x", "--event", "job.completed")

    result = ask("webhooks", "test", "down", code=1)

    assert result.stdout.startswith("failed  ")
    assert ask("webhooks", "test", "down", "--json", code=1).stdout.startswith('{"success":false')
    assert "Did you mean 'down'?" in ask("webhooks", "test", "donw", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (SHOP[:4], "Say with --event or --topic"),
        ((*SHOP, "--format", "fax"), "'json'"),
        ((*SHOP, "--secret-file", "/nowhere"), "/nowhere cannot be read: No such file"),
    ],
)
def test_a_bad_webhook_is_refused_before_anyone_is_asked(
    arguments: tuple[str, ...], said: str
) -> None:
    result = ran(*arguments, "--api-key", "sk_a")

    assert result.exit_code == 2
    assert said in result.output


def test_an_event_that_does_not_exist_is_refused_by_the_server(ask: Asking) -> None:
    result = ask(*SHOP[:4], "--event", "job.compelted", code=1)

    assert "event" in result.stderr
