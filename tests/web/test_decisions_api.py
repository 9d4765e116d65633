"""Decisions of a person over the API, the dashboard's metrics, and reconciliations on demand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from application.ports.requests import Action
from domain.aggregate import Personal, carrying
from domain.orders.execution import Execution
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side
from domain.reconciliation import Discrepancy, Kind, Occasion, Phase, Reconciliation, Resolution, Statement
from domain.trading.position import Position
from tests.web.conftest import PASSWORDS

Problem = Callable[..., None]
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SAID = {"outcome": "cancelled", "reason": "I looked", "password": PASSWORDS["alice"]}

NOTHING, THEIRS = Statement(Kind.NOTHING), Statement(Kind.ORDER, {"status": "NEW", "filled": "0", "size": "1"})


@pytest.fixture
def doubt(console: Any) -> Order:
    """Return an order of alice's in doubt, whose submission was never answered."""
    order: Order = console.database.submitted(console.store)
    with carrying(user="1"):
        order.doubt("no answer")
        console.store.save(order)
    console.project()
    return order


def test_both_sides_are_shown(console: Any, alice: Any, doubt: Order) -> None:
    """The response has our record and the exchange's statement, or says that the gateway could not be reached."""
    told = alice.get(f"/api/orders/{doubt.id}/sides").json()
    assert (told["ours"]["status"], told["ours"]["quantity"]) == ("unknown", "1")
    assert (told["theirs"]["answered"], told["theirs"]["found"]) == (True, False)
    assert console.gateway.asked[-1].action is Action.QUERY_ORDER
    console.gateway.ask = _away
    assert alice.get(f"/api/orders/{doubt.id}/sides").json()["theirs"] == {
        "answered": False, "problem": "gateway_away", "found": None, "status": None, "state": None,
        "exchange_order_id": None, "quantity": None, "filled": None,
    }  # fmt: skip


def _away(*_: Any) -> Any:
    from application.ports.requests import GatewayAway

    raise GatewayAway("nobody is there")


def test_a_doubt_in_the_list_says_until_when_the_exchange_may_act_on_it(alice: Any, doubt: Order) -> None:
    """A minute after that time, the exchange's lists prove the fate of the order."""
    [told] = alice.get("/api/orders").json()["items"]
    assert datetime.fromisoformat(told["valid_until"]) == doubt.valid_until


def test_a_doubt_in_the_list_says_what_it_can_have_cost(console: Any, alice: Any) -> None:
    """A sell can have cost its quantity and a buy with a cost that amount.

    For a market buy by quantity it is unknown.
    """
    orders = [
        console.database.submitted(console.store, side=Side.SELL),
        console.database.submitted(console.store),
        console.database.submitted(console.store, cost=Decimal(75)),
    ]
    for order in orders:
        with carrying(user="1"):
            order.doubt("no answer")
            console.store.save(order)
    console.project()
    told = {row["id"]: row["worst_cost"] for row in alice.get("/api/orders").json()["items"]}
    assert [told[str(order.id)] for order in orders] == ["1", None, "75"]


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"password": "wrong"}, "password_wrong", "password"),
        ({"reason": "   "}, "reason", "reason"),
        ({"reason": "a\x00b"}, "reason", "reason"),
        ({"outcome": "refused"}, "outcome", "outcome"),
    ],
)
def test_a_resolution_needs_a_reason_and_the_password(
    console: Any, alice: Any, doubt: Order, changed: dict[str, str], code: str, field: str
) -> None:
    """Nothing is recorded if the reason, the password or an outcome that an exchange could report is missing."""
    head = console.store.head()
    answer = alice.post(f"/api/orders/{doubt.id}/resolve", json={**SAID, **changed})
    assert answer.status_code == 422
    assert field in answer.json()["field"]
    assert console.store.head() == head


def test_a_doubt_is_resolved_once(console: Any, alice: Any, doubt: Order, problem: Problem) -> None:
    """The resolution is recorded in the user's name with their reason. A second one finds nothing to resolve."""
    assert alice.post(f"/api/orders/{doubt.id}/resolve", json=SAID).status_code == 204
    order = console.store.get(Order, doubt.id)
    assert (order.status, order.reason) == (Status.CANCELLED, "I looked")
    problem(alice.post(f"/api/orders/{doubt.id}/resolve", json=SAID), 409, "order_cancelled")


def test_a_late_exit_is_sent_again_as_one_order(console: Any, alice: Any, problem: Problem) -> None:
    """Repeated requests return the same order. An entry is never sent again."""
    late, entry = console.database.order(side=Side.SELL), console.database.order()
    with carrying(user="1"):
        late.refuse("exit_in_doubt")
        entry.refuse("stale")
        console.store.save(late, entry)
    console.project()
    assert sendable(alice) == [str(late.id)]
    answers = [alice.post(f"/api/orders/{late.id}/send-again").json() for _ in range(2)]
    assert answers[0] == answers[1]
    again = console.store.get(Order, Order.id_for(late.id, "again"))
    assert (str(again.id), again.wish, again.requester) == (answers[0]["order"], late.wish, "Insisted")
    problem(alice.post(f"/api/orders/{entry.id}/send-again"), 409, "not_sent_again")
    console.project()
    assert sendable(alice) == []


