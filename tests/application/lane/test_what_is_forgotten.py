"""Forgetting what has ended: no timer, room or price watch outlives it. Unprotected coins are never forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from application.orders import orders
from application.orders.agenda import Task
from application.orders.turns import Rank
from application.ports.errors import NoAnswer
from application.ports.statements import OrderRoom
from application.trading.positions import INSISTED
from domain.aggregate import carrying
from domain.alert import Cause
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side, Source, Type, Wish
from tests.application.protection.test_price_watch import HALF, falls_after_the_buy, in_time, no_stops, told
from tests.application.protection.test_what_cannot_rest import EXECUTED, rule
from tests.application.trader import BINANCE, HELD, LISTS, PRICES, STOP, TARGET, alarms

pytestmark = pytest.mark.exchanges("binance", "bitget")

DUST = Decimal("0.00007")
"""Coins below every minimum of the market."""
STOP_ONLY = {"PrixSL": "45000"}


async def asked_in_a_second(trading):
    """Return how often the balances are queried in a second."""
    before = trading.client.asked["balances"]
    await asyncio.sleep(1)
    return trading.client.asked["balances"] - before


async def insist(trading):
    """Place an insisted exit, which waits in its market's line forever."""
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
    await asyncio.to_thread(trading.store.save, order)
    trading.lane.agenda.put(Task.SEND, order_id)


# --- names ---------------------------------------------------------------------------------------------------------


async def test_the_names_of_orders_that_ended_long_ago_are_forgotten_and_those_of_resting_ones_are_not(
    open_trading, monkeypatch
):
    """Reconciliation still matches an ended order to its record."""
    monkeypatch.setattr(orders, "MOST_NAMES", 6)
    async with open_trading() as trading:
        resting = (await trading.becomes(await trading.rest(), Status.OPEN)).id
        ended = [(await trading.becomes(await trading.wish(cost=Decimal(50)), Status.CLOSED)).id for _ in range(5)]
        names = trading.lane.orders._names
        assert resting in names.values()
        assert ended[0] not in names.values()
        await trading.reconcile()
        assert {event.originator_id for event in await trading.read("Order")} == {resting, *ended}


# --- positions that are closed -------------------------------------------------------------------------------------


async def test_a_closed_position_is_watched_no_more(at):
    async with at(BINANCE) as trader:
        trading = trader.trading
        await rule(trading, oco_allowed=False)
        for _ in range(2):
            trading.hold("BTC/USDT", "50000")
            assert await trader.alert("BuyMarket", PourCent="10", **PRICES) == EXECUTED
            await trading.until(trader.resting)
            trading.hold("BTC/USDT", "60001")
            await trader.closed()
        await trading.until(lambda: not trading.lane._guard.watched())
        await trading.until(lambda: not trading.lane._guard._troubles)


async def test_stops_that_were_moved_away_are_forgotten(at):
    """Only the present stop is remembered, so a look at the position costs the same after any number of moves."""
    async with at(BINANCE) as trader:
        await trader.buy(STOP, **STOP_ONLY)
        for price in ("45100", "45200", "45300", "45400"):
            assert await trader.alert("MAJ", PrixSL=price) == EXECUTED
        await trader.protected(HELD, ("stop_loss", Decimal(45400)))
        position = trader.position()
        await trader.trading.lane._legs.of(position.id)
        assert len(trader.trading.lane._legs._known[position.id]) == 1


@pytest.mark.exchanges("binance")
async def test_a_position_whose_last_fill_was_dust_is_left_alone(at):
    """The position is closed, and its guard has nothing left to do."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        old = trader.position().id
        trader.target_is_met(HELD - DUST)
        trader.target_is_met(DUST)
        await trading.until(lambda: trader.position().previous == old and trader.sold() == HELD)
        await asyncio.sleep(0.5)
        guard, drives = trading.lane._guard, []
        drive = guard._drive

        async def counted(position_id, trouble):
            drives.append(position_id)
            return await drive(position_id, trouble)

        guard._drive = counted
        await asyncio.sleep(1)
        assert len(drives) < 5


async def test_room_that_was_held_for_a_protection_is_given_back_when_there_is_nothing_to_protect(at):
    """The stops were passed before they could rest. An entry finds all room free but the reserve."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        turns = trading.lane.orders.account.turns
        for _ in range(3):
            trading.hold("BTC/USDT", "50000")
            falls_after_the_buy(trading, "44000")
            await trader.alert("BuyMarket", PourCent="10", **PRICES)
            await trader.closed()
        await trading.until(lambda: not turns._held)
        turns._room = lambda: OrderRoom(9, 10, 5.0)
        assert turns.wait(Rank.ENTRY, 3) == 0


