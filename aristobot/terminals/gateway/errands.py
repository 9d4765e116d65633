"""Errands: what each event of the log asks of a lane."""

from __future__ import annotations

from typing import Any, NamedTuple

from application.orders.agenda import Errand, Task
from application.ports.stores import Store
from application.trading.positions import position_id_of
from domain.orders.order import Order
from domain.orders.wish import Side
from domain.trading.position import Position

MOVES = frozenset({"Position.Grew", "Position.Reduced", "Position.ProtectionWanted", "Position.Closed"})
"""Events of positions after which what rests may have to change."""
UNSETTLING = frozenset(
    {
        "Order.Refused", "Order.Rejected", "Order.Cancelled", "Order.Expired", "Order.Corrected", "Order.Resolved",
        "Order.Amended",
    }
)  # fmt: skip
"""Events of orders that may leave a position without the protection that it wants."""
TASKS = {
    "Order.Placed": Task.SEND,
    "Order.CancelRequested": Task.CANCEL,
    "Order.AmendRequested": Task.AMEND,
    **dict.fromkeys(MOVES | UNSETTLING, Task.GUARD),
}
"""The task for each event that asks something of a lane."""


class Asked(NamedTuple):
    """An errand, and the number of the broker whose lane runs it."""

    broker: int
    errand: Errand


def asked_by(topic: str, event: Any, store: Store) -> Asked | None:
    """Return the errand that an event asks of a lane, None for none.

    A sale that is gone, changed or came to nothing leaves coins to be protected again: its position is guarded. A buy
    leaves none.
    """
    task = TASKS.get(topic)
    if task is None:
        return None
    if topic == "Order.Placed":
        return Asked(event.broker, Errand(task, event.originator_id))
    if topic in MOVES:
        return Asked(store.get(Position, event.originator_id).broker, Errand(task, event.originator_id))
    order = store.get(Order, event.originator_id)
    if topic not in UNSETTLING:
        return Asked(order.broker, Errand(task, order.id))
    return Asked(order.broker, Errand(task, position_id_of(order, store))) if order.wish.side is Side.SELL else None
