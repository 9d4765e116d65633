"""Changes of orders and of protections over the console's API: what is refused, at which field, and what is told."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from application.people.users import by_hand
from domain.aggregate import Personal
from domain.orders.execution import Execution
from domain.orders.order import Order
from domain.orders.wish import Side, Source, TimeInForce, Type, Wish
from domain.trading.position import Position
from tests.web.test_tickets_api import BTC, knows, lists

SEEN = {"quantity": "0.01", "price": "40000", "stop_price": None}


@pytest.fixture
def resting(console: Any) -> Order:
    """Return an order of alice's that rests, with 400 USDT locked and 1,000 free."""
    lists(console, BTC)
    knows(console)
    return rests(console.store)


def rests(store: Any) -> Order:
    """Place an order of alice's that the exchange has accepted."""
    wish = Wish("BTC/USDT", Side.BUY, Type.LIMIT, Decimal("0.01"), price=Decimal(40000), time_in_force=TimeInForce.GTC)
    now = datetime.now(UTC)
    with by_hand(1):
        order = Order.place(
            order_id=uuid4(), user=1, broker=1, source=Source.MANUAL, requester="Trading Manuel", wish=wish,
            client_order_id="ARISTO_1",
        )  # fmt: skip
        order.submit(uuid4(), now=now, valid_until=now, quantity=wish.quantity, cost=None, price=wish.price)
        order.accept("77", Personal("{}"))
        store.save(order)
    return order


def change(**wanted: str) -> dict[str, Any]:
    return {"request": str(uuid4()), "wanted": wanted, "seen": SEEN, "filled": "0"}


def test_a_change_says_first_whether_the_queue_is_kept_and_does_nothing(
    console: Any, alice: Any, resting: Order
) -> None:
    path, head = f"/api/orders/{resting.id}/amend", console.store.head()
    for wanted, keeps in (({"price": "41000"}, False), ({"quantity": "0.005"}, True)):
        answer = alice.post(path, json={**change(**wanted), "dry": True})
        assert (answer.status_code, answer.json()) == (202, {"keeps_queue": keeps})
    assert console.store.head() == head


def test_a_change_is_requested_once(console: Any, alice: Any, resting: Order, problem: Any) -> None:
    """The same request again changes nothing; another one has to wait."""
    path, given = f"/api/orders/{resting.id}/amend", change(price="41000")
    for _ in range(2):
        assert alice.post(path, json=given).status_code == 202
    assert len(console.store.read(0, topics=["Replacement.Wanted"])) == 1
    assert len(console.store.read(0, topics=["Order.CancelRequested"])) == 1
    problem(alice.post(path, json=change(price="42000")), 409, "order_changed")


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        (change(price="200000"), 422, "insufficient_funds"),
        (change(price="1e999"), 422, "not_positive"),
        (change(price="-1"), 422, "not_positive"),
        (change(quantity="0.00001"), 422, "notional_below_minimum"),
        (change(), 422, "amendment_empty"),
        (change(price="abc"), 422, "invalid"),
        ({**change(price="41000"), "seen": {"price": "39000"}}, 409, "order_changed"),
        ({**change(price="41000"), "filled": "0.001"}, 409, "order_changed"),
        ({**change(price="41000"), "request": "1"}, 422, "invalid"),
    ],
)
def test_what_cannot_be_changed_leaves_the_order(
    console: Any, alice: Any, resting: Order, problem: Any, given: Any, status: int, code: str
) -> None:
    problem(alice.post(f"/api/orders/{resting.id}/amend", json=given), status, code)
    assert console.store.get(Order, resting.id).cancel_requested is False


def test_a_protection_is_moved_once_and_only_as_it_was_seen(console: Any, alice: Any, problem: Any) -> None:
    lists(console, BTC)
    knows(console)
    with by_hand(1):
        position = Position(1, 1, "BTC/USDT", "manual")
        position.grow(Execution(uuid4(), "t", Decimal(1), Decimal(50000), Decimal(0), "USDT", datetime.now(UTC)))
        console.store.save(position)
    path, none = f"/api/positions/{position.id}/protection", {"stop_loss": None, "take_profit": None}
    given = {"request": str(uuid4()), "stop_loss": "45000", "take_profit": None, "seen": none}
    for _ in range(2):
        assert alice.post(path, json=given).status_code == 202
    assert len(console.store.read(0, topics=["Position.ProtectionWanted"])) == 1
    problem(alice.post(path, json={**given, "request": str(uuid4())}), 409, "protection_changed")
    seen = {"stop_loss": "45000", "take_profit": None}
    again = {**given, "request": str(uuid4()), "seen": seen}
    for wrong, code in (
        ({"stop_loss": "50000"}, "stop_not_below"),
        ({"take_profit": "50000"}, "target_not_above"),
        ({"stop_loss": "0"}, "not_positive"),
        ({"stop_loss": "NaN"}, "invalid"),
        ({"stop_loss": "x"}, "invalid"),
    ):
        problem(alice.post(path, json={**again, **wrong}), 422, code)


def test_all_orders_of_one_market_are_cancelled(console: Any, alice: Any, resting: Order) -> None:
    for narrowed in ({"symbol": "ETH/USDT"}, {"broker": 2}, {"symbol": "ETH/USDT", "broker": 1}):
        assert alice.get("/api/orders/cancel-all", params=narrowed).json()["asked"] == 0
        assert alice.post("/api/orders/cancel-all", params=narrowed).json()["asked"] == 0
    assert alice.post("/api/orders/cancel-all", params={"symbol": "BTC/USDT", "broker": 1}).json()["asked"] == 1
