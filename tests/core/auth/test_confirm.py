"""Codes that confirm the address of an organization: for whom, how long, how often."""

from typing import Any, Final

import pytest

from spooled_lite.core.auth.codes import RESEND_MS
from spooled_lite.core.auth.confirm import (
    CodeToSend,
    confirm,
    is_unconfirmed,
    start_confirmation,
)
from spooled_lite.core.auth.forget import forget_confirmations
from spooled_lite.core.auth.sign_in import has_account
from spooled_lite.core.orgs.create import create
from spooled_lite.core.orgs.records import OrganizationChanges
from spooled_lite.core.orgs.update import update
from tests.core.store import Store
from tests.factories import an_org

ADA: Final = "ada@example.com"
SECRET: Final = b"0" * 32


def made(store: Store, slug: str = "ada", email: str | None = "Ada@Example.com") -> int:
    org: int = store.run(create, an_org(slug=slug, billing_email=email))["seq"]
    return org


def sent(store: Store, org: int, *, again: bool = False) -> CodeToSend:
    sending = store.run(start_confirmation, org, SECRET, again=again)
    assert sending is not None
    return sending


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**10:010d}"


def changed(store: Store, org: int, **columns: Any) -> None:
    store.run(update, org, OrganizationChanges(columns))


def test_an_address_signs_in_nowhere_until_its_code_was_shown(store: Store) -> None:
    org = made(store)
    assert not store.run(has_account, ADA)
    sending = sent(store, org)
    store.events.clear()

    found = store.run(confirm, org, sending.code, SECRET)

    assert (sending.email, sending.slug, len(sending.code)) == (ADA, "ada", 10)
    assert (found.tried, found.row is not None) == ("right", True)
    assert store.run(has_account, ADA)
    assert [event.type for event in store.events] == ["org.changed"]
    assert store.run(confirm, org, sending.code, SECRET).tried == "nothing pending"


def test_a_code_is_kept_hashed(store: Store) -> None:
    code = sent(store, made(store)).code

    [row] = store.rows("SELECT * FROM confirmation_codes")
    assert code.encode() not in row["code_hash"]
    assert len(row["code_hash"]) == 32


def test_a_code_of_one_organization_confirms_no_other(store: Store) -> None:
    stranger, owner = made(store, "stranger"), made(store, "owner")
    code = sent(store, owner).code
    store.clock.advance(seconds=RESEND_MS / 1000)
    sent(store, stranger)

    assert store.run(confirm, stranger, code, SECRET).tried == "wrong"
    assert store.run(confirm, owner, code, SECRET).tried == "right"


def test_five_wrong_codes_end_the_right_one(store: Store) -> None:
    org = made(store)
    code = sent(store, org).code

    tried = [store.run(confirm, org, wrong(code), SECRET).tried for _ in range(5)]

    assert tried == ["wrong"] * 5
    assert store.run(confirm, org, code, SECRET).tried == "wrong"
    assert not store.run(has_account, ADA)


def test_a_code_is_good_for_a_quarter_of_an_hour(store: Store) -> None:
    org = made(store)
    code = sent(store, org).code

    store.clock.advance(seconds=900)

    assert store.run(confirm, org, code, SECRET).tried == "wrong"


def test_one_code_is_sent_by_itself_and_others_when_they_are_asked_for(store: Store) -> None:
    org = made(store)
    assert store.run(is_unconfirmed, org)
    first = sent(store, org)

    assert not store.run(is_unconfirmed, org)
    assert store.run(start_confirmation, org, SECRET) is None
    assert store.run(start_confirmation, org, SECRET, again=True) is None  # within a minute
    store.clock.advance(seconds=RESEND_MS / 1000)
    second = sent(store, org, again=True)
    assert store.run(confirm, org, first.code, SECRET).tried == "wrong"
    assert store.run(confirm, org, second.code, SECRET).tried == "right"


def test_an_address_gets_one_code_a_minute_whoever_writes_it_down(store: Store) -> None:
    sent(store, made(store, "first"))
    second = made(store, "second")

    assert store.run(start_confirmation, second, SECRET) is None
    store.clock.advance(seconds=RESEND_MS / 1000)
    assert store.run(is_unconfirmed, second)  # its own was not sent yet
    sent(store, second)


@pytest.mark.parametrize("address", [None, "bob@example.com"])
def test_another_address_is_unconfirmed_and_the_old_one_is_nothing(
    store: Store, address: str | None
) -> None:
    org = made(store)
    store.run(confirm, org, sent(store, org).code, SECRET)

    changed(store, org, billing_email=address)

    assert not store.run(has_account, ADA)
    assert not store.run(has_account, "bob@example.com")
    assert store.run(is_unconfirmed, org) == (address is not None)


def test_the_same_address_in_other_letters_stays_confirmed(store: Store) -> None:
    org = made(store)
    store.run(confirm, org, sent(store, org).code, SECRET)

    changed(store, org, billing_email="ADA@example.com", name="Renamed")

    assert store.run(has_account, ADA)
    assert not store.run(is_unconfirmed, org)


def test_a_code_for_an_address_that_was_changed_is_none(store: Store) -> None:
    org = made(store)
    code = sent(store, org).code

    changed(store, org, billing_email="bob@example.com")

    assert store.run(confirm, org, code, SECRET).tried == "nothing pending"


def test_nothing_is_sent_where_there_is_no_address_or_it_is_confirmed(store: Store) -> None:
    without, org = made(store, "without", None), made(store)
    store.run(confirm, org, sent(store, org).code, SECRET)
    store.clock.advance(seconds=RESEND_MS / 1000)

    for each in (without, org):
        assert not store.run(is_unconfirmed, each)
        assert store.run(start_confirmation, each, SECRET, again=True) is None


def test_old_codes_are_forgotten(store: Store) -> None:
    sent(store, made(store))

    early = store.run(forget_confirmations)
    store.clock.advance(seconds=900 + 3600)

    assert (early, store.run(forget_confirmations), store.run(forget_confirmations)) == (0, 1, 0)
