"""The kind of an IP address, and every way to spell one. Opens no connection."""

import ipaddress
import re
from collections.abc import Sequence
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class AddressKind(Enum):
    PUBLIC = "public"
    LOOPBACK = "loopback"
    PRIVATE = "private"  # can be listed in the settings
    NEVER = "never"  # reserved, multicast, or another address in disguise


def _networks(*texts: str) -> Sequence[Network]:
    return tuple(ipaddress.ip_network(text) for text in texts)


_LOOPBACK: Final = _networks("127.0.0.0/8", "::1/128")
_PRIVATE: Final = _networks(
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
    "fe80::/10", "fc00::/7",
)  # fmt: skip
# Networks that are reserved, for documentation or internal to a machine. Of IPv6 only 2000::/3 is
# assigned to anyone; 2001::/23 has Teredo, whose addresses contain an IPv4 address.
_NEVER: Final = _networks(
    "0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "3fff::/20",
)  # fmt: skip
# Networks whose addresses end in an IPv4 address: mapped, and NAT64.
_ENDING_IN_IPV4: Final = _networks("::ffff:0:0/96", "64:ff9b::/96")
_6TO4: Final = IPv6Network("2002::/16")
# ISATAP: the upper half of the interface part; the lower one is an IPv4 address.
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})

_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+", re.ASCII)


def kind_of(address: Address) -> AddressKind:
    """Contract: schedules-workflows-webhooks, section 3.6."""
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return AddressKind.NEVER  # a zone is one of this machine's own networks
    inner = _inner(address)
    if inner is not None:
        # One that contains an address that is not public is never called, even if it is listed.
        return AddressKind.PUBLIC if kind_of(inner) is AddressKind.PUBLIC else AddressKind.NEVER
    for kind, networks in (
        (AddressKind.LOOPBACK, _LOOPBACK),
        (AddressKind.PRIVATE, _PRIVATE),
        (AddressKind.NEVER, _NEVER),
    ):
        if any(address in network for network in networks):
            return kind
    return AddressKind.PUBLIC


def address_of(host: str) -> Address | None:
    """The address that a host in small letters spells, or None if it is a name.

    `2130706433`, `0x7f.1` and `0177.0.0.1` are 127.0.0.1: one to four numbers, of which the last
    fills the rest, as the system's own functions read them.

    Raises:
        ValueError: it is neither, because no name ends in a number.
    """
    if ":" in host:
        return IPv6Address(host)
    parts = host.split(".")
    if _NUMBER.fullmatch(parts[-1]) is None:
        return None
    *first, last = map(_number, parts)
    if len(first) > 3 or any(number > 255 for number in first) or last >> 8 * (4 - len(first)):
        raise ValueError("not an IPv4 address")
    for position, number in enumerate(first):
        last += number << 8 * (3 - position)
    return IPv4Address(last)


def _number(part: str) -> int:
    if _NUMBER.fullmatch(part) is None or len(part) > 20:
        raise ValueError("not a number")
    if part.startswith("0x"):
        return int(part, 16)
    return int(part, 8 if part.startswith("0") else 10)


def _inner(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address contains."""
    if isinstance(address, IPv4Address):
        return None
    number = int(address)
    if any(address in network for network in _ENDING_IN_IPV4):
        return IPv4Address(number & 0xFFFFFFFF)
    if address in _6TO4:
        return IPv4Address(number >> 80 & 0xFFFFFFFF)
    if number >> 32 & 0xFFFFFFFF in _ISATAP:
        return IPv4Address(number & 0xFFFFFFFF)
    return None
