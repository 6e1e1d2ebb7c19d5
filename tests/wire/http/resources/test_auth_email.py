"""Sign-in with a code from a mail: what it says, to whom, and what it never gives away."""

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from spooled_lite.config import Settings
from spooled_lite.core.orgs.create import create
from spooled_lite.outbound import mail
from spooled_lite.storage.transaction import Tx
from tests.factories import an_org
from tests.outbound.smtp_server import mail_server
from tests.wire.http.job_calls import WatchedApi, problem, refusal
from tests.wire.http.served import Served, serving

ADA: Final = "ada@example.com"
ADMIN_KEY: Final = "kX9-vQ2_mZ7.tR4+"
START: Final = "auth/email/start"
VERIFY: Final = "auth/email/verify"
COMPLETE: Final = "auth/signup/complete"
WAIT_SECONDS: Final = 5

Make = Callable[..., "MailApi"]


class MailApi(WatchedApi):
    """Reads its codes in the log, as somebody does who develops."""

    log: pytest.LogCaptureFixture

    def call(self, path: str, **body: Any) -> httpx.Response:
        headers = body.pop("headers", {})
        return self.post(path, key=None, json=body, headers=headers)

    def code_for(self, email: str = ADA, **headers: str) -> str:
        self.log.clear()
        assert self.call(START, email=email, headers=headers).status_code == 200
        return self.newest_code()

    def newest_code(self) -> str:
        [code] = self.codes()
        return code

    def codes(self) -> list[str]:
        self.write(lambda tx: None)  # a turn of the loop: the log is written beside the answer
        return re.findall(r"is (\d{6})\n", self.log.text)

    def signed_in(self, email: str = ADA) -> dict[str, Any]:
        answer = self.call(VERIFY, email=email, code=self.code_for(email))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def account(self, email: str = ADA, slug: str = "ada") -> str:
        """The id of an organization of this address."""
        org_id: str = self.write(
            create, an_org(slug=slug, billing_email=email, is_email_verified=True)
        )["id"]
        return org_id


@pytest.fixture
def make(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Make]:
    caplog.set_level(logging.INFO, logger=mail.__name__)
    open_ones: list[MailApi] = []

    def factory(**settings: Any) -> MailApi:
        api = MailApi(str(tmp_path / f"{len(open_ones)}.db"), Settings(**settings))
        open_ones.append(api.__enter__())
        api.log = caplog
        return api

    yield factory
    for each in open_ones:
        each.__exit__(None, None, None)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


# -- start ---------------------------------------------------------------------------------------


def test_the_answer_is_the_same_for_an_address_that_is_known_and_one_that_is_not(
    make: Make,
) -> None:
    api = make(registration="closed")
    api.account()

    known = api.call(START, email=ADA)
    unknown = api.call(START, email="amy@example.com")

    assert (known.status_code, known.content) == (200, unknown.content)
    assert known.json() == {
        "success": True,
        "sent": True,
        "message": known.json()["message"],
        "email_sent_to": "a***@example.com",
        "expires_in": 900,
        "code_expires_in": 900,
    }
    assert len(api.codes()) == 1


def test_refusals_of_both_are_the_same_as_well(make: Make) -> None:
    api = make(registration="closed")
    api.account()
    for email in (ADA, "amy@example.com"):
        api.call(START, email=email)

    answers = {
        email: [api.call(VERIFY, email=email, code="000000") for _ in range(3)]
        for email in (ADA, "amy@example.com")
    }

    assert [(each.status_code, each.content) for each in answers[ADA]] == [
        (each.status_code, each.content) for each in answers["amy@example.com"]
    ]


def test_a_closed_server_mails_nobody_it_does_not_know(make: Make) -> None:
    api = make(registration="closed")

    api.call(START, email=ADA)

    assert api.codes() == []


@pytest.mark.parametrize("email", ["", "ada", "ada@example.com\r\nBcc: eve@example.com"])
def test_a_bad_address_is_refused(make: Make, email: str) -> None:
    api = make()

    for path, more in ((START, {}), (VERIFY, {"code": "123456"}), ("auth/email/check", {})):
        assert problem(api.call(path, email=email, **more)) == (400, "email", "email")


def test_an_address_is_needed(make: Make) -> None:
    api = make()

    for path, more in ((START, {}), (VERIFY, {"code": "123456"}), ("auth/email/check", {})):
        assert api.call(path, **more).status_code == 422
    assert api.get("auth/check-email", key=None).status_code == 422


