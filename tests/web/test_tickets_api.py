"""Tickets over the console's API: validated with what is known, executed once, by their own session only."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from adapters.log.eventstore import open_pool
from adapters.tables.reference import MarketTable
from application.people.brokers import broker_of, remove_broker
from application.people.users import by_hand
from application.ports.requests import Action
from application.ports.statements import Credentials
from domain.market import Market
from domain.orders.execution import Execution
from domain.orders.order import PROTECTION, Order
from domain.orders.wish import Protection, Side, Source, Type, Wish
from domain.people.broker import Limits, Usage
from domain.ticket import REQUESTER
from domain.trading.position import Position

BTC = Market(
    "binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", True, Decimal("0.01"), Decimal("0.00001"),
    minimum_notional=Decimal(5),
)  # fmt: skip
BUY = {"broker": 1, "symbol": "BTC/USDT", "side": "buy", "type": "market", "unit": "quote", "amount": "100"}


@pytest.fixture
def desk(console: Any) -> Any:
    """Return the console with a market, its price, and the balances of alice's account."""
    lists(console, BTC)
    knows(console)
    return console


def knows(console: Any, price: tuple[str, float] | None = ("50000", 2.0), terminals: Any = list) -> None:
    """Set the price that the console knows, and what alice's account holds."""
    held = {"USDT": ("1000", "0"), "BTC": ("0", "0.01")}
    console.change(
        "platform", prices=lambda *_: {} if price is None else {"BTC/USDT": price}, terminals=terminals,
        balances=lambda number: (held, 1.5) if number == 1 else None,
    )  # fmt: skip


def lists(console: Any, *markets: Market) -> None:
    """Set the markets that the gateway has loaded. The console has remembered none."""
    with open_pool(console.database.url_for("aristobot_writer"), 1) as pool:
        MarketTable(pool).replace("binance", "paper", markets)
    console.change("records", markets=MarketTable(console.context.records.pool))


def change(console: Any, verb: Any) -> None:
    with by_hand(1):
        broker = broker_of(console.store, 1, 1)
        verb(broker)
        console.store.save(broker)


def test_an_order_is_validated_and_executed_once(desk: Any, alice: Any) -> None:
    """What is told is what is placed, however often it is executed."""
    answer = alice.post("/api/tickets", json=BUY | {"stop_loss": "45000", "take_profit": "60000"})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    sent = told["sent"]
    assert (Decimal(sent["cost"]), sent["quantity"], Decimal(sent["stop_loss"])) == (100, None, 45000)
    assert (told["price"], Decimal(told["quantity"]), told["free"]) == ("50000", Decimal("0.002"), "1000")
    assert (told["currency"], Decimal(told["loss"]), Decimal(told["gain"]), told["fee"]) == ("USDT", 10, 20, None)
    assert (told["balance_age"], told["price_age"], told["seconds"]) == (1.5, 2.0, 30)
    orders = {alice.post(f"/api/tickets/{told['id']}/execute").json()["order"] for _ in range(3)}
    order = desk.store.get(Order, orders.pop())
    assert not orders
    assert (order.requester, order.wish.cost, order.wish.protection.stop_loss) == (REQUESTER, 100, 45000)
    desk.project()
    assert [row["id"] for row in alice.get("/api/orders").json()["items"]] == [str(order.id)]


def test_one_order_is_cancelled_and_what_protects_coins_is_not(desk: Any, alice: Any, problem: Any) -> None:
    sealed = alice.post("/api/tickets", json=BUY | {"type": "limit", "price": "40000"}).json()["id"]
    order = alice.post(f"/api/tickets/{sealed}/execute").json()["order"]
    for _ in range(2):
        assert alice.post(f"/api/orders/{order}/cancel").status_code == 204
    [asked] = [one.event for one in desk.store.read(0, topics=["Order.CancelRequested"])]
    assert (str(asked.originator_id), asked.by) == (order, REQUESTER)
    with by_hand(1):
        stop = Order.place(
            order_id=uuid4(), user=1, broker=1, source=Source.MANUAL, requester=PROTECTION, client_order_id="P",
            wish=Wish("BTC/USDT", Side.SELL, Type.STOP_LOSS, Decimal("0.01"), stop_price=Decimal(40000)),
        )  # fmt: skip
        desk.store.save(stop)
    problem(alice.post(f"/api/orders/{stop.id}/cancel"), 409, "order_protects")


