"""The last price of one market, asked of its exchange at most once a second however many look."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from application.ports.market_data import Ticker
from aristobot.terminals.gateway.clients import Clients
from domain.refusals import Invalid

GOOD_SECONDS = 1.0


class Quotes:
    """The tickers of single markets, as last told."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._told: dict[tuple[str, str, str], tuple[float, Ticker]] = {}
        self._one_at_a_time: defaultdict[tuple[str, str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, exchange: str, venue: str, symbol: str) -> Mapping[str, Any]:
        """Return the `last` price (quote per base) of a market as a text, and its `age` in seconds.

        Raises `Invalid` for a symbol that is not listed, `ExchangeError` when the exchange does not tell the price.
        """
        market = (await self._clients.markets(exchange, venue)).get(symbol)
        if market is None:
            raise Invalid(f"{symbol} is not listed", code="symbol_unknown", field="symbol")
        key = (exchange, venue, symbol)
        async with self._one_at_a_time[key]:
            asked_at, ticker = self._told.get(key, (0.0, None))
            if ticker is None or time.monotonic() - asked_at >= GOOD_SECONDS:
                client = await self._clients.of(exchange, venue)
                asked_at, ticker = time.monotonic(), (await client.tickers([market]))[symbol]
                self._told[key] = (asked_at, ticker)
            return {"last": f"{ticker.last:f}", "age": round(time.monotonic() - asked_at, 3)}
