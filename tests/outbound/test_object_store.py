"""A bucket as a store: the same calls as a folder's, and what goes wrong on the way."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from spooled_lite.outbound import object_store
from spooled_lite.outbound.object_store import TRIES, Bucket, BucketTerms
from spooled_lite.outbound.store_places import store_at
from spooled_lite.outbound.stores import (
    TEXT_BYTES_MAX,
    AlreadyStored,
    NotStored,
    Store,
    Stored,
    StoreTrouble,
)
from tests.outbound.s3_server import (
    BUCKET,
    KEY_ID,
    PAGE,
    PART_BYTES_MIN,
    REGION,
    S3,
    SECRET,
    s3_server,
)

SOON: Final = 0.001  # before the next try


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with s3_server(monkeypatch) as s3:
        yield s3


def a_bucket(
    s3: S3,
    *,
    request_seconds: float = 20,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Bucket:
    terms = BucketTerms(s3.endpoint, REGION, SOON, request_seconds, PART_BYTES_MIN)
    return Bucket(BUCKET, "a/b", terms, is_stopping=is_stopping)


def of_length(path: Path, length: int) -> Path:
    path.write_bytes(bytes(range(251)) * (length // 251 + 1))
    with open(path, "r+b") as file:
        file.truncate(length)
    return path


def test_a_list_of_some_names_reads_no_pages_of_others(
    s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "NAMES_AT_ONCE", PAGE)
    bucket = a_bucket(s3)
    for name in (*(f"a-{n}" for n in range(2 * PAGE)), "b-1", "b-2", "c", *map(str, range(PAGE))):
        s3.objects[f"a/b/{name}"] = b"text"
    for name in (f"d-{n}" for n in range(4 * PAGE)):
        s3.objects[f"a/b/{name}"] = b"text"

    found = bucket.list("b-")

    assert found == [Stored("b-1", 4), Stored("b-2", 4)]
    assert s3.lists == 1
    assert len(bucket.list()) == 2 * PAGE + 3 + PAGE + 4 * PAGE


def test_a_bucket_gives_back_what_was_put_and_forgets_what_was_deleted(
    s3: S3, tmp_path: Path
) -> None:
    bucket: Store = a_bucket(s3)
    source = of_length(tmp_path / "short", 1000)
    whole = source.read_bytes()

    bucket.put("one.gz", source)
    bucket.create("one.json", b"{}")

    assert bucket.list() == [Stored("one.gz", 1000), Stored("one.json", 2)]
    assert bucket.read("one.json") == b"{}"
    with bucket.opened("one.gz") as file:
        assert file.read(10) + file.read() == whole
    assert sorted(s3.objects) == ["a/b/one.gz", "a/b/one.json"]

    bucket.delete("one.gz")
    bucket.delete("one.gz")
    assert bucket.list() == [Stored("one.json", 2)]


def test_a_long_file_goes_in_parts_and_comes_back_whole(s3: S3, tmp_path: Path) -> None:
    source = of_length(tmp_path / "long", PART_BYTES_MIN * 2 + 17)
    whole = source.read_bytes()

    a_bucket(s3).put("long.gz", source)

    assert s3.asked["PUT"] == 3
    assert s3.uploads == {}
    with a_bucket(s3).opened("long.gz") as file:
        assert file.read() == whole


def test_a_part_that_cannot_be_sent_leaves_nothing_to_be_seen(s3: S3, tmp_path: Path) -> None:
    source = of_length(tmp_path / "long", PART_BYTES_MIN * 2)
    s3.fails_parts = True

    with pytest.raises(StoreTrouble, match="the service answered 500 InternalError"):
        a_bucket(s3).put("long.gz", source)

    assert a_bucket(s3).list() == []
    assert s3.uploads == {}
    assert source.exists()


def test_a_list_has_all_pages_and_nothing_from_elsewhere(s3: S3) -> None:
    for number in range(PAGE * 2 + 1):
        s3.objects[f"a/b/{number}"] = b"x" * number
    s3.objects |= {"a/b/below/one": b"", "a/bc": b"", "other": b""}

    names = [each.name for each in a_bucket(s3).list()]

    assert names == ["0", "1", "2", "3", "4", "5", "6"]


def test_a_list_without_an_end_is_given_up(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spooled_lite.outbound.object_store.NAMES_MAX", 3)
    for number in range(5):
        s3.objects[f"a/b/{number}"] = b""

    with pytest.raises(StoreTrouble, match="more than 3 names"):
        a_bucket(s3).list()


def test_what_is_missing_is_told_from_a_bucket_that_is_missing(s3: S3) -> None:
    bucket = a_bucket(s3)
    with pytest.raises(NotStored, match="s3://jobs/a/b/gone: there is nothing of this name"):
        bucket.read("gone")
    with pytest.raises(NotStored), bucket.opened("gone"):
        pass
    with pytest.raises(StoreTrouble, match="s3://other/x: there is no such bucket") as caught:
        Bucket("other", "x", BucketTerms(s3.endpoint, REGION, SOON)).list()
    assert not isinstance(caught.value, NotStored)


def test_a_text_that_is_too_long_is_not_read(s3: S3) -> None:
    s3.objects["a/b/long"] = bytes(TEXT_BYTES_MAX + 1)

    with pytest.raises(StoreTrouble, match="longer than"):
        a_bucket(s3).read("long")


@pytest.mark.parametrize("is_conditional", [True, False])
def test_the_second_of_a_name_is_refused_and_the_first_one_stays(
    s3: S3, tmp_path: Path, is_conditional: bool
) -> None:
    s3.is_conditional = is_conditional
    bucket = a_bucket(s3)
    bucket.create("one", b"first")

    with pytest.raises(AlreadyStored, match="s3://jobs/a/b/one is there already"):
        bucket.create("one", b"second")
    with pytest.raises(AlreadyStored):
        bucket.put("one", of_length(tmp_path / "long", PART_BYTES_MIN + 1))

    assert s3.objects == {"a/b/one": b"first"}


def test_a_name_that_was_taken_since_the_look_is_refused_by_the_service(s3: S3) -> None:
    s3.objects["a/b/one"] = b"first"
    s3.hides_from_looks = True

    with pytest.raises(AlreadyStored):
        a_bucket(s3).create("one", b"second")

    assert s3.objects == {"a/b/one": b"first"}


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_service_that_fails_is_asked_five_times_and_then_named(s3: S3, status: int) -> None:
    s3.objects["a/b/one"] = b"here"
    s3.status, s3.times = status, TRIES - 1
    assert a_bucket(s3).read("one") == b"here"

    s3.status, s3.times = status, 0
    s3.asked.clear()
    with pytest.raises(StoreTrouble, match=f"s3://jobs/a/b/one: .*{status}") as caught:
        a_bucket(s3).read("one")

    assert s3.asked["GET"] == TRIES
    assert KEY_ID not in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_service_that_is_not_there_at_all_is_named(s3: S3) -> None:
    bucket = Bucket(BUCKET, "", BucketTerms("http://127.0.0.1:1", REGION, SOON))

    with pytest.raises(StoreTrouble, match="s3://jobs: the service cannot be reached"):
        bucket.list()


def test_a_service_that_does_not_answer_is_given_up(s3: S3) -> None:
    s3.is_hanging = True

    with pytest.raises(StoreTrouble, match="did not answer in time"):
        a_bucket(s3, request_seconds=0.05).read("one")

    assert s3.asked["GET"] == TRIES


def test_a_stop_ends_the_wait_for_a_service(s3: S3) -> None:
    s3.is_hanging = True
    stop = threading.Event()

    def stops_once_it_hangs() -> None:
        s3.hangs.wait(20)
        stop.set()

    stopping = threading.Thread(target=stops_once_it_hangs)
    stopping.start()
    began = time.monotonic()
    with pytest.raises(StoreTrouble, match="given up, since the server stops"):
        a_bucket(s3, is_stopping=stop.is_set).read("one")
    stopping.join()

    assert time.monotonic() - began < 15


def test_a_stop_has_the_service_forget_the_parts_of_an_upload(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "FORGET_SECONDS", 60.0)
    source = of_length(tmp_path / "long", PART_BYTES_MIN * 6)
    bucket = a_bucket(s3, is_stopping=lambda: s3.part_count >= 2)

    with pytest.raises(StoreTrouble, match="given up, since the server stops"):
        bucket.put("long.gz", source)

    assert s3.part_count < 6
    assert s3.uploads == {}
    assert s3.objects == {}


def test_what_the_aws_variables_say_of_encryption_is_asked_of_the_service(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SERVER_SIDE_ENCRYPTION", "aws:kms")
    monkeypatch.setenv("AWS_SSE_KMS_KEY_ID", "a-key-of-mine")
    bucket = a_bucket(s3)

    bucket.create("short.json", b"{}")
    bucket.put("long.gz", of_length(tmp_path / "long", PART_BYTES_MIN * 2))

    assert s3.encryption == {
        "a/b/short.json": ("aws:kms", "a-key-of-mine"),
        "a/b/long.gz": ("aws:kms", "a-key-of-mine"),
    }


def test_a_download_that_breaks_off_goes_on_and_one_that_always_does_is_an_error(s3: S3) -> None:
    s3.objects["a/b/one"] = whole = bytes(range(256)) * 4096
    s3.cuts = 2
    with a_bucket(s3).opened("one") as file:
        assert file.read() == whole

    s3.cuts = 1000
    with (
        pytest.raises(StoreTrouble, match="s3://jobs/a/b/one: the connection broke off"),
        a_bucket(s3).opened("one") as file,
    ):
        file.read()


def test_a_file_that_changes_while_it_is_read_is_an_error(s3: S3) -> None:
    s3.objects["a/b/one"] = b"old"
    with a_bucket(s3).opened("one") as file:
        s3.objects["a/b/one"] = b"new"
        with pytest.raises(StoreTrouble, match="changed"):
            file.read()


@pytest.mark.parametrize(
    ("place", "endpoint"),
    [
        ("s3://key:secret@jobs/x", None),
        ("s3://", None),
        ("gs://jobs", None),
        ("s3://jobs/x", "https://key:secret@example.com"),
        ("s3://jobs/x", "example.com"),
    ],
)
def test_an_address_that_is_wrong_is_refused_and_not_repeated(
    place: str, endpoint: str | None
) -> None:
    with pytest.raises(StoreTrouble) as caught:
        store_at(place, endpoint=endpoint)

    assert "secret" not in str(caught.value)


def test_a_key_without_its_secret_is_named(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(StoreTrouble, match="no AWS credentials were found") as caught:
        a_bucket(s3)
    assert KEY_ID not in str(caught.value)


def test_without_the_extra_a_bucket_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "spooled_lite.outbound.object_store", raising=False)
    monkeypatch.setitem(sys.modules, "obstore", None)

    with pytest.raises(StoreTrouble, match=r"pip install 'spooled-lite\[s3\]'"):
        store_at("s3://jobs/x")


def test_nothing_of_the_library_is_loaded_for_a_folder(tmp_path: Path) -> None:
    code = (
        "import sys, spooled_lite.app, spooled_lite.backups.plan, spooled_lite.cli.stores\n"
        "from spooled_lite.outbound.store_places import store_at\n"
        f"store_at({str(tmp_path)!r})\n"
        "print([name for name in sys.modules if 'obstore' in name or 'object_store' in name])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"