def test_a_sale_that_would_rest_takes_no_stop_away(desk: Any, alice: Any, problem: Any) -> None:
    """Coins under the hand's own stop are sold at once, which takes it off, or stay under it."""
    with by_hand(1):
        position = Position(1, 1, "BTC/USDT", "manual")
        bought = Execution(uuid4(), "t1", Decimal("0.01"), Decimal(50000), Decimal(0), "USDT", datetime.now(UTC))
        position.grow(bought)
        position.want(Protection(Decimal(45000)), Decimal(100), uuid4(), awaited=())
        position.rest([uuid4()], Decimal("0.01"))
        desk.store.save(position)
    desk.project()
    sale = BUY | {"side": "sell", "unit": "base", "amount": "0.01"}
    assert alice.post("/api/tickets", json=sale).status_code == 201
    for kind in ({"type": "limit", "price": "60000"}, {"type": "take_profit", "stop_price": "60000"}):
        problem(alice.post("/api/tickets", json=sale | kind), 422, "coins_under_stop")
    ioc = {"type": "limit", "price": "49000", "time_in_force": "IOC"}
    assert alice.post("/api/tickets", json=sale | ioc).status_code == 201


def test_a_position_is_closed_once_by_a_request(desk: Any, alice: Any, problem: Any) -> None:
    """A share of it, whoever has bought it. What is no share is refused at its field."""
    with by_hand(1):
        position = Position(1, 1, "BTC/USDT", "webhook")
        position.grow(Execution(uuid4(), "t1", Decimal(1), Decimal(50000), Decimal(0), "USDT", datetime.now(UTC)))
        desk.store.save(position)
    path, request = f"/api/positions/{position.id}/close", str(uuid4())
    sold = {alice.post(path, json={"percent": "50", "request": request}).json()["order"] for _ in range(2)}
    [order] = [desk.store.get(Order, one) for one in sold]
    assert (order.wish.percent, order.wish.side, order.source) == (50, Side.SELL, Source.WEBHOOK)
    for percent in ("0", "-1", "100.1", "1e999"):
        answer = alice.post(path, json={"percent": percent, "request": str(uuid4())})
        problem(answer, 422, "percent_out_of_range")
        assert answer.json()["field"] == "percent"
    problem(alice.post(path, json={"percent": "50", "request": "again"}), 422, "invalid")


def test_a_ticket_is_its_own_sessions(desk: Any, alice: Any, problem: Any) -> None:
    """Nobody else executes it, and no text that was not sealed here, or was changed."""
    sealed = alice.post("/api/tickets", json=BUY).json()["id"]
    with desk.logged_in("bob") as bob, desk.logged_in("alice") as elsewhere:
        head = desk.store.head()
        for browser in (bob, elsewhere):
            problem(browser.post(f"/api/tickets/{sealed}/execute"), 404, "not_found")
    for text in ("x", sealed[:-2] + "AA", desk.vault.seal(Credentials("key", "secret")), "é"):
        problem(alice.post(f"/api/tickets/{text}/execute"), 404, "not_found")
    assert desk.store.head() == head


