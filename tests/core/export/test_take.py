"""Lines that cannot be taken: the number of the line, the reason, and nothing of it is kept."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import pytest

from spooled_lite.core.export import take_statements as statements
from spooled_lite.core.export.take import Decoder, LineRefused
from spooled_lite.core.orgs.create import create
from spooled_lite.core.workflows.edge_statements import ADD_EDGE
from tests.core.export.stage import EmptyStage, exported, read, taken
from tests.core.schedules.schedule_stage import ScheduleStage, a_schedule_stage
from tests.core.webhooks.hook_stage import HookStage
from tests.core.workflows.graphs import DIAMOND, stored
from tests.factories import an_org

Line = dict[str, Any]
ELSEWHERE: Final = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def stage() -> Iterator[HookStage]:
    it = HookStage()
    yield it
    it.close()


@pytest.fixture
def timed() -> Iterator[ScheduleStage]:
    yield from a_schedule_stage()


@pytest.fixture
def lines(stage: HookStage) -> list[bytes]:
    """A line of most kinds."""
    stage.subscribe("job.created")
    stored(stage, *DIAMOND)
    stage.enqueue(idempotency_key="once")
    stage.dead_letter()
    return exported(stage)


def changed(
    lines: Sequence[bytes], kind: str, change: Callable[[Line], object]
) -> tuple[list[bytes], int]:
    """The lines with another first one of this kind, and its number in the file."""
    found = read(lines)
    at = next(at for at, line in enumerate(found) if line["kind"] == kind)
    change(found[at])
    return [json.dumps(line).encode() + b"\n" for line in found], at + 2


def refusal(lines: Sequence[bytes], **how: Any) -> str:
    stage = EmptyStage()
    try:
        with pytest.raises(LineRefused) as refused:
            stage.take_lines(lines, **how)
        kept = sum(stage.value(f"SELECT count(*) FROM {table}") for table in TABLES)  # noqa: S608
        assert kept == 0
        return refused.value.message
    finally:
        stage.close()


TABLES: Final = ("organizations", "queues", "jobs", "job_bodies", "job_dependencies", "webhooks")


def setting(name: str, value: Any) -> Callable[[Line], object]:
    return lambda line: line.__setitem__(name, value)


def without(name: str) -> Callable[[Line], object]:
    return lambda line: line.pop(name)


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("job", setting("priority", "high"), "Expected `int`, got `str` - at `$.priority`"),
        ("job", setting("priority", 2**70), "a number in it is too large"),
        ("job", setting("priority", None), "Expected `int`, got `null` - at `$.priority`"),
        ("job", without("id"), "Object missing required field `id`"),
        ("job", without("payload"), "`payload` is missing"),
        ("job", setting("payload_text", "{"), "`payload`: Input data was truncated"),
        ("job", setting("status", "done"), "it contradicts itself: status = 'pending' OR"),
        ("job", setting("run_at", "tomorrow"), "must be a time as in RFC 3339"),
        ("job", setting("queue_name", "a b"), "Queue name "),
        ("job", setting("queue_name", "unknown"), "`queue_id`: there is no such queue"),
        ("job", setting("lease_expires_at", "2030-01-01T00:00:00Z"), "it contradicts itself"),
        ("job", setting("organization_id", ELSEWHERE), f"no organization {ELSEWHERE} above it"),
        ("job", setting("later", 1), "Object contains unknown field `later`; import it with"),
        ("job", setting("kind", "cron"), "unknown kind `cron`; import it with"),
        ("job", without("kind"), "Object missing required field `kind`"),
        ("dependency", setting("depends_on", ELSEWHERE), "`depends_on`: there is no such job"),
        ("dependency", setting("job_id", ELSEWHERE), "`job_id`: there is no such job"),
        ("job_history", setting("job_id", ELSEWHERE), "`job_id`: there is no such job"),
        ("delivery", setting("webhook_id", ELSEWHERE), "`webhook_id`: there is no such webhook"),
        ("error_group", setting("queue_name", "x"), "`queue_name`: there is no such queue"),
        ("webhook", setting("events", "all"), "`events`: Expected `array`, got `str`"),
        ("webhook", setting("events", [1]), "`events`: Expected `str`, got `int` - at `$[0]`"),
        ("organization", setting("settings", []), "`settings`: Expected `object`, got `array`"),
    ],
)
def test_a_line_that_is_wrong_is_named_and_nothing_is_kept(
    lines: list[bytes], kind: str, change: Callable[[Line], object], reason: str
) -> None:
    wrong, number = changed(lines, kind, change)

    said = refusal(wrong)

    assert said.startswith(f"line {number}: ")
    assert reason in said


@pytest.mark.parametrize("name", ["id", "idempotency_key"])
def test_an_id_or_a_key_that_was_there_before_is_refused(lines: list[bytes], name: str) -> None:
    [job] = [line for line in read(lines, "job") if "idempotency_key" in line]
    other = {"id": "idempotency_key", "idempotency_key": "id"}[name]
    twice = {**job, other: ELSEWHERE}

    said = refusal([*lines, json.dumps(twice).encode() + b"\n"])

    assert said == f"line {len(lines) + 2}: there is one with the same `{name}` already"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"\n", "Input data was truncated"),
        (b"[]\n", "Expected `object`, got `array`"),
        (b'{"kind":"job"\n', "Input data was truncated"),
        (b'{"kind":"queue","id":"\xff"}\n', "it is not UTF-8"),
        (b'{"kind":"act"}{}\n', "JSON is malformed: trailing characters"),
        (b'{"kind":"job","payload":' + b"[" * 100_000 + b"}\n", "maximum recursion depth"),
    ],
)
def test_what_is_no_line_at_all_is_refused(line: bytes, reason: str) -> None:
    assert reason in refusal([line])


@pytest.mark.parametrize(
    ("field", "value"), [("cron_expression", "each day"), ("timezone", "Mars/Base")]
)
def test_a_schedule_that_the_server_could_not_work_with_is_refused(
    timed: ScheduleStage, field: str, value: str
) -> None:
    timed.schedule()
    wrong, number = changed(exported(timed), "schedule", setting(field, value))

    assert refusal(wrong).startswith(f"line {number}: ")


def test_a_key_without_64_digits_is_refused(lines: list[bytes]) -> None:
    line = {"kind": "bootstrap_key", "key_hash": "md5:00", "key_id": "k", "is_taken_back": False}

    said = refusal([*lines, json.dumps(line).encode() + b"\n"])

    assert said.endswith("`key_hash` is not `sha256:` and 64 hexadecimal digits")


def test_what_a_newer_version_has_written_is_left_out_when_asked(lines: list[bytes]) -> None:
    newer, _ = changed(lines, "job", setting("later", 1))
    newer += [b'{"kind":"message","id":"m"}\n']
    stage = EmptyStage()

    stage.take_lines(newer, allows_unknown=True)

    assert read(exported(stage)) == read(lines)
    assert Decoder(allows_unknown=True).name_of(2, newer[-1]) == "message"
    stage.close()


def test_a_job_cannot_wait_for_one_of_another_organization(stage: HookStage) -> None:
    stored(stage, *DIAMOND)
    stage.org = stage.run(create, an_org(slug="other"))["seq"]
    foreign = stage.enqueue()

    wrong, number = changed(exported(stage), "dependency", setting("depends_on", foreign["id"]))

    assert refusal(wrong) == f"line {number}: `depends_on`: there is no such job"


def test_only_the_organization_that_is_added_gets_anything(stage: HookStage) -> None:
    ours = exported(stage)
    there = taken(ours)
    other = HookStage()
    other._connection.execute("UPDATE organizations SET id = 'another', slug = 'another'")
    other.enqueue()
    theirs = exported(other)
    home = read(ours)[0]["id"]
    wrong, number = changed(theirs, "queue", setting("organization_id", home))

    with pytest.raises(LineRefused, match=f"line {number}: .*no organization {home} above it"):
        there.take_lines(wrong, only="another")
    with pytest.raises(LineRefused, match="organization another is not someone"):
        there.take_lines(theirs, only="someone")

    there.take_lines(theirs, only="another")
    assert there.problems() == []
    other.close()


def test_how_far_it_came_is_stored_with_the_lines(lines: list[bytes]) -> None:
    there = taken(lines)

    found = there.read(lambda tx: tx.value(statements.POSITION))

    assert (
        found == json.dumps({"lines": len(lines) + 1, "sha256": ""}, separators=(",", ":")).encode()
    )


def test_jobs_that_wait_for_one_another_are_found(stage: HookStage) -> None:
    graph = stored(stage, *DIAMOND)
    there = taken(exported(stage))
    assert there.problems() == []

    seq = {key: there.job(job_id)["seq"] for key, job_id in graph.ids.items()}
    there._connection.execute(ADD_EDGE, {"job": seq["a"], "parent": seq["d"]})

    [said, *_] = there.problems()
    assert said.startswith("jobs wait for one another in a circle: ")
    assert all(graph.ids[key] in said for key in ("a", "d"))


def test_a_job_may_wait_for_a_younger_one(stage: HookStage) -> None:
    first, second, third = (stage.enqueue() for _ in range(3))
    for job, parent in ((first, second), (first, third), (second, third)):
        stage._connection.execute(ADD_EDGE, {"job": job["seq"], "parent": parent["seq"]})

    assert taken(exported(stage)).problems() == []
