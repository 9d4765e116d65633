"""The paper Binance has a code for each invalid request, and never gives a broken answer."""

from __future__ import annotations

import pytest

from adapters.exchanges.binance.signing import signed_parameters
from tests.exchanges.test_paper_api_signatures import order, over_ws, raw, refusal, server_time, signed

DAY = 86_400_000
STOP = {"type": "STOP_LOSS", "stopPrice": "60000", "price": None, "timeInForce": None}


def given_values(named):
    """Return the parameters to send; a value of None removes one."""
    return {name: value for name, value in named.items() if value is not None}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"symbol": "btcusdt"}, -1100),
        ({"symbol": "BTC/USDT"}, -1100),
        ({"symbol": "NOPE"}, -1121),
        ({"symbol": ""}, -1102),
        ({"symbol": None}, -1102),
        ({"side": "HOLD"}, -1117),
        ({"side": None}, -1102),
        ({"type": "BEST"}, -1116),
        ({"type": None}, -1102),
        ({"timeInForce": "PO"}, -1115),
        ({"timeInForce": "GTD"}, -1115),
        ({"timeInForce": None}, -1102),
        ({"type": "LIMIT_MAKER"}, -1106),
        ({"type": "MARKET", "price": None}, -1106),
        ({"type": "MARKET", "timeInForce": None}, -1106),
        ({"quantity": "1e-3"}, -1100),
        ({"quantity": "-1"}, -1100),
        ({"quantity": "NaN"}, -1100),
        ({"quantity": "Infinity"}, -1100),
        ({"quantity": "0.01 "}, -1100),
        ({"quantity": "٣"}, -1100),
        ({"quantity": ""}, -1105),
        ({"quantity": "0"}, -1013),
        ({"quantity": "0.000000001"}, -1111),
        ({"price": "4e4"}, -1100),
        ({"price": "-40000"}, -1100),
        ({"price": None}, -1102),
        ({"quantity": None}, -1102),
        ({"quoteOrderQty": "100"}, -1106),
        ({"type": "MARKET", "price": None, "timeInForce": None, "quoteOrderQty": "100"}, -1106),
        ({"stopPrice": "30000"}, -1106),
        ({"trailingDelta": "100"}, -1106),
        ({**STOP, "stopPrice": None}, -1102),
        ({**STOP, "trailingDelta": "abc"}, -1100),
        ({**STOP, "trailingDelta": "5"}, -1013),
        ({"icebergQty": "0.00001"}, -1013),
        ({"icebergQty": "0.02"}, -1013),
        ({"icebergQty": "0.001", "timeInForce": "IOC"}, -1115),
        ({"icebergQty": "0.001", "type": "MARKET", "price": None, "timeInForce": None}, -1106),
        ({"selfTradePreventionMode": "EXPIRE_BOTH"}, -1013),
        ({"newOrderRespType": "EVERYTHING"}, -1123),
        ({"newClientOrderId": "a b"}, -1100),
        ({"newClientOrderId": "a" * 37}, -1100),
        ({"strategyId": "abc"}, -1100),
        ({"strategyType": "999999"}, -1134),
        ({"leverage": "10"}, -1104),
    ],
)
@pytest.mark.parametrize("path", ["order", "order/test"])
def test_an_order_that_makes_no_sense_is_refused_with_its_code(paper, path, changed, code):
    """A test order is parsed like a real one. Nothing is recorded in either case."""
    # given
    keys = paper.account(USDT="10000", BTC="1")
    # when
    refused = refusal(paper, keys, "POST", path, **given_values(order(**changed)))
    # then
    assert refused == (400, code)
    assert paper.orders() == []


def test_an_order_with_everything_that_is_allowed_is_taken(paper):
    """The parameters that are refused for one value are accepted for another."""
    # given
    keys = paper.account(USDT="10000")
    more = {"newOrderRespType": "RESULT", "selfTradePreventionMode": "EXPIRE_MAKER", "strategyType": 1_000_000}
    # when
    status, told = signed(paper, keys, "POST", "order", **order(**more, strategyId=7, recvWindow="4000.5"))
    # then
    assert (status, told["status"]) == (200, "NEW")
    assert "fills" not in told


