"""What is Bitget's alone about plan orders: their failures, orders made by hand, and what a list may say of them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.exchanges.bitget import messages
from adapters.exchanges.bitget.client import Bitget
from adapters.exchanges.decoding import understood
from application.ports.errors import NoAnswer, OrderNotFound, Unreadable
from application.ports.statements import Credentials, ExchangeId, OrderRequest, PartlyUnreadable
from domain.orders.order_status import Status
from domain.orders.wish import Side, Type
from tests.exchanges.bitget.raw import Bitget as Raw

PLAN = {
    "orderId": "1300000000000001001", "clientOid": "mine", "symbol": "BTCUSDT", "size": "0.01", "executePrice": "0",
    "triggerPrice": "48000", "status": "live", "orderType": "market", "side": "sell", "planType": "amount",
    "triggerType": "fill_price", "enterPointSource": "API", "uTime": "1796029416042", "cTime": "1796029416042",
}  # fmt: skip


def page(*plans):
    return json.dumps({"nextFlag": False, "idLessThan": "", "orderList": [*plans]}).encode()


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("live", Status.OPEN), ("not_trigger", Status.OPEN), ("executing", Status.OPEN), ("executed", Status.OPEN),
        ("cancelled", Status.CANCELLED), ("fail_execute", Status.EXPIRED), ("pondering", None),
    ],
)  # fmt: skip
def test_the_status_of_a_plan_is_translated_and_an_unknown_one_is_kept(word, state):
    [report] = messages.plans_of(page({**PLAN, "status": word}))
    assert (report.state, report.native_status) == (state, word)
    assert report.reason == ("fail_execute" if word == "fail_execute" else "")


def test_a_list_of_plans_may_be_empty_in_two_ways():
    assert messages.plans_of(b'{"nextFlag": false, "orderList": []}') == []
    assert messages.plans_of(b'{"nextFlag": false, "orderList": null}') == []


@pytest.mark.parametrize("body", [b"[]", b'""', b"null", b'{"orderList": {}}', b'{"orderList": [7]}', b"{"])
def test_a_list_of_the_wrong_shape_proves_nothing(body):
    with pytest.raises(Unreadable):
        understood(body, messages.plans_of)


def test_a_plan_that_cannot_be_read_hides_no_other_and_keeps_its_name():
    with pytest.raises(PartlyUnreadable) as partly:
        messages.plans_of(page(PLAN, {**PLAN, "orderId": "7", "triggerPrice": "high"}))
    assert [report.exchange_order_id for report in partly.value.reports] == [PLAN["orderId"]]
    assert [scrap.exchange_order_id for scrap in partly.value.scraps] == ["7"]


odd = st.sampled_from([None, True, [], {}, "", "NaN", "Infinity", "-1e400", "1e3", 7, 0.1, "\u0000", "x" * 300])


@given(field=st.sampled_from([*PLAN]), value=odd)
def test_no_value_of_a_plan_is_an_error_of_ours(field, value):
    try:
        read = understood(page({**PLAN, field: value}), messages.plans_of)
    except NoAnswer:
        return
    assert all(amount.is_finite() for report in read for amount in (report.quantity, report.stop_price))


# --- the life of a plan ----------------------------------------------------------------------------------------------


class Hand:
    """One account, traded by the platform's client and by hand."""

    def __init__(self, paper) -> None:
        self.paper = paper
        paper.control("PUT", "limits", {"exchange": "bitget", "enabled": False})
        self.raw = Raw(paper, USDT="1000", BTC="0.05")
        self.keys = Credentials(self.raw.keys["key"], self.raw.keys["secret"], self.raw.keys["passphrase"])
        sockets = paper.bitget_url.replace("http", "ws", 1)
        self.client = Bitget(paper.bitget_url, f"{sockets}/v2/ws/private", f"{sockets}/v2/ws/public")

    async def begin(self) -> None:
        """Find the market."""
        self.market = next(one for one in await self.client.markets() if one.symbol == "BTC/USDT")

    async def stop(self, name: str) -> str:
        """Place a stop at 48,000 through the client, and return its id."""
        wish = OrderRequest(name, self.market, Side.SELL, Type.STOP_LOSS, Decimal("0.01"), stop_price=Decimal(48000))
        return (await self.client.place(self.keys, wish)).exchange_order_id

    async def by_hand(self, **changed) -> str:
        """Place a plan by hand, and return its id."""
        return (await asyncio.to_thread(lambda: self.raw.plan(**changed))).data["orderId"]

    async def hold(self, price: str) -> None:
        """Set the price and hold it."""
        await asyncio.to_thread(self.paper.hold, "BTC/USDT", price)


@pytest.fixture
async def hand(paper):
    made = Hand(paper)
    await made.begin()
    yield made
    await made.client.close()


