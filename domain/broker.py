"""A broker: one trader's account on one exchange."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from domain.aggregate import Aggregate, deterministic_id, event
from domain.refusals import Invalid


class Venue(StrEnum):
    """Which world the account lives in. It is fixed when the broker is made."""

    PAPER = "paper"
    TESTNET = "testnet"
    LIVE = "live"


class Exchange(StrEnum):
    """The exchanges that the gateway speaks natively."""

    BINANCE = "binance"


class Broker(Aggregate):
    """One account on one exchange. Its credentials live in the vault; here is only their fingerprint."""

    @event("Connected")
    def __init__(self, number: int, user: int, exchange: Exchange, venue: Venue, name: str) -> None:
        self.number = number
        self.user = user
        self.exchange = exchange
        self.venue = venue
        self.name = name
        self.fingerprint: str | None = None
        self.default = False
        self.trading_stopped = False

    @staticmethod
    def create_id(number: int) -> UUID:
        """Brokers are found by their number."""
        return deterministic_id("broker", number)

    @classmethod
    def connect(cls, number: int, user: int, exchange: Exchange, venue: Venue, name: str) -> Broker:
        """A new account. Raises `Invalid` for an empty name or one above 40 characters."""
        if not 0 < len(name.strip()) <= 40:  # noqa: PLR2004 - said in the docstring
            raise Invalid("a broker needs a name of at most 40 characters", code="name_invalid", field="name")
        return cls(number, user, exchange, venue, name.strip())

    def store_credential(self, fingerprint: str) -> None:
        """The vault holds a new key; the fingerprint tells keys apart without showing them."""
        if fingerprint != self.fingerprint:
            self._credential_stored(fingerprint)

    def make_default(self) -> None:
        """Proposed first in the console."""
        if not self.default:
            self._made_default()

    def stop_trading(self) -> None:
        """No automatic order on this broker until trading is resumed."""
        if not self.trading_stopped:
            self._trading_stopped()

    def resume_trading(self) -> None:
        """Automatic orders are allowed again."""
        if self.trading_stopped:
            self._trading_resumed()

    @event("CredentialStored")
    def _credential_stored(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint

    @event("MadeDefault")
    def _made_default(self) -> None:
        self.default = True

    @event("TradingStopped")
    def _trading_stopped(self) -> None:
        self.trading_stopped = True

    @event("TradingResumed")
    def _trading_resumed(self) -> None:
        self.trading_stopped = False
