"""The pairs of an exchange, with their last 24 hours as far as it tells them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from adapters.log.eventstore import open_pool
from adapters.tables.reference import MarketTable
from application.ports.requests import Answer, GatewayAway
from domain.market import Market

AT = 1_790_000_000.0


def told(symbol: str, **changed: Any) -> Market:
    base, quote = symbol.split("/")
    given = {"active": True, "price_tick": Decimal("0.01"), "quantity_step": Decimal("0.0001"), **changed}
    return Market("binance", symbol, base + quote, base, quote, **given)


@pytest.fixture
def pairs(console: Any) -> None:
    """Store three pairs of the exchange, one of which is halted."""
    listed = [told("BTC/USDT"), told("ETH/USDC"), told("OLD/BTC", active=False)]
    with open_pool(console.database.url_for("aristobot_writer"), 1) as pool:
        MarketTable(pool).replace("binance", "paper", listed)


def answering(console: Any, days: dict[str, list[str]]) -> list[Any]:
    asked: list[Any] = []

    def ask(request: Any, seconds: float = 1) -> Iterator[Answer]:
        asked.append(request)
        yield Answer(request.request_id, success=True, data={"at": AT, "days": days})

    console.gateway.ask = ask
    return asked


def test_pairs_are_told_with_their_day(alice: Any, console: Any, pairs: None) -> None:
    """A change in percent, nulls where nothing was traded or the exchange tells nothing, halted ones marked."""
    answering(console, {"BTCUSDT": ["64000", "67200.00", "123.4"], "OLDBTC": ["0", "0", "0"]})
    listed = alice.get("/api/symbols", params={"broker": 1}).json()
    assert listed["at"].startswith("2026-09-")
    rows = {row["symbol"]: row for row in listed["items"]}
    assert [*rows] == ["BTC/USDT", "ETH/USDC", "OLD/BTC"]
    figures = {symbol: (row["last"], row["change"], row["volume"]) for symbol, row in rows.items()}
    assert figures["BTC/USDT"] == ("67200.00", 5, "123.4")
    assert figures["ETH/USDC"] == (None, None, None)
    assert figures["OLD/BTC"] == (None, None, "0")
    assert [symbol for symbol, row in rows.items() if not row["active"]] == ["OLD/BTC"]


def test_without_the_gateway_pairs_are_told_without_figures(alice: Any, console: Any, pairs: None) -> None:
    def away(request: Any, seconds: float = 1) -> Iterator[Answer]:
        raise GatewayAway("the gateway does not answer")
        yield

    console.gateway.ask = away
    listed = alice.get("/api/symbols", params={"broker": 1}).json()
    assert (len(listed["items"]), listed["at"]) == (3, None)


def test_only_ones_own_broker_is_asked(alice: Any, console: Any, pairs: None, problem: Any) -> None:
    asked = answering(console, {})
    for number in (2, 99):
        problem(alice.get("/api/symbols", params={"broker": number}), 404, "not_found")
    for number in ("0", "-1", "x", str(2**31), ""):
        problem(alice.get("/api/symbols", params={"broker": number}), 422, "invalid")
    assert asked == []


def test_favourites_are_kept_with_the_layout(alice: Any, problem: Any) -> None:
    assert alice.patch("/api/account/layout", json={"favourites": ["BTC/USDT", "1000SATS/USDC"]}).status_code == 200
    assert alice.get("/api/account/layout").json()["favourites"] == ["BTC/USDT", "1000SATS/USDC"]
    for odd in (["BTCUSDT"], ["a/b/c"], ["/"], ["B TC/USDT"], [None], "BTC/USDT", ["A/B"] * 201):
        problem(alice.patch("/api/account/layout", json={"favourites": odd}), 422, "invalid")
