"""Counting: checking that a position has counted the fills of orders."""

from __future__ import annotations

from collections.abc import Sequence

from domain.orders.execution import key_of
from domain.orders.order import Order
from domain.trading.position import Position


def counted(position: Position, orders: Sequence[Order]) -> bool:
    """Return True when the position has counted every fill of these orders."""
    return all(key_of(order.id, trade) in position.executions for order in orders for trade in order.fills)


def explained(position: Position, orders: Sequence[Order]) -> bool:
    """Return True when fills account for all that these orders executed, and the position has counted them."""
    return counted(position, orders) and not any(order.is_unexplained for order in orders)
