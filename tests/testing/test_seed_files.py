"""Seed files: read in three formats, and what a server, a world and a test begin with."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from spooled_lite.testing import AsyncServer, CannotSeed, ClockStopped, RefusedCall, Server
from spooled_lite.testing.seeding.files import SEED_BYTES_MAX, body_of, body_of_file
from spooled_lite.testing.seeding.shapes import SeedBody
from spooled_lite.wire.http.body import BODY_BYTES_MAX

SEED: Final[dict[str, Any]] = {
    "clock": {"at": "2030-03-09T12:00:00Z"},
    "queues": [{"name": "charges", "max_retries": 7}],
    "keys": [{"name": "web", "key": "sk_test_web_00000000000000"}, {"name": "drawn"}],
    "jobs": [
        {"queue_name": "charges", "payload": {"order": 1, "due": "2030-04-01", "paid": False}}
    ],
    "faults": [{"on": {"route": "*"}, "do": {"latency_ms": 0}}],
}
TOML: Final = """
clock = {at = 2030-03-09T12:00:00Z}
[[queues]]
name = "charges"
max_retries = 7
[[keys]]
name = "web"
key = "sk_test_web_00000000000000"
[[keys]]
name = "drawn"
[[jobs]]
queue_name = "charges"
payload = {order = 1, due = 2030-04-01, paid = false}
[[faults]]
on = {route = "*"}
do = {latency_ms = 0}
"""
YAML: Final = """
clock: {at: 2030-03-09T12:00:00Z}
queues:
  - name: charges
    max_retries: 7
keys:
  - {name: web, key: sk_test_web_00000000000000}
  - {name: drawn}
jobs:
  - queue_name: charges
    payload: {order: 1, due: 2030-04-01, paid: false}
faults:
  - on: {route: "*"}
    do: {latency_ms: 0}
