"""The faults of the paper exchange: refusals, orders that end unfilled and missing reports, also on one market only."""

from __future__ import annotations

import pytest

from tests.exchanges.native import Native, refused_by_control

LAGGING = (400, -2010, "Account has insufficient balance for requested action.")
ETH = {"symbol": "ETHUSDT", "quantity": "1"}


@pytest.fixture
def somebody(paper):
    """Return an account that holds three currencies."""
    return Native(paper, USDT="100000", BTC="10", ETH="10")


def reports(events):
    """Return the execution type, status and reason of each report."""
    return [(e["x"], e["X"], e.get("eR")) for e in events if e["e"] == "executionReport"]


@pytest.mark.parametrize(
    ("kind", "execution", "status", "reason"),
    [
        ("expire", "EXPIRED", "EXPIRED", "INSUFFICIENT_LIQUIDITY"),
        ("expire_in_match", "TRADE_PREVENTION", "EXPIRED_IN_MATCH", None),
    ],
)
def test_a_market_order_ends_with_nothing_filled(paper, somebody, kind, execution, status, reason):
    """The coins of the order are free again, and the next order fills."""
    paper.fault("place_order", kind)
    answers = []
    events = somebody.heard(lambda: answers.append(somebody.place("MARKET")))
    [ended], query = answers, somebody.ask("GET", "allOrders", symbol="BTCUSDT").body[-1]
    assert (ended.status, ended.body["status"], ended.body["fills"], query["status"]) == (200, status, [], status)
    assert reports(events) == [("NEW", "NEW", None), (execution, status, reason)]
    assert somebody.held("BTC") == ("10.00000000", "0.00000000")
    assert paper.control("GET", "orders")[-1]["status"] == "expired"
    assert somebody.place("MARKET").body["status"] == "FILLED"


def test_coins_that_are_there_are_not_free_yet(paper, somebody):
    """The fault refuses orders and lists, as often as it was told to."""
    paper.fault("place_order", "insufficient", times=2)
    assert somebody.place("LIMIT", price="60000").said == somebody.oco().said == LAGGING
    assert (somebody.oco().status, somebody.held("BTC")[1]) == (200, "0.01000000")


def test_a_clock_is_refused_as_often_as_it_is_told(paper, somebody):
    """The code is -1021, and nothing is placed."""
    paper.fault("place_order", "clock_refused", times=2)
    codes = [somebody.place("LIMIT", price="60000").body.get("code") for _ in range(3)]
    assert (codes, len(somebody.resting())) == ([-1021, -1021, None], 1)


@pytest.mark.parametrize(
    ("when", "ask"),
    [
        ("place_order", lambda s: s.place("MARKET")),
        ("place_order", lambda s: s.oco()),
        ("cancel_order", lambda s: s.ask("DELETE", "openOrders", symbol="BTCUSDT")),
        ("query", lambda s: s.ask("GET", "account")),
    ],
)
def test_any_error_can_be_said(paper, somebody, when, ask):
    """The refusal has the code and the message that the test chose."""
    paper.fault(when, "refuse", code=-2038, message="This is what it says.")
    assert ask(somebody).said == (400, -2038, "This is what it says.")


def test_a_fault_can_be_bounded_to_one_market(paper, somebody):
    """The fault waits for an order on its market."""
    paper.fault("place_order", "refuse", symbol="ETH/USDT", code=-1013, message="Filter failure: LOT_SIZE")
    assert somebody.place("MARKET").status == 200
    assert somebody.place("MARKET", **ETH).said == (400, -1013, "Filter failure: LOT_SIZE")
    assert somebody.place("MARKET", **ETH).status == 200


def test_a_fault_can_be_bounded_to_one_type_of_order(paper, somebody):
    """The type of a list's leg counts too. Orders of other types are accepted."""
    paper.fault("place_order", "refuse", type="LIMIT_MAKER", times=9, message="No.")
    assert somebody.place("STOP_LOSS", stopPrice="40000").status == 200
    assert somebody.place("LIMIT_MAKER", price="60000").said == somebody.oco().said == (400, -1013, "No.")


def test_one_market_is_unknown_to_every_query_while_the_account_as_a_whole_is_told(paper, somebody):
    """Queries that name the market fail until the fault is cleared; another market answers."""
    somebody.place("LIMIT", price="60000")
    paper.fault("query", "refuse_symbol", symbol="BTC/USDT")
    unknown = (400, -1121, "Invalid symbol.")
    for path in ("openOrders", "allOrders", "myTrades"):
        assert somebody.ask("GET", path, symbol="BTCUSDT").said == unknown
        assert somebody.ask("GET", path, symbol="ETHUSDT").status == 200
    assert len(somebody.resting()) == 1
    paper.control("DELETE", "faults")
    assert somebody.ask("GET", "openOrders", symbol="BTCUSDT").status == 200


def test_a_deaf_stream_stands_and_loses_what_happens(paper, somebody):
    """The stream stays connected. Events during the fault are never reported; later events are."""

    def meanwhile():
        paper.fault("stream", "deaf_stream", seconds=30)
        somebody.place("MARKET")
        assert len(paper.control("GET", "streams")) == 1
        paper._server.paper.faults.clock = lambda: paper._server.paper.now() + 31_000
        somebody.place("LIMIT", price="60000", newClientOrderId="heard")

    events = somebody.heard(meanwhile)
    assert [event["c"] for event in events if event["e"] == "executionReport"] == ["heard"]


@pytest.mark.parametrize(
    "bad",
    [
        {"when": "place_order", "kind": "refuse_symbol"},
        {"when": "query", "kind": "expire"},
        {"when": "place_order", "kind": "refuse", "symbol": "BTCUSDT"},
        {"when": "place_order", "kind": "refuse", "type": "limit"},
        {"when": "place_order", "kind": "refuse", "code": "no"},
    ],
)
def test_a_fault_that_cannot_be_is_refused(paper, bad):
    """Nothing is added to the fault script."""
    assert refused_by_control(paper, "POST", "faults", bad)
    assert paper.control("GET", "faults") == []
