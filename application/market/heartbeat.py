"""The heartbeat: from public trades, candles and the passing of time to signals and bars. It reads and sends nothing.

The clock never waits for a bar: its signals follow the market's clock alone. A bar that is in doubt is told when the
doubt ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from application.market.beat import TICK, Beat, Doubt, Signal, Telling, ToldBar
from domain.candles.bar import Bar, MarketTrade
from domain.candles.clock import GRACE, MarketClock
from domain.candles.frames import Frames
from domain.candles.minutes import Closed, Corrected, Doubted, Minutes, Outcome, Settled
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE, closing, minute_of

WITNESS_WITHIN = 2500
"""Milliseconds after the end of a minute for which the stream's own candle is awaited, before the exchange is asked."""


class Heartbeat:
    """The bars of all followed series, and the clock. `clock_series` is the one whose stream makes the clock beat."""

    def __init__(self, clock_series: Series, followed: Iterable[Series] = ()) -> None:
        self.clock_series = clock_series
        self.clock = MarketClock()
        self.listening = False
        """True while the stream of the clock's series is connected and its gaps are filled."""
        self._minutes = {one: Minutes() for one in (clock_series, *followed)}
        self._frames = {one: Frames() for one in self._minutes}
        self._next: int | None = None
        """The end of the next minute that the clock has to signal."""
        self._ticks = 0
        """The number of the last ten seconds, since 1970, that the clock has passed."""

    @property
    def series(self) -> Sequence[Series]:
        """The followed series, the clock's first."""
        return [*self._minutes]

    @property
    def missing(self) -> list[int]:
        """The minutes of the clock's series that are in doubt, by opening time."""
        return [*self._minutes[self.clock_series].doubts]

    @property
    def gaps(self) -> dict[Series, int]:
        """The number of missing minutes of each series among those remembered."""
        return {series: len(frames.missing) for series, frames in self._frames.items()}

    @property
    def signalled(self) -> int:
        """The end of the newest minute that was signalled, 0 before the first."""
        return 0 if self._next is None else self._next - MINUTE

    @property
    def coherent(self) -> bool:
        """False while the market's clock disagrees with ours, or a minute of the clock's series is missing."""
        waits = [at for at in self.missing if self.clock.now - at - MINUTE > 2 * WITNESS_WITHIN]
        return self.clock.coherent and not waits

    def running(self, series: Series) -> Bar | None:
        """Return the running minute of a series, None before its first trade."""
        return self._minutes[series].running

    def follow(self, series: Series) -> None:
        """Follow one more series."""
        self._minutes.setdefault(series, Minutes())
        self._frames.setdefault(series, Frames())

    def unfollow(self, series: Series) -> None:
        """Give up a series, unless it is the clock's."""
        if series != self.clock_series:
            self._minutes.pop(series, None)
            self._frames.pop(series, None)

    def remember(self, series: Series, minutes: Sequence[Bar]) -> None:
        """Take in minutes that an earlier process has told. What it left in doubt is in doubt again."""
        self._frames[series].remember([*minutes])
        self._minutes[series].recall(minutes)

    def begin_after(self, end: int) -> None:
        """Signal the minutes that end after this one, late or not: an earlier process has signalled it."""
        self._next = end + MINUTE

    def give_up(self, series: Series, opened_at: int) -> None:
        """Doubt a minute no longer: its exchange has later candles and none of it. It stays a gap."""
        if series in self._minutes:
            self._minutes[series].give_up(opened_at)

    def hear(self, series: Series, trade: MarketTrade, synchronised: int) -> Beat:
        """Take in a trade. `synchronised` is our clock, corrected by its offset from the exchange's.

        A trade whose time is not believable is left out: its id leaves a hole, which puts its minute in doubt.
        """
        self.clock.hear(trade.at, synchronised)
        beat = Beat()
        if series in self._minutes and self._is_believed(trade, synchronised):
            if series == self.clock_series:
                self._beat(beat, min(trade.at, self.clock.now))
            self._take(beat, series, self._minutes[series].hear(trade))
        return beat

    def _is_believed(self, trade: MarketTrade, synchronised: int) -> bool:
        """Return whether a trade may be true. It may be late, when we were, but not of the future or of another day."""
        return not self.clock.is_ahead(trade.at, synchronised) and synchronised - trade.at < 1440 * MINUTE

    def witness(self, series: Series, candle: Bar, synchronised: int) -> Beat:
        """Take in the exchange's own closed candle of a minute, unless it is of the future.

        That of the clock's series says that the minute has ended.
        """
        beat = Beat()
        if series in self._minutes and not self.clock.is_ahead(candle.ended_at, synchronised):
            if series == self.clock_series:
                self._beat(beat, candle.ended_at)
            self._take(beat, series, self._minutes[series].witness(candle))
        return beat

    def tick(self, synchronised: int) -> Beat:
        """Let time pass. Minutes end by the clock only while it is listened to: a gap is filled before."""
        now, beat = self.clock.tick(synchronised), Beat()
        if self.listening:
            beat.ticked_at = self._ticked(now)
            self._beat(beat, now - GRACE)
            for series, minutes in self._minutes.items():
                self._take(beat, series, minutes.close(now - GRACE))
        return beat

    def _ticked(self, now: int) -> int | None:
        """Return the whole ten seconds that have passed since the last tick, None while they have not."""
        before, self._ticks = self._ticks, now // TICK
        return self._ticks * TICK if 0 < before < self._ticks else None

    def due(self) -> int:
        """Return the time of the market's clock at which the next minute ends by itself."""
        return minute_of(self.clock.now - GRACE) + MINUTE + GRACE

    def overdue(self) -> list[Doubt]:
        """Return the questions whose witness did not come in time, oldest first: the exchange has to be asked."""
        found = [
            Doubt(series, opened_at, reason)
            for series, minutes in self._minutes.items()
            for opened_at, reason in minutes.questions.items()
            if self.clock.now - opened_at - MINUTE > WITNESS_WITHIN
        ]
        return sorted(found, key=lambda doubt: doubt.opened_at)

    # --- telling -----------------------------------------------------------------------------------------------

    def _beat(self, beat: Beat, now: int) -> None:
        """Signal every minute that has ended, oldest first, the shorter timeframes of each before the longer ones."""
        if not self.listening:
            return
        if self._next is None:
            self._next = minute_of(now) + MINUTE
        while self._next <= now:
            emitted_at = max(self.clock.now, self._next)
            beat.signals += [Signal(timeframe, self._next, emitted_at) for timeframe in closing(self._next)]
            self._next += MINUTE

    def _take(self, beat: Beat, series: Series, outcomes: Sequence[Outcome]) -> None:
        frames = self._frames[series]
        for outcome in outcomes:
            match outcome:
                case Closed(bar):
                    told = [bar, *frames.add(bar)]
                    beat.bars += [ToldBar(series, one, Telling.CLOSED) for one in told]
                case Settled(bar):
                    frames.remember([bar])
                    beat.bars.append(ToldBar(series, bar, Telling.SETTLED))
                case Corrected(before, after):
                    beat.bars.append(ToldBar(series, after, Telling.CORRECTED, before))
                    beat.bars += [ToldBar(series, one, Telling.CORRECTED) for one in frames.correct(after)]
                case Doubted(opened_at, reason):
                    frames.end(opened_at + MINUTE)
                    beat.doubts.append(Doubt(series, opened_at, reason))
