"""The rules of the paper exchange's markets change while it runs, and every new order must meet them."""

from __future__ import annotations

import pytest

from tests.exchanges.native import Native, refused_by_control, told


def failed(name):
    """Return the refusal of a filter."""
    return 400, -1013, f"Filter failure: {name}"


@pytest.mark.parametrize(
    ("filter_", "fields", "order"),
    [
        ("PRICE_FILTER", {"tickSize": "10"}, ("LIMIT", "SELL", "0.01", {"price": "60005"})),
        ("PRICE_FILTER", {"minPrice": "55000"}, ("LIMIT", "BUY", "0.01", {"price": "50000"})),
        ("PRICE_FILTER", {"maxPrice": "55000"}, ("LIMIT", "SELL", "0.01", {"price": "60000"})),
        ("PRICE_FILTER", {"tickSize": "10"}, ("STOP_LOSS", "SELL", "0.01", {"stopPrice": "40005"})),
        ("LOT_SIZE", {"stepSize": "0.1"}, ("LIMIT", "SELL", "0.05", {"price": "60000"})),
        ("LOT_SIZE", {"minQty": "0.1"}, ("MARKET", "SELL", "0.01", {})),
        ("LOT_SIZE", {"maxQty": "0.1"}, ("LIMIT", "SELL", "0.2", {"price": "60000"})),
        ("MARKET_LOT_SIZE", {"maxQty": "0.1"}, ("MARKET", "SELL", "0.2", {})),
        ("MARKET_LOT_SIZE", {"stepSize": "0.1"}, ("MARKET", "BUY", "0.05", {})),
        ("MARKET_LOT_SIZE", {"maxQty": "0.1"}, ("STOP_LOSS", "SELL", "0.2", {"stopPrice": "40000"})),
        ("MARKET_LOT_SIZE", {"maxQty": "0.1"}, ("TAKE_PROFIT", "SELL", "0.2", {"stopPrice": "60000"})),
        ("NOTIONAL", {"minNotional": "1000"}, ("LIMIT", "SELL", "0.01", {"price": "60000"})),
        ("NOTIONAL", {"minNotional": "1000"}, ("MARKET", "SELL", "0.01", {})),
        ("NOTIONAL", {"maxNotional": "100"}, ("MARKET", "SELL", "0.01", {})),
        ("PERCENT_PRICE_BY_SIDE", {"askMultiplierUp": "1.1"}, ("LIMIT", "SELL", "0.01", {"price": "60000"})),
        ("PERCENT_PRICE_BY_SIDE", {"bidMultiplierDown": "0.9"}, ("LIMIT", "BUY", "0.01", {"price": "40000"})),
        ("PERCENT_PRICE_BY_SIDE", {"askMultiplierUp": "1.1"}, ("LIMIT_MAKER", "SELL", "0.01", {"price": "60000"})),
        ("MAX_NUM_ORDERS", {"maxNumOrders": 0}, ("LIMIT", "SELL", "0.01", {"price": "60000"})),
        ("MAX_NUM_ALGO_ORDERS", {"maxNumAlgoOrders": 0}, ("STOP_LOSS", "SELL", "0.01", {"stopPrice": "40000"})),
    ],
)
def test_a_filter_that_was_changed_refuses_what_it_allowed_before(paper, filter_, fields, order):
    """`exchangeInfo` shows the change at once, and the refused order neither rests nor locks coins."""
    somebody, (kind, side, quantity, more) = Native(paper), order
    assert somebody.place(kind, side, quantity, **more).status == 200
    told(paper, filters={filter_: fields})
    shown = somebody.rules()["filters"][filter_]
    before = somebody.resting()
    assert somebody.place(kind, side, quantity, **more).said == failed(filter_)
    assert {name: float(shown[name]) for name in fields} == {name: float(value) for name, value in fields.items()}
    assert somebody.resting() == before


@pytest.mark.parametrize(
    ("filter_", "fields", "order"),
    [
        ("MARKET_LOT_SIZE", {"maxQty": "0.1"}, ("LIMIT", "SELL", "0.2", {"price": "60000"})),
        ("NOTIONAL", {"minNotional": "1000", "applyMinToMarket": False}, ("MARKET", "SELL", "0.01", {})),
        ("NOTIONAL", {"maxNotional": "100", "applyMaxToMarket": False}, ("MARKET", "SELL", "0.01", {})),
        ("PERCENT_PRICE_BY_SIDE", {"bidMultiplierUp": "1.1"}, ("LIMIT", "SELL", "0.01", {"price": "60000"})),
        ("MAX_NUM_ALGO_ORDERS", {"maxNumAlgoOrders": 0}, ("LIMIT", "SELL", "0.01", {"price": "60000"})),
        ("PRICE_FILTER", {"tickSize": None}, ("LIMIT", "SELL", "0.01", {"price": "60000.001"})),
    ],
)
def test_a_filter_lets_through_what_it_does_not_mean(paper, filter_, fields, order):
    """The order has another side or type, the filter's flag is off, or its field was removed.

    Resting orders do not matter.
    """
    somebody, (kind, side, quantity, more) = Native(paper), order
    somebody.place("STOP_LOSS", stopPrice="40000")
    told(paper, filters={filter_: fields})
    assert somebody.place(kind, side, quantity, **more).status == 200


