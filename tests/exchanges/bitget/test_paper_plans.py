"""Plan orders: triggers without a direction, which lock no coins unless they are told to, and become other orders."""

from __future__ import annotations

import pytest

from tests.exchanges.bitget.raw import Bitget


@pytest.fixture
def somebody(paper):
    """Return an account whose requests are not counted."""
    paper.control("PUT", "limits", {"exchange": "bitget", "enabled": False})
    return Bitget(paper, USDT="1000", BTC="0.02")


def current(somebody):
    return somebody.get("spot/trade/current-plan-order", symbol="BTCUSDT").data["orderList"]


def history(somebody):
    return {
        row["orderId"]: row["status"]
        for row in somebody.get("spot/trade/history-plan-order", symbol="BTCUSDT").data["orderList"]
    }


def became(somebody, placed):
    return somebody.get("spot/trade/plan-sub-order", planOrderId=placed.data["orderId"]).data


@pytest.mark.parametrize(("trigger", "way"), [("48000", ("47999", "48001")), ("52000", ("52001", "51999"))])
def test_a_plan_fires_when_the_price_comes_to_it_from_where_it_was(somebody, paper, trigger, way):
    """It has no direction of its own: a stop and a target look the same."""
    placed = somebody.plan(triggerPrice=trigger)
    reached, not_yet = way
    paper.hold("BTC/USDT", not_yet)
    assert became(somebody, placed) == []
    paper.hold("BTC/USDT", reached)
    [order] = became(somebody, placed)
    assert (order["status"], history(somebody)) == ("success", {placed.data["orderId"]: "executed"})
    assert order["orderId"] != placed.data["orderId"]
    assert somebody.get("spot/trade/fills", orderId=order["orderId"]).data[0]["size"] == "0.01"


def test_a_plan_that_is_moved_across_the_price_waits_on_its_new_side(somebody, paper):
    """A stop whose trigger the price has passed does not fire: it waits for the price to come back."""
    placed = somebody.plan(triggerPrice="48000")
    moved = {"orderType": "market", "size": "0.01", "triggerPrice": "51000"}
    somebody.post("spot/trade/modify-plan-order", orderId=placed.data["orderId"], **moved)
    assert current(somebody)[0]["triggerPrice"] == "51000"
    paper.hold("BTC/USDT", "47000")
    assert became(somebody, placed) == []
    paper.hold("BTC/USDT", "51000")
    assert len(became(somebody, placed)) == 1


def test_a_plan_locks_no_coins_unless_it_is_told_to(somebody, paper):
    somebody.plan()
    assert somebody.free("BTC") == "0.02"
    paper.control("PUT", "plans", {"lock_coins": True})
    second = somebody.plan(size="0.015")
    assert somebody.free("BTC") == "0.005"
    assert somebody.plan(size="0.01").said == (400, "43012")
    somebody.post("spot/trade/cancel-plan-order", orderId=second.data["orderId"])
    assert somebody.free("BTC") == "0.02"


def test_a_plan_without_its_coins_fails_and_says_so(somebody, paper):
    placed = somebody.plan(size="0.02")
    somebody.place(side="sell", orderType="market", price=None, force=None, size="0.02")
    paper.hold("BTC/USDT", "47000")
    assert (history(somebody), became(somebody, placed)) == ({placed.data["orderId"]: "fail_execute"}, [])


def test_a_plan_may_be_made_to_fail(somebody, paper):
    paper.fault("trigger", "fail_execute", exchange="bitget")
    placed = somebody.plan()
    paper.hold("BTC/USDT", "47000")
    assert history(somebody) == {placed.data["orderId"]: "fail_execute"}
    assert paper.control("GET", "plans")["plans"][0]["status"] == "fail_execute"


def test_plans_are_cancelled_by_market_or_all(somebody):
    mine = [somebody.plan(clientOid=name).data["orderId"] for name in ("a", "b")]
    other = somebody.plan(symbol="ETHUSDT", size="0.01", triggerPrice="1000").data["orderId"]
    gone = somebody.post("spot/trade/batch-cancel-plan-order", symbolList=["BTCUSDT"])
    assert [one["orderId"] for one in gone.data["successList"]] == mine
    assert somebody.post("spot/trade/cancel-plan-order", orderId=mine[0]).said == (400, "43001")
    assert somebody.post("spot/trade/batch-cancel-plan-order").data["successList"][0]["orderId"] == other


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"triggerPrice": "48000.001"}, "40808"),
        ({"size": "0.000001"}, "40808"),
        ({"triggerType": "gut_feeling"}, "40017"),
        ({"orderType": "limit"}, "40019"),
        ({"symbol": "NOPEUSDT"}, "40034"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_at_once(somebody, wish, code):
    assert somebody.plan(**wish).said == (400, code)


def test_a_buy_may_be_planned_by_its_cost(somebody, paper):
    placed = somebody.plan(side="buy", planType="total", size="500", triggerPrice="52000")
    paper.hold("BTC/USDT", "52000")
    [order] = became(somebody, placed)
    fills = somebody.get("spot/trade/fills", orderId=order["orderId"]).data
    assert [(one["side"], one["size"]) for one in fills] == [("buy", "0.00961")]
