"""Which addresses the server may be asked to call. Looks at the text alone, resolves no name."""

import ipaddress
from collections.abc import Iterable
from typing import Final
from urllib.parse import SplitResult, urlsplit

from spooled_lite.errors import RuleBroken

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Names of the machine itself, of cloud metadata, and of networks that are nobody else's business.
_NAMES: Final = frozenset({"localhost", "metadata", "metadata.google", "metadata.google.internal"})
_ENDINGS: Final = (".internal", ".local", ".localhost", ".corp")
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PRIVATE: Final = tuple(
    ipaddress.ip_network(each)
    for each in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
        "fe80::/10", "fc00::/7",
    )
)  # fmt: skip
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def is_web_address(url: str) -> bool:
    """Whether this is an http or https address with a host."""
    parts = _split(url)
    return parts is not None and parts.scheme in ("http", "https")


def check_target(
    url: str, *, field: str, is_production: bool, allowed_networks: Iterable[str]
) -> None:
    """Refuse an address that a webhook may not call.

    Raises:
        RuleBroken: with words that clients search for (contract README, section 5).

    Contract: schedules-workflows-webhooks, section 3.6.
    """
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or parts.username is not None:
        raise _refused(field, "it must be an http(s) URL with a host and no user", "invalid_url")
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme == "http" and (is_production or host not in _LOOPBACK_NAMES):
        raise _refused(field, "HTTP not allowed, use HTTPS", "https_required")
    address = _address(host)
    if address is None:
        if _is_local_name(host) and (is_production or host != "localhost"):
            raise _refused(field, "this host is not reachable from here", "private_ip")
    elif not _is_public(address, is_production=is_production, allowed=allowed_networks):
        raise _refused(field, "this address is not reachable from here", "private_ip")


def _split(url: str) -> SplitResult | None:
    if any(each.isspace() or not each.isprintable() for each in url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for one that is no port
    except ValueError:
        return None
    return parts if parts.hostname else None


def _address(host: str) -> Address | None:
    """The address a host is, in any of the spellings that programs understand."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return _old_spelling(host)


def _old_spelling(host: str) -> Address | None:
    """`2130706433`, `0x7f.1`, `0177.0.0.1`: one to four numbers, the last one fills the rest."""
    parts = host.split(".")
    if len(parts) > 4:
        return None
    try:
        numbers = [int(part, _base(part)) for part in parts]
    except ValueError:
        return None
    *first, last = numbers
    value = last
    for position, number in enumerate(first):
        value += number << (24 - 8 * position)
    return ipaddress.IPv4Address(value & 0xFFFFFFFF)


def _base(part: str) -> int:
    if part[:2].lower() == "0x":
        return 16
    return 8 if part[:1] == "0" else 10


def _is_local_name(host: str) -> bool:
    return host in _NAMES or host.endswith(_ENDINGS)


def _is_public(address: Address, *, is_production: bool, allowed: Iterable[str]) -> bool:
    address = _inner(address)
    is_listed = any(address in ipaddress.ip_network(each, strict=False) for each in allowed)
    if address.is_unspecified or address.is_multicast:
        return False
    if address.is_loopback:
        return is_listed or not is_production
    if any(address in network for network in _PRIVATE):
        return is_listed
    return not address.is_reserved and address not in ipaddress.ip_network("0.0.0.0/8")


def _inner(address: Address) -> Address:
    """The IPv4 address inside of a mapped, NAT64 or 6to4 one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _refused(field: str, why: str, code: str) -> RuleBroken:
    return RuleBroken.of(field, f"Invalid webhook URL: {why} (`{field}`)", code)
