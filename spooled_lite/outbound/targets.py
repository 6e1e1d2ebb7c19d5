"""Which addresses callers may have the server call. Reads the text only, resolves no name."""

import re
from ipaddress import IPv6Address, ip_network
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from spooled_lite.config import Settings
from spooled_lite.errors import RuleBroken
from spooled_lite.outbound.addresses import Address, AddressKind, Network, address_of, kind_of

# Names of this machine, of the metadata services of clouds, and of private networks.
_NAMES: Final = frozenset({"localhost", "metadata", "metadata.google", "metadata.google.internal"})
_ENDINGS: Final = (".internal", ".local", ".localhost", ".corp")
_PLAIN_HTTP: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS: Final = {"http": 80, "https": 443}
_HOST_CHARS_MAX: Final = 253

# A host, perhaps in brackets, and perhaps a port.
_NETLOC: Final = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\[\]:@]+))(?::([0-9]{0,5}))?")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


class Policy(Struct, frozen=True):
    """Where webhooks may lead."""

    is_production: bool
    allow_networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            is_production=settings.environment == "production",
            allow_networks=tuple(map(ip_network, settings.webhook_allow_networks)),
        )

    def permits(self, address: Address) -> bool:
        kind = kind_of(address)
        if kind is AddressKind.PUBLIC or (kind is AddressKind.LOOPBACK and not self.is_production):
            return True
        return kind is not AddressKind.NEVER and any(
            address in each for each in self.allow_networks
        )


class Target(Struct, frozen=True):
    """Where a webhook leads, in one spelling."""

    scheme: str
    host: str  # in small letters, ASCII, without brackets and without a dot at the end
    address: Address | None  # None: the host is a name
    port: int
    path: str  # with the query; may be empty
    is_plain: bool = True  # False: an IPv4 address in an unusual spelling

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def permits(self, policy: Policy, address: Address) -> bool:
        """Whether a connection for this target may go to the address its name resolved to."""
        is_enough = self.scheme == "https" or kind_of(address) is AddressKind.LOOPBACK
        return is_enough and policy.permits(address)


def is_web_address(url: str) -> bool:
    """Whether this is an http or https address with a host."""
    parts = _split(url)
    if parts is None or not parts.hostname:
        return False
    try:
        _ = parts.port  # raises for one that is no port
    except ValueError:
        return False
    return parts.scheme in _PORTS


def check_target(url: str, policy: Policy, *, field: str = "url") -> Target:
    """Refuse an address that a webhook may not call. Names are not resolved here.

    Raises:
        RuleBroken: clients search for its words (contract README, section 5).

    Contract: schedules-workflows-webhooks, section 3.6.
    """
    target = _target(url)
    if target is None:
        raise _refused(field, "it must be an http(s) URL with a host and no user", "invalid_url")
    if target.scheme == "http" and (policy.is_production or target.host not in _PLAIN_HTTP):
        raise _refused(field, "HTTP not allowed, use HTTPS", "https_required")
    if target.address is None:
        if _is_local_name(target.host) and (policy.is_production or target.host != "localhost"):
            raise _refused(field, "this host is not reachable from here", "private_ip")
    elif not policy.permits(target.address) or not (
        # An address of a private network in an unusual spelling is hardly an accident.
        target.is_plain or kind_of(target.address) is AddressKind.PUBLIC
    ):
        raise _refused(field, "this address is not reachable from here", "private_ip")
    return target


def _target(url: str) -> Target | None:
    parts = _split(url)
    if parts is None or parts.scheme not in _PORTS:
        return None
    found = _NETLOC.fullmatch(parts.netloc.lower())
    if found is None:
        return None
    bracketed, named, port = found.groups()
    try:
        host = bracketed or _ascii(named)
        address = IPv6Address(host) if bracketed else address_of(host)
    except ValueError:
        return None
    number = int(port or _PORTS[parts.scheme])
    if not 0 < number <= 65_535 or (address is None and not _is_name(host)):
        return None
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    spelled = host if address is None else str(address)
    is_plain = bracketed is not None or spelled == host
    return Target(parts.scheme, spelled, address, number, path, is_plain)


def _split(url: str) -> SplitResult | None:
    if any(each.isspace() or not each.isprintable() for each in url):
        return None
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _ascii(host: str) -> str:
    """The host as it is looked up. Raises ValueError when it cannot be."""
    if len(host) > _HOST_CHARS_MAX + 1:
        raise ValueError("too long")
    if not host.isascii():
        import idna  # seldom needed, and its tables are large

        # Maps characters such as full-width digits to those that they stand for.
        host = idna.encode(host, uts46=True).decode()
    return host.removesuffix(".")


def _is_name(host: str) -> bool:
    return len(host) <= _HOST_CHARS_MAX and all(map(_LABEL.fullmatch, host.split(".")))


def _is_local_name(host: str) -> bool:
    return host in _NAMES or host.endswith(_ENDINGS)


def _refused(field: str, why: str, code: str) -> RuleBroken:
    return RuleBroken.of(field, f"Invalid webhook URL: {why} (`{field}`)", code)
