"""The paper Binance has the endpoints that other people's clients use, and refuses explicitly those it lacks."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.exchanges.binance.signing import signed_parameters
from tests.exchanges.test_paper_api_codes import oco
from tests.exchanges.test_paper_api_signatures import order, over_ws, raw, refusal, server_time, signed

MINUTE, DAY = 60_000, 86_400_000
LENGTHS = {"6h": 360 * MINUTE, "8h": 480 * MINUTE, "12h": 720 * MINUTE, "1d": DAY, "3d": 3 * DAY, "1w": 7 * DAY}


def public(paper, path, query=""):
    """Send a public request that must succeed, and return its body."""
    status, _, told = raw(paper, "GET", path if path[0] == "/" else f"/api/v3/{path}", query)
    assert status == 200, told
    return told


@pytest.mark.parametrize("interval", [*LENGTHS])
def test_long_bars_open_where_binance_opens_them(paper, interval):
    """Each bar is as long as its interval says, the last one is still running, and a week begins on a Monday."""
    # when
    rows = public(paper, "klines", f"symbol=BTCUSDT&interval={interval}")
    now = server_time(paper)
    # then
    opened, closed = rows[-1][0], rows[-1][6]
    assert opened <= now <= closed == opened + LENGTHS[interval] - 1
    assert (opened - (4 * DAY if interval == "1w" else 0)) % LENGTHS[interval] == 0


def test_a_month_is_a_bar_from_its_first_day_to_its_last(paper):
    """The bar's length is the number of days of its month; a time zone moves its opening."""
    # when
    row = public(paper, "klines", "symbol=BTCUSDT&interval=1M")[-1]
    following = public(paper, "klines", "symbol=BTCUSDT&interval=1M&timeZone=-1")[-1]
    # then
    assert 28 * DAY <= row[6] + 1 - row[0] <= 31 * DAY
    assert row[0] % DAY == 0
    assert following[0] % DAY == 60 * MINUTE


def test_bars_for_charts_are_bars(paper):
    """REST and the WebSocket API return the same bars."""
    # given
    paper.control("PUT", "price", {"symbol": "BTC/USDT", "price": "51000"})
    # when
    by_rest = public(paper, "uiKlines", "symbol=BTCUSDT&interval=1h&limit=1")
    asked = {"symbol": "BTCUSDT", "interval": "1h", "limit": 1}
    [by_ws] = over_ws(paper, {"id": 1, "method": "uiKlines", "params": asked})
    # then
    assert by_rest == by_ws["result"]
    assert by_rest[0][4] == "51000.00000000"


def test_a_rolling_ticker_tells_its_window_only(paper):
    """The window begins at a full minute and ends now. With type MINI the changes are left out."""
    # when
    told = public(paper, "ticker", "symbol=BTCUSDT&windowSize=15m")
    short = public(paper, "ticker", "symbols=%5B%22BTCUSDT%22%5D&windowSize=15m&type=MINI")
    # then
    assert told["lastPrice"] == "50000.00000000"
    assert 15 * MINUTE <= told["closeTime"] - told["openTime"] < 16 * MINUTE
    assert Decimal(told["priceChange"]) == Decimal(told["lastPrice"]) - Decimal(told["openPrice"])
    assert "priceChange" not in short[0]
    assert short[0]["openPrice"] == told["openPrice"]


@pytest.mark.parametrize(
    ("query", "code"),
    [("symbol=BTCUSDT&windowSize=60m", -1130), ("symbol=BTCUSDT&windowSize=8d", -1130), ("windowSize=1h", -1102)],
)
def test_a_window_that_binance_does_not_have_is_refused(paper, query, code):
    """A window over all symbols is refused too."""
    # when
    status, _, told = raw(paper, "GET", "/api/v3/ticker", query)
    # then
    assert (status, told["code"]) == (400, code)


def test_a_trading_day_begins_at_midnight_of_a_time_zone(paper):
    """The time zone is UTC unless the request names another one."""
    # when
    utc = public(paper, "ticker/tradingDay", "symbol=BTCUSDT")
    tokyo = public(paper, "ticker/tradingDay", "symbol=BTCUSDT&timeZone=9")
    # then
    assert (utc["openTime"] % DAY, utc["closeTime"] - utc["openTime"]) == (0, DAY - 1)
    assert tokyo["openTime"] % DAY == 15 * 60 * MINUTE


