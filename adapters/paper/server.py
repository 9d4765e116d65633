"""Serving the paper exchange on loopback: the control API on the first port, each native API on a port of its own."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from aiohttp import web

from adapters.paper.binance.api import BinanceApi
from adapters.paper.binance.desk import Desk
from adapters.paper.binance.rest import BinanceRest
from adapters.paper.binance.streams import BinanceStreams
from adapters.paper.binance.wsapi import BinanceWsApi
from adapters.paper.control import Control
from adapters.paper.exchange import Paper
from adapters.paper.prices import replayed
from adapters.paper.shelf import Shelf

WALK_SECONDS = 0.5
HOST = "127.0.0.1"


class PaperServer:
    """`port` is the control API's, Binance's API is on `port + 1`. `books` is the file that outlives a restart."""

    def __init__(
        self,
        port: int,
        *,
        replay: Path | None = None,
        speed: float = 1.0,
        symbol: str = "BTC/USDT",
        books: Path | None = None,
    ) -> None:
        self.paper = Paper()
        if books is not None:
            Shelf(books).restore(self.paper.ledger)
        self.port = port
        self._replay, self._speed, self._symbol = replay, speed, symbol
        self._runners: list[web.AppRunner] = []
        self._mover: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open all ports and let the prices move. Raises `OSError` for a port that is taken."""
        desk = Desk(BinanceApi(self.paper))
        binance = [
            route
            for door in (BinanceRest(desk), BinanceWsApi(desk), BinanceStreams(self.paper))
            for route in door.routes()
        ]
        for offset, routes in enumerate([Control(self.paper).routes(), binance]):
            application = web.Application()
            application.add_routes(routes)
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            self._runners.append(runner)
            await web.TCPSite(runner, HOST, self.port + offset).start()
        self._mover = asyncio.create_task(self._move())

    async def _move(self) -> None:
        if self._replay is not None:
            for _, path in replayed(self._replay, self._symbol):
                for price in path:
                    self.paper.prices.tell(self._symbol, price)
                    await asyncio.sleep(60 / len(path) / self._speed)
        while True:
            await asyncio.sleep(WALK_SECONDS)
            self.paper.prices.walk()

    async def stop(self) -> None:
        """Close all ports."""
        if self._mover is not None:
            self._mover.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._mover
        for runner in self._runners:
            await runner.cleanup()
