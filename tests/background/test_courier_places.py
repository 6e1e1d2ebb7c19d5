"""Who gets a place: so many in all, four each, and none for the slow that others could use."""

from collections import defaultdict

from spooled_lite.background.places import KNOWN_MAX, CallPlace
from spooled_lite.background.places import CallPlaces as RealPlaces
from spooled_lite.core.webhooks.deliveries import CALLS_PER_ENDPOINT_MAX

QUICK, SLOW = 0.1, 30.0
OURS, THEIRS, OTHERS = 1, 2, 3


class CallPlaces(RealPlaces):
    """Keeps what was taken, by endpoint."""

    def __init__(self, places_max: int) -> None:
        super().__init__(places_max)
        self._held: dict[str, list[CallPlace]] = defaultdict(list)

    def gets(self, endpoint: str, org: int = OURS, last_seconds: float | None = None) -> bool:
        place = self.take(endpoint, org, last_seconds)
        if place is not None:
            self._held[endpoint].append(place)
        return place is not None

    def ends(self, endpoint: str, *, seconds: float) -> None:
        self.give_back(self._held[endpoint].pop(), seconds=seconds)


def known(places: CallPlaces, *endpoints: str, seconds: float = QUICK) -> None:
    for endpoint in endpoints:
        assert places.gets(endpoint)
        places.ends(endpoint, seconds=seconds)


def take_all(places: CallPlaces, endpoint: str, org: int = OURS) -> int:
    taken = 0
    while places.gets(endpoint, org):
        taken += 1
    return taken


def test_one_that_has_not_answered_yet_has_one_place_then_four() -> None:
    places = CallPlaces(64)

    assert take_all(places, "a") == 1
    places.ends("a", seconds=QUICK)

    assert take_all(places, "a") == CALLS_PER_ENDPOINT_MAX == 4


def test_in_all_there_are_so_many() -> None:
    places = CallPlaces(6)
    known(places, "a", "b")

    assert (take_all(places, "a"), take_all(places, "b"), take_all(places, "c")) == (4, 2, 0)
    assert (places.taken, places.left) == (6, 0)


def test_a_slow_one_has_one_place_until_it_answers_quickly_again() -> None:
    places = CallPlaces(64)
    known(places, "a", seconds=SLOW)

    assert take_all(places, "a") == 1
    places.ends("a", seconds=QUICK)

    assert take_all(places, "a") == 4


def test_the_slow_ones_leave_half_of_the_places_to_the_others() -> None:
    places = CallPlaces(8)
    slow = [f"slow-{number}" for number in range(20)]
    for endpoint in slow:
        known(places, endpoint, seconds=SLOW)
    known(places, "quick")

    assert sum(take_all(places, endpoint) for endpoint in slow) == 4
    assert take_all(places, "quick") == 4

    places.ends(slow[0], seconds=SLOW)
    assert not places.gets("quick")
    assert take_all(places, slow[5]) == 1


def test_those_that_have_not_answered_yet_leave_some_places_to_those_that_do() -> None:
    places = CallPlaces(64)
    known(places, "quick", "other")

    assert sum(take_all(places, f"new-{number}") for number in range(1_000)) == 49
    assert (take_all(places, "quick"), take_all(places, "other")) == (4, 4)
    assert places.left == 7, "for other organizations"

    places.ends("new-0", seconds=SLOW)
    assert not places.gets("quick"), "it has four"
    assert take_all(places, "new-49") == 1


def test_the_slow_and_the_new_leave_them_together() -> None:
    places = CallPlaces(8)
    slow = [f"slow-{number}" for number in range(4)]
    for endpoint in slow:
        known(places, endpoint, seconds=SLOW)
    known(places, "quick")

    assert sum(take_all(places, endpoint) for endpoint in slow) == 4
    assert sum(take_all(places, f"new-{number}") for number in range(20)) == 3

    assert take_all(places, "quick") == 1


def test_one_that_turns_slow_while_it_has_four_keeps_them_to_their_end_and_no_longer() -> None:
    places = CallPlaces(8)
    known(places, "a")
    assert take_all(places, "a") == 4

    places.ends("a", seconds=SLOW)
    assert not places.gets("a")
    for _ in range(3):
        places.ends("a", seconds=SLOW)

    assert take_all(places, "a") == 1
    places.ends("a", seconds=SLOW)
    assert places.taken == 0


def test_a_single_place_is_had_by_new_and_slow_ones_too() -> None:
    places = CallPlaces(1)

    assert take_all(places, "new") == 1
    places.ends("new", seconds=QUICK)
    known(places, "a", seconds=SLOW)

    assert take_all(places, "a") == 1


def test_manners_are_remembered_of_so_many() -> None:
    places = CallPlaces(64)
    for number in range(KNOWN_MAX + 1):
        known(places, str(number))

    assert take_all(places, "0") == 1, "forgotten"
    assert take_all(places, "1") == 4


# -- what the file knows, and organizations --------------------------------------------------


def test_what_the_file_knows_counts_until_the_server_knows_better() -> None:
    places = CallPlaces(64)

    assert [places.gets("quick", OURS, QUICK) for _ in range(5)] == [True] * 4 + [False]
    assert [places.gets("slow", OURS, SLOW) for _ in range(2)] == [True, False]
    places.ends("slow", seconds=QUICK)

    assert [places.gets("slow", OURS, SLOW) for _ in range(5)] == [True] * 4 + [False]


def test_those_that_the_file_knows_as_slow_leave_half_of_the_places() -> None:
    places = CallPlaces(8)

    assert sum(places.gets(f"slow-{number}", OURS, SLOW) for number in range(20)) == 4


def test_an_organization_without_a_place_has_one_at_once() -> None:
    places = CallPlaces(64)
    assert sum(take_all(places, f"dead-{number}") for number in range(300)) == 49

    assert places.gets("new", THEIRS)
    assert places.gets("newer", OTHERS)


def test_places_that_become_free_are_had_in_turns_by_organization() -> None:
    places = CallPlaces(64)
    assert sum(take_all(places, f"ours-{number}") for number in range(100)) == 49
    assert sum(take_all(places, f"theirs-{number}", THEIRS) for number in range(100)) == 1

    for number in range(49):
        places.ends(f"ours-{number}", seconds=SLOW)
        for more in range(100, 200):  # the first to ask, and they have more to do
            places.gets(f"ours-{more}", OURS)
            places.gets(f"theirs-{more}", THEIRS)

    held = [
        sum(bool(places._held[f"{name}-{n}"]) for n in range(200)) for name in ("ours", "theirs")
    ]
    assert abs(held[0] - held[1]) <= 1


def test_an_organization_that_asks_no_more_keeps_nobody_waiting() -> None:
    places = CallPlaces(8)
    assert sum(take_all(places, f"ours-{number}") for number in range(20)) == 7
    assert not places.gets("theirs", THEIRS)
    places.ends("ours-0", seconds=QUICK)

    assert not places.gets("ours-9"), "it is the turn of the other"
    assert not places.end_round()
    assert not places.gets("ours-9")
    assert places.end_round(), "the other has not asked again"

    assert places.gets("ours-9")
