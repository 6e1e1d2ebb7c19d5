"""Signatures: the vectors of the contract both ways, and everything that is not one."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooled_lite.outbound.signatures import sign, verify_github, verify_stripe

# Contract: schedules-workflows-webhooks, section 6.1
AT: Final = 1_767_225_600
OURS: Final = "sha256=6643a62651fda4866f6a5e8350c389b3c5919c7ffc1e9c189c6ad5ac8dbe6ef8"
GITHUB_SECRET: Final = "gh-secret-0123456789"
GITHUB_BODY: Final = b'{"action":"opened"}'
GITHUB: Final = "sha256=db539951c5d3dd236b4782e25aae21137f9783432a6a203ad7d95fb7cf1a80cf"
STRIPE_SECRET: Final = "whsec_0123456789abcdef"
STRIPE_BODY: Final = b'{"id":"evt_1","type":"invoice.paid","data":{"object":{"id":"in_1"}}}'
V1: Final = "7840e550067002ab7f924f182e3fed4c02ceba507ef61dfb4f754a6c66db5ce1"
STRIPE: Final = f"t={AT},v1={V1}"
ZEROS: Final = "0" * 64


def github(**changed: Any) -> bool:
    return verify_github(
        **{"secret": GITHUB_SECRET, "header": GITHUB, "body": GITHUB_BODY, **changed}
    )


def stripe(**changed: Any) -> bool:
    usual = {"secret": STRIPE_SECRET, "header": STRIPE, "body": STRIPE_BODY, "now_ms": AT * 1000}
    return verify_stripe(**{**usual, **changed})


# -- ours -----------------------------------------------------------------------------------------


def test_our_signature_is_that_of_the_contract() -> None:
    assert sign("whsec_test", AT, b'{"id":"d1","event":"job.completed"}') == OURS


def test_our_signature_depends_on_secret_time_and_every_byte() -> None:
    body = b'{"id":"d1","event":"job.completed"}'

    others = {sign("whsec_tesT", AT, body), sign("whsec_test", AT + 1, body)}
    others |= {sign("whsec_test", AT, body + b"\n"), sign("whsec_test", AT, b"")}

    assert OURS not in others
    assert len(others) == 4


def test_a_secret_and_a_body_may_hold_anything() -> None:
    assert sign("geheim-ü-🔑", AT, bytes(range(256))).startswith("sha256=")


# -- GitHub ---------------------------------------------------------------------------------------


def test_githubs_signature_is_that_of_the_contract() -> None:
    assert github()


def test_a_tampered_github_body_is_refused() -> None:
    assert not github(body=GITHUB_BODY.replace(b"opened", b"closed"))
    assert not github(body=GITHUB_BODY + b" ")
    assert not github(body=b"")
    assert not github(secret="gh-secret-0123456788")


@pytest.mark.parametrize(
    "header",
    [
        None, "", "sha256=", "sha256", GITHUB.removeprefix("sha256="), GITHUB.upper(),
        GITHUB.replace("sha256", "sha1"), GITHUB.replace("sha256=", "SHA256="), GITHUB[:-1],
        GITHUB + "0", f" {GITHUB}", f"{GITHUB} ", f"{GITHUB},{GITHUB}", f"sha256={ZEROS}",
        "sha256=" + "é" * 64, "sha256=\udcff", "sha256=" + "0" * 100_000, "\x00", "sha256==x",
    ],
)  # fmt: skip
def test_what_is_no_github_signature_is_refused(header: str | None) -> None:
    assert not github(header=header)


def test_without_a_secret_nothing_is_accepted() -> None:
    unsigned = sign("x", 0, b"")  # any header at all
    assert not verify_github("", unsigned, b"")
    # What an empty key would produce:
    empty_key = "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
    assert not verify_github("", empty_key, b"")
    assert not verify_stripe("", STRIPE, STRIPE_BODY, AT * 1000)


# -- Stripe ---------------------------------------------------------------------------------------


def test_stripes_signature_is_that_of_the_contract() -> None:
    assert stripe()


def test_a_tampered_stripe_body_is_refused() -> None:
    assert not stripe(body=STRIPE_BODY.replace(b"in_1", b"in_2"))
    assert not stripe(secret="whsec_0123456789abcdeg")
    assert not stripe(header=STRIPE.replace(str(AT), str(AT + 1)))  # the time is signed as well


@pytest.mark.parametrize(
    ("age_ms", "is_accepted"),
    [(0, True), (300_000, True), (300_001, False), (-60_000, True), (-60_001, False),
     (86_400_000, False), (-86_400_000, False)],
)  # fmt: skip
def test_a_stripe_signature_is_good_for_five_minutes(age_ms: int, is_accepted: bool) -> None:
    assert stripe(now_ms=AT * 1000 + age_ms) is is_accepted


@pytest.mark.parametrize(
    "header",
    [
        f"t={AT},v1={ZEROS},v1={V1}",  # while a secret is replaced there are two
        f"t={AT},v1={V1},v1={ZEROS}",
        f"v1={V1},t={AT}",
        f"t={AT},v0={ZEROS},v1={V1},x=y,z",
        f"t={AT}, v1={V1}",
        f"t={AT},v1=,v1=é,v1={V1}",
    ],
)
def test_any_one_of_stripes_signatures_is_enough(header: str) -> None:
    assert stripe(header=header)


@pytest.mark.parametrize(
    "header",
    [
        None, "", ",", "=", "t", "t=", f"t={AT}", f"v1={V1}", f"t=,v1={V1}", f"t=x,v1={V1}",
        f"t=-{AT},v1={V1}", f"t={AT}.0,v1={V1}", f"t= {AT},v1={V1}", f"t={AT},v0={V1}",
        f"t={AT},V1={V1}", f"t={AT},v1={V1.upper()}", f"t={AT},v1={V1[:-1]}", f"t={AT},v1={ZEROS}",
        f"t={AT},t={AT},v1={V1}", f"t=0{AT},v1={V1}", f"t={'9' * 400},v1={V1}", "t=١٢٣,v1=x",
        f"t={AT},v1=\udcff", "t=1," * 100_000, f"t={AT},v1={V1}" + "," * 5000,
    ],
)  # fmt: skip
def test_what_is_no_stripe_signature_is_refused(header: str | None) -> None:
    assert not stripe(header=header)


@given(secret=st.text(), header=st.text(), body=st.binary())
def test_rubbish_is_refused_without_an_exception(secret: str, header: str, body: bytes) -> None:
    assert not verify_github(secret, header, body)
    assert not verify_github(secret, f"sha256={header}", body)
    assert not verify_stripe(secret, header, body, AT * 1000)
    assert not verify_stripe(secret, f"t={AT},v1={header}", body, AT * 1000)
