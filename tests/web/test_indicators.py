"""The indicators of a chart over the API: calculated in the sandbox, refused with the field, and kept in the layout."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.candles.store import CandleStore
from domain.candles.bar import Bar, Proof
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE

Problem = Callable[..., None]
BTC = Series("binance", "paper", "BTC/USDT")
START = int(datetime(2026, 3, 2, 9, 30, tzinfo=UTC).timestamp() * 1000)
ADDRESS = "/api/heartbeat/indicators?symbol=BTC/USDT&timeframe=1m"


@pytest.fixture(autouse=True)
def bars(console: Any) -> None:
    """Store forty minutes that rise by one each."""
    candles = CandleStore(console.database.store().pool, lambda: datetime(2026, 3, 2, 12, tzinfo=UTC))
    prices = [Decimal(100 + n) for n in range(40)]
    candles.put(
        BTC, "1m",
        [
            Bar(START + n * MINUTE, 1, price, price, price, price, Decimal(1), 3, None, None, Proof.CONFIRMED)
            for n, price in enumerate(prices)
        ],
    )  # fmt: skip


@pytest.mark.usefixtures("sandboxed")
def test_indicators_come_at_the_bars_that_the_chart_has(alice: Any) -> None:
    """Their times are those of the candles asked for in the same way; a line without a value has null."""
    window = "&before=2026-03-02T09:50:00Z&limit=3"
    told = alice.get(f"{ADDRESS}{window}&show=ema:3&show=macd").json()
    candles = alice.get(f"/api/heartbeat/candles?symbol=BTC/USDT&timeframe=1m{window}").json()["items"]
    assert told["opened_at"] == [one["opened_at"] for one in candles]
    assert told["lines"][0] == {"indicator": "ema:3", "line": "ema", "values": [116.0, 117.0, 118.0]}
    assert {(one["indicator"], one["line"]) for one in told["lines"][1:]} == {
        ("macd:12:26:9", "macd"), ("macd:12:26:9", "histogram"), ("macd:12:26:9", "signal"),
    }  # fmt: skip
    assert told["lines"][1]["values"] == [None] * 3


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("show=sma:20", "show"), ("show=ema:20&show=ema:1", "show"), ("show=macd:26:12:9", "show"), ("", "show"),
        ("&".join(["show=ema:3"] * 9), "show"), ("show=ema:20&limit=1001", "limit"), ("show=ema:20&before=x", "before"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_at_its_field(alice: Any, problem: Problem, asked: str, field: str) -> None:
    answer = alice.get(f"{ADDRESS}&{asked}")
    problem(answer, 422)
    assert answer.json()["field"] == field


def test_a_sandbox_that_is_away_is_told(alice: Any, problem: Problem) -> None:
    problem(alice.get(f"{ADDRESS}&show=ema:20"), 503, "sandbox_away")


def test_the_indicators_of_a_user_are_kept_in_his_layout(alice: Any, problem: Problem) -> None:
    assert alice.get("/api/account/layout").json()["indicators"] == []
    changed = alice.patch("/api/account/layout", json={"indicators": ["ema:050", "bollinger"]})
    assert changed.json()["indicators"] == ["ema:50", "bollinger:20:2"]
    for wrong in (["sma:20"], ["ema:20"] * 9, "ema:20", [20]):
        problem(alice.patch("/api/account/layout", json={"indicators": wrong}), 422)
    assert alice.get("/api/account/layout").json()["indicators"] == ["ema:50", "bollinger:20:2"]
