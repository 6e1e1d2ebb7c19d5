"""`spooled-lite export` and `import`: from a file to a file and back, and what they refuse."""

import gzip
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from spooled_lite.cli.check import problems_of
from spooled_lite.core.export.lines import LINE_BYTES_MAX, LineSums, encoded
from spooled_lite.core.maintenance.restored import EVENTS_SKIPPED
from spooled_lite.exports import taking
from spooled_lite.exports.taking import Taken
from spooled_lite.storage.file_guard import FileLock
from spooled_lite.storage.transaction import Tx
from tests.exports.stage import (
    a_file,
    export,
    hold_one,
    import_into,
    importing,
    lines_of,
    run,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return a_file(tmp_path / "spooled.db")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "all.ndjson"


def left(folder: Path) -> set[str]:
    """What is there besides the file that is exported."""
    return {path.name for path in folder.iterdir() if not path.name.startswith("spooled.db")}


@pytest.mark.parametrize("name", ["all.ndjson", "all.ndjson.gz"])
def test_export_import_and_export_again_is_the_same(tmp_path: Path, file: Path, name: str) -> None:
    before = export(file, tmp_path / name)

    done = import_into(tmp_path / "new.db", tmp_path / name)

    assert done.exit_code == 0, done.output
    assert "new.db, checked" in done.output
    assert export(tmp_path / "new.db", tmp_path / "again.ndjson")[1:] == before[1:]
    assert problems_of(str(tmp_path / "new.db")) == []
    assert left(tmp_path) == {name, "new.db", "again.ndjson"}


def test_the_first_line_says_what_it_is_and_the_last_that_it_is_whole(
    file: Path, out: Path
) -> None:
    first, *_, last = (json.loads(line) for line in export(file, out))

    assert (first["format"], first["version"]) == ("spooled-export", 1)
    assert {"program", "schema", "made_at", "file_id"} <= first.keys()
    assert last["end"] is True
    assert (last["lines"]["job"], last["lines"]["dependency"]) == (14, 4)


def test_files_can_be_read_by_their_owner_only(tmp_path: Path, file: Path, out: Path) -> None:
    export(file, out)
    import_into(tmp_path / "new.db", out)

    assert oct(out.stat().st_mode)[-3:] == "600"
    assert oct((tmp_path / "new.db").stat().st_mode)[-3:] == "600"


def test_what_was_held_waits_and_everything_else_is_as_it_was(tmp_path: Path, out: Path) -> None:
    file = a_file(tmp_path / "spooled.db", also=hold_one)
    before = export(file, out)
    done = import_into(tmp_path / "new.db", out)
    assert done.exit_code == 0, done.output

    after = export(tmp_path / "new.db", tmp_path / "again.ndjson")

    gone, come = set(before[1:-1]) - set(after), set(after[1:-1]) - set(before)
    assert [json.loads(line)["status"] for line in gone] == ["processing"]
    found = {json.loads(line)["kind"]: json.loads(line) for line in come}
    assert found.keys() == {"job", "job_history"}
    assert found["job"]["status"] == "pending"
    assert found["job_history"]["event_type"] == "released"


class Killed(BaseException):
    pass


class BrokeOff(Exception):
    pass


def test_an_import_that_is_killed_goes_on_where_it_was(
    tmp_path: Path, file: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = export(file, out)
    monkeypatch.setattr(taking, "LINES_AT_ONCE", 9)
    commits = -(-(len(before) - 2) // 9)

    for number in range(commits):
        path, calls = tmp_path / f"new-{number}.db", iter(range(number))

        def kill(taken: Taken, calls: Iterator[int] = calls) -> None:
            if next(calls, None) is None:
                raise Killed

        with pytest.raises(Killed):
            importing(out, path, resume=False, on_taken=kill)
        assert not path.exists()
        seen: list[int] = []
        importing(out, path, resume=True, on_taken=lambda taken: seen.append(taken.lines))  # noqa: B023
        assert len(seen) < commits - number + 1
        assert export(path, tmp_path / f"again-{number}.ndjson")[1:] == before[1:]


def test_an_import_that_breaks_off_while_it_is_checked_goes_on(
    tmp_path: Path, file: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = export(file, out)

    def fail(tx: Tx) -> list[str]:
        raise BrokeOff

    with monkeypatch.context() as patch:
        patch.setattr(taking, "problems", fail)
        with pytest.raises(BrokeOff):
            importing(out, tmp_path / "new.db", resume=False, on_taken=lambda taken: None)

    done = import_into(tmp_path / "new.db", out, "--resume")

    assert done.exit_code == 0, done.output
    assert export(tmp_path / "new.db", tmp_path / "again.ndjson")[1:] == before[1:]


def test_a_new_file_can_come_up_paused_and_with_its_webhooks_held(
    tmp_path: Path, file: Path, out: Path
) -> None:
    export(file, out)

    done = import_into(tmp_path / "new.db", out, "--paused", "--hold-webhooks")

    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in export(tmp_path / "new.db", tmp_path / "again.ndjson")]
    queues = [line for line in lines if line.get("kind") == "queue"]
    assert {(queue["enabled"], queue["paused_reason"]) for queue in queues} == {(False, "imported")}
    again = import_into(tmp_path / "new.db", out, "--paused")
    assert (again.exit_code, "they are for a new file" in again.output) == (2, True)


def test_no_stream_takes_a_new_event_for_one_of_the_old_file(
    tmp_path: Path, file: Path, out: Path
) -> None:
    export(file, out)
    import_into(tmp_path / "new.db", out)

    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        [[newest]] = connection.execute("SELECT max(seq) FROM event_log")
    assert newest > EVENTS_SKIPPED


def test_an_import_goes_on_with_the_same_file_only(
    tmp_path: Path, file: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = export(file, out)
    monkeypatch.setattr(taking, "LINES_AT_ONCE", 9)

    def kill(taken: Taken) -> None:
        raise Killed

    with pytest.raises(Killed):
        importing(out, tmp_path / "new.db", resume=False, on_taken=kill)
    out.write_bytes(b"".join([lines[0], lines[1].replace(b"default", b"another"), *lines[2:]]))

    done = import_into(tmp_path / "new.db", out, "--resume")

    assert done.exit_code == 1
    assert "another file than the one that was begun with" in done.output


def damaged(out: Path, lines: list[bytes]) -> str:
    """What an import of these lines says. Nothing of it is left."""
    out.write_bytes(b"".join(lines))
    path = out.with_name("new.db")
    done = import_into(path, out)
    assert done.exit_code == 1
    assert not list(out.parent.glob("new.db*"))
    return done.output


def test_a_file_that_is_not_whole_is_refused_by_its_line(file: Path, out: Path) -> None:
    lines = export(file, out)
    count = len(lines)
    job = next(at for at, line in enumerate(lines) if b'"kind":"job"' in line)

    assert f"line {count}: the file is cut in it" in damaged(out, [*lines[:-1], lines[-1][:-9]])
    assert f"line {count - 1}: the file ends without its last" in damaged(out, lines[:-1])
    assert f"line {count - 1}: it says 14 of `job`, and there are 13" in damaged(
        out, [*lines[:job], *lines[job + 1 :]]
    )
    other = lines[job].replace(b'"number":0', b'"number":1')
    assert "SHA-256 differs" in damaged(out, [*lines[:job], other, *lines[job + 1 :]])
    assert f"line {count + 1}: there is more" in damaged(out, [*lines, lines[1]])
    assert "line 1: this is no export" in damaged(out, lines[1:])
    assert "line 1: this is no export" in damaged(out, [])
    broken = b'{"end":false,"error":"the disk is full"}\n'
    assert "the export was not finished" in damaged(out, [*lines[:-1], broken])


@pytest.mark.parametrize("is_link", [True, False])
def test_what_others_put_in_the_place_of_the_new_file_gets_nothing(
    file: Path, tmp_path: Path, is_link: bool
) -> None:
    theirs, partial = tmp_path / "theirs", tmp_path / "all.ndjson.partial"
    theirs.write_bytes(b"kept")
    if is_link:
        partial.symlink_to(theirs)
    else:
        os.link(theirs, partial)

    export(file, tmp_path / "all.ndjson")

    assert theirs.read_bytes() == b"kept"
    assert not (tmp_path / "all.ndjson").is_symlink()


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    refused = import_into(tmp_path / "new.db", tmp_path / "pipe")

    assert refused.exit_code == 2
    assert "import a file" in refused.output


def test_a_newer_format_is_refused(file: Path, out: Path) -> None:
    lines = export(file, out)
    newer = lines[0].replace(b'"version":1', b'"version":2')

    assert "line 1: it has version 2 of the format" in damaged(out, [newer, *lines[1:]])


def test_a_line_that_is_too_long_is_refused_before_it_is_read(file: Path, out: Path) -> None:
    lines = export(file, out)
    endless = b'{"kind":"job","payload":"%s"}\n' % (b"x" * LINE_BYTES_MAX)

    assert "line 2: it is longer than 16 MiB" in damaged(out, [lines[0], endless])


def test_what_unpacks_to_very_much_is_refused_at_its_first_line(file: Path, tmp_path: Path) -> None:
    first = export(file, tmp_path / "all.ndjson")[0]
    bomb = tmp_path / "all.ndjson.gz"
    with gzip.open(bomb, "wb", compresslevel=9) as packed:
        packed.write(first)
        for _ in range(64):
            packed.write(bytes(2**20))

    done = import_into(tmp_path / "new.db", bomb)

    assert bomb.stat().st_size < 2**20
    assert "line 2: it is longer than 16 MiB" in done.output


def test_a_packed_file_that_is_cut_is_refused(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "all.ndjson.gz"
    export(file, out)
    out.write_bytes(out.read_bytes()[:-40])

    done = import_into(tmp_path / "new.db", out)

    assert done.exit_code == 1
    assert "the file is cut or damaged" in done.output


def test_jobs_that_wait_in_a_circle_are_refused_by_a_line(file: Path, out: Path) -> None:
    lines = export(file, out)
    at = next(at for at, line in enumerate(lines) if b'"kind":"dependency"' in line)
    edge = json.loads(lines[at])
    edge["job_id"], edge["depends_on"] = edge["depends_on"], edge["job_id"]
    back = json.dumps(edge, separators=(",", ":")).encode() + b"\n"
    sums = LineSums()
    circle = [*lines[1 : at + 1], back, *lines[at + 1 : -1]]
    for line in circle:
        sums.add(line, json.loads(line)["kind"])

    said = damaged(out, [lines[0], *circle, encoded(sums.trailer())])

    assert re.search(rf"line ({at + 1}|{at + 2}): jobs wait for one another in a circle", said)


def test_what_does_not_add_up_is_refused_as_a_whole(file: Path, out: Path) -> None:
    lines = export(file, out)
    sums = LineSums()
    changed = [
        line.replace(b'"total_jobs":4,"waiting_jobs":4', b'"total_jobs":5,"waiting_jobs":5')
        for line in lines[1:-1]
    ]
    for line in changed:
        sums.add(line, json.loads(line)["kind"])

    said = damaged(out, [lines[0], *changed, encoded(sums.trailer())])

    assert "what came does not add up" in said
    assert "5 waiting jobs by the counter, 4 rows" in said


def test_an_organization_is_added_to_a_file_that_has_not_got_it(
    tmp_path: Path, file: Path, out: Path
) -> None:
    org_id = json.loads(export(file, tmp_path / "ours.ndjson")[1])["id"]
    export(file, out, "--org", org_id)
    other = a_file(tmp_path / "other.db", jobs=3, also=rename)
    before = export(other, tmp_path / "before.ndjson")

    done = import_into(other, out)

    assert done.exit_code == 0, done.output
    [kept] = tmp_path.glob("other.db.before-import-*")
    assert str(kept) in done.output
    assert problems_of(str(other)) == []
    after = export(other, tmp_path / "after.ndjson")
    assert set(before[1:-1]) < set(after)
    only = export(other, tmp_path / "only.ndjson", "--org", org_id)
    assert only[1:] == lines_of(out)[1:]
    again = import_into(other, out)
    assert f"organization {org_id} is in {other} already" in again.output


def rename(tx: Tx) -> None:
    tx.execute("UPDATE organizations SET slug = 'other'")


def test_an_addition_that_is_refused_changes_nothing(tmp_path: Path, file: Path, out: Path) -> None:
    org_id = json.loads(export(file, tmp_path / "ours.ndjson")[1])["id"]
    export(file, out, "--org", org_id)
    other = a_file(tmp_path / "other.db", jobs=3)  # its organization has the same slug
    before = export(other, tmp_path / "before.ndjson")

    refused = import_into(other, out)

    assert "line 2: there is one with the same `slug` already" in refused.output
    assert export(other, tmp_path / "after.ndjson")[1:] == before[1:]
    assert not list(tmp_path.glob("other.db.*import*"))
    assert (
        "only an export of one organization" in import_into(other, tmp_path / "ours.ndjson").output
    )


def test_a_file_that_a_server_uses_is_left_alone(tmp_path: Path, file: Path, out: Path) -> None:
    export(file, out)
    lock = FileLock(str(tmp_path / "new.db")).acquire()

    done = import_into(tmp_path / "new.db", out)

    assert done.exit_code == 1
    assert "new.db" in done.output
    lock.release()


def test_an_export_needs_room_for_the_copy(
    file: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0))

    done = run("export", "--database", file, "--out", out)

    assert done.exit_code == 1
    assert "0 MiB are free" in done.output
    assert left(out.parent) == set()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "give --database, or --url and --admin-key"),
        (("--database", "x.db", "--url", "http://localhost"), 2, "give --database, or --url"),
        (("--url", "http://localhost"), 2, "--url needs --admin-key"),
        (("--database", "x.db"), 1, "there is no such file"),
        (("--database", "FILE", "--kinds", "job,cron"), 2, "There is no kind `cron`"),
        (("--database", "FILE", "--org", "nobody"), 1, "there is no organization nobody"),
        (("--database", "FILE", "--resume"), 1, "begin without --resume"),
    ],
)
def test_a_wrong_command_is_named_and_leaves_nothing(
    file: Path, out: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    given = [str(file) if each == "FILE" else each for each in arguments]

    done = run("export", *given, "--out", out)

    assert (done.exit_code, said in done.output) == (code, True), done.output
    assert left(out.parent) == set()


def test_an_export_never_takes_the_place_of_a_file(file: Path, out: Path) -> None:
    out.write_text("mine")

    done = run("export", "--database", file, "--out", out)

    assert (done.exit_code, "exists; choose another name" in done.output) == (1, True)
    assert out.read_text() == "mine"


def test_the_command_tells_of_secrets_that_are_missing(
    tmp_path: Path, file: Path, out: Path
) -> None:
    export(file, out, "--without-secrets")

    done = import_into(tmp_path / "new.db", out)

    assert b"sha256:" not in b"".join(lines_of(out)[:-1])
    assert "the export has no secrets" in done.output
