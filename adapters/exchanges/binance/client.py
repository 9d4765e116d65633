"""The Binance spot client: one instance per venue, with credentials passed to every call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from adapters.exchanges.binance import depth_stream, market_stream, messages, parameters, rules, streams
from adapters.exchanges.binance.errors import error_of
from adapters.exchanges.binance.signing import query_string, signed_query
from adapters.exchanges.binance.trading import RECEIVE_WINDOW, Trading
from adapters.exchanges.decoding import understood
from adapters.exchanges.hosts import Hosts
from adapters.exchanges.http import Answer, Http, Pace
from application.ports.errors import NoAnswer, NotAccepted
from application.ports.market_data import DayTicker, DepthEvent, MarketEvent, Ticker
from application.ports.statements import (
    Balance,
    Capabilities,
    Credentials,
    Fill,
    OrderName,
    OrderReport,
    PartlyUnreadable,
    Rights,
    Scrap,
)
from domain.candles.bar import Bar
from domain.candles.timeframes import TIMEFRAMES
from domain.market import Market
from domain.orders.wish import Term
from domain.people.broker import Venue

T = TypeVar("T")

WEIGHT_PER_MINUTE = 6000
CAPABILITIES = Capabilities(
    lists=True, locks=True, trailing=True, amend_quantity=True, replace=True, terms=frozenset({Term.ICEBERG})
)
_PAGE = 1000
_DAY = timedelta(hours=24)
_OK = 200


def paper_hosts(rest: str) -> Hosts:
    """Return the hosts of a paper exchange whose REST API is at this address: one port for all three."""
    sockets = rest.replace("http", "ws", 1)
    return Hosts(rest, f"{sockets}/ws-api/v3", sockets)


class Binance(Trading):
    """Binance spot at one venue. The reads are here, the changes in `Trading`."""

    def __init__(self, rest: str, ws_api: str, ws_streams: str, *, has_wallet: bool = True) -> None:
        super().__init__(ws_api, Http(rest, Pace(WEIGHT_PER_MINUTE)))
        self._ws_api = ws_api
        self._ws_streams = ws_streams
        self._has_wallet = has_wallet
        self.timeframes: Collection[str] = TIMEFRAMES.keys() - {"10m"}
        self.valid_for = RECEIVE_WINDOW.total_seconds()
        self.capabilities = CAPABILITIES

    @classmethod
    def at(cls, hosts: Hosts, venue: Venue) -> Binance:
        """Return the client of a venue. Only the testnet has no wallet beside the trading account."""
        return cls(hosts.rest, hosts.orders, hosts.streams, has_wallet=venue is not Venue.TESTNET)

    # --- public ------------------------------------------------------------------------------------------------

    async def server_time(self) -> datetime:
        """Return the exchange's clock, and keep its offset from ours for every signature."""
        answer = await self._http.read(lambda: ("/api/v3/time", {}), weight=1)
        there = understood(self._checked(answer), messages.server_time_of)
        self._keep_offset(there, answer)
        return there

    async def markets(self) -> list[Market]:
        """Return every spot market with all its filters, and apply the limits that are told with them."""
        told = await self._read("/api/v3/exchangeInfo", {}, 20, rules.information_of)
        self._http.pace.limit = told.weight or self._http.pace.limit
        self.limit_orders(told.orders)
        return told.markets

    async def tickers(self, markets: Sequence[Market], *, urgent: bool = False) -> dict[str, Ticker]:
        """Return last price, bid and ask by symbol."""
        names = {market.native: market.symbol for market in markets}
        chosen = {"symbols": msgspec.json.encode(sorted(names)).decode()} if names else {}
        sides, lasts = await asyncio.gather(
            self._read("/api/v3/ticker/bookTicker", chosen, 4, messages.best_prices_of, urgent=urgent),
            self._read("/api/v3/ticker/price", chosen, 4, messages.last_prices_of, urgent=urgent),
        )
        now = datetime.now(UTC)
        tickers = {}
        for native, last in lasts.items():
            symbol, (bid, ask) = names.get(native, native), sides.get(native, (None, None))
            tickers[symbol] = Ticker(symbol, last, bid, ask, now)
        if missing := names.keys() - lasts.keys():
            raise NoAnswer(f"no price of {sorted(missing)}", code="no_answer")
        return tickers

    async def day_tickers(self) -> list[DayTicker]:
        """Return the last 24 hours of every spot market, in the short form, which costs as much as the long one."""
        return await self._read("/api/v3/ticker/24hr", {"type": "MINI"}, 80, messages.day_tickers_of)

    async def bars(
        self,
        market: Market,
        timeframe: str,
        since: datetime,
        until: datetime | None = None,
        *,
        background: bool = False,
    ) -> list[Bar]:
        """Return up to 1000 closed bars, oldest first. Binance tells no trade ids with them."""
        named: dict[str, object] = {
            "symbol": market.native, "interval": timeframe, "limit": _PAGE, "startTime": _milliseconds(since),
        }  # fmt: skip
        if until is not None:
            named["endTime"] = _milliseconds(until) - 1
        now, length = self._now(), TIMEFRAMES[timeframe]
        found = await self._read(
            "/api/v3/klines", named, 2, lambda raw: messages.bars_of(raw, length), background=background
        )
        return [bar for bar in found if bar.ended_at <= now]

    def market_stream(self, native_symbols: Sequence[str]) -> AsyncIterator[tuple[MarketEvent, str]]:
        """Stream trades and closed candles of one minute, over a connection of its own."""
        return market_stream.events(self._ws_streams, native_symbols)

    def depth_stream(self, native_symbol: str) -> AsyncIterator[DepthEvent]:
        """Stream the best levels of a market's book and its trades, over a connection of its own."""
        return depth_stream.events(self._ws_streams, native_symbol)

    # --- the account -------------------------------------------------------------------------------------------

    async def balances(self, credentials: Credentials, *, urgent: bool = False) -> dict[str, Balance]:
        """Return the account's balances by currency, without those that are zero."""
        chosen = {"omitZeroBalances": "true"}
        return await self._signed("/api/v3/account", chosen, credentials, 20, messages.balances_of, urgent=urgent)

    async def rights(self, credentials: Credentials) -> Rights:
        """Return what the key may do, as the wallet API tells it.

        The testnet has no wallet API; its account at least tells whether it may trade.
        """
        if not self._has_wallet:
            may_trade = await self._signed("/api/v3/account", {}, credentials, 20, messages.may_trade_of)
            return Rights(may_trade, None, None)
        return await self._signed("/sapi/v1/account/apiRestrictions", {}, credentials, 1, messages.rights_of)

    async def count_orders(self, credentials: Credentials) -> None:
        """Take over Binance's own count of the account's new orders (weight 40)."""
        asked_at = self._now() / 1000
        told = await self._signed("/api/v3/rateLimit/order", {}, credentials, 40, rules.order_counts_of, urgent=True)
        self.take_counts(credentials, told, asked_at)

    async def query(self, credentials: Credentials, market: Market, name: OrderName) -> OrderReport:
        """Return one order, by our client order id or by Binance's id."""
        named = {"symbol": market.native, **parameters.of_name(name)}
        return await self._signed("/api/v3/order", named, credentials, 4, messages.report_of, urgent=True)

    async def open_orders(
        self, credentials: Credentials, market: Market | None = None, *, urgent: bool = False
    ) -> list[OrderReport]:
        """Return all resting orders, of one market or of all."""
        named = {"symbol": market.native} if market else {}
        weight = 6 if market else 80
        return await self._signed("/api/v3/openOrders", named, credentials, weight, messages.reports_of, urgent=urgent)

    async def orders_since(
        self, credentials: Credentials, market: Market, since: datetime, *, urgent: bool = False
    ) -> list[OrderReport]:
        """Return all orders created since a moment, read day by day (Binance's longest range) and page by page.

        A day is complete only when a page brings nothing new: a short page may have been cut below the size asked for.
        """
        found: dict[str, OrderReport] = {}
        scraps: dict[str, Scrap] = {}
        start, now = since, datetime.now(UTC) + self.clock_offset
        while start <= now:
            end = min(start + _DAY, now + timedelta(seconds=1))
            named: dict[str, object] = {
                "symbol": market.native, "limit": _PAGE,
                "startTime": _milliseconds(start), "endTime": _milliseconds(end),
            }  # fmt: skip
            try:
                page = await self._signed(
                    "/api/v3/allOrders", named, credentials, 20, messages.reports_of, urgent=urgent
                )
                length = len(page)
            except PartlyUnreadable as partly:
                page, length = [*partly.reports], len(partly.reports) + len(partly.scraps)
                scraps |= {scrap.exchange_order_id: scrap for scrap in partly.scraps}
            known = len(found)
            found.update((report.exchange_order_id, report) for report in page)
            newest = max((report.created_at for report in page if report.created_at is not None), default=None)
            if newest is None and length >= _PAGE:
                raise NoAnswer("a full page of orders without a time", code="no_answer")
            if newest is None or (len(found) == known and length < _PAGE):
                start = end + timedelta(milliseconds=1)
            else:
                start = max(min(newest, end), start + timedelta(milliseconds=1))
        if scraps:
            raise PartlyUnreadable([*found.values()], [*scraps.values()])
        return [*found.values()]

    async def fills_of(self, credentials: Credentials, market: Market, exchange_order_id: str) -> list[Fill]:
        """Return all fills of one order with their fees."""
        found: list[Fill] = []
        named: dict[str, object] = {"symbol": market.native, "orderId": exchange_order_id, "limit": _PAGE}
        while True:
            page = await self._signed("/api/v3/myTrades", named, credentials, 5, messages.fills_of, urgent=True)
            found += page
            if len(page) < _PAGE:
                return found
            named["fromId"] = int(page[-1].trade_id) + 1

    def reports(self, credentials: Credentials) -> AsyncIterator[OrderReport | None]:
        """Stream the order reports of one account; a None says that the subscription stands."""
        return streams.reports(self._http.session, self._ws_api, credentials, self._now)

    async def close(self) -> None:
        """Close all connections."""
        await self._entry.close()
        await super().close()

    # --- the wire ----------------------------------------------------------------------------------------------

    def _stamped(self, named: Mapping[str, object]) -> dict[str, object]:
        return {**named, "recvWindow": int(RECEIVE_WINDOW.total_seconds() * 1000), "timestamp": self._now()}

    async def _read(
        self,
        path: str,
        named: Mapping[str, object],
        weight: int,
        meaning: Callable[[bytes], T],
        *,
        urgent: bool = False,
        background: bool = False,
    ) -> T:
        query = f"{path}?{query_string(named)}" if named else path
        answer = await self._http.read(lambda: (query, {}), weight=weight, urgent=urgent, background=background)
        return understood(self._checked(answer), meaning)

    async def _signed(
        self,
        path: str,
        named: Mapping[str, object],
        credentials: Credentials,
        weight: int,
        meaning: Callable[[bytes], T],
        *,
        urgent: bool = False,
    ) -> T:
        def make() -> tuple[str, Mapping[str, str]]:
            query = signed_query(self._stamped(named), credentials.secret)
            return f"{path}?{query}", {"X-MBX-APIKEY": credentials.key}

        try:
            raw = self._checked(await self._http.read(make, weight=weight, urgent=urgent))
        except NotAccepted as refused:
            if refused.code != "clock_skewed":
                raise
            await self.server_time()  # our clock is off: measure it again and repeat the request once
            raw = self._checked(await self._http.read(make, weight=weight, urgent=urgent))
        return understood(raw, meaning)

    def _checked(self, answer: Answer) -> bytes:
        if used := answer.headers.get("X-MBX-USED-WEIGHT-1M"):
            self._http.pace.told(used, answer.sent_at)
        if answer.status == _OK:
            return answer.body
        if pause := answer.headers.get("Retry-After"):
            self._http.pace.asked_for_silence(pause)
        raise error_of(answer.status, answer.body)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
