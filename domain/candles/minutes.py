"""Minutes: the one-minute bars of one market, from its public trades and the exchange's own candles.

A minute is closed once: by the first trade of a later one, by the clock, or by the exchange's own closed candle. What
the trade ids prove complete is told at once. What they do not is a doubt: nothing is told until the exchange's own
candle, or a later trade, ends it. Nothing is ever invented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.amounts import ZERO
from domain.candles.bar import Bar, MarketTrade, Proof, bar_of, flat
from domain.candles.timeframes import MINUTE, minute_of

REMEMBERED = 240
"""Minutes for which a closed bar is remembered, for those who witness it later."""
MOST_AT_ONCE = 1440
"""Minutes that are ended at once at most, after a standstill or a candle of long ago. Those before stay missing."""
RESTARTED_AFTER = 5000
"""Milliseconds by which a trade with a lower id is newer, once the exchange counts its trades anew."""


class Reason(StrEnum):
    """The reason for which a minute cannot be told from its trades alone."""

    PARTIAL = "partial"
    """We began to listen in its middle."""
    HOLE = "hole"
    """Trade ids are missing."""
    QUIET = "quiet"
    """There was no trade, as far as we know."""
    UNPROVED = "unproved"
    """The clock has closed it, and nothing has proved yet that its last trade was met."""


@dataclass(frozen=True)
class Closed:
    """A minute is closed, and this is its bar."""

    bar: Bar


@dataclass(frozen=True)
class Settled:
    """A bar that was told is better proved now."""

    bar: Bar


@dataclass(frozen=True)
class Corrected:
    """A bar that was told was wrong."""

    before: Bar
    after: Bar


@dataclass(frozen=True)
class Doubted:
    """A minute has ended, and its bar is not known yet."""

    opened_at: int
    reason: Reason


Outcome = Closed | Settled | Corrected | Doubted


class Minutes:
    """The minutes of one market. Every method returns what became of them, oldest first."""

    def __init__(self) -> None:
        self._last: MarketTrade | None = None
        """The newest trade."""
        self._minute: int | None = None
        """The opening time of the running minute; None before the first trade or candle."""
        self._running: Bar | None = None
        """The bar of it so far; None before its first trade."""
        self._reason: Reason | None = Reason.PARTIAL
        """The reason for which the running minute will be in doubt."""
        self._provable_from = 0
        """The opening time from which on no trade is known to be missing."""
        self._heard: dict[int, Bar] = {}
        """The bars of doubted minutes as far as their trades were heard, whose number the exchange may not tell."""
        self._told: dict[int, Bar] = {}
        self._doubts: dict[int, Reason] = {}

    @property
    def doubts(self) -> dict[int, Reason]:
        """The minutes that have ended without a bar, by opening time, oldest first."""
        return dict(sorted(self._doubts.items()))

    @property
    def questions(self) -> dict[int, Reason]:
        """The minutes of which the exchange can tell more: those in doubt, and those told by the clock alone."""
        unproved = {at: Reason.UNPROVED for at, bar in self._told.items() if bar.proof is Proof.TIMED}
        return dict(sorted((unproved | self._doubts).items()))

    @property
    def running(self) -> Bar | None:
        """The bar of the running minute so far; None before its first trade."""
        return self._running

    def hear(self, trade: MarketTrade) -> list[Outcome]:
        """Take in a trade. One that was met before is ignored, so that two connections may overlap."""
        if self._last is not None and trade.id <= self._last.id and trade.at <= self._last.at + RESTARTED_AFTER:
            return []
        before = self._last
        follows = before is not None and trade.id == before.id + 1
        minute, outcomes = minute_of(trade.at), list[Outcome]()
        if self._minute is None:
            self._minute = minute
        elif minute > self._minute:
            outcomes = self._advance(minute, before if follows else None)
        self._last = trade
        if not follows:
            # The missing trades may belong to any minute that was told by the clock alone.
            self._provable_from = self._minute
        if minute < self._minute:
            quiet = self._prove(minute, before) if follows and before is not None else []
            return [*outcomes, *quiet, *self._late(trade, minute)]
        if not follows:
            self._reason = self._reason or Reason.HOLE
        elif self._running is None and not outcomes and before is not None:
            outcomes = self._prove(minute, before)
        self._running = bar_of(trade, minute) if self._running is None else self._running.with_trade(trade)
        return outcomes

    def _advance(self, minute: int, before: MarketTrade | None) -> list[Outcome]:
        """Close every minute before this one. `before` is the trade that the first one of this minute follows."""
        outcomes = [] if before is None else self._prove(minute, before)
        self._skip(minute)
        while self._minute is not None and self._minute < minute:
            outcomes.append(self._end(None if before is None else Proof.PROVED, before))
        return outcomes

    def _prove(self, minute: int, last: MarketTrade) -> list[Outcome]:
        """Prove what was told by the clock, or is doubted as quiet, before this minute: no trade is missing.

        `last` is the last trade before it, at whose price every quiet minute stands.
        """
        outcomes = list[Outcome]()
        for opened_at, reason in self.doubts.items():
            if self._provable_from <= opened_at < minute and reason is Reason.QUIET:
                outcomes.append(self._tell(flat(opened_at, last.price, Proof.PROVED)))
        for opened_at, bar in [*self._told.items()]:
            if self._provable_from <= opened_at < minute and bar.proof is Proof.TIMED:
                self._told[opened_at] = bar.proved_by(Proof.PROVED)
                outcomes.append(Settled(self._told[opened_at]))
        return outcomes

    def _end(self, proof: Proof | None, last: MarketTrade | None = None) -> Outcome:
        """End the running minute with this proof, or in doubt, and begin the next.

        `last` is the last trade before the next one, if that is known.
        """
        assert self._minute is not None
        opened_at, running, reason = self._minute, self._running, self._reason
        self._minute, self._running, self._reason = opened_at + MINUTE, None, None
        if reason is None and running is not None and proof is not None:
            return self._tell(running.proved_by(proof))
        if reason is None and running is None and proof is not None and last is not None:
            return self._tell(flat(opened_at, last.price, proof))
        doubt = reason or (Reason.QUIET if running is None and proof is not None else Reason.HOLE)
        self._doubts[opened_at] = doubt
        if running is not None:
            self._heard[opened_at] = running
        return Doubted(opened_at, doubt)

    def _tell(self, bar: Bar) -> Closed:
        self._told[bar.opened_at] = bar
        self._doubts.pop(bar.opened_at, None)
        for known in (self._told, self._heard):
            for old in [one for one in known if one < bar.opened_at - REMEMBERED * MINUTE]:
                del known[old]
        return Closed(bar)

    def _late(self, trade: MarketTrade, minute: int) -> list[Outcome]:
        """Correct the bar of a minute that the clock had closed before its last trade came.

        It may not be the last one: the bar is as good as one that the clock has closed.
        """
        if minute in self._doubts:
            self._doubts[minute] = Reason.HOLE  # it was not quiet, and what else was traded is not known
        before = self._told.get(minute)
        if before is None or before.proof is Proof.CONFIRMED:
            return []
        after = before.with_trade(trade).proved_by(Proof.TIMED)
        self._told[minute] = after
        return [Corrected(before, after)]

    def recall(self, bars: Sequence[Bar]) -> None:
        """Take in what an earlier process has told. What it left open is open again, and no trade of ours proves it."""
        known = {bar.opened_at: bar for bar in bars[-REMEMBERED:]}
        self._told |= known
        if known:
            first, last = min(known), max(known)
            self._doubts |= {at: Reason.HOLE for at in range(first, last, MINUTE) if at not in known}
            self._provable_from = last + MINUTE

    def give_up(self, opened_at: int) -> None:
        """Doubt a minute no longer: the exchange has later candles and none of it. It stays missing.

        A quiet minute stays in doubt until the next trade, which may still prove it, but no longer than it would be
        remembered.
        """
        quiet = self._doubts.get(opened_at) is Reason.QUIET and self._provable_from <= opened_at
        recent = self._minute is not None and self._minute - opened_at <= REMEMBERED * MINUTE
        if not (quiet and recent and self._last is not None and self._last.at < opened_at):
            self._doubts.pop(opened_at, None)
            self._heard.pop(opened_at, None)

    def close(self, now: int) -> list[Outcome]:
        """Close every minute that has ended by this time of the market's clock."""
        outcomes = list[Outcome]()
        self._skip(minute_of(now))
        while self._minute is not None and self._minute + MINUTE <= now:
            outcomes.append(self._end(Proof.TIMED))
        return outcomes

    def _skip(self, minute: int) -> None:
        """Leave out what is too far before the minute that runs now."""
        first = minute - MOST_AT_ONCE * MINUTE
        if self._minute is not None and self._minute < first:
            self._minute, self._running, self._reason = first, None, Reason.HOLE

    def witness(self, candle: Bar) -> list[Outcome]:
        """Take in the exchange's own closed candle of a minute: it confirms, ends a doubt, or corrects.

        One whose first trade follows our last proves all before it, as that trade would have.
        """
        if self._minute is None:
            self._minute = candle.opened_at
        follows = self._last is not None and candle.first_id == self._last.id + 1
        outcomes = self._advance(candle.opened_at, self._last if follows else None)
        opened_at = candle.opened_at
        heard = self._heard.pop(opened_at, None)
        if opened_at == self._minute:
            heard = self._running
            self._minute, self._running, self._reason = candle.ended_at, None, None
        if self._last is not None and candle.first_id is not None and candle.first_id > self._last.id + 1:
            self._provable_from = max(self._provable_from, opened_at)  # trades before it are missing
        if candle.last_id is not None and (self._last is None or candle.last_id > self._last.id):
            # Trades up to here are in the candle; the next one continues from it.
            self._last = MarketTrade(candle.last_id, candle.close, ZERO, candle.ended_at - 1)
        before = self._told.get(opened_at)
        if before is None:
            whole = heard if heard is not None and heard.says_the_same(candle) else candle
            return [*outcomes, self._tell(whole.proved_by(Proof.CONFIRMED))]
        if before.says_the_same(candle):
            if before.proof is Proof.CONFIRMED:
                return outcomes
            self._told[opened_at] = before.proved_by(Proof.CONFIRMED)
            return [*outcomes, Settled(self._told[opened_at])]
        self._told[opened_at] = candle.proved_by(Proof.CORRECTED)
        return [*outcomes, Corrected(before, self._told[opened_at])]