def test_a_tested_order_is_weighed_by_the_filters_and_not_entered(paper):
    """Below the minimum or off the tick, the order is refused. The balance is not checked."""
    # given
    keys = paper.account(USDT="10")
    # when
    too_small = refusal(paper, keys, "POST", "order/test", **order(quantity="0.00001"))
    off_the_tick = refusal(paper, keys, "POST", "order/test", **order(price="40000.001"))
    beyond_the_balance = signed(paper, keys, "POST", "order/test", **order(quantity="1"))
    # then
    assert too_small == off_the_tick == (400, -1013)
    assert beyond_the_balance == (200, {})
    assert paper.orders() == []


@pytest.mark.parametrize(
    ("method", "path", "parameters", "code"),
    [
        ("GET", "order", {"symbol": "BTCUSDT", "orderId": "abc"}, -1100),
        ("GET", "order", {"symbol": "BTCUSDT", "orderId": "-1"}, -1100),
        ("GET", "order", {"symbol": "BTCUSDT"}, -1102),
        ("GET", "order", {"symbol": "BTCUSDT", "orderId": "1" * 21}, -1100),
        ("GET", "order", {"symbol": "BTCUSDT", "orderId": "77", "limit": "5"}, -1104),
        ("DELETE", "order", {"symbol": "BTCUSDT", "orderId": "abc"}, -1100),
        ("DELETE", "order", {"symbol": "BTCUSDT"}, -1102),
        ("DELETE", "order", {"symbol": "BTCUSDT", "orderId": "77", "cancelRestrictions": "ONLY_OLD"}, -1145),
        ("PUT", "order/amend/keepPriority", {"symbol": "BTCUSDT", "orderId": "77"}, -2013),
        ("GET", "openOrders", {"symbol": "btcusdt"}, -1100),
        ("GET", "openOrders", {"symbol": ""}, -1102),
        ("GET", "allOrders", {"symbol": "BTCUSDT", "limit": "abc"}, -1100),
        ("GET", "allOrders", {"symbol": "BTCUSDT", "limit": "0"}, -1130),
        ("GET", "allOrders", {"symbol": "BTCUSDT", "orderId": "abc"}, -1100),
        ("GET", "allOrders", {"symbol": "BTCUSDT", "startTime": "abc"}, -1100),
        ("GET", "allOrders", {"symbol": "BTCUSDT", "startTime": 1, "endTime": 2 + DAY}, -1127),
        ("GET", "myTrades", {"symbol": "BTCUSDT", "startTime": 1, "endTime": 2 + DAY}, -1127),
        ("GET", "myTrades", {"symbol": "BTCUSDT", "fromId": "abc"}, -1100),
        ("GET", "myTrades", {"symbol": "BTCUSDT", "fromId": 1, "startTime": 1}, -1128),
        ("GET", "allOrderList", {"limit": "abc"}, -1100),
        ("GET", "allOrderList", {"startTime": 1, "endTime": 2 + DAY}, -1127),
        ("GET", "orderList", {}, -1102),
        ("GET", "orderList", {"orderListId": "abc"}, -1100),
        ("DELETE", "orderList", {}, -1102),
        ("DELETE", "orderList", {"symbol": "BTCUSDT"}, -1102),
        ("DELETE", "orderList", {"symbol": "BTCUSDT", "orderListId": "abc"}, -1100),
        ("GET", "rateLimit/order", {"symbol": "BTCUSDT"}, -1101),
        ("GET", "account", {"symbol": "BTCUSDT"}, -1104),
    ],
)
def test_a_signed_question_that_makes_no_sense_is_refused_with_its_code(paper, method, path, parameters, code):
    """Each of these requests once got a broken answer, or an answer to a different request."""
    # given
    keys = paper.account(USDT="10000")
    # when
    refused = refusal(paper, keys, method, path, **parameters)
    # then
    assert refused == (400, code)


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("klines", "symbol=BTCUSDT&interval=1m&limit=abc", -1100),
        ("klines", "symbol=BTCUSDT&interval=1m&limit=0", -1130),
        ("klines", "symbol=BTCUSDT&interval=1m&startTime=abc", -1100),
        ("klines", "symbol=BTCUSDT&interval=1m&timeZone=99", -1130),
        ("klines", "symbol=BTCUSDT&interval=1s", -1120),
        ("klines", "symbol=BTCUSDT&interval=7m", -1120),
        ("klines", "symbol=BTCUSDT", -1120),
        ("depth", "symbol=BTCUSDT&limit=abc", -1100),
        ("depth", "symbol=btcusdt", -1100),
        ("trades", "symbol=BTCUSDT&limit=abc", -1100),
        ("aggTrades", "symbol=BTCUSDT&fromId=abc", -1100),
        ("ticker/price", "symbols=BAD", -1100),
        ("ticker/price", "symbols=%5B1%5D", -1100),
        ("ticker/price", "symbols=%5B%22btcusdt%22%5D", -1100),
        ("ticker/price", "symbols=%5B%22NOPE%22%5D", -1121),
        ("ticker/price", "symbols=%5B%5D", -1105),
        ("ticker/price", "symbols=%5B%22BTCUSDT%22%2C%22BTCUSDT%22%5D", -1151),
        ("ticker/price", "symbol=BTCUSDT&symbols=%5B%22ETHUSDT%22%5D", -1128),
        ("ticker/price", "symbol=", -1102),
        ("ticker/24hr", "symbol=BTCUSDT&type=HUGE", -1139),
        ("exchangeInfo", "symbols=BAD", -1100),
        ("exchangeInfo", "symbolStatus=ODD", -1122),
        ("ping", "a=1", -1101),
        ("avgPrice", "symbol=BTCUSDT&a=1", -1104),
    ],
)
def test_a_public_question_that_makes_no_sense_is_refused_with_its_code(paper, path, query, code):
    """Invalid public requests never cause a server error."""
    # when
    status, _, told = raw(paper, "GET", f"/api/v3/{path}", query)
    # then
    assert (status, told["code"]) == (400, code)


