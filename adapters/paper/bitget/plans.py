"""The paper Bitget's operations on plan orders: triggers that lie beside the order book."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from adapters.paper.bitget import NAME, forms
from adapters.paper.bitget.errors import NOT_FOUND, Error, error_of, invalid
from adapters.paper.bitget.values import (
    Parameters,
    amount,
    client_id,
    number_of,
    pair_in,
    pair_named,
    text,
    whole,
    word,
)
from adapters.paper.exchange import Paper
from adapters.paper.orders import Account, Refused
from adapters.paper.pairs import Pair
from adapters.paper.plans import LIVE, Plan
from domain.amounts import ZERO

_ROWS, _MOST_ROWS = 20, 100


class BitgetPlans:
    """The operations on plan orders."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper

    def place(self, account: Account, p: Parameters, _: str = "") -> dict[str, str]:
        """Serve trade/place-plan-order."""
        pair, side = pair_in(p, self._paper), word(p, "side", {"buy", "sell"})
        word(p, "triggerType", {"fill_price", "mark_price"})
        trigger, price, quantity, cost = self._terms(p, pair)
        named = client_id(p, f"{self._paper.now()}{next(self._paper.ledger.list_ids)}")
        try:
            made = self._paper.plans.place(
                account, pair, client_order_id=named, side=side, trigger=trigger, price=price, quantity=quantity,
                cost=cost,
            )  # fmt: skip
        except Refused as refused:
            raise error_of(refused) from refused
        return _told(made)

    def _terms(self, p: Parameters, pair: Pair) -> tuple[Decimal, Decimal | None, Decimal, Decimal]:
        """Return trigger, limit, quantity (base) and cost (quote) of a plan. Raises `Error` for too many decimals."""
        kind = word(p, "orderType", {"limit", "market"})
        by_cost = word(p, "planType", {"amount", "total"}, "amount") == "total"
        trigger, size = amount(p, "triggerPrice"), amount(p, "size")
        price = amount(p, "executePrice") if kind == "limit" else None
        rules = self._paper.markets.rules(NAME, pair)
        for value, step, name in ((trigger, rules.tick, "triggerPrice"), (price, rules.tick, "executePrice")):
            if value is not None and step and value % step:
                raise Error("40808", f"Parameter verification exception {name} checkBDScale error")
        if not by_cost and rules.step and size % rules.step:
            raise Error("40808", "Parameter verification exception size checkBDScale error")
        return trigger, price, ZERO if by_cost else size, size if by_cost else ZERO

    def change(self, account: Account, p: Parameters) -> dict[str, str]:
        """Serve trade/modify-plan-order."""
        plan = self._find(account, p)
        kept = {"planType": "amount" if plan.quantity else "total"}
        trigger, price, quantity, cost = self._terms({**kept, **p}, plan.pair)
        try:
            self._paper.plans.change(plan, trigger, price, quantity, cost)
        except Refused as refused:
            raise error_of(refused) from refused
        return _told(plan)

    def cancel(self, account: Account, p: Parameters) -> dict[str, str]:
        """Serve trade/cancel-plan-order."""
        try:
            self._paper.plans.cancel(self._find(account, p))
        except Refused as refused:
            raise error_of(refused) from refused
        return {"result": "success"}

    def cancel_many(self, account: Account, p: Parameters) -> dict[str, Any]:
        """Serve trade/batch-cancel-plan-order: those of some markets, or all."""
        given = p.get("symbolList") or []
        if not isinstance(given, list):
            raise invalid("symbolList")
        pairs = {pair_named(str(name), self._paper) for name in given}
        live = [plan for plan in self._paper.plans.of(account) if plan.status == LIVE]
        chosen = [plan for plan in live if not pairs or plan.pair in pairs]
        for plan in chosen:
            self._paper.plans.cancel(plan)
        return {"successList": [_told(plan) for plan in chosen], "failureList": []}

    def _find(self, account: Account, p: Parameters) -> Plan:
        by_id, by_name = text(p, "orderId", ""), text(p, "clientOid", "")
        found = self._paper.plans.find(account, number_of(by_id) if by_id else None, by_name or None)
        if found is None or not (by_id or by_name):
            raise Error(*NOT_FOUND)
        return found

    # --- questions -----------------------------------------------------------------------------------------------

    def current(self, account: Account, p: Parameters) -> dict[str, Any]:
        """Serve trade/current-plan-order."""
        return self._page(p, [plan for plan in self._paper.plans.of(account) if plan.status == LIVE])

    def history(self, account: Account, p: Parameters) -> dict[str, Any]:
        """Serve trade/history-plan-order."""
        return self._page(p, [plan for plan in self._paper.plans.of(account) if plan.status != LIVE])

    def _page(self, p: Parameters, plans: Sequence[Plan]) -> dict[str, Any]:
        pair = pair_in(p, self._paper) if text(p, "symbol", "") else None
        below, now = text(p, "idLessThan", ""), self._paper.now()
        since, until = whole(p, "startTime", 0), whole(p, "endTime", 2**62)
        found = [
            plan
            for plan in sorted(plans, key=lambda plan: -plan.id)
            if pair in {None, plan.pair}
            and (not below or plan.id < number_of(below))
            and since <= plan.at <= until
            and plan.hidden_until <= now
        ]
        rows = found[: whole(p, "limit", _ROWS, _MOST_ROWS)]
        return {
            "nextFlag": len(found) > len(rows), "idLessThan": forms.order_id(rows[-1].id) if rows else "",
            "orderList": [forms.plan(plan) for plan in rows],
        }  # fmt: skip

    def sub_orders(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """Serve trade/plan-sub-order: the spot order that a plan became."""
        plan = self._paper.plans.find(account, number_of(text(p, "planOrderId")))
        if plan is None:
            raise Error(*NOT_FOUND)
        return [] if plan.order is None else [forms.sub_order(plan.order)]


def _told(plan: Plan) -> dict[str, str]:
    return {"orderId": forms.order_id(plan.id), "clientOid": plan.client_order_id}
