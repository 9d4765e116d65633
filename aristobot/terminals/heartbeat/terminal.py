"""The heartbeat terminal: the process that listens to the markets and lets the clock of the platform beat."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import uvloop

from adapters.tables.heartbeat import HeartbeatTable
from application.market.beat import SILENT_SIGNALS
from application.market.failover import Source
from application.market.heartbeat import Heartbeat
from application.ports.errors import ExchangeError
from application.ports.market_data import MarketData
from aristobot.following import AWAY
from aristobot.settings import SettingError, Settings
from aristobot.supervision.liveness import Pulse, beat
from aristobot.terminals.heartbeat.exchange_clock import ExchangeClock, since_boot
from aristobot.terminals.heartbeat.listener import PAUSES, Listener
from aristobot.terminals.heartbeat.needs import Needs
from aristobot.terminals.heartbeat.packing import Packer
from aristobot.terminals.heartbeat.teller import Teller
from aristobot.wiring import House
from domain.candles.bar import Bar
from domain.candles.frames import LONGEST
from domain.candles.series import Series, series_of
from domain.candles.timeframes import MINUTE
from domain.market import Market

NAME = "heartbeat"
SYNCHRONISED_EVERY, ASKED_AGAIN = 300.0, 10.0
"""Seconds between two questions for the exchange's time, and after an answer that is not believed yet."""
LONGEST_TICK, LATE_TICK = 1.0, 1.0
"""Seconds between ticks at most, and the delay of one after which messages are read before time passes."""
GATHER_SECONDS, DOUBTS_EVERY, FILLED_EVERY, PACKED_EVERY = 0.3, 0.5, 30.0, 300.0
NEEDS_EVERY = 1.0
SHOWN_EVERY, SHOWN_LINES = 0.5, 60
MOST_LATE = 1440
"""Minutes of a standstill whose signals are told afterwards, as late ones."""


def clock_series(settings: Settings) -> Series:
    """Return the series that is the clock. Raises `SettingError` when the setting names none."""
    try:
        return series_of(settings.clock)
    except ValueError as error:
        raise SettingError(f"ARISTOBOT_CLOCK: {error}") from None


