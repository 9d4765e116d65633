"""Stops, targets, trailing stops, OCO lists, amendments and replacements through our own client."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from application.ports.errors import OrderNotFound, RefusedByExchange
from application.ports.statements import ListRequest, Only, OrderRequest
from domain.orders.order_status import Status
from domain.orders.wish import Side, TimeInForce, Type
from tests.exchanges.binance.test_binance_client import limit, trading

TENTH = Decimal("0.1")


def sell(market, name, kind, **more):
    """Return a sell of 0.1 BTC, at a market price of 50,000."""
    return OrderRequest(name, market, Side.SELL, kind, quantity=TENTH, **{k: _exact(v) for k, v in more.items()})


def _exact(value):
    return Decimal(value) if isinstance(value, str) and value[0].isdigit() else value


def protection(market, name="oco", stop="48000", target="52000"):
    """Return a list of a stop below the market and a target above it."""
    return ListRequest(
        name,
        sell(market, f"{name}-stop", Type.STOP_LOSS, stop_price=stop),
        sell(market, f"{name}-target", Type.LIMIT, price=target, time_in_force=TimeInForce.PO),
    )


async def holds(paper, *prices):
    """Move the price through each of these in turn."""
    for price in prices:
        await asyncio.to_thread(paper.hold, "BTC/USDT", price)


@pytest.mark.parametrize(
    ("kind", "more", "path", "fill"),
    [
        (Type.STOP_LOSS, {"stop_price": "48000"}, ["48500", "47000"], "47000"),
        (Type.TAKE_PROFIT, {"stop_price": "52000"}, ["51000", "52500"], "52500"),
        (Type.STOP_LOSS_LIMIT, {"stop_price": "48000", "price": "47500"}, ["47800"], "47800"),
        (Type.STOP_LOSS_LIMIT, {"stop_price": "48000", "price": "47500"}, ["47000", "47600"], "47500"),
        (Type.TAKE_PROFIT_LIMIT, {"stop_price": "52000", "price": "53000"}, ["52100", "53500"], "53000"),
        (Type.STOP_LOSS, {"trailing": 100}, ["55000", "54500", "54400"], "54400"),
        (
            Type.STOP_LOSS,
            {"trailing": 100, "stop_price": "49000"},
            ["60000", "50000", "48900", "49500", "48950"],
            "48950",
        ),
        (Type.TAKE_PROFIT, {"trailing": 200}, ["45000", "45500", "46000"], "46000"),
    ],
)
async def test_a_trigger_waits_for_its_price_and_then_trades(paper, kind, more, path, fill):
    """Until its price comes, the order rests and locks the coins.

    When the price jumps through a stop, the stop trades at the price after the jump.
    """
    async with trading(paper, BTC="0.1") as (client, keys, market):
        placed = await client.place(keys, sell(market, "t", kind, **more))
        locked = (await client.balances(keys))["BTC"].locked
        states = []
        for price in path:
            await holds(paper, price)
            states.append((await client.query(keys, market, "t")).state)
        fills = await client.fills_of(keys, market, placed.exchange_order_id)
    assert (placed.state, locked) == (Status.OPEN, TENTH)
    assert states == [Status.OPEN] * (len(path) - 1) + [Status.CLOSED]
    assert [f.price for f in fills] == [Decimal(fill)]


@pytest.mark.parametrize("price", ["47000", "53000"])
async def test_of_a_list_one_leg_cancels_the_other(paper, price):
    """The coins are locked only once, and either leg's execution expires the other leg."""
    async with trading(paper, BTC="0.1") as (client, keys, market):
        stop, target = await client.place_list(keys, protection(market))
        balances = await client.balances(keys)
        await holds(paper, price)
        ended = [await client.query(keys, market, name) for name in ("oco-stop", "oco-target")]
        after = await client.balances(keys)
    assert (stop.client_order_id, target.client_order_id) == ("oco-stop", "oco-target")
    assert (balances["BTC"].free, balances["BTC"].locked) == (0, TENTH)
    won, lost = ended if price == "47000" else reversed(ended)
    assert (won.state, won.filled) == (Status.CLOSED, TENTH)
    assert (lost.state, lost.filled, lost.reason) == (Status.EXPIRED, 0, "OCO_TRIGGER")
    assert "BTC" not in after


