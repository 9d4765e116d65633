"""The console's lists: narrowed by the server, however long they are, and paged without a gap."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from application.webhooks.reception import receive
from domain.aggregate import carrying
from domain.orders.wish import Side
from domain.webhooks.webhook import Webhook
from projections.books import paging

Problem = Callable[..., None]


@pytest.fixture
def orders(console: Any) -> dict[str, str]:
    """Return the ids of three open orders, by what sets each apart."""
    made = {
        "buy": console.database.placed(console.store, symbol="BTC/USDT"),
        "sell": console.database.placed(console.store, symbol="ETH/USDT", side=Side.SELL),
        "odd": console.database.placed(console.store, symbol="A_B/USDT"),
    }
    console.project()
    return {str(order.id): name for name, order in made.items()}


@pytest.mark.parametrize(
    ("narrowed", "found"),
    [
        ({}, {"buy", "sell", "odd"}),
        ({"side": "sell"}, {"sell"}),
        ({"text": "btcusdt"}, {"buy"}),
        ({"text": " BTC/"}, {"buy"}),
        ({"text": "_"}, {"odd"}),
        ({"text": "aristo_"}, {"buy", "sell", "odd"}),
        ({"text": "aristo%"}, set()),
        ({"text": "a_b"}, {"odd"}),
        ({"text": "a%b"}, set()),
        ({"text": "\\"}, set()),
        ({"text": "usdt", "side": "buy"}, {"buy", "odd"}),
        ({"state": "live"}, {"buy", "sell", "odd"}),
        ({"state": "pending"}, {"buy", "sell", "odd"}),
        ({"state": "closed"}, set()),
        ({"source": "external"}, set()),
        ({"broker": 1, "text": "eth"}, {"sell"}),
    ],
)
def test_orders_are_narrowed(alice: Any, orders: dict[str, str], narrowed: dict[str, Any], found: set[str]) -> None:
    """An underscore or percent sign is a character like any other; all client ids of ours begin with `ARISTO_`."""
    items = alice.get("/api/orders", params=narrowed).json()["items"]
    assert {orders[item["id"]] for item in items} == found


@pytest.mark.parametrize("many", [2, 1000])
def test_orders_are_found_by_the_beginning_of_an_id(
    alice: Any, orders: dict[str, str], monkeypatch: Any, many: int
) -> None:
    """Whether ids are looked up one by one or not, an id finds its order, and a beginning all that share it."""
    monkeypatch.setattr(paging, "MANY", many)
    for row in alice.get("/api/orders").json()["items"]:
        found = alice.get("/api/orders", params={"text": row["client_order_id"]}).json()["items"]
        assert [one["id"] for one in found] == [row["id"]]
    assert len(alice.get("/api/orders", params={"text": "ARISTO"}).json()["items"]) == 3


def test_a_narrowed_list_goes_on_where_its_page_ended(console: Any, alice: Any) -> None:
    """Nothing is left out or told twice, although rows of another kind lie between."""
    wanted = set()
    for number in range(9):
        order = console.database.placed(console.store, symbol="ETH/USDT" if number % 3 else "BTC/USDT")
        wanted |= {str(order.id)} if number % 3 else set()
    console.project()
    found, cursor = list[str](), None
    while True:
        asked = {"text": "eth", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = alice.get("/api/orders", params=asked).json()
        found += [item["id"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert (len(found), set(found)) == (6, wanted)


@pytest.mark.parametrize("path", ["/api/orders", "/api/trades", "/api/gains", "/api/webhooks/history"])
def test_a_text_that_is_too_long_is_refused(alice: Any, problem: Problem, path: str) -> None:
    problem(alice.get(path, params={"text": "x" * 101}), 422, "invalid")


@pytest.mark.parametrize("text", ["'; DROP TABLE books.trades; --", "%00", "\x00", "{}", "%s"])
def test_a_text_is_never_part_of_the_query(alice: Any, orders: dict[str, str], text: str) -> None:
    assert alice.get("/api/orders", params={"text": text}).status_code == 200
    assert len(alice.get("/api/orders").json()["items"]) == len(orders)


def test_a_heartbeat_counts_as_received(console: Any, alice: Any) -> None:
    """A PING asks for nothing: whoever looks for what was ignored does not mean it."""
    for body in ('{"Action":"PING"}', '{"Action":"BuyMarket"}'):
        receive(console.store, 1, body.encode(), "192.0.2.9", datetime.now(UTC))
    ping, other = (row for row in console.store.read(0, 1000) if row.topic == "Webhook.Received")
    with carrying(user="1"):
        for received, reason in ((ping, "ping"), (other, "automatic_off")):
            webhook = console.store.get(Webhook, received.event.originator_id)
            webhook.ignore(reason)
            console.store.save(webhook)
    console.project()
    found = {
        status: [row["action"] for row in alice.get("/api/webhooks/history", params={"status": status}).json()["items"]]
        for status in ("received", "ignored")
    }
    assert found == {"received": ["PING"], "ignored": ["BuyMarket"]}
