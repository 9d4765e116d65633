"""Case: one position at one look, with its target, its resting legs and the trouble it has met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from application.protection.resting import holds
from application.protection.target import Target
from application.protection.trouble import Trouble
from domain.market import Market
from domain.orders.order import Order
from domain.trading.position import Position


@dataclass(frozen=True)
class Case:
    """A position at one look. `resting` holds the legs that have not ended; `trouble` outlives the look."""

    position: Position
    market: Market
    target: Target
    resting: Sequence[Order]
    trouble: Trouble

    @property
    def is_covered(self) -> bool:
        """True when stops rest for the whole target quantity.

        If no stop is wanted, any open leg is enough.
        """
        return holds(self.position, self.resting, self.target.quantity)
