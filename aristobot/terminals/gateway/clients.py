"""One client per exchange and venue, made when it is first needed, and the markets that each has loaded."""

from __future__ import annotations

import asyncio
from typing import Any

from application.ports.exchange import ExchangeClient, NoAnswer
from aristobot.wiring import House
from domain.market import Market

CLOCK_SECONDS = 30.0
Key = tuple[str, str]
"""Exchange and venue."""


class Clients:
    """The gateway's clients; credentials come with every call, so all brokers of a venue share one."""

    def __init__(self, house: House, log: Any) -> None:
        self._house = house
        self._log = log
        self._clients: dict[Key, ExchangeClient] = {}
        self._making: dict[Key, asyncio.Lock] = {}

    async def of(self, exchange: str, venue: str) -> ExchangeClient:
        """The client, which knows its exchange's clock and whose markets are loaded.

        Raises `Invalid` for an exchange that is not spoken or a venue that is not allowed, or an `ExchangeError`.
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
        """Whether somebody has needed it already."""
        return key in self._clients

    def in_use(self) -> list[Key]:
        """Return the exchanges and venues in use at this moment."""
        return [*self._clients]

    def items(self) -> list[tuple[Key, ExchangeClient]]:
        """All clients at this moment."""
        return [*self._clients.items()]

    async def load(self, exchange: str, venue: str, *, least: int = 0) -> dict[str, Market]:
        """Ask for the markets anew and return them by symbol; an answer with fewer than `least` is not believed."""
        return await self._load((exchange, venue), await self.of(exchange, venue), least)

    async def markets(self, exchange: str, venue: str) -> dict[str, Market]:
        """The markets as they were loaded, by symbol."""
        native = await asyncio.to_thread(self._house.markets.of, exchange, venue)
        return {market.symbol: market for market in native.values()}

    async def _load(self, key: Key, client: ExchangeClient, least: int = 0) -> dict[str, Market]:
        markets = await client.markets()
        if len(markets) < least:
            raise NoAnswer(f"only {len(markets)} markets, at least {least} were expected", code="no_answer")

        def told(done: int, total: int) -> None:
            self._house.bus.tell_loading(*key, done, total)

        await asyncio.to_thread(self._house.markets.replace, *key, markets, told)
        return {market.symbol: market for market in markets}

    async def keep_time(self) -> None:
        """Measure the exchanges' clocks, now and again."""
        while True:
            for client in [*self._clients.values()]:
                try:
                    await client.server_time()
                except Exception as error:
                    self._log.warning("exchange_silent", error=repr(error))
            await asyncio.sleep(CLOCK_SECONDS)

    async def close(self) -> None:
        """End all connections."""
        for client in [*self._clients.values()]:
            await client.close()
