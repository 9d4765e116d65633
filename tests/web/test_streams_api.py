"""Streams of webhooks in the console's API: what came, what did not, and what their trader decides."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import uuid4

import pytest

from application.people.brokers import connect_broker
from application.ports.statements import Credentials
from application.webhooks.reception import Delivered, receive_all
from domain.aggregate import Personal, carrying
from domain.orders.execution import Execution
from domain.orders.order import Order
from domain.orders.wish import Protection, Side, Source, Type, Wish
from domain.people.broker import Exchange, Venue
from domain.trading.position import Position
from domain.webhooks.stream import WebhookStream
from domain.webhooks.stream_state import StreamKey
from tests.conftest import NOW

Problem = Callable[..., None]
MINUTES = timedelta(minutes=5)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def received(console: Any, count: int) -> list[Any]:
    """Record so many alerts of five minutes, each two seconds after its slot, and return their ids."""
    said = b'{"Symbol":"BTCUSDT","Action":"PING","Interval":"5","IndicateurName":"EMA","Close":50000,"N":%d}'
    given = [Delivered(1, said % n, "192.0.2.1", NOW + n * MINUTES + seconds(2)) for n in range(count)]
    return [*receive_all(console.store, given, former_until=NOW - MINUTES)]


def begun(console: Any, *, alerts: int = 2, missing: int = 0, away: int = 0, interval: str = "5") -> WebhookStream:
    """Return a stream with so many alerts in time, then so many slots without, or with the door away."""
    with carrying(user="1"):
        stream = WebhookStream.open(StreamKey(1, 1, "BTCUSDT", interval, "EMA"))
        for n, webhook in enumerate(received(console, alerts)):
            stream.arrive(webhook, None, NOW + n * MINUTES + seconds(2))
        stream.judge(NOW + (alerts + missing + away - 1) * MINUTES + seconds(80), lambda _: away > 0)
        console.store.save(stream)
    console.project()
    return stream


def only(alice: Any) -> dict[str, Any]:
    [stream] = alice.get("/api/webhooks/streams").json()["items"]
    return dict(stream)


def test_what_came_and_what_did_not_is_counted_since_the_beginning(console: Any, alice: Any) -> None:
    """287 received and 3 missed are 98.96 percent, cut and not rounded."""
    assert alice.get("/api/webhooks/stats").json()["success"] is None
    begun(console, alerts=287, missing=3)
    counted = alice.get("/api/webhooks/stats").json()
    assert (counted["total"], counted["missed"], counted["success"]) == (287, 3, "98.96")
    assert (counted["gravity"], counted["critical"], counted["streak"]) == ("critical", 1, 3)
    alice.post("/api/webhooks/resume", json={})
    console.project()
    counted = alice.get("/api/webhooks/stats").json()
    assert (counted["gravity"], counted["critical"], counted["missed"]) == ("ok", 0, 3)


@pytest.mark.parametrize(("missing", "gravity"), [(0, "ok"), (1, "warning"), (2, "warning"), (3, "critical")])
def test_the_gravity_is_that_of_the_missing_alerts_now(console: Any, alice: Any, missing: int, gravity: str) -> None:
    begun(console, missing=missing)
    assert only(alice)["gravity"] == alice.get("/api/webhooks/stats").json()["gravity"] == gravity


def test_what_did_not_come_stands_among_what_came(console: Any, alice: Any) -> None:
    """Each MISS stands at the time at which its alert was due, the newest first."""
    begun(console, missing=2)
    rows = alice.get("/api/webhooks/history").json()["items"]
    assert [row["status"] for row in rows] == ["missed", "missed", "received", "received"]
    first, second = rows[1], rows[0]
    assert [(row["action"], row["consecutive"]) for row in (first, second)] == [("MISS", 1), ("MISS", 2)]
    assert datetime.fromisoformat(first["received_at"]) == NOW + 2 * MINUTES
    assert second["streak_began"] == first["slot"]
    assert {row["stream_id"] for row in rows} == {only(alice)["id"]}
    missed = alice.get("/api/webhooks/history", params={"status": "missed", "text": "btc"}).json()["items"]
    assert len(missed) == 2


def test_slots_of_which_nobody_knows_count_neither_way(console: Any, alice: Any) -> None:
    begun(console, away=4)
    [row] = alice.get("/api/webhooks/history", params={"status": "unjudged"}).json()["items"]
    assert (row["slots"], row["reason"], row["action"]) == (4, "door", None)
    counted = alice.get("/api/webhooks/stats").json()
    assert (counted["total"], counted["missed"], counted["unjudged"], counted["success"]) == (2, 0, 4, "100.00")


def test_a_stream_tells_its_next_alert_and_how_the_last_ones_came(console: Any, alice: Any) -> None:
    """The delay counts from the slot, the slippage from the price on the chart: a dearer buy is positive."""
    stream = begun(console)
    webhook = stream_webhook(console)
    with carrying(user="1"):
        order = Order.place(
            order_id=uuid4(), user=1, broker=1, source=Source.WEBHOOK, requester="Webhooks", cause=webhook,
            wish=Wish(symbol="BTC/USDT", side=Side.BUY, type=Type.MARKET, quantity=Decimal(1)),
            client_order_id="ARISTO_1_one",
        )  # fmt: skip
        order.submit(uuid4(), now=NOW, valid_until=NOW, quantity=Decimal(1), cost=None, price=None)
        order.fill("t1", Decimal(1), Decimal(50500), Decimal(0), None, NOW, None, Personal("{}"))
        console.store.save(order)
    console.project()
    told = only(alice)
    assert (told["id"], told["status"], told["received"]) == (str(stream.id), "monitored", 2)
    assert [one["delay"] for one in told["signals"]] == [2.0, 2.0]
    assert [one["slippage"] for one in told["signals"]] == [1.0, None]
    assert told["next_due"] is not None
    assert told["can_be_monitored"] is True


def stream_webhook(console: Any) -> Any:
    return console.store.read(0, topics=["Webhook.Received"])[0].stream


def test_a_trader_decides_on_a_stream(console: Any, alice: Any, problem: Problem) -> None:
    stream = begun(console, alerts=1)
    for decision, status in (("monitor", "monitored"), ("pause", "paused"), ("close", "paused")):
        assert alice.post(f"/api/webhooks/streams/{stream.id}/{decision}").status_code == 204
        console.project()
        assert only(alice)["status"] == status
    for _ in range(2):
        assert alice.post("/api/webhooks/resume", json={"stream": str(stream.id)}).status_code == 204
    console.project()
    assert (only(alice)["status"], only(alice)["changed_by"]) == ("closed", 1)
    bob = console.logged_in("bob")
    problem(bob.post("/api/webhooks/resume", json={"stream": str(stream.id)}), 404, "not_found")
    assert bob.get("/api/webhooks/streams").json()["items"] == []


def test_an_interval_that_names_no_period_cannot_be_monitored(console: Any, alice: Any, problem: Problem) -> None:
    stream = begun(console, interval="10R")
    assert (only(alice)["can_be_monitored"], only(alice)["next_due"]) == (False, None)
    problem(alice.post(f"/api/webhooks/streams/{stream.id}/monitor"), 409, "stream_not_monitorable")


def test_the_open_trades_of_webhooks_say_what_is_planned(console: Any, alice: Any) -> None:
    """Orders of the hand and of earlier trades are not among them."""
    with carrying(user="1"):
        orders = [
            Order.place(
                order_id=uuid4(), user=1, broker=1, source=source, requester="x", client_order_id=f"ARISTO_1_{source}",
                wish=Wish(symbol="BTC/USDT", side=Side.BUY, type=Type.MARKET, quantity=Decimal(2)),
            )
            for source in (Source.WEBHOOK, Source.MANUAL)
        ]  # fmt: skip
        position = Position(1, 1, "BTC/USDT", "webhook")
        position.want(Protection(Decimal(90), Decimal(120)), Decimal(50), uuid4(), awaited=(orders[0].id,))
        position.grow(Execution(orders[0].id, "t1", Decimal(2), Decimal(100), Decimal(0), "USDT", NOW))
        console.store.save(*orders, position)
    console.project()
    [told] = alice.get("/api/webhooks/positions").json()["items"]
    assert (told["symbol"], told["stop_loss"], told["take_profit"]) == ("BTC/USDT", "90", "120")
    assert [Decimal(told[name]) for name in ("held", "stop_quantity", "target_quantity")] == [2, 1, 1]
    assert [order["id"] for order in told["orders"]] == [str(orders[0].id)]


def test_a_ping_proves_the_address(console: Any, alice: Any) -> None:
    """The door's answer is told as it is; a door that is not there is told as such."""
    heard: list[tuple[str, bytes]] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200 if len(heard) == 1 else 401)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    console.change("platform", webhook_url=f"http://127.0.0.1:{server.server_port}/webhook/receive")
    assert alice.post("/api/webhooks/ping").json()["status"] == 200
    assert alice.post("/api/webhooks/ping").json()["status"] == 401
    token = alice.get("/api/webhooks/url").json()["url"].partition("?")[2]
    assert [path.partition("?")[2] for path, _ in heard] == [token, token]
    assert b'"Action": "PING"' in heard[0][1]
    server.shutdown()
    server.server_close()
    assert alice.post("/api/webhooks/ping").json() == {"status": None, "milliseconds": None}


