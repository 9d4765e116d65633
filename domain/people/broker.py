"""A broker: one trader's account on one exchange."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.aggregate import Aggregate, Personal, deterministic_id, event
from domain.amounts import is_amount
from domain.refusals import Impossible, Invalid
from domain.webhooks.gates import Gates

LONGEST_NAME = 40
MOST_BARS = 1000


class Venue(StrEnum):
    """The venue of an account, fixed when the broker is connected."""

    PAPER = "paper"
    TESTNET = "testnet"
    LIVE = "live"


class Exchange(StrEnum):
    """The exchanges that the gateway has a native client for."""

    BINANCE = "binance"
    BITGET = "bitget"


class Usage(StrEnum):
    """The source that may trade automatically on a broker. Manual orders are always allowed, except when it is off."""

    OFF = "off"
    STRATEGIES = "strategies"
    WEBHOOKS = "webhooks"


class StopStyle(StrEnum):
    """The style of a resting stop-loss: it sells at the market once triggered, or at a limit below its trigger."""

    MARKET = "market"
    LIMIT = "limit"


@dataclass(frozen=True)
class Limits:
    """The most that entries may spend, in one currency: per order, and per day (UTC). None means no limit."""

    currency: str = "USDT"
    per_order: Decimal | None = None
    per_day: Decimal | None = None

    def check(self) -> None:
        """Raise `Invalid` when a limit is not above zero or the currency is not a valid code."""
        for field in ("per_order", "per_day"):
            amount = getattr(self, field)
            if amount is not None and (not is_amount(amount) or amount <= 0):
                raise Invalid(f"{field} was {amount}", code="limit_invalid", field=field)
        if not (self.currency.isascii() and self.currency.isalnum() and self.currency.isupper()):
            raise Invalid(f"{self.currency!r} is no currency", code="currency_invalid", field="currency")


class Broker(Aggregate):
    """One account on one exchange. Its credentials live in the vault; only their fingerprint is kept here."""

    @event("Connected")
    def __init__(self, number: int, user: int, exchange: Exchange, venue: Venue, name: Personal) -> None:
        self.number = number
        self.user = user
        self.exchange = exchange
        self.venue = venue
        self.name = name
        self.fingerprint: str | None = None
        self.default = False
        self.trading_stopped = False
        self.usage = Usage.WEBHOOKS
        self.limits = Limits()
        self.stop_style = StopStyle.MARKET
        self.oldest_bar: int | None = None
        """The most intervals between the end of a bar and the reception of its entry; None means no limit.

        An entry that was received later is refused.
        """
        self.gates = Gates()
        """The gates with which new streams of webhooks begin."""
        self.removed = False

    @staticmethod
    def create_id(number: int) -> UUID:
        """Return the id of the broker with this number."""
        return deterministic_id("broker", number)

    @classmethod
    def connect(cls, number: int, user: int, exchange: Exchange, venue: Venue, name: str) -> Broker:
        """Connect a new account. Raises `Invalid` for an empty name or one above 40 characters."""
        return cls(number, user, exchange, venue, Personal(checked_name(name)))

    def rename(self, name: str) -> None:
        """Rename it. Raises `Invalid` for an empty name or one above 40 characters."""
        if checked_name(name) != self.name:
            self._renamed(Personal(checked_name(name)))

    def store_credential(self, fingerprint: str) -> None:
        """Record that the vault holds a new key. The fingerprint tells keys apart without showing them."""
        if fingerprint != self.fingerprint:
            self._credential_stored(fingerprint)

    def record_test(self, *, ok: bool, detail: str) -> None:
        """Record a test of the connection; `detail` is the exchange's own wording of a refusal."""
        self._tested(ok, detail)

    def record_markets(self, count: int, *, shared: bool) -> None:
        """Record that the markets are loaded; `shared` when another broker of the same exchange had loaded them."""
        self._markets_loaded(count, shared)

    def make_default(self) -> None:
        """Make it the broker that the console proposes first."""
        if not self.default:
            self._made_default()

    def pass_default_on(self) -> None:
        """Record that another broker is now proposed first."""
        if self.default:
            self._default_passed_on()

    def use_for(self, usage: Usage) -> None:
        """Choose the source that may trade on it automatically."""
        if usage is not self.usage:
            self._usage_changed(usage)

    def limit(self, limits: Limits) -> None:
        """Limit what entries may spend. Raises `Invalid` when the limits are not valid."""
        limits.check()
        if limits != self.limits:
            self._limits_changed(limits)

    def rest_stops_as(self, style: StopStyle) -> None:
        """Choose the style in which stop-losses rest from now on."""
        if style is not self.stop_style:
            self._stop_style_changed(style)

    def refuse_bars_older_than(self, bars: int | None) -> None:
        """Choose how many intervals after its bar an entry may still arrive, 1 to 1000; None means no limit.

        Raises `Invalid` for any other number.
        """
        if bars is not None and not 1 <= bars <= MOST_BARS:
            raise Invalid(f"oldest_bar was {bars}", code="oldest_bar_invalid", field="oldest_bar")
        if bars != self.oldest_bar:
            self._oldest_bar_changed(bars)

    def set_gates(self, gates: Gates) -> None:
        """Choose the gates with which new streams of webhooks begin. Raises `Invalid` for a number out of range."""
        gates.check()
        if gates != self.gates:
            self._gates_set(gates)

    def stop_trading(self) -> None:
        """Halt automatic trading on this broker until it is resumed."""
        if not self.trading_stopped:
            self._trading_stopped()

    def resume_trading(self) -> None:
        """Resume automatic trading on this broker."""
        if self.trading_stopped:
            self._trading_resumed()

    def remove(self, *, orders_open: bool) -> None:
        """Stop using the account but keep its history. Raises `Impossible` while orders are open or unknown."""
        if orders_open:
            raise Impossible(f"{self.name} has orders that have not ended", code="orders_open")
        if not self.removed:
            self._removed()

    # --- events ------------------------------------------------------------------------------------------------

    @event("Renamed")
    def _renamed(self, name: Personal) -> None:
        self.name = name

    @event("CredentialStored")
    def _credential_stored(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint

    @event("Tested")
    def _tested(self, ok: bool, detail: str) -> None:
        pass

    @event("MarketsLoaded")
    def _markets_loaded(self, count: int, shared: bool) -> None:
        pass

    @event("MadeDefault")
    def _made_default(self) -> None:
        self.default = True

    @event("DefaultPassedOn")
    def _default_passed_on(self) -> None:
        self.default = False

    @event("UsageChanged")
    def _usage_changed(self, usage: Usage) -> None:
        self.usage = usage

    @event("LimitsChanged")
    def _limits_changed(self, limits: Limits) -> None:
        self.limits = limits

    @event("StopStyleChanged")
    def _stop_style_changed(self, style: StopStyle) -> None:
        self.stop_style = style

    @event("OldestBarChanged")
    def _oldest_bar_changed(self, bars: int | None) -> None:
        self.oldest_bar = bars

    @event("GatesSet")
    def _gates_set(self, gates: Gates) -> None:
        self.gates = gates

    @event("TradingStopped")
    def _trading_stopped(self) -> None:
        self.trading_stopped = True

    @event("TradingResumed")
    def _trading_resumed(self) -> None:
        self.trading_stopped = False

    @event("Removed")
    def _removed(self) -> None:
        self.removed, self.default = True, False


def checked_name(name: str) -> str:
    """Return a broker's name, trimmed. Raises `Invalid` for an empty one or one above 40 characters."""
    if not 0 < len(name.strip()) <= LONGEST_NAME:
        raise Invalid("a broker needs a name of at most 40 characters", code="broker_name_invalid", field="name")
    return name.strip()
