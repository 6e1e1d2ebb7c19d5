"""Memory that large requests leave behind is given back, and nobody looks more often than that."""

from spooled_lite.memory import (
    GROWN_BYTES,
    LOOK_EVERY,
    Memory,
    give_back_free_memory,
    map_large_buffers,
    resident_bytes,
)

MEBIBYTE = 1024 * 1024


class Process:
    """Its memory, and how often it was made smaller."""

    def __init__(self) -> None:
        self.resident = 100 * MEBIBYTE
        self.free = 0
        self.shrunk = 0

    def memory(self) -> Memory:
        return Memory(resident=lambda: self.resident, give_back=self.give_back)

    def give_back(self) -> None:
        self.shrunk += 1
        self.resident -= self.free


def look(memory: Memory) -> None:
    for _ in range(LOOK_EVERY):
        memory.tick()


def test_memory_that_has_grown_is_given_back_once() -> None:
    process = Process()
    memory = process.memory()
    look(memory)

    process.resident += GROWN_BYTES + 50 * MEBIBYTE
    process.free = 50 * MEBIBYTE
    look(memory)
    memory.close()

    assert process.shrunk == 1
    assert process.resident == 100 * MEBIBYTE + GROWN_BYTES


def test_what_is_in_use_is_no_reason_to_look_again() -> None:
    process = Process()
    memory = process.memory()
    look(memory)
    process.resident += 2 * GROWN_BYTES
    look(memory)
    memory._thread.submit(lambda: None).result()

    for _ in range(10):
        look(memory)
    memory.close()

    assert process.shrunk == 1


def test_a_little_growth_is_left_alone() -> None:
    process = Process()
    memory = process.memory()
    look(memory)

    process.resident += GROWN_BYTES - 1
    look(memory)
    memory.close()

    assert process.shrunk == 0


def test_the_real_calls_do_no_harm() -> None:
    map_large_buffers()
    give_back_free_memory()

    assert resident_bytes() >= 0
