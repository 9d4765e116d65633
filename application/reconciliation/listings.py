"""Listings: fetching one broker's open orders, and those that may have ended unheard since the last look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from application.orders.account import Account
from application.ports.errors import RefusedByExchange
from application.ports.statements import OrderReport, PartlyUnreadable, Scrap
from application.ports.stores import AccountSnapshot, AccountSnapshots
from domain.market import Market
from domain.orders.order_status import ENDED
from domain.reconciliation import Occasion

T = TypeVar("T")

MOST_MARKETS = 13
"""The most markets that are listed one by one.

On Binance, listing one market has a request weight of 6, listing the whole account one of 80.
"""
ASKED_AT_ONCE = 8
"""The most requests of one kind that are sent at the same time."""
LONGEST_AWAY, OVERLAP = timedelta(days=7), timedelta(minutes=10)
"""The furthest back that ended orders are fetched after an outage, and how much of the last look is fetched again."""


async def ask_each(subjects: Iterable[T], ask: Callable[[T], Awaitable[None]]) -> None:
    """Ask about every subject, `ASKED_AT_ONCE` at a time. Raises the first failure after all have been asked about."""
    leave = asyncio.Semaphore(ASKED_AT_ONCE)

    async def asked(subject: T) -> None:
        async with leave:
            await ask(subject)

    for failure in await asyncio.gather(*map(asked, subjects), return_exceptions=True):
        if failure is not None:
            raise failure


@dataclass(frozen=True)
class Listed:
    """Reports of orders, and the parts of the exchange's lists that cannot be read."""

    reports: list[OrderReport] = field(default_factory=list)
    scraps: list[Scrap] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """The exchange's words by symbol where it refuses to list a market: a finding about that market only."""

    async def add(self, asked: Awaitable[Sequence[OrderReport]]) -> None:
        """Add an answer, keeping the readable part of a list. Otherwise raises as `ExchangeClient.open_orders`."""
        try:
            self.reports.extend(await asked)
        except PartlyUnreadable as partly:
            self.reports.extend(partly.reports)
            self.scraps.extend(partly.scraps)

    async def add_market(self, market: Market, asked: Awaitable[Sequence[OrderReport]]) -> None:
        """Add the answer about one market; a market unknown to the exchange does not stop the others.

        Raises as `add`, also for any other refusal.
        """
        try:
            await self.add(asked)
        except RefusedByExchange as refused:
            if refused.code != "symbol_unknown":
                raise
            self.refused[market.symbol] = str(refused)


@dataclass(frozen=True)
class Look:
    """A look at an account's past, which may take several attempts: symbols already read are not read again."""

    began: AccountSnapshot
    past: dict[str, Listed] = field(default_factory=dict)


class Listings:
    """The order lists of one broker, and how far its past has been read."""

    def __init__(self, account: Account, snapshots: AccountSnapshots) -> None:
        self._account = account
        self._snapshots = snapshots
        self._last: AccountSnapshot | None = None
        self._look: Look | None = None
        self.balances: Mapping[str, Decimal] = {}
        """The amount of each currency, locked coins included, when the account's past was last asked for."""

    async def of(self, occasion: Occasion, live: set[str], held: set[str]) -> tuple[Listed, Listed]:
        """Return the open orders, and the orders that ended since the last look.

        A poll asks only for open orders, and only in live symbols. At the start the requests are urgent: no stop is
        placed before they are answered.
        """
        if occasion is Occasion.POLL:
            return await self._open(live), Listed()
        urgent = occasion is Occasion.START
        listed = await self._open(None, urgent=urgent)
        return listed, await self._ended(live | held, urgent=urgent)

    async def _open(self, symbols: Collection[str] | None, *, urgent: bool = False) -> Listed:
        """Return the open orders of some symbols, or of the whole account (None).

        Raises as `Listed.add_market` or, for the whole account, as `Listed.add`.
        """
        account, listed = self._account, Listed()
        markets = [] if symbols is None else self._markets_of(symbols)
        if symbols is None or len(markets) > MOST_MARKETS:
            await listed.add(account.exchange.open_orders(account.credentials, urgent=urgent))
        else:
            asked = (listed.add_market(m, account.exchange.open_orders(account.credentials, m)) for m in markets)
            await asyncio.gather(*asked)
        return listed

    async def _ended(self, symbols: set[str], *, urgent: bool) -> Listed:
        """Return the orders that ended since the last look, in `symbols` and in markets whose coins moved meanwhile.

        Raises as `Listed.add_market`; the next attempt asks only about symbols that have not been read yet.
        """
        account = self._account
        last = self._last = self._last or await asyncio.to_thread(self._snapshots.last, account.broker.number)
        now = AccountSnapshot(account.clock(), await self._asked_balances(urgent=urgent))
        self.balances = now.balances
        look = self._look = self._look if self._look is not None and self._look.past else Look(now)
        since = max(last.at if last else look.began.at, look.began.at - LONGEST_AWAY) - OVERLAP

        async def read(market: Market) -> None:
            listed = Listed()
            asked = account.exchange.orders_since(account.credentials, market, since, urgent=urgent)
            await listed.add_market(market, asked)
            ended = [report for report in listed.reports if report.state in ENDED]
            look.past[market.symbol] = Listed(ended, listed.scraps, listed.refused)

        wanted = (symbols | self._moved(last, now)) - look.past.keys()
        await ask_each(self._markets_of(wanted), read)
        past = look.past.values()
        return Listed(
            [report for listed in past for report in listed.reports],
            [scrap for listed in past for scrap in listed.scraps],
            {symbol: words for listed in past for symbol, words in listed.refused.items()},
        )

    async def keep_snapshot(self, *, settled: bool) -> None:
        """End this look: everything before its beginning is reconciled, and the next look starts from there.

        Another process starts from there only when `settled`: it does not know the suspicions of this one.
        """
        assert self._look is not None
        self._last, self._look = self._look.began, None
        if settled:
            await asyncio.to_thread(self._snapshots.record, self._account.broker.number, self._last)

    def forget(self) -> None:
        """Discard what this look has read, so that it is read again."""
        self._look = None

    async def _asked_balances(self, *, urgent: bool) -> dict[str, Decimal]:
        balances = await self._account.exchange.balances(self._account.credentials, urgent=urgent)
        return {name: balance.free + balance.locked for name, balance in balances.items()}

    def _moved(self, last: AccountSnapshot | None, snapshot: AccountSnapshot) -> set[str]:
        """Return the symbols of active markets whose base balance has changed since the last snapshot.

        A market is left out when its quote currency is in neither snapshot.
        """
        now = snapshot.balances
        before = now if last is None else last.balances
        moved = {name for name in now.keys() | before.keys() if now.get(name) != before.get(name)}
        markets = self._account.markets.values()
        return {m.symbol for m in markets if m.base in moved and m.quote in moved | now.keys() and m.active}

    def _markets_of(self, symbols: Iterable[str]) -> list[Market]:
        return [self._account.markets[symbol] for symbol in sorted({*symbols}) if symbol in self._account.markets]
