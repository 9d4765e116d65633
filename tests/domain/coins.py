"""Executions of coins, to be counted in a position."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

from domain.orders.execution import Execution
from tests.conftest import NOW


def executed(quantity: str, order: UUID | None = None) -> Execution:
    """Return a buy or a sale of this quantity at 100, without a fee."""
    return Execution(order or uuid4(), uuid4().hex, Decimal(quantity), Decimal(100), Decimal(0), None, NOW)
