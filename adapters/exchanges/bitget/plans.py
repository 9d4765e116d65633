"""Plans: plan orders, which wait for a price beside the order book and then become spot orders with ids of their own.

A plan order and what it has become are one order here, under the names of the plan
(bitget.com/api-doc/spot/plan/Place-Plan-Order). It has no direction: it fires when the price comes to its trigger from
wherever the price was when it was placed or moved last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from adapters.exchanges.bitget import messages, parameters
from adapters.exchanges.bitget.lineage import Lineage, join
from adapters.exchanges.bitget.listing import Listing
from adapters.exchanges.bitget.native import amount_of
from adapters.exchanges.bitget.spot import Spot, milliseconds, taken_report
from application.ports.errors import NoAnswer, OrderNotFound, Unreadable
from application.ports.statements import Credentials, ExchangeId, Fill, OrderName, OrderReport, OrderRequest, Scrap
from domain.orders.order_status import ENDED
from domain.orders.wish import Side, Type

_PLACE, _CANCEL = "/api/v2/spot/trade/place-plan-order", "/api/v2/spot/trade/cancel-plan-order"
_MOVE = "/api/v2/spot/trade/modify-plan-order"
_CURRENT, _HISTORY = "/api/v2/spot/trade/current-plan-order", "/api/v2/spot/trade/history-plan-order"
_CHANGED = frozenset({"triggerPrice", "orderType", "executePrice", "size"})


class Hidden(NoAnswer):
    """The order that a plan order has become is not shown: not yet, or no longer."""


class Plans(Spot):
    """The plan orders of one venue, and the spot orders that have joined them."""

    def __init__(self, rest: str, *, demo: bool) -> None:
        super().__init__(rest, demo=demo)
        self._lineages: defaultdict[str, Lineage] = defaultdict(Lineage)
        """Those of each account, by its key: nobody is asked about another's plan orders."""

    # --- changes -------------------------------------------------------------------------------------------------

    async def _place_plan(self, credentials: Credentials, request: OrderRequest) -> OrderReport:
        """Send one plan order once. The report says no more than that it was taken: it trades later, if at all."""
        raw = await self._change(_PLACE, parameters.of_plan(request), credentials)
        taken = taken_report(request, raw)
        self._lineages[credentials.key].meet(taken)
        return taken

    async def _cancel_plan(self, credentials: Credentials, native: str, name: OrderName) -> OrderReport:
        """Take a plan order off, or the order that rests in its place. Return what has become of it.

        Raises `OrderNotFound` when there is nothing to take off any longer.
        """
        try:
            await self._change(_CANCEL, parameters.of_name(name), credentials)
        except OrderNotFound:
            plan = await self._plan_named(credentials, native, name)
            child = self._lineages[credentials.key].child_of(plan.exchange_order_id)
            if plan.state in ENDED or child is None:
                raise
            await self._cancel_order(credentials, native, {"orderId": child})
        return await self._plan_named(credentials, native, name)

    async def _move_plan(self, credentials: Credentials, name: OrderName, request: OrderRequest) -> OrderReport:
        """Change trigger, limit and size of a live plan order where it waits. Raises `OrderNotFound` for any other."""
        named = parameters.of_plan(request)
        changed = {key: value for key, value in named.items() if key in _CHANGED}
        raw = await self._change(_MOVE, {**parameters.of_name(name), **changed}, credentials)
        moved = taken_report(request, raw)
        self._lineages[credentials.key].meet(moved)
        return moved

    # --- one plan order ------------------------------------------------------------------------------------------

    async def _plan_named(self, credentials: Credentials, native: str, name: OrderName) -> OrderReport:
        """Return a plan order with what has become of it. Raises `OrderNotFound`.

        Those that wait are asked for first: one that is executed meanwhile is then found among the others.
        """
        known = self._lineages[credentials.key].plan_named(name)
        plan_id = name.value if isinstance(name, ExchangeId) else known
        for path in (_CURRENT, _HISTORY):
            if plan_id is not None and plan_id.isdecimal():
                named = {"symbol": native, "idLessThan": str(int(plan_id) + 1), "limit": "1"}
                found: Sequence[OrderReport] = await self._signed(
                    path, named, credentials, messages.plans_of, urgent=True
                )
            else:
                found = (await self._plans(path, credentials, native, urgent=True)).complete()
            for plan in found:
                if plan.exchange_order_id == plan_id or plan.client_order_id == name:
                    return await self._settled(credentials, plan)
        raise OrderNotFound(f"Bitget does not show {name}", code="order_not_found")

    async def _settled(self, credentials: Credentials, plan: OrderReport) -> OrderReport:
        """Return a plan order with what has become of it. One whose order is not shown yet still waits."""
        lineage = self._lineages[credentials.key]
        plan = lineage.typed(plan)
        lineage.meet(plan)
        if plan.native_status not in messages.EXECUTED:
            return plan
        child = await self._child_of(credentials, plan.exchange_order_id)
        if child is None:
            return plan
        with suppress(OrderNotFound):
            order = await self._order_named(credentials, ExchangeId(child))
            if order is not None:
                return join(plan, order)
        raise Hidden(f"Bitget does not show {child}", code="no_answer")

    async def _child_of(self, credentials: Credentials, plan_id: str) -> str | None:
        """Return the id of the order that a plan order has become, None for none. Raises `OrderNotFound`."""
        lineage = self._lineages[credentials.key]
        if (known := lineage.child_of(plan_id)) is not None:
            return known
        path, named = "/api/v2/spot/trade/plan-sub-order", {"planOrderId": plan_id}
        for child in await self._signed(path, named, credentials, messages.sub_orders_of, urgent=True):
            lineage.adopt(plan_id, child)
            return child
        return None

    async def _fills_of_plan(self, credentials: Credentials, native: str, plan_id: str) -> list[Fill]:
        """Return all executions of the order that a plan order has become; none for any other id."""
        try:
            child = await self._child_of(credentials, plan_id)
        except OrderNotFound:
            return []
        return [] if child is None else await self._fills_of_order(credentials, native, child)

    # --- lists ---------------------------------------------------------------------------------------------------

    async def _plans(
        self, path: str, credentials: Credentials, native: str, *, urgent: bool, since: datetime | None = None
    ) -> Listing:
        """Return the plan orders that wait, or those that no longer do, of one market or of all."""
        named = {"symbol": native} if native else {}
        if since is not None:
            named["startTime"] = str(milliseconds(since))
        found = await self._pages(path, named, credentials, messages.plans_of, urgent=urgent)
        for plan in found.reports.values():
            self._lineages[credentials.key].meet(plan)
        return found

    async def _waiting(self, credentials: Credentials, native: str, *, urgent: bool) -> Listing:
        """Return the plan orders that wait, each as a stop or as a target, whichever it is at the last price."""
        lineage = self._lineages[credentials.key]
        found = await self._plans(_CURRENT, credentials, native, urgent=urgent)
        new = [plan for plan in found.reports.values() if lineage.typed(plan).type is None]
        if new:
            path, named = "/api/v2/spot/market/tickers", {"symbol": native} if native else {}
            prices = await self._read(path, named, messages.tickers_of, urgent=urgent)
            for plan in new:
                if plan.native_symbol in prices and (last := amount_of(prices[plan.native_symbol].lastPr)):
                    lineage.meet(_with_type(plan, last))
        return found.told(map(lineage.typed, found.reports.values()))

    async def _past(self, credentials: Credentials, native: str, since: datetime, *, urgent: bool) -> Listing:
        """Return the plan orders of one market that were created since a moment and wait no longer."""
        found, past = await self._plans(_HISTORY, credentials, native, urgent=urgent, since=since), Listing()
        for plan in found.reports.values():
            try:
                past.add([await self._settled(credentials, plan)])
            except Hidden:
                past.add([], [Scrap(plan.exchange_order_id, plan.client_order_id, plan.native_symbol, plan.raw)])
        return past.over(Listing({}, found.scraps))

    async def _joined(self, credentials: Credentials, listed: Listing, *, urgent: bool) -> Listing:
        """Return a listing of spot orders, with the plan orders that have become one of them in its place.

        Only for orders that are new here the plan orders are asked for: those that wait first, as one may be executed
        between the two questions.
        """
        found, lineage = [*listed.reports.values()], self._lineages[credentials.key]
        new = [order for order in found if lineage.is_new(order)]
        for native in sorted({order.native_symbol for order in new}):
            for path in (_CURRENT, _HISTORY):
                if (await self._plans(path, credentials, native, urgent=urgent)).scraps:
                    raise Unreadable(f"plan orders in {native} that say nothing", code="no_answer")
        for plan in lineage.possible_parents(new):
            child = await self._child_of(credentials, plan.exchange_order_id)
            if child is None and plan.native_status in messages.EXECUTED:
                raise Hidden(f"Bitget does not show what {plan.exchange_order_id} has become", code="no_answer")
        lineage.alone(order for order in new if lineage.joined(order) is order)
        return listed.told(map(lineage.joined, found))


def _with_type(plan: OrderReport, last: Decimal) -> OrderReport:
    """Return a plan order that waits as a stop, or as a target, by the side of the price on which its trigger is."""
    assert plan.stop_price is not None
    below, at_limit = plan.stop_price < last, plan.price is not None
    if below is (plan.side is Side.SELL):
        return replace(plan, type=Type.STOP_LOSS_LIMIT if at_limit else Type.STOP_LOSS)
    return replace(plan, type=Type.TAKE_PROFIT_LIMIT if at_limit else Type.TAKE_PROFIT)
