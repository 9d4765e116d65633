"""What Bitget's answers become: errors by their code, whatever their HTTP status, and nonsense that proves nothing."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.exchanges.bitget import messages, rules
from adapters.exchanges.bitget.client import Bitget
from adapters.exchanges.bitget.depth_stream import depth_events_of
from adapters.exchanges.bitget.errors import error_of
from adapters.exchanges.bitget.limits import Seconds
from adapters.exchanges.bitget.market_stream import Reader
from adapters.exchanges.bitget.signing import sign
from adapters.exchanges.decoding import understood
from application.ports.errors import NoAnswer, NotAccepted, RefusedByExchange, Unreadable
from application.ports.market_data import Malformed, SeenCandle, SeenTrade
from application.ports.statements import Credentials, OrderRequest, PartlyUnreadable
from domain.orders.order_status import Status
from domain.orders.wish import Side, TimeInForce, Type
from tests.exchanges.bitget.test_paper_bitget_access import SECRET, VECTORS
from tests.exchanges.error_tables import ROWS

ORDER = {
    "userId": "1", "symbol": "BTCUSDT", "orderId": "1300000000000001001", "clientOid": "mine", "price": "40000",
    "size": "0.01", "orderType": "limit", "side": "buy", "status": "live", "priceAvg": "0", "baseVolume": "0",
    "quoteVolume": "0", "feeDetail": "", "cTime": "1796029416042", "uTime": "1796029416042",
}  # fmt: skip
BTC = rules.market_of(rules.NativeSymbol("BTCUSDT", "BTC", "USDT", "online", "2", "6", "8", "1", "0.05", "0.05", "200"))
CODES = {row[1]: row for exchange, row in ROWS if exchange == "bitget"}


@pytest.mark.parametrize("text", VECTORS)
def test_our_signature_is_everybodys(text):
    assert sign(text, SECRET) == VECTORS[text]


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("code", CODES)
def test_a_code_means_the_same_under_any_status(code, status):
    """Bitget answers errors with HTTP 400, and at times with 200. Some pages say `message` for `msg`."""
    for name in ("msg", "message"):
        error = error_of(status, json.dumps({"code": code, name: "because", "data": None}).encode())
        assert (type(error), error.code, "because" in str(error)) == (*CODES[code][2:4], True)


@pytest.mark.parametrize("body", [b"<html>502</html>", b"", b"[]", b'"x"', b"{", b"null", b'{"msg": "no code"}'])
@pytest.mark.parametrize(("status", "kind"), [(200, NoAnswer), (400, NoAnswer), (502, NoAnswer), (429, NotAccepted)])
def test_a_page_of_a_proxy_proves_nothing(body, status, kind):
    assert type(error_of(status, body)) is kind


def test_an_outage_proves_nothing_whatever_its_code():
    assert isinstance(error_of(503, b'{"code": "43012", "msg": "Insufficient balance"}'), NoAnswer)


# --- orders ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("live", Status.OPEN), ("new", Status.OPEN), ("init", Status.OPEN), ("partially_filled", Status.OPEN),
        ("filled", Status.CLOSED), ("cancelled", Status.CANCELLED), ("dreaming", None),
    ],
)  # fmt: skip
def test_a_status_is_translated_and_an_unknown_one_is_kept(word, state):
    report = messages.report_of(json.dumps({**ORDER, "status": word}).encode())
    assert (report.state, report.native_status) == (state, word)


def test_the_price_of_an_open_order_is_found_under_its_other_name():
    told = {**ORDER, "priceAvg": "40000", "basePrice": "39990", "baseVolume": "0.004", "quoteVolume": "159.96"}
    report = messages.report_of_open(json.dumps({k: v for k, v in told.items() if k != "price"}).encode())
    assert (report.price, report.filled, report.cost) == (Decimal(40000), Decimal("0.004"), Decimal("159.96"))


def test_a_market_buy_is_as_large_as_what_it_has_bought():
    told = {**ORDER, "orderType": "market", "price": "0", "size": "500", "baseVolume": "0.01", "quoteVolume": "500"}
    report = messages.report_of(json.dumps({**told, "status": "filled"}).encode())
    assert (report.quantity, report.price, report.type) == (Decimal("0.01"), None, Type.MARKET)


def test_one_order_that_cannot_be_read_hides_no_other_and_keeps_its_name():
    rows = [ORDER, {**ORDER, "orderId": "7", "size": "much"}]
    with pytest.raises(PartlyUnreadable) as partly:
        messages.reports_of(json.dumps(rows).encode())
    assert [report.exchange_order_id for report in partly.value.reports] == [ORDER["orderId"]]
    assert [scrap.exchange_order_id for scrap in partly.value.scraps] == ["7"]


odd = st.sampled_from([None, True, [], {}, "", "NaN", "Infinity", "-1e400", "1e3", 7, 0.1, "\u0000", "x" * 300])


@given(name=st.sampled_from(sorted(ORDER)), value=odd)
def test_whatever_a_field_holds_an_order_is_read_or_proves_nothing(name, value):
    raw = json.dumps({**ORDER, name: value}).encode()
    try:
        report = understood(raw, messages.report_of)
    except Unreadable:
        return
    assert report.quantity.is_finite()
    assert report.filled.is_finite()


@given(
    raw=st.binary(max_size=60) | st.from_regex(r'\{"arg":\{"channel":"(trade|candle1m)","instId":"X"\},"data":\[.*\]\}')
)
def test_a_message_of_a_stream_is_read_or_malformed(raw):
    text = raw if isinstance(raw, str) else raw.decode(errors="replace")
    for event in Reader().read(text):
        assert event is None or isinstance(event, Malformed | SeenTrade | SeenCandle)


@pytest.mark.parametrize(
    "row",
    [
        {}, [], None, {"bids": [["99", "1"]]}, {"bids": [["99", "1"]], "asks": None}, {"bids": [["99"]], "asks": []},
        {"bids": [["NaN", "1"]], "asks": []}, {"bids": [["99", "0"]], "asks": []}, {"bids": [[99, 1]], "asks": []},
        {"bids": [["99", "1"]], "asks": [["98", "1"]]}, {"bids": [["98", "1"], ["99", "1"]], "asks": []},
    ],
)  # fmt: skip
def test_levels_that_no_book_has_are_no_levels(row):
    push = {"action": "snapshot", "arg": {"channel": "books15", "instId": "BTCUSDT"}, "data": [row], "ts": 1}
    assert [type(one) for one in depth_events_of(json.dumps(push))] == [Malformed]


def test_a_candle_has_ended_when_a_later_one_comes():
    """The snapshot is of before, and nothing is told of it; a row that goes back is not believed."""
    reader = Reader()

    def push(action, *rows):
        data = [[str(at), "1", "2", "1", close, "3", "4", "4"] for at, close in rows]
        told = {"action": action, "arg": {"channel": "candle1m", "instId": "BTCUSDT"}, "data": data, "ts": 180_001}
        return [one for one in reader.read(json.dumps(told)) if one is not None]

    assert push("snapshot", (0, "1"), (60_000, "1"), (120_000, "1")) == []
    assert push("update", (120_000, "2")) == []
    [ended] = push("update", (180_000, "1"))
    assert (ended.candle.opened_at, ended.candle.close) == (120_000, 2)
    assert push("update", (120_000, "1")) == []


def test_a_row_that_cannot_be_read_costs_no_later_candle():
    """Nor does one of the future, which would seem newer than all that follow."""
    reader = Reader()

    def push(at, close):
        data = [[str(at), "1", "2", "1", close, "3", "4", "4"]]
        arg = {"channel": "candle1m", "instId": "BTCUSDT"}
        return reader.read(json.dumps({"action": "update", "arg": arg, "data": data, "ts": 200_000}))

    push(0, "nonsense")
    assert isinstance(push(60_000, "1")[0], Malformed)
    assert isinstance(push(10**12, "1")[0], Malformed)
    [ended] = push(120_000, "1")
    assert ended.candle.opened_at == 60_000


# --- requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ({"type": Type.MARKET, "quantity": Decimal(1)}, "cost"),
        ({"type": Type.LIMIT, "cost": Decimal(1), "price": Decimal(1)}, "quantity"),
        ({"type": Type.LIMIT, "quantity": Decimal(1)}, "price"),
        ({"type": Type.STOP_LOSS, "quantity": Decimal(1)}, "stop_price"),
        ({"type": Type.STOP_LOSS, "quantity": Decimal(1), "stop_price": Decimal(1), "trailing": 100}, "trailing"),
        (
            {
                "type": Type.STOP_LOSS_LIMIT,
                "quantity": Decimal(1),
                "price": Decimal(1),
                "stop_price": Decimal(1),
                "time_in_force": TimeInForce.IOC,
            },
            "time_in_force",
        ),
        ({"type": Type.LIMIT, "quantity": Decimal(1), "price": Decimal(1), "stop_price": Decimal(1)}, "stop_price"),
    ],
)
async def test_what_bitget_cannot_express_is_refused_by_name_and_nothing_is_sent(wish, named):
    client = Bitget("http://127.0.0.1:1", "ws://127.0.0.1:1", "ws://127.0.0.1:1")
    with pytest.raises(RefusedByExchange, match=f"^Bitget: {named}"):
        await client.place(Credentials("key", "secret", "phrase"), OrderRequest("x", BTC, Side.BUY, **wish))
    await client.close()


def test_no_more_requests_are_sent_in_a_second_than_bitget_takes():
    now = [0.0]
    seconds = Seconds(lambda: now[0])
    path, sent = "/api/v2/spot/trade/place-order", []
    while len(sent) < 40:
        if wait := seconds.wait(path, "mine"):
            now[0] += wait
            continue
        seconds.spend(path, "mine")
        sent.append(now[0])
    assert all(later - first > 1 for first, later in zip(sent, sent[10:], strict=False))
    assert seconds.wait(path, "another's") == 0


def test_a_market_whose_rules_cannot_be_read_is_closed_and_still_there():
    told = [{"symbol": "AUSDT", "baseCoin": "A", "quoteCoin": "USDT", "status": "online", "pricePrecision": "many"}]
    [market] = rules.markets_of(json.dumps(told).encode())
    assert (market.symbol, market.active) == ("A/USDT", False)