async def test_a_plan_that_fails_is_a_lost_order_with_its_reason(hand, paper):
    """On the stream, by its name, and in the past."""
    paper.fault("trigger", "fail_execute", exchange="bitget")
    stream = hand.client.reports(hand.keys)
    assert await anext(stream) is None
    placed = await hand.stop("mine")
    await hand.hold("47000")
    heard = [await asyncio.wait_for(anext(stream), 20)]
    while heard[-1].state is Status.OPEN:
        heard.append(await asyncio.wait_for(anext(stream), 20))
    await stream.aclose()
    named = await hand.client.query(hand.keys, hand.market, "mine")
    [past] = await hand.client.orders_since(hand.keys, hand.market, datetime.now(UTC) - timedelta(minutes=1))
    for report in (heard[-1], named, past):
        assert (report.exchange_order_id, report.state, report.reason, report.filled) == (
            placed, Status.EXPIRED, "fail_execute", 0,
        )  # fmt: skip


async def test_a_plan_made_by_hand_is_one_order_whatever_becomes_of_it(hand):
    """The stream tells of its spot order first. Only the list of plans shows to which one it belongs."""
    stream = hand.client.reports(hand.keys)
    assert await anext(stream) is None
    placed = await hand.by_hand(orderType="limit", executePrice="48500", triggerPrice="49000")
    await hand.hold("48000")
    heard = [await asyncio.wait_for(anext(stream), 20)]
    while heard[-1].native_status not in {"executed", "live"} or heard[-1].price != 48500 or len(heard) < 3:
        heard.append(await asyncio.wait_for(anext(stream), 20))
    await stream.aclose()
    resting = await hand.client.open_orders(hand.keys, hand.market)
    assert {report.exchange_order_id for report in (*heard, *resting)} == {placed}
    assert len(resting) == 1


async def test_a_spot_order_made_by_hand_stays_itself_beside_plans_of_its_shape(hand):
    plan = await hand.by_hand(orderType="limit", executePrice="51000", triggerPrice="47000")
    order = await asyncio.to_thread(lambda: hand.raw.place(side="sell", price="51000"))
    listed = await hand.client.open_orders(hand.keys)
    again = await hand.client.open_orders(hand.keys)
    assert {report.exchange_order_id for report in listed} == {plan, order.data["orderId"]}
    assert [report.exchange_order_id for report in again] == [report.exchange_order_id for report in listed]


async def test_a_planned_buy_by_its_cost_has_a_quantity(hand):
    await hand.by_hand(side="buy", planType="total", size="480", triggerPrice="48000")
    [report] = await hand.client.open_orders(hand.keys)
    assert (report.side, report.quantity, report.type) == (Side.BUY, Decimal("0.01"), Type.TAKE_PROFIT)


async def test_an_id_that_is_no_number_is_not_found(hand):
    """No exchange gives such an id, but what is asked for comes from a log, and may be anything."""
    with pytest.raises(OrderNotFound):
        await hand.client.query(hand.keys, hand.market, ExchangeId("x"))


@pytest.mark.parametrize("question", ["unfilled-orders", "current-plan-order"])
async def test_a_plan_that_is_executed_between_two_questions_is_told_once(hand, question, monkeypatch):
    placed = await hand.by_hand(orderType="limit", executePrice="48500", triggerPrice="49000", clientOid="mine")
    ask = hand.client._signed

    async def late(path, *args, **more):
        if path.endswith(question):
            await hand.hold("48000")
        return await ask(path, *args, **more)

    monkeypatch.setattr(hand.client, "_signed", late)
    if question == "unfilled-orders":
        [told] = await hand.client.open_orders(hand.keys)
    else:
        told = await hand.client.query(hand.keys, hand.market, "mine")
    assert (told.exchange_order_id, told.client_order_id, told.state, told.price) == (
        placed, "mine", Status.OPEN, Decimal(48500),
    )  # fmt: skip
    assert "order" in json.loads(told.raw)


async def test_plans_on_several_pages_are_all_told(hand):
    names = [f"plan-{number}" for number in range(103)]
    for name in names:
        await hand.by_hand(clientOid=name, size="0.0002")
    listed = await hand.client.open_orders(hand.keys)
    assert sorted(report.client_order_id for report in listed) == sorted(names)


async def test_plans_that_ended_without_an_order_are_not_asked_about(hand, monkeypatch):
    """For an order made elsewhere, only plans that may have become one are asked about, each on its own."""
    asked, ask = [], hand.client._signed

    async def counted(path, *args, **more):
        asked.append(path.rpartition("/")[2])
        return await ask(path, *args, **more)

    cancelled = [await hand.by_hand(orderType="limit", executePrice="51000") for _ in range(3)]
    for plan in cancelled:
        await asyncio.to_thread(lambda plan=plan: hand.raw.post("spot/trade/cancel-plan-order", orderId=plan))
    await asyncio.to_thread(lambda: hand.raw.place(side="sell", price="51000"))
    monkeypatch.setattr(hand.client, "_signed", counted)
    [_] = await hand.client.open_orders(hand.keys)
    assert (asked.count("history-plan-order"), asked.count("plan-sub-order")) == (2, 0)
