"""Stops and targets in the platform's words: an order that waits for its price, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from application.ports.errors import OrderNotFound
from application.ports.statements import ExchangeId
from domain.orders.order_status import Status
from domain.orders.wish import Side, Type
from tests.exchanges.contract.conftest import CLIENTS

CENT = Decimal("0.01")


def sell(kind, stop, price=None):
    """Return what makes `Desk.place` sell 0.01 once the price has come to `stop`."""
    limit = None if price is None else Decimal(price)
    return {"side": Side.SELL, "type": kind, "stop_price": Decimal(stop), "price": limit}


STOP = sell(Type.STOP_LOSS, "48000")
STOP_LIMIT = sell(Type.STOP_LOSS_LIMIT, "48000", "47500")


async def since(one, minutes=5):
    """Return the orders of the last minutes by their client ids."""
    told = await one.client.orders_since(one.keys, one.market, datetime.now(UTC) - timedelta(minutes=minutes))
    return {report.client_order_id: report for report in told}


@pytest.mark.parametrize(
    ("wish", "path", "fill"),
    [
        (STOP, ["48500", "47000"], "47000"),
        (sell(Type.TAKE_PROFIT, "52000"), ["51000", "52500"], "52500"),
        (STOP_LIMIT, ["47800"], "47800"),
        (STOP_LIMIT, ["47000", "47600"], "47500"),
        (sell(Type.TAKE_PROFIT_LIMIT, "52000", "53000"), ["52100", "53500"], "53000"),
    ],
)
async def test_a_trigger_waits_for_its_price_and_then_trades(desk, wish, path, fill):
    """It is one order under its own names, whatever the exchange calls what it becomes."""
    async with desk(BTC="0.1") as one:
        placed = await one.place("mine", **wish)
        states = []
        for price in path:
            await one.hold(price)
            states.append((await one.client.query(one.keys, one.market, "mine")).state)
        ended = await one.client.query(one.keys, one.market, ExchangeId(placed.exchange_order_id))
        fills = await one.client.fills_of(one.keys, one.market, placed.exchange_order_id)
    assert (placed.state, states) == (Status.OPEN, [Status.OPEN] * (len(path) - 1) + [Status.CLOSED])
    assert (ended.client_order_id, ended.exchange_order_id) == ("mine", placed.exchange_order_id)
    assert (ended.filled, ended.quantity, ended.side) == (CENT, CENT, Side.SELL)
    assert [one.price for one in fills] == [Decimal(fill)]


@pytest.mark.parametrize("wish", [STOP, STOP_LIMIT, sell(Type.TAKE_PROFIT, "52000")])
async def test_a_trigger_that_waits_is_listed_as_what_it_is(desk, exchange, paper, wish):
    """Also to a client that has not placed it."""
    async with desk(BTC="0.1") as one:
        placed = await one.place("mine", **wish)
        another = CLIENTS[exchange](paper)
        listed = await one.client.open_orders(one.keys, one.market)
        unknown = await another.open_orders(one.keys)
        named = await another.query(one.keys, one.market, "mine")
        await another.close()
    for report in (*listed, *unknown):
        assert (report.exchange_order_id, report.type, report.stop_price) == (
            placed.exchange_order_id, wish["type"], wish["stop_price"],
        )  # fmt: skip
    assert [report.price for report in (*listed, *unknown, named)] == [wish["price"]] * 3
    assert (len(listed), len(unknown)) == (1, 1)


async def test_a_trigger_that_waits_is_cancelled_under_either_name(desk):
    async with desk(BTC="0.1") as one:
        first = await one.place("first", **STOP)
        await one.place("second", **STOP)
        by_id = await one.client.cancel(one.keys, one.market, ExchangeId(first.exchange_order_id))
        by_name = await one.client.cancel(one.keys, one.market, "second")
        left = await one.client.open_orders(one.keys, one.market)
        with pytest.raises(OrderNotFound):
            await one.client.cancel(one.keys, one.market, "first")
        listed = await since(one)
    assert [(report.client_order_id, report.state, report.filled) for report in (by_id, by_name)] == [
        ("first", Status.CANCELLED, 0), ("second", Status.CANCELLED, 0),
    ]  # fmt: skip
    assert left == []
    assert {name: report.state for name, report in listed.items()} == {
        "first": Status.CANCELLED, "second": Status.CANCELLED,
    }  # fmt: skip


@pytest.mark.parametrize("told", ["by the client that placed it", "by another"])
async def test_what_a_trigger_has_become_is_listed_once_and_under_its_name(desk, exchange, paper, told):
    """The price jumps over the limit: what the trigger has become rests in the book until it is cancelled."""
    async with desk(BTC="0.1") as one:
        placed = await one.place("mine", **STOP_LIMIT)
        await one.hold("47000")
        another = CLIENTS[exchange](paper)
        one.client, first = (another, one.client) if told == "by another" else (one.client, another)
        [resting] = await one.client.open_orders(one.keys)
        [listed] = (await since(one)).values()
        cancelled = await one.client.cancel(one.keys, one.market, "mine")
        [ended] = (await since(one)).values()
        await first.close()
    reports = (resting, listed, cancelled, ended)
    assert {(report.exchange_order_id, report.client_order_id) for report in reports} == {
        (placed.exchange_order_id, "mine")
    }
    assert [report.state for report in reports] == [Status.OPEN] * 2 + [Status.CANCELLED] * 2
    assert {(report.price, report.quantity, report.stop_price) for report in reports[:2]} == {
        (Decimal(47500), CENT, Decimal(48000))
    }


async def test_a_trigger_that_has_traded_is_told_once_in_the_past(desk, exchange, paper):
    async with desk(BTC="0.1") as one:
        placed = await one.place("mine", **STOP)
        await one.hold("47000")
        one.client, first = CLIENTS[exchange](paper), one.client
        found = await since(one)
        await first.close()
    assert {name: (report.exchange_order_id, report.state, report.filled) for name, report in found.items()} == {
        "mine": (placed.exchange_order_id, Status.CLOSED, CENT)
    }


@pytest.mark.parametrize("told", ["to the client that placed it", "to another"])
async def test_the_private_stream_tells_of_a_trigger_under_its_own_name(desk, exchange, paper, told):
    async with desk(BTC="0.1") as one:
        listener = CLIENTS[exchange](paper) if told == "to another" else one.client
        stream = listener.reports(one.keys)
        assert await anext(stream) is None
        await one.place("mine", **STOP)
        await one.hold("47000")
        heard = [await asyncio.wait_for(anext(stream), 20)]
        while heard[-1].state is not Status.CLOSED:
            heard.append(await asyncio.wait_for(anext(stream), 20))
        await stream.aclose()
        await listener.close()
    assert {(report.client_order_id, report.native_symbol) for report in heard} == {("mine", "BTCUSDT")}
    assert len({report.exchange_order_id for report in heard}) == 1
    assert (heard[0].state, heard[-1].filled) == (Status.OPEN, CENT)


async def test_the_report_of_a_trigger_keeps_every_answer_whole(desk):
    """Where what it has become is told apart from it, both are kept."""
    async with desk(BTC="0.1") as one:
        placed = await one.place("mine", **STOP)
        await one.hold("47000")
        report = await one.client.query(one.keys, one.market, "mine")
    raw = json.loads(report.raw)
    assert str(raw.get("plan", raw)["orderId"]) == placed.exchange_order_id
    assert Decimal(raw.get("order", raw).get("baseVolume") or raw["executedQty"]) == CENT