def sendable(alice: Any) -> list[str]:
    """Return the orders that the console offers to send again."""
    return [row["id"] for row in alice.get("/api/orders").json()["items"] if row["may_be_sent_again"]]


def test_metrics_are_asked_for_by_currency(console: Any, alice: Any) -> None:
    """Amounts in different currencies are never added up.

    The monitor computes the metrics from the trades in the books.
    """
    asked = []

    def ask(request: Any, seconds: float = 1) -> Any:
        from application.ports.requests import Answer
        from aristobot.terminals.monitor import metrics_for

        asked.append(request)
        yield Answer(request.request_id, success=True, data=metrics_for(request))

    console.gateway.ask = ask
    # Given complete trades in USDT and in BTC
    for symbol, exits in (("BTC/USDT", 110), ("ETH/USDT", 95), ("ETH/BTC", 101)):
        with carrying(user="1"):
            position = Position(1, 1, symbol, "webhook")
            orders = [console.database.filled(console.store, symbol=symbol).id for _ in range(2)]
            position.grow(Execution(orders[0], "t1", Decimal(1), Decimal(100), Decimal(0), None, NOW))
            position.reduce(Execution(orders[1], "t2", Decimal(1), Decimal(exits), Decimal(0), None, NOW), Decimal(0))
            console.store.save(position)
    console.project()
    # Then each currency has metrics of its own
    sets = {one["currency"]: one for one in alice.get("/api/metrics").json()["items"]}
    assert {name: (one["total_profit"], one["trades"]) for name, one in sets.items()} == {
        "USDT": ("5", 2),
        "BTC": ("1", 1),
    }
    assert sets["USDT"]["win_rate"] == "0.5"
    assert sets["USDT"]["sharpe_ratio"] is None
    assert {request.action for request in asked} == {Action.CALCULATE_METRICS}


def test_reconciliations_are_listed_and_asked_for(console: Any, alice: Any) -> None:
    """Reconciliations are listed with their discrepancies. The raw statements stay in the log."""
    # Given a reconciliation with one discrepancy
    with carrying(user="1"):
        run = Reconciliation(uuid4(), 1, 1, Occasion.START, NOW)
        found = Discrepancy(None, "BTC/USDT", "77", NOTHING, THEIRS, Resolution.AWAITED)
        run.find(found, Personal('{"orderId":77}'))
        run.complete_phase(Phase.FETCH, Decimal("0.5"), {"open": 1})
        run.complete(Decimal("0.6"))
        console.store.save(run)
    console.project()
    # Then its user, and no other, sees it listed
    [told] = alice.get("/api/reconciliations").json()["items"]
    assert (told["state"], told["seconds"], told["phases"][0]["counts"]) == ("completed", "0.6", {"open": 1})
    assert told["discrepancies"][0]["theirs"] == {"kind": THEIRS.kind, "values": THEIRS.values}
    assert "orderId" not in str(told)
    assert console.logged_in("bob").get("/api/reconciliations").json()["items"] == []
    # And a reconciliation can be requested
    assert alice.post("/api/brokers/1/reconcile").json()["completed"] is True
    assert console.gateway.asked[-1].params == {"broker_id": 1, "occasion": "request", "dry": False}


def test_reconciliations_that_found_nothing_can_be_left_out(console: Any, alice: Any, problem: Problem) -> None:
    """The filter works across pages: no reconciliation is skipped or listed twice."""
    for minute in range(6):
        with carrying(user="1"):
            run = Reconciliation(uuid4(), 1, 1, Occasion.REQUEST, NOW + timedelta(minutes=minute))
            if minute % 2:
                run.find(Discrepancy(None, "BTC/USDT", "77", NOTHING, THEIRS, Resolution.DECIDE), Personal("{}"))
            run.complete(Decimal("0.1"))
            console.store.save(run)
    console.project()
    assert len(alice.get("/api/reconciliations").json()["items"]) == 6
    told, query = list[str](), {"differing": "true", "limit": "2"}
    while True:
        page = alice.get("/api/reconciliations", params=query).json()
        told += [run["started_at"][14:16] for run in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert told == ["35", "33", "31"]
    problem(alice.get("/api/reconciliations", params={"cursor": "x"}), 422, "cursor_unknown")


def test_health_tells_of_every_exchange(console: Any, alice: Any) -> None:
    """Each exchange's state depends on the age of its last answer.

    The platform's state includes them, and they have an address of their own.
    """
    gateway = {
        "name": "gateway",
        "state": "up",
        "age": 0.5,
        "figures": {"exchanges": {"kraken/paper": None, "binance/paper": 3.5}},
    }
    prices = {"BTC/USDT": ("64000", 0.41), "ETH/USDT": ("3100", 9.0)}
    console.change(
        "platform", terminals=lambda: [gateway], rates=lambda exchange, _: prices if exchange == "binance" else {}
    )
    expected = [
        {"name": "binance/paper", "state": "connected", "age": 3.5, "price_age": 0.4},
        {"name": "kraken/paper", "state": "down", "age": None, "price_age": None},
    ]
    assert alice.get("/api/health/terminals").json()["exchanges"] == expected
    assert alice.get("/api/health/exchanges").json()["items"] == expected
