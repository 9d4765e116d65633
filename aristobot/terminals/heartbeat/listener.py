"""The listener: one connection to the public streams of an exchange, another before it ends, and the gaps between."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

from application.market.beat import Beat
from application.market.heartbeat import Heartbeat
from application.ports.errors import ExchangeError, NoAnswer
from application.ports.market_data import Ending, Malformed, MarketData, MarketEvent, SeenCandle, SeenTrade
from aristobot.terminals.heartbeat.exchange_clock import ExchangeClock
from domain.candles.bar import Bar
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE, moment
from domain.market import Market

PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before each attempt to connect again; the last one is repeated."""
LIFE_SECONDS, LIFE_SPREAD = 23 * 3600.0, 1800.0
"""Seconds after which a connection is replaced, before Binance ends it after 24 hours, and the spread of it."""
SILENT_SECONDS = 10.0
"""Seconds without a message after which a connection counts as dead: candles alone come every two seconds."""
HANDOVER_SECONDS = 10.0
PAST = 500
"""Minutes that are read at the first start: the longest bar and the time until it closes need 480."""
PAGE = 1000
SHORTEST_QUESTION, LONGEST_QUESTION = 1.0, 60.0
"""Seconds between two questions about one series: each pause is twice the one before."""


class Listener:
    """The hearing of one exchange at one venue for a heartbeat."""

    def __init__(
        self,
        market_data: MarketData,
        markets: dict[Series, Market],
        heartbeat: Heartbeat,
        clock: ExchangeClock,
        tell: Callable[[Beat], None],
        log: Any,
    ) -> None:
        self._market_data = market_data
        self.markets = markets
        """The followed series with their markets."""
        self._series = {market.native: series for series, market in markets.items()}
        self._heartbeat = heartbeat
        self._clock = clock
        self._tell = tell
        self._log = log
        self._ending = asyncio.Event()
        self._told: dict[Series, int] = {}
        """The end of the newest minute that was told, by series."""
        self._marks: dict[Series, int] = {}
        """The end of the newest minute up to which each series is known without a gap."""
        self._unfilled: set[Series] = {*markets}
        """The series whose gap is not filled yet."""
        self._asked: dict[Series, tuple[float, float]] = {}
        """The time of the last question about doubts by series, and the pause after it (seconds)."""
        self.heard_at = 0
        """The exchange's time at the last message, 0 before one came."""
        self.malformed = 0
        self.raw: Callable[[str], None] | None = None
        """Takes every raw message while a page shows them."""
        self.connected: Callable[[], None] = lambda: None
        self.lost: Callable[[str], None] = lambda _: None

    def follow(self, series: Series, market: Market) -> None:
        """Hear one more series, over a new connection, and read its minutes so far."""
        self.markets[series] = market
        self._series[market.native] = series
        self._unfilled.add(series)
        self._ending.set()

    def unfollow(self, series: Series) -> None:
        """Hear a series no longer."""
        market = self.markets.pop(series)
        del self._series[market.native]
        self._unfilled.discard(series)
        for kept in (self._told, self._marks, self._asked):
            kept.pop(series, None)
        self._ending.set()

    def told_until(self, series: Series, end: int) -> None:
        """Note that the minutes of a series up to here are known: the gap begins there."""
        self._marks[series] = end

    async def run(self) -> None:
        """Listen for ever. A connection that ends is made anew, after growing pauses while that fails."""
        failures = 0
        while True:
            try:
                await self._listen()
            except ExchangeError as error:
                failures = 0 if self._heartbeat.listening else failures + 1
                self._heartbeat.listening = False
                self._log.warning("stream_ended", error=str(error), failures=failures)
                self.lost(str(error))
            await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])

    async def _listen(self) -> None:
        """Listen until the connection is lost. It is replaced before it ends. Raises as `MarketData.market_stream`."""
        self._remember_marks()
        current = await self._opened()
        try:
            await self.fill()
            self._heartbeat.listening = True
            self.connected()
            while True:
                life = LIFE_SECONDS + random.uniform(0, LIFE_SPREAD)  # noqa: S311 - a spread, not a secret
                announced = asyncio.create_task(self._ending.wait())
                await asyncio.wait({current, announced}, timeout=life, return_when=asyncio.FIRST_COMPLETED)
                announced.cancel()
                if current.done():
                    await current
                self._ending.clear()
                self._log.info("hand_over")
                current = await self._handed_over(current)
        finally:
            current.cancel()

    async def _handed_over(self, current: asyncio.Task[None]) -> asyncio.Task[None]:
        """Return a new connection, or the present one while no other can be had. Both are heard for a moment.

        What comes twice is known by its id.
        """
        try:
            following = await self._opened()
        except ExchangeError as error:
            self._log.warning("not_handed_over", error=str(error))
            await asyncio.wait({current}, timeout=PAUSES[-1])
            self._ending.set()
            return current
        current.cancel()
        return following

    async def _opened(self) -> asyncio.Task[None]:
        """Open a connection and wait for its first message. Raises as `MarketData.market_stream`."""
        first = asyncio.Event()
        pumping = asyncio.create_task(self._pump(first))
        waiting = asyncio.create_task(first.wait())
        await asyncio.wait({pumping, waiting}, timeout=HANDOVER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if pumping.done():
            await pumping
        if not first.is_set():
            pumping.cancel()
            raise NoAnswer("a new connection stayed silent", code="stream_broken")
        return pumping

    async def _pump(self, first: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(HANDOVER_SECONDS) as patience:
                async for event, raw in self._market_data.market_stream([*self._series]):
                    patience.reschedule(loop.time() + SILENT_SECONDS)
                    first.set()
                    self.heard_at = self._clock.now
                    self._hear(event)
                    if self.raw is not None:
                        self.raw(raw)
        except TimeoutError:
            raise NoAnswer(f"no message for {SILENT_SECONDS:.0f} s", code="stream_silent") from None
        raise NoAnswer("the stream ended", code="stream_broken")

    def _hear(self, event: MarketEvent) -> None:
        match event:
            case SeenTrade(native, trade, sent_at):
                self._heartbeat.clock.hear(sent_at, self._clock.now)
                if (series := self._series.get(native)) is not None:
                    self._told_of(self._heartbeat.hear(series, trade, self._clock.now))
            case SeenCandle(native, candle, _):
                if (series := self._series.get(native)) is not None:
                    self._told_of(self._heartbeat.witness(series, candle, self._clock.now))
            case Ending():
                self._ending.set()
            case Malformed(raw):
                self.malformed += 1
                self._log.warning("message_malformed", raw=raw[:200])

    def _told_of(self, beat: Beat) -> None:
        if beat:
            for told in beat.bars:
                if told.bar.minutes == 1:
                    self._told[told.series] = max(self._told.get(told.series, 0), told.bar.ended_at)
            self._tell(beat)

    def tick(self) -> None:
        """Let time pass."""
        self._told_of(self._heartbeat.tick(self._clock.now))

    # --- gaps --------------------------------------------------------------------------------------------------

    async def fill(self) -> None:
        """Read the minutes that are missing since the mark of every series, the clock's first, oldest first.

        Raises as `MarketData.bars` when the clock's own are not told. A series whose minutes are not told is read
        again later: no other waits for it.
        """
        self._unfilled = {*self.markets}
        await self._fill(self._heartbeat.clock_series)
        await self.fill_others()

    async def fill_others(self) -> None:
        """Read the missing minutes of the series that could not be read before."""
        for series in [*self._unfilled]:
            try:
                if series in self.markets:  # it may have been given up meanwhile
                    await self._fill(series)
            except ExchangeError as error:
                self._log.warning("gap_not_filled", series=str(series), error=str(error))

    async def _fill(self, series: Series) -> None:
        since = self._marks.get(series, self._clock.now // MINUTE * MINUTE - PAST * MINUTE)
        while True:
            bars = await self._read(series, since)
            if series not in self.markets:
                return
            since = bars[-1].ended_at if bars else since
            if len(bars) < PAGE - 1:  # the last page ends with the running minute, which is not told
                break
        self._unfilled.discard(series)
        self._marks[series] = max(since, self._told.get(series, 0))

    def _remember_marks(self) -> None:
        """Mark how far each series is known without a gap, before the next connection tells newer minutes."""
        for series in self.markets.keys() - self._unfilled:
            self._marks[series] = max(self._marks[series], self._told.get(series, 0))

    async def _read(self, series: Series, since: int) -> Sequence[Bar]:
        """Ask the exchange for the minutes of a series from this one on. Raises as `MarketData.bars`."""
        market = self.markets.get(series)
        bars = [] if market is None else await self._market_data.bars(market, "1m", moment(since))
        for bar in bars:
            self._told_of(self._heartbeat.witness(series, bar, self._clock.now))
        return bars

    async def end_doubts(self) -> None:
        """Ask the exchange about minutes whose candle did not come: one question a series, after growing pauses.

        A minute of which it has no candle, but later ones, is doubted no longer.
        """
        asked = self._asked
        now = asyncio.get_running_loop().time()
        oldest: dict[Series, int] = {}
        for doubt in self._heartbeat.overdue():
            oldest.setdefault(doubt.series, doubt.opened_at)
        for series in asked.keys() - oldest.keys():
            del asked[series]
        for series, opened_at in oldest.items():
            last, pause = asked.get(series, (0.0, 0.0))
            if now - last < pause:
                continue
            asked[series] = (now, min(max(pause * 2, SHORTEST_QUESTION), LONGEST_QUESTION))
            try:
                bars = await self._read(series, opened_at)
            except ExchangeError as error:
                self._log.warning("doubt_not_ended", series=str(series), error=str(error))
                continue
            if series not in self.markets:
                continue
            told = {bar.opened_at for bar in bars}
            for absent in range(opened_at, max(told, default=opened_at), MINUTE):
                if absent not in told:
                    self._heartbeat.give_up(series, absent)
