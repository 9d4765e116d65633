"""The exchanges that the gateway supports: their names, the fields of their keys, their hosts, their capabilities."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from adapters.exchanges.binance.client import CAPABILITIES as BINANCE
from application.ports.statements import Capabilities
from domain.broker import Exchange, Venue
from domain.wish import TimeInForce, Type


@dataclass(frozen=True)
class Hosts:
    """The addresses of a venue: REST, the socket for orders, the socket for market data."""

    rest: str
    orders: str
    streams: str


@dataclass(frozen=True)
class Entry:
    """One exchange. `requests` is its rate limit, in words."""

    name: Exchange
    label: str
    fields: tuple[str, ...]
    venues: tuple[Venue, ...]
    capabilities: Capabilities
    requests: str
    order_types: tuple[Type, ...] = tuple(Type)
    times_in_force: tuple[TimeInForce, ...] = tuple(TimeInForce)


CATALOGUE = {
    Exchange.BINANCE: Entry(
        Exchange.BINANCE, "Binance", ("key", "secret"), (Venue.PAPER, Venue.TESTNET, Venue.LIVE), BINANCE,
        "6000 weight/min",
    )
}  # fmt: skip
HOSTS = {
    (Exchange.BINANCE, Venue.LIVE): Hosts(
        "https://api.binance.com", "wss://ws-api.binance.com/ws-api/v3", "wss://stream.binance.com"
    ),
    (Exchange.BINANCE, Venue.TESTNET): Hosts(
        "https://testnet.binance.vision",
        "wss://ws-api.testnet.binance.vision/ws-api/v3",
        "wss://stream.testnet.binance.vision",
    ),
}
"""The hosts of live and testnet, which are fixed here; settings can move the paper exchange only."""
REAL_DOMAINS = ("binance.com", "binance.us", "binance.vision")


def is_real(address: str) -> bool:
    """Return True for an address of a real exchange: no setting may point a paper broker there."""
    host = (urlsplit(address).hostname or "").rstrip(".")
    return any(host == domain or host.endswith(f".{domain}") for domain in REAL_DOMAINS)
