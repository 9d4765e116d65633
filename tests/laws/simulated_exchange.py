"""The paper Binance in simulated time: its client needs no socket, but the time of a request."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import count
from types import SimpleNamespace

import msgspec

from adapters.exchanges.binance import messages, parameters, rules
from adapters.exchanges.binance.client import CAPABILITIES
from adapters.exchanges.binance.entry import OrderEntry
from adapters.exchanges.binance.errors import error_of
from adapters.exchanges.binance.native import NativeAnswer
from adapters.exchanges.binance.trading import Trading
from adapters.exchanges.http import Pace
from adapters.paper.binance import forms
from adapters.paper.binance.api import BinanceApi
from adapters.paper.binance.dispatcher import Dispatcher, limits_of
from adapters.paper.exchange import Paper
from adapters.paper.prices import Prices
from application.ports.errors import NoAnswer, NotAccepted
from application.ports.market_data import Ticker
from tests.laws.exchange_in_process import SlowClock

WAY = 0.02
"""Seconds that a request takes to reach the exchange. Its answer and the stream's messages take as long."""


class SimulatedEntry(OrderEntry):
    """The order-entry connection, with the paper exchange at its other end."""

    def __init__(self, dispatcher, account, http, clock):
        super().__init__("", http, 5000, clock)
        self._dispatcher, self._account, self._last = dispatcher, account, count(1)

    async def _sent(self, method, named, credentials, counts):
        self._http.spend(1)
        sent_at = asked_at = self._now() / 1000
        await asyncio.sleep(WAY)
        reply = await self._dispatcher.serve(method, {k: str(v) for k, v in named.items()}, lambda: self._account)
        await asyncio.sleep(WAY)
        if reply is None:
            raise NoAnswer("the connection was closed", code="no_answer")
        told = {
            "id": next(self._last),
            "status": reply.status,
            "rateLimits": limits_of(used=reply.used, orders=reply.orders),
        }
        if reply.status == 200:
            told["result"] = reply.told
        else:
            told["error"] = dict(reply.told)
            if reply.retry_after is not None:
                now = self._now()
                told["error"]["data"] = {"serverTime": now, "retryAfter": now + reply.retry_after * 1000}
        answer = msgspec.json.decode(msgspec.json.encode(told), type=NativeAnswer)
        return self._meant(answer, sent_at, counts, asked_at)


class SimulatedBinance(Trading):
    """One Binance account, reached through the exchange port without any real time passing."""

    valid_for, capabilities, clock_offset = 5.0, CAPABILITIES, timedelta(0)

    def __init__(self, paper, account, loop):
        self.paper, self.account = paper, account
        self.dispatcher = Dispatcher(BinanceApi(paper))
        http = SimpleNamespace(pace=Pace(6000, clock=lambda: paper.now() / 1000))
        http.spend = lambda weight: self._within(weight, change=True)
        super().__init__("", http)
        self._entry = SimulatedEntry(self.dispatcher, account, http, paper.now)
        self._loop = loop
        self._told = asyncio.Queue()
        paper.ledger.listeners.append(self._happened)

    def _now(self):
        return self.paper.now()

    def _within(self, weight, *, change=False):
        if self._http.pace.spend(weight, change=change):
            raise NotAccepted("the budget of this minute is used up", code="rate_limited")

    @property
    def busy(self):
        return self._http.pace.busy

    async def _read(self, operation, meaning, weight, **named):
        for pause in (0.2, 0.5, 1.0, None):
            self._within(weight)
            await asyncio.sleep(WAY)
            reply = await self.dispatcher.serve(operation, {k: str(v) for k, v in named.items()}, lambda: self.account)
            await asyncio.sleep(WAY)
            if reply is not None and reply.status < 500:
                break
            if pause is None:
                raise NoAnswer("no answer", code="no_answer")
            await asyncio.sleep(pause)
        if reply.status != 200:
            raise error_of(reply.status, msgspec.json.encode(reply.told))
        return meaning(msgspec.json.encode(reply.told))

    async def server_time(self):
        return await self._read("time", messages.server_time_of, 1)

    async def markets(self):
        told = await self._read("exchangeInfo", rules.information_of, 20)
        self.limit_orders(told.orders)
        return told.markets

    async def tickers(self, markets, *, urgent=False):
        names = {market.native: market.symbol for market in markets}
        chosen = {"symbols": msgspec.json.encode(sorted(names)).decode()}
        sides, lasts = await asyncio.gather(
            self._read("ticker.book", messages.best_prices_of, 4, **chosen),
            self._read("ticker.price", messages.last_prices_of, 4, **chosen),
        )
        return {names[n]: Ticker(names[n], last, *sides[n], self.paper.clock()) for n, last in lasts.items()}

    async def balances(self, _, *, urgent=False):
        return await self._read("account.status", messages.balances_of, 20, omitZeroBalances="true")

    async def count_orders(self, credentials):
        asked_at = self.paper.now() / 1000
        self.take_counts(
            credentials, await self._read("account.rateLimits.orders", rules.order_counts_of, 40), asked_at
        )

    async def query(self, _, market, name):
        return await self._read("order.status", messages.report_of, 4, symbol=market.native, **parameters.of_name(name))

    async def open_orders(self, _, market=None, *, urgent=False):
        named = {"symbol": market.native} if market else {}
        return await self._read("openOrders.status", messages.reports_of, 6 if market else 80, **named)

    async def orders_since(self, _, market, since, *, urgent=False):
        named = {"symbol": market.native, "startTime": int(since.timestamp() * 1000), "limit": 1000}
        return await self._read("allOrders", messages.reports_of, 20, **named)

    async def fills_of(self, _, market, exchange_order_id):
        return await self._read("myTrades", messages.fills_of, 5, symbol=market.native, orderId=exchange_order_id)

    async def reports(self, _):
        yield None
        while True:
            due, told = await self._told.get()
            await asyncio.sleep(max(due - self._loop.time(), 0))
            yield messages.report_of_execution(told)

    def _happened(self, what, order, trade):
        if order.account is self.account:
            cancel_id = self.dispatcher.api.cancel_ids.get(order.id, "a-cancel")
            told = forms.execution(what, order, trade, cancel_id, self.paper.now())
            self._told.put_nowait((self._loop.time() + WAY, msgspec.json.encode(told)))


class NoPast(Prices):
    """Prices without a history: nothing here asks for candles."""

    def open(self, pair):
        self.bars[pair.symbol], self._told[pair.symbol] = [], {}
        self._count(pair.symbol, pair.start, pair.step, self.clock())


class QuickPaper(SlowClock):
    """A paper exchange that is quick to create, because its prices have no history."""

    def __init__(self, clock):
        made, Paper.__init__.__globals__["Prices"] = Paper.__init__.__globals__["Prices"], NoPast
        try:
            super().__init__(clock)
        finally:
            Paper.__init__.__globals__["Prices"] = made
