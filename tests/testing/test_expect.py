"""Expectations say whether something has happened, and what came nearest."""

from typing import Any
from xml.etree import ElementTree

import pytest

from spooled_lite.testing import expect as expect_module
from spooled_lite.testing import looks
from spooled_lite.testing.matching import DIFFERENCES_MAX, differences
from tests.testing.stage import Stage, play
from tests.testing.test_journal import another_organization


async def expect(stage: Stage, *wanted: dict[str, Any], **options: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await stage.post("test/expect", {"expect": list(wanted), **options})
    return answer


def test_jobs_are_counted_and_the_nearest_miss_says_where_it_differs() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.job(payload={"to": "bob@example.com", "n": 1})
        await stage.job(payload={"to": "eve@example.com", "n": 2})

        found = await expect(
            stage,
            {"queue": "emails", "status": "pending", "count": 2},
            {"queue": "emails", "payload": {"to": "ada@example.com", "n": 1}},
            {"queue": "nowhere", "count": 0},
            {"job_id": job_id, "payload": {"n": True}},
        )

        assert found["passed"] is False
        assert [each["passed"] for each in found["results"]] == [True, False, True, False]
        miss = found["results"][1]
        assert (miss["actual"], miss["nearest"][0]["job_id"]) == (0, job_id)
        assert miss["nearest"][0]["differs"] == {"payload.to": "bob@example.com"}

    play(script)


def test_time_passes_to_what_may_hold_early_and_to_the_end_for_exact_counts() -> None:
    async def script(stage: Stage) -> None:
        await stage.job(delay_seconds=3_600)
        await stage.job(delay_seconds=86_400)

        early = {"queue": "emails", "status": "pending", "count": {"at_least": 1}}
        found = await expect(stage, early, within="7d")
        assert (found["passed"], found["now"]) == (True, "2030-01-01T01:00:00.000Z")

        exact = {"queue": "emails", "status": "pending", "count": 1}
        found = await expect(stage, exact, within="7d")
        assert (found["passed"], found["results"][0]["actual"]) == (False, 2)
        assert found["now"] == "2030-01-08T01:00:00.000Z"

    play(script)


def test_attempts_deliveries_requests_and_mails_are_matched() -> None:
    async def script(stage: Stage) -> None:
        hook = {"name": "shop", "url": "https://inbox.test/shop", "events": ["job.completed"]}
        await stage.post("outgoing-webhooks", hook)
        job_id = await stage.job(max_retries=3)
        await stage.post(
            "test/drain", {"queue": "emails", "outcomes": [{"fail": 1, "result": {"paid": True}}]}
        )
        began = [each["at"] for each in (await stage.get("test/journal?kind=step"))["lines"]]

        found = await expect(
            stage,
            {"job_id": job_id, "at": ["2030-01-01T00:00:00Z", began[-1]], "result": {"paid": True}},
            {"job_id": job_id, "at": ["+0s"]},
            {"webhook": "shop", "event": "job.completed", "delivered": 1},
            {"webhook": "shop", "event": "job.failed", "delivered": 0},
            {"request": "POST /api/v1/jobs", "status_code": 201, "count": 1},
            {"mail": "ada@example.com", "count": 0},
        )

        passed = [each["passed"] for each in found["results"]]
        assert passed == [True, False, True, True, True, True], found

    play(script)


def test_results_are_told_as_junit_and_with_a_status_of_failure() -> None:
    async def script(stage: Stage) -> None:
        body = {
            "name": 'a <"suite">',
            "expect": [{"queue": "a\u0001<b", "count": 0}, {"queue": "emails"}],
        }
        answer = await stage.api.post(
            "test/expect?fail=409", json=body, headers={"Accept": "application/xml"}
        )

        assert answer.status_code == 409
        suite = ElementTree.fromstring(answer.content)
        assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
        assert len(suite.findall("testcase/failure")) == 1
        passing = {"expect": [{"queue": "emails", "count": 0}]}
        assert (await stage.api.post("test/expect?fail=409", json=passing)).status_code == 200

    play(script)


def test_it_is_waited_in_real_time_for_what_a_worker_does() -> None:
    async def script(stage: Stage) -> None:
        await stage.job()
        await stage.job()
        found = await expect(stage, {"queue": "emails", "count": {"at_least": 2}}, real_ms=20_000)
        assert found["passed"] is True
        found = await expect(stage, {"queue": "emails", "count": {"at_least": 3}}, real_ms=10)
        assert found["passed"] is False

    play(script)


def test_what_nobody_knows_is_refused_with_its_place() -> None:
    async def script(stage: Stage) -> None:
        for wanted, said in (
            ({"queue": "emails", "stauts": "x"}, "`status`"),
            ({"webhok": "shop"}, "`webhook`"),
            ({"queue": "emails", "at": ["+1h", "+soon"]}, "`expect[1].at[1]` must be a duration"),
            ({"queue": "emails", "at": ["soon"]}, "`expect[1].at[0]` must be a time"),
        ):
            answer = await stage.api.post("test/expect", json={"expect": [{"queue": "q"}, wanted]})
            assert answer.status_code in (400, 422)
            assert said in answer.text
        deep = '{"expect": [{"queue": "q", "payload": ' + "[" * 100_000
        assert (await stage.api.post("test/expect", content=deep)).status_code == 400
        many = {"expect": [{"queue": "q"}] * 101}
        assert (await stage.api.post("test/expect", json=many)).status_code == 400

    play(script)


def test_another_organization_sees_none_of_it() -> None:
    async def script(stage: Stage) -> None:
        other = await another_organization(stage)
        job_id = await stage.job()
        body = {"expect": [{"queue": "emails", "count": 0}, {"job_id": job_id, "count": 0}]}
        answer = await stage.api.post("test/expect", json=body, headers=other)
        assert answer.json()["passed"] is True

    play(script)


@pytest.mark.parametrize("number", ["1e309", "-1e400"])
def test_a_number_beyond_doubles_is_refused_with_its_place(number: str) -> None:
    async def script(stage: Stage) -> None:
        for wanted in (f'{{"queue": "q", "payload": {{"n": {number}}}}}', number):
            body = f'{{"expect": [{wanted}]}}'.encode()
            answer = await stage.api.post("test/expect", content=body)
            assert answer.status_code == 400
            assert "`expect[0]" in answer.json()["message"]

    play(script)


def test_a_fault_that_there_is_not_is_refused_before_time_passes() -> None:
    async def script(stage: Stage) -> None:
        wanted = {"expect": [{"fault": "f7", "struck": 1}], "within": "1d"}

        refused = await stage.post("test/expect", wanted, status=404)

        assert "`expect[0].fault`" in refused["message"]
        assert (await stage.get("test/clock"))["now"] == "2030-01-01T00:00:00.000Z"

    play(script)


@pytest.mark.parametrize("options", [{}, {"within": "1h"}, {"real_ms": 0}])
def test_looks_that_take_too_long_end_with_a_reason(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expect_module, "EXPECT_REAL_MS_MAX", 0)

    async def script(stage: Stage) -> None:
        wanted = {"expect": [{"queue": "emails", "count": 0}], **options}

        refused = await stage.post("test/expect", wanted, status=409)

        assert refused["details"]["reason"] == "budget"

    play(script)


def test_what_differs_in_very_much_is_compared_no_further_than_it_is_told() -> None:
    class Counted(dict[str, int]):
        asked = 0

        def get(self, name: str, default: Any = None) -> Any:
            self.asked += 1
            return super().get(name, default)

    found = Counted()

    different = differences({f"k{n}": n for n in range(1_000)}, found)

    assert len(different) == found.asked == DIFFERENCES_MAX


def test_more_rows_than_are_looked_at_are_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looks, "ROWS_MAX", 1)

    async def script(stage: Stage) -> None:
        job_id = await stage.job()
        await stage.job()

        refused = await stage.post("test/expect", {"expect": [{"queue": "emails"}]}, status=409)

        assert refused["details"]["reason"] == "budget"
        assert "name a queue or a webhook that has fewer, or a `job_id`" in refused["message"]
        assert (await expect(stage, {"job_id": job_id}))["passed"]

    play(script)
