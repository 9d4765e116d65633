"""One alert from the door to the exchange, into the books and onto the screen."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from json import dumps, loads
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from web.live.feed import TOPICS

PRICE = "64000.00"
BAD = {
    "foreign user": ({"UserID": "2"}, "user_foreign"),
    "foreign broker": ({"UserExchangeID": "99"}, "broker_foreign"),
    "perpetual": ({"Symbol": '"BTCUSDT.P"'}, "symbol_unknown"),
    "unknown pair": ({"Symbol": '"BTCEUR"', "Currency": '"EUR"'}, "symbol_unknown"),
    "contradiction": ({"Currency": '"USDC"'}, "symbol_contradicts"),
    "placeholder": ({"Prix": "{{close}}"}, "placeholder_unresolved"),
    "limit without price": ({"Action": '"BuyLimit"', "Prix": "NaN"}, "price_missing"),
    "nothing of the balance": ({"PourCent": "0"}, "percent_out_of_range"),
    "more than the balance": ({"PourCent": "101"}, "percent_out_of_range"),
    "no per cent": ({"PourCent": "NaN"}, "percent_missing"),
    "a stop above its target": ({"PrixSL": "60000", "PrixTP": "50000"}, "protection_crossed"),
    "nothing to move a protection of": (
        {"Action": '"MAJ"', "PrixSL": "0.5", "Symbol": '"XRPUSDT"', "BaseCurrency": '"XRP"'},
        "no_position",
    ),
    "unknown action": ({"Action": '"Buy"'}, "action_unknown"),
    "no time": ({"BarTime": '"yesterday"'}, "not_a_time"),
}


@pytest.fixture(autouse=True)
def quiet_market(platform: Any) -> Iterator[None]:
    """Hold Bitcoin's price while a story runs."""
    platform.price(PRICE)
    yield
    platform.price(PRICE)


def test_the_printed_alert_becomes_one_filled_order(platform: Any) -> None:
    """The alert that `aristobot run` prints buys on the exchange, and the console shows the fill."""
    before = platform.on_exchange()
    body, name = platform.alert()
    assert platform.post(body).status_code == 200
    webhook = platform.ended(name)
    assert (webhook["status"], webhook["action"], webhook["repeats"]) == ("executed", "BuyMarket", 0)
    order = platform.order_of(webhook, "closed")
    new = platform.on_exchange()[len(before) :]
    assert [o["client_order_id"] for o in new] == [order["client_order_id"]]
    assert (new[0]["side"], new[0]["type"], new[0]["status"]) == ("buy", "market", "closed")
    assert Decimal(order["filled"]) == Decimal(new[0]["filled"]) > 0
    assert [(Decimal(fill["quantity"]), Decimal(fill["price"])) for fill in order["fills"]] == [
        (Decimal(new[0]["filled"]), Decimal(PRICE))
    ]
    assert order["id"] in [trade["id"] for trade in platform.ask("/api/trades")["items"]]


def test_the_same_alert_twice_is_executed_once(platform: Any) -> None:
    """The repeated delivery is shown on the first webhook and buys nothing."""
    body, name = platform.alert()
    assert platform.post(body).status_code == 200
    platform.ended(name)
    count = len(platform.on_exchange())
    assert platform.post(body).status_code == 200
    platform.eventually(lambda: platform.ended(name)["repeats"] == 1)
    assert len(platform.on_exchange()) == count


def test_sell_market(platform: Any) -> None:
    """A share of the base currency is sold."""
    body, name = platform.alert("SellMarket", PourCent="10")
    platform.post(body)
    order = platform.order_of(platform.ended(name), "closed")
    assert (order["side"], order["type"]) == ("sell", "market")
    assert Decimal(order["average"]) == Decimal(PRICE)


@pytest.mark.parametrize(("action", "limit"), [("BuyLimit", "60000.00"), ("SellLimit", "68000.00")])
def test_a_limit_order_rests_until_its_price_is_reached(platform: Any, action: str, limit: str) -> None:
    """It rests on the exchange and is filled when the market reaches its price."""
    body, name = platform.alert(action, Prix=limit, PourCent="10")
    platform.post(body)
    webhook = platform.ended(name)
    assert webhook["status"] == "executed"
    resting = platform.order_of(webhook, "open")
    assert Decimal(resting["filled"]) == 0
    platform.price(limit)
    order = platform.order_of(webhook, "closed")
    assert Decimal(order["average"]) == Decimal(limit)
    assert order["filled"] == order["quantity"]


