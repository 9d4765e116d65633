"""The Bitget spot client: one instance per venue, with credentials passed to every call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta

from adapters.exchanges.bitget import depth_stream, market_stream, messages, parameters, rules, streams
from adapters.exchanges.bitget.limits import most
from adapters.exchanges.bitget.listing import Listing
from adapters.exchanges.bitget.native import amount_of
from adapters.exchanges.bitget.plans import Plans
from adapters.exchanges.bitget.spot import PLACE, milliseconds
from adapters.exchanges.decoding import understood
from adapters.exchanges.hosts import Hosts
from application.ports.errors import ExchangeError, NoAnswer, OrderNotFound, RefusedByExchange
from application.ports.market_data import DayTicker, DepthEvent, MarketEvent, Ticker
from application.ports.statements import (
    Balance,
    Capabilities,
    Credentials,
    Fill,
    ListRequest,
    Only,
    OrderName,
    OrderReport,
    OrderRequest,
    OrderRoom,
    Replacement,
    Rights,
)
from domain.candles.bar import Bar
from domain.candles.timeframes import TIMEFRAMES
from domain.market import Market
from domain.orders.wish import TRIGGERED
from domain.people.broker import Venue

CAPABILITIES = Capabilities(
    lists=False, locks=True, trailing=False, amend_quantity=False, replace=False, amend_triggers=True,
    triggers_lock=None, directed=False,
)  # fmt: skip
"""It is not documented whether a plan order locks its coins."""
GRANULARITIES = {"1m": "1min", "3m": "3min", "5m": "5min", "15m": "15min", "1h": "1h", "4h": "4h"}
RECENT = timedelta(days=28)
"""The time for which bars of minutes are told by `candles`; older ones by `history-candles`."""
_CANDLES, _OLD_CANDLES = 1000, 200


def paper_hosts(rest: str) -> Hosts:
    """Return the hosts of a paper exchange whose REST API is at this address: one port for all three."""
    sockets = rest.replace("http", "ws", 1)
    return Hosts(rest, f"{sockets}/v2/ws/private", f"{sockets}/v2/ws/public")


class Bitget(Plans):
    """Bitget spot at one venue, with its private and its public socket."""

    def __init__(self, rest: str, private: str, public: str, *, demo: bool = False) -> None:
        super().__init__(rest, demo=demo)
        self._private, self._public = private, public
        self.timeframes: Collection[str] = GRANULARITIES.keys()
        self.capabilities = CAPABILITIES

    @classmethod
    def at(cls, hosts: Hosts, venue: Venue) -> Bitget:
        """Return the client of a venue. Demo trading shares its REST host with real trading."""
        return cls(hosts.rest, hosts.orders, hosts.streams, demo=venue is Venue.TESTNET)

    # --- public --------------------------------------------------------------------------------------------------

    async def markets(self) -> list[Market]:
        """Return every spot market with its rules."""
        return await self._read("/api/v2/spot/public/symbols", {}, rules.markets_of)

    async def tickers(self, markets: Sequence[Market], *, urgent: bool = False) -> dict[str, Ticker]:
        """Return last price, bid and ask by symbol. Bitget tells one market or all of them."""
        names = {market.native: market.symbol for market in markets}
        chosen = {"symbol": markets[0].native} if len(names) == 1 else {}
        told = await self._read("/api/v2/spot/market/tickers", chosen, messages.tickers_of, urgent=urgent)
        if missing := names.keys() - told.keys():
            raise NoAnswer(f"no price of {sorted(missing)}", code="no_answer")
        now = datetime.now(UTC)
        return {
            names.get(native, native): Ticker(
                names.get(native, native), amount_of(row.lastPr), amount_of(row.bidPr) or None,
                amount_of(row.askPr) or None, now,
            )
            for native, row in told.items()
            if not names or native in names
        }  # fmt: skip

    async def day_tickers(self) -> list[DayTicker]:
        """Return the last 24 hours of every spot market."""
        return await self._read("/api/v2/spot/market/tickers", {}, messages.day_tickers_of)

    async def bars(
        self,
        market: Market,
        timeframe: str,
        since: datetime,
        until: datetime | None = None,
        *,
        background: bool = False,
    ) -> list[Bar]:
        """Return up to 1000 closed bars, oldest first, 200 of those older than four weeks."""
        now, minutes = self._now(), TIMEFRAMES[timeframe]
        length = minutes * 60_000
        first = -(-milliseconds(since) // length) * length
        last = now if until is None else min(milliseconds(until), now)
        named: dict[str, object] = {"symbol": market.native, "granularity": GRANULARITIES[timeframe]}
        if now - first < RECENT.total_seconds() * 1000:
            path, count = "/api/v2/spot/market/candles", _CANDLES
            named |= {"startTime": first}
        else:
            path, count = "/api/v2/spot/market/history-candles", _OLD_CANDLES
        named |= {"endTime": min(last, first + count * length), "limit": count}
        found = await self._read(path, named, lambda raw: messages.bars_of(raw, minutes), background=background)
        closed = (bar for bar in found if first <= bar.opened_at and bar.ended_at <= last)
        return sorted(closed, key=lambda bar: bar.opened_at)

    # --- the account ---------------------------------------------------------------------------------------------

    async def balances(self, credentials: Credentials, *, urgent: bool = False) -> dict[str, Balance]:
        """Return the account's balances by currency, without those that are zero."""
        return await self._signed("/api/v2/spot/account/assets", {}, credentials, messages.balances_of, urgent=urgent)

    async def rights(self, credentials: Credentials) -> Rights:
        """Return what the key may do."""
        return await self._signed("/api/v2/spot/account/info", {}, credentials, messages.rights_of)

    async def query(self, credentials: Credentials, market: Market, name: OrderName) -> OrderReport:
        """Return one order, by our client id (for two hours unless it is a plan) or by Bitget's id."""
        lineage = self._lineages[credentials.key]
        if lineage.plan_named(name) is None:
            with suppress(OrderNotFound):
                found = await self._order_named(credentials, name)
                if found is not None:
                    return lineage.joined(found)
        return await self._plan_named(credentials, market.native, name)

    async def open_orders(
        self, credentials: Credentials, market: Market | None = None, *, urgent: bool = False
    ) -> Sequence[OrderReport]:
        """Return all orders that rest or wait, of one market or of all.

        Those that wait are asked for first: one that is executed meanwhile is then found where it rests.
        """
        native = market.native if market else ""
        waiting = await self._waiting(credentials, native, urgent=urgent)
        resting = await self._resting(credentials, native, urgent=urgent)
        joined = await self._joined(credentials, resting, urgent=urgent)
        return joined.over(waiting).complete()

    async def orders_since(
        self, credentials: Credentials, market: Market, since: datetime, *, urgent: bool = False
    ) -> Sequence[OrderReport]:
        """Return all orders created since a moment: those that wait, those that rest, and those that have ended.

        They are asked for in the order in which an order goes through them.
        """
        native = market.native
        waiting = await self._waiting(credentials, native, urgent=urgent)
        resting = await self._resting(credentials, native, urgent=urgent)
        past = await self._past(credentials, native, since, urgent=urgent)
        ended = await self._ended(credentials, native, since, urgent=urgent)
        joined = await self._joined(credentials, ended.over(resting), urgent=urgent)
        found = joined.over(past).over(waiting)
        recent = [one for one in found.reports.values() if one.created_at is None or one.created_at >= since]
        return sorted(found.told(recent).complete(), key=lambda one: int(one.exchange_order_id))

    async def fills_of(self, credentials: Credentials, market: Market, exchange_order_id: str) -> list[Fill]:
        """Return all executions of one order with their fees, oldest first."""
        child = self._lineages[credentials.key].child_of(exchange_order_id)
        fills = await self._fills_of_order(credentials, market.native, child or exchange_order_id)
        if fills or child is not None:
            return fills
        return await self._fills_of_plan(credentials, market.native, exchange_order_id)

    def market_stream(self, native_symbols: Sequence[str]) -> AsyncIterator[tuple[MarketEvent, str]]:
        """Stream trades and closed candles of one minute, over a connection of its own."""
        return market_stream.events(self._public, native_symbols)

    def depth_stream(self, native_symbol: str) -> AsyncIterator[DepthEvent]:
        """Stream the best levels of a market's book and its trades, over a connection of its own."""
        return depth_stream.events(self._public, native_symbol)

    async def reports(self, credentials: Credentials) -> AsyncIterator[OrderReport | None]:
        """Stream the order reports of one account; a None says that the subscription stands."""
        pushes = streams.pushes(self._http.session, self._private, credentials, self._now)
        async with aclosing(pushes) as told:
            try:
                async for push in told:
                    self._streaming.add(credentials.key)
                    yield None if push is None else await self._meaning(credentials, *push)
            finally:
                self._streaming.discard(credentials.key)

    async def _meaning(self, credentials: Credentials, channel: str, row: bytes) -> OrderReport:
        """Return what a row of the private stream tells. Raises `NoAnswer` when it cannot be found out.

        A new connection, and a look at all orders, then show what happened.
        """
        try:
            if channel == streams.PLANS:
                return await self._settled(credentials, understood(row, messages.report_of_plan_push))
            heard = Listing()
            heard.add([understood(row, messages.report_of_push)])
            [report] = (await self._joined(credentials, heard, urgent=False)).reports.values()
        except ExchangeError as error:
            raise NoAnswer(f"the stream broke: {error}", code="stream_broken") from error
        return report

    # --- changes -------------------------------------------------------------------------------------------------

    async def place(self, credentials: Credentials, request: OrderRequest) -> OrderReport:
        """Send one order once: a stop or a target as a plan order, anything else to the order book."""
        if request.type in TRIGGERED:
            return await self._place_plan(credentials, request)
        self._lineages[credentials.key].ours(request.client_order_id)
        return await self._place_order(credentials, request)

    async def cancel(self, credentials: Credentials, market: Market, name: OrderName) -> OrderReport:
        """Take one order off, wherever it rests or waits, and look at what has become of it."""
        if self._lineages[credentials.key].plan_named(name) is None:
            with suppress(OrderNotFound):
                return await self._cancel_order(credentials, market.native, parameters.of_name(name))
        return await self._cancel_plan(credentials, market.native, name)

    async def place_list(self, credentials: Credentials, request: ListRequest) -> Sequence[OrderReport]:
        """Refuse: Bitget has no orders that cancel each other."""
        raise _not_offered("list_id")

    async def cancel_list(self, credentials: Credentials, market: Market, list_id: str) -> Sequence[OrderReport]:
        """Refuse as `place_list`."""
        raise _not_offered("list_id")

    async def amend(self, credentials: Credentials, name: OrderName, request: OrderRequest) -> OrderReport:
        """Change a plan order where it waits.

        A spot order is refused: Bitget replaces it by another one, and may take it off without placing that.
        """
        if request.type not in TRIGGERED:
            raise _not_offered("quantity")
        return await self._move_plan(credentials, name, request)

    async def replace(
        self, credentials: Credentials, market: Market, old: OrderName, request: OrderRequest, *, only: Only
    ) -> Replacement:
        """Refuse: no single call changes nothing when it cannot do both."""
        raise _not_offered("replaced order")

    async def count_orders(self, credentials: Credentials) -> None:
        """Do nothing: Bitget tells no count of new orders, and limits them by the second alone."""

    def order_room(self, credentials: Credentials) -> OrderRoom:
        """Return how many new orders the account may send in this second, by our own count."""
        wait = max(self._http.pace.wait_for_change(), self._seconds.wait(PLACE, credentials.key))
        left = 0 if wait else self._seconds.left(PLACE, credentials.key)
        return OrderRoom(left, most(PLACE), wait or 1.0)


def _not_offered(parameter: str) -> RefusedByExchange:
    return RefusedByExchange(f"Bitget: {parameter} is not offered for spot orders", code="order_type_not_offered")
