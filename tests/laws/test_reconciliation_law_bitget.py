"""The law of reconciliation at Bitget, where an order of ours may wait as a plan and become another order there."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from adapters.paper.bitget import forms
from adapters.paper.pairs import PAIRS
from application.ports.errors import NoAnswer
from application.ports.statements import Credentials
from domain.orders.order_status import Status
from domain.orders.wish import Side, Type, Wish
from tests.laws.bitget_in_process import BitgetInProcess
from tests.laws.examples import examples
from tests.laws.test_reconciliation_law import (
    PRICES,
    SIZES,
    STATES,
    History,
    brokers,
    levels,
    one_of,
    symbols,
)


class BitgetHistory(History):
    exchange = "bitget"
    states = {**STATES, "expired": Status.CANCELLED, "live": Status.OPEN, "fail_execute": Status.EXPIRED}  # noqa: RUF012

    def a_port(self, balances):
        """Return the port to a new account, in markets that allow any price."""
        for symbol in PRICES:
            wide = {"PERCENT_PRICE_BY_SIDE": {"bidMultiplierUp": "5", "askMultiplierDown": "0.2"}}
            self.paper.markets.change("bitget", PAIRS[symbol], filters=wide)
        key = f"key {len(self.paper.ledger.accounts)}"
        account = self.paper.ledger.open_account("bitget", balances, key, "secret", "phrase")
        return BitgetInProcess(self.paper, account, Credentials(key, "secret", "phrase"))

    def a_broker(self, number):
        here = super().a_broker(number)
        here.account.credentials = here.port.keys
        return here

    def sized(self, wish):
        """Return the size of an order as it is sent: that of a market buy is its cost."""
        if (wish.type, wish.side) == (Type.MARKET, Side.BUY):
            return {"quantity": None, "cost": wish.quantity * PRICES[wish.symbol]}
        return super().sized(wish)

    def name_of(self, there):
        """Return the id by which Bitget calls a trade, or the order of ours of which it is a part."""
        plan = next((plan for plan in self.paper.plans.all() if plan.order is there), None)
        return forms.order_id((plan or there).id)

    def there(self, order):
        """Return an order as Bitget has it. A plan that waits has no trades, and one that was executed is its order."""
        for plan in self.paper.plans.all():
            if forms.order_id(plan.id) == order.exchange_order_id:
                return plan.order or SimpleNamespace(
                    status=plan.status,
                    trades=[],
                    filled=Decimal(0),
                    quantity=plan.quantity,
                    rests=plan.status == "live",
                )
        [there] = [o for o in self.paper.ledger.orders.values() if forms.order_id(o.id) == order.exchange_order_id]
        return there

    @rule(
        broker=brokers, symbol=symbols, level=levels, at_limit=st.booleans(),
        fate=st.sampled_from(["answered", "answer lost", "died", "elsewhere"]),
    )  # fmt: skip
    def wait_for(self, broker, symbol, level, at_limit, fate):
        """Place an order that waits to sell, ours or one made elsewhere."""
        here, name = self.here[broker], self.a_name("web" if fate == "elsewhere" else "ARISTO")
        trigger, size = level * PRICES[symbol], SIZES[symbol]
        price = trigger * Decimal("0.99") // PAIRS[symbol].tick * PAIRS[symbol].tick if at_limit else None
        placed = {"client_order_id": name, "side": "sell", "trigger": trigger, "price": price, "quantity": size}
        if fate == "elsewhere":
            self.paper.plans.place(here.ledger, PAIRS[symbol], **placed)
            return
        kind = Type.STOP_LOSS_LIMIT if at_limit else Type.STOP_LOSS
        wish = Wish(symbol, Side.SELL, kind, quantity=size, price=price, stop_price=trigger)
        order = self.submitted(here, name, wish)
        self.paper.plans.place(here.ledger, PAIRS[symbol], **placed)
        if fate == "answered":
            report = self.wait(here.port.query(here.port.keys, here.account.markets[symbol], name))
            self.wait(here.lane.orders.take(order.id, report))
        elif fate == "answer lost":
            self.wait(here.lane.orders.doubted(order, NoAnswer("silence")))

    def waiting(self):
        return [plan for plan in self.paper.plans.all() if plan.status == "live"]

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def cancel_there(self, data):
        """Cancel a plan as on the exchange's own page."""
        self.paper.plans.cancel(one_of(data, self.waiting()))

    @precondition(lambda self: self.resting())
    @rule(data=st.data(), smaller=st.booleans())
    def change_there(self, data, smaller):
        """Cancel an order as on the exchange's own page. Nothing can be made smaller where it rests."""
        self.paper.ledger.cancel(one_of(data, self.resting()))


BitgetHistory.TestCase.settings = settings(max_examples=examples(20), stateful_step_count=25, deadline=None)
test_two_reconciliations_later_the_books_are_the_truth = BitgetHistory.TestCase
