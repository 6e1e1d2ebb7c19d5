"""`lib/verdict.js`: what is wrong, in sentences, the worst first."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

Lib = Callable[[str], Any]

NOW_MS: Final = 1_795_900_000_000
QUEUE: Final = {
    "queue_name": "charges",
    "paused": False,
    "paused_reason": None,
    "waiting": 0,
    "deadletter": 0,
    "oldest_waiting_at": None,
    "completed_per_min": 58,
    "failed_per_min": 42,
    "attention": [],
}
AT_12_MIN: Final = "2026-11-28T20:54:40Z"  # before NOW_MS


def queue(*attention: str, **fields: Any) -> dict[str, Any]:
    return {**QUEUE, "attention": list(attention), **fields}


@pytest.fixture
def said(lib: Lib) -> Callable[..., list[list[str]]]:
    """Code, tone and sentence of each; shares are given by `shares={queue: …}`."""

    def run(shares: dict[str, Any] | None = None, **read: Any) -> list[list[str]]:
        found: list[list[str]] = lib(f"""
            const {{ verdict }} = await load("lib/verdict");
            const read = {json.dumps(read)}, shares = new Map(Object.entries({json.dumps(shares or {})}));
            return verdict({{ ...read, shares, nowMs: {NOW_MS} }}).map(it =>
              [it.code, it.tone, it.parts.map(part => part.text ?? part).join("")]);
        """)
        return found

    return run


HEALTH: Final = {"database": True, "checks": {"writer": "ok", "disk": "ok"}, "durability": "full"}
WAITS: Final = {"waiting": 3, "oldest_waiting_at": AT_12_MIN}
ERROR: Final = {
    "key": "1",
    "title": "HTTP ? from ?",
    "queues": [{"name": "charges", "count": 96}, {"name": "b", "count": 500}],
}


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ({}, ["well", "completed", "Nothing is wrong. 0 a minute, nothing waits."]),
        (
            {"queues": [queue("breaker_open", **WAITS)]},
            [
                "breaker_open",
                "deadletter",
                "The breaker of charges is open: one attempt after the other failed, 3 jobs wait",
            ],
        ),
        (
            {"health": HEALTH, "queues": [queue(**WAITS)]},
            ["well", "completed", "Nothing is wrong. 58 a minute, the oldest waits 12 min."],
        ),
        (
            {"health": {**HEALTH, "checks": {"writer": "failed", "disk": "ok"}}},
            [
                "storage",
                "deadletter",
                "Nothing can be stored: the writer has failed. Look at the server",
            ],
        ),
        (
            {"health": {**HEALTH, "checks": {"writer": "ok", "disk": "low"}}},
            ["storage", "retrying", "The disk is nearly full. Look at the server"],
        ),
        (
            {"health": {**HEALTH, "durability": "normal"}},
            [
                "storage",
                "retrying",
                "A power cut may lose the last moments: durability is normal. Look at the server",
            ],
        ),
        (
            {"queues": [queue("no_worker", **WAITS)]},
            [
                "no_worker",
                "deadletter",
                "charges has no worker: 3 jobs wait, the oldest for 12 min",
            ],
        ),
        (
            {"queues": [queue("failing")]},
            ["failing", "deadletter", "charges is failing: 42 % of attempts in 5 min"],
        ),
        (
            {
                "queues": [queue("failing", deadletter=128)],
                "errors": [ERROR],
                "shares": {"charges": {"now": 0.42, "usual": 0.02}},
            },
            [
                "failing",
                "deadletter",
                "charges is failing: 42 % of attempts in 5 min, usually 2 %; "
                "96 of 128 dead letters say “HTTP ? from ?”",
            ],
        ),
        (
            {"queues": [queue("stalled", **WAITS)]},
            [
                "stalled",
                "retrying",
                "charges stands still: no attempt has ended lately, 3 jobs wait, "
                "the oldest for 12 min",
            ],
        ),
        (
            {"queues": [queue("paused", paused=True, paused_reason="upgrade", waiting=1)]},
            ["paused", "retrying", "charges is paused while 1 job waits: “upgrade”"],
        ),
        (
            {"queues": [queue("dead_letters", deadletter=1)]},
            ["dead_letters", "retrying", "1 dead letter in charges"],
        ),
        (
            {
                "webhooks": [
                    {"id": "w", "name": "shop", "enabled": False, "last_status": "auto_disabled"},
                    {"id": "v", "name": "off by hand", "enabled": False, "last_status": "failed"},
                ]
            },
            [
                "webhook",
                "retrying",
                "Webhook shop was switched off: too many deliveries failed in a row",
            ],
        ),
    ],
)
def test_each_condition_has_its_sentence(
    said: Callable[..., list[list[str]]], read: dict[str, Any], expected: list[str]
) -> None:
    assert said(**read)[0] == expected


def test_the_worst_comes_first_and_nothing_is_well_beside_it(
    said: Callable[..., list[list[str]]],
) -> None:
    found = said(
        health={**HEALTH, "checks": {"writer": "ok", "disk": "full"}},
        queues=[
            queue("paused", "dead_letters", queue_name="a", paused=True, deadletter=2, **WAITS),
            queue("stalled", queue_name="b", **WAITS),
            queue("failing", "dead_letters", queue_name="c", deadletter=3),
            queue("no_worker", queue_name="__proto__", **WAITS),
        ],
        webhooks=[{"id": "w", "name": "w", "enabled": False, "last_status": "auto_disabled"}],
    )

    codes = [code for code, _, _ in found]
    assert codes == [
        "storage", "no_worker", "failing", "stalled", "paused", "dead_letters", "webhook",
    ]  # fmt: skip
    assert found[5][2] == "5 dead letters in 2 queues"


def test_each_sentence_leads_somewhere(lib: Lib) -> None:
    hrefs = lib(f"""
        const {{ verdict }} = await load("lib/verdict");
        const queues = {json.dumps([queue("failing", "dead_letters", queue_name="a/b ?", deadletter=2)])};
        return verdict({{ queues, nowMs: 0 }}).map(it => it.parts.filter(part => part.href).map(part => part.href));
    """)

    assert hrefs == [["#/queues/a%2Fb%20%3F"], ["#/dead?queue=a%2Fb+%3F", "#/queues/a%2Fb%20%3F"]]


def test_shares_are_of_five_minutes_against_those_before(lib: Lib) -> None:
    shares = lib("""
        const { sharesOf } = await load("lib/verdict");
        return sharesOf({ completed: [98, null, 1, 1, 1, 1, 1], failed: [2, null, 1, 1, 1, 1, 1] });
    """)

    assert shares == {"now": 0.5, "usual": 0.02}
