"""The exchange clients, one per exchange and venue, created on first use, and the markets that each has loaded."""

from __future__ import annotations

import asyncio
from typing import Any

from application.ports.errors import NoAnswer
from application.ports.exchange import ExchangeClient
from aristobot.wiring import House
from domain.market import Market, Markets

CLOCK_SECONDS = 30.0
Key = tuple[str, str]
"""Exchange and venue."""


class Clients:
    """The gateway's clients. Credentials come with every call, so all brokers of a venue share one client."""

    def __init__(self, house: House, log: Any) -> None:
        self._house = house
        self._log = log
        self._clients: dict[Key, ExchangeClient] = {}
        self._making: dict[Key, asyncio.Lock] = {}

    async def of(self, exchange: str, venue: str) -> ExchangeClient:
        """Return the client, which knows its exchange's clock and has its markets loaded.

        Raises `Invalid` when the exchange is unknown or the venue is not allowed, and `ExchangeError` when the
        exchange fails.
        """
        key = (exchange, venue)
        async with self._making.setdefault(key, asyncio.Lock()):
            if key not in self._clients:
                made = self._house.exchange(*key)
                try:
                    await made.server_time()
                    await self._load(key, made)
                except BaseException:
                    await made.close()
                    raise
                self._clients[key] = made
        return self._clients[key]

    def __contains__(self, key: Key) -> bool:
        """Return True when this client already exists."""
        return key in self._clients

    def in_use(self) -> list[Key]:
        """Return the exchanges and venues in use at this moment."""
        return [*self._clients]

    def items(self) -> list[tuple[Key, ExchangeClient]]:
        """Return all clients at this moment."""
        return [*self._clients.items()]

    async def load(self, exchange: str, venue: str, *, least: int = 0) -> dict[str, Market]:
        """Load the markets anew and return them by symbol. Raises `NoAnswer` when the answer has fewer than `least`."""
        return await self._load((exchange, venue), await self.of(exchange, venue), least)

    async def markets(self, exchange: str, venue: str) -> Markets:
        """Return the markets as they were last loaded."""
        native = await asyncio.to_thread(self._house.markets.of, exchange, venue)
        return Markets(native.values())

    async def _load(self, key: Key, client: ExchangeClient, least: int = 0) -> dict[str, Market]:
        markets = await client.markets()
        if len(markets) < least:
            raise NoAnswer(f"only {len(markets)} markets, at least {least} were expected", code="no_answer")

        def told(done: int, total: int) -> None:
            self._house.bus.tell_loading(*key, done, total)

        await asyncio.to_thread(self._house.markets.replace, *key, markets, told)
        return {market.symbol: market for market in markets}

    async def keep_time(self) -> None:
        """Measure the exchanges' clocks every `CLOCK_SECONDS`, for ever."""
        while True:
            for client in [*self._clients.values()]:
                try:
                    await client.server_time()
                except Exception as error:
                    self._log.warning("exchange_silent", error=repr(error))
            await asyncio.sleep(CLOCK_SECONDS)

    async def close(self) -> None:
        """Close all clients."""
        for client in [*self._clients.values()]:
            await client.close()
