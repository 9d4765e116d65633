"""The market rules while the gateway runs: loaded every hour, and when an exchange refuses what they allow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from application.alerts import tell
from application.lane.lane import Lane
from application.ports.errors import ExchangeError
from aristobot.terminals.gateway.clients import Clients, Key
from aristobot.wiring import House
from domain.alert import Cause
from domain.market import Market
from domain.refusals import Refused
from domain.trading.position import Position

EVERY_SECONDS, NOT_WITHIN_SECONDS = 3600.0, 60.0
"""Seconds between two regular loads, and the fewest between any two, however often the rules are doubted."""
LEAST_SHARE = 0.8
"""An answer with less than this fraction of the known markets is not believed."""


class RulesKeeper:
    """The keeper of the rules of every venue in use. Lanes apply new rules to the orders they place next."""

    def __init__(self, house: House, clients: Clients, lanes: Mapping[int, Lane], log: Any) -> None:
        self._house = house
        self._clients = clients
        self._lanes = lanes
        self._log = log
        self._loaded_at: dict[Key, float] = {}
        self._doubted: set[Key] = set()
        self._bell = asyncio.Event()

    def doubt(self, exchange: str, venue: str) -> None:
        """Have the rules loaded anew, at most once a minute: an order was refused by a rule that differs from ours."""
        self._doubted.add((exchange, venue))
        self._bell.set()

    async def keep(self) -> None:
        """Load the rules that are due, for ever."""
        while True:
            self._bell.clear()
            for key in self._clients.in_use():
                try:
                    if self._is_due(key):
                        await self._reload(key)
                except Exception as error:
                    self._log.warning("rules_not_loaded", exchange=key[0], venue=key[1], error=repr(error))
            try:
                await asyncio.wait_for(self._bell.wait(), NOT_WITHIN_SECONDS)
            except TimeoutError:
                continue
            await asyncio.sleep(1.0)  # several refusals at once lead to one load

    def _is_due(self, key: Key) -> bool:
        age = asyncio.get_running_loop().time() - self._loaded_at.setdefault(key, asyncio.get_running_loop().time())
        return age >= EVERY_SECONDS or (key in self._doubted and age >= NOT_WITHIN_SECONDS)

    async def _reload(self, key: Key) -> None:
        self._loaded_at[key] = asyncio.get_running_loop().time()
        self._doubted.discard(key)
        known = await self._clients.markets(*key)
        try:
            markets = await self._clients.load(*key, least=int(len(known) * LEAST_SHARE))
        except (ExchangeError, Refused) as error:
            self._log.warning("rules_not_loaded", exchange=key[0], venue=key[1], error=str(error))
            return
        for lane in self._lanes_of(key):
            lane.know_markets(markets)
        self._log.info("rules_loaded", exchange=key[0], venue=key[1], markets=len(markets))
        await self._tell_of_closed(key, known, markets)

    def _lanes_of(self, key: Key) -> list[Lane]:
        return [lane for lane in self._lanes.values() if (lane.broker.exchange, lane.broker.venue) == key]

    async def _tell_of_closed(self, key: Key, before: Mapping[str, Market], now: Mapping[str, Market]) -> None:
        """Alert the holders of each market that the exchange has suspended or delisted since the previous load."""
        closed = {
            symbol for symbol, market in before.items()
            if market.active and (symbol not in now or not now[symbol].active)
        }  # fmt: skip
        if not closed:
            return
        store, brokers = self._house.store, {lane.broker.number for lane in self._lanes_of(key)}
        held = await asyncio.to_thread(lambda: store.get_all(Position, store.positions_open()))
        for position in held:
            if position.symbol in closed and position.broker in brokers:
                facts = {"symbol": position.symbol, "broker": str(position.broker)}
                occurrence = f"{position.id}/{position.version}"
                await asyncio.to_thread(tell, store, position.user, Cause.MARKET_CLOSED, occurrence, facts, position.id)
