"""The class that strategies derive from, and what a strategy may ask of its host."""

from __future__ import annotations

from typing import Any

TEMPLATE = """import pandas_ta as ta


class MaNouvelleStrategie(Strategy):
    def __init__(self, candles, balance, position=None):
        self.candles, self.balance, self.position = candles, balance, position

    def should_long(self) -> bool:
        return False

    def should_short(self) -> bool:
        return False

    def calculate_position_size(self) -> float:
        return 0.0

    def calculate_stop_loss(self) -> float:
        return 0.0

    def calculate_take_profit(self) -> float:
        return 0.0
"""


class Strategy:
    """A trading strategy: decides at the close of a bar, from the candles up to it.

    `parameters` are the class's own, as its author set them; `log(text)` adds a line to its log.
    """

    parameters: dict[str, Any] = {}  # noqa: RUF012 - a strategy replaces it as a whole
