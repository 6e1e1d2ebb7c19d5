"""`lib/signal.js`: what is read is known, runs once, and ends."""

from collections.abc import Callable
from typing import Any

Lib = Callable[[str], Any]


def test_an_effect_runs_again_when_what_it_read_has_changed(lib: Lib) -> None:
    seen = lib("""
        const { signal, effect } = await load("lib/signal");
        const read = signal(1), other = signal(1), seen = [];
        effect(() => { seen.push(read.value); });
        other.value = 2; read.value = 1; read.value = 3;
        return seen;
    """)

    assert seen == [1, 3]


def test_an_effect_runs_once_for_all_that_changed_at_once(lib: Lib) -> None:
    seen = lib("""
        const { signal, computed, effect, batch } = await load("lib/signal");
        const a = signal(1), b = signal(1), seen = [];
        const sum = computed(() => a.value + b.value), same = computed(() => sum.value > 0);
        effect(() => { seen.push([sum.value, same.value]); });
        batch(() => { a.value = 2; b.value = 2; });
        a.value = 3;
        return seen;
    """)

    assert seen == [[2, True], [4, True], [5, True]]


def test_a_computed_is_made_once_and_wakes_nobody_when_it_stays(lib: Lib) -> None:
    seen = lib("""
        const { signal, computed, effect } = await load("lib/signal");
        const n = signal(1); let made = 0, ran = 0;
        const isBig = computed(() => { made++; return n.value > 10; });
        effect(() => { isBig.value; isBig.value; ran++; });
        n.value = 2; n.value = 3;
        return { made, ran };
    """)

    assert seen == {"made": 3, "ran": 1}


def test_what_an_effect_made_ends_when_it_runs_again(lib: Lib) -> None:
    seen = lib("""
        const { signal, effect } = await load("lib/signal");
        const outer = signal(1), inner = signal(1), seen = [];
        const stop = effect(() => {
          const n = outer.value;
          effect(() => { seen.push(`${n}/${inner.value}`); return () => seen.push(`end ${n}`); });
        });
        outer.value = 2; inner.value = 2; stop(); inner.value = 3;
        return seen;
    """)

    assert seen == ["1/1", "end 1", "2/1", "end 2", "2/2", "end 2"]


def test_an_effect_runs_before_those_it_made(lib: Lib) -> None:
    """One that is gone in the new state never sees it."""
    seen = lib("""
        const { signal, computed, effect } = await load("lib/signal");
        const error = signal({ text: "a" }), isThere = computed(() => error.value != null);
        const seen = [];
        effect(() => { if (isThere.value) effect(() => { seen.push(error.value.text); }); });
        error.value = { text: "b" }; error.value = null; error.value = { text: "c" };
        error.value = null;
        return seen;
    """)

    assert seen == ["a", "b", "c"]


def test_a_scope_ends_what_was_made_in_it(lib: Lib) -> None:
    seen = lib("""
        const { signal, effect, scope, onDispose } = await load("lib/signal");
        const n = signal(1), seen = [];
        const [result, end] = scope(() => {
          effect(() => { seen.push(n.value); });
          onDispose(() => seen.push("end"));
          return "result";
        });
        n.value = 2; end(); n.value = 3;
        return [result, ...seen, n.readers.size];
    """)

    assert seen == ["result", 1, 2, "end", 0]


def test_effects_that_set_what_they_read_are_stopped(lib: Lib) -> None:
    told = lib("""
        const { signal, effect } = await load("lib/signal");
        const n = signal(1), on = signal(false);
        effect(() => { if (on.value) n.value = n.value + 1; });
        try { on.value = true; } catch (error) { return error.message; }
    """)

    assert told == "Effects set what they read"
