"""The heartbeat under load: 2,000 trades a second of 20 symbols, from their arrival to the bus.

A small exchange in this process sends recorded trades over a real socket, in real time, and closes minutes by a clock
that runs faster than ours, so that many closes are seen in a short run. The listener, the tables and the bus are the
platform's own, on a real PostgreSQL and Valkey. Figures are in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import sys
import threading
import time
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any

import redis
from shared.figures import keep
from shared.running import running
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from adapters.candles.beats import BeatTable
from adapters.exchanges.binance import market_stream
from adapters.log.eventstore import open_pool
from application.market.failover import Source
from application.market.heartbeat import Heartbeat
from aristobot.terminals.heartbeat.listener import Listener
from aristobot.terminals.heartbeat.teller import Teller
from domain.candles.bar import Bar, Proof, flat
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE
from domain.market import Market

SYMBOLS, RATE, SECONDS = 20, 2000, int(os.environ.get("HEARTBEAT_SECONDS", "120"))
FAST = 20
"""Market minutes per real minute."""
STARTS_AT = 240 * MINUTE * 7_000 - 15 * MINUTE
"""All 160 bars of a close come at the end of four market hours, 45 seconds after the start."""
TO_BUS, ALL_BARS = 50.0, 150.0


class Clock:
    """The exchange's time, which runs `FAST` times faster than ours."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def now(self) -> int:
        """Milliseconds since 1970."""
        return STARTS_AT + int((time.monotonic() - self._began) * 1000 * FAST)


class Exchange:
    """The public stream of an exchange without candles: every bar has to be proved by its trades."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.url = ""
        self.first_of_minute: dict[int, float] = {}
        """The real time at which the first trade of each minute was sent."""

    async def serve(self, socket: ServerConnection) -> None:
        """Send trades until the listener leaves."""
        number, began, sent = 1_000, time.monotonic(), 0
        while socket.state is State.OPEN:
            due = int((time.monotonic() - began) * RATE)
            for turn in range(sent, due):
                at, symbol = self.clock.now, turn % SYMBOLS
                self.first_of_minute.setdefault(at // MINUTE * MINUTE, time.time())
                data = {
                    "e": "trade", "E": at, "s": f"S{symbol}USDT", "t": number + turn // SYMBOLS, "T": at,
                    "p": f"{100 + turn % 7}.25", "q": "0.5",
                }  # fmt: skip
                with suppress(ConnectionClosed):
                    await socket.send(json.dumps({"stream": "s", "data": data}))
            sent = due
            await asyncio.sleep(0.002)

    def market_stream(self, natives: list[str]) -> Any:
        """Stream as `MarketData` does, through the real client code."""
        return market_stream.events(self.url, natives)

    async def minutes(self, _: Market, since: datetime, until: datetime | None = None) -> list[Bar]:
        """Tell the candles of the past, which the larger bars need, and that of the minute that was heard in part."""
        ended = self.clock.now // MINUTE * MINUTE
        first, last = int(since.timestamp() * 1000), ended if until is None else int(until.timestamp() * 1000)
        return [flat(at, Decimal(100), Proof.CONFIRMED) for at in range(first, min(last, ended), MINUTE)]


class Bus:
    """The bus, which notes when each close was published."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)
        self.signals: dict[int, float] = {}
        self.bars: dict[int, list[float]] = {}

    def tell_beat(self, source: str, told: dict[str, Any]) -> None:
        """Publish, and note the time."""
        self._client.publish(f"heartbeat:{source}", json.dumps(told))
        now = time.time()
        for signal in told["signals"]:
            self.signals.setdefault(signal["candle_close_time"], now)
        for bar in told["bars"]:
            if bar["telling"] == "closed":
                self.bars.setdefault(bar["closed_at"], []).append(now)


class Quiet:
    """A log that nobody reads."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: None


async def measure(pool: Any, bus: Bus) -> tuple[Exchange, float]:
    """Run the heartbeat for a while. Return the exchange, and the fraction of a core that everything used."""
    clock = Clock()
    exchange = Exchange(clock)
    series = {
        Series("binance", "paper", f"S{n}/USDT"): Market(
            "binance", f"S{n}/USDT", f"S{n}USDT", f"S{n}", "USDT", True, Decimal("0.01"), Decimal("0.1")
        )
        for n in range(SYMBOLS)
    }
    heartbeat = Heartbeat(next(iter(series)), series)
    teller = Teller(BeatTable(pool), bus, Source.PRIMARY, lambda: clock.now, Quiet())  # type: ignore[arg-type]
    teller.start()
    listener = Listener(exchange, series, heartbeat, clock, teller.tell, Quiet())  # type: ignore[arg-type]

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.02)
            listener.tick()

    async def end_doubts() -> None:
        while True:
            await asyncio.sleep(0.1)
            await listener.end_doubts()

    async with serve(exchange.serve, "127.0.0.1", 0) as server:
        exchange.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        working = [asyncio.create_task(work()) for work in (listener.run, tick, end_doubts)]
        used, began = resource.getrusage(resource.RUSAGE_SELF).ru_utime, time.monotonic()
        await asyncio.sleep(SECONDS)
        share = (resource.getrusage(resource.RUSAGE_SELF).ru_utime - used) / (time.monotonic() - began)
        for task in working:
            task.cancel()
    await asyncio.to_thread(teller.close)
    return exchange, share


def main() -> int:
    """Return 0 when the figures are reached."""
    with running() as platform, open_pool(platform.url("aristobot_writer"), 2) as pool:
        bus = Bus(platform.redis)
        exchange, share = asyncio.run(measure(pool, bus))
    closes = [end for end in sorted(bus.bars) if end in exchange.first_of_minute and len(bus.bars[end]) >= SYMBOLS]
    signals = [(bus.signals[end] - exchange.first_of_minute[end]) * 1000 for end in closes if end in bus.signals]
    last = [(max(bus.bars[end]) - exchange.first_of_minute[end]) * 1000 for end in closes]
    largest = max(closes, key=lambda end: len(bus.bars[end]))
    p95 = statistics.quantiles(signals, n=20)[-1]
    whole = (max(bus.bars[largest]) - exchange.first_of_minute[largest]) * 1000
    print(f"{len(closes)} closes at {RATE} trades/s of {SYMBOLS} symbols; {threading.active_count()} threads")
    print(
        f"signal on the bus p50 {statistics.median(signals):.0f}, p95 {p95:.0f} ms (< {TO_BUS:.0f}): {p95 / TO_BUS:.2f}"
    )
    print(f"last bar of a close p50 {statistics.median(last):.0f}, slowest {max(last):.0f} ms")
    print(f"{len(bus.bars[largest])} bars of one close in {whole:.0f} ms (<= {ALL_BARS:.0f}): {whole / ALL_BARS:.2f}")
    print(f"{share:.2f} of a core, the sending exchange included")
    keep("heartbeat", signals=signals, last=last, largest=whole, share=share)
    return 0 if p95 < TO_BUS and whole <= ALL_BARS else 1


if __name__ == "__main__":
    sys.exit(main())