"""
BOMB: Final = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
DOCS: Final = Path(__file__).parents[2] / "docs" / "testing.md"
UNREADABLE: Final[list[tuple[str, str, str]]] = [
    ("seed.txt", "{}", "ends with .json, .toml, .yaml, .yml"),
    ("seed.toml", "queues = [", "end of document"),
    ("seed.toml", "clock = {at = nan}", "JSON has no number nan"),
    ("seed.yaml", "queues: [", "line 1"),
    ("seed.yaml", "- 1", "sections"),
    ("seed.yaml", "", "sections"),
    ("seed.yaml", "jobs: [{1: 2}]", "1 is none"),
    ("seed.yaml", "jobs: [.inf]", "JSON has no number inf"),
    ("seed.yaml", "jobs: !!python/object/apply:os.getpid []", "python/object"),
    ("seed.yaml", BOMB, "when it is written out"),
    ("seed.yaml", "jobs: &a [*a]", "when it is written out"),
    ("seed.json", " " * (SEED_BYTES_MAX + 1), "larger than"),
]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("seed.json", json.dumps(SEED)),
        ("seed.JSON", "\ufeff" + json.dumps(SEED)),
        ("seed.toml", TOML),
        ("seed.yaml", YAML),
        ("seed.yml", YAML),
    ],
)
def test_a_file_says_the_same_in_each_format(tmp_path: Path, name: str, text: str) -> None:
    body = body_of_file(written(tmp_path, name, text))

    assert msgspec.json.decode(body) == SEED
    msgspec.json.decode(body, type=SeedBody)


@pytest.mark.parametrize(("name", "text", "said"), UNREADABLE)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    path = written(tmp_path, name, text)
    with pytest.raises(CannotSeed) as refused:
        body_of_file(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert said in str(refused.value)


def test_the_file_in_the_documentation_is_a_seed(tmp_path: Path) -> None:
    text = DOCS.read_text().partition("```yaml\n")[2].partition("```")[0]
    with Server(seed=1, seed_file=written(tmp_path, "seed.yaml", text)) as server:
        assert [each["queue_name"] for each in server.call("GET", "/jobs")] == ["charges"]
        assert len(server.faults.all()) == 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotSeed, match=r"none\.json: No such file"):
        body_of_file(tmp_path / "none.json")
    with pytest.raises(CannotSeed):
        body_of_file(tmp_path)


def test_without_pyyaml_a_yaml_file_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(CannotSeed, match=r"pip install PyYAML.* or write JSON or TOML"):
        body_of_file(written(tmp_path, "seed.yaml", YAML))


def test_a_file_may_be_as_large_as_the_body_that_it_becomes() -> None:
    assert SEED_BYTES_MAX == BODY_BYTES_MAX
    with pytest.raises(ValueError, match="nothing like object"):
        body_of({"jobs": [object()]})


def test_a_server_begins_with_its_seed_file_and_goes_back_to_it(tmp_path: Path) -> None:
    path = written(tmp_path, "seed.yaml", YAML)
    with Server(seed=1, seed_file=path) as server:
        assert server.keys["web"] == "sk_test_web_00000000000000"
        assert server.keys["drawn"].startswith("sk_test_")
        (job,) = server.call("GET", "/jobs")
        with server.fork("a") as fork:
            assert [each["id"] for each in fork.call("GET", "/jobs")] == [job["id"]]
            assert fork.clock.now.isoformat() == "2030-03-09T12:00:00+00:00"
        server.call("POST", "/jobs", {"queue_name": "emails", "payload": {}})
        server.faults.clear()
        server.clock.advance("1d")

        server.reset()

        assert [each["id"] for each in server.call("GET", "/jobs")] == [job["id"]]
        assert server.clock.now.isoformat() == "2030-03-09T12:00:00+00:00"
        assert [each.id for each in server.faults.all()] == ["f1"]
        for key in server.keys.values():
            headers = server.link.with_key(key)
            assert len(headers.call("GET", "/jobs")) == 1


def test_two_servers_with_one_seed_and_file_have_equal_ids(tmp_path: Path) -> None:
    path = written(tmp_path, "seed.json", json.dumps(SEED))

    def begun() -> Any:
        with Server(seed=1, seed_file=path) as server:
            return server.call("GET", "/jobs"), server.keys, server.fork("a").api_key

    assert begun() == begun()


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        ({"jobs": [{"queue_name": "a"}]}, r"seed\.json: Field `jobs\[0\]\.payload` is required"),
        ({"clock": {"at": "2029-01-01T00:00:00Z"}}, r"seed\.json: clock: The clock does not go"),
        ({"jbos": []}, "the nearest is `jobs`"),
    ],
)
def test_a_server_does_not_start_with_a_file_that_is_refused(
    tmp_path: Path, seed: Any, said: str
) -> None:
    path = written(tmp_path, "seed.json", json.dumps(seed))
    server = Server(seed=1, seed_file=path)
    with pytest.raises(CannotSeed, match=said):
        server.start()
    lasting = tmp_path / "x.db"
    with pytest.raises(CannotSeed, match="a database that is thrown away"):
        Server(seed_file=path, database=str(lasting)).start()
    assert not lasting.exists()


def test_a_world_is_seeded_from_a_mapping_or_a_file(tmp_path: Path) -> None:
    with Server(seed=1) as server, server.fork("a") as world:
        made = world.seed(SEED)
        assert made.now.isoformat() == "2030-03-09T12:00:00+00:00"
        assert world.keys["drawn"] == made.keys["drawn"].key
        assert world.call("GET", "/queues/charges")["id"] == made.queues["charges"]
        assert made.faults == ["f1"]
        steps = [{"key": "a", "queue_name": "q", "payload": 1}]
        path = written(
            tmp_path, "more.json", json.dumps({"workflows": [{"name": "w", "jobs": steps}]})
        )
        workflow = world.seed(str(path)).workflows["w"]
        assert world.call("GET", f"/jobs/{workflow.jobs['a']}")["workflow_id"] == workflow.id
        with pytest.raises(RefusedCall, match=r"`jobs\[0\]\.payload`"):
            world.seed({"jobs": [{"queue_name": "q"}]})
        world.call("POST", "/workers/register", {"queue_name": "q", "hostname": "h"})
        with pytest.raises(ClockStopped) as stopped:
            world.seed({"clock": {"at": "2030-04-01T00:00:00Z", "wait_ms": 1}})
        assert stopped.value.reason == "worker_busy"


def test_an_async_world_is_seeded_too() -> None:
    async def main() -> list[str]:
        async with AsyncServer(seed=1) as server:
            return (await server.seed(SEED)).jobs

    assert len(asyncio.run(main())) == 1
