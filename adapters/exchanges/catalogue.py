"""The exchanges that the gateway supports: what their keys need, where they are, and how their clients are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from adapters.exchanges.binance import client as binance
from adapters.exchanges.bitget import client as bitget
from adapters.exchanges.hosts import Hosts
from application.ports.exchange import ExchangeClient
from application.ports.statements import Capabilities
from domain.orders.wish import TimeInForce, Type
from domain.people.broker import Exchange, Venue


@dataclass(frozen=True)
class Entry:
    """One exchange. `requests` is its rate limit, in words.

    `hosts` are those of live and testnet, which no setting moves. `paper_hosts` makes those of the paper exchange from
    the address of its REST API, which listens `paper_port` above the paper exchange's own port.
    """

    name: Exchange
    label: str
    fields: tuple[str, ...]
    capabilities: Capabilities
    requests: str
    hosts: Mapping[Venue, Hosts]
    domains: tuple[str, ...]
    """The domains under which the real exchange is found, whatever the host."""
    paper_port: int
    paper_hosts: Callable[[str], Hosts]
    client: Callable[[Hosts, Venue], ExchangeClient]
    order_types: tuple[Type, ...] = tuple(Type)
    times_in_force: tuple[TimeInForce, ...] = tuple(TimeInForce)

    @property
    def venues(self) -> tuple[Venue, ...]:
        """The venues at which accounts may lie, the paper exchange first."""
        return (Venue.PAPER, *self.hosts)


CATALOGUE = {
    Exchange.BINANCE: Entry(
        Exchange.BINANCE, "Binance", ("key", "secret"), binance.CAPABILITIES, "6000 weight/min",
        {
            Venue.TESTNET: Hosts(
                "https://testnet.binance.vision",
                "wss://ws-api.testnet.binance.vision/ws-api/v3",
                "wss://stream.testnet.binance.vision",
            ),
            Venue.LIVE: Hosts(
                "https://api.binance.com", "wss://ws-api.binance.com/ws-api/v3", "wss://stream.binance.com"
            ),
        },
        ("binance.com", "binance.us", "binance.vision"), 1, binance.paper_hosts, binance.Binance.at,
    ),
    Exchange.BITGET: Entry(
        Exchange.BITGET, "Bitget", ("key", "secret", "passphrase"), bitget.CAPABILITIES,
        "10 orders/s, 6000 requests/min",
        {
            Venue.TESTNET: Hosts(
                "https://api.bitget.com", "wss://wspap.bitget.com/v2/ws/private", "wss://wspap.bitget.com/v2/ws/public"
            ),
            Venue.LIVE: Hosts(
                "https://api.bitget.com", "wss://ws.bitget.com/v2/ws/private", "wss://ws.bitget.com/v2/ws/public"
            ),
        },
        ("bitget.com",), 2, bitget.paper_hosts, bitget.Bitget.at,
    ),
}  # fmt: skip


def is_real(address: str) -> bool:
    """Return True for an address of a real exchange: no setting may point a paper broker there."""
    host = (urlsplit(address).hostname or "").rstrip(".")
    domains = (domain for entry in CATALOGUE.values() for domain in entry.domains)
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)
