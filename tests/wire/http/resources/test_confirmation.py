"""Whose address it is: nobody signs in with one that a stranger has written down."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from spooled_lite.config import Settings
from spooled_lite.outbound import mail
from tests.wire.http.job_calls import WatchedApi, problem, refusal

ADA: Final = "ada@example.com"
ADMIN_KEY: Final = "kX9-vQ2_mZ7.tR4+"


class ConfirmingApi(WatchedApi):
    """Reads its mails in the log, as somebody does who develops."""

    log: pytest.LogCaptureFixture

    def mails(self, digits: int = 10) -> list[tuple[str, str]]:
        """Addresses and codes of what was mailed since the last look."""
        self.write(lambda tx: None)  # a turn of the loop: the log is written beside the answer
        found = re.findall(rf"mail to (\S+): [^\x00]*?is (\d{{{digits}}})\n", self.log.text)
        self.log.clear()
        return found

    def registered(self, slug: str = "acme", email: str | None = ADA) -> tuple[str, str]:
        """The id and the key of an organization that somebody has registered."""
        body = {"name": "Acme", "slug": slug, "billing_email": email}
        made = self.shown("POST", "organizations", 201, key=None, json=body)
        return made["id"], made["api_key"]["key"]

    def confirm(self, org_id: str, key: str, code: str) -> httpx.Response:
        path = f"organizations/{org_id}/billing-email/confirm"
        return self.post(path, key=key, json={"code": code})

    def sign_in(self, email: str = ADA) -> Any:
        """What a code from a mail to this address is answered with."""
        self.post("auth/email/start", key=None, json={"email": email})
        [(_, code)] = self.mails(digits=6)
        return self.post("auth/email/verify", key=None, json={"email": email, "code": code}).json()


@pytest.fixture
def api(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[ConfirmingApi]:
    caplog.set_level(logging.INFO, logger=mail.__name__)
    with ConfirmingApi(str(tmp_path / "spooled.db"), Settings(admin_key=ADMIN_KEY)) as it:
        it.log = caplog
        yield it


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**10:010d}"


def test_an_address_that_a_stranger_has_written_down_opens_nothing_of_the_stranger(
    api: ConfirmingApi,
) -> None:
    org_id, _ = api.registered()
    api.mails()

    answer = api.sign_in()

    assert (answer["type"], "organizations" in answer) == ("signup", False)
    assert org_id not in str(answer)
    body = {"signup_token": answer["signup_token"], "name": "Ada", "slug": "ada"}
    made = api.shown("POST", "auth/signup/complete", 201, key=None, json=body)
    api.skip(seconds=60)
    assert [each["id"] for each in api.sign_in()["organizations"]] == [made["organization"]["id"]]


def test_an_unconfirmed_address_is_answered_like_an_unknown_one(tmp_path: Path) -> None:
    with ConfirmingApi(str(tmp_path / "spooled.db"), Settings(registration="closed")) as api:
        api.put(f"organizations/{api.served.org_id}", json={"billing_email": ADA})
        emails = (ADA, "amy@example.com")

        answers = [
            [
                api.post("auth/email/start", key=None, json={"email": email}).content,
                api.post(
                    "auth/email/verify", key=None, json={"email": email, "code": "000000"}
                ).content,
                api.get(f"auth/check-email?email={email}", key=None).content,
            ]
            for email in emails
        ]

        assert answers[0] == answers[1]


def test_the_code_that_is_mailed_when_the_address_is_set_confirms_it(api: ConfirmingApi) -> None:
    org_id, key = api.registered()
    [(address, code)] = api.mails()
    assert address == ADA
    before = api.shown("GET", f"organizations/{org_id}", key=key)

    confirmed = api.confirm(org_id, key, code)

    assert (confirmed.status_code, before["billing_email_verified"]) == (200, False)
    assert confirmed.json()["billing_email_verified"] is True
    assert [each["id"] for each in api.sign_in()["organizations"]] == [org_id]
    assert refusal(api.confirm(org_id, key, code)) == (404, "NOT_FOUND")


def test_a_key_with_limits_does_not_make_itself_an_address_without(api: ConfirmingApi) -> None:
    org_id, own = api.registered()
    body = {"name": "Limited", "permissions": ["organization:admin"]}
    limited = api.shown("POST", "api-keys", 201, key=own, json=body)["key"]
    api.mails()
    eve = {"billing_email": "eve@example.com"}
    assert api.put(f"organizations/{org_id}", key=limited, json=eve).status_code == 200
    [(_, code)] = api.mails()

    refused = api.confirm(org_id, limited, code)

    assert refusal(refused) == (403, "ACCESS_DENIED")
    assert api.sign_in("eve@example.com")["type"] == "signup"
    assert api.confirm(org_id, own, code).status_code == 200


@pytest.mark.parametrize("how", ["put", "admin makes", "admin changes"])
def test_a_code_is_mailed_wherever_an_address_is_set(api: ConfirmingApi, how: str) -> None:
    admin = {"X-Admin-Key": ADMIN_KEY}
    own = f"organizations/{api.served.org_id}"
    if how == "put":
        api.put(own, json={"billing_email": ADA})
        api.put(own, json={"billing_email": ADA, "name": "Renamed"})
    elif how == "admin makes":
        body = {"name": "New", "slug": "new", "billing_email": ADA}
        api.post("admin/organizations", key=None, headers=admin, json=body)
    else:
        api.request("PATCH", f"admin/{own}", key=None, headers=admin, json={"billing_email": ADA})

    assert [address for address, _ in api.mails()] == [ADA]


def test_the_first_sign_in_with_a_key_mails_a_code_where_none_ever_was(api: ConfirmingApi) -> None:
    org = {"org": api.org, "email": ADA}
    api.write(
        lambda tx: tx.execute(
            "UPDATE organizations SET billing_email = :email WHERE seq = :org", org
        )
    )  # as a file from before has it

    for _ in range(3):
        api.shown("POST", "auth/login", key=None, json={"api_key": api.key})
        api.skip(seconds=900)

    [(address, code)] = api.mails()
    assert address == ADA
    assert refusal(api.confirm(api.served.org_id, api.key, code)) == (400, "BAD_REQUEST")  # late
    api.shown("POST", f"organizations/{api.served.org_id}/billing-email/code")
    [(_, code)] = api.mails()
    assert api.confirm(api.served.org_id, api.key, code).status_code == 200


def test_neither_the_key_nor_the_mailbox_alone_confirms_an_address(api: ConfirmingApi) -> None:
    org_id, key = api.registered()
    [(_, code)] = api.mails()

    by_others = [api.confirm(org_id, other, code) for other in (api.key, api.other_org())]
    by_none = api.post(
        f"organizations/{org_id}/billing-email/confirm", key=None, json={"code": code}
    )
    guessed = api.confirm(org_id, key, wrong(code))

    assert [refusal(each) for each in by_others] == [(404, "NOT_FOUND")] * 2
    assert refusal(by_none) == (401, "UNAUTHORIZED")
    assert refusal(guessed) == (400, "BAD_REQUEST")
    # As a code for a sign-in it is none either.
    body = {"email": ADA, "code": code[:6]}
    assert refusal(api.post("auth/email/verify", key=None, json=body)) == (404, "NOT_FOUND")


def test_another_code_can_be_asked_for_once_a_minute(api: ConfirmingApi) -> None:
    org_id, key = api.registered()
    path = f"organizations/{org_id}/billing-email/code"
    api.mails()

    early = api.post(path, key=key)
    api.skip(seconds=60)
    later = api.shown("POST", path, key=key)

    assert refusal(early) == (429, "RATE_LIMIT_EXCEEDED")
    assert later == {"success": True, "email_sent_to": "a***@example.com", "expires_in": 900}
    [(_, code)] = api.mails()
    api.confirm(org_id, key, code)
    assert refusal(api.post(path, key=key)) == (409, "CONFLICT")


def test_without_an_address_there_is_nothing_to_confirm(api: ConfirmingApi) -> None:
    own = f"organizations/{api.served.org_id}/billing-email"

    assert refusal(api.post(f"{own}/code")) == (404, "NOT_FOUND")
    answer = api.post(f"{own}/confirm", json={"code": "0123456789"})
    assert refusal(answer) == (404, "NOT_FOUND")


@pytest.mark.parametrize("code", ["", "123456", "12345678901", "123456789a"])
def test_what_is_no_code_breaks_a_rule(api: ConfirmingApi, code: str) -> None:
    answer = api.confirm(api.served.org_id, api.key, code)

    assert problem(answer) == (400, "code", "regex")


def test_who_registers_many_organizations_does_not_flood_an_address(api: ConfirmingApi) -> None:
    for number in range(5):
        api.registered(f"acme-{number}")

    assert len(api.mails()) == 1


def test_an_organization_is_made_though_the_line_of_mail_is_full(
    api: ConfirmingApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "WAITING_MAX", 0)

    org_id, key = api.registered()
    monkeypatch.undo()
    api.log.clear()
    api.shown("POST", f"organizations/{org_id}/billing-email/code", key=key)

    assert len(api.mails()) == 1


def test_without_mail_nothing_is_confirmed_and_nothing_is_sent(tmp_path: Path) -> None:
    settings = Settings(environment="staging", registration="open")
    with ConfirmingApi(str(tmp_path / "spooled.db"), settings) as api:
        org_id, key = api.registered()

        for path in ("confirm", "code"):
            answer = api.post(
                f"organizations/{org_id}/billing-email/{path}", key=key, json={"code": "0" * 10}
            )
            assert refusal(answer) == (404, "NOT_FOUND")
        assert api.row("SELECT count(*) AS n FROM confirmation_codes")["n"] == 0
