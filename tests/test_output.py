"""Writing to an output that nobody reads, that is full, or that is gone."""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from spooled_lite import output
from spooled_lite.output import Output

SECONDS_MAX = 20.0
SIZE_OF_PIPE = 4_096  # the smallest there is

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """The end that is read, and the one that is written."""
    ends = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, SIZE_OF_PIPE)
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            assert end == ends[0], "only the reading end is closed by tests"


def read_all(pipe: Pipe, size: int) -> str:
    read = b""
    while len(read) < size:
        read += os.read(pipe[0], size - len(read))
    return read.decode()


def test_what_can_be_written_at_once_needs_no_thread(pipe: Pipe) -> None:
    before = threading.active_count()
    out = Output(pipe[1])

    for line in ("one\n", "two\n"):
        assert out.write(line)
        assert read_all(pipe, 4) == line

    assert threading.active_count() == before


def test_everything_arrives_in_order_when_somebody_reads_late(pipe: Pipe) -> None:
    out = Output(pipe[1])
    lines = [f"{number:07}\n" for number in range(5_000)]  # ten times what the pipe holds

    assert all(out.write(line) for line in lines)

    assert read_all(pipe, 8 * len(lines)) == "".join(lines)
    out.flush(SECONDS_MAX)
    assert out.dropped_count == 0


def test_what_nobody_reads_is_bounded_and_counted(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "WAITING_BYTES_MAX", 10_000)
    out = Output(pipe[1])

    taken = [out.write("x" * 999 + "\n") for _ in range(100)]

    assert 10 <= taken.count(True) <= 15
    assert out.dropped_count == taken.count(False)
    assert read_all(pipe, 1_000 * taken.count(True)).count("\n") == taken.count(True)
    out.flush(SECONDS_MAX)
    assert out.write("again\n")


def test_a_flush_does_not_wait_for_a_reader_that_never_comes(pipe: Pipe) -> None:
    out = Output(pipe[1])
    out.write("x" * 10_000)

    out.flush(0.01)

    read_all(pipe, 10_000)  # lets the thread go on, and the pipe be closed


def test_a_shared_pipe_that_does_not_block_is_waited_for_by_the_thread(pipe: Pipe) -> None:
    os.set_blocking(pipe[1], False)
    out = Output(pipe[1])

    assert out.write("x" * 20_000 + "\n")

    assert read_all(pipe, 20_001).endswith("x\n")
    out.flush(SECONDS_MAX)
    assert out.dropped_count == 0


def test_what_is_written_to_nobody_is_counted(pipe: Pipe) -> None:
    out = Output(pipe[1])
    os.close(pipe[0])

    assert not out.write("short\n")
    assert out.write("long" * 5_000)  # left to the thread, which finds out
    out.flush(SECONDS_MAX)

    assert out.dropped_count == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is always full")
def test_a_full_disk_loses_lines_and_nothing_else() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    out = Output(descriptor)

    assert not out.write("one\n")
    assert not out.write("two\n")

    os.close(descriptor)
    assert out.dropped_count == 2


def test_closed_standard_streams_lead_nowhere() -> None:
    program = (
        "import os; from spooled_lite.output import fill_closed_streams;"
        "[os.close(each) for each in (0, 1)]; fill_closed_streams();"
        "found = [os.readlink(f'/proc/self/fd/{each}') for each in (0, 1)];"
        "os.write(2, ' '.join(found).encode())"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, timeout=SECONDS_MAX, check=True
    )

    assert done.stderr == b"/dev/null /dev/null"
