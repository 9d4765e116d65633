"""A market with a book: orders take the quantities of its levels, and resting orders are filled in parts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.paper.exchange import Paper
from tests.exchanges.native import Native, told

LEVELS = {"spread": 2, "step": 100, "quantity": "0.5", "levels": 3}
"""Bids at 49,999.99, 49,998.99, 49,997.99, asks at 50,000.01, 50,001.01, 50,002.01."""


@pytest.fixture
def somebody(paper):
    """Return an account on a market with three levels of 0.5 BTC on each side."""
    told(paper, book=LEVELS)
    return Native(paper, USDT="1000000", BTC="10")


def fills(answer):
    """Return the price and quantity of each fill."""
    return [(float(fill["price"]), float(fill["qty"])) for fill in answer.body["fills"]]


@pytest.mark.parametrize(
    ("side", "trades"),
    [
        ("BUY", [(50000.01, 0.5), (50001.01, 0.5), (50002.01, 0.2)]),
        ("SELL", [(49999.99, 0.5), (49998.99, 0.5), (49997.99, 0.2)]),
    ],
)
def test_a_market_order_walks_the_levels(paper, somebody, side, trades):
    """There is one fill per level, at ever worse prices.

    The balance changes by exactly their cost, less the fee of a sale.
    """
    before = Decimal(somebody.held("USDT")[0])
    answer = somebody.place("MARKET", side, "1.2")
    assert (answer.body["status"], fills(answer)) == ("FILLED", trades)
    cost = sum(Decimal(str(price)) * Decimal(str(quantity)) for price, quantity in trades)
    free, locked = map(Decimal, somebody.held("USDT"))
    assert (free, locked) == (before - cost if side == "BUY" else before + cost * Decimal("0.999"), 0)


def test_what_finds_no_counterpart_expires(paper, somebody):
    """The order expires after three fills, with the reason. On an empty book nothing is filled."""
    answer = somebody.place("MARKET", "BUY", "2")
    assert (answer.body["status"], answer.body["expiryReason"]) == ("EXPIRED", "INSUFFICIENT_LIQUIDITY")
    assert (answer.body["executedQty"], len(answer.body["fills"]), somebody.held("USDT")[1]) == (
        "1.50000000", 3, "0.00000000",
    )  # fmt: skip
    told(paper, book={**LEVELS, "levels": 0})
    assert somebody.place("MARKET", "SELL", "0.1").body["executedQty"] == "0.00000000"


def test_a_market_order_by_cost_buys_what_the_levels_give_for_it(paper, somebody):
    """The order never spends more than its cost."""
    answer = somebody.place("MARKET", "BUY", quoteOrderQty="40000")
    assert (answer.body["status"], fills(answer)[0]) == ("FILLED", (50000.01, 0.5))
    assert 39_999 < float(answer.body["cummulativeQuoteQty"]) <= 40_000


@pytest.mark.parametrize(
    ("stands", "status", "executed"),
    [("GTC", "PARTIALLY_FILLED", "1.00000000"), ("IOC", "EXPIRED", "1.00000000"), ("FOK", "EXPIRED", "0.00000000")],
)
def test_a_limit_order_takes_the_levels_down_to_its_price(paper, somebody, stands, status, executed):
    """With GTC the rest stays on the book and with IOC it expires. With FOK nothing is filled."""
    answer = somebody.place("LIMIT", "BUY", "1.2", price="50001.50", timeInForce=stands)
    assert (answer.body["status"], answer.body["executedQty"]) == (status, executed)
    assert len(somebody.resting()) == (stands == "GTC")


def test_a_post_only_order_may_stand_inside_the_spread(paper, somebody):
    """At the best ask it would take, and is refused."""
    assert somebody.place("LIMIT_MAKER", "BUY", price="50000").status == 200
    assert somebody.place("LIMIT_MAKER", "BUY", price="50000.01").said[1:] == (
        -2010, "Order would immediately match and take.",
    )  # fmt: skip


def test_what_rests_is_filled_by_one_level_for_each_price(paper, somebody):
    """The fills are at the order's own price, as the maker. A price that does not reach the order fills nothing."""
    somebody.place("LIMIT", "SELL", "1.2", price="51000", newClientOrderId="resting")
    executed = []
    for price in ("51000", "50990", "51000", "52000"):
        paper.hold("BTC/USDT", price)
        executed.append(somebody.ask("GET", "order", symbol="BTCUSDT", origClientOrderId="resting").body["executedQty"])
    assert executed == ["0.50000000", "0.50000000", "1.00000000", "1.20000000"]
    trades = somebody.ask("GET", "myTrades", symbol="BTCUSDT").body
    assert {(trade["price"], trade["isMaker"]) for trade in trades} == {("51000.00000000", True)}


