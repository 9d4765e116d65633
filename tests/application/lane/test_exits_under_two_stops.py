"""Exits whose coins are locked by a list and a stop, or cannot be sold in one call: no stop is cancelled in vain.

While the exchange would not take the sale, all stops stay. Stops cancelled for a sale that fails are placed again at
once, and the pauses before they are cancelled again grow.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from adapters.paper.faults import Fault
from application.lane import attempts
from domain.alert import Cause
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import BINANCE, HELD, LISTS, STOP, TARGET, alarms

EXECUTED = (WebhookStatus.EXECUTED, None)
HALF = Decimal("0.00499")
REST = HELD - HALF
NOT_NOW = {
    "clock_refused": Fault("place_order", "clock_refused", 5, symbol="BTC/USDT", type="MARKET"),
    "status_429": Fault("place_order", "status_429", 2, symbol="BTC/USDT", type="MARKET"),
    "count_exceeded": Fault("place_order", "count_exceeded", seconds=1.5),
}
EITHER = pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])


def a_new(fault):
    """Return a fresh copy of a fault, as the exchange counts the original down."""
    return Fault(**{**vars(fault), "until": 0})


@asynccontextmanager
async def under_two_stops(at, able):
    """Buy, with a target for half of the coins: a list and a stop rest."""
    async with at(able) as trader:
        await trader.buy(STOP, PrixSL="45000")
        assert await trader.alert("MAJ", PourCent="50", PrixTP="60000") == EXECUTED
        both = sorted([(*STOP, HALF), (*TARGET, HALF), (*STOP, REST)])
        await trader.trading.until(lambda: sorted(trader.resting()) == both)
        await trader.trading.until(lambda: len(trader.position().resting) == len(both))
        yield trader


def legs_of(trader):
    """Return every order that ever rested to protect the coins."""
    return [order for order in trader.sells() if order.type != "market"]


async def under_stops(trader):
    """Wait until some of the coins are sold and stops rest for exactly the rest."""
    market = trader.trading.markets["BTC/USDT"]

    def seen():
        stopped = sum(quantity for kind, _, quantity in trader.resting() if kind == "stop_loss")
        held = trader.position().held
        return held < HELD and stopped == market.round_quantity(held)

    await trader.trading.until(seen)


@EITHER
@pytest.mark.parametrize("kind", NOT_NOW)
@pytest.mark.parametrize("share", ["10", "100"])
async def test_what_the_exchange_does_not_take_now_takes_no_stop_off(at, able, kind, share):
    """For a full exit or a tenth, the same orders rest until the exchange takes the sale."""
    async with under_two_stops(at, able) as trader:
        ever, before, faults = legs_of(trader), trader.resting(), trader.trading.paper.faults
        faults.add(a_new(NOT_NOW[kind]))
        selling = asyncio.create_task(trader.alert("SellMarket", PourCent=share))
        while faults.standing("count_exceeded", "binance") or faults.pending:
            assert trader.resting() == before
            await asyncio.sleep(0.005)
        assert await selling == EXECUTED
        if share == "100":
            await trader.closed()
            assert legs_of(trader) == ever
        else:
            await under_stops(trader)


@EITHER
async def test_a_full_exit_that_is_lost_leaves_the_stops(at, able):
    """The exit may or may not have been executed, so all resting orders stay."""
    async with under_two_stops(at, able) as trader:
        before = trader.resting()
        trader.trading.paper.faults.add(Fault("place_order", "lose_request", type="MARKET"))
        selling = asyncio.create_task(trader.alert("SellMarket"))
        await trader.trading.until(lambda: trader.trading.lane.doubts)
        await asyncio.sleep(0.3)
        assert trader.resting() == before
        selling.cancel()


async def test_a_tenth_is_sold_in_the_place_of_the_lone_stop_or_the_list(at):
    """One of the two locks enough coins for the sale: the other rests all the while, so there is always a stop."""
    async with under_two_stops(at, BINANCE) as trader:
        bare = trader.bare_for()
        assert await trader.alert("SellMarket", PourCent="10") == EXECUTED
        await under_stops(trader)
        assert bare == []


@EITHER
async def test_stops_that_were_taken_off_in_vain_are_back_at_once_and_go_more_and_more_rarely(at, able, monkeypatch):
    """The exchange objects to locked coins alone, but refuses the sale once they are free. The owner is alerted."""
    monkeypatch.setattr(attempts, "PAUSE", 0.2)
    async with under_two_stops(at, able) as trader:
        trading, gone, before = trader.trading, [], sorted(trader.resting())

        def refuse(_, order, __):
            if order.side == "sell" and order.type == "stop_loss" and not order.rests and not order.filled:
                gone.append(order)
                trading.paper.faults.pending.clear()
                trading.paper.faults.add(Fault("place_order", "clock_refused", type="MARKET"))

        # When the sale is refused each time its coins are free
        trading.paper.ledger.listeners.append(refuse)
        selling = asyncio.create_task(trader.alert("SellMarket"))
        await trading.until(lambda: gone)
        # Then the stops are back, and are cancelled again ever more rarely
        await trading.until(lambda: sorted(trader.resting()) == before)
        await asyncio.sleep(1.8)  # pauses of 0.2, 0.4, 0.8, 1.6, 1.6, ...
        each = 1 if able is BINANCE else 2
        assert 2 * each <= len(gone) <= 5 * each
        assert await alarms(trading) == []
        # And the owner is alerted in the end
        trading.pass_by(6)
        await trading.until(lambda: trader.store.read(0, topics=["Alert.Raised"]))
        [alarm] = await trading.read("Alert.Raised")
        assert (alarm.cause, alarm.facts["reason"]) == (Cause.POSITION_UNPROTECTED, "exit_not_sent")
        # And the sale is executed once the exchange takes it
        trading.paper.ledger.listeners.remove(refuse)
        trading.paper.faults.pending.clear()
        assert await selling == EXECUTED
        await trader.closed()


@EITHER
@pytest.mark.parametrize("share", [30, 70])
async def test_coins_that_pass_from_one_stop_to_the_other_leave_one_of_them_at_any_moment(at, able, share):
    """The target's share grows or shrinks: the order giving up coins changes first, the one taking them last."""
    async with under_two_stops(at, able) as trader:
        bare, market = trader.bare_for(), trader.trading.markets["BTC/USDT"]
        assert await trader.alert("MAJ", PourCent=str(share), PrixTP="61000") == EXECUTED
        part = market.round_quantity(HELD * share / 100)
        both = sorted([(*STOP, part), ("limit", Decimal(61000), part), (*STOP, HELD - part)])
        await trader.trading.until(lambda: sorted(trader.resting()) == both)
        assert bare == []


@EITHER
async def test_a_move_of_both_stops_leaves_one_of_them_at_any_moment(at, able):
    """The lone stop is moved first, in a single call where the exchange has one, then the list."""
    async with under_two_stops(at, able) as trader:
        bare = trader.bare_for()
        assert await trader.alert("MAJ", PrixSL="46000", PourCent="100") == EXECUTED
        moved = ("stop_loss", Decimal(46000))
        both = sorted([(*moved, HALF), (*TARGET, HALF), (*moved, REST)])
        await trader.trading.until(lambda: sorted(trader.resting()) == both)
        assert bare == []
