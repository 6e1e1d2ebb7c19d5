"""Lines of API keys, of those that the settings had named, and of tokens that were revoked."""

from typing import Final

from spooled_lite.core.export.fields import (
    flag,
    hash_of_secret,
    json,
    number,
    organization,
    text,
    time,
)
from spooled_lite.core.export.kind import LineKind, LineParams
from spooled_lite.storage.transaction import Tx

HASH_BYTES: Final = 32


def _store(tx: Tx, statement: str, params: LineParams) -> None:
    """Without its secret a key gets the hash of one that nobody knows: it can be given another."""
    if params["key_hash"] is None:
        params["key_hash"] = tx.secret(HASH_BYTES)
    tx.execute(statement, params)


API_KEY: Final = LineKind(
    name="api_key",
    table="api_keys",
    fields=(
        text("id"),
        organization(),
        text("name"),
        text("key_prefix"),
        hash_of_secret("key_hash"),
        json("queues", list[str], is_text=True),
        json("permissions", list[str], is_text=True, may_lack=True),
        number("rate_limit", may_lack=True),
        flag("is_active"),
        time("created_at"),
        time("updated_at"),
        time("last_used_at", "last_used_ms", may_lack=True),
        time("expires_at", may_lack=True),
        text("secret_id"),
        flag("is_off_with_org"),
    ),
    left_out={"seq": "a number in the file"},
    store=_store,
)

BOOTSTRAP_KEY: Final = LineKind(
    name="bootstrap_key",
    table="bootstrap_keys",
    order="key_hash",
    org="",
    where="""(:organization IS NULL OR key_id IN (
        SELECT api_keys.id FROM api_keys JOIN organizations ON organizations.seq = api_keys.org
         WHERE organizations.id = :organization))""",
    fields=(hash_of_secret("key_hash"), text("key_id"), flag("is_taken_back")),
    needs_secrets=True,
)


def _store_once(tx: Tx, statement: str, params: LineParams) -> None:
    tx.execute(f"{statement} ON CONFLICT DO NOTHING", params)


REVOKED_TOKEN: Final = LineKind(
    name="revoked_token",
    table="revoked_tokens",
    order="id",
    org="",
    fields=(text("id"), time("expires_at")),
    store=_store_once,
)
