"""The indicators of a chart are asked for over the bus, and no request ends the terminal that answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import psycopg
import pytest

from adapters.bus import Bus
from adapters.candles.store import CandleStore
from application.ports.requests import Action, Answer, Request
from aristobot.answering import answer_requests
from aristobot.terminals.heartbeat.charts import WrongRequest, indicators_for
from domain.candles.bar import Bar, Proof
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE
from tests.support.log import Log

BTC = Series("binance", "paper", "BTC/USDT")
START = int(datetime(2026, 3, 2, 9, 30, tzinfo=UTC).timestamp() * 1000)
ASKED = {"series": str(BTC), "timeframe": "1m", "before": START + 30 * MINUTE, "count": 4, "indicators": ["ema:3"]}
Ask = Callable[..., Answer]


@pytest.fixture
def candles(database) -> CandleStore:
    """Store thirty minutes that rise by one each."""
    made = CandleStore(database.store().pool, lambda: datetime(2026, 3, 2, 12, tzinfo=UTC))
    bars = []
    for number in range(30):
        price = Decimal(100 + number)
        bars.append(
            Bar(START + number * MINUTE, 1, price, price, price, price, Decimal(1), 3, None, None, Proof.CONFIRMED)
        )
    made.put(BTC, "1m", bars)
    return made


@pytest.fixture
def ask(valkey, candles) -> Iterator[Ask]:
    """Return `ask(calculate=None, **params)`, the last answer of a terminal that draws charts."""
    bus, stopping = Bus(valkey.url), threading.Event()
    behind: dict[str, Any] = {"calculate": partial(indicators_for, candles)}

    def calculated(request: Request) -> Any:
        return behind["calculate"](request)

    given = (bus, "heartbeat", calculated, Log(), stopping, WrongRequest)
    terminal = threading.Thread(target=answer_requests, args=given)
    terminal.start()

    def asked(calculate: Any = None, **params: Any) -> Answer:
        behind["calculate"] = calculate or partial(indicators_for, candles)
        *_, end = Bus(valkey.url).ask(Request(1, Action.INDICATORS, {**ASKED, **params}, "web", time.time()), 20)
        return end

    yield asked
    stopping.set()
    terminal.join(20)


def test_indicators_are_told_at_the_bars_of_the_chart(ask: Ask) -> None:
    """The average of three lags a price that rises by one each bar by one."""
    told = ask()
    assert told.data == {
        "opened_at": [START + number * MINUTE for number in range(26, 30)],
        "lines": [{"indicator": "ema:3", "line": "ema", "values": [125.0, 126.0, 127.0, 128.0]}],
    }
    early = ask(before=START + 4 * MINUTE, indicators=["ema:3", "rsi:2"])
    assert [line["values"] for line in early.data["lines"]] == [[None, None, 101.0, 102.0], [None, None, 100.0, 100.0]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"series": "nonsense"}, {"timeframe": "7m"}, {"count": 0}, {"count": 10**9}, {"count": "many"},
        {"before": None},
        {"indicators": []}, {"indicators": ["sma:20"]}, {"indicators": ["ema:3"] * 9}, {"indicators": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_and_the_next_request_is_answered(ask: Ask, wrong: dict[str, Any]) -> None:
    end = ask(**wrong)
    assert (end.success, end.data, end.code) == (False, None, "invalid")
    assert ask().success


def test_a_database_that_is_away_or_a_fault_is_told_and_ends_nothing(ask: Ask) -> None:
    def raising(error: Exception) -> Any:
        def calculate(_: Request) -> Any:
            raise error

        return calculate

    away, broken = ask(raising(psycopg.OperationalError("gone"))), ask(raising(RuntimeError("broken")))
    assert [(end.success, end.code) for end in (away, broken)] == [(False, "database_away"), (False, "internal_error")]
    assert ask().success
