"""A queue is worked off without a worker, in virtual time."""

from typing import Any

from tests.testing.stage import ADMIN_KEY, Stage, play
from tests.testing.test_journal import another_organization


async def drain(stage: Stage, *outcomes: dict[str, Any], **options: Any) -> dict[str, Any]:
    body = {"queue": "emails", "outcomes": list(outcomes), **options}
    answer: dict[str, Any] = await stage.post("test/drain", body)
    return answer


def ends(drained: dict[str, Any]) -> list[list[str]]:
    return [[each["outcome"] for each in job["attempts"]] for job in drained["jobs"]]


def test_attempts_end_by_the_first_outcome_that_fits_and_time_passes_to_retries() -> None:
    async def script(stage: Stage) -> None:
        first = await stage.job(payload={"order": 1, "card": {"ok": False}})
        await stage.job(payload={"order": 2})
        await stage.job(payload={"order": 3}, delay_seconds=86_400)

        drained = await drain(
            stage,
            {
                "where": {"payload": {"card": {"ok": False}}},
                "fail": 2,
                "error": "declined",
                "result": {"paid": True},
            },
            {"then": "complete"},
        )

        assert ends(drained) == [["failed", "failed", "completed"], ["completed"], ["completed"]]
        assert drained["jobs"][0]["id"] == first
        assert drained["jobs"][0]["attempts"][0]["error"] == "declined"
        counted = {name: drained[name] for name in ("attempts", "completed", "failed", "left")}
        assert counted == {"attempts": 5, "completed": 3, "failed": 2, "left": 0}
        assert drained["now"] == "2030-01-02T00:00:00.000Z"
        job = await stage.get(f"jobs/{first}")
        assert (job["status"], job["result"]) == ("completed", {"paid": True})

    play(script)


def test_jobs_fail_for_good_are_left_or_lose_their_lease() -> None:
    async def script(stage: Stage) -> None:
        for kind in ("fails", "dies", "stays", "is_lost"):
            await stage.job(payload={"kind": kind}, max_retries=1)

        drained = await drain(
            stage,
            {"where": {"payload": {"kind": "fails"}}, "then": "fail"},
            {"where": {"payload": {"kind": "dies"}}, "then": "deadletter"},
            {"where": {"payload": {"kind": "stays"}}, "then": "leave"},
            {"where": {"payload": {"kind": "is_lost"}}, "then": "expire"},
        )

        assert ends(drained) == [
            ["failed", "deadlettered"],
            ["deadlettered"],
            ["left"],
            ["expired", "expired"],
        ]
        assert (drained["deadlettered"], drained["expired"], drained["left"]) == (2, 2, 1)

    play(script)


def test_without_scheduled_and_new_only_what_is_due_now_is_taken() -> None:
    async def script(stage: Stage) -> None:
        await stage.job(delay_seconds=60)
        await stage.job()

        drained = await drain(stage, with_scheduled=False, with_new=False)
        assert (ends(drained), drained["left"]) == ([["completed"]], 1)
        assert drained["now"] == "2030-01-01T00:00:00.000Z"

        await stage.job(payload={"other": True})
        drained = await drain(stage, {"where": {"payload": {"none": 1}}}, with_scheduled=False)
        assert (drained["jobs"], drained["left"]) == ([], 2), "what fits nothing is handed back"

    play(script)


def test_each_attempt_takes_as_long_as_it_is_told() -> None:
    async def script(stage: Stage) -> None:
        for _ in range(3):
            await stage.job()

        drained = await drain(stage, takes="40s")

        assert [job["attempts"][0]["at"][11:19] for job in drained["jobs"]] == [
            "00:00:00", "00:00:40", "00:01:20",
        ]  # fmt: skip
        assert drained["completed"] == 3

    play(script)


def test_a_drain_is_bounded_and_sees_its_own_organization() -> None:
    async def script(stage: Stage) -> None:
        other = await another_organization(stage)
        for _ in range(3):
            await stage.job()

        answer = await stage.api.post("test/drain", json={"queue": "emails"}, headers=other)
        assert answer.json()["jobs"] == []
        refused = await stage.post("test/drain", {"queue": "emails", "jobs_max": 2}, status=409)
        assert refused["details"]["reason"] == "budget"
        answer = await stage.api.post(
            "test/drain", json={"queue": "emails"}, headers={"X-Admin-Key": ADMIN_KEY}
        )
        assert answer.json()["completed"] == 1

    play(script)


def test_what_nobody_knows_and_what_is_too_deep_is_refused() -> None:
    async def script(stage: Stage) -> None:
        refused = await stage.post("test/drain", {"queue": "emails", "outcome": []}, status=400)
        assert "`outcomes`" in str(refused)
        deep = '{"queue": "emails", "outcomes": [{"where": {"payload": ' + "[" * 100_000
        answer = await stage.api.post("test/drain", content=deep)
        assert answer.status_code == 400
        for body in ({}, {"queue": "emails", "outcomes": [{"then": "explode"}]}):
            assert (await stage.api.post("test/drain", json=body)).status_code in (400, 422)
        assert (
            await stage.api.post("test/drain", json={"queue": "q", "takes": "x"})
        ).status_code == 400

    play(script)


def test_a_job_that_is_not_for_the_drain_loses_no_attempt_while_time_passes() -> None:
    async def script(stage: Stage) -> None:
        other = await stage.job(payload={"order": 0}, max_retries=1)
        for hours in (1, 2, 3):
            await stage.job(payload={"order": 1}, delay_seconds=hours * 3_600)

        drained = await drain(stage, {"where": {"payload": {"order": 1}}}, takes="20s")

        assert (drained["completed"], drained["left"]) == (3, 1)
        job = await stage.get(f"jobs/{other}")
        assert (job["status"], job["retry_count"]) == ("pending", 0)

    play(script)


def test_a_drain_that_is_stopped_in_an_attempt_hands_its_job_back() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.job()
        body = {"queue": "emails", "takes": "4000d"}

        refused = await stage.post("test/drain", body, status=400)

        assert refused["details"]["reason"] == "too_far"
        assert (await stage.get(f"jobs/{job_id}"))["status"] == "pending"
        assert (await drain(stage))["completed"] == 1

    play(script)
