"""Strategies over the API: a market with bars, a strategy, and the reference example of the contract."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from adapters.candles.store import CandleStore
from domain.candles.bar import Bar, Proof
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE

BTC = Series("binance", "paper", "BTC/USDT")
ADDRESS = "/api/strategies"
CROSSING = """import pandas_ta as ta


class MaNouvelleStrategie(Strategy):
    def __init__(self, candles, balance, position=None):
        self.candles, self.balance, self.position = candles, balance, position
        self.candles["ema10"] = ta.ema(self.candles["close"], length=10)
        self.candles["ema20"] = ta.ema(self.candles["close"], length=20)

    def should_long(self) -> bool:
        if len(self.candles) < 21:
            return False
        fast, slow = self.candles["ema10"], self.candles["ema20"]
        return fast.iloc[-2] < slow.iloc[-2] and fast.iloc[-1] > slow.iloc[-1]

    def should_short(self) -> bool:
        if len(self.candles) < 21:
            return False
        fast, slow = self.candles["ema10"], self.candles["ema20"]
        return fast.iloc[-2] > slow.iloc[-2] and fast.iloc[-1] < slow.iloc[-1]

    def calculate_position_size(self) -> float:
        return self.balance * 0.1

    def calculate_stop_loss(self) -> float:
        return 0.02

    def calculate_take_profit(self) -> float:
        return 0.04
"""
"""The reference example of the contract, as it stands there."""


@pytest.fixture
def bars(console: Any) -> None:
    """Store six hundred minutes that end now."""
    store = CandleStore(console.database.store().pool, lambda: datetime.now(UTC))
    now = int(datetime.now(UTC).timestamp() * 1000) // MINUTE * MINUTE
    prices = 60_000 + np.random.default_rng(3).normal(0, 30, 600).cumsum()
    made = []
    for n, value in enumerate(prices):
        price = Decimal(f"{value:.2f}")
        opened_at = now - (600 - n) * MINUTE
        made.append(Bar(opened_at, 1, price, price + 9, price - 9, price, Decimal(1), 3, None, None, Proof.CONFIRMED))
    store.put(BTC, "1m", made)


@pytest.fixture
def number(alice: Any) -> int:
    return int(alice.post(ADDRESS, json={"name": "Crossing", "timeframe": "1m"}).json()["number"])


def save(browser: Any, number: int, code: str = CROSSING, based_on: int = 0, **how: Any) -> Any:
    return browser.post(f"{ADDRESS}/{number}/versions", json={"code": code, "based_on": based_on, **how})


def check(browser: Any, code: str) -> Any:
    return browser.post(f"{ADDRESS}/check", json={"code": code, "timeframe": "1m"})
