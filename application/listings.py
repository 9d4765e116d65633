"""Listings: which orders of one broker its exchange is asked for, open ones and those that ended unheard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from application.desk import Desk
from application.exchange import OrderReport, PartlyUnreadable, Scrap
from application.ports import Sweep
from domain.market import Market
from domain.order import ENDED

MOST_MARKETS = 13
"""How many markets are asked for one by one: Binance weighs a list of one market 6 and the whole account's 80."""
LONGEST_AWAY, OVERLAP = timedelta(days=7), timedelta(minutes=10)
"""How far back ended orders are looked for after an outage, and how much of what was seen is looked at again."""


@dataclass(frozen=True)
class Listed:
    """What was said of orders, and the parts of it that cannot be read."""

    reports: list[OrderReport] = field(default_factory=list)
    scraps: list[Scrap] = field(default_factory=list)

    async def add(self, asked: Awaitable[Sequence[OrderReport]]) -> None:
        """Take the answer. Raises as `Exchange.open_orders`, but for what can be read in part."""
        try:
            self.reports.extend(await asked)
        except PartlyUnreadable as partly:
            self.reports.extend(partly.reports)
            self.scraps.extend(partly.scraps)


class Listings:
    """The lists of one broker, and how far its past has been looked at."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._last: Sweep | None = None
        self._balances: dict[str, Decimal] = {}

    async def open(self, symbols: Collection[str] | None) -> Listed:
        """Open orders of some symbols, or of the whole account (None). Raises as `Listed.add`."""
        desk, listed = self._desk, Listed()
        markets = [] if symbols is None else self._markets_of(symbols)
        if symbols is None or len(markets) > MOST_MARKETS:
            await listed.add(desk.exchange.open_orders(desk.credentials))
        else:
            await asyncio.gather(*(listed.add(desk.exchange.open_orders(desk.credentials, m)) for m in markets))
        return listed

    async def ended(self, symbols: Collection[str]) -> Listed:
        """Orders that ended since the last look, of some symbols and of those whose coins moved meanwhile.

        Raises as `Listed.add`.
        """
        desk, listed = self._desk, Listed()
        last = self._last = self._last or await asyncio.to_thread(desk.sweeps.last, desk.broker.number)
        since = max(last.at if last else desk.clock(), desk.clock() - LONGEST_AWAY) - OVERLAP
        for market in self._markets_of({*symbols} | await self._moved(last)):
            await listed.add(desk.exchange.orders_since(desk.credentials, market, since))
        return Listed([report for report in listed.reports if report.state in ENDED], listed.scraps)

    async def swept(self, began: datetime, *, settled: bool) -> None:
        """Everything up to `began` has been compared: the next look at the past starts there.

        Another process starts there only if it is `settled`: it does not know what has been said once.
        """
        self._last = Sweep(began, self._balances)
        if settled:
            await asyncio.to_thread(self._desk.sweeps.record, self._desk.broker.number, self._last)

    async def _moved(self, last: Sweep | None) -> set[str]:
        """Symbols of coins of which there is more or less than at the last sweep."""
        balances = await self._desk.exchange.balances(self._desk.credentials)
        now = self._balances = {name: balance.free + balance.locked for name, balance in balances.items()}
        before = now if last is None else last.balances
        moved = {name for name in now.keys() | before.keys() if now.get(name) != before.get(name)}
        markets = self._desk.markets.values()
        return {m.symbol for m in markets if m.base in moved and m.quote in moved | now.keys() and m.active}

    def _markets_of(self, symbols: Iterable[str]) -> list[Market]:
        return [self._desk.markets[symbol] for symbol in sorted({*symbols}) if symbol in self._desk.markets]
