"""Wiring: the only place that knows both what the application needs and which adapters provide it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from psycopg_pool import ConnectionPool

from adapters.bus import Bus
from adapters.candles.beats import BeatTable
from adapters.candles.loads import LoadTable
from adapters.candles.store import CandleStore
from adapters.log.bell import Bell
from adapters.log.eventstore import Store, open_pool
from adapters.tables.debug_mode import DebugMode
from adapters.tables.equity import EquityTable
from adapters.tables.reference import MarketTable
from adapters.tables.snapshots import SnapshotTable
from adapters.vault.channels import ChannelTable, send
from adapters.vault.invitations import Invitations
from adapters.vault.keys import MasterKey
from adapters.vault.second_factor import SecondFactorTable
from adapters.vault.tokens import TokenTable
from adapters.vault.tombstones import bury
from adapters.vault.vault import Vault
from application.people import users
from application.ports.exchange import ExchangeClient
from aristobot.settings import Settings
from domain.people.broker import Exchange, Venue
from domain.refusals import Invalid


def utc_now() -> datetime:
    """Return the current time in UTC: the clock that terminals hand to the application."""
    return datetime.now(UTC)


@dataclass
class House:
    """The objects that one process may need, each created on first use."""

    settings: Settings
    connections: int = 4

    @cached_property
    def master(self) -> MasterKey:
        """The master key of this installation."""
        return MasterKey(self.settings.secret_key())

    @cached_property
    def pool(self) -> ConnectionPool:
        """Database connections under this terminal's role."""
        return open_pool(self.settings.need_database(), self.connections)

    @cached_property
    def store(self) -> Store:
        """The event store."""
        return Store(self.pool, self.master)

    @cached_property
    def vault(self) -> Vault:
        """The vault of passwords and credentials."""
        return Vault(self.pool, self.master)

    @cached_property
    def tokens(self) -> TokenTable:
        """The webhook tokens."""
        return TokenTable(self.pool, self.master)

    @cached_property
    def factors(self) -> SecondFactorTable:
        """The users' second factors."""
        return SecondFactorTable(self.pool, self.master)

    @cached_property
    def channels(self) -> ChannelTable:
        """The channels to which alerts are sent."""
        return ChannelTable(self.pool, self.master, private=self.settings.private_channels)

    def send(self, address: str, title: str, body: str) -> str | None:
        """Try once to send to a channel. Return the reason for a failure, None on success."""
        return send(address, title, body, private=self.settings.private_channels)

    @cached_property
    def invitations(self) -> Invitations:
        """The codes that let one person create an account."""
        return Invitations(self.pool, self.master)

    @cached_property
    def markets(self) -> MarketTable:
        """The markets as the gateway last loaded them."""
        return MarketTable(self.pool)

    @cached_property
    def snapshots(self) -> SnapshotTable:
        """The last snapshot of each account."""
        return SnapshotTable(self.pool)

    @cached_property
    def equity(self) -> EquityTable:
        """The worth of each account over time."""
        return EquityTable(self.pool)

    @cached_property
    def beats(self) -> BeatTable:
        """The heartbeat's bars and signals."""
        return BeatTable(self.pool)

    @cached_property
    def candles(self) -> CandleStore:
        """The candles of all series."""
        return CandleStore(self.pool, utc_now)

    @cached_property
    def loads(self) -> LoadTable:
        """The loads of history."""
        return LoadTable(self.pool)

    @cached_property
    def bus(self) -> Bus:
        """The bus between terminals, over Redis."""
        return Bus(self.settings.need_redis())

    def bell(self, topics: AbstractSet[str] | None = None) -> Bell:
        """Return a new bell, which rings only for `topics` if given. Each follower has its own."""
        return Bell(self.settings.database_direct_url or self.settings.need_database(), topics)

    def debug_mode(self) -> DebugMode:
        """Return the debug mode. The environment may allow it, but never where live trading is allowed."""
        allowed = self.settings.debug and not self.settings.live
        return DebugMode(self.pool, allowed, self.master.password_of_developer())

    def forget(self, number: int, by: int) -> None:
        """Forget a user, and note it beside the backups, so that restoring an older one does not undo it."""
        users.forget(self.store, self.vault, number, by)
        bury(number, self.settings.backup_places)

    def exchange(self, name: str, venue: str) -> ExchangeClient:
        """Return a client for an exchange at a venue.

        A setting moves the paper venue only (`ARISTOBOT_BINANCE_URL`, `ARISTOBOT_BITGET_URL`). Raises `Invalid` when
        the exchange is unknown, when live trading lacks `ARISTOBOT_LIVE=true`, and when the paper address belongs to a
        real exchange.
        """
        from adapters.exchanges.catalogue import CATALOGUE, is_real  # noqa: PLC0415 - only the gateway needs clients

        if name not in CATALOGUE:
            raise Invalid(f"{name} is not supported", code="exchange_unknown", field="exchange")
        entry = CATALOGUE[Exchange(name)]
        if venue == Venue.PAPER:
            rest = (
                self.settings.paper_urls.get(name) or f"http://127.0.0.1:{self.settings.paper_port + entry.paper_port}"
            )
            if is_real(rest):
                raise Invalid(f"the paper exchange's address was {rest}, a real exchange", code="paper_url_real")
            return entry.client(entry.paper_hosts(rest), Venue.PAPER)
        if venue == Venue.LIVE and not self.settings.live:
            raise Invalid("live trading needs ARISTOBOT_LIVE=true", code="live_not_allowed", field="venue")
        return entry.client(entry.hosts[Venue(venue)], Venue(venue))