# --- timers --------------------------------------------------------------------------------------------------------


async def test_entries_that_grow_stale_in_a_line_leave_no_timers_behind(at):
    """The exit ahead of them queries the balances no more often than before."""
    async with at(BINANCE, USDT="100000", BTC="1") as trader:
        trading = trader.trading

        async def away():
            raise NoAnswer("HTTP 503")

        trading.client.before["balances"] = away
        now = trading.now
        await trading.wish(side=Side.SELL, quantity=Decimal("0.1"), not_after=now + timedelta(seconds=90))
        soon = now + timedelta(seconds=1)
        entries = [await trading.wish(quantity=Decimal("0.001"), not_after=soon) for _ in range(20)]
        trading.pass_by(2)
        for entry in entries:
            await trading.becomes(entry, Status.REFUSED)
        assert await asked_in_a_second(trading) <= 3


@pytest.mark.exchanges("binance")
async def test_more_orders_in_a_line_ask_no_more_often(at):
    """A line needs a single timer."""
    async with at(BINANCE, USDT="100000") as trader:
        trading = trader.trading
        lines = trading.lane._sending._lines._lines
        trading.fault("place_order", "lose_request")
        await trading.wish(symbol="ETH/USDT", quantity=Decimal("0.01"))
        await trading.until(lambda: trading.lane.doubts)
        waiting = [asyncio.create_task(trader.alert("BuyMarket", PourCent="1", **PRICES)) for _ in range(6)]
        await trading.until(lambda: sum(map(len, lines.values())) == 6)
        before = await asked_in_a_second(trading)
        for _ in range(8):
            await insist(trading)
        while await asked_in_a_second(trading) > before + 2:
            pass  # each looks once; were it to go on looking by itself, this would never end
        for one in waiting:
            one.cancel()


# --- coins that are not protected ----------------------------------------------------------------------------------


@pytest.mark.exchanges("binance")
@pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
@pytest.mark.parametrize("shapes", [(STOP, TARGET), (STOP,)], ids=["a list", "a stop alone"])
async def test_coins_of_a_second_entry_that_no_stop_covers_are_told(at, able, shapes):
    """The stop for the coins of the first entry does not silence the alert."""
    async with at(able) as trader:
        trading = trader.trading
        prices = PRICES if TARGET in shapes else STOP_ONLY
        await trader.buy(*shapes, **prices)
        no_stops(trading)
        buying = asyncio.create_task(trader.alert("BuyMarket", PourCent="80", **prices))
        await in_time(trading, lambda: trader.position().held > HALF and told(trading))
        assert set(await alarms(trading)) == {Cause.POSITION_UNPROTECTED}
        assert trader.position().lost
        assert await buying == EXECUTED


@pytest.mark.exchanges("binance")
async def test_coins_that_no_order_may_cover_today_are_told(at):
    """The day's count of orders is used up right after the second entry. The first stop still rests."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await trader.buy(STOP, **STOP_ONLY)

        async def full():
            trading.client.after.pop("place", None)
            [account] = trading.paper.ledger.accounts.values()
            trading.paper.counts.use(account, {"1D": trading.paper.counts.limits("binance")["1D"]})

        trading.client.after["place"] = full
        buying = asyncio.create_task(trader.alert("BuyMarket", PourCent="80", **STOP_ONLY))
        await in_time(trading, lambda: trader.position().held > HALF and told(trading))
        assert await alarms(trading) == [Cause.POSITION_UNPROTECTED]
        assert trader.resting() == [(*STOP, HELD)]
        assert await buying == EXECUTED


async def test_a_stop_that_rests_stays_when_the_minimum_rises_above_it(at):
    """The stop is too small to be placed again, so it must not be taken off."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        assert await trader.alert("BuyMarket", PourCent="1", **STOP_ONLY) == EXECUTED
        await trading.until(lambda: trader.resting() and trader.position().protected)
        resting = trader.resting()
        await rule(trading, filters={"NOTIONAL": {"minNotional": "11"}})
        trading.lane.agenda.put(Task.GUARD, trader.position().id)
        for _ in range(20):
            trading.pass_by(1)
            await asyncio.sleep(0.03)
        assert trader.resting() == resting
