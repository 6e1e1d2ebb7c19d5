"""Codes from a mail: how long and how often they hold, and whom they sign in."""

import sqlite3
from typing import Any, Final

import pytest

from spooled_lite.core.auth.codes import start_code, try_code
from spooled_lite.core.auth.forget import forget_codes
from spooled_lite.core.auth.records import SignupClaims, checked_email, masked_email
from spooled_lite.core.auth.sign_in import KEY_NAME, Verified, start, verify
from spooled_lite.core.auth.sign_up import complete_signup
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.revoke import revoke
from spooled_lite.core.orgs.create import create
from spooled_lite.errors import AccessDenied, BadRequest, RateLimited, RuleBroken
from tests.core.store import NOW_MS, Store
from tests.factories import a_key, an_org

ADA: Final = "ada@example.com"
SECRET: Final = b"0" * 32


def asked(store: Store, email: str = ADA, *, may_sign_in: bool = True) -> str | None:
    return store.run(start_code, email, SECRET, may_sign_in=may_sign_in)


def started(store: Store, email: str = ADA) -> str:
    code = asked(store, email)
    assert code is not None
    return code


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_a_code_has_six_digits_and_is_not_kept_as_it_is(store: Store) -> None:
    code = started(store)

    assert len(code) == 6
    assert code.isdigit()
    [row] = store.rows("SELECT * FROM sign_in_codes")
    assert code.encode() not in row["code_hash"]
    assert len(row["code_hash"]) == 32


def test_a_code_is_good_once(store: Store) -> None:
    code = started(store)

    assert store.run(try_code, ADA, code, SECRET) == "right"
    assert store.run(try_code, ADA, code, SECRET) == "nothing pending"


def test_a_code_is_good_for_a_quarter_of_an_hour(store: Store) -> None:
    codes = [started(store, email) for email in (ADA, "bob@example.com")]

    store.clock.advance(seconds=899.999)
    assert store.run(try_code, ADA, codes[0], SECRET) == "right"
    store.clock.advance(seconds=0.001)
    assert store.run(try_code, "bob@example.com", codes[1], SECRET) == "wrong"


def test_a_code_is_good_for_its_address_only(store: Store) -> None:
    code = started(store)
    started(store, "bob@example.com")

    assert store.run(try_code, "bob@example.com", code, SECRET) == "wrong"
    assert store.run(try_code, "eve@example.com", code, SECRET) == "nothing pending"


def test_five_wrong_tries_end_a_code(store: Store) -> None:
    code = started(store)

    tried = [store.run(try_code, ADA, wrong(code), SECRET) for _ in range(5)]

    assert tried == ["wrong"] * 5
    assert store.run(try_code, ADA, code, SECRET) == "wrong"


def test_the_right_code_after_four_wrong_ones_is_taken(store: Store) -> None:
    code = started(store)
    for _ in range(4):
        store.run(try_code, ADA, wrong(code), SECRET)

    assert store.run(try_code, ADA, code, SECRET) == "right"


def test_no_other_code_is_made_within_a_minute(store: Store) -> None:
    first = started(store)
    store.clock.advance(seconds=59.999)
    again = asked(store)
    store.clock.advance(seconds=0.001)
    second = started(store)

    assert again is None
    assert second != first
    assert store.run(try_code, ADA, first, SECRET) == "wrong"
    assert store.run(try_code, ADA, second, SECRET) == "right"


def test_new_codes_bring_no_new_tries(store: Store) -> None:
    for number in range(5):
        code = started(store)
        store.run(try_code, ADA, wrong(code), SECRET)
        if number < 4:
            store.clock.advance(seconds=61)

    store.clock.advance(seconds=61)
    with pytest.raises(RateLimited) as caught:
        asked(store)

    assert caught.value.retry_after_seconds == 900 - 61
    store.clock.advance(seconds=900 - 61)
    started(store)


def test_a_used_code_makes_room_for_another_at_once(store: Store) -> None:
    code = started(store)
    store.run(try_code, ADA, code, SECRET)

    started(store)


def test_who_may_not_sign_in_leaves_the_same_trace_and_no_code(store: Store) -> None:
    assert asked(store, may_sign_in=False) is None

    [row] = store.rows("SELECT * FROM sign_in_codes")
    assert (row["tries_left"], len(row["code_hash"])) == (5, 32)
    assert store.run(try_code, ADA, "000000", SECRET) == "wrong"


def test_old_codes_are_forgotten_when_nobody_comes_late_any_more(store: Store) -> None:
    code = started(store)

    store.clock.advance(seconds=900)
    early = store.run(forget_codes)
    late = store.run(try_code, ADA, code, SECRET)
    store.clock.advance(seconds=3600)

    assert late == "wrong"  # and not "nothing pending"
    assert (early, store.run(forget_codes), store.run(forget_codes)) == (0, 1, 0)


# -- who is signed in ----------------------------------------------------------------------------


def an_account(store: Store, slug: str, *, email: str = ADA, has_key: bool = True) -> Any:
    row = store.run(create, an_org(slug=slug, billing_email=email, is_email_verified=True))
    if has_key:
        store.run(issue, row["seq"], a_key(), is_live=False)
    store.clock.advance(seconds=1)
    return row


def signed_in(store: Store, *, may_register: bool = False, email: str = ADA) -> Verified:
    code = store.run(start, email, SECRET, may_register=may_register)
    return store.run(
        verify, email, code or "000000", SECRET, may_register=may_register, is_live=False
    )


