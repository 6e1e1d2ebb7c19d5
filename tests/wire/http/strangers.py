"""Who gets in nowhere: credentials that are wrong, over, or for something else."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import jwt

from tests.wire.http.access_table import WholeFileApi
from tests.wire.http.served import NOW_MS

SECRET: Final = "the secret that signs the tokens of these tests"
Headers = Mapping[str, Any]


def bearer(value: str) -> Headers:
    return {"Authorization": f"Bearer {value}"}


def tokens(api: WholeFileApi, key: str) -> tuple[str, str]:
    said = api.shown("POST", "auth/login", json={"api_key": key}, key=None)
    return said["access_token"], said["refresh_token"]


def revoked_key(api: WholeFileApi) -> Headers:
    return bearer(_revoked(api)[0])


def token_of_a_revoked_key(api: WholeFileApi) -> Headers:
    return bearer(_revoked(api)[1])


def _revoked(api: WholeFileApi) -> tuple[str, str]:
    made = api.shown("POST", "api-keys", 201, json={"name": "gone"})
    access, _ = tokens(api, made["key"])
    api.shown("GET", "jobs", key=access)
    assert api.delete(f"api-keys/{made['id']}").status_code == 204
    return made["key"], access


def replaced_key(api: WholeFileApi) -> Headers:
    made = api.shown("POST", "api-keys", 201, json={"name": "replaced"})
    api.shown("GET", "jobs", key=made["key"])
    api.shown("POST", f"api-keys/{made['id']}/regenerate")
    return bearer(made["key"])


def expired_key(api: WholeFileApi) -> Headers:
    key = api.issue(expires_at_ms=api.clock.now_ms() + 1000)
    api.shown("GET", "jobs", key=key)
    api.skip(seconds=2)
    return bearer(key)


def token_of_an_expired_key(api: WholeFileApi) -> Headers:
    key = api.issue(expires_at_ms=api.clock.now_ms() + 1000)
    access, _ = tokens(api, key)
    api.skip(seconds=2)
    return bearer(access)


def expired_token(api: WholeFileApi) -> Headers:
    access, _ = tokens(api, api.key)
    api.skip(seconds=24 * 3600 + 61)
    return bearer(access)


def token_that_was_logged_out(api: WholeFileApi) -> Headers:
    access, _ = tokens(api, api.key)
    assert api.post("auth/logout", key=access).status_code == 204
    return bearer(access)


def refresh_token(api: WholeFileApi) -> Headers:
    return bearer(tokens(api, api.key)[1])


def changed_token(api: WholeFileApi, **claims: Any) -> str:
    """The claims of a good token with others beside them, signed with the right secret."""
    access, _ = tokens(api, api.key)
    said = jwt.decode(access, options={"verify_signature": False})
    return jwt.encode({**said, **claims}, SECRET, algorithm="HS256")


def token_of_tomorrow(api: WholeFileApi) -> Headers:
    return bearer(changed_token(api, nbf=NOW_MS // 1000 + 3600))


def token_of_an_unknown_key(api: WholeFileApi) -> Headers:
    return bearer(changed_token(api, api_key_id="00000000-0000-4000-8000-000000000000"))


def token_for_another_organization(api: WholeFileApi) -> Headers:
    other = api.another_home("elsewhere").org_id
    return bearer(changed_token(api, sub=other, org_id=other))


def token_with_a_wrong_signature(api: WholeFileApi) -> Headers:
    access, _ = tokens(api, api.key)
    head, claims, signature = access.split(".")
    return bearer(f"{head}.{claims}.{'A' * len(signature)}")


def token_with_another_algorithm(api: WholeFileApi) -> Headers:
    said = jwt.decode(changed_token(api), options={"verify_signature": False})
    return bearer(jwt.encode(said, SECRET.ljust(64, "x"), algorithm="HS512"))


def token_without_a_signature(api: WholeFileApi) -> Headers:
    access, _ = tokens(api, api.key)
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).decode()
    return bearer(f"{head.rstrip('=')}.{access.split('.')[1]}.")


def key_of_a_deleted_organization(api: WholeFileApi) -> Headers:
    home = api.another_home("closed")
    assert api.admin("DELETE", f"organizations/{home.org_id}").status_code == 204
    return bearer(home.key)


def key_of_a_removed_organization(api: WholeFileApi) -> Headers:
    home = api.another_home("removed")
    assert api.delete(f"organizations/{home.org_id}", key=home.key).status_code == 204
    api.emptied(home)
    return bearer(home.key)


STRANGERS: Final[Mapping[str, Callable[[WholeFileApi], Headers]]] = {
    "no credential": lambda _: {},
    "an empty one": lambda _: {"Authorization": "Bearer "},
    "another scheme": lambda api: {"Authorization": f"Basic {api.key}"},
    "no scheme": lambda api: {"Authorization": api.key},
    "bytes that are no text": lambda _: {"Authorization": b"Bearer sk_test_\xff\xfe"},
    "an endless one": lambda _: bearer("sk_test_" + "x" * 8000),
    "an unknown key": lambda _: bearer("sk_test_" + "A" * 43),
    "the key in capitals": lambda api: bearer(api.key.upper()),
    "no token": lambda _: bearer("eyJhbGciOiJIUzI1NiJ9.e30.x"),
    "the id of a key": lambda api: bearer(api.shown("GET", "auth/me")["api_key_id"]),
    "an unknown key beside a good one": lambda api: {
        **bearer("sk_test_unknown"),
        "X-API-Key": api.key,
    },
    "the key as a cookie": lambda api: {"Cookie": f"api_key={api.key}"},
    **{
        make.__name__.replace("_", " "): make
        for make in (
            *(revoked_key, replaced_key, expired_key),
            *(token_of_a_revoked_key, token_of_an_expired_key, expired_token),
            *(token_that_was_logged_out, refresh_token, token_of_tomorrow),
            *(token_of_an_unknown_key, token_for_another_organization),
            *(token_with_a_wrong_signature, token_with_another_algorithm),
            *(token_without_a_signature, key_of_a_deleted_organization),
            key_of_a_removed_organization,
        )
    },
}
