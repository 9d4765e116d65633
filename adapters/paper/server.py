"""The paper exchange's servers on loopback: the control API on the first port, each native API on its own port."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path

from aiohttp import web

from adapters.paper.binance.api import BinanceApi
from adapters.paper.binance.dispatcher import Dispatcher
from adapters.paper.binance.rest import BinanceRest
from adapters.paper.binance.streams import BinanceStreams
from adapters.paper.binance.wsapi import BinanceWsApi
from adapters.paper.bitget.rest import BitgetRest
from adapters.paper.bitget.sockets import BitgetSockets
from adapters.paper.control import Control
from adapters.paper.exchange import Paper
from adapters.paper.replay import replayed
from adapters.paper.shelf import Shelf

TICK_SECONDS = 0.05
HOST = "127.0.0.1"


class PaperServer:
    """The running paper exchange. `port` is the control API's; Binance's API is on `port + 1`, Bitget's on `port + 2`.

    `books` is the file whose contents survive a restart. `replay` is a CSV of candles that `symbol` follows, `speed`
    times faster than real time. Raises `NoCandles` when it cannot be replayed.
    """

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
            Shelf(books).restore(self.paper.ledger, self.paper.plans)
        self.port = port
        self._minutes = deque([] if replay is None else replayed(replay, symbol))
        self._speed, self._symbol = speed, symbol
        self._runners: list[web.AppRunner] = []
        self._movers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open all ports and start moving the prices. Raises `OSError` when a port is taken."""
        dispatcher = Dispatcher(BinanceApi(self.paper))
        self._streams = BinanceStreams(self.paper)
        binance = [
            route
            for door in (BinanceRest(dispatcher), BinanceWsApi(dispatcher), self._streams)
            for route in door.routes()
        ]
        rest = BitgetRest(self.paper)
        self._sockets = BitgetSockets(self.paper, rest.market)
        bitget = [*rest.routes(), *self._sockets.routes()]
        for offset, routes in enumerate(
            [Control(self.paper, [self._streams, self._sockets]).routes(), binance, bitget]
        ):
            application = web.Application()
            application.add_routes(routes)
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            self._runners.append(runner)
            await web.TCPSite(runner, HOST, self.port + offset).start()
        self._movers = [asyncio.create_task(move()) for move in (self._replay, self._tick)]

    async def _replay(self) -> None:
        """Play the file's prices. A held price stays, while the file runs on underneath."""
        prices = self.paper.prices
        if self._minutes:
            prices.driven.add(self._symbol)
        while self._minutes:
            _, path = self._minutes.popleft()
            for price in path:
                if self._symbol not in prices.held:
                    prices.tell(self._symbol, price)
                await asyncio.sleep(60 / len(path) / self._speed)
        prices.driven.discard(self._symbol)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.paper.prices.advance()
            self._streams.tick()
            self._sockets.tick()

    async def stop(self) -> None:
        """Stop the prices, close all ports and forget the pairs added while the exchange ran."""
        for mover in self._movers:
            mover.cancel()
        await asyncio.gather(*self._movers, return_exceptions=True)
        for runner in self._runners:
            await runner.cleanup()
        self.paper.markets.forget()
