"""The stored candles over the API: their coverage, their holes, and the loads of history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.candles.loads import LoadTable
from adapters.candles.store import CandleStore
from application.ports.requests import Action
from domain.candles.bar import Bar, Proof
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE

BTC = Series("binance", "paper", "BTC/USDT")
SINCE, UNTIL = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 3, 2, tzinfo=UTC)
START = int(SINCE.timestamp() * 1000)
ASKED = {"symbol": "BTC/USDT", "timeframe": "1m", "since": "2025-03-01T00:00:00Z", "until": "2025-03-02T00:00:00Z"}


@pytest.fixture
def loads(console: Any) -> LoadTable:
    return LoadTable(console.database.store().pool)


def know(console: Any, *numbers: int) -> None:
    bars = [Bar(START + n * MINUTE, 1, *[Decimal(9)] * 4, Decimal(1), 1, None, None, Proof.CONFIRMED) for n in numbers]
    CandleStore(console.database.store().pool, lambda: datetime.now(UTC)).put(BTC, "1m", bars)


def test_what_is_stored_is_told_with_its_holes(console: Any, alice: Any) -> None:
    know(console, *range(10), *range(20, 30))
    [told] = alice.get("/api/candles").json()["coverage"]
    assert told == {
        "exchange": "binance", "venue": "paper", "symbol": "BTC/USDT", "timeframe": "1m", "count": 20,
        "first_at": "2025-03-01T00:00:00Z", "last_at": "2025-03-01T00:29:00Z", "missing": 10, "more_holes": 0,
        "holes": [{"first_at": "2025-03-01T00:10:00Z", "last_at": "2025-03-01T00:19:00Z", "absent": False}],
    }  # fmt: skip


def test_of_many_holes_the_newest_are_told(console: Any, alice: Any) -> None:
    know(console, *range(0, 90, 2))
    [told] = alice.get("/api/candles").json()["coverage"]
    assert (len(told["holes"]), told["more_holes"], told["missing"]) == (20, 24, 44)
    assert told["holes"][0]["first_at"] == "2025-03-01T01:27:00Z"


def test_a_load_goes_to_the_gateway(console: Any, alice: Any) -> None:
    console.gateway.says = {"load": 7}
    answer = alice.post("/api/candles/loads", json=ASKED)
    assert (answer.status_code, answer.json()) == (201, {"load": 7})
    [asked] = console.gateway.asked
    assert asked.action is Action.CANDLES
    assert asked.params == {
        "exchange": "binance", "venue": "paper", "symbol": "BTC/USDT", "timeframe": "1m",
        "since": "2025-03-01T00:00:00+00:00", "until": "2025-03-02T00:00:00+00:00",
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"symbol": "btc"}, {"timeframe": "7m"}, {"timeframe": "1d"}, {"since": "yesterday"}, {"since": None},
        {"exchange": "Binance!"}, {"venue": ""}, {"symbol": "BTC/USDT\u0000"},
    ],
)  # fmt: skip
def test_bad_input_is_refused_at_its_field(alice: Any, wrong: dict[str, Any]) -> None:
    answer = alice.post("/api/candles/loads", json=ASKED | wrong)
    assert answer.status_code == 422
    assert answer.json()["field"] == next(iter(wrong))


def test_a_load_is_paused_goes_on_and_is_given_up(alice: Any, loads: LoadTable) -> None:
    number = loads.ask(BTC, "1m", SINCE, UNTIL)
    loads.advance(loads.find(number), SINCE + timedelta(hours=6), 360)
    for state in ("paused", "running", "cancelled"):
        told = alice.put(f"/api/candles/loads/{number}", json={"state": state}).json()
        assert (told["state"], told["candles"], told["reached"]) == (state, 360, "2025-03-01T06:00:00Z")
    answer = alice.put(f"/api/candles/loads/{number}", json={"state": "running"})
    assert (answer.status_code, answer.json()["code"]) == (409, "load_ended")
    assert alice.put("/api/candles/loads/99", json={"state": "paused"}).status_code == 404
    assert alice.put(f"/api/candles/loads/{number}", json={"state": "done"}).status_code == 422
    assert [one["state"] for one in alice.get("/api/candles").json()["loads"]] == ["cancelled"]


def test_nobody_without_a_session_sees_or_changes_anything(console: Any) -> None:
    client = console.client()
    assert client.get("/api/candles").status_code == 401
    assert client.put("/api/candles/loads/1", json={"state": "paused"}).status_code in {401, 403}