def test_who_asks_too_often_has_to_wait(make: Make) -> None:
    api = make()

    answers = [api.call(START, email=f"{number}@example.com") for number in range(11)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[10].headers["retry-after"] == "60"


def test_a_full_line_of_mail_is_said_before_anything_is_stored(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = make()
    monkeypatch.setattr(mail, "WAITING_MAX", 0)

    assert refusal(api.call(START, email=ADA)) == (503, "SERVICE_UNAVAILABLE")
    monkeypatch.undo()
    api.code_for()


# -- verify --------------------------------------------------------------------------------------


def test_a_code_signs_in_to_the_newest_organization_of_the_address(make: Make) -> None:
    api = make()
    first = api.account(slug="first")
    api.skip(seconds=1)
    second = api.account("Ada@Example.com", slug="second")

    answer = api.signed_in(" ADA@example.com ")

    assert (answer["type"], answer["email"], answer["token_type"]) == ("login", ADA, "Bearer")
    assert (answer["expires_in"], answer["refresh_expires_in"]) == (86_400, 2_073_600)
    assert answer["organizations"] == [
        {"id": second, "role": "owner"},
        {"id": first, "role": "owner"},
    ]
    me = api.get("auth/me", key=answer["access_token"]).json()
    assert (me["organization_id"], me["role"], me["email"]) == (second, "owner", "Ada@Example.com")
    assert me["api_key_id"] == answer["user_id"]
    refreshed = api.call("auth/refresh", refresh_token=answer["refresh_token"])
    assert refreshed.status_code == 200


def test_a_code_is_good_once(make: Make) -> None:
    api = make()
    api.account()
    code = api.code_for()
    api.call(VERIFY, email=ADA, code=code)

    again = api.call(VERIFY, email=ADA, code=code)

    assert refusal(again) == (404, "NOT_FOUND")


def test_a_wrong_or_late_code_is_refused(make: Make) -> None:
    api = make()
    code = api.code_for()

    mistaken = api.call(VERIFY, email=ADA, code=wrong(code))
    api.skip(seconds=900)
    late = api.call(VERIFY, email=ADA, code=code)

    assert refusal(mistaken) == refusal(late) == (400, "BAD_REQUEST")
    assert mistaken.content == late.content


def test_five_wrong_codes_end_the_right_one(make: Make) -> None:
    api = make()
    code = api.code_for()
    for _ in range(5):
        api.call(VERIFY, email=ADA, code=wrong(code))

    assert refusal(api.call(VERIFY, email=ADA, code=code)) == (400, "BAD_REQUEST")
    assert refusal(api.call(START, email=ADA)) == (429, "RATE_LIMIT_EXCEEDED")


def test_ten_wrong_codes_a_minute_are_enough_for_one_client(make: Make) -> None:
    api = make()
    code = api.code_for()
    for number in range(10):
        api.call(VERIFY, email=f"{number}@example.com", code="000000")

    right = api.call(VERIFY, email=ADA, code=code)

    assert refusal(right) == (429, "RATE_LIMIT_EXCEEDED")
    assert refusal(api.call("auth/login", api_key=api.key)) == (429, "RATE_LIMIT_EXCEEDED")


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "\uff11" * 6, "123456\n"])
def test_what_is_no_code_breaks_a_rule(make: Make, code: str) -> None:
    assert problem(make().call(VERIFY, email=ADA, code=code)) == (400, "code", "regex")


# -- sign-up -------------------------------------------------------------------------------------


def test_an_address_without_an_account_signs_up(make: Make) -> None:
    api = make()
    verified = api.signed_in()
    token = verified.pop("signup_token")
    assert verified == {"type": "signup", "email": ADA, "expires_in": 900}

    answer = api.call(COMPLETE, signup_token=token, name="Ada & Co", slug="ada-co")

    made = answer.json()
    assert answer.status_code == 201
    organization = made["organization"]
    assert organization == {
        "id": organization["id"],
        "name": "Ada & Co",
        "slug": "ada-co",
        "billing_email": ADA,
    }
    assert made["token_type"] == "Bearer"
    for credential in (made["api_key"], made["access_token"]):
        me = api.get("auth/me", key=credential).json()
        assert me["organization_id"] == organization["id"]
        assert me["organization"]["plan_tier"] == "free"
    assert api.signed_in()["organizations"] == [{"id": organization["id"], "role": "owner"}]


def test_a_sign_up_token_is_good_once_and_for_nothing_else(make: Make) -> None:
    api = make()
    token = api.signed_in()["signup_token"]
    api.call(COMPLETE, signup_token=token, name="Ada", slug="ada")

    again = api.call(COMPLETE, signup_token=token, name="Ada", slug="ada-2")

    assert refusal(again) == (400, "BAD_REQUEST")
    assert api.get("auth/me", key=token).status_code == 401
    assert api.call("auth/refresh", refresh_token=token).status_code == 401
    assert api.call("auth/validate", token=token).json()["valid"] is False


def test_a_slug_that_is_taken_can_be_mended(make: Make) -> None:
    api = make()
    token = api.signed_in()["signup_token"]

    taken = api.call(COMPLETE, signup_token=token, name="Ada", slug="default")
    mended = api.call(COMPLETE, signup_token=token, name="Ada", slug="not-default")

    assert refusal(taken) == (409, "CONFLICT")
    assert mended.status_code == 201


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "Ad"}, 400),
        ({"name": "x" * 101}, 400),
        ({"slug": "-"}, 400),
        ({"slug": "admin"}, 400),
        ({"signup_token": "x" * 20}, 400),
        ({"signup_token": None}, 422),
        ({"name": None}, 422),
    ],
    ids=str,
)
def test_a_sign_up_that_is_wrong_is_refused(make: Make, body: dict[str, Any], status: int) -> None:
    api = make()
    good = {"signup_token": api.signed_in()["signup_token"], "name": "Ada", "slug": "ada"}

    assert api.call(COMPLETE, **{**good, **body}).status_code == status


