"""Bars and the public trades that they are made of. Prices are in quote, quantities in base, times in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from domain.amounts import ZERO
from domain.candles.timeframes import MINUTE


@dataclass(frozen=True, slots=True)
class MarketTrade:
    """One public trade of a market. The ids of a market are consecutive."""

    id: int
    price: Decimal
    quantity: Decimal
    at: int


class Proof(StrEnum):
    """The reason to believe a bar, the weakest first.

    `timed`: the clock closed it, and no trade is known to be missing. `proved`: the trade ids run on into a later
    minute. `confirmed`: the exchange's own closed candle says the same, or is the bar. `corrected`: the exchange's own
    candle, or a late trade, replaced what we had told. `imported`: a person has brought it from a file.
    """

    TIMED = "timed"
    PROVED = "proved"
    CONFIRMED = "confirmed"
    CORRECTED = "corrected"
    IMPORTED = "imported"


STRENGTH = {Proof.TIMED: 0, Proof.IMPORTED: 1, Proof.CORRECTED: 1, Proof.PROVED: 1, Proof.CONFIRMED: 2}


@dataclass(frozen=True, slots=True)
class Bar:
    """A closed bar of so many minutes. Its ids are those of its first and last trade, None without trades.

    `trades` is at least 1 where somebody traded: some exchanges do not tell how many trades a candle has.
    """

    opened_at: int
    minutes: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int
    first_id: int | None
    last_id: int | None
    proof: Proof

    @property
    def ended_at(self) -> int:
        """The time at which it ended, which no longer belongs to it."""
        return self.opened_at + self.minutes * MINUTE

    @property
    def amounts(self) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal]:
        """Open, high, low, close and volume."""
        return self.open, self.high, self.low, self.close, self.volume

    def says_the_same(self, other: Bar) -> bool:
        """Return whether both tell the same prices and volume, and the same trades as far as both name them."""
        mine, theirs = ((one.opened_at, one.minutes, one.amounts) for one in (self, other))
        named = self.first_id is not None and other.first_id is not None
        return mine == theirs and (not named or (self.first_id, self.last_id) == (other.first_id, other.last_id))

    def with_trade(self, trade: MarketTrade) -> Bar:
        """Return the bar with one more trade, the newest of its minute."""
        return replace(
            self, high=max(self.high, trade.price), low=min(self.low, trade.price), close=trade.price,
            volume=self.volume + trade.quantity, trades=self.trades + 1,
            first_id=trade.id if self.first_id is None else self.first_id, last_id=trade.id,
        )  # fmt: skip

    def proved_by(self, proof: Proof) -> Bar:
        """Return the bar with another proof."""
        return replace(self, proof=proof)


def check_bar(bar: Bar) -> None:
    """Raise `ValueError` unless the bar is one that a market can have: a whole minute, with prices in their order."""
    inside = ZERO < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
    finite = all(amount.is_finite() for amount in bar.amounts)
    counted = 0 <= bar.trades < 2**31 and all(one is None or 0 <= one < 2**63 for one in (bar.first_id, bar.last_id))
    if not finite or bar.opened_at % MINUTE or not inside or bar.volume < ZERO or not counted:
        raise ValueError(f"no bar of a market: {bar}")


def bar_of(trade: MarketTrade, opened_at: int) -> Bar:
    """Return the bar of one minute that begins with a trade."""
    price = trade.price
    return Bar(
        opened_at, 1, price, price, price, price, trade.quantity, 1, trade.id, trade.id, Proof.TIMED,
    )  # fmt: skip


def flat(opened_at: int, close: Decimal, proof: Proof) -> Bar:
    """Return the bar of a minute without trades: it stands at the close before it."""
    return Bar(opened_at, 1, close, close, close, close, Decimal(0), 0, None, None, proof)


def joined(bars: Sequence[Bar]) -> Bar:
    """Return consecutive bars as one. It is as well proved as the weakest of them."""
    first, last = bars[0], bars[-1]
    firsts, lasts = (
        [i for i in ids if i is not None] for ids in ((b.first_id for b in bars), (b.last_id for b in bars))
    )
    return Bar(
        first.opened_at, sum(bar.minutes for bar in bars), first.open, max(bar.high for bar in bars),
        min(bar.low for bar in bars), last.close, sum((bar.volume for bar in bars), Decimal(0)),
        sum(bar.trades for bar in bars), firsts[0] if firsts else None, lasts[-1] if lasts else None,
        min((bar.proof for bar in bars), key=lambda proof: STRENGTH[proof]),
    )  # fmt: skip