class Terminal:
    """The parts of the heartbeat of one source, and their work beside each other."""

    def __init__(self, house: House, log: Any, source: Source) -> None:
        self._house = house
        self._source = source
        self._log = log
        self._series = clock_series(house.settings)
        self._client: MarketData = house.exchange(self._series.exchange, self._series.venue)
        self._clock = ExchangeClock(self._client)
        self._heartbeat = Heartbeat(self._series)
        self._teller = Teller(house.beats, house.bus, source, lambda: self._clock.now, log)
        self._state = HeartbeatTable(house.pool, source)
        self.pulse = Pulse()
        self._listener: Listener | None = None
        self._needs: Needs | None = None
        self._signalled = (0, since_boot())
        """The end of the newest minute that was signalled, and the time since boot at which that was seen."""
        self._listed: dict[Series, Market] = {}
        """Every market that the clock's exchange lists."""
        self._recording: set[asyncio.Task[None]] = set()

    async def run(self, stopping: threading.Event) -> None:
        """Beat until `stopping`."""
        await self._kept(self._state.started, self._series)
        await self._kept(self._house.beats.forget_old)
        self._teller.start()
        working = asyncio.create_task(self._work())
        waiting = asyncio.create_task(asyncio.to_thread(stopping.wait))
        try:
            await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
        finally:
            stopping.set()
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            await asyncio.to_thread(self._teller.close)
            await self._kept(self._state.stopped)
            await self._client.close()

    async def _work(self) -> None:
        listed = self._listed = await self._markets()
        markets = {series: listed[series] for series in self._wanted() if series in listed}
        listener = self._listener = Listener(
            self._client, markets, self._heartbeat, self._clock, self._teller.tell, self._log
        )
        self._needs = Needs(self._house.bus, self._heartbeat, listener, listed, self._known, self._log)
        listener.connected = lambda: self._later(self._state.connected)
        listener.lost = lambda error: self._later(self._state.lost, error)
        for series in markets:
            self._heartbeat.follow(series)
            minutes = await asyncio.to_thread(self._known, series)
            self._heartbeat.remember(series, minutes)
            if minutes:
                listener.told_until(series, minutes[-1].ended_at)
        if (last := await asyncio.to_thread(self._house.beats.last_signal, self._source)) is not None:
            self._heartbeat.begin_after(max(last, self._clock.now // MINUTE * MINUTE - MOST_LATE * MINUTE))
        async with asyncio.TaskGroup() as group:
            for work in (
                listener.run, self._tick, self._end_doubts, self._fill_others, self._pack, self._watch_teller,
                self._synchronise, self._show, self._look_at_needs,
            ):  # fmt: skip
                group.create_task(work())

    def _known(self, series: Series) -> Sequence[Bar]:
        """Return the newest minutes of a series that are known: rows, or after a long pause those of blocks."""
        now = self._clock.now
        rows = self._house.beats.minutes(series, 2 * LONGEST)
        known = rows or [*self._house.candles.newest(series, "1m", now, 2 * LONGEST).bars(1)]
        # Whatever was imported by mistake: nobody knows the future.
        return [bar for bar in known if bar.ended_at <= now]

    def _wanted(self) -> list[Series]:
        """Return the series of the settings, the clock's first."""
        symbols = dict.fromkeys((self._series.symbol, *self._house.settings.symbols))
        return [Series(self._series.exchange, self._series.venue, symbol) for symbol in symbols]

    async def _markets(self) -> dict[Series, Market]:
        """Return every listed market, after the exchange has told its time. Ask until the clock's is among them."""
        for pause in _repeated(PAUSES):
            self.pulse.turn()
            try:
                await self._clock.synchronise()
                here = (self._series.exchange, self._series.venue)
                listed = {Series(*here, market.symbol): market for market in await self._client.markets()}
            except ExchangeError as error:
                self._log.warning("exchange_silent", error=str(error))
                await self._kept(self._state.lost, str(error))
                await asyncio.sleep(pause)
                continue
            for series in self._wanted():
                if series not in listed:
                    self._log.warning("symbol_unknown", symbol=series.symbol)
            if self._series in listed:
                return listed
            await self._kept(self._state.lost, f"{self._series.symbol} is not listed")
            await asyncio.sleep(pause)
        raise AssertionError("the pauses never end")

    async def _tick(self) -> None:
        loop, listener = asyncio.get_running_loop(), self._listener
        assert listener is not None
        while True:
            left = (self._heartbeat.due() - self._clock.now) / 1000
            planned = min(max(left, 0.005), LONGEST_TICK)
            before = loop.time()
            await asyncio.sleep(planned)
            if loop.time() - before - planned > LATE_TICK:
                # We stood still: what came meanwhile is heard before time closes anything.
                await asyncio.sleep(GATHER_SECONDS)
            listener.tick()
            self.pulse.turn()

    async def _end_doubts(self) -> None:
        assert self._listener is not None
        while True:
            await asyncio.sleep(DOUBTS_EVERY)
            if self._heartbeat.listening:
                await self._listener.end_doubts()

    async def _fill_others(self) -> None:
        assert self._listener is not None
        while True:
            await asyncio.sleep(FILLED_EVERY)
            if self._heartbeat.listening:
                await self._listener.fill_others()

    async def _pack(self) -> None:
        """Close blocks of old minutes. One source does, and not in the first seconds, when others have more to do."""
        packer = Packer(self._house.candles, self._client, self._listed, self._teller.tell, self._log)
        while self._source is Source.PRIMARY:
            await asyncio.sleep(PACKED_EVERY)
            await packer.pack()

    async def _look_at_needs(self) -> None:
        """Follow what others need, while they do."""
        assert self._needs is not None
        while True:
            await asyncio.sleep(NEEDS_EVERY)
            if self._heartbeat.listening:
                await self._needs.look()

    async def _watch_teller(self) -> None:
        """End this process when nothing is told any more: the next one tells what is stored."""
        await asyncio.to_thread(self._teller.wait)
        raise RuntimeError("the teller has ended")

    async def _show(self) -> None:
        """Publish the raw stream while a page shows it, at most two times a second."""
        assert self._listener is not None
        lines: deque[str] = deque(maxlen=SHOWN_LINES)
        while True:
            await asyncio.sleep(SHOWN_EVERY)
            wanted = await asyncio.to_thread(self._house.bus.is_raw_wanted)
            self._listener.raw = lines.append if wanted else None
            if lines:
                await asyncio.to_thread(self._house.bus.tell_beat, self._source, {"raw": [*lines]})
                lines.clear()

    async def _synchronise(self) -> None:
        pause = SYNCHRONISED_EVERY
        while True:
            await asyncio.sleep(pause)
            try:
                pause = SYNCHRONISED_EVERY if await self._clock.synchronise() else ASKED_AGAIN
            except ExchangeError as error:
                self._log.warning("clock_not_synchronised", error=str(error))

    async def _kept(self, record: Callable[..., None], *values: Any) -> None:
        """Record the state. It is no reason to stop that the database is away."""
        try:
            await asyncio.to_thread(record, *values)
        except AWAY as error:
            self._log.warning("database_away", error=str(error))

    def _later(self, record: Callable[..., None], *values: Any) -> None:
        task = asyncio.create_task(self._kept(record, *values))
        self._recording.add(task)
        task.add_done_callback(self._recording.discard)

    def figures(self) -> dict[str, Any]:
        """Return the figures that health and the heartbeat page show."""
        heartbeat, listener = self._heartbeat, self._listener
        missed = self._missed()
        return {
            "clock": str(self._series),
            "connected": heartbeat.listening,
            "coherent": heartbeat.coherent,
            "missing": [*heartbeat.missing],
            "running": {str(series): _told(bar) for series in heartbeat.series if (bar := heartbeat.running(series))},
            "gaps": {str(series): gaps for series, gaps in heartbeat.gaps.items()},
            "silent": missed if missed >= SILENT_SIGNALS else 0,
            "signalled": heartbeat.signalled,
            "now": heartbeat.clock.now,
            "heard_at": 0 if listener is None else listener.heard_at,
            "malformed": 0 if listener is None else listener.malformed,
            "series": len(heartbeat.series),
            "waiting": self._teller.waiting,
            "ahead_ms": round(self._clock.ahead, 1),
        }

    def _missed(self) -> int:
        """Return the number of minutes that have ended without a signal, by the exchange's time or the time since boot.

        The exchange is not heard, or its clock was set back.
        """
        signalled, now = self._heartbeat.signalled, since_boot()
        if signalled != self._signalled[0]:
            self._signalled = (signalled, now)
        if not signalled:
            return 0
        passed = int(now - self._signalled[1]) // MINUTE
        return passed if self._heartbeat.listening else max((self._clock.now - signalled) // MINUTE, passed)


def _told(bar: Bar) -> dict[str, Any]:
    """Return a running minute as the console is told of it."""
    prices = {name: f"{getattr(bar, name):f}" for name in ("open", "high", "low", "close", "volume")}
    return {"opened_at": bar.opened_at, "trades": bar.trades, **prices}


def _repeated(pauses: tuple[float, ...]) -> Iterator[float]:
    yield from pauses
    while True:
        yield pauses[-1]


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Run the heartbeat until `stopping`."""
    source = Source(house.settings.source)
    name = NAME if source is Source.PRIMARY else f"{NAME}_{source}"

    async def work() -> None:
        terminal = Terminal(house, log, source)
        beat(house.bus, name, terminal.figures, stopping, terminal.pulse)
        await terminal.run(stopping)

    uvloop.run(work())
