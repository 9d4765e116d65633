"""What is over is forgotten: no timer, no room and no watch outlives it; what is not protected is never forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from application import desk as desk_of_lane
from application.exchange import NoAnswer, OrderRoom
from application.positions import INSISTED
from application.turns import Rank
from domain.aggregate import carrying
from domain.alert import Cause
from domain.order import Order, Status
from domain.wish import Side, Source, Type, Wish
from tests.application.test_price_watch import HALF, falls_after_the_buy, in_time, no_stops, told
from tests.application.test_what_cannot_rest import EXECUTED, rule
from tests.application.trader import BINANCE, HELD, LISTS, PRICES, STOP, TARGET, alarms

DUST = Decimal("0.00007")
"""Below every minimum."""
STOP_ONLY = {"PrixSL": "45000"}


async def asked_in_a_second(desk):
    """How often the balances are asked for in a second."""
    before = desk.client.asked["balances"]
    await asyncio.sleep(1)
    return desk.client.asked["balances"] - before


async def insist(desk):
    """Place an insisted exit, which waits in its line for ever."""
    order_id = uuid4()
    with carrying(user="1"):
        order = Order.place(
            order_id=order_id,
            user=1,
            broker=1,
            wish=Wish("BTC/USDT", Side.SELL, Type.MARKET, quantity=Decimal("0.5")),
            source=Source.WEBHOOK,
            requester=INSISTED,
            client_order_id=f"ARISTO_{order_id.hex[:20]}",
        )
    await asyncio.to_thread(desk.store.save, order)
    desk.lane.wish(order_id)


# --- names ---------------------------------------------------------------------------------------------------------


def test_the_names_of_orders_that_ended_long_ago_are_forgotten_and_those_of_resting_ones_are_not(trading, monkeypatch):
    """What the exchange says of an ended one is still matched, by a comparison."""
    monkeypatch.setattr(desk_of_lane, "MOST_NAMES", 6)

    async def story():
        async with trading() as desk:
            resting = (await desk.becomes(await desk.rest(), Status.OPEN)).id
            ended = [(await desk.becomes(await desk.wish(cost=Decimal(50)), Status.CLOSED)).id for _ in range(5)]
            names = desk.lane._desk._names
            assert resting in names.values()
            assert ended[0] not in names.values()
            await desk.compare()
            assert {event.originator_id for event in await desk.read("Order")} == {resting, *ended}

    asyncio.run(story())


# --- positions that are closed -------------------------------------------------------------------------------------


def test_a_closed_position_is_watched_no_more(at):
    """However many there were."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            await rule(desk, oco_allowed=False)
            for _ in range(2):
                desk.hold("BTC/USDT", "50000")
                assert await trader.alert("BuyMarket", PourCent="10", **PRICES) == EXECUTED
                await desk.until(trader.resting)
                desk.hold("BTC/USDT", "60001")
                await trader.closed()
            await desk.until(lambda: not desk.lane._guard.watched())
            await desk.until(lambda: not desk.lane._guard._troubles)

    asyncio.run(story())


def test_a_position_whose_last_fill_was_dust_is_left_alone(at):
    """It is closed, and its guard has nothing to do."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            await trader.buy(STOP, TARGET)
            old = trader.position().id
            trader.target_is_met(HELD - DUST)
            trader.target_is_met(DUST)
            await desk.until(lambda: trader.position().previous == old and trader.sold() == HELD)
            await asyncio.sleep(0.5)
            guard, drives = desk.lane._guard, []
            drive = guard._drive

            async def counted(position_id, trouble):
                drives.append(position_id)
                return await drive(position_id, trouble)

            guard._drive = counted
            await asyncio.sleep(1)
            assert len(drives) < 5

    asyncio.run(story())


def test_room_that_was_held_for_a_protection_is_given_back_when_there_is_nothing_to_protect(at):
    """The stops were passed before they could rest; an entry finds the whole room but what is always kept."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            turns = desk.lane._desk.turns
            for _ in range(3):
                desk.hold("BTC/USDT", "50000")
                falls_after_the_buy(desk, "44000")
                await trader.alert("BuyMarket", PourCent="10", **PRICES)
                await trader.closed()
            await desk.until(lambda: not turns._held)
            turns._room = lambda: OrderRoom(9, 10, 5.0)
            assert turns.wait(Rank.ENTRY, 3) == 0

    asyncio.run(story())


