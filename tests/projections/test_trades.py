"""The orders that the console shows before more are asked for."""

from __future__ import annotations

from domain.aggregate import Personal, carrying
from domain.orders.wish import Side
from projections import trades
from projections.books.reading import as_user

FEW = 5


def refused(database, store, side):
    """Place and refuse an order, so that it is never sent."""
    order = database.placed(store, side=side)
    with carrying(user="1"):
        order.refuse("stale", "too late")
        store.save(order)
    return order


def test_an_order_that_is_tried_again_and_again_pushes_out_nothing_that_matters(database, project):
    """Orders in doubt, open orders, filled orders and sales that were never sent stay on the page."""
    store = database.store()
    with carrying(user="1"):
        doubtful, filled = database.submitted(store), database.filled(store)
        late, old = refused(database, store, Side.SELL), refused(database, store, Side.BUY)
        tries = [database.submitted(store, side=Side.SELL) for _ in range(FEW * 2)]
        for order in tries:
            order.reject("protection_refused", Personal("no"))
            store.save(order)
    project(1)
    with as_user(database.store("aristobot_web").pool, 1) as cursor:
        rows = trades.recent(cursor, FEW)
    shown = [row["id"] for row in rows]
    assert {doubtful.id, filled.id, late.id} <= {*shown}
    assert old.id not in shown
    assert len(shown) == len({*shown}) == FEW + 3
    assert [row["created_at"] for row in rows] == sorted((row["created_at"] for row in rows), reverse=True)
