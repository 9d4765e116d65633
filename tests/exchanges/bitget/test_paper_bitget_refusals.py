"""What the paper Bitget refuses and what it leaves alone: bad input has a code, and nothing is dropped in silence."""

from __future__ import annotations

import pytest

from tests.exchanges.bitget.raw import Bitget, send

MARKET = {"orderType": "market", "price": None, "force": None}
LIVE = "spot/trade/unfilled-orders"


@pytest.fixture
def somebody(paper):
    """Return an account whose requests are not counted."""
    paper.control("PUT", "limits", {"exchange": "bitget", "enabled": False})
    return Bitget(paper)


@pytest.mark.parametrize(
    "preset",
    [
        "presetTakeProfitPrice", "executeTakeProfitPrice", "presetStopLossPrice", "executeStopLossPrice",
        "triggerPrice",
    ],
)  # fmt: skip
def test_a_stop_within_an_order_is_refused_rather_than_dropped(somebody, preset):
    assert somebody.place(**{preset: "39000"}).said == (400, "40020")
    assert somebody.get(LIVE).data == []


@pytest.mark.parametrize(("cost", "code"), [("4.99", "45110"), ("10000.01", "43012"), ("5", "00000")])
def test_a_market_buy_is_measured_by_what_it_spends(somebody, cost, code):
    assert somebody.place(**MARKET, size=cost).body["code"] == code


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("spot/trade/batch-orders", {"symbol": "BTCUSDT", "orderList": ["an order", 7, None]}),
        ("spot/trade/batch-orders", {"symbol": "BTCUSDT", "orderList": "all"}),
        ("spot/trade/batch-cancel-order", {"symbol": "BTCUSDT", "orderList": [[]]}),
        ("spot/trade/batch-cancel-plan-order", {"symbolList": "BTCUSDT"}),
    ],
)
def test_a_list_that_is_none_is_refused(somebody, path, body):
    told = somebody.post(path, **body)
    assert (told.status, told.body["code"][:2]) == (400, "40")


@pytest.mark.parametrize("number", ["1e999999", "1" * 200, "NaN", "-1", "0", "Infinity", "\u0663"])
@pytest.mark.parametrize("field", ["price", "size"])
def test_a_number_beyond_reason_is_refused(somebody, field, number):
    told = somebody.place(**{field: number})
    assert (told.status, told.body["code"] != "00000") == (400, True)


@pytest.mark.parametrize("number", ["9" * 5000, "\u0663\u0664", "-1", "1.5"])
def test_a_time_or_a_count_beyond_reason_is_refused(somebody, number):
    for query in ({"startTime": number}, {"limit": number}):
        told = somebody.get("spot/trade/history-orders", **query)
        assert (told.status, told.body["code"] != "00000") == (400, True)


def test_orders_of_a_market_that_is_halted_rest_until_it_opens(somebody, paper):
    placed = somebody.place()
    paper.control("PUT", "markets", {"exchange": "bitget", "symbol": "BTC/USDT", "status": "BREAK"})
    assert somebody.post("spot/trade/cancel-order", symbol="BTCUSDT", **placed.data).said == (400, "43115")
    assert [row["orderId"] for row in somebody.get(LIVE).data] == [placed.data["orderId"]]


def test_a_replacement_that_says_nothing_takes_nothing_away(somebody):
    placed = somebody.place()
    for changed in ({"size": "0.02"}, {"price": "41000"}, {"price": "41000", "size": "0"}):
        told = somebody.post("spot/trade/cancel-replace-order", symbol="BTCUSDT", **placed.data, **changed)
        assert (told.status, told.body["code"][:2]) == (400, "40")
    assert [row["orderId"] for row in somebody.get(LIVE).data] == [placed.data["orderId"]]


def test_a_plan_by_its_total_that_rests_at_a_price_buys_what_the_total_pays(somebody, paper):
    somebody.plan(side="buy", orderType="limit", executePrice="47000", planType="total", size="470")
    paper.hold("BTC/USDT", "47900")
    [row] = somebody.get(LIVE).data
    assert (row["size"], row["priceAvg"]) == ("0.01", "47000")


def test_unified_accounts_and_paths_that_are_none_have_their_codes(somebody, paper):
    assert send(paper, "GET", "/api/v3/account/assets").said == (400, "40084")
    for path in ("/api/v2/nothing", "/nothing"):
        assert send(paper, "GET", path).body["code"] == "40404"
