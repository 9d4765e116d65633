"""Lineage: the spot orders that plan orders have become. Each joins its parent before anything is told of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from application.ports.statements import ExchangeId, OrderName, OrderReport
from domain.aggregate import Personal
from domain.orders.order_status import Status
from domain.orders.wish import Side, Type

MOST_ALONE = 50_000
"""The most spot orders that are remembered as having no plan order. A forgotten one is asked about again."""


class Lineage:
    """The plan orders of an account that this process has met, and whether a spot order is one of theirs."""

    def __init__(self) -> None:
        self._plans: dict[str, OrderReport] = {}
        self._ids: dict[str, str] = {}
        self._types: dict[str, Type] = {}
        self._parents: dict[str, str] = {}
        self._children: dict[str, str] = {}
        self._alone: dict[str, None] = {}

    # --- plan orders -----------------------------------------------------------------------------------------------

    def meet(self, plan: OrderReport) -> None:
        """Remember a plan order as it stands now."""
        self._plans[plan.exchange_order_id] = plan
        if plan.client_order_id:
            self._ids[plan.client_order_id] = plan.exchange_order_id
        if plan.type is not None:
            self._types[plan.exchange_order_id] = plan.type

    def plan_named(self, name: OrderName) -> str | None:
        """Return the id of the plan order with this name, None for one that is not known."""
        plan_id = name.value if isinstance(name, ExchangeId) else self._ids.get(name)
        return plan_id if plan_id in self._plans else None

    def typed(self, plan: OrderReport) -> OrderReport:
        """Return a plan order with the type that was found when it was met first, if it was."""
        return replace(plan, type=self._types.get(plan.exchange_order_id))

    def child_of(self, plan_id: str) -> str | None:
        """Return the id of the order that a plan order has become, None while that is not known."""
        return self._children.get(plan_id)

    # --- spot orders -----------------------------------------------------------------------------------------------

    def ours(self, client_order_id: str) -> None:
        """Note that a spot order under this id is about to be sent: no plan order becomes one of that name."""
        self._alone[client_order_id] = None
        self._forget()

    def alone(self, orders: Iterable[OrderReport]) -> None:
        """Note that no plan order has become one of these."""
        self._alone.update(dict.fromkeys(order.exchange_order_id for order in orders))
        self._forget()

    def _forget(self) -> None:
        for _ in range(len(self._alone) - MOST_ALONE):
            del self._alone[next(iter(self._alone))]

    def is_new(self, order: OrderReport) -> bool:
        """Return True when a spot order may be that of a plan order that is not known yet."""
        known = order.exchange_order_id in self._parents or order.exchange_order_id in self._alone
        return not known and order.client_order_id not in self._alone

    def possible_parents(self, orders: Iterable[OrderReport]) -> list[OrderReport]:
        """Return the plan orders that may have become one of these orders."""
        shapes = {_shape(order) for order in orders}
        return [
            plan
            for plan_id, plan in self._plans.items()
            if plan_id not in self._children and _shape(plan) in shapes and plan.state is Status.OPEN
        ]

    def adopt(self, plan_id: str, order_id: str) -> None:
        """Note that a plan order has become this order."""
        self._children[plan_id], self._parents[order_id] = order_id, plan_id

    def joined(self, order: OrderReport) -> OrderReport:
        """Return a spot order as its plan order, or as it is when it has none."""
        plan_id = self._parents.get(order.exchange_order_id)
        return order if plan_id is None else join(self.typed(self._plans[plan_id]), order)


def _shape(order: OrderReport) -> tuple[str, Side, bool]:
    """Return market, side, and True for an order with a price."""
    return order.native_symbol, order.side, order.price is not None


def join(plan: OrderReport, order: OrderReport) -> OrderReport:
    """Return what has become of a plan order, under its own names, with both of Bitget's answers as `raw`."""
    both = Personal(f'{{"plan": {plan.raw}, "order": {order.raw}}}')
    return replace(
        order, exchange_order_id=plan.exchange_order_id, client_order_id=plan.client_order_id,
        quantity=plan.quantity if order.side is Side.SELL else order.quantity, price=plan.price, type=plan.type,
        stop_price=plan.stop_price, created_at=plan.created_at, raw=both,
    )  # fmt: skip