def test_a_short_day_leaves_the_changes_out(paper):
    """The request is `ticker/24hr` with type MINI."""
    # when
    told = public(paper, "ticker/24hr", "symbol=BTCUSDT&type=MINI")
    # then
    assert set(told) == {
        "symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume", "openTime", "closeTime",
        "firstId", "lastId", "count",
    }  # fmt: skip


def test_the_amendments_of_an_order_are_listed(paper):
    """Each amendment has the quantities and the client ids before and after it."""
    # given
    keys = paper.account(USDT="10000")
    placed = signed(paper, keys, "POST", "order", **order(newClientOrderId="first"))[1]
    named = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    signed(paper, keys, "PUT", "order/amend/keepPriority", **named, newQty="0.005", newClientOrderId="second")
    # when
    status, [told] = signed(paper, keys, "GET", "order/amendments", **named)
    # then
    assert status == 200
    assert (told["origQty"], told["newQty"]) == ("0.01000000", "0.00500000")
    assert (told["origClientOrderId"], told["newClientOrderId"]) == ("first", "second")
    assert refusal(paper, keys, "GET", "order/amendments", symbol="BTCUSDT") == (400, -1102)


def test_what_does_not_happen_here_is_an_empty_list(paper):
    """No order here matches one of its own account, and none is routed, so both lists are empty."""
    # given
    keys = paper.account(USDT="10000")
    # when
    prevented = signed(paper, keys, "GET", "myPreventedMatches", symbol="BTCUSDT", orderId=1)
    allocations = signed(paper, keys, "GET", "myAllocations", symbol="BTCUSDT")
    nothing_named = refusal(paper, keys, "GET", "myPreventedMatches", symbol="BTCUSDT")
    # then
    assert prevented == allocations == (200, [])
    assert nothing_named == (400, -1128)


def test_the_filters_of_an_account_are_those_that_count_its_orders(paper):
    """Among them is the maximum number of orders on one market."""
    # given
    keys = paper.account(USDT="10000")
    # when
    status, told = signed(paper, keys, "GET", "myFilters", symbol="BTCUSDT")
    # then
    assert (status, set(told)) == (200, {"exchangeFilters", "symbolFilters", "assetFilters"})
    assert "MAX_NUM_ORDERS" in {f["filterType"] for f in told["symbolFilters"]}


@pytest.mark.parametrize(
    ("side", "prices", "types"),
    [
        ("SELL", {"price": "60000", "stopPrice": "40000"}, {"LIMIT_MAKER", "STOP_LOSS"}),
        (
            "BUY",
            {"price": "40000", "stopPrice": "60000", "stopLimitPrice": "60100", "stopLimitTimeInForce": "GTC"},
            {"LIMIT_MAKER", "STOP_LOSS_LIMIT"},
        ),
    ],
)
def test_the_older_form_of_a_list_makes_the_same_list(paper, side, prices, types):
    """`order/oco` places a limit order and a stop that cancel each other."""
    # given
    keys = paper.account(USDT="10000", BTC="1")
    ids = {"listClientOrderId": "both", "limitClientOrderId": "target", "stopClientOrderId": "stop"}
    # when
    status, told = signed(
        paper, keys, "POST", "order/oco", symbol="BTCUSDT", side=side, quantity="0.01", **prices, **ids
    )
    # then
    assert (status, told["listClientOrderId"], told["contingencyType"]) == (200, "both", "OCO")
    assert {report["type"] for report in told["orderReports"]} == types
    assert {o["clientOrderId"] for o in told["orders"]} == {"target", "stop"}
    assert [o.rests for o in paper.orders()] == [True, True]


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"stopPrice": None}, -1102), ({"price": None}, -1102), ({"stopLimitPrice": "39000"}, -1102), ({"a": 1}, -1104)],
)
def test_the_older_form_of_a_list_needs_both_prices(paper, changed, code):
    """A stop with a limit needs a time in force as well."""
    # given
    keys = paper.account(BTC="1")
    named = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "price": "60000", "stopPrice": "40000", **changed}
    # when
    refused = refusal(paper, keys, "POST", "order/oco", **{n: v for n, v in named.items() if v is not None})
    # then
    assert refused == (400, code)


