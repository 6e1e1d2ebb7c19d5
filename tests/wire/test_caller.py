"""Who is calling: accepted forms, what is remembered and when it is forgotten, permission words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.keys.bootstrap import ensure_key
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.keys.revoke import revoke
from spooled_lite.core.keys.words import implied_words
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.errors import AccessDenied, Unauthorized
from spooled_lite.storage.statement import Statement, Value
from spooled_lite.storage.transaction import Tx
from spooled_lite.wire.caller import Caller, Callers, credential_of
from tests.wire.http.served import Served, serving

LAST_USED = Value(int, "SELECT last_used_ms FROM api_keys")


@asynccontextmanager
async def parts(tmp_path: Path) -> AsyncIterator[tuple[Served, Callers]]:
    async with serving(str(tmp_path / "spooled.db"), Settings()) as it:
        yield it, it.services.callers


def set_org(tx: Tx, org: int, column: str, value: Any) -> None:
    statement = {
        "is_active": "UPDATE organizations SET is_active = :value WHERE seq = :org RETURNING *",
        "deleted_at_ms": (
            "UPDATE organizations SET deleted_at_ms = :value WHERE seq = :org RETURNING *"
        ),
        "plan_tier": "UPDATE organizations SET plan_tier = :value WHERE seq = :org RETURNING *",
    }[column]
    row = tx.row(Statement(OrgRow, statement), {"org": org, "value": value})
    assert row is not None
    tx.emit("org.changed", org, row=row)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({b"authorization": b"Bearer sk_test_x"}, "sk_test_x"),
        ({b"authorization": b"bEARER   sk_test_x  "}, "sk_test_x"),
        ({b"x-api-key": b" sk_test_x "}, "sk_test_x"),
        ({b"authorization": b"Bearer a", b"x-api-key": b"b"}, "a"),
        ({b"authorization": b"Basic YTpi", b"x-api-key": b"b"}, None),
        ({b"authorization": b"sk_test_x"}, None),
        ({b"authorization": b"Bearer"}, None),
        ({b"authorization": b"Bearer  "}, None),
        ({b"authorization": b"Bearer " + b"x" * 40_000}, None),
        ({b"authorization": b"Bearer sk_\xff"}, None),
        ({b"x-api-key": b""}, None),
        ({}, None),
    ],
)
def test_a_credential_is_taken_from_either_header(
    headers: dict[bytes, bytes], found: str | None
) -> None:
    assert credential_of(headers) == found


def test_a_key_names_its_organization_and_what_it_may_do(tmp_path: Path) -> None:
    async def scenario() -> tuple[Served, Caller]:
        async with parts(tmp_path) as (it, callers):
            issued = await it.issue(queues=("mail",), rate_limit=7)
            return it, await callers.find(issued.secret)

    it, caller = asyncio.run(scenario())

    assert (caller.org, caller.org_id, caller.plan_tier) == (it.org, it.org_id, "enterprise")
    assert (caller.scope.entries, caller.rate_limit, caller.words) == (("mail",), 7, None)


def test_both_spellings_of_a_key_are_the_same_caller(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (it, callers):
            assert await callers.find("sp_" + it.key[3:]) == await callers.find(it.key)

    asyncio.run(scenario())


@pytest.mark.parametrize("credential", ["sk_test_unknown", "x", "eyJhbGciOiJIUzI1NiJ9.e30.x"])
def test_an_unknown_credential_is_refused_and_not_remembered(
    tmp_path: Path, credential: str
) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (_, callers):
            with pytest.raises(Unauthorized) as caught:
                await callers.find(credential)
            assert credential not in caught.value.message
            assert callers.known_count == 0

    asyncio.run(scenario())


def test_a_known_caller_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (it, callers):
            first = await callers.find(it.key)
            with monkeypatch.context() as patch:
                patch.setattr(it.db, "readers", None)  # a read would fail

                again = await callers.find(it.key)

            assert again is first

    asyncio.run(scenario())


def test_a_revoked_key_is_dead_when_the_revocation_is_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (it, callers):
            issued = await it.issue()
            await callers.find(issued.secret)

            await it.db.write(revoke, it.org, issued.row["id"])

            with pytest.raises(Unauthorized):
                await callers.find(issued.secret)
            await callers.find(it.key)

    asyncio.run(scenario())


def test_a_key_that_was_revoked_stays_so_when_the_settings_bring_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (it, callers):
            issued = await it.issue()
            await it.db.write(revoke, it.org, issued.row["id"])

            await it.db.write(ensure_key, it.org, issued.secret)

            with pytest.raises(Unauthorized):
                await callers.find(issued.secret)

    asyncio.run(scenario())


def test_a_key_that_is_revoked_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (it, callers):
            issued = await it.issue()
            readers = it.db.readers
            point = readers.point

            async def slow_point(*args: Any) -> Any:
                found = await point(*args)
                await it.db.write(revoke, it.org, issued.row["id"])
                return found

            with monkeypatch.context() as patch:
                patch.setattr(readers, "point", slow_point)
                with pytest.raises(Unauthorized):
                    await callers.find(issued.secret)

            with pytest.raises(Unauthorized):
                await callers.find(issued.secret)

    asyncio.run(scenario())


def test_a_key_ends_at_its_time_though_it_is_remembered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (it, callers):
            ends_at_ms = it.clock.now_ms() + 1000
            issued = await it.issue(expires_at_ms=ends_at_ms)
            it.clock.set(ends_at_ms - 1)
            await callers.find(issued.secret)

            it.clock.set(ends_at_ms)

            with pytest.raises(Unauthorized):
                await callers.find(issued.secret)

    asyncio.run(scenario())


def test_a_suspended_organization_is_denied_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (it, callers):
            await callers.find(it.key)

            await it.db.write(set_org, it.org, "is_active", 0)

            with pytest.raises(AccessDenied):
                await callers.find(it.key)
            await it.db.write(set_org, it.org, "is_active", 1)
            await callers.find(it.key)

    asyncio.run(scenario())


def test_the_keys_of_a_deleted_organization_open_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (it, callers):
            _, other_key = await it.other_org()
            await callers.find(it.key)
            await callers.find(other_key)

            await it.db.write(set_org, it.org, "deleted_at_ms", 1)

            with pytest.raises(Unauthorized):
                await callers.find(it.key)
            await callers.find(other_key)

    asyncio.run(scenario())


def test_a_new_plan_counts_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (it, callers):
            await callers.find(it.key)

            await it.db.write(set_org, it.org, "plan_tier", "free")

            assert (await callers.find(it.key)).plan_tier == "free"

    asyncio.run(scenario())


def test_use_is_noted_once_in_five_minutes(tmp_path: Path) -> None:
    async def scenario() -> list[int]:
        async with parts(tmp_path) as (it, callers):
            started_at_ms = it.clock.now_ms()
            noted = []
            for seconds in (0, 299, 1):
                it.clock.advance(seconds=seconds)
                await callers.find(it.key)
                # Behind the note, in the turn of the same organization.
                at_ms = await it.db.submit(it.org, lambda tx: tx.value(LAST_USED))
                assert at_ms is not None
                noted.append((at_ms - started_at_ms) // 1000)
            return noted

    assert asyncio.run(scenario()) == [0, 0, 300]


def test_only_so_many_callers_are_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.wire.caller.CACHED_MAX", 2)

    async def scenario() -> None:
        async with parts(tmp_path) as (it, callers):
            for _ in range(4):
                await callers.find((await it.issue()).secret)

            assert callers.known_count == 2

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("given", "granted", "refused"),
    [
        (["jobs:read"], ["jobs:read", "queues:read", "workflows:read"], ["jobs:write"]),
        (["jobs:write"], ["jobs:read", "workers:write", "schedules:read"], ["jobs:delete"]),
        (["queues:write"], ["queues:read"], ["jobs:read", "queues:admin", "workers:read"]),
        (["queues:admin"], ["queues:write", "queues:read"], ["jobs:read"]),
        (["queues:*"], ["queues:write", "queues:admin", "queues:read"], ["jobs:read"]),
        (["jobs:*"], ["jobs:delete", "queues:write", "schedules:read"], ["api-keys:read"]),
        (["jobs:delete"], ["jobs:delete"], ["jobs:write", "jobs:read"]),
        (["*"], ["jobs:write", "api-keys:write", "system:admin"], []),
        (["nonsense", "a:b:c"], [], ["jobs:read", "a:read"]),
    ],
)
def test_words_imply_others(given: list[str], granted: list[str], refused: list[str]) -> None:
    caller = Caller(
        org=1,
        org_id="o",
        plan_tier="free",
        custom_limits=None,
        key=1,
        key_id="k",
        secret_id="s",
        scope=ALL_QUEUES,
        words=implied_words(given),
        rate_limit=None,
        expires_at_ms=None,
    )

    assert [word for word in granted if not caller.may(word)] == []
    assert [word for word in refused if caller.may(word)] == []