def test_an_alert_is_tried_on_a_paper_broker_only(console: Any, alice: Any, problem: Problem) -> None:
    """It is read as the engine would read it, and the broker has to be the user's own."""
    said = '{"Action":"BuyMarket","Symbol":"BTCUSDT","PourCent":5,"UserID":1,"UserExchangeID":%d}'
    console.change("platform", webhook_url="http://127.0.0.1:1/webhook/receive")
    assert alice.post("/api/webhooks/trial", json={"body": said % 1}).json()["status"] is None  # nobody is there
    problem(alice.post("/api/webhooks/trial", json={"body": said % 2}), 404, "not_found")
    problem(alice.post("/api/webhooks/trial", json={"body": said.replace("5", "500") % 1}), 422, "percent_out_of_range")
    problem(alice.post("/api/webhooks/trial", json={"body": "{{close}}"}), 422)
    problem(alice.post("/api/webhooks/trial", json={"body": ""}), 422, "invalid")
    keys = Credentials("another key", "its secret")
    live = connect_broker(console.store, console.vault, 1, Exchange.BINANCE, Venue.LIVE, "real money", keys)
    problem(alice.post("/api/webhooks/trial", json={"body": said % live.number}), 409, "trial_not_on_paper")


def test_gates_are_set_and_told(console: Any, alice: Any, problem: Problem) -> None:
    """A number that is out of range is refused at its field."""
    stream = begun(console)
    path = f"/api/webhooks/streams/{stream.id}/gates"
    numbers = ("rest", "rest_after_loss", "most_entries", "approved", "twin")
    opened = {"locked": False, **dict.fromkeys(numbers)}
    assert only(alice)["gates"] == opened
    assert alice.put(path, json={"locked": True, "most_entries": 3}).status_code == 204
    console.project()
    assert only(alice)["gates"] == opened | {"locked": True, "most_entries": 3}
    refused = alice.put(path, json={"rest": 0})
    problem(refused, 422, "gate_out_of_range")
    assert refused.json()["field"] == "rest"
    assert alice.put(path, json={}).status_code == 204
    console.project()
    assert only(alice)["gates"] == opened
