"""Counting: whether a position knows of what orders have executed."""

from __future__ import annotations

from collections.abc import Sequence

from domain.order import Order
from domain.position import Position, key_of


def counted(position: Position, orders: Sequence[Order]) -> bool:
    """Return whether the position knows of every fill of these orders."""
    return all(key_of(order.id, trade) in position.executions for order in orders for trade in order.fills)


def explained(position: Position, orders: Sequence[Order]) -> bool:
    """Return whether all that these orders executed is listed, and the position knows of it."""
    return counted(position, orders) and not any(order.is_unexplained for order in orders)