# --- timers --------------------------------------------------------------------------------------------------------


def test_entries_that_grow_stale_in_a_line_leave_no_timers_behind(at):
    """The exit before them asks no more often than it did."""

    async def story():
        async with at(BINANCE, USDT="100000", BTC="1") as trader:
            desk = trader.desk

            async def away():
                raise NoAnswer("HTTP 503")

            desk.client.before["balances"] = away
            now = desk.now
            await desk.wish(side=Side.SELL, quantity=Decimal("0.1"), not_after=now + timedelta(seconds=90))
            soon = now + timedelta(seconds=1)
            entries = [await desk.wish(quantity=Decimal("0.001"), not_after=soon) for _ in range(20)]
            desk.pass_by(2)
            for entry in entries:
                await desk.becomes(entry, Status.REFUSED)
            assert await asked_in_a_second(desk) <= 3

    asyncio.run(story())


def test_more_orders_in_a_line_ask_no_more_often(at):
    """One timer is enough for a line."""

    async def story():
        async with at(BINANCE, USDT="100000") as trader:
            desk = trader.desk
            lines = desk.lane._sending._lines._lines
            desk.fault("place_order", "lose_request")
            await desk.wish(symbol="ETH/USDT", quantity=Decimal("0.01"))
            await desk.until(lambda: desk.lane.doubts)
            waiting = [asyncio.create_task(trader.alert("BuyMarket", PourCent="1", **PRICES)) for _ in range(6)]
            await desk.until(lambda: sum(map(len, lines.values())) == 6)
            before = await asked_in_a_second(desk)
            for _ in range(8):
                await insist(desk)
            await asyncio.sleep(0.5)  # each of them has looked once
            assert await asked_in_a_second(desk) <= before + 2
            for one in waiting:
                one.cancel()

    asyncio.run(story())


# --- coins that are not protected ----------------------------------------------------------------------------------


@pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
@pytest.mark.parametrize("shapes", [(STOP, TARGET), (STOP,)], ids=["a list", "a stop alone"])
def test_coins_of_a_second_entry_that_no_stop_covers_are_told(at, able, shapes):
    """A stop for those of the first is not enough."""

    async def story():
        async with at(able) as trader:
            desk = trader.desk
            prices = PRICES if TARGET in shapes else STOP_ONLY
            await trader.buy(*shapes, **prices)
            no_stops(desk)
            buying = asyncio.create_task(trader.alert("BuyMarket", PourCent="80", **prices))
            await in_time(desk, lambda: trader.position().held > HALF and told(desk))
            assert set(await alarms(desk)) == {Cause.POSITION_UNPROTECTED}
            assert trader.position().lost
            assert await buying == EXECUTED

    asyncio.run(story())


def test_coins_that_no_order_may_cover_today_are_told(at):
    """The day's count is used up right after the second entry; the first stop still rests."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            await trader.buy(STOP, **STOP_ONLY)

            async def full():
                desk.client.after.pop("place", None)
                [account] = desk.paper.ledger.accounts.values()
                desk.paper.counts.use(account, {"1D": desk.paper.counts.limits("binance")["1D"]})

            desk.client.after["place"] = full
            buying = asyncio.create_task(trader.alert("BuyMarket", PourCent="80", **STOP_ONLY))
            await in_time(desk, lambda: trader.position().held > HALF and told(desk))
            assert await alarms(desk) == [Cause.POSITION_UNPROTECTED]
            assert trader.resting() == [(*STOP, HELD)]
            assert await buying == EXECUTED

    asyncio.run(story())


def test_a_stop_that_rests_stays_when_the_minimum_rises_above_it(at):
    """It could not be placed again."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            assert await trader.alert("BuyMarket", PourCent="1", **STOP_ONLY) == EXECUTED
            await desk.until(lambda: trader.resting() and trader.position().protected)
            resting = trader.resting()
            await rule(desk, filters={"NOTIONAL": {"minNotional": "11"}})
            desk.lane.guard(trader.position().id)
            for _ in range(20):
                desk.pass_by(1)
                await asyncio.sleep(0.03)
            assert trader.resting() == resting

    asyncio.run(story())