def test_a_list_is_held_to_the_filters_of_both_of_its_legs(paper):
    """The target is too far away, the stop exceeds a market lot, or the stop is one trigger order too many."""
    somebody = Native(paper)
    told(paper, filters={"PERCENT_PRICE_BY_SIDE": {"askMultiplierUp": "1.1"}})
    assert somebody.oco().said == failed("PERCENT_PRICE_BY_SIDE")
    told(paper, filters={"PERCENT_PRICE_BY_SIDE": None, "MARKET_LOT_SIZE": {"maxQty": "0.001"}})
    assert somebody.oco().said == failed("MARKET_LOT_SIZE")
    told(paper, filters={"MARKET_LOT_SIZE": {"maxQty": "100"}, "MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": 1}})
    assert somebody.oco().status == 200
    assert somebody.oco().said == failed("MAX_NUM_ALGO_ORDERS")
    assert "PERCENT_PRICE_BY_SIDE" not in somebody.rules()["filters"]


def test_orders_and_lists_are_counted_by_account_and_market(paper):
    """Two legs are two orders. Orders of another account, on another market or already ended do not count."""
    somebody, other = Native(paper, USDT="1000", BTC="1", ETH="10"), Native(paper)
    told(paper, filters={"MAX_NUM_ORDERS": {"maxNumOrders": 3}, "MAX_NUM_ORDER_LISTS": {"maxNumOrderLists": 1}})
    first = somebody.oco().body
    assert somebody.oco().said == failed("MAX_NUM_ORDERS")
    assert somebody.place("LIMIT", price="60000").status == 200
    assert somebody.place("LIMIT", price="60000").said == failed("MAX_NUM_ORDERS")
    told(paper, filters={"MAX_NUM_ORDERS": {"maxNumOrders": 200}})
    assert somebody.oco().said == failed("MAX_NUM_ORDER_LISTS")
    assert other.oco().status == 200
    assert somebody.place("LIMIT", symbol="ETHUSDT", quantity="1", price="9000").status == 200
    somebody.ask("DELETE", "orderList", symbol="BTCUSDT", orderListId=first["orderListId"])
    assert somebody.oco().status == 200


@pytest.mark.parametrize(("status", "can_cancel"), [("HALT", True), ("CANCEL_ONLY", True), ("BREAK", False)])
def test_a_closed_market_takes_no_orders(paper, status, can_cancel):
    """The status is shown, and decides whether orders can still be cancelled."""
    somebody = Native(paper)
    somebody.place("LIMIT", price="60000", newClientOrderId="before")
    told(paper, status=status)
    refused, listed = somebody.place("MARKET"), somebody.oco()
    cancelled = somebody.ask("DELETE", "order", symbol="BTCUSDT", origClientOrderId="before")
    assert refused.said == listed.said == (400, -2010, "Market is closed.")
    assert somebody.rules()["status"] == status
    assert cancelled.status == (200 if can_cancel else 400)
    told(paper, status="TRADING")
    assert somebody.place("MARKET").status == 200


def test_a_type_that_a_market_lacks_is_refused(paper):
    """The type is refused alone and as a leg of a list. So is a list or a replacement where the market lacks them."""
    somebody = Native(paper)
    told(paper, order_types=["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT"])
    no = (400, -2010, "Stop loss orders are not supported for this symbol.")
    assert somebody.place("STOP_LOSS", stopPrice="40000").said == somebody.oco().said == no
    assert somebody.place("STOP_LOSS_LIMIT", stopPrice="40000", price="39000").status == 200
    told(paper, oco_allowed=False, cancel_replace_allowed=False)
    assert somebody.oco().said == (400, -2010, "OCO orders are not supported for this symbol.")
    replacement = somebody.wish("LIMIT", price="60000", cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId="1")
    no = (400, -2010, "Order cancel-replace is not supported for this symbol.")
    assert somebody.ask("POST", "order/cancelReplace", **replacement).said == no
    rules = somebody.rules()
    assert (rules["ocoAllowed"], rules["cancelReplaceAllowed"], "STOP_LOSS" in rules["orderTypes"]) == (False,) * 3


