"""Addresses: where a request comes from, and whether it comes from this machine itself."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

UNKNOWN = "unknown"
FORWARDED = frozenset({b"forwarded", b"x-forwarded-for"})
"""The headers by which a proxy says that it only passes a request on."""


def address_of(scope: Mapping[str, Any]) -> str:
    """Return the network address that a request comes from, `unknown` for anything that is no address.

    Behind a proxy that the settings name it is the one that the proxy tells.
    """
    client = scope.get("client")
    try:
        return str(ipaddress.ip_address(client[0])) if client else UNKNOWN
    except ValueError:
        return UNKNOWN


def source_of(address: str) -> str:
    """Return the source that an address stands for: an IPv6 subscriber has a whole /64 network of addresses."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address


def is_at_home(scope: Mapping[str, Any]) -> bool:
    """Return True when a request comes from this machine itself, and not through a proxy that runs on it."""
    if any(name in FORWARDED for name, _ in scope.get("headers", ())):
        return False
    address = address_of(scope)
    return address != UNKNOWN and ipaddress.ip_address(address).is_loopback
