"""The heartbeat over the API: the clock's state, its signals, and bars summed from minutes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.candles.beats import BeatTable
from adapters.candles.store import CandleStore
from adapters.tables.heartbeat import HeartbeatTable
from application.market.beat import Beat, Signal, Telling, ToldBar
from application.market.failover import Source
from domain.candles.bar import Bar, Proof
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE

Problem = Callable[..., None]
BTC = Series("binance", "paper", "BTC/USDT")
START = int(datetime(2026, 3, 2, 9, 30, tzinfo=UTC).timestamp() * 1000)


def bar(number: int, proof: Proof = Proof.PROVED) -> Bar:
    low = Decimal(100 + number)
    return Bar(START + number * MINUTE, 1, low, low + 5, low - 5, low + 1, Decimal("0.5"), 3, number, number, proof)


@pytest.fixture
def told(console: Any) -> BeatTable:
    """Tell ten minutes but the fifth, and the signals of all."""
    table = BeatTable(console.database.store().pool)
    table.tell(Beat(bars=[ToldBar(BTC, bar(n), Telling.CLOSED) for n in range(10) if n != 4]), Source.PRIMARY)
    ends = [START + (n + 1) * MINUTE for n in range(10)]
    table.tell(
        Beat([Signal("1m", end, end + (61_000 if n == 0 else 250)) for n, end in enumerate(ends)]), Source.PRIMARY
    )
    return table


def test_signals_are_listed_newest_first(alice: Any, told: BeatTable) -> None:
    items = alice.get("/api/heartbeat/signals?timeframe=1m&limit=3").json()["items"]
    assert [item["closed_at"] for item in items] == [f"2026-03-02T09:{40 - n}:00Z" for n in range(3)]
    assert items[0]["signal_id"] == f"1m_{START + 10 * MINUTE}"
    every = alice.get("/api/heartbeat/signals?timeframe=1m").json()["items"]
    assert [item["late"] for item in every] == [False] * 9 + [True]
    assert alice.get("/api/heartbeat/signals?timeframe=4h").json()["items"] == []


def test_larger_bars_are_sums_and_one_that_lacks_a_minute_is_left_out(alice: Any, told: BeatTable) -> None:
    query = "/api/heartbeat/candles?symbol=BTC/USDT&timeframe=5m&before=2026-03-02T10:00:00Z"
    [five] = alice.get(query).json()["items"]
    assert five == {
        "opened_at": "2026-03-02T09:35:00Z", "open": "105", "high": "114", "low": "100", "close": "110",
        "volume": "2.5", "trades": 15, "proof": "proved",
    }  # fmt: skip
    told.tell(Beat(bars=[ToldBar(BTC, bar(4, Proof.TIMED), Telling.CLOSED)]), Source.PRIMARY)
    first, _ = alice.get(query).json()["items"]
    assert (first["opened_at"], first["proof"]) == ("2026-03-02T09:30:00Z", "timed")


def test_bars_are_shown_as_they_are_known_now(alice: Any, told: BeatTable) -> None:
    corrected = Bar(START, 1, *map(Decimal, (100, 999, 1, 101, 7)), 3, 0, 0, Proof.CORRECTED)
    told.tell(Beat(bars=[ToldBar(BTC, corrected, Telling.CORRECTED, bar(0))]), Source.PRIMARY)
    one = alice.get("/api/heartbeat/candles?symbol=BTC/USDT&timeframe=1m&before=2026-03-02T09:31:00Z").json()["items"]
    assert [(item["high"], item["proof"]) for item in one] == [("999", "corrected")]


def test_pages_end_before_a_moment(alice: Any, told: BeatTable) -> None:
    query = "/api/heartbeat/candles?symbol=BTC/USDT&timeframe=1m&limit=2&before=2026-03-02T09:34:00Z"
    assert [item["opened_at"][14:16] for item in alice.get(query).json()["items"]] == ["32", "33"]
    # A gap makes a page no shorter, nor does a time long after the last bar.
    over_gap = query.replace("09:34", "09:36").replace("limit=2", "limit=3")
    assert [item["opened_at"][14:16] for item in alice.get(over_gap).json()["items"]] == ["32", "33", "35"]
    late = query.replace("09:34", "23:59")
    assert [item["opened_at"][14:16] for item in alice.get(late).json()["items"]] == ["38", "39"]


def test_the_state_tells_what_the_terminal_says(alice: Any, console: Any, told: BeatTable, monkeypatch: Any) -> None:
    state = alice.get("/api/heartbeat/status").json()
    assert (state["clock"], state["series"][0]["symbol"]) == (None, "BTC/USDT")
    assert [(one["timeframe"], one["closed_at"]) for one in state["series"][0]["frames"]] == [
        ("1m", "2026-03-02T09:40:00Z")
    ]
    HeartbeatTable(console.database.store().pool, Source.PRIMARY).started(BTC)
    clock = alice.get("/api/heartbeat/status").json()["clock"]
    assert (clock["clock"], clock["connected"]) == ("binance/paper/BTC/USDT", False)
    # Its last signal is of March: a terminal that is not up tells nothing, and its signals are missing.
    assert clock["silent"] > 100
    figures = {"connected": True, "coherent": True, "now": START + 11 * MINUTE}
    for state, connected in (("up", True), ("down", False)):
        heartbeat = {"name": "heartbeat", "state": state, "age": 1.0, "figures": figures}
        console.change("platform", terminals=lambda heartbeat=heartbeat: [heartbeat])
        clock = alice.get("/api/heartbeat/status").json()["clock"]
        assert (clock["connected"], clock["silent"] == 0) == (connected, connected)
    assert datetime.now(UTC) - datetime.fromisoformat(clock["started_at"]) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "query",
    ["signals?timeframe=7m", "signals", "signals?timeframe=1m&limit=0", "candles?timeframe=1m",
     "candles?symbol=BTC/USDT&timeframe=1m&limit=1001", "candles?symbol=BTC/USDT&timeframe=1m&before=yesterday",
     "candles?symbol=%00&timeframe=1m", "candles?symbol=BTC/USDT&timeframe=1m&exchange=%00",
     "candles?symbol=BTC/USDT&timeframe=1m&venue=%00"],
)  # fmt: skip
def test_a_question_that_means_nothing_is_refused(alice: Any, problem: Problem, query: str) -> None:
    problem(alice.get(f"/api/heartbeat/{query}"), 422, "invalid")


def test_an_unknown_market_has_no_bars(alice: Any) -> None:
    assert alice.get("/api/heartbeat/candles?symbol=NO/WHERE&timeframe=1m").json()["items"] == []


def test_a_person_without_a_session_learns_nothing(console: Any, problem: Problem) -> None:
    for path in ("status", "signals?timeframe=1m", "candles?symbol=BTC/USDT&timeframe=1m"):
        problem(console.client().get(f"/api/heartbeat/{path}"), 401, "not_logged_in")


def test_a_market_that_somebody_looks_at_is_asked_for(alice: Any, console: Any, monkeypatch: Any) -> None:
    asked: list[str] = []
    console.context.platform.__dict__["need_series"] = asked.append
    assert alice.put("/api/heartbeat/needs", json={"symbol": "SOL/USDT"}).status_code == 204
    assert asked == ["binance/paper/SOL/USDT"]
    for wrong in ({"symbol": "sol"}, {"symbol": "SOL/USDT", "venue": "a/b"}, {}):
        assert alice.put("/api/heartbeat/needs", json=wrong).status_code == 422


def test_a_series_that_was_only_loaded_is_not_shown_as_followed(alice: Any, told: BeatTable, console: Any) -> None:
    other = Series("binance", "paper", "ADA/USDT")
    CandleStore(console.database.store().pool, lambda: datetime.now(UTC)).put(other, "1m", [bar(0)])
    symbols = [one["symbol"] for one in alice.get("/api/heartbeat/status").json()["series"]]
    assert symbols == ["BTC/USDT"]


@pytest.mark.parametrize(
    "before",
    ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-12:00", "9999-12-31", "0001-01-01", "2026-03-02T09:40:00"],
)
def test_bars_before_any_time_are_asked_for_at_no_cost(alice: Any, told: BeatTable, before: str) -> None:
    answer = alice.get(f"/api/heartbeat/candles?symbol=BTC/USDT&timeframe=3m&limit=1&before={before}")
    assert answer.status_code == 200
    assert len(answer.json()["items"]) == (0 if before.startswith("0001") else 1)
