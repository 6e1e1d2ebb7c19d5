"""Changing an organization: what is kept, what is cleared, what becomes of a webhook token."""

import re
from typing import Any

import msgspec
import pytest

from spooled_lite.core.orgs.create import create, get_by_id, get_organization
from spooled_lite.core.orgs.records import (
    ORG_SETTINGS_BYTES_MAX,
    NewOrganization,
    settings_columns,
)
from spooled_lite.core.orgs.update import regenerate_webhook_token, update
from spooled_lite.errors import NotFound, RuleBroken
from spooled_lite.wire.shapes.organizations import UpdateOrganization
from tests.core.stage import Stage
from tests.core.store import NOW_MS
from tests.factories import an_org


def changed(stage: Stage, **fields: Any) -> Any:
    body = msgspec.json.decode(msgspec.json.encode(fields), type=UpdateOrganization)
    return stage.run(update, stage.org, body.changes())


def test_what_is_left_out_is_kept(stage: Stage) -> None:
    before = stage.read(get_organization, stage.org)
    stage.clock.advance(seconds=5)

    after = changed(stage, description="Mail for all")

    different = {name for name, _ in dict(before).items() ^ dict(after).items()}
    assert different == {"description", "updated_at_ms"}
    assert stage.happened() == ["org.changed"]


def test_an_empty_text_clears(stage: Stage) -> None:
    changed(stage, billing_email="a@example.com", description="d", logo_url="https://x.test/l")

    row = changed(stage, billing_email="", description="", logo_url="")

    assert (row["billing_email"], row["description"], row["logo_url"]) == (None, None, None)


def test_settings_are_replaced_as_a_whole(stage: Stage) -> None:
    changed(stage, settings={"a": 1, "b": 2})

    row = changed(stage, settings={"b": 3})

    assert msgspec.json.decode(row["settings"]) == {"b": 3}


def test_a_webhook_token_in_the_settings_is_set_and_not_kept_there(stage: Stage) -> None:
    stage.clock.advance(seconds=5)

    row = changed(stage, settings={"a": 1, "webhook_token": "chosen"})

    assert (row["webhook_token"], row["settings"]) == ("chosen", b'{"a":1}')
    assert row["webhook_token_created_at_ms"] == NOW_MS + 5_000


@pytest.mark.parametrize("settings", [{}, {"webhook_token": ""}, {"webhook_token": None}])
def test_settings_without_a_token_leave_it_alone(stage: Stage, settings: dict[str, Any]) -> None:
    before = stage.read(get_organization, stage.org)
    stage.clock.advance(seconds=5)

    row = changed(stage, settings=settings)

    assert row["webhook_token"] == before["webhook_token"]
    assert row["webhook_token_created_at_ms"] == NOW_MS
    assert row["settings"] == b"{}"


@pytest.mark.parametrize(
    ("settings", "field", "code"),
    [
        (b"1", "settings", "invalid_value"),
        (b'"x"', "settings", "invalid_value"),
        (b"[1]", "settings", "invalid_value"),
        (b'{"a":"' + b"x" * ORG_SETTINGS_BYTES_MAX + b'"}', "settings", "settings_too_large"),
        (b'{"webhook_token":"\xc3\xa4"}', "settings.webhook_token", "invalid_value"),
        (b'{"webhook_token":" x"}', "settings.webhook_token", "invalid_value"),
        (b'{"webhook_token":"' + b"x" * 256 + b'"}', "settings.webhook_token", "invalid_value"),
    ],
)
def test_bad_settings_are_refused(settings: bytes, field: str, code: str) -> None:
    with pytest.raises(RuleBroken) as caught:
        settings_columns(settings)

    [problem] = caught.value.details
    assert (problem.field, problem.code) == (field, code)


def test_an_empty_list_is_the_empty_map_of_php() -> None:
    assert settings_columns(b"[ ]") == {"settings": b"{}"}
    assert settings_columns(b"null") == {}


def test_every_organization_has_a_webhook_token_of_its_own(stage: Stage) -> None:
    other = stage.run(create, an_org(slug="other"))
    tokens = {stage.read(get_organization, stage.org)["webhook_token"], other["webhook_token"]}

    assert len(tokens) == 2
    assert all(re.fullmatch(r"whk_[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_a_new_webhook_token_replaces_the_old_one(stage: Stage) -> None:
    before = stage.read(get_organization, stage.org)
    stage.clock.advance(seconds=5)

    row = stage.run(regenerate_webhook_token, stage.org)

    assert row["webhook_token"] != before["webhook_token"]
    assert row["webhook_token_created_at_ms"] == NOW_MS + 5_000


def test_an_unknown_organization_is_not_found(stage: Stage) -> None:
    with pytest.raises(NotFound):
        stage.read(get_organization, 99)
    with pytest.raises(NotFound):
        stage.read(get_by_id, "acme")


@pytest.mark.parametrize("address", ["x", "a@b", "@example.com", "a b@example.com", "a@@b.c"])
def test_an_address_must_be_one(address: str) -> None:
    with pytest.raises(RuleBroken) as caught:
        NewOrganization(name="Acme", slug="-", tier="free", billing_email=address).checked()

    assert [each.field for each in caught.value.details] == ["slug", "billing_email"]
    assert caught.value.details[1].code == "email"
