"""Why nothing happens: each account, stream and position tells what stands in its way, since when."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from application.webhooks.reception import receive
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.webhooks.stream import WebhookStream
from domain.webhooks.stream_state import StreamKey
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
    """Without a gateway nothing is known of the exchange; one that has never answered is away."""
    for ages in ({"binance/paper": 300.0}, {}):
        console.change("platform", terminals=lambda ages=ages: [GATEWAY | {"figures": {"exchanges": ages}}])
        assert causes(alice) == ["exchange_down"]
    for terminals in ([GATEWAY | {"state": "stale", "age": 30.0}], []):
        console.change("platform", terminals=lambda terminals=terminals: terminals)
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
    """One stream for each pair, however it is spelt, interval and indicator; the last alert counts that asked for
    something. A halt that is over stands in no way."""
    ends = {
        "refused": lambda webhook: webhook.refuse("symbol_unknown", ""),
        "taken": lambda webhook: webhook.take([]),
        "ping": lambda webhook: webhook.ignore("ping"),
        "paused": lambda webhook: webhook.ignore("paused"),
    }
    alerts = (
        *(("BTCUSDT", "refused"), ("BINANCE:btc/usdt", "taken"), ("BTCUSDT", "ping")),
        *(("ETHUSDT", "taken"), ("ETHUSDT", "refused"), ("ETHUSDT", "ping"), ("SOLUSDT", "paused")),
    )
    for symbol, end in alerts:
        body = {
            "UserID": 1,
            "UserExchangeID": 1,
            "Symbol": symbol,
            "Action": "BuyMarket",
            "Interval": "5",
            "x": f"{uuid4()}",
        }
        received = receive(console.store, 1, json.dumps(body).encode(), "192.0.2.1", datetime.now(UTC))
        with carrying(user="1"):
            webhook = console.store.get(Webhook, received)
            ends[end](webhook)
            console.store.save(webhook)
    console.project()
    found = [row for row in rows(alice) if row["kind"] == "stream"]
    assert len({row["key"] for row in found}) == 3
    obstacles = {row["symbol"]: [(one["cause"], one["detail"]) for one in row["obstacles"]] for row in found}
    # The account has no pairs, which stands in the way of its streams too.
    hindered = ("account_hindered", None)
    assert obstacles["BINANCE:btc/usdt"] == obstacles["SOLUSDT"] == [hindered]
    assert obstacles["ETHUSDT"] == [hindered, ("last_alert_refused", "symbol_unknown")]


def test_everyone_has_conditions_of_their_own(alice: Any, console: Any, running: None) -> None:
    console.logged_in("bob").post("/api/trading/stop")
    console.project()
    assert causes(alice) == []
    assert {row["broker_id"] for row in rows(alice)} == {1}


def test_a_paused_stream_says_so_until_it_is_resumed(alice: Any, console: Any, running: None) -> None:
    """A MISS is no alert: the newest one that came tells when the stream was heard last."""
    said = b'{"Symbol":"BTCUSDT","Action":"BuyMarket","Interval":"5","UserID":1,"UserExchangeID":1,"PourCent":5}'
    now = datetime.now(UTC)
    webhook = receive(console.store, 1, said, "192.0.2.1", now)
    with carrying(user="1"):
        stream = WebhookStream.open(StreamKey(1, 1, "BTCUSDT", "5", ""))
        stream.arrive(webhook, None, now)
        stream.monitor(1, now)
        stream.judge(now + timedelta(minutes=11), lambda _: False)
        console.store.save(stream)
    for missing, cause in ((0, None), (10, "stream_critical")):
        with carrying(user="1"):
            stream.judge(now + timedelta(minutes=11 + missing), lambda _: False)
            console.store.save(stream)
        console.project()
        [told] = [row for row in rows(alice) if row["kind"] == "stream"]
        assert datetime.fromisoformat(told["last_at"]) == now
        assert [one["cause"] for one in told["obstacles"] if one["cause"] != "account_hindered"] == [cause][
            : missing > 0
        ]
    alice.post("/api/webhooks/resume", json={})
    console.project()
    [told] = [row for row in rows(alice) if row["kind"] == "stream"]
    assert [one["cause"] for one in told["obstacles"] if one["cause"] != "account_hindered"] == []
