"""Spot: the requests about the orders that lie in Bitget's order book, or have lain there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from adapters.exchanges.bitget import messages, parameters
from adapters.exchanges.bitget.listing import Listing
from adapters.exchanges.bitget.wire import Wire
from adapters.exchanges.decoding import understood
from application.ports.errors import ExchangeError, NoAnswer, Unreadable
from application.ports.statements import (
    Credentials,
    ExchangeId,
    Fill,
    OrderName,
    OrderReport,
    OrderRequest,
    PartlyUnreadable,
)
from domain.aggregate import Personal
from domain.amounts import ZERO
from domain.orders.order_status import Status
from domain.orders.wish import TRIGGERED, TimeInForce, Type

PLACE, CANCEL = "/api/v2/spot/trade/place-order", "/api/v2/spot/trade/cancel-order"
_PAGE = 100


class Spot(Wire):
    """The spot orders of one venue, under their own ids: none has joined a plan order yet."""

    def __init__(self, rest: str, *, demo: bool) -> None:
        super().__init__(rest, demo=demo)
        self._streaming: set[str] = set()
        """The keys of the accounts whose private stream stands."""

    async def _pages(
        self,
        path: str,
        named: Mapping[str, str],
        credentials: Credentials,
        meaning: Callable[[bytes], list[OrderReport]],
        *,
        urgent: bool,
    ) -> Listing:
        """Return a list of orders from all of its pages: it is at its end when a page brings nothing new."""
        found, below = Listing(), dict[str, str]()
        while True:
            known, asked = len(found), {**named, **below, "limit": str(_PAGE)}
            try:
                found.add(await self._signed(path, asked, credentials, meaning, urgent=urgent))
            except PartlyUnreadable as partly:
                found.add(partly.reports, partly.scraps)
            if len(found) == known:
                return found
            below = {"idLessThan": str(found.lowest())}

    async def _order_named(self, credentials: Credentials, name: OrderName) -> OrderReport | None:
        """Return one spot order, by our client id (for two hours) or by Bitget's id; None when it is not shown."""
        path, named = "/api/v2/spot/trade/orderInfo", parameters.of_name(name)
        found = await self._signed(path, named, credentials, messages.reports_of, urgent=True)
        if found and not _is(found[0], name):
            raise Unreadable(f"asked for {name}, told of {found[0].exchange_order_id}", code="no_answer")
        return found[0] if found else None

    async def _resting(self, credentials: Credentials, native: str, *, urgent: bool) -> Listing:
        """Return all spot orders that rest in one market, or everywhere for an empty name."""
        path, named = "/api/v2/spot/trade/unfilled-orders", {"symbol": native} if native else {}
        return await self._pages(path, named, credentials, messages.open_reports_of, urgent=urgent)

    async def _ended(self, credentials: Credentials, native: str, since: datetime, *, urgent: bool) -> Listing:
        """Return the spot orders of one market that were created since a moment and have ended."""
        path, named = "/api/v2/spot/trade/history-orders", {"symbol": native, "startTime": str(milliseconds(since))}
        return await self._pages(path, named, credentials, messages.reports_of, urgent=urgent)

    async def _fills_of_order(self, credentials: Credentials, native: str, order_id: str) -> list[Fill]:
        """Return all executions of one spot order with their fees, oldest first."""
        found, below = dict[str, Fill](), dict[str, str]()
        while True:
            named = {"symbol": native, "orderId": order_id, **below, "limit": str(_PAGE)}
            path = "/api/v2/spot/trade/fills"
            page = await self._signed(path, named, credentials, partial(messages.fills_of, order_id), urgent=True)
            known = len(found)
            found |= {fill.trade_id: fill for fill in page}
            if len(found) == known:
                return sorted(found.values(), key=lambda fill: int(fill.trade_id))
            below = {"idLessThan": str(min(map(int, found)))}

    async def _place_order(self, credentials: Credentials, request: OrderRequest) -> OrderReport:
        """Send one spot order once, and look at it: the answer to the placement is its id alone.

        One that may rest is not looked at while the account's stream stands, which tells its fills. Without a look, and
        when that fails, the report says no more than that the order was taken.
        """
        raw = await self._change(PLACE, parameters.of_order(request), credentials)
        taken = taken_report(request, raw)
        may_rest = request.type is Type.LIMIT and request.time_in_force in {None, TimeInForce.GTC}
        if may_rest and credentials.key in self._streaming:
            return taken
        try:
            return await self._order_named(credentials, ExchangeId(taken.exchange_order_id)) or taken
        except ExchangeError:
            return taken

    async def _cancel_order(self, credentials: Credentials, native: str, named: Mapping[str, str]) -> OrderReport:
        """Take one spot order off the book, and look at what has become of it."""
        raw = await self._change(CANCEL, {"symbol": native, **named}, credentials)
        order_id = understood(raw, messages.order_id_of)
        found = await self._order_named(credentials, ExchangeId(order_id))
        if found is None:
            raise NoAnswer(f"Bitget does not show {order_id}", code="no_answer")
        return found


def _is(order: OrderReport, name: OrderName) -> bool:
    return name in {order.client_order_id, ExchangeId(order.exchange_order_id)}


def taken_report(request: OrderRequest, raw: bytes) -> OrderReport:
    """Return a report that says no more than that an order was taken. Raises `Unreadable` for an answer without id."""
    waits = request.type in TRIGGERED
    return OrderReport(
        exchange_order_id=understood(raw, messages.order_id_of), client_order_id=request.client_order_id,
        native_symbol=request.market.native, side=request.side, state=Status.OPEN, native_status="live",
        quantity=request.quantity or ZERO, price=None if request.type is Type.MARKET else request.price,
        filled=ZERO, cost=ZERO, raw=Personal(raw.decode()), type=request.type if waits else None,
        stop_price=request.stop_price if waits else None,
    )  # fmt: skip


def milliseconds(moment: datetime) -> int:
    """Return a time as Bitget tells it (since 1970)."""
    return int(moment.timestamp() * 1000)
