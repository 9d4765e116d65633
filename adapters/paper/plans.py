"""Plan orders: triggers that an exchange keeps beside its order book, and the orders that they become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from adapters.paper.faults import Faults
from adapters.paper.ledger import Ledger
from adapters.paper.orders import Account, PaperOrder, Refused
from adapters.paper.pairs import Pair
from domain.amounts import ZERO, down_to_step

LIVE = "live"


@dataclass(eq=False)
class Plan:
    """One plan order. `status` is live, executed, fail_execute or cancelled.

    `quantity` is in base, `cost` in quote; one of them is zero. `price` is the limit of the order that it becomes, None
    for one at the market. It has no direction: `above` says on which side of the price the trigger lay when it was
    placed or moved last. `order` is the order that it became.
    """

    id: int
    account: Account
    pair: Pair
    client_order_id: str
    side: str
    trigger: Decimal
    price: Decimal | None
    quantity: Decimal
    cost: Decimal
    at: int
    above: bool
    updated: int = 0
    status: str = LIVE
    locked: Decimal = ZERO
    order: PaperOrder | None = None
    hidden_until: int = 0

    @property
    def type(self) -> str:
        """The type of the order that it becomes."""
        return "market" if self.price is None else "limit"

    @property
    def spends(self) -> str:
        """The currency that its order will spend."""
        return self.pair.quote if self.side == "buy" else self.pair.base

    def reached(self, last: Decimal) -> bool:
        """Return True when the price has come to the trigger from the side on which it was."""
        return last >= self.trigger if self.above else last <= self.trigger


Heard = Callable[[str, Plan], None]
"""A listener, called with the event and its plan. The event is placed, changed, executed, failed or cancelled."""


class Plans:
    """The plan orders of every account.

    `lock_coins` says whether a live plan locks what its order will spend. Which of the two an exchange does may not be
    known.
    """

    def __init__(self, ledger: Ledger, faults: Faults) -> None:
        self._ledger = ledger
        self._faults = faults
        self._plans: dict[int, Plan] = {}
        self.lock_coins = False
        self.listeners: list[Heard] = []
        ledger.prices.listeners.append(self._price_moved)

    def all(self) -> list[Plan]:
        """Return all plans, oldest first."""
        return [*self._plans.values()]

    def of(self, account: Account, pair: Pair | None = None) -> list[Plan]:
        """Return all plans of an account, or those in one market, oldest first."""
        return [plan for plan in self._plans.values() if plan.account is account and pair in {None, plan.pair}]

    def find(self, account: Account, plan_id: int | None = None, client_order_id: str | None = None) -> Plan | None:
        """Return the plan with either id, None when there is none that is shown."""
        now = self._ledger.clock()
        found = (self._plans.get(plan_id),) if plan_id is not None else reversed([*self._plans.values()])
        return next(
            (
                plan
                for plan in found
                if plan is not None
                and plan.account is account
                and client_order_id in {None, plan.client_order_id}
                and plan.hidden_until <= now
            ),
            None,
        )

    def enter(self, plan: Plan) -> None:
        """Add a plan to the books."""
        self._plans[plan.id] = plan

    def place(
        self,
        account: Account,
        pair: Pair,
        *,
        client_order_id: str,
        side: str,
        trigger: Decimal,
        price: Decimal | None,
        quantity: Decimal = ZERO,
        cost: Decimal = ZERO,
    ) -> Plan:
        """Accept a plan order. Raises `Refused` for a client id in use, and when coins are missing that it locks."""
        if any(plan.client_order_id == client_order_id for plan in self.of(account) if plan.status == LIVE):
            raise Refused("duplicate")
        now, last = self._ledger.clock(), self._ledger.prices.last[pair.symbol]
        plan = Plan(
            next(self._ledger.order_ids), account, pair, client_order_id, side, trigger, price, quantity, cost, now,
            trigger > last, now,
        )  # fmt: skip
        if self.lock_coins:
            account.lock(plan.spends, self._spending(plan))
            plan.locked = self._spending(plan)
        self.enter(plan)
        self._say("placed", plan)
        return plan

    def change(self, plan: Plan, trigger: Decimal, price: Decimal | None, quantity: Decimal, cost: Decimal) -> None:
        """Move a live plan, or change its size. Raises `Refused` when it is live no longer or coins are missing."""
        if plan.status != LIVE:
            raise Refused("unknown_order")
        before = plan.trigger, plan.price, plan.quantity, plan.cost
        plan.trigger, plan.price, plan.quantity, plan.cost = trigger, price, quantity, cost
        if self.lock_coins:
            more = self._spending(plan) - plan.locked
            try:
                plan.account.lock(plan.spends, more) if more > 0 else plan.account.unlock(plan.spends, -more)
            except Refused:
                plan.trigger, plan.price, plan.quantity, plan.cost = before
                raise
            plan.locked += more
        plan.above = trigger > self._ledger.prices.last[plan.pair.symbol]
        plan.updated = self._ledger.clock()
        self._say("changed", plan)

    def cancel(self, plan: Plan) -> None:
        """Cancel a live plan. Raises `Refused` when it is live no longer."""
        if plan.status != LIVE:
            raise Refused("unknown_order")
        self._end(plan, "cancelled", "cancelled")

    def _spending(self, plan: Plan) -> Decimal:
        """Return what the order of a plan will spend: base for a sale, quote for a buy."""
        if plan.side == "sell":
            return plan.quantity
        return plan.cost or plan.quantity * (plan.price or plan.trigger)

    def _end(self, plan: Plan, status: str, event: str) -> None:
        plan.status, plan.updated = status, self._ledger.clock()
        if plan.locked:
            plan.account.unlock(plan.spends, plan.locked)
            plan.locked = ZERO
        self._say(event, plan)

    def _price_moved(self, symbol: str, price: Decimal) -> None:
        for plan in [*self._plans.values()]:
            if plan.status == LIVE and plan.pair.symbol == symbol and plan.reached(price):
                self._execute(plan)

    def _execute(self, plan: Plan) -> None:
        """Place the order of a plan whose trigger was reached. A plan whose order is refused has failed."""
        fault = self._faults.take("trigger", plan.account.exchange, plan.pair.symbol)
        if plan.locked:
            plan.account.unlock(plan.spends, plan.locked)
            plan.locked = ZERO
        if fault is not None:
            self._end(plan, "fail_execute", "failed")
            return
        try:
            quantity, cost = plan.quantity, plan.cost
            if plan.price is not None and cost:
                step = self._ledger.markets.rules(plan.account.exchange, plan.pair).step or plan.pair.step
                quantity, cost = down_to_step(cost / plan.price, step), ZERO
            plan.order = self._ledger.place(
                plan.account, plan.pair, client_order_id=f"plan{plan.id}", side=plan.side, type=plan.type,
                quantity=quantity, quote_quantity=cost, price=plan.price,
            )  # fmt: skip
        except Refused:
            self._end(plan, "fail_execute", "failed")
        else:
            self._end(plan, "executed", "executed")

    def _say(self, what: str, plan: Plan) -> None:
        for listener in self.listeners:
            listener(what, plan)