def test_a_ping_buys_nothing(platform: Any) -> None:
    """It is recorded and ignored."""
    count = len(platform.on_exchange())
    body, name = platform.alert("PING")
    assert platform.post(body).status_code == 200
    webhook = platform.ended(name)
    assert (webhook["status"], webhook["reason"]) == ("ignored", "ping")
    assert len(platform.on_exchange()) == count


def test_rows_come_to_the_screen_unasked(platform: Any) -> None:
    """Each topic begins with a snapshot. A new order and its webhook are then pushed, numbered without a gap."""
    with platform.live() as socket:
        socket.send(dumps({"follow": TOPICS}))
        first = [loads(socket.recv(30)) for _ in TOPICS]
        assert {m["topic"] for m in first} == set(TOPICS)
        assert {(m["kind"], m["sequence"]) for m in first} == {("snapshot", 1)}
        body, name = platform.alert()
        platform.post(body)
        sequences, ended, filled = dict.fromkeys((m["topic"] for m in first), 1), None, None
        while not (ended and filled):
            message = loads(socket.recv(30))
            sequences[message["topic"]] += 1
            assert (message["kind"], message["sequence"]) == ("changes", sequences[message["topic"]])
            for row in message["items"]:
                if message["topic"] == "webhooks" and name in row["body"] and row["status"] == "executed":
                    ended = row
                if message["topic"] == "trades" and row["state"] == "closed" and row["fills"]:
                    filled = row
        assert filled["webhook_id"] == ended["id"]


def test_every_order_can_tell_why(platform: Any) -> None:
    """Its story shows in one sequence what arrived, was decided and was sent, and what the exchange answered."""
    body, name = platform.alert()
    platform.post(body)
    webhook = platform.ended(name)
    order = platform.order_of(webhook, "closed")
    chapters = platform.ask(f"/api/story/{order['id']}")["items"]
    topics = [chapter["topic"] for chapter in chapters]
    for one, next_one in pairwise(("Webhook.Received", "Order.Placed", "Order.Submitted", "Order.Filled")):
        assert topics.index(one) < topics.index(next_one)
    accepted = next(chapter for chapter in chapters if chapter["topic"] == "Order.Accepted")
    assert order["client_order_id"] in accepted["raw"]  # the answer's own words, or the stream's where it was faster
    assert [c["position"] for c in chapters] == sorted(c["position"] for c in chapters)
    assert platform.console.get("/api/story/00000000-0000-0000-0000-000000000000").status_code == 404
    shown = platform.command("audit", "show", webhook["id"], "--json")
    assert shown.returncode == 0
    assert loads(shown.stdout.splitlines()[0])["topic"] == "Webhook.Received"


def test_every_event_says_who_why_and_for_whom(platform: Any) -> None:
    """User, source and correlation are recorded without a gap from the door to the exchange and back."""
    body, name = platform.alert()
    platform.post(body)
    platform.order_of(platform.ended(name), "closed")
    query = """
        SELECT topic FROM log.event_log
        WHERE coalesce(state -> 'metadata' ->> 'user', '') = '' OR coalesce(state -> 'metadata' ->> 'source', '') = ''
            OR coalesce(state -> 'metadata' ->> 'correlation_id', '') = ''
    """
    with platform.database() as owner:
        assert owner.execute(query).fetchall() == []


def test_a_gap_is_healed_by_a_new_snapshot(platform: Any) -> None:
    """A client that missed a message asks for the topic again and counts from one."""
    body, name = platform.alert()
    platform.post(body)
    order = platform.order_of(platform.ended(name), "closed")
    with platform.live() as socket:
        socket.send(dumps({"follow": ["trades"]}))
        socket.recv(30)
        socket.send(dumps({"resync": "trades"}))
        while (message := loads(socket.recv(30)))["topic"] != "trades":
            pass
        assert (message["kind"], message["sequence"]) == ("snapshot", 1)
        assert order in message["items"]


def test_logging_out_closes_the_socket(platform: Any) -> None:
    """The screen of an ended session shows nothing new."""
    with httpx.Client(base_url=platform.told["console"], timeout=30) as client:
        platform.log_in(client)
        with platform.live(client) as socket:
            socket.send(dumps({"follow": ["health"]}))
            socket.recv(30)
            assert client.delete("/api/session").status_code == 204
            with pytest.raises(ConnectionClosed) as closed:
                _listen(socket)
            assert closed.value.rcvd.code == 4401