def test_a_late_sign_up_token_is_refused(make: Make) -> None:
    api = make()
    token = api.signed_in()["signup_token"]
    api.skip(seconds=900 + 60)

    answer = api.call(COMPLETE, signup_token=token, name="Ada", slug="ada")

    assert refusal(answer) == (400, "BAD_REQUEST")


def test_closed_registration_opens_to_the_admin_key(make: Make) -> None:
    api = make(registration="closed", admin_key=ADMIN_KEY)
    admin = {"X-Admin-Key": ADMIN_KEY}
    code = api.code_for(**admin)
    verified = api.call(VERIFY, email=ADA, code=code, headers=admin).json()
    body = {"signup_token": verified["signup_token"], "name": "Ada", "slug": "ada"}

    without = api.call(COMPLETE, **body)

    assert refusal(without) == (403, "ACCESS_DENIED")
    assert api.call(COMPLETE, **body, headers=admin).status_code == 201


@pytest.mark.parametrize("mode", ["closed", "invite"])
def test_registration_that_is_not_open_is_denied(make: Make, mode: str) -> None:
    api = make(registration=mode, admin_key=ADMIN_KEY)
    headers = {} if mode == "closed" else {"X-Admin-Key": ADMIN_KEY}

    answer = api.call(COMPLETE, signup_token="x" * 20, name="Ada", slug="ada", headers=headers)

    assert refusal(answer) == (403, "ACCESS_DENIED")


# -- is there such an account --------------------------------------------------------------------


def checked(api: MailApi, email: str) -> dict[str, Any]:
    """What all three spellings say."""
    answers = [
        api.get("auth/check-email", key=None, params={"email": email}),
        api.get("auth/email/check", key=None, params={"email": email}),
        api.call("auth/email/check", email=email),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (200, answers[0].content)
    }
    said: dict[str, Any] = answers[0].json()
    return said


def test_outside_production_an_address_is_known_or_free(make: Make) -> None:
    api = make()
    api.account()

    assert checked(api, "ADA@example.com") == {
        "exists": True,
        "available": False,
        "signup_enabled": True,
        "has_organizations": True,
        "can_register": True,
        "provider": None,
    }
    assert checked(api, "bob@example.com") == {
        "exists": False,
        "available": True,
        "signup_enabled": True,
        "has_organizations": False,
        "can_register": True,
        "provider": None,
    }


def test_in_production_nobody_is_told_which_address_is_known(make: Make) -> None:
    api = make(environment="production")
    api.account()

    known = checked(api, ADA)

    assert known == checked(api, "bob@example.com")
    assert (known["exists"], known["signup_enabled"], known["can_register"]) == (
        False,
        False,
        False,
    )


# -- switched off --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {"environment": "production"},
        {"environment": "staging"},
        {"email_signup_enabled": False},
        {
            "email_signup_enabled": False,
            "smtp_host": "localhost",
            "smtp_from": "spooled@example.com",
        },
    ],
    ids=str,
)
def test_without_outgoing_mail_the_calls_are_not_there(
    make: Make, settings: dict[str, Any]
) -> None:
    api = make(**settings)

    for path in (START, VERIFY, COMPLETE):
        for body in ({}, {"email": ADA, "code": "123456", "signup_token": "x" * 20}):
            assert refusal(api.call(path, **body)) == (404, "NOT_FOUND")
    assert checked(api, ADA)["signup_enabled"] is False


# -- with a mail server --------------------------------------------------------------------------


def test_with_a_mail_server_the_code_is_mailed_and_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def scenario() -> str:
        async with mail_server() as server:
            settings = Settings(
                environment="production",
                smtp_host="127.0.0.1",
                smtp_port=server.port,
                smtp_security="none",
                smtp_from="spooled@example.com",
            )
            async with serving(str(tmp_path / "spooled.db"), settings) as it:
                await it.db.write(own, it.org)
                await posted(it, START, email=ADA)
                async with asyncio.timeout(WAIT_SECONDS):
                    recipient, text = await server.messages.get()
                assert recipient == ADA
                [code] = re.findall(r"is (\d{6})", text)
                answer = await posted(it, VERIFY, email=ADA, code=code)
                assert answer["type"] == "login"
                return str(code)

    code = asyncio.run(scenario())

    assert code not in caplog.text


def own(tx: Tx, org: int) -> None:
    statement = """
    UPDATE organizations SET billing_email = :email, billing_email_verified_at_ms = 1
     WHERE seq = :org
    """
    tx.execute(statement, {"org": org, "email": ADA})


async def posted(it: Served, path: str, **body: Any) -> dict[str, Any]:
    answer = await it.bare.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said