def test_a_market_that_is_taken_away_is_unknown_and_its_orders_end(paper):
    """The coins of the ended orders are free. Once the market is listed again, such an order can be queried."""
    somebody = Native(paper)
    somebody.place("LIMIT", price="60000", newClientOrderId="resting")
    told(paper, delist=True)
    unknown = (400, -1121, "Invalid symbol.")
    assert somebody.place("MARKET").said == unknown
    assert somebody.ask("GET", "openOrders", symbol="BTCUSDT").said == unknown
    assert somebody.public("ticker/price", symbol="BTCUSDT").said == unknown
    assert somebody.public("exchangeInfo", symbols='["BTCUSDT"]').said == unknown
    assert "BTCUSDT" not in {symbol["symbol"] for symbol in somebody.public("exchangeInfo").body["symbols"]}
    assert somebody.held("BTC") == ("10.00000000", "0.00000000")
    paper.control("PUT", "markets", {"list": {"base": "BTC", "quote": "USDT", "price": "1", "tick": "1", "step": "1"}})
    told_then = somebody.ask("GET", "order", symbol="BTCUSDT", origClientOrderId="resting").body
    assert (told_then["status"], told_then["expiryReason"]) == ("EXPIRED", "EXCHANGE_CANCELED")


@pytest.mark.parametrize("base", ["PEPE", "币安人生"])
def test_a_new_market_trades_at_once(paper, base):
    """The name may be in any script. Public data, orders, queries and both kinds of streams work."""
    somebody, native = Native(paper, **{"USDT": "1000", base: "0"}), f"{base}USDT"
    made = {"base": base, "quote": "USDT", "price": "0.5", "tick": "0.001", "step": "0.1"}
    paper.control("PUT", "markets", {"list": made, "filters": {"NOTIONAL": {"minNotional": "1"}}})
    paper.hold(f"{base}/USDT", "0.5")
    events = somebody.heard(lambda: somebody.place("MARKET", "BUY", "10", symbol=native, newClientOrderId="mine"))
    query = somebody.ask("GET", "order", symbol=native, origClientOrderId="mine").body
    assert (query["symbol"], query["status"], somebody.held(base)[0]) == (native, "FILLED", "9.99000000")
    assert {event["s"] for event in events if event["e"] == "executionReport"} == {native}
    assert somebody.rules(native)["filters"]["LOT_SIZE"]["stepSize"] == "0.10000000"
    assert somebody.public("ticker/price", symbol=native).body["price"] == "0.50000000"
    assert somebody.say("order.status", symbol=native, origClientOrderId="mine")["result"]["status"] == "FILLED"
    trade = somebody.watched(f"{native.lower()}@trade", lambda: paper.hold(f"{base}/USDT", "0.75"))
    assert (trade["s"], trade["p"]) == (native, "0.75000000")


@pytest.mark.parametrize(
    "bad",
    [
        {"symbol": "XXX/USDT"},
        {"status": "OPEN"},
        {"order_types": ["LIMIT", "ICEBERG"]},
        {"order_types": "LIMIT"},
        {"oco_allowed": "yes"},
        {"filters": {"MAX_POSITION": {"maxPosition": "1"}}},
        {"filters": {"LOT_SIZE": {"maxPrice": "1"}}},
        {"filters": {"LOT_SIZE": {"maxQty": "-1"}}},
        {"filters": {"LOT_SIZE": {"maxQty": "NaN"}}},
        {"filters": {"MAX_NUM_ORDERS": {"maxNumOrders": "1.5"}}},
        {"filters": {"NOTIONAL": {"applyMinToMarket": "true"}}},
        {"book": {"spread": 0, "step": 1, "quantity": "1", "levels": 5}},
        {"book": {"spread": 1, "step": 1, "quantity": "0.000001", "levels": 5}},
        {"list": {"base": "BTC", "quote": "USDT", "price": "1", "tick": "1", "step": "1"}},
        {"list": {"base": "A B", "quote": "USDT", "price": "1", "tick": "1", "step": "1"}},
        {"list": {"base": "AB", "quote": "USDT", "price": "1.5", "tick": "1", "step": "1"}},
        {"exchange": "kraken"},
        {"colour": "blue"},
    ],
)
def test_bad_rules_are_refused_and_change_nothing(paper, bad):
    """The valid part of the same request is not applied either."""
    good = {"symbol": "BTC/USDT", "status": "HALT", "filters": {"PRICE_FILTER": {"tickSize": "5"}}}
    before = paper.control("GET", "markets")
    assert refused_by_control(paper, "PUT", "markets", good | bad)
    assert paper.control("GET", "markets") == before
