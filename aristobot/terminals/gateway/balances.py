"""The balances of all accounts, told to the console, and their worth, kept for its curves.

Nothing that trades waits for any of this: it uses the budget that trading leaves.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from application.lane.lane import Lane
from application.ports.statements import Balance
from aristobot.terminals.gateway.clients import Clients
from aristobot.wiring import House, utc_now
from domain.trading.valuation import Prices, equity, needed

LOOK_SECONDS = 1.0
ASKED_EVERY = 30.0
"""The seconds after which an account is asked again even if its private stream has told nothing."""
ASKED_AT_MOST_EVERY = 2.0
PRICED_EVERY = 10.0
RECORDED_EVERY = 300.0
CURRENCY = "USDT"
"""The currency in which the worth of an account is kept."""


class BalanceTeller:
    """Tells what each account holds soon after it has changed, with the prices that its worth depends on."""

    def __init__(self, house: House, clients: Clients, lanes: Mapping[int, Lane], log: Any) -> None:
        self._house = house
        self._clients = clients
        self._lanes = lanes
        self._log = log
        self._asked: dict[int, float] = {}
        self._held: dict[int, dict[str, Decimal]] = {}
        self._priced: dict[tuple[str, str], float] = {}
        self._recorded: dict[int, float] = {}

    async def keep(self) -> None:
        """Tell balances and prices until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Tell whatever is due now. An exchange that does not answer is logged and holds up no other."""
        lanes = [*self._lanes.items()]
        for outcome in await asyncio.gather(*(self._of(*one) for one in lanes), return_exceptions=True):
            if isinstance(outcome, Exception):
                self._log.warning("balances_unknown", error=repr(outcome))

    async def _of(self, number: int, lane: Lane) -> None:
        if self._is_due(number, lane):
            self._asked[number] = time.time()
            self._told(number, balances := await lane.balances())
            said = {name: (f"{one.free:f}", f"{one.locked:f}") for name, one in balances.items()}
            await asyncio.to_thread(self._house.bus.tell_balances, number, said)
        if number in self._held:
            await self._price(lane.broker.exchange, lane.broker.venue)
            await self._record(number, lane)

    def _is_due(self, number: int, lane: Lane) -> bool:
        """Return True for an account that may have changed. Its first reconciliation comes before: it protects."""
        asked, now = self._asked.get(number, 0.0), time.time()
        if lane.reconciled_at is None or now - asked < ASKED_AT_MOST_EVERY:
            return False
        return now - asked >= ASKED_EVERY or (lane.heard_at or 0.0) >= asked

    def _told(self, number: int, balances: Mapping[str, Balance]) -> None:
        self._held[number] = {name: one.free + one.locked for name, one in balances.items() if one.free or one.locked}

    async def _price(self, exchange: str, venue: str) -> None:
        """Publish the prices of all currencies that are held at an exchange and venue."""
        key, now = (exchange, venue), time.time()
        if now - self._priced.get(key, 0.0) < PRICED_EVERY:
            return
        self._priced[key] = now
        here = {n for n, lane in self._lanes.items() if (lane.broker.exchange, lane.broker.venue) == key}
        held = frozenset(name for number in here for name in self._held.get(number, {}))
        markets = await self._clients.markets(exchange, venue)
        symbols = needed(held, frozenset(name for name, market in markets.items() if market.active), CURRENCY)
        if symbols:
            client = await self._clients.of(exchange, venue)
            tickers = await client.tickers([markets[symbol] for symbol in sorted(symbols)])
            rates = {symbol: f"{ticker.last:f}" for symbol, ticker in tickers.items()}
            await asyncio.to_thread(self._house.bus.tell_rates, exchange, venue, rates)

    async def _record(self, number: int, lane: Lane) -> None:
        """Keep what an account is worth, every few minutes. A worth that leaves a currency out would be a lie."""
        now = time.time()
        if now - self._recorded.get(number, 0.0) < RECORDED_EVERY:
            return
        told = await asyncio.to_thread(self._house.bus.rates, lane.broker.exchange, lane.broker.venue)
        valued = equity(self._held[number], Prices.read(told), CURRENCY)
        if not valued.missing:
            self._recorded[number] = now
            await asyncio.to_thread(
                self._house.equity.record, number, lane.broker.user, utc_now(), CURRENCY, valued.worth
            )
