"""The loads of history: candles are read page by page in the background, while no lane has anything to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg

from adapters.candles.blocks import Grid
from application.lane.lane import Lane
from application.ports.candles import Load
from application.ports.errors import ExchangeError
from aristobot.following import AWAY
from aristobot.terminals.gateway.clients import Clients
from aristobot.wiring import House, utc_now
from domain.candles.series import Series
from domain.candles.timeframes import moment
from domain.market import Market
from domain.refusals import Invalid, Refused

LOOKED_EVERY = 0.5
"""Seconds between two looks at the loads, and at the lanes that are waited for."""
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before a load that failed is tried again; the last one is repeated."""
EARLIEST = datetime(2009, 1, 3, tzinfo=UTC)
"""The first day on which anything was traded."""


class Loads:
    """The loads of one gateway: each has its turn, a page at a time."""

    def __init__(self, house: House, clients: Clients, lanes: Mapping[int, Lane], log: Any) -> None:
        self._house = house
        self._clients = clients
        self._lanes = lanes
        self._log = log
        self._failures: dict[int, tuple[int, float]] = {}
        """The number of failures in a row of a load, and the time (monotonic) before which it is not tried again."""

    async def ask(self, named: Mapping[str, Any]) -> Mapping[str, Any]:
        """Begin a load, or let the same one go on, and return its number.

        Raises `Invalid` for a market, a timeframe or a time of which the exchange has no candles.
        """
        series, timeframe = Series(named["exchange"], named["venue"], named["symbol"]), named["timeframe"]
        client = await self._clients.of(series.exchange, series.venue)
        if timeframe not in client.timeframes:
            raise Invalid(
                f"{series.exchange} has no candles of {timeframe}", code="timeframe_unknown", field="timeframe"
            )
        await self._market(series)
        grid, now = Grid(timeframe), int(utc_now().timestamp() * 1000)
        since = int(datetime.fromisoformat(named["since"]).timestamp() * 1000) // grid.length * grid.length
        until = min(int(datetime.fromisoformat(named["until"]).timestamp() * 1000), now) // grid.length * grid.length
        if not int(EARLIEST.timestamp() * 1000) <= since < until:
            raise Invalid("the time is empty, or lies before 2009", code="range_empty", field="since")
        number = await asyncio.to_thread(self._house.loads.ask, series, timeframe, moment(since), moment(until))
        self._failures.pop(number, None)
        return {"load": number}

    async def _market(self, series: Series) -> Market:
        """Return a market. Raises `Invalid` for one that is not listed, and as `Clients.of`."""
        await self._clients.of(series.exchange, series.venue)
        found = (await self._clients.markets(series.exchange, series.venue)).get(series.symbol)
        if found is None:
            raise Invalid(f"{series.symbol} is not listed", code="symbol_unknown", field="symbol")
        return found

    async def keep(self) -> None:
        """Carry the loads out, for ever: a page of each in turn, while no lane has anything to do."""
        forgotten = False
        while True:
            try:
                if not forgotten:
                    await asyncio.to_thread(self._house.loads.forget_old)
                    forgotten = True
                took = await self._round()
            except AWAY as error:
                self._log.warning("database_away", error=str(error))
                took = False
            if not took:
                await asyncio.sleep(LOOKED_EVERY)

    async def _round(self) -> bool:
        """Give each load a turn, and return whether one had it. History stands in the way of no order."""
        took = False
        for load in await asyncio.to_thread(self._house.loads.running):
            if any(not lane.agenda.is_empty() or not lane.idle for lane in self._lanes.values()):
                return False
            if time.monotonic() >= self._failures.get(load.id, (0, 0.0))[1]:
                await self._step(load)
                took = True
        return took

    async def _step(self, load: Load) -> None:
        """Load the next page, which ends with a block."""
        try:
            market = await self._market(load.series)
            client = await self._clients.of(load.exchange, load.venue)
            grid, at = Grid(load.timeframe), int(load.reached.timestamp() * 1000)
            end = min(grid.end(grid.number(at)), int(load.until.timestamp() * 1000))
            bars = await client.bars(market, load.timeframe, load.reached, moment(end), background=True)
            if not bars:
                # Nothing was traded here: go on where the exchange's next candle is.
                later = await client.bars(market, load.timeframe, moment(end), load.until, background=True)
                end = later[0].opened_at if later else int(load.until.timestamp() * 1000)
            if bars:
                there = {bar.opened_at for bar in bars}
                absent = [one for one in range(at, bars[-1].opened_at, grid.length) if one not in there]
                await asyncio.to_thread(
                    self._house.candles.put, load.series, load.timeframe, bars, absent=absent
                )  # fmt: skip
            await asyncio.to_thread(self._house.loads.advance, load, moment(end), len(bars))
        except AWAY:
            raise
        except (ExchangeError, Refused, psycopg.Error, ValueError) as error:
            await self._failed(load, error)
            return
        self._failures.pop(load.id, None)

    async def _failed(self, load: Load, error: Exception) -> None:
        """Try again later. That the budget is used up for now is no failure to tell."""
        times, _ = self._failures.get(load.id, (0, 0.0))
        self._failures[load.id] = (times + 1, time.monotonic() + PAUSES[min(times, len(PAUSES) - 1)])
        if getattr(error, "code", "") != "rate_limited":
            self._log.warning("load_failed", load=load.id, error=str(error))
            await asyncio.to_thread(self._house.loads.failed, load, str(error))