def test_the_newest_of_several_organizations_is_signed_in_to(store: Store) -> None:
    first, second = an_account(store, "first"), an_account(store, "second", email="ADA@Example.com")
    an_account(store, "of-bob", email="bob@example.com")

    verified = signed_in(store)

    assert verified.subject is not None
    assert verified.subject.org_id == second["id"]
    assert verified.organization_ids == (second["id"], first["id"])


def test_the_oldest_key_that_opens_everything_is_the_one(store: Store) -> None:
    org = an_account(store, "first", has_key=False)
    keys = []
    for fields in (
        {"queues": ("mail",)},
        {"permissions": ("jobs:read",)},
        {"expires_at_ms": store.clock.now_ms() + 2500},
        {"queues": ("a", "*")},
        {},
    ):
        keys.append(store.run(issue, org["seq"], a_key(**fields), is_live=False).row["id"])
        store.clock.advance(seconds=1)

    verified = signed_in(store)

    assert verified.subject is not None
    assert (verified.subject.key_id, verified.subject.queues) == (keys[3], ("a", "*"))


def test_without_such_a_key_one_is_made_and_used_again(store: Store) -> None:
    org = an_account(store, "first")
    store.run(revoke, org["seq"], store.value("SELECT id FROM api_keys"))

    made, again = signed_in(store), signed_in(store)

    assert made.subject is not None
    assert again.subject == made.subject
    row = store.rows("SELECT * FROM api_keys WHERE id = :id", id=made.subject.key_id)[0]
    assert (row["name"], row["queues"]) == (KEY_NAME, '["*"]')


@pytest.mark.parametrize(
    "change", ["deleted_at_ms = 1", "plan_tier = 'deleted'", "billing_email = NULL"]
)
def test_an_organization_that_is_gone_is_no_account(store: Store, change: str) -> None:
    org = an_account(store, "first")
    statement = f"UPDATE organizations SET {change} WHERE seq = :org"  # noqa: S608 - of the test
    store.run(lambda tx: tx.execute(statement, {"org": org["seq"]}))

    assert store.run(start, ADA, SECRET, may_register=False) is None
    assert signed_in(store, may_register=True, email="new@example.com") == Verified("right")


def test_a_suspended_organization_is_passed_over_or_denied(store: Store) -> None:
    first, second = an_account(store, "first"), an_account(store, "second")
    suspend(store, second["seq"])

    verified = signed_in(store)
    suspend(store, first["seq"])

    assert verified.subject is not None
    assert verified.subject.org_id == first["id"]
    with pytest.raises(AccessDenied):
        signed_in(store)


def test_an_address_without_an_account_gets_a_code_only_where_it_may_register(
    store: Store,
) -> None:
    assert store.run(start, ADA, SECRET, may_register=False) is None
    assert signed_in(store, may_register=True, email="bob@example.com") == Verified("right")


def test_registration_that_was_closed_meanwhile_is_closed(store: Store) -> None:
    code = store.run(start, ADA, SECRET, may_register=True)
    assert code is not None

    with pytest.raises(AccessDenied):
        store.run(verify, ADA, code, SECRET, may_register=False, is_live=False)


def suspend(store: Store, org: int) -> None:
    store.run(
        lambda tx: tx.execute(
            "UPDATE organizations SET is_active = 0 WHERE seq = :org", {"org": org}
        )
    )


# -- sign-up -------------------------------------------------------------------------------------

NOW: Final = NOW_MS // 1000
CLAIMS: Final = SignupClaims(
    email=ADA, token_type="signup", iat=NOW, nbf=NOW, exp=NOW + 900, jti="j"
)


def test_a_sign_up_token_makes_one_organization(store: Store) -> None:
    wanted = an_org(slug="new", tier="free", billing_email=ADA)

    made = store.run(complete_signup, CLAIMS, wanted, is_live=True)

    assert (made.row["slug"], made.row["billing_email"]) == ("new", ADA)
    assert made.key.secret.startswith("sk_live_")
    with pytest.raises(BadRequest):
        store.run(complete_signup, CLAIMS, an_org(slug="newer"), is_live=True)


def test_a_slug_that_is_taken_leaves_the_token_good(store: Store) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        store.run(complete_signup, CLAIMS, an_org(slug="acme"), is_live=True)

    store.run(complete_signup, CLAIMS, an_org(slug="new"), is_live=True)


# -- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Ada.L+x@Example.CO.uk ", "ada.l+x@example.co.uk"),
        ("a@b.io", "a@b.io"),
        ("o'neil@x-y.example.com", "o'neil@x-y.example.com"),
    ],
)
def test_an_address_is_compared_in_small_letters(text: str, address: str) -> None:
    assert checked_email(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "ada", "ada@", "@example.com", "ada@localhost", "a b@example.com", "ada@exa mple.com",
        "ada@example.com\r\nBcc: eve@example.com", "ada@example.com, eve@example.com",
        "<ada@example.com>", '"a b"@example.com', "ada@-example.com", "ada@example..com",
        "ada@[127.0.0.1]", "ädä@example.com", "x" * 65 + "@example.com",
        "a@" + "x." * 130 + "com", "ada@@example.com", "ada@example.com\x00",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(RuleBroken) as caught:
        checked_email(text)

    assert [(each.field, each.code) for each in caught.value.details] == [("email", "email")]


def test_an_address_is_shown_masked() -> None:
    assert masked_email("ada@example.com") == "a***@example.com"
