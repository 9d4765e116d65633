"""The control of the public streams: late or missing candles, lost trades, stopped markets, ended connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec
from aiohttp import web

from adapters.paper.exchange import Paper

_FIELDS = {"candles", "candles_twice", "candle_delay", "symbol", "lost_trades", "wrong_time", "stopped"}
LONGEST_DELAY, FURTHEST_TIME = 600.0, 48 * 3_600_000


class Streams(Protocol):
    """The public streams of one exchange."""

    async def shut_down(self) -> None:
        """Announce the end of every connection, where the exchange does that, and end it a second later."""

    async def cut(self) -> None:
        """End every connection without a word."""


class StreamsControl:
    """The handlers for the streams. Bad input raises `ValueError` and changes nothing."""

    def __init__(self, paper: Paper, streams: Sequence[Streams]) -> None:
        self._paper = paper
        self._streams = streams
        self._ending: asyncio.Task[None] | None = None

    async def told(self, _: web.Request) -> dict[str, Any]:
        """Return the faults of the streams that hold now."""
        return self._told()

    async def change(self, request: web.Request) -> dict[str, Any]:
        """Change the faults that are named. `symbol` is the market of `lost_trades`, `wrong_time` and `stopped`."""
        given = msgspec.json.decode(await request.read())
        for apply in self._changes(given):
            apply()
        return self._told()

    async def end(self, request: web.Request) -> dict[str, bool]:
        """End every public connection, after an announcement when `announced` is true."""
        given = msgspec.json.decode(await request.read() or b"{}")
        if given.get("announced"):
            self._ending = asyncio.create_task(self._shut_down())
        else:
            for streams in self._streams:
                await streams.cut()
        return {"ok": True}

    async def _shut_down(self) -> None:
        await asyncio.gather(*(streams.shut_down() for streams in self._streams))

    def _changes(self, given: dict[str, Any]) -> list[Callable[[], None]]:
        """Read every change before the first is made."""
        if unknown := given.keys() - _FIELDS:
            raise ValueError(f"there is no {min(unknown)} here: a field is one of {sorted(_FIELDS)}")
        faults, changes = self._paper.market_faults, list[Callable[[], None]]()
        for name in ("candles", "candles_twice"):
            if name in given:
                changes.append(partial(setattr, faults, name, bool(given[name])))
        if "candle_delay" in given:
            delay = _within(float(given["candle_delay"]), 0, LONGEST_DELAY, "candle_delay")
            changes.append(partial(setattr, faults, "candle_delay", delay))
        if {"lost_trades", "wrong_time", "stopped"} & given.keys():
            symbol = self._paper.markets.pair(given.get("symbol")).symbol
            if "lost_trades" in given:
                lost = int(_within(given["lost_trades"], 0, 1_000_000, "lost_trades"))
                changes.append(lambda: faults.lost_trades.update({symbol: lost}))
            if "wrong_time" in given:
                wrong = int(_within(given["wrong_time"], -FURTHEST_TIME, FURTHEST_TIME, "wrong_time"))
                changes.append(lambda: faults.wrong_time.update({symbol: wrong}))
            if "stopped" in given:
                prices = self._paper.prices
                changes.append(lambda: prices.stop(symbol) if given["stopped"] else prices.resume(symbol))
        return changes

    def _told(self) -> dict[str, Any]:
        return {**vars(self._paper.market_faults), "stopped": sorted(self._paper.prices.stopped)}


def _within(value: Any, lowest: float, highest: float, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
        raise ValueError(f"{name} is a number from {lowest} to {highest}")
    return value