def test_another_users_broker_is_not_found(desk: Any, alice: Any, problem: Any) -> None:
    problem(alice.post("/api/tickets", json=BUY | {"broker": 2}), 404, "not_found")
    problem(alice.post("/api/tickets", json=BUY | {"broker": 99}), 404, "not_found")


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"symbol": "NO/WAY"}, "symbol_unknown", "symbol"),
        ({"amount": "4"}, "notional_below_minimum", "quantity"),
        ({"amount": "1001"}, "insufficient_funds", "quantity"),
        ({"amount": "-1"}, "not_positive", "amount"),
        ({"amount": "1e999"}, "not_positive", "amount"),
        ({"amount": "many"}, "invalid", "amount"),
        ({"side": "hold"}, "invalid", "side"),
        ({"type": "limit"}, "price_missing", "price"),
        ({"unit": "risk", "amount": "1"}, "risk_needs_stop", "stop_loss"),
        ({"stop_loss": "50000"}, "stop_not_below", "stop_loss"),
        ({"side": "sell", "unit": "base", "amount": "1"}, "insufficient_funds", "quantity"),
    ],
)
def test_what_could_not_be_sent_names_its_field(
    desk: Any, alice: Any, problem: Any, changed: dict[str, str], code: str, field: str
) -> None:
    answer = alice.post("/api/tickets", json=BUY | changed)
    problem(answer, 422, code)
    assert answer.json()["field"] == field


def test_old_prices_and_unknown_balances_size_nothing(desk: Any, alice: Any, problem: Any) -> None:
    """Each is told as what it is. The running minute of the heartbeat is a price too, as old as what was heard last."""
    desk.gateway.says = None
    for price in (None, ("50000", 16.0)):
        knows(desk, price)
        problem(alice.post("/api/tickets", json=BUY), 409, "price_unknown")
    desk.gateway.says = {"last": "45000.5", "age": 0.2}
    told = alice.post("/api/tickets", json=BUY).json()
    assert (told["price"], told["price_age"], desk.gateway.asked[-1].action) == ("45000.5", 0.2, Action.QUOTE)
    desk.gateway.says = None
    running = {"binance/paper/BTC/USDT": {"close": "40000"}}
    figures = {"running": running, "connected": True, "now": 9000, "heard_at": 8000}
    heartbeat = {"name": "heartbeat", "state": "up", "age": 0.5, "figures": figures}
    knows(desk, None, lambda: [heartbeat])
    told = alice.post("/api/tickets", json=BUY).json()
    assert (told["price"], told["price_age"]) == ("40000", 1.5)
    for away in (heartbeat | {"state": "stale"}, heartbeat | {"figures": figures | {"connected": False}}):
        knows(desk, None, lambda away=away: [away])
        problem(alice.post("/api/tickets", json=BUY), 409, "price_unknown")
    desk.gateway.says = {"last": "0", "age": 0.1}
    knows(desk, ("0", 1.0))
    problem(alice.post("/api/tickets", json=BUY), 409, "price_unknown")
    for balances in (None, ({"USDT": ("1000", "0")}, 61.0)):
        desk.change("platform", prices=lambda *_: {"BTC/USDT": ("50000", 1.0)}, balances=lambda _, told=balances: told)
        problem(alice.post("/api/tickets", json=BUY), 409, "balances_unknown")


def test_a_broker_that_is_off_or_limited_is_told_before(desk: Any, alice: Any, problem: Any) -> None:
    change(desk, lambda broker: broker.limit(Limits("USDT", per_order=Decimal(50))))
    problem(alice.post("/api/tickets", json=BUY), 422, "limit_per_order")
    change(desk, lambda broker: broker.use_for(Usage.OFF))
    problem(alice.post("/api/tickets", json=BUY), 409, "broker_off")


def test_what_changed_since_it_was_validated_refuses_its_execution(desk: Any, alice: Any, problem: Any) -> None:
    """A rule of the market, or the broker itself."""
    sealed = alice.post("/api/tickets", json=BUY).json()["id"]
    lists(desk, replace(BTC, quantity_step=Decimal("0.001")))
    problem(alice.post(f"/api/tickets/{sealed}/execute"), 409, "rules_changed")
    lists(desk, BTC)
    executed = alice.post("/api/tickets", json=BUY).json()["id"]
    order = alice.post(f"/api/tickets/{executed}/execute").json()["order"]
    with by_hand(1):
        found = desk.store.get(Order, order)
        found.refuse("stale")
        desk.store.save(found)
    remove_broker(desk.store, desk.vault, 1, 1)
    problem(alice.post(f"/api/tickets/{sealed}/execute"), 404, "not_found")
    # What was executed before is still its answer.
    assert alice.post(f"/api/tickets/{executed}/execute").json()["order"] == order
