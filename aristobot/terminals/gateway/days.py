"""The last 24 hours of all markets, asked of each exchange at most twice a minute however many look."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from aristobot.terminals.gateway.clients import Clients

GOOD_SECONDS = 30.0


class Days:
    """The day tickers of each exchange and venue, as last told."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._told: dict[tuple[str, str], tuple[float, Mapping[str, Any]]] = {}
        self._one_at_a_time: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, exchange: str, venue: str) -> Mapping[str, Any]:
        """Return `at` (Unix time) and `days`: opened, last and quote volume as texts, by native symbol.

        Raises `ExchangeError` when the exchange does not tell them.
        """
        key = (exchange, venue)
        async with self._one_at_a_time[key]:
            asked_at, told = self._told.get(key, (0.0, {}))
            if told and time.monotonic() - asked_at < GOOD_SECONDS:
                return told
            client = await self._clients.of(exchange, venue)
            days = await client.day_tickers()
            rows = {one.native: [f"{one.opened:f}", f"{one.last:f}", f"{one.quote_volume:f}"] for one in days}
            told = {"at": time.time(), "days": rows}
            self._told[key] = (time.monotonic(), told)
            return told
