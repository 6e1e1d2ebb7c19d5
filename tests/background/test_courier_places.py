"""Who gets a place: so many in all, four each, and none for the slow that others could use."""

from spooled_lite.background.places import EACH_MAX, KNOWN_MAX, Places

QUICK, SLOW = 0.1, 30.0


def known(places: Places, *endpoints: str, seconds: float = QUICK) -> None:
    for endpoint in endpoints:
        assert places.take(endpoint)
        places.give_back(endpoint, seconds=seconds)


def take_all(places: Places, endpoint: str) -> int:
    taken = 0
    while places.take(endpoint):
        taken += 1
    return taken


def test_one_that_has_not_answered_yet_has_one_place_then_four() -> None:
    places = Places(64)

    assert take_all(places, "a") == 1
    places.give_back("a", seconds=QUICK)

    assert take_all(places, "a") == EACH_MAX == 4


def test_in_all_there_are_so_many() -> None:
    places = Places(6)
    known(places, "a", "b")

    assert (take_all(places, "a"), take_all(places, "b"), take_all(places, "c")) == (4, 2, 0)
    assert (places.taken, places.left) == (6, 0)


def test_a_slow_one_has_one_place_until_it_answers_quickly_again() -> None:
    places = Places(64)
    known(places, "a", seconds=SLOW)

    assert take_all(places, "a") == 1
    places.give_back("a", seconds=QUICK)

    assert take_all(places, "a") == 4


def test_the_slow_ones_leave_half_of_the_places_to_the_others() -> None:
    places = Places(8)
    slow = [f"slow-{number}" for number in range(20)]
    for endpoint in slow:
        known(places, endpoint, seconds=SLOW)
    known(places, "quick")

    assert sum(take_all(places, endpoint) for endpoint in slow) == 4
    assert take_all(places, "quick") == 4

    places.give_back(slow[0], seconds=SLOW)
    assert not places.take("quick")
    assert take_all(places, slow[5]) == 1


def test_those_that_have_not_answered_yet_leave_some_places_to_those_that_do() -> None:
    places = Places(64)
    known(places, "quick", "other")

    assert sum(take_all(places, f"new-{number}") for number in range(1_000)) == 56
    assert (take_all(places, "quick"), take_all(places, "other")) == (4, 4)
    assert places.left == 0

    places.give_back("new-0", seconds=SLOW)
    assert not places.take("quick"), "it has four"
    assert take_all(places, "new-56") == 1


def test_the_slow_and_the_new_leave_them_together() -> None:
    places = Places(8)
    slow = [f"slow-{number}" for number in range(4)]
    for endpoint in slow:
        known(places, endpoint, seconds=SLOW)
    known(places, "quick")

    assert sum(take_all(places, endpoint) for endpoint in slow) == 4
    assert sum(take_all(places, f"new-{number}") for number in range(20)) == 3

    assert take_all(places, "quick") == 1


def test_one_that_turns_slow_while_it_has_four_keeps_them_to_their_end_and_no_longer() -> None:
    places = Places(8)
    known(places, "a")
    assert take_all(places, "a") == 4

    places.give_back("a", seconds=SLOW)
    assert not places.take("a")
    for _ in range(3):
        places.give_back("a", seconds=SLOW)

    assert take_all(places, "a") == 1
    places.give_back("a", seconds=SLOW)
    assert places.taken == 0


def test_a_single_place_is_had_by_new_and_slow_ones_too() -> None:
    places = Places(1)

    assert take_all(places, "new") == 1
    places.give_back("new", seconds=QUICK)
    known(places, "a", seconds=SLOW)

    assert take_all(places, "a") == 1


def test_manners_are_remembered_of_so_many() -> None:
    places = Places(64)
    for number in range(KNOWN_MAX + 1):
        known(places, str(number))

    assert take_all(places, "0") == 1, "forgotten"
    assert take_all(places, "1") == 4
