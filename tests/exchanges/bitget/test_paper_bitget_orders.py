"""The shapes of Bitget's answers, with the traps that its clients fall into, and its refusals."""

from __future__ import annotations

import json

import pytest

from tests.exchanges.bitget.raw import Bitget


@pytest.fixture
def somebody(paper):
    """Return an account whose requests are not counted."""
    paper.control("PUT", "limits", {"exchange": "bitget", "enabled": False})
    return Bitget(paper)


def only(told):
    [row] = told.data
    return row


def info(somebody, placed):
    return only(somebody.get("spot/trade/orderInfo", orderId=placed.data["orderId"]))


def test_an_id_is_a_text_that_no_float_can_hold(somebody):
    placed = somebody.place(clientOid="mine")
    number = placed.data["orderId"]
    assert (len(number), int(float(number)) == int(number), placed.data["clientOid"]) == (19, False, "mine")


def test_the_price_of_an_open_order_hides_under_another_name(somebody, paper):
    """`unfilled-orders` puts the order's price into `priceAvg` and that of its fills into `basePrice`."""
    paper.control("PUT", "markets", {"exchange": "bitget", "symbol": "BTC/USDT", "book": None})
    placed = somebody.place()
    paper.fault("place_order", "partial_fill")
    part = somebody.place(price="51000", size="0.02")
    rows = {row["orderId"]: row for row in somebody.get("spot/trade/unfilled-orders", symbol="BTCUSDT").data}
    rests, partly = rows[placed.data["orderId"]], rows[part.data["orderId"]]
    assert (rests["priceAvg"], rests["basePrice"], rests["status"]) == ("40000", "0", "live")
    assert (partly["priceAvg"], partly["basePrice"], partly["status"]) == ("51000", "50000", "partially_filled")
    assert (info(somebody, part)["price"], info(somebody, part)["priceAvg"]) == ("51000", "50000")


def test_a_market_buy_is_sized_in_the_quote_currency(somebody):
    bought = info(somebody, somebody.place(orderType="market", price=None, force=None, size="500"))
    sold = info(somebody, somebody.place(orderType="market", price=None, force=None, side="sell", size="0.01"))
    assert [(one["size"], one["baseVolume"], one["quoteVolume"]) for one in (bought, sold)] == [
        ("500", "0.01", "500"), ("0.01", "0.01", "500"),
    ]  # fmt: skip


def test_fees_are_negative_and_told_in_three_shapes(somebody):
    """A text of JSON in orderInfo, an object in fills."""
    placed = somebody.place(orderType="market", price=None, force=None, size="500")
    detail = json.loads(info(somebody, placed)["feeDetail"])
    assert (detail["BTC"]["totalFee"], detail["newFees"]["t"]) == (-0.00001, -0.00001)
    fill = only(somebody.get("spot/trade/fills", symbol="BTCUSDT", orderId=placed.data["orderId"]))
    assert fill["feeDetail"] == {
        "deduction": "no", "feeCoin": "BTC", "totalDeductionFee": "", "totalFee": "-0.00001",
    }  # fmt: skip
    assert info(somebody, somebody.place())["feeDetail"] == ""


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"price": "49000", "force": "ioc"}, ("cancelled", "0")),
        ({"price": "49000", "force": "fok"}, ("cancelled", "0")),
        ({"price": "51000", "force": "post_only"}, ("cancelled", "0")),
        ({"price": "51000", "force": "ioc"}, ("filled", "0.01")),
        ({"price": "49000", "force": "post_only"}, ("live", "0")),
    ],
)
def test_nothing_expires_and_nothing_is_rejected(somebody, wish, said):
    found = info(somebody, somebody.place(**wish))
    assert (found["status"], found["baseVolume"]) == said


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"size": "1"}, "43012"),
        ({"symbol": "NOPEUSDT"}, "40034"),
        ({"symbol": None}, "40019"),
        ({"size": None}, "40019"),
        ({"size": "much"}, "40017"),
        ({"side": "hold"}, "40017"),
        ({"force": None}, "40019"),
        ({"price": "40000.001"}, "40808"),
        ({"size": "0.000001"}, "40808"),
        ({"size": "0.0001"}, "45110"),
        ({"clientOid": "ünique"}, "40305"),
        ({"triggerPrice": "48000", "tpslType": "tpsl"}, "40020"),
    ],
)
def test_what_bitget_refuses_is_refused_with_its_code(somebody, wish, code):
    assert somebody.place(**wish).said == (400, code)
    assert somebody.get("spot/trade/unfilled-orders").data == []