@pytest.mark.parametrize("path", ["orderList/oto", "orderList/otoco", "sor/order", "sor/order/test"])
def test_what_no_market_here_allows_is_refused(paper, path):
    """As `exchangeInfo` shows, there are no OTO lists and no smart order routing."""
    # given
    keys = paper.account(USDT="10000")
    # when
    refused = refusal(paper, keys, "POST", path, **order())
    # then
    assert refused == (400, -1020)
    assert paper.orders() == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_listen_keys_are_gone(paper, method):
    """The status is 410 (Gone)."""
    # given
    keys = paper.account(USDT="10000")
    # when
    status, _, _ = raw(paper, method, "/api/v3/userDataStream", key=keys["key"])
    # then
    assert status == 410


def test_the_wallet_tells_its_coins_and_fees(paper):
    """Every coin of the markets is listed, with the account's balance of it."""
    # given
    keys = paper.account(USDT="10000")
    signed(paper, keys, "POST", "order", **order())
    # when
    coins = {row["coin"]: row for row in signed(paper, keys, "GET", "/sapi/v1/capital/config/getall")[1]}
    fees = signed(paper, keys, "GET", "/sapi/v1/asset/tradeFee")[1]
    of_one = signed(paper, keys, "GET", "/sapi/v1/asset/tradeFee", symbol="ETHBTC")[1]
    # then
    assert (coins["USDT"]["free"], coins["USDT"]["locked"]) == ("9600.00000000", "400.00000000")
    assert coins["BTC"]["free"] == "0.00000000"
    assert {"BTCUSDT", "ETHBTC"} <= {row["symbol"] for row in fees}
    assert of_one == [{"symbol": "ETHBTC", "makerCommission": "0.001", "takerCommission": "0.001"}]


def test_the_wallet_tells_that_all_is_well(paper):
    """System and account are normal, and the account has no snapshots."""
    # given
    keys = paper.account(USDT="10000")
    # when
    system = public(paper, "/sapi/v1/system/status")
    account = signed(paper, keys, "GET", "/sapi/v1/account/status")
    snapshot = signed(paper, keys, "GET", "/sapi/v1/accountSnapshot", type="SPOT")
    untyped = refusal(paper, keys, "GET", "/sapi/v1/accountSnapshot")
    # then
    assert system == {"status": 0, "msg": "normal"}
    assert account == (200, {"data": "Normal"})
    assert snapshot == (200, {"code": 200, "msg": "", "snapshotVos": []})
    assert untyped == (400, -1102)


def test_nobody_can_log_on_with_a_key_of_this_kind(paper):
    """Only Ed25519 keys open a session; `session.status` shows that there is none."""
    # given
    keys = paper.account(USDT="10000")
    logon = signed_parameters({"apiKey": keys["key"], "timestamp": server_time(paper)}, keys["secret"])
    # when
    refused, status = over_ws(
        paper,
        {"id": 1, "method": "session.logon", "params": logon},
        {"id": 2, "method": "session.status"},
    )
    # then
    assert (refused["status"], refused["error"]["code"]) == (400, -4056)
    assert (status["status"], status["result"]["apiKey"], status["result"]["userDataStream"]) == (200, None, False)


def test_one_subscription_of_several_can_be_ended(paper):
    """The other subscriptions continue, and a subscription id is not used twice."""
    # given
    accounts = [paper.account(USDT="10000") for _ in range(3)]
    subscriptions = [
        signed_parameters({"apiKey": keys["key"], "timestamp": server_time(paper)}, keys["secret"]) for keys in accounts
    ]
    asked = [
        {"id": n, "method": "userDataStream.subscribe.signature", "params": p} for n, p in enumerate(subscriptions)
    ]
    end = {"id": 9, "method": "userDataStream.unsubscribe", "params": {"subscriptionId": 0}}
    # when
    *_, third, left = over_ws(paper, *asked[:2], end, asked[2], {"id": 10, "method": "session.subscriptions"})
    # then
    assert third["result"] == {"subscriptionId": 2}
    assert left["result"] == [{"subscriptionId": 1}, {"subscriptionId": 2}]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"aboveIcebergQty": "0.001"}, -1013),
        ({"selfTradePreventionMode": "EXPIRE_BOTH"}, -1013),
        ({"newOrderRespType": "EVERYTHING"}, -1123),
        ({"aboveType": ""}, -1158),
        ({"belowStopPrice": "4e4"}, -1100),
        ({"limit": "1"}, -1104),
    ],
)
def test_a_list_is_checked_as_an_order_is(paper, changed, code):
    """A refused list leaves no order behind."""
    # given
    keys = paper.account(BTC="1")
    # when
    refused = refusal(paper, keys, "POST", "orderList/oco", **oco(**changed))
    # then
    assert refused == (400, code)
    assert paper.orders() == []