def test_a_list_is_cancelled_by_its_own_id_and_symbol_only(paper):
    """Without an id, with another symbol or with another client id, nothing is cancelled."""
    # given
    keys = paper.account(BTC="1")
    made = signed(paper, keys, "POST", "orderList/oco", **oco())[1]
    # when
    nothing = refusal(paper, keys, "DELETE", "orderList", symbol="BTCUSDT")
    elsewhere = refusal(paper, keys, "DELETE", "orderList", symbol="ETHUSDT", orderListId=made["orderListId"])
    by_another_name = refusal(paper, keys, "DELETE", "orderList", symbol="BTCUSDT", listClientOrderId="other")
    standing = [o.rests for o in paper.orders()]
    status, told = signed(paper, keys, "DELETE", "orderList", symbol="BTCUSDT", orderListId=made["orderListId"])
    # then
    assert (nothing, elsewhere, by_another_name) == ((400, -1102), (400, -2011), (400, -2011))
    assert standing == [True, True]
    assert (status, told["listOrderStatus"]) == (200, "ALL_DONE")


def test_a_cancel_may_be_bound_to_what_was_executed(paper):
    """ONLY_PARTIALLY_FILLED leaves a new order resting; ONLY_NEW cancels it."""
    # given
    keys = paper.account(USDT="10000")
    named = {"symbol": "BTCUSDT", "orderId": signed(paper, keys, "POST", "order", **order())[1]["orderId"]}
    # when
    kept = signed(paper, keys, "DELETE", "order", **named, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    gone = signed(paper, keys, "DELETE", "order", **named, cancelRestrictions="ONLY_NEW")
    # then
    assert kept == (400, {"code": -2011, "msg": "Order was not canceled due to cancel restrictions."})
    assert (gone[0], gone[1]["status"]) == (200, "CANCELED")


def test_a_day_of_orders_and_trades_can_be_asked_for(paper):
    """A span of exactly 24 hours is accepted."""
    # given
    keys = paper.account(USDT="10000")
    placed = signed(paper, keys, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")[1]
    span = {"symbol": "BTCUSDT", "endTime": server_time(paper) + 1000}
    # when
    orders = signed(paper, keys, "GET", "allOrders", **span, startTime=span["endTime"] - DAY)[1]
    trades = signed(paper, keys, "GET", "myTrades", **span, startTime=span["endTime"] - DAY)[1]
    # then
    assert [o["orderId"] for o in orders] == [t["orderId"] for t in trades] == [placed["orderId"]]


def test_a_book_has_as_many_levels_as_were_asked_for(paper):
    """Each side has five levels, the best first."""
    # when
    _, _, book = raw(paper, "GET", "/api/v3/depth", "symbol=BTCUSDT&limit=5")
    # then
    assert [len(book["bids"]), len(book["asks"])] == [5, 5]
    assert float(book["bids"][0][0]) > float(book["bids"][1][0])
    assert float(book["asks"][0][0]) < float(book["asks"][1][0])


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v3/nope"), ("PATCH", "/api/v3/order"), ("GET", "/other")])
def test_an_unknown_path_is_told_in_json(paper, method, path):
    """The reason is readable for a client that expects JSON."""
    # when
    status, headers, told = raw(paper, method, path)
    # then
    assert status == 404
    assert headers["Content-Type"].startswith("application/json")
    assert told == {"code": -5000, "msg": f"Path {path}, Method {method} is invalid"}


@pytest.mark.parametrize(
    ("frame", "answered_id", "words"),
    [
        ("not json", None, "Invalid JSON"),
        ("[" * 100_000, None, "Invalid JSON"),
        ("[]", None, "Invalid JSON"),
        ("17", None, "Invalid JSON"),
        ({"id": 1.5, "method": "ping"}, None, "Invalid 'id'"),
        ({"id": "a b", "method": "ping"}, None, "Invalid 'id'"),
        ({"id": 1}, 1, "Invalid 'method'"),
        ({"id": 1, "method": 2}, 1, "Invalid 'method'"),
        ({"id": "x", "method": "ping", "params": [1]}, "x", "Invalid 'params'"),
    ],
)
def test_a_frame_that_asks_nothing_gets_an_error_and_the_connection_lives(paper, frame, answered_id, words):
    """The next frame on the same connection is answered."""
    # when
    [refused, answered] = over_ws(paper, frame, {"id": 2, "method": "ping"})
    # then
    assert (refused["id"], refused["status"], refused["error"]["code"]) == (answered_id, 400, -1135)
    assert refused["error"]["msg"].startswith(words)
    assert (answered["id"], answered["status"]) == (2, 200)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"symbol": None}, -1102),
        ({"quantity": 1e-7}, -1100),
        ({"quantity": [1]}, -1100),
        ({"price": {"a": 1}}, -1100),
        ({"leverage": "10"}, -1104),
        ({"recvWindow": "abc"}, -1100),
    ],
)
def test_the_websocket_api_has_the_same_codes(paper, changed, code):
    """The code is the same for a value of any JSON kind."""
    # given
    keys = paper.account(USDT="10000")
    named = {**order(**changed), "apiKey": keys["key"], "timestamp": server_time(paper)}
    as_read = {name: {None: "", 1e-7: "1e-7"}.get(value, value) if not isinstance(value, list | dict) else
               str(value).replace("'", '"').replace(" ", "") for name, value in named.items()}  # fmt: skip
    signature = signed_parameters(as_read, keys["secret"])["signature"]
    # when
    [told] = over_ws(paper, {"id": 1, "method": "order.place", "params": {**named, "signature": signature}})
    # then
    assert (told["status"], told["error"]["code"]) == (400, code)


def test_symbols_come_as_a_list_over_the_websocket_api(paper):
    """Over the WebSocket API the symbols are a JSON array, not a text that contains one."""
    # when
    [told] = over_ws(
        paper, {"id": 1, "method": "ticker.price", "params": {"symbols": ["BTCUSDT", "ETHUSDT"]}}
    )  # fmt: skip
    # then
    assert [row["symbol"] for row in told["result"]] == ["BTCUSDT", "ETHUSDT"]


def oco(**changed):
    """Return the parameters of an OCO list that rests at a price of 50,000."""
    legs = {
        "aboveType": "LIMIT_MAKER", "abovePrice": "60000", "belowType": "STOP_LOSS", "belowStopPrice": "40000",
    }  # fmt: skip
    return {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", **legs, **changed}