def test_a_client_id_is_taken_for_six_hours_whatever_became_of_its_order(somebody):
    placed = somebody.place(clientOid="once")
    somebody.post("spot/trade/cancel-order", symbol="BTCUSDT", orderId=placed.data["orderId"])
    assert somebody.place(clientOid="once").said == (400, "43118")


def test_a_price_beyond_the_markets_band_is_refused_on_its_side(somebody, paper):
    band = {"PERCENT_PRICE_BY_SIDE": {"bidMultiplierUp": "1.05", "askMultiplierDown": "0.95"}}
    paper.control("PUT", "markets", {"exchange": "bitget", "symbol": "BTC/USDT", "filters": band})
    assert somebody.place(price="53000").said == (400, "43008")
    assert somebody.place(side="sell", price="47000").said == (400, "43009")


def test_an_order_that_is_not_known_is_an_empty_list_and_cannot_be_cancelled(somebody):
    for named in ({"orderId": "1"}, {"orderId": "x"}, {"clientOid": "nobody"}):
        told = somebody.get("spot/trade/orderInfo", **named)
        assert (told.said, told.data) == ((200, "00000"), [])
        assert somebody.post("spot/trade/cancel-order", symbol="BTCUSDT", **named).said == (400, "43001")


def test_a_batch_tells_what_failed_beside_what_did_not(somebody):
    wishes = [
        {"side": "buy", "orderType": "limit", "force": "gtc", "price": price, "size": "0.01", "clientOid": name}
        for price, name in (("40000", "a"), ("40000.001", "b"), ("40000", "c"))
    ]
    told = somebody.post("spot/trade/batch-orders", symbol="BTCUSDT", orderList=wishes)
    assert told.said == (200, "00000")
    assert [one["clientOid"] for one in told.data["successList"]] == ["a", "c"]
    assert [(one["clientOid"], one["errorCode"]) for one in told.data["failureList"]] == [("b", "40808")]
    ids = [{"orderId": one["orderId"]} for one in told.data["successList"]]
    gone = somebody.post("spot/trade/batch-cancel-order", symbol="BTCUSDT", orderList=[*ids, {"orderId": "1"}])
    assert [len(gone.data[name]) for name in ("successList", "failureList")] == [2, 1]


def test_a_replacement_may_cancel_and_place_nothing(somebody):
    """The new order has another id; when its client id is taken the old one is gone all the same."""
    first = somebody.place(clientOid="first")
    moved = somebody.post(
        "spot/trade/cancel-replace-order", symbol="BTCUSDT", orderId=first.data["orderId"], price="41000", size="0.01",
        newClientOid="second",
    )  # fmt: skip
    assert (moved.data["success"], moved.data["orderId"] != first.data["orderId"]) == ("success", True)
    lost = somebody.post(
        "spot/trade/cancel-replace-order", symbol="BTCUSDT", orderId=moved.data["orderId"], price="41000", size="0.01",
        newClientOid="first",
    )  # fmt: skip
    assert (lost.said, lost.data["success"]) == ((200, "00000"), "failure")
    assert somebody.get("spot/trade/unfilled-orders").data == []


def test_pages_go_back_by_ids_until_one_is_empty(somebody):
    placed = [somebody.place(price=str(40000 + number)).data["orderId"] for number in range(5)]
    seen, below = list[str](), {}
    while rows := somebody.get("spot/trade/unfilled-orders", symbol="BTCUSDT", limit="2", **below).data:
        seen += [row["orderId"] for row in rows]
        below = {"idLessThan": rows[-1]["orderId"]}
    assert seen == placed[::-1]


def test_a_fault_of_one_exchange_strikes_no_other(somebody, paper):
    paper.fault("place_order", "refuse", exchange="binance", code=43011, message="no")
    assert somebody.place().said == (200, "00000")
    paper.fault("place_order", "refuse", exchange="bitget", code=43011, message="no")
    assert somebody.place().said == (400, "43011")
