"""Hosts: the addresses of an exchange at one venue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hosts:
    """The addresses of a venue: REST, the socket for orders, the socket for market data."""

    rest: str
    orders: str
    streams: str