def _listen(socket: Any) -> None:
    for _ in range(50):
        socket.recv(30)


@pytest.mark.parametrize("what", ["trading", "brokers/{broker}"])
def test_stopped_trading_ignores_alerts(platform: Any, what: str) -> None:
    """A halt lasts until trading is resumed. The alert is recorded with the reason."""
    count, path = len(platform.on_exchange()), what.format(**platform.told)
    platform.do(f"/api/{path}/stop")
    try:
        body, name = platform.alert()
        assert platform.post(body).status_code == 200
        webhook = platform.ended(name)
    finally:
        platform.do(f"/api/{path}/resume")
    assert (webhook["status"], webhook["reason"]) == ("ignored", "paused")
    assert len(platform.on_exchange()) == count
    body, name = platform.alert()
    platform.post(body)
    assert platform.ended(name)["status"] == "executed"


def test_cancel_all_takes_resting_orders_off(platform: Any) -> None:
    """The order is cancelled on the exchange and in the books."""
    body, name = platform.alert("BuyLimit", Prix="50000.00")
    platform.post(body)
    order = platform.order_of(webhook := platform.ended(name), "open")
    assert platform.do("/api/orders/cancel-all").json()["asked"] == 1
    platform.order_of(webhook, "cancelled")
    there = [o for o in platform.on_exchange() if o["client_order_id"] == order["client_order_id"]]
    assert [o["status"] for o in there] == ["cancelled"]


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_carried_out_is_recorded(platform: Any, case: str) -> None:
    """The door takes the alert, the books show why it failed, and the exchange never hears of it."""
    changed, reason = BAD[case]
    count = len(platform.on_exchange())
    body, name = platform.alert(**changed)
    assert platform.post(body).status_code == 200
    webhook = platform.ended(name)
    assert (webhook["status"], webhook["reason"]) == ("refused", reason)
    assert len(platform.on_exchange()) == count


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"Bad 1 \xff\xfe", "not_utf8"),
        (b"Bad 2 \x00 \x00", "not_json"),
        (b"Bad 3 {{{", "not_one_object"),
        (b'{"Bad 4":[1,2]}', "not_json"),
        (b'{"Action":"PING","Action":"Bad 5"}', "key_twice"),
    ],
)
def test_bytes_that_are_no_alert_are_recorded(platform: Any, body: bytes, reason: str) -> None:
    """Every body with a valid token is answered 200 and shown to its user."""
    assert platform.post(body).status_code == 200
    mark = next(f"Bad {n}" for n in range(1, 6) if f"Bad {n}".encode() in body)
    webhook = platform.ended(mark)
    assert (webhook["status"], webhook["reason"]) == ("refused", reason)


def test_strangers_are_turned_away_and_counted(platform: Any, eventually: Any) -> None:
    """A wrong token gets 401, a body that is too long 413. Both are counted by address and stay out of the books."""

    def counted() -> dict[str, int]:
        with platform.database() as connection:
            return dict(
                connection.execute(
                    "SELECT reason, times FROM service.refused_attempts"
                    " WHERE door = 'webhook' AND address = '127.0.0.1'"
                ).fetchall()
            )

    before, rows = counted(), len(platform.all_of("/api/webhooks/history"))
    url, _, _ = platform.told["webhook_url"].partition("?")
    body, _ = platform.alert()
    statuses = [platform.post(body, u).status_code for u in (url, f"{url}?token=", f"{url}?token=%00%ff")]
    assert statuses == [401] * 3
    assert platform.post(b"x" * 65 * 1024).status_code == 413

    def more() -> dict[str, int]:
        return {reason: times - before.get(reason, 0) for reason, times in counted().items()}

    eventually(lambda: more() == {"wrong_token": 3, "too_large": 1})
    assert platform.door.get(url).status_code == 405
    assert platform.door.post(url.replace("receive", "other")).status_code == 404
    assert len(platform.all_of("/api/webhooks/history")) == rows


def test_a_new_address_stands_in_run_json_at_once(platform: Any, eventually: Any) -> None:
    """Whoever reads the file after a rotation finds the address that works; the former one is refused."""
    former = platform.told["webhook_url"]
    new = platform.console.post("/api/webhooks/url").json()["url"]
    platform.told = loads((platform.home / "run.json").read_text())
    assert platform.told["webhook_url"] == new != former
    body, mark = platform.alert("PING")
    assert platform.post(body).status_code == 200
    platform.ended(mark)
    eventually(lambda: platform.post(body, former).status_code == 401)
