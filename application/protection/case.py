"""A case: one position at one look, with what is wanted for it, what rests, and what has stood in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from application.protection.resting import holds
from application.protection.target import Target
from application.protection.trouble import Trouble
from domain.market import Market
from domain.order import Order
from domain.position import Position


@dataclass(frozen=True)
class Case:
    """`resting` are the legs that have not ended; `trouble` outlives the look."""

    position: Position
    market: Market
    target: Target
    resting: Sequence[Order]
    trouble: Trouble

    @property
    def is_covered(self) -> bool:
        """Whether stops rest for everything that is to be protected."""
        return holds(self.position, self.resting, self.target.quantity)