def test_a_target_that_is_filled_in_part_ends_its_stop(paper, somebody):
    """The first fill ends the stop, and the remaining coins stay locked for the target."""
    somebody.oco(quantity="1.2")
    paper.hold("BTC/USDT", "60000")
    target, stop = somebody.ask("GET", "allOrders", symbol="BTCUSDT").body
    assert {target["status"], stop["status"]} == {"PARTIALLY_FILLED", "EXPIRED"}
    assert somebody.held("BTC")[1] == "0.70000000"


def test_a_stop_that_triggers_walks_the_levels_too(paper, somebody):
    """The rest of the stop expires, and its coins are free again."""
    somebody.place("STOP_LOSS", quantity="2", stopPrice="45000", newClientOrderId="stop")
    paper.hold("BTC/USDT", "45000")
    stop = somebody.ask("GET", "order", symbol="BTCUSDT", origClientOrderId="stop").body
    assert (stop["status"], stop["executedQty"]) == ("EXPIRED", "1.50000000")
    assert somebody.held("BTC") == ("8.50000000", "0.00000000")


def test_a_buy_that_triggers_pays_what_the_levels_cost(paper, somebody):
    """The order costs more than was locked at its trigger price. The difference is paid and nothing stays locked."""
    somebody.place("STOP_LOSS", "BUY", "1", stopPrice="55000", newClientOrderId="stop")
    paper.hold("BTC/USDT", "56000")
    stop = somebody.ask("GET", "order", symbol="BTCUSDT", origClientOrderId="stop").body
    assert (stop["status"], stop["cummulativeQuoteQty"]) == ("FILLED", "56000.51000000")
    assert somebody.held("USDT") == ("943999.49000000", "0.00000000")


def test_what_the_levels_cost_has_to_be_there(paper, somebody):
    """The balance would do at the last price. A market order is refused; a stop expires when it triggers."""
    poor = Native(paper, USDT="50000")
    assert poor.place("MARKET", "BUY", "1").said == (
        400, -2010, "Account has insufficient balance for requested action.",
    )  # fmt: skip
    poor = Native(paper, USDT="49999.60")
    poor.place("STOP_LOSS", "BUY", "0.9", stopPrice="55555", newClientOrderId="stop")
    paper.hold("BTC/USDT", "55555")
    stop = poor.ask("GET", "order", symbol="BTCUSDT", origClientOrderId="stop").body
    assert (stop["status"], stop["expiryReason"]) == ("EXPIRED", "INSUFFICIENT_BALANCE")
    assert poor.held("USDT") == ("49999.60000000", "0.00000000")


def test_without_a_book_an_order_at_the_last_price_takes(paper):
    """Ten levels are shown, but everything trades at the last price."""
    somebody = Native(paper)
    assert somebody.place("LIMIT_MAKER", "BUY", price="50000").body["code"] == -2010
    assert somebody.place("LIMIT_MAKER", "BUY", price="49999.99").status == 200


def test_a_market_without_a_book_is_endless_and_shows_ten_levels_of_one_coin():
    """The levels are read in process, as the public data reads them."""
    paper = Paper()
    pair = paper.markets.pair("BTC/USDT")
    paper.prices.hold("BTC/USDT", Decimal(50000))
    bids, asks = paper.book.levels(pair, "buy"), paper.book.levels(pair, "sell")
    assert (bids[0], bids[9], len(bids)) == ((Decimal("49999.99"), 1), (Decimal("49999.90"), 1), 10)
    assert (asks[0], asks[9], len(asks)) == ((Decimal("50000.01"), 1), (Decimal("50000.10"), 1), 10)
    paper.book.shape(pair, LEVELS)
    assert paper.book.levels(pair, "buy") == [
        (Decimal(price), Decimal("0.5")) for price in ("49999.99", "49998.99", "49997.99")
    ]
    paper.book.shape(pair, None)
    assert paper.book.levels(pair, "sell") == asks


def test_a_book_can_be_taken_away_again(paper, somebody):
    """Without the book, everything fills at the last price."""
    assert told(paper, book=None)["book"] is None
    assert fills(somebody.place("MARKET", "BUY", "2")) == [(50000.0, 2.0)]
