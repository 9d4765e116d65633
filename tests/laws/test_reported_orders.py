"""Facts of a report apart from the executions: the reason for which the order ended and the size it came to."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from domain.aggregate import carrying
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side, Source, Type, Wish
from tests.laws.test_differences import NOW, OPEN, a_report, an_order, found_in, names, record


@pytest.mark.parametrize(
    ("end", "ours"),
    [
        (Status.CANCELLED, "cancelled"),
        (Status.EXPIRED, "expired"),
        (Status.REJECTED, "rejected_by_exchange"),
    ],
)
def test_an_order_ends_for_the_reason_that_is_told_or_for_its_end_itself(end, ours):
    for told, kept in (("its owner left", "its owner left"), (None, ours)):
        order = an_order()
        record(order, found_in(order, a_report(end, reason=told)))
        assert (order.status, order.reason) == (end, kept)


def test_an_order_that_was_sized_by_its_cost_is_not_changed_by_the_quantity_it_came_to():
    wish = Wish("BTC/USDT", Side.BUY, Type.MARKET, cost=Decimal(100))
    with carrying(user="1"):
        order = Order(UUID(int=1), 1, 1, wish, Source.MANUAL, "t", "ARISTO_1", None, None)
        order.submit(UUID(int=7), now=NOW, valid_until=NOW, quantity=None, cost=Decimal(100), price=None)
    assert names(found_in(order, a_report(OPEN, quantity=Decimal(1)))) == ["Accepted"]
