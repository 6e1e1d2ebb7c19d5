"""`spooled-lite orgs`, and `keys` on a server."""

import json

import pytest

from tests.cli.asking import Asking, columns, ran


def created(ask: Asking, name: str) -> tuple[str, str]:
    """An organization: its id, and its first key. All worlds share them, so each has a name of its
    own."""
    made = ask.json("orgs", "create", name, "--slug", name.lower())
    return made["id"], made["api_key"]["key"]


def test_an_organization_is_created_with_a_key_and_listed(ask: Asking) -> None:
    lines = ask.lines("orgs", "create", "Acme", "--slug", "acme", "--plan", "pro",
                      "--email", "a@example.org")  # fmt: skip

    assert [line.split()[0] for line in lines] == ["id", "slug", "plan", "API"]
    key = lines[3].split()[2]
    assert ran("queues", "list", SPOOLED_URL=ask.world.url, SPOOLED_API_KEY=key).exit_code == 0
    _, line = ask.lines("orgs", "list", "--search", "acme")
    assert [each.strip() for each in columns(line)] == [
        lines[0].split()[1], "acme", "Acme", "pro", "active", "0", "0", "now"
    ]  # fmt: skip
    assert len(ask.things("orgs", "list")) >= 2
    assert len(ask.things("orgs", "list", "--limit", "1")) == 1
    assert ask.lines("orgs", "list", "--plan", "enterprise", "--search", "acme") == [
        "No organizations."
    ]


def test_limits_are_shown_and_changed(ask: Asking) -> None:
    created(ask, "Roomy")

    changed = ask.lines("orgs", "limits", "roomy", "max_queues=2000", "max_workers=none")

    assert "max_queues                      2,000  (its own)" in changed
    assert "max_workers                     no limit  (its own)" in changed
    again = ask.json("orgs", "limits", "roomy", "max_workers=plan", "max_queues=7")
    assert again["custom_limits"] == {"max_queues": 7}
    assert not any("its own" in line for line in ask.lines("orgs", "limits", "roomy", "--clear"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("max_queue=3", "no plan has a limit max_queue; did you mean max_queues?"),
        ("xyz=3", "no plan has a limit xyz; there are max_jobs_per_day,"),
        ("max_queues", "max_queues: give max_queues a whole number, `none` or `plan`"),
        ("max_queues=-3", "give max_queues a whole number"),
    ],
)
def test_a_limit_that_does_not_exist_is_refused(change: str, said: str) -> None:
    result = ran("orgs", "limits", "acme", change, "--admin-key", "adm_x")

    assert result.exit_code == 2
    assert said in result.output


def test_a_suspended_organization_is_refused_until_it_is_resumed(ask: Asking) -> None:
    org, key = created(ask, "Paused")
    environ = {"SPOOLED_URL": ask.world.url, "SPOOLED_API_KEY": key}

    assert "Its keys stop working." in ask("orgs", "suspend", "paused", code=2).stderr
    assert ask.lines("orgs", "suspend", "paused", "--yes") == ["paused is suspended"]
    assert ran("queues", "list", **environ).exit_code == 1
    assert "suspended" in ask.lines("orgs", "list", "--search", "paused")[1]
    assert ask.lines("orgs", "resume", org) == [f"{org} is active"]
    assert ran("queues", "list", **environ).exit_code == 0
    assert "Did you mean 'paused'?" in ask("orgs", "suspend", "puased", "--yes", code=1).stderr


def test_a_wrong_admin_key_is_refused_and_not_shown(ask: Asking) -> None:
    environ = {"SPOOLED_URL": ask.world.url}

    wrong = ran("orgs", "list", SPOOLED_ADMIN_KEY="adm_wrong", **environ)
    none = ran("orgs", "list", **environ)

    assert (wrong.exit_code, none.exit_code) == (1, 2)
    assert "adm_wrong" not in wrong.output
    assert "there is no admin key: set SPOOLED_ADMIN_KEY or SPOOLED_ADMIN_KEY_FILE" in none.output


def test_keys_of_a_server_are_created_listed_and_revoked(ask: Asking) -> None:
    key = ask.json(
        "keys", "create", "--name", "ci", "--queue", "a", "--permission", "jobs:read",
        "--rate-limit", "60", "--expires-at", "2100-01-01T00:00:00Z",
    )  # fmt: skip
    [secret] = ask.lines("keys", "create", "--name", "all")

    assert ran("queues", "list", SPOOLED_URL=ask.world.url, SPOOLED_API_KEY=secret).exit_code == 0
    lines = ask.lines("keys", "list")
    [ci] = [line for line in lines if line.endswith("  ci")]
    assert [each.strip() for each in columns(ci)] == [
        key["id"], f"{key['key_prefix']}…", "active", "a", "jobs:read", "2100-01-01T00:00:00.000Z",
        "never", "ci",
    ]  # fmt: skip
    assert secret not in "".join(lines)
    [used] = [line for line in lines if line.endswith("  all")]
    assert columns(used)[-2].strip() == "now"
    assert ask.lines("keys", "revoke", key["id"]) == [f"{key['id']} is revoked"]
    assert [each["is_active"] for each in ask.things("keys", "list") if each["name"] == "ci"] == [
        False
    ]
    assert "revoked" in "".join(ask.lines("keys", "list"))
    assert "API key not found" in ask("keys", "revoke", "nothing", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        ((), {}, "say where: --database FILE, or a server"),
        (
            ("--database", "x.db", "--url", "http://x"),
            {},
            "in a --database or on a server, not both",
        ),
        (("--org", "acme"), {"SPOOLED_API_KEY": "sk_a"}, "--org needs --database"),
        (("--url", "http://x"), {}, "there is no API key"),
    ],
)
def test_it_must_be_clear_where_keys_are(
    arguments: tuple[str, ...], environ: dict[str, str], said: str
) -> None:
    result = ran("keys", "list", *arguments, **environ)

    assert result.exit_code == 2
    assert said in result.output


def test_the_command_line_counts_before_the_environment(ask: Asking) -> None:
    environ = {"SPOOLED_DATABASE": "/nowhere/x.db", "SPOOLED_API_KEY": ask.world.api_key}

    offline = ran("keys", "list", **environ)
    online = ran("keys", "list", "--json", "--url", ask.world.url, **environ)

    assert "/nowhere/x.db: there is no such file" in offline.output
    assert json.loads(online.stdout.splitlines()[0])["is_active"] is True
