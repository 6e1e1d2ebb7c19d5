"""What sign-in leaves behind goes with the other old rows."""

from spooled_lite.background.loops import loops
from spooled_lite.core.auth.codes import start_code
from spooled_lite.core.auth.records import Claims
from spooled_lite.core.auth.revoke import revoke_tokens
from spooled_lite.core.maintenance.prune import Retention
from spooled_lite.core.maintenance.safety import SafetySweep
from tests.core.store import NOW_MS, Store

NOW = NOW_MS // 1000


def test_a_sweep_deletes_what_is_over_and_nothing_else(store: Store) -> None:
    for number, life_seconds in enumerate((10, 5000)):
        store.run(revoke_tokens, store.org, [a_claim_set(str(number), life_seconds)])
    store.run(start_code, "old@example.com", b"k" * 32, may_sign_in=True)
    store.clock.advance(seconds=4600)
    store.run(start_code, "new@example.com", b"k" * 32, may_sign_in=True)

    sweep(store)

    assert [row["id"] for row in store.rows("SELECT id FROM revoked_tokens")] == ["1"]
    assert [row["email"] for row in store.rows("SELECT email FROM sign_in_codes")] == [
        "new@example.com"
    ]


def sweep(store: Store) -> None:
    [pruning] = [loop for loop in loops(Retention(), SafetySweep()) if loop.name == "prune-old"]
    while store.run(pruning.run_once).due_again_ms == store.clock.now_ms():
        pass


def a_claim_set(token_id: str, life_seconds: int) -> Claims:
    return Claims(
        sub="o",
        org_id="o",
        api_key_id="k",
        secret_id="s",
        queues=[],
        token_type="access",
        iat=NOW,
        nbf=NOW,
        exp=NOW + life_seconds,
        jti=token_id,
    )
