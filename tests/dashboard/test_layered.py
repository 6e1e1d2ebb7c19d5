"""`lib/layered.js`: where the steps of a graph stand."""

from collections.abc import Callable
from typing import Any

Lib = Callable[[str], Any]


def test_a_step_stands_after_all_it_waits_for(lib: Lib) -> None:
    seen = lib("""
        const { layered } = await load("lib/layered");
        const it = layered(["d", "a", "b", "c"], [["a", "c"], ["b", "c"], ["c", "d"], ["a", "d"], ["a", "gone"]]);
        const route = it.routes.find(each => each.from === "a" && each.to === "d");
        return [[..."abcd"].map(id => it.at.get(id).layer), it.layers, it.order, route.points.map(([layer]) => layer)];
    """)

    assert seen == [[0, 0, 1, 2], 3, ["a", "b", "c", "d"], [0, 1, 2]]


def test_no_two_steps_stand_at_the_same_place_and_no_edge_crosses_without_need(lib: Lib) -> None:
    seen = lib("""
        const { layered } = await load("lib/layered"), ids = [..."abcdefgh"];
        // Four pairs, given so that all their edges would cross.
        const it = layered(ids, [["a", "h"], ["b", "g"], ["c", "f"], ["d", "e"]]);
        const y = id => it.at.get(id).y, places = ids.map(id => `${it.at.get(id).layer} ${y(id)}`);
        return [new Set(places).size, [["a", "h"], ["b", "g"], ["c", "f"], ["d", "e"]].every(([a, b]) => y(a) === y(b))];
    """)

    assert seen == [8, True]


def test_graphs_of_any_shape_end_soon(lib: Lib) -> None:
    """Fans, chains, dense ones, circles, none at all."""
    seen = lib("""
        const { layered } = await load("lib/layered"), ids = Array.from({ length: 1000 }, (_, n) => `s${n}`);
        let state = 5;
        const random = n => (state = (state * 48271) % 2147483647) % n;
        const shapes = {
          none: [[], []], circle: [["a", "b"], [["a", "b"], ["b", "a"]]],
          fan: [ids, ids.slice(1).map(id => ["s0", id])],
          chain: [ids, ids.slice(1).map((id, n) => [ids[n], id])],
          random: [ids, ids.slice(1).flatMap((id, n) => [[ids[random(n + 1)], id], [ids[random(n + 1)], id]])],
          dense: [ids, ids.flatMap((id, n) => Array.from({ length: 20 }, () => [id, ids[Math.min(999, n + 1 + random(500))]]))],
        };
        return Object.fromEntries(Object.entries(shapes).map(([name, [all, edges]]) => {
          const from = performance.now(), it = layered(all, edges);
          const isPlaced = [...it.at.values()].every(each => Number.isFinite(each.y) && each.layer >= 0);
          return [name, [it.at.size, it.order.length, isPlaced, performance.now() - from < 5000]];
        }));
    """)

    assert seen.pop("none") == [0, 0, True, True]
    assert seen.pop("circle") == [2, 2, True, True]
    assert all(each == [1000, 1000, True, True] for each in seen.values()), seen
