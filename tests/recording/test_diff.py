"""The rules by which answers are compared, and the file that gives them."""

from pathlib import Path
from typing import Any

import pytest

from spooled_lite.recording.diff import differences
from spooled_lite.recording.exchanges import KeptRequest, KeptResponse
from spooled_lite.recording.learned import Credentials, Learned
from spooled_lite.recording.rules import BadRules, DiffRules


def an_answer(body: Any, status: int = 200) -> KeptResponse:
    return KeptResponse(status=status, headers={}, body=body, ms=1)


def places(recorded: Any, replayed: Any, *, rules: DiffRules | None = None) -> list[str]:
    learned = Learned(Credentials("sk_test_x"))
    found = differences(an_answer(recorded), an_answer(replayed), rules or DiffRules([]), learned)
    return [each.place for each in found]


def rules_of(folder: Path, text: str) -> DiffRules:
    path = folder / "rules"
    path.write_text(text)
    return DiffRules.read(str(path))


@pytest.mark.parametrize(
    ("recorded", "replayed", "differ"),
    [
        ({"n": 1}, {"n": 1.0}, []),
        ({"n": 1}, {"n": True}, ["body.n"]),
        ({"n": 1}, {"n": 2}, ["body.n"]),
        ({"n": 1}, {}, ["body.n"]),
        ({}, {"n": 1}, ["body.n"]),
        ([1, 2], [1], ["body.length"]),
        ({"jobs": [{"n": 1}]}, {"jobs": [{"n": 2}]}, ["body.jobs.0.n"]),
        ({"id": "job-one"}, {"id": "job-two"}, []),
        ({"id": "job-one"}, {"id": None}, ["body.id"]),
        ({"id": "job-one", "of_id": "job-one"}, {"id": "job-two", "of_id": "else-one"},
         ["body.of_id"]),
        ({"created_at": "x"}, {}, []),
        ({"next": "2030-01-01T00:00:00Z"}, {"next": "2031-01-01T00:00:00.5Z"}, []),
        ({"duration_ms": 5}, {"duration_ms": 900}, []),
        ({"duration_ms": 5}, {"duration_ms": "5"}, ["body.duration_ms"]),
        ({"to": "mask:email:1"}, {"to": "ada@example.com"}, []),
        ({"e": "no mask:email:1!"}, {"e": "no ada@example.com!"}, []),
        ({"e": "no mask:email:1!"}, {"e": "yes ada@example.com!"}, ["body.e"]),
        ({"a": "mask:email:1", "b": "mask:email:1"}, {"a": "one@x.de", "b": "two@x.de"},
         ["body.b"]),
    ],
)  # fmt: skip
def test_answers_are_compared_place_by_place(
    recorded: Any, replayed: Any, differ: list[str]
) -> None:
    assert places(recorded, replayed) == differ


def test_of_another_status_only_the_status_is_told() -> None:
    found = differences(
        an_answer({"a": 1}), an_answer({"b": 2}, 409), DiffRules([]), Learned(Credentials("k"))
    )

    assert [(each.place, each.recorded, each.replayed) for each in found] == [("status", 200, 409)]


def test_a_file_of_rules_comes_before_the_defaults(tmp_path: Path) -> None:
    rules = rules_of(
        tmp_path,
        "# ours\nignore stats.*\nwithin 20 %  *.rate\nsame-shape payload  # kind\nexact *_at\n",
    )

    assert places({"stats": {"a": 1}}, {"stats": {"a": 2}}, rules=rules) == []
    assert places({"q": {"rate": 100}}, {"q": {"rate": 119}}, rules=rules) == []
    assert places({"q": {"rate": 100}}, {"q": {"rate": 121}}, rules=rules) == ["body.q.rate"]
    assert places({"payload": {"a": 1}}, {"payload": {"a": 2}}, rules=rules) == []
    assert places({"payload": {"a": 1}}, {"payload": {"a": "2"}}, rules=rules) == ["body.payload"]
    assert places({"done_at": "a"}, {"done_at": "b"}, rules=rules) == ["body.done_at"]


@pytest.mark.parametrize("line", ["ignored *.id", "within *.id", "exact", "ignore a b"])
def test_a_line_that_is_no_rule_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadRules, match="line 2"):
        rules_of(tmp_path, f"ignore a\n{line}\n")


def test_what_answers_invented_goes_into_later_requests() -> None:
    learned = Learned(Credentials("sk_test_mine"))
    differences(
        an_answer({"id": "job-0001", "lease_id": "lease-01"}),
        an_answer({"id": "job-9999", "lease_id": "lease-99"}),
        DiffRules([]),
        learned,
    )
    request = KeptRequest(
        method="POST",
        path="/jobs/job-0001/complete?x=job-0001",
        headers={"authorization": "Bearer mask:credential:1"},
        body={"lease_id": "lease-01", "to": "mask:email:4", "worker_id": "worker-1"},
    )

    ready = learned.ready(request, 200)

    assert ready.path == "/jobs/job-9999/complete?x=job-9999"
    assert ready.headers == {"authorization": "Bearer sk_test_mine"}
    assert (
        ready.body
        == b'{"lease_id":"lease-99","to":"mask-email-4@example.com","worker_id":"worker-1"}'
    )
    assert learned.shown(request.path) == "/jobs/{id}/complete"


def test_a_credential_that_was_refused_is_not_replaced_by_one_that_works() -> None:
    request = KeptRequest(
        method="GET", path="/", headers={"authorization": "Bearer mask:credential:1"}
    )

    ready = Learned(Credentials("sk_test_mine")).ready(request, 401)

    assert "sk_test_mine" not in ready.headers["authorization"]
