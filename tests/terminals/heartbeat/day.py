"""A day of the heartbeat: the paper exchange, and a listener on a clock that the test turns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from adapters.exchanges.binance.client import Binance, paper_hosts
from adapters.exchanges.bitget.client import Bitget
from adapters.exchanges.bitget.client import paper_hosts as bitget_hosts
from adapters.paper.faults import Fault
from adapters.paper.server import HOST, PaperServer
from application.market.beat import Beat, Signal, ToldBar
from application.market.heartbeat import Heartbeat
from aristobot.terminals.heartbeat import listener as listening
from aristobot.terminals.heartbeat.listener import Listener
from domain.candles.bar import Bar
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE
from domain.market import Market
from tests.support.log import Log
from tests.support.ports import neighbours

CLIENTS = {"binance": (Binance, paper_hosts, 1), "bitget": (Bitget, bitget_hosts, 2)}
"""Each exchange's client, its hosts, and the port of its face of the paper exchange after the control API's."""


STEP = 0.01
"""Seconds by which the clock goes on whenever the event loop has come around."""


@dataclass
class Passing:
    """A clock that stands while the loop does, so that a busy machine makes nothing late. In seconds since 1970."""

    now: float = field(default_factory=time.time)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(STEP)
            self.now += STEP


@dataclass
class Turned:
    """The exchange's clock, known without asking: it stands where the test has turned the exchange's own."""

    server: PaperServer

    @property
    def now(self) -> int:
        return self.server.paper.now()


@dataclass
class Day:
    """A paper exchange and the heartbeat that listens to it, to two of its markets."""

    exchange: str
    server: PaperServer
    client: Any
    clock: Turned
    heartbeat: Heartbeat
    listener: Listener
    signals: list[Signal] = field(default_factory=list)
    bars: list[ToldBar] = field(default_factory=list)
    doubted: set[tuple[Series, int]] = field(default_factory=set)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    skew: Fault = field(default_factory=lambda: Fault("query", "skew_clock", times=10**9, seconds=0))

    @property
    def btc(self) -> Series:
        return self.series("BTC/USDT")

    @property
    def eth(self) -> Series:
        return self.series("ETH/USDT")

    def series(self, symbol: str) -> Series:
        return Series(self.exchange, "paper", symbol)

    async def cut(self) -> None:
        """Cut the connection without a word."""
        await self._streams.cut()

    async def announce_the_end(self) -> None:
        """Announce that the connection will end, as exchanges do before their maintenance."""
        await self._streams.shut_down()

    @property
    def _streams(self) -> Any:
        return self.server._streams if self.exchange == "binance" else self.server._sockets

    def hear(self, beat: Beat) -> None:
        self.signals += beat.signals
        self.bars += beat.bars
        self.doubted |= {(doubt.series, doubt.opened_at) for doubt in beat.doubts}

    async def until(self, condition) -> None:
        """Wait until a condition holds, and raise what ends a task."""
        async with asyncio.timeout(30):
            while not condition():
                for task in self.tasks:
                    if task.done():
                        await task
                await asyncio.sleep(0.01)

    def turn(self, milliseconds: int) -> None:
        """Turn the exchange's clock forward."""
        self.skew.seconds += milliseconds / 1000
        self.client.clock_offset = timedelta(seconds=self.skew.seconds)

    async def minute(self) -> int:
        """Turn the clock to shortly before the end of the minute, let it end, and return its opening time."""
        opened_at = self.clock.now // MINUTE * MINUTE
        self.turn(max(opened_at + MINUTE - 150 - self.clock.now, 0))
        await self.until(lambda: self.clock.now > opened_at + MINUTE + 300)
        # And the next minute begins with a trade of each market.
        await self.until(
            lambda: all(self.server.paper.prices.bars[one.symbol][-1].trades for one in (self.btc, self.eth))
        )
        return opened_at

    def newest(self, series: Series) -> dict[int, Bar]:
        """Return the minutes of a series as last told, by opening time."""
        return {told.bar.opened_at: told.bar for told in self.bars if told.series == series and told.bar.minutes == 1}

    def truth(self, series: Series, opened_at: int):
        """Return the bar as the exchange has it."""
        [bar] = [bar for bar in self.server.paper.prices.bars[series.symbol] if bar.opened_at == opened_at]
        return bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades

    def is_true(self, series: Series, opened_at: int) -> bool:
        """Return True for the exchange's own bar. Bitget's candles do not tell how many trades were not heard."""
        bar, (*amounts, trades) = self.newest(series)[opened_at], self.truth(series, opened_at)
        return [*bar.amounts] == amounts and bar.trades in {trades, 1 if self.exchange == "bitget" else trades}

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.01)
            self.listener.tick()

    async def _end_doubts(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            await self.listener.end_doubts()


@asynccontextmanager
async def at_work(monkeypatch, exchange: str) -> AsyncIterator[Day]:
    monkeypatch.setattr(listening, "PAUSES", (0.05,))
    server, passing = PaperServer(neighbours(3)), Passing()
    server.paper.clock = lambda: passing.now
    await server.start()
    make, hosts_of, offset = CLIENTS[exchange]
    hosts = hosts_of(f"http://{HOST}:{server.port + offset}")
    client = make(hosts.rest, hosts.orders, hosts.streams)
    known: dict[str, Market] = {market.symbol: market for market in await client.markets()}
    btc, eth = (Series(exchange, "paper", symbol) for symbol in ("BTC/USDT", "ETH/USDT"))
    clock, heartbeat = Turned(server), Heartbeat(btc)
    day = Day(exchange, server, client, clock, heartbeat, None)  # type: ignore[arg-type]
    server.paper.faults.add(day.skew)
    markets = {series: known[series.symbol] for series in (btc, eth)}
    for series in markets:
        heartbeat.follow(series)
    day.listener = Listener(client, markets, heartbeat, clock, day.hear, Log())
    try:
        day.tasks = [
            asyncio.create_task(work()) for work in (passing.run, day.listener.run, day._tick, day._end_doubts)
        ]
        await day.until(lambda: heartbeat.listening and all(heartbeat.running(series) for series in markets))
        yield day
    finally:
        for task in day.tasks:
            task.cancel()
        await asyncio.gather(*day.tasks, return_exceptions=True)
        await client.close()
        await server.stop()
