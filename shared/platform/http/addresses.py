"""Network addresses: which of them are one client."""

from __future__ import annotations

import ipaddress
from typing import Final

IPV6_PREFIX: Final = 64
"""Bits of an IPv6 address that tell clients apart: the others are the client's own to choose."""


def client_network(address: str | None) -> str:
    """Return the client that an address stands for: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, IPV6_PREFIX), strict=False))
