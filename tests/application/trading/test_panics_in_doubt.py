"""What a panic must not do: sell coins twice or those of elsewhere, uncover coins that it does not sell, or go on."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import uuid4

import pytest

from adapters.paper.faults import Fault
from application.ports.statements import ListRequest, OrderRequest
from application.trading import halts, panics
from domain.orders.order_status import Status
from domain.orders.wish import Side, TimeInForce, Type
from domain.people.user import Role, User
from domain.reconciliation import Occasion
from domain.refusals import Impossible
from tests.application.protection.test_what_cannot_rest import rule
from tests.application.trader import LISTS, RICH
from tests.application.trading.test_panics import USER, Panic, bought_by_hand

pytestmark = pytest.mark.exchanges("binance", "bitget")
D = Decimal


def lose_the_next_answer(trading):
    """Let the exchange carry the next market order out and tell nobody."""
    trading.show_orders(shown=False)
    trading.paper.faults.add(Fault("stream", "deaf_stream", seconds=600, exchange=trading.exchange))
    trading.paper.faults.add(Fault("place_order", "lose_answer", times=1, type="MARKET", exchange=trading.exchange))


async def looks(panic, times=60):
    """Look again and again, as time passes."""
    for number in range(times):
        await panic.look()
        await asyncio.sleep(0.02)
        if number % 20 == 0:
            panic.trading.pass_by(5)


async def test_a_part_in_doubt_is_waited_for_though_the_rest_is_sold(at):
    """A sale above the market's lot: its first part is executed, and its answer lost. Other coins stay."""
    async with at(LISTS, **RICH) as trader:
        panic = Panic(trader)
        await bought_by_hand(panic, cost=D(500))
        [held] = panic.left()
        await rule(trader.trading, filters={"MARKET_LOT_SIZE": {"maxQty": "0.006"}})
        lose_the_next_answer(trader.trading)
        await panic.begin()
        await looks(panic)
        assert 0 < trader.sold() <= held.held


async def test_an_earlier_exit_in_doubt_is_waited_for_though_a_later_one_was_refused(at):
    """An alert's exit is in doubt; the same alert again is refused by the halt, and the panic comes last."""
    async with at(LISTS, **RICH) as trader:
        panic = Panic(trader)
        await trader.alert("BuyMarket", PourCent="50")
        await trader.trading.until(lambda: trader.position().is_open)
        held = trader.position().held
        lose_the_next_answer(trader.trading)
        await trader.deliver("SellMarket")
        await trader.trading.until(lambda: trader.position().exits)
        [first] = trader.position().exits
        await trader.trading.becomes(first, Status.UNKNOWN)
        await trader.deliver("SellMarket")
        await trader.trading.until(lambda: len(trader.position().exits) == 2)
        second = trader.position().exits[1]
        await panic.begin()
        await trader.trading.becomes(second, Status.REFUSED)
        await looks(panic)
        assert trader.sold() <= held


async def test_what_was_placed_just_after_the_lift_is_not_sent(at):
    """The engine had looked before it."""
    async with at(LISTS) as trader:
        panic = Panic(trader)
        await bought_by_hand(panic)
        await asyncio.to_thread(panics.begin, trader.store, 1, uuid4())
        user = await asyncio.to_thread(trader.store.get, User, USER)
        await asyncio.to_thread(panics.lift, trader.store, 1)
        [placed] = await asyncio.to_thread(panic.pursuit.of, user, trader.trading.now)
        order = await trader.trading.becomes(placed.id, Status.REFUSED, Status.CLOSED)
        assert (order.status, order.reason, trader.sold()) == (Status.REFUSED, "panic_lifted", 0)


async def test_a_stop_that_was_placed_by_itself_stays_over_coins_that_are_not_sold(at):
    """Cancelling all leaves it too."""
    async with at(LISTS, **RICH) as trader:
        panic = Panic(trader)
        stop = await trader.trading.wish(side=Side.SELL, type=Type.STOP_LOSS, quantity=D("0.5"), stop_price=D(45000))
        await trader.trading.becomes(stop, Status.OPEN)
        assert (await asyncio.to_thread(halts.cancel_all, trader.store, 1)).stay == 1
        assert await panic.begin() == []
        assert (await trader.trading.load(stop)).cancel_requested is False


async def test_a_stop_that_locks_the_coins_of_a_position_goes_so_that_they_can_be_sold(at):
    """It was placed as a ticket over coins of the hand."""
    async with at(LISTS) as trader:
        panic = Panic(trader)
        await bought_by_hand(panic)
        [held] = panic.left()
        quantity = trader.trading.markets["BTC/USDT"].round_quantity(held.held)
        stop = await trader.trading.wish(side=Side.SELL, type=Type.STOP_LOSS, quantity=quantity, stop_price=D(45000))
        await trader.trading.becomes(stop, Status.OPEN)
        await panic.begin()
        for _ in range(200):
            if not panic.left():
                break
            await looks(panic, 5)
        assert panic.left() == []


@pytest.mark.exchanges("binance")
async def test_a_list_that_was_placed_elsewhere_keeps_its_stop(at):
    """Its limit order waits behind no trigger, but with it the exchange would cancel the stop."""
    async with at(LISTS, **RICH) as trader:
        trading = trader.trading
        market = trading.markets["BTC/USDT"]
        stop = OrderRequest("web_s", market, Side.SELL, Type.STOP_LOSS, D("0.5"), stop_price=D(45000))
        target = OrderRequest(
            "web_t", market, Side.SELL, Type.LIMIT, D("0.5"), price=D(60000), time_in_force=TimeInForce.PO
        )
        await trading.client.place_list(trading.credentials, ListRequest("web_l", stop, target))
        await trading.reconcile_twice(Occasion.FULL)
        before = trader.resting()
        panic = Panic(trader)
        assert await panic.begin() == []
        assert trader.resting() == before != []


def test_a_request_that_joined_a_panic_begins_none_after_it():
    """It comes once more, as the answer to it was lost; so does that of the panic before last."""
    user = User.register(1, "somebody", Role.ADMIN)
    first, joined, later = uuid4(), uuid4(), uuid4()
    user.begin_panic(first)
    user.begin_panic(joined)
    assert user.panic == first
    user.lift_panic()
    user.begin_panic(later)
    user.lift_panic()
    for request in (first, joined, later):
        with pytest.raises(Impossible):
            user.begin_panic(request)
    assert user.panic is None
