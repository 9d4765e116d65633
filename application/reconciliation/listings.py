"""Listings: which orders of one broker its exchange is asked for, open ones and those that ended unheard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from application.orders.account import Account
from application.ports.exchange import OrderReport, PartlyUnreadable, RefusedByExchange, Scrap
from application.ports.stores import AccountSnapshot
from domain.market import Market
from domain.order import ENDED
from domain.reconciliation import Occasion

T = TypeVar("T")

MOST_MARKETS = 13
"""How many markets are asked for one by one: Binance weighs a list of one market 6 and the whole account's 80."""
ASKED_AT_ONCE = 8
"""How many questions of one kind are asked at the same time."""
LONGEST_AWAY, OVERLAP = timedelta(days=7), timedelta(minutes=10)
"""How far back ended orders are looked for after an outage, and how much of what was seen is looked at again."""


async def ask_each(subjects: Iterable[T], ask: Callable[[T], Awaitable[None]]) -> None:
    """Ask about all of them, some at the same time. Raises the first failure, once all have been asked about."""
    leave = asyncio.Semaphore(ASKED_AT_ONCE)

    async def asked(subject: T) -> None:
        async with leave:
            await ask(subject)

    for failure in await asyncio.gather(*map(asked, subjects), return_exceptions=True):
        if failure is not None:
            raise failure


@dataclass(frozen=True)
class Listed:
    """What was said of orders, and the parts of it that cannot be read."""

    reports: list[OrderReport] = field(default_factory=list)
    scraps: list[Scrap] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """Markets of which the exchange refuses to speak, and its words: a finding about them, not about the others."""

    async def add(self, asked: Awaitable[Sequence[OrderReport]]) -> None:
        """Take the answer. Raises as `ExchangeClient.open_orders`, except for what can be read in part."""
        try:
            self.reports.extend(await asked)
        except PartlyUnreadable as partly:
            self.reports.extend(partly.reports)
            self.scraps.extend(partly.scraps)

    async def add_market(self, market: Market, asked: Awaitable[Sequence[OrderReport]]) -> None:
        """Take the answer about one market; a definite refusal to speak of it stands in no other's way."""
        try:
            await self.add(asked)
        except RefusedByExchange as refused:
            if refused.code != "symbol_unknown":
                raise
            self.refused[market.symbol] = str(refused)


@dataclass(frozen=True)
class Look:
    """A look at the past of an account, which may take several tries: what it has read of a symbol stays read."""

    began: AccountSnapshot
    past: dict[str, Listed] = field(default_factory=dict)


class Listings:
    """The lists of one broker, and how far its past has been looked at."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._last: AccountSnapshot | None = None
        self._look: Look | None = None
        self.balances: Mapping[str, Decimal] = {}
        """What the account held of each currency when its past was last asked for."""

    async def of(self, occasion: Occasion, live: set[str], held: set[str]) -> tuple[Listed, Listed]:
        """What the exchange calls open, and what ended since the last look; a poll asks for live symbols only.

        At the start it is urgent: no stop is placed before it is known.
        """
        if occasion is Occasion.POLL:
            return await self._open(live), Listed()
        urgent = occasion is Occasion.START
        listed = await self._open(None, urgent=urgent)
        return listed, await self._ended(live | held, urgent=urgent)

    async def _open(self, symbols: Collection[str] | None, *, urgent: bool = False) -> Listed:
        """Open orders of some symbols, or of the whole account (None). Raises as `Listed.add`."""
        account, listed = self._account, Listed()
        markets = [] if symbols is None else self._markets_of(symbols)
        if symbols is None or len(markets) > MOST_MARKETS:
            await listed.add(account.exchange.open_orders(account.credentials, urgent=urgent))
        else:
            asked = (listed.add_market(m, account.exchange.open_orders(account.credentials, m)) for m in markets)
            await asyncio.gather(*asked)
        return listed

    async def _ended(self, symbols: set[str], *, urgent: bool) -> Listed:
        """Orders that ended since the last look, of some symbols and of those whose coins moved meanwhile.

        Raises as `Listed.add`; the next try asks only of those symbols that have not been read.
        """
        account = self._account
        last = self._last = self._last or await asyncio.to_thread(account.snapshots.last, account.broker.number)
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
        """Everything up to the beginning of this look has been compared: the next look at the past starts there.

        Another process starts there only if it is `settled`: it does not know what has been said once.
        """
        assert self._look is not None
        self._last, self._look = self._look.began, None
        if settled:
            await asyncio.to_thread(self._account.snapshots.record, self._account.broker.number, self._last)

    def forget(self) -> None:
        """What has been read is to be read again."""
        self._look = None

    async def _asked_balances(self, *, urgent: bool) -> dict[str, Decimal]:
        balances = await self._account.exchange.balances(self._account.credentials, urgent=urgent)
        return {name: balance.free + balance.locked for name, balance in balances.items()}

    def _moved(self, last: AccountSnapshot | None, snapshot: AccountSnapshot) -> set[str]:
        """Symbols of coins of which there is more or less than in the last snapshot."""
        now = snapshot.balances
        before = now if last is None else last.balances
        moved = {name for name in now.keys() | before.keys() if now.get(name) != before.get(name)}
        markets = self._account.markets.values()
        return {m.symbol for m in markets if m.base in moved and m.quote in moved | now.keys() and m.active}

    def _markets_of(self, symbols: Iterable[str]) -> list[Market]:
        return [self._account.markets[symbol] for symbol in sorted({*symbols}) if symbol in self._account.markets]
