"""Ids: lower-case UUID v4, never twice, and repeatable with a seed."""

import uuid

from spooled_lite.ids import POOL_IDS, Ids


def test_an_id_is_a_lower_case_uuid_of_version_4() -> None:
    ids = Ids()

    for _ in range(POOL_IDS + 10):
        made = ids.new_id()
        parsed = uuid.UUID(made)
        assert str(parsed) == made
        assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)


def test_ids_do_not_repeat() -> None:
    ids = Ids()

    made = {ids.new_id() for _ in range(POOL_IDS * 20)}

    assert len(made) == POOL_IDS * 20


def test_a_seed_repeats_ids_and_secrets() -> None:
    one, two, other = Ids(7), Ids(7), Ids(8)

    first = [one.new_id() for _ in range(POOL_IDS + 1)]

    assert first == [two.new_id() for _ in range(POOL_IDS + 1)]
    assert first[0] != other.new_id()
    assert one.secret(32) == two.secret(32)


def test_a_secret_has_the_length_that_was_asked_for() -> None:
    assert [len(Ids().secret(length)) for length in (1, 16, 32)] == [1, 16, 32]


def test_a_chance_is_at_least_nothing_and_less_than_one() -> None:
    drawn = [Ids().chance() for _ in range(1_000)]

    assert 0 <= min(drawn) < 0.1
    assert 0.9 < max(drawn) < 1


def test_a_seed_repeats_chances_and_they_change_no_ids() -> None:
    one, two = Ids(7), Ids(7)

    chances = [one.chance() for _ in range(10)]

    assert one.new_id() == two.new_id()
    assert one.secret(8) == two.secret(8)
    assert chances == [two.chance() for _ in range(10)]
