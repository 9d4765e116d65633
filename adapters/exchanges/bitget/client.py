"""The Bitget spot client: one instance per venue, with credentials passed to every call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from adapters.exchanges.bitget import market_stream, messages, parameters, rules, streams
from adapters.exchanges.bitget.limits import most
from adapters.exchanges.bitget.native import amount_of
from adapters.exchanges.bitget.wire import Wire
from adapters.exchanges.decoding import understood
from application.ports.errors import ExchangeError, NoAnswer, OrderNotFound, RefusedByExchange
from application.ports.market_data import DayTicker, MarketEvent, Ticker
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
    PartlyUnreadable,
    Replacement,
    Rights,
    Scrap,
)
from domain.aggregate import Personal
from domain.amounts import ZERO
from domain.candles.bar import Bar
from domain.candles.timeframes import TIMEFRAMES
from domain.market import Market
from domain.orders.order_status import Status
from domain.orders.wish import Type

CAPABILITIES = Capabilities(lists=False, locks=False, trailing=False, amend_quantity=False, replace=False)
GRANULARITIES = {"1m": "1min", "3m": "3min", "5m": "5min", "15m": "15min", "1h": "1h", "4h": "4h"}
RECENT = timedelta(days=28)
"""The time for which bars of minutes are told by `candles`; older ones by `history-candles`."""
_PLACE, _CANCEL = "/api/v2/spot/trade/place-order", "/api/v2/spot/trade/cancel-order"
_PAGE, _CANDLES, _OLD_CANDLES = 100, 1000, 200


class Bitget(Wire):
    """Bitget spot at one venue, with its private and its public socket."""

    def __init__(self, rest: str, private: str, public: str) -> None:
        super().__init__(rest)
        self._private, self._public = private, public
        self.timeframes: Collection[str] = GRANULARITIES.keys()
        self.capabilities = CAPABILITIES

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
        first = -(-_milliseconds(since) // length) * length
        last = now if until is None else min(_milliseconds(until), now)
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
        """Return one order, by our client id (for two hours) or by Bitget's id."""
        path, named = "/api/v2/spot/trade/orderInfo", parameters.of_name(name)
        found = await self._signed(path, named, credentials, messages.reports_of, urgent=True)
        if not found:
            raise OrderNotFound(f"Bitget does not show {named}", code="order_not_found")
        return found[0]

    async def open_orders(
        self, credentials: Credentials, market: Market | None = None, *, urgent: bool = False
    ) -> list[OrderReport]:
        """Return all resting orders, of one market or of all, from every page."""
        named = {"symbol": market.native} if market else {}
        path = "/api/v2/spot/trade/unfilled-orders"
        return await self._pages(path, named, credentials, messages.open_reports_of, urgent=urgent)

    async def orders_since(
        self, credentials: Credentials, market: Market, since: datetime, *, urgent: bool = False
    ) -> list[OrderReport]:
        """Return all orders created since a moment: those that have ended, and those that rest.

        What rests is asked for first: an order that ends meanwhile is then told by the second question.
        """
        resting = await self.open_orders(credentials, market, urgent=urgent)
        named = {"symbol": market.native, "startTime": str(_milliseconds(since))}
        path = "/api/v2/spot/trade/history-orders"
        ended = await self._pages(path, named, credentials, messages.reports_of, urgent=urgent)
        found = {one.exchange_order_id: one for one in (*resting, *ended)}
        recent = [one for one in found.values() if one.created_at is None or one.created_at >= since]
        return sorted(recent, key=lambda one: int(one.exchange_order_id))

    async def _pages(
        self,
        path: str,
        named: Mapping[str, str],
        credentials: Credentials,
        meaning: Callable[[bytes], list[OrderReport]],
        *,
        urgent: bool,
    ) -> list[OrderReport]:
        """Return a list of orders from all of its pages: it is at its end when a page brings nothing new."""
        found, scraps = dict[str, OrderReport](), dict[str, Scrap]()
        below: dict[str, str] = {}
        while True:
            known = len(found) + len(scraps)
            try:
                page: Sequence[OrderReport] = await self._signed(
                    path, {**named, **below, "limit": str(_PAGE)}, credentials, meaning, urgent=urgent
                )
            except PartlyUnreadable as partly:
                page = partly.reports
                scraps |= {scrap.exchange_order_id: scrap for scrap in partly.scraps}
            found |= {report.exchange_order_id: report for report in page}
            if len(found) + len(scraps) == known:
                break
            below = {"idLessThan": str(min(map(int, (*found, *scraps))))}
        if scraps:
            raise PartlyUnreadable([*found.values()], [*scraps.values()])
        return [*found.values()]

    async def fills_of(self, credentials: Credentials, market: Market, exchange_order_id: str) -> list[Fill]:
        """Return all executions of one order with their fees, oldest first."""
        found, below = dict[str, Fill](), dict[str, str]()
        while True:
            named = {"symbol": market.native, "orderId": exchange_order_id, **below, "limit": str(_PAGE)}
            path = "/api/v2/spot/trade/fills"
            page = await self._signed(path, named, credentials, messages.fills_of, urgent=True)
            known = len(found)
            found |= {fill.trade_id: fill for fill in page}
            if len(found) == known:
                return sorted(found.values(), key=lambda fill: int(fill.trade_id))
            below = {"idLessThan": str(min(map(int, found)))}

    def market_stream(self, native_symbols: Sequence[str]) -> AsyncIterator[tuple[MarketEvent, str]]:
        """Stream trades and closed candles of one minute, over a connection of its own."""
        return market_stream.events(self._public, native_symbols)

    def reports(self, credentials: Credentials) -> AsyncIterator[OrderReport | None]:
        """Stream the order reports of one account; a None says that the subscription stands."""
        return streams.reports(self._http.session, self._private, credentials, self._now)

    # --- changes -------------------------------------------------------------------------------------------------

    async def place(self, credentials: Credentials, request: OrderRequest) -> OrderReport:
        """Send one order once, and look at it: the answer to the placement is its id alone.

        When the look fails, the report says no more than that the order was taken.
        """
        raw = await self._change(_PLACE, parameters.of_order(request), credentials)
        order_id = understood(raw, messages.order_id_of)
        try:
            named = {"orderId": order_id}
            found = await self._signed(
                "/api/v2/spot/trade/orderInfo", named, credentials, messages.reports_of, urgent=True
            )
        except ExchangeError:
            found = []
        return found[0] if found else _taken(request, order_id, raw)

    async def cancel(self, credentials: Credentials, market: Market, name: OrderName) -> OrderReport:
        """Take one order off the book, and look at what has become of it."""
        named = {"symbol": market.native, **parameters.of_name(name)}
        raw = await self._change(_CANCEL, named, credentials)
        order_id = understood(raw, messages.order_id_of)
        found = await self._signed(
            "/api/v2/spot/trade/orderInfo", {"orderId": order_id}, credentials, messages.reports_of, urgent=True
        )
        if not found:
            raise NoAnswer(f"Bitget does not show {order_id}", code="no_answer")
        return found[0]

    async def place_list(self, credentials: Credentials, request: ListRequest) -> Sequence[OrderReport]:
        """Refuse: Bitget has no orders that cancel each other."""
        raise _not_offered("list_id")

    async def cancel_list(self, credentials: Credentials, market: Market, list_id: str) -> Sequence[OrderReport]:
        """Refuse as `place_list`."""
        raise _not_offered("list_id")

    async def amend(
        self,
        credentials: Credentials,
        market: Market,
        client_order_id: str,
        new_client_order_id: str,
        quantity: Decimal,
    ) -> OrderReport:
        """Refuse: a spot order is replaced by another one, which may take it off and not be placed."""
        raise _not_offered("quantity")

    async def replace(
        self, credentials: Credentials, market: Market, old: OrderName, request: OrderRequest, *, only: Only
    ) -> Replacement:
        """Refuse: no single call changes nothing when it cannot do both."""
        raise _not_offered("replaced order")

    async def count_orders(self, credentials: Credentials) -> None:
        """Do nothing: Bitget tells no count of new orders, and limits them by the second alone."""

    def order_room(self, credentials: Credentials) -> OrderRoom:
        """Return how many new orders the account may send in this second, by our own count."""
        wait = max(self._http.pace.wait_for_change(), self._seconds.wait(_PLACE, credentials.key))
        left = 0 if wait else self._seconds.left(_PLACE, credentials.key)
        return OrderRoom(left, most(_PLACE), wait or 1.0)


def _taken(request: OrderRequest, order_id: str, raw: bytes) -> OrderReport:
    """Return a report that says no more than that an order was taken."""
    return OrderReport(
        exchange_order_id=order_id, client_order_id=request.client_order_id, native_symbol=request.market.native,
        side=request.side, state=Status.OPEN, native_status="live", quantity=request.quantity or ZERO,
        price=request.price if request.type is Type.LIMIT else None, filled=ZERO, cost=ZERO, raw=Personal(raw.decode()),
    )  # fmt: skip


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _not_offered(parameter: str) -> RefusedByExchange:
    return RefusedByExchange(f"Bitget: {parameter} is not offered for spot orders", code="order_type_not_offered")
