"""A person sells a position, or a part of it, whoever has bought it: its own coins, with what protects them."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import uuid4

import pytest

from application.orders.agenda import Task
from application.trading.closing import close
from application.trading.halts import halt
from application.trading.positions import INSISTED
from domain.amounts import ZERO
from domain.orders.order_status import Status
from domain.orders.wish import Source, Type
from domain.reconciliation import Occasion
from domain.refusals import Impossible, Invalid, NotFound
from domain.trading.position import Position
from tests.application.trader import HELD, LISTS, POSITION, STOP, TARGET

pytestmark = pytest.mark.exchanges("binance", "bitget")


async def sold(trader, percent="100", request=None, position=POSITION):
    """Close a share of a position by hand, and return the order once it has ended."""
    given = (trader.store, 1, position, Decimal(percent), request or uuid4(), trader.trading.now)
    order_id = await asyncio.to_thread(close, *given)
    trader.trading.lane.agenda.put(Task.SEND, order_id)
    return await trader.trading.becomes(order_id, Status.CLOSED, Status.REFUSED, Status.REJECTED)


async def test_all_of_it_is_sold_and_its_stop_goes_with_it(at):
    """The coins are the webhook's, under a stop. The other coins of the account stay."""
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        await trader.buy(STOP, TARGET)
        order = await sold(trader)
        await trader.closed()
        assert (order.source, order.requester, order.filled) == (Source.WEBHOOK, INSISTED, HELD)
        assert (trader.sold(), trader.resting()) == (HELD, [])


async def test_a_part_leaves_the_rest_under_its_stop(at):
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        await trader.buy(STOP, TARGET)
        order = await sold(trader, "50")
        await trader.trading.until(lambda: trader.position().held < HELD)
        rest = trader.position().held
        assert rest == HELD - order.filled
        await trader.protected(trader.trading.markets["BTC/USDT"].round_quantity(rest), STOP, TARGET)


async def test_one_request_sells_once_and_a_halt_does_not_hold_it_back(at):
    """Pressed twice, or asked again after a lost answer."""
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        await trader.buy(STOP, PrixSL="45000")
        await asyncio.to_thread(halt, trader.store, 1)
        request = uuid4()
        orders = {(await sold(trader, "50", request)).id for _ in range(2)}
        assert len(orders) == 1
        assert trader.sold() < HELD


async def test_what_was_bought_elsewhere_is_sold_too_and_nothing_else(at):
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        elsewhere = Position.create_id(1, 1, "BTC/USDT", "external")
        await trader.trading.elsewhere("web_1", type=Type.MARKET, price=None, quantity=Decimal("0.005"))
        await trader.trading.reconcile_twice(Occasion.FULL)
        await trader.trading.until(lambda: getattr(trader.store.find(Position, elsewhere), "is_open", False))
        order = await sold(trader, position=elsewhere)
        assert (order.source, order.filled) == (Source.EXTERNAL, Decimal("0.00499"))
        await trader.trading.until(lambda: not trader.store.find(Position, elsewhere).is_open)


@pytest.mark.parametrize("buys", ["webhook", "manual"])
async def test_two_that_close_at_once_sell_no_other_coins(at, buys):
    """Two tabs, each with a request of its own: the second finds nothing left, although the account has more."""
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        if buys == "webhook":
            await trader.buy(STOP, PrixSL="45000")
        else:
            bought = await trader.trading.wish(cost=Decimal(500))
            await trader.trading.becomes(bought, Status.CLOSED)
        position = Position.create_id(1, 1, "BTC/USDT", buys)
        await trader.trading.until(lambda: getattr(trader.store.find(Position, position), "is_open", False))
        held = trader.store.get(Position, position).held
        first, second = await asyncio.gather(sold(trader, position=position), sold(trader, position=position))
        assert {first.status, second.status} == {Status.CLOSED, Status.REFUSED}
        assert (first.filled or ZERO) + (second.filled or ZERO) == trader.trading.markets["BTC/USDT"].round_quantity(
            held
        )


async def test_what_cannot_be_closed(at):
    """Another user's, one that is closed, and a share that is none."""
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        await trader.buy(STOP, PrixSL="45000")
        store, now = trader.store, trader.trading.now
        for user, percent, error in ((2, "100", NotFound), (1, "0", Invalid), (1, "101", Invalid), (1, "NaN", Invalid)):
            with pytest.raises(error):
                await asyncio.to_thread(close, store, user, POSITION, Decimal(percent), uuid4(), now)
        with pytest.raises(NotFound):
            await asyncio.to_thread(close, store, 1, uuid4(), Decimal(100), uuid4(), now)
        await sold(trader)
        await trader.closed()
        with pytest.raises(Impossible):
            await asyncio.to_thread(close, store, 1, POSITION, Decimal(100), uuid4(), now)
