"""What a request shows of the world that it is for: a name, a credential, an organization."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct
from starlette.types import Message, Receive, Scope

from spooled_lite.wire.caller import credential_of
from spooled_lite.wire.http.dispatch import API_PREFIX

WORLD_HEADER: Final = b"x-spooled-world"
_WANTED: Final = frozenset({WORLD_HEADER, b"authorization", b"x-api-key"})
# Who signs in shows a credential in the body only.
_IN_BODY: Final = {
    f"{API_PREFIX}/auth/login": "api_key",
    f"{API_PREFIX}/auth/refresh": "refresh_token",
    f"{API_PREFIX}/auth/validate": "token",
}
PEEKED_BYTES_MAX: Final = 64 * 1024  # a longer body is no sign-in
_HOOKS: Final = f"{API_PREFIX}/webhooks/"
TOKEN_CHARS_MAX: Final = 8_192
QUERY_FIELDS_MAX: Final = 100


class Shown(Struct, frozen=True):
    """Each as it was sent: nothing of it has been checked."""

    name: bytes | None = None
    credential: str | None = None
    organization_id: str | None = None

    @classmethod
    def by_headers(cls, headers: Iterable[tuple[bytes, bytes]]) -> "Shown":
        """Of a gRPC call."""
        found = {name: value for name, value in headers if name in _WANTED}
        return cls(found.get(WORLD_HEADER), credential_of(found))

    @classmethod
    def by(cls, scope: Scope) -> "Shown":
        found: Mapping[bytes, bytes] = {
            name: value for name, value in scope["headers"] if name in _WANTED
        }
        credential = credential_of(found) or _in_query(scope["query_string"])
        path: str = scope["path"]
        organization_id = None
        if path.startswith(_HOOKS):
            organization_id = path[len(_HOOKS) :].partition("/")[0]
        return cls(found.get(WORLD_HEADER), credential, organization_id)

    @property
    def token_organization_id(self) -> str | None:
        """The organization that a token says it is of; the world verifies it."""
        token = self.credential
        if token is None or not token.startswith("eyJ") or len(token) > TOKEN_CHARS_MAX:
            return None
        payload = token.split(".")[1:2]
        try:
            text = base64.urlsafe_b64decode(payload[0] + "=" * (-len(payload[0]) % 4))
            return msgspec.json.decode(text, type=_Claims).org_id
        except (IndexError, ValueError, binascii.Error, msgspec.DecodeError):
            return None


async def peeked(shown: Shown, scope: Scope, receive: Receive) -> tuple[Shown, Receive]:
    """With the credential of a sign-in, which is in its body; whoever is asked next reads the body
    from its beginning."""
    member = _IN_BODY.get(scope["path"])
    if member is None or shown.name is not None or shown.credential is not None:
        return shown, receive
    read: list[Message] = []
    body = b""
    while len(body) <= PEEKED_BYTES_MAX:
        message = await receive()
        read.append(message)
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break

    async def again() -> Message:
        return read.pop(0) if read else await receive()

    try:
        value = msgspec.json.decode(body).get(member)
    except (msgspec.DecodeError, AttributeError, RecursionError):
        value = None
    credential = value if isinstance(value, str) else None
    return Shown(credential=credential, organization_id=shown.organization_id), again


class _Claims(Struct):
    org_id: str | None = None


def _in_query(query: bytes) -> str | None:
    """Streams take a credential in the query."""
    if b"token=" not in query and b"api_key=" not in query:
        return None
    try:
        pairs = parse_qsl(query.decode("utf-8", "replace"), max_num_fields=QUERY_FIELDS_MAX)
    except ValueError:
        return None
    values = dict(pairs)
    return (values.get("token") or values.get("api_key") or "").strip() or None


def name_of(header: bytes) -> str:
    """The name of a world in a header: as it is, or percent-encoded."""
    return unquote(header.decode("utf-8", "replace"), errors="replace")