async def test_a_list_is_cancelled_as_a_whole(paper):
    """A list is cancelled by its own id or by one of its legs. A second cancel finds nothing."""
    async with trading(paper, BTC="0.2") as (client, keys, market):
        await client.place_list(keys, protection(market, "one"))
        both = await client.cancel_list(keys, market, "one")
        await client.place_list(keys, protection(market, "two"))
        await client.cancel(keys, market, "two-stop")
        with pytest.raises(OrderNotFound):
            await client.cancel_list(keys, market, "one")
        other = await client.query(keys, market, "two-target")
        free = (await client.balances(keys))["BTC"].free
    assert {(r.client_order_id, r.state) for r in both} == {
        ("one-stop", Status.CANCELLED), ("one-target", Status.CANCELLED),
    }  # fmt: skip
    assert (other.state, free) == (Status.CANCELLED, Decimal("0.2"))


@pytest.mark.parametrize(
    ("stop", "target", "code"), [("51000", "52000", "would_trigger"), ("48000", "49000", "would_trigger")]
)
async def test_prices_on_the_wrong_side_of_the_market_are_refused(paper, stop, target, code):
    """Lists and single orders are both refused; nothing rests and nothing is locked."""
    async with trading(paper, BTC="0.1") as (client, keys, market):
        with pytest.raises(RefusedByExchange) as of_list:
            await client.place_list(keys, protection(market, stop=stop, target=target))
        with pytest.raises(RefusedByExchange) as alone:
            await client.place(keys, sell(market, "alone", Type.STOP_LOSS, stop_price="50500"))
        assert await client.open_orders(keys) == []
        assert (await client.balances(keys))["BTC"].locked == 0
    assert (of_list.value.code, alone.value.code) == (code, "would_trigger")


async def test_an_order_is_made_smaller_where_it_rests(paper):
    """The order keeps its exchange id and frees what it no longer needs.

    An amendment to a larger quantity is refused.
    """
    async with trading(paper) as (client, keys, market):
        placed = await client.place(keys, limit(market))
        smaller = replace(limit(market), client_order_id="limit-2", quantity=Decimal("0.004"))
        amended = await client.amend(keys, "limit-1", smaller)
        with pytest.raises(RefusedByExchange) as refused:
            await client.amend(keys, "limit-2", replace(smaller, client_order_id="limit-3", quantity=Decimal("0.02")))
        locked = (await client.balances(keys))["USDT"].locked
    assert (amended.exchange_order_id, amended.client_order_id) == (placed.exchange_order_id, "limit-2")
    assert (amended.quantity, locked, refused.value.code) == (Decimal("0.004"), Decimal(160), "amendment_refused")


async def test_a_replacement_is_one_call(paper):
    """The old order is cancelled and the new one rests. If the old one is gone, nothing is placed."""
    async with trading(paper) as (client, keys, market):
        await client.place(keys, limit(market))
        done = await client.replace(keys, market, "limit-1", limit(market, "limit-2", "41000"), only=Only.UNFILLED)
        with pytest.raises(OrderNotFound):
            await client.replace(keys, market, "limit-1", limit(market, "limit-3", "42000"), only=Only.UNFILLED)
        resting = await client.open_orders(keys, market)
    assert [(o.client_order_id, o.state) for o in done.taken_off] == [("limit-1", Status.CANCELLED)]
    assert (done.placed.client_order_id, done.placed.price) == ("limit-2", Decimal(41000))
    assert [o.client_order_id for o in resting] == ["limit-2"]
