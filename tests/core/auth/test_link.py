"""Whom the link of the first page signs in: the oldest key that may do everything."""

from typing import Any

from spooled_lite.core.auth.link import subject_of_link
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.records import IssuedKey
from spooled_lite.storage.transaction import Tx
from tests.core.stage import Stage
from tests.factories import a_key


def issued(stage: Stage, **fields: Any) -> IssuedKey:
    stage.clock.advance(seconds=1)
    return stage.run(issue, stage.org, a_key(**fields), is_live=False)


def signed_in(stage: Stage) -> str | None:
    org_id = stage.value("SELECT id FROM organizations WHERE seq = :org", org=stage.org)
    subject = stage.read(subject_of_link, org_id)
    return None if subject is None else subject.key_id


def test_keys_with_limits_are_passed_over(stage: Stage) -> None:
    issued(stage, queues=("emails",))
    issued(stage, permissions=("jobs:read",))
    issued(stage, expires_at_ms=stage.clock.now_ms() + 2_000)
    good = issued(stage, queues=("*",), permissions=("*",))
    issued(stage)

    stage.clock.advance(seconds=5)

    assert signed_in(stage) == good.row["id"]


def test_nobody_is_signed_in_when_no_key_is_good(stage: Stage) -> None:
    assert signed_in(stage) is None
    stage.run(issue, stage.org, a_key(), is_live=False)
    assert signed_in(stage) is not None

    stage.run(lambda tx: tx.execute("UPDATE api_keys SET is_active = 0"))

    assert signed_in(stage) is None


def test_a_suspended_or_deleted_organization_signs_nobody_in(stage: Stage) -> None:
    issued(stage)
    for change in (
        "UPDATE organizations SET is_active = 0",
        "UPDATE organizations SET is_active = 1, plan_tier = 'deleted'",
    ):
        stage.run(Tx.execute, change)

        assert signed_in(stage) is None
