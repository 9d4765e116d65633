"""Why nothing happens: each account, stream and position tells what stands in its way, since when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from application.webhooks.reception import receive
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.webhooks.webhook import Webhook

GATEWAY = {"name": "gateway", "state": "up", "age": 0.1, "figures": {"exchanges": {"binance/paper": 0.5}}}


@pytest.fixture
def running(console: Any) -> None:
    """Let the gateway run, in contact with the exchange."""
    console.change("platform", terminals=lambda: [GATEWAY])


def rows(alice: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = alice.get("/api/conditions").json()["items"]
    return items


def causes(alice: Any) -> list[str]:
    """Return the causes that stand in the way of alice's account, without that of its missing pairs."""
    [account] = [row for row in rows(alice) if row["kind"] == "account"]
    return [one["cause"] for one in account["obstacles"] if one["cause"] != "no_pairs"]


def test_an_account_without_obstacles_is_ready(alice: Any, running: None) -> None:
    assert causes(alice) == []


def test_a_gateway_and_an_exchange_that_are_away_stand_in_the_way(alice: Any, console: Any, running: None) -> None:
    away = GATEWAY | {"state": "stale", "age": 30.0, "figures": {"exchanges": {"binance/paper": 300.0}}}
    console.change("platform", terminals=lambda: [away])
    assert causes(alice) == ["gateway_down", "exchange_down"]
    console.change("platform", terminals=list)
    assert causes(alice) == ["gateway_down"]


def test_halts_stand_in_the_way_until_they_are_lifted(alice: Any, console: Any, running: None) -> None:
    alice.post("/api/trading/stop")
    alice.post("/api/brokers/1/stop")
    console.project()
    assert causes(alice) == ["all_halted", "halted"]
    alice.post("/api/trading/resume")
    alice.post("/api/brokers/1/resume")
    console.project()
    assert causes(alice) == []


def test_an_order_whose_fate_is_unknown_is_named_with_its_pair(alice: Any, console: Any, running: None) -> None:
    order: Order = console.database.submitted(console.store, symbol="ETH/USDT")
    with carrying(user="1"):
        order.doubt("no answer")
        console.store.save(order)
    console.project()
    [account] = [row for row in rows(alice) if row["kind"] == "account"]
    [unknown] = [one for one in account["obstacles"] if one["cause"] == "unknown_orders"]
    assert unknown["detail"] == "ETH/USDT"


def test_an_account_that_is_not_for_webhooks_says_so(alice: Any, console: Any, running: None) -> None:
    assert alice.put("/api/brokers/1", json={"usage": "off"}).status_code == 204
    console.project()
    assert causes(alice) == ["not_for_webhooks"]


def test_a_stream_tells_how_its_last_alert_ended(alice: Any, console: Any, running: None) -> None:
    """One stream for each pair, interval and indicator; only its last alert counts."""
    body = '{{"UserID": 1, "UserExchangeID": 1, "Symbol": "{}", "Action": "BuyMarket", "Interval": "5", "x": "{}"}}'

    def alert(symbol: str) -> Webhook:
        made = receive(console.store, 1, body.format(symbol, uuid4()).encode(), "192.0.2.1", datetime.now(UTC))
        webhook: Webhook = console.store.get(Webhook, made)
        return webhook

    with carrying(user="1"):
        for symbol, refused in (("BTCUSDT", True), ("BTCUSDT", False), ("ETHUSDT", False), ("ETHUSDT", True)):
            webhook = alert(symbol)
            webhook.refuse("unknown_symbol", "") if refused else webhook.ignore("ping")
            console.store.save(webhook)
    console.project()
    streams = {row["symbol"]: row for row in rows(alice) if row["kind"] == "stream"}
    assert streams["BTCUSDT"]["obstacles"] == []
    [refused_one] = streams["ETHUSDT"]["obstacles"]
    assert (refused_one["cause"], refused_one["detail"]) == ("last_alert_refused", "unknown_symbol")
    assert streams["ETHUSDT"]["interval"] == "5"


def test_everyone_has_conditions_of_their_own(alice: Any, console: Any, running: None) -> None:
    console.logged_in("bob").post("/api/trading/stop")
    console.project()
    assert causes(alice) == []
    assert {row["broker_id"] for row in rows(alice)} == {1}
