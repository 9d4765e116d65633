"""Moves that one call cannot make: the resting orders go once the exchange has weighed the new ones.

The new orders are sent although their coins are locked. An exchange that refuses them for lack of coins alone would
take them once those are free.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from adapters.paper.faults import Fault
from domain.orders.order_status import Status
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import BINANCE, HELD, LISTS, PRICES, RICH, STOP, TARGET, alarms

EXECUTED = (WebhookStatus.EXECUTED, None)
HIGHER = ("stop_loss", Decimal(46000))
LIST_TO_LIST = (PRICES, {"PrixSL": "46000"}, [HIGHER, TARGET])
STOP_TO_LIST = ({"PrixSL": "45000"}, {"PrixTP": "60000"}, [STOP, TARGET])
STOP_TO_STOP = ({"PrixSL": "45000"}, {"PrixSL": "46000"}, [HIGHER])
MOVES = {
    "list to list": (BINANCE, *LIST_TO_LIST),
    "stop to list": (BINANCE, *STOP_TO_LIST),
    "list to list without the one call": (LISTS, *LIST_TO_LIST),
    "stop to stop without the one call": (LISTS, *STOP_TO_STOP),
}
EACH = pytest.mark.parametrize(("able", "before", "move", "after"), MOVES.values(), ids=MOVES)


@asynccontextmanager
async def protected(at, able, before, **balances):
    """Buy coins and protect them at these prices."""
    async with at(able, **balances) as trader:
        await trader.buy(STOP, *([TARGET] if "PrixTP" in before else []), **before)
        yield trader


def most_at_once(trader):
    """Return a list that receives the number of resting stops at each change of the order book from now on."""
    seen = []

    def look(*_):
        seen.append(sum(kind.startswith("stop_loss") for kind, *_ in trader.resting()))

    trader.trading.paper.ledger.listeners.append(look)
    return seen


async def refusals(trader):
    """Return the reasons of all rejected orders, in the order of the log."""
    return [event.reason for event in await trader.trading.read("Order.Rejected")]


@EACH
async def test_a_limit_that_was_not_told_takes_nothing_off(at, able, before, move, after):
    """The order counts show room, yet every new order is refused.

    The old orders rest until the exchange takes the move.
    """
    async with protected(at, able, before) as trader:
        ever, book, faults = trader.sells(), trader.resting(), trader.trading.paper.faults
        faults.add(Fault("place_order", "count_exceeded", seconds=1.5))
        moving = asyncio.create_task(trader.alert("MAJ", **move))
        while faults.standing("count_exceeded", "binance"):
            assert trader.resting() == book
            await asyncio.sleep(0.005)
        assert await moving == EXECUTED
        await trader.protected(HELD, *after)
        assert "too_many_orders" in await refusals(trader)
        assert len(trader.sells()) == len(ever) + len(after)
        assert (trader.sold(), await alarms(trader.trading)) == (0, [])


@pytest.mark.parametrize(("kind", "times"), [("clock_refused", 5), ("status_429", 2)])
@EACH
async def test_what_is_not_taken_now_takes_nothing_off(at, able, before, move, after, kind, times):
    """A refused clock and a used-up budget pass by themselves."""
    async with protected(at, able, before) as trader:
        ever, book, faults = trader.sells(), trader.resting(), trader.trading.paper.faults
        faults.add(Fault("place_order", kind, times))
        moving = asyncio.create_task(trader.alert("MAJ", **move))
        while faults.pending:
            assert trader.resting() == book
            await asyncio.sleep(0.005)
        assert await moving == EXECUTED
        await trader.protected(HELD, *after)
        assert len(trader.sells()) == len(ever) + len(after)


@pytest.mark.parametrize("name", ["PERCENT_PRICE_BY_SIDE", "PRICE_FILTER"])
@EACH
async def test_a_filter_takes_nothing_off(at, able, before, move, after, name):
    """The same orders rest all the while, whatever form is tried."""
    async with protected(at, able, before) as trader:
        ever, book = trader.sells(), trader.resting()
        trader.trading.paper.faults.add(
            Fault("place_order", "refuse", 30, code=-1013, message=f"Filter failure: {name}")
        )
        status, _ = await trader.alert("MAJ", **move)
        assert (status is WebhookStatus.EXECUTED) is (before is not PRICES and len(after) > 1)  # it is watched
        await trader.protected(HELD, *[shape[:2] for shape in book])
        assert trader.sells() == ever
        assert trader.sold() == 0


@pytest.mark.parametrize("kind", ["lose_request", "lose_answer"])
@EACH
async def test_silence_takes_nothing_off(at, able, before, move, after, kind):
    """The move counts as not taken and is tried again. The doubt ends when its request is no longer valid."""
    async with protected(at, able, before) as trader:
        trading, book, many = trader.trading, trader.resting(), most_at_once(trader)
        trading.paper.faults.add(Fault("place_order", kind))
        moving = asyncio.create_task(trader.alert("MAJ", **move))
        await trading.until(lambda: trading.lane.doubts)
        await trading.asked_again("query")
        assert trader.resting() == book
        assert await moving == EXECUTED
        await trader.protected(HELD, *after)
        assert max(many) == 1
        assert trading.lane.doubts == len(after)
        trading.pass_by(8)
        await trading.known()
        assert (await refusals(trader)).count("never_reached_the_exchange") == len(after)
        await trader.protected(HELD, *after)


@pytest.mark.parametrize("anew", [False, True], ids=["", "and the gateway dies"])
@EACH
async def test_no_exit_waits_for_a_question(at, able, before, move, after, anew):
    """A weighed move is in doubt. Its coins are sold all the same, and nothing is left on the exchange."""
    async with protected(at, able, before) as trader:
        trading = trader.trading
        trading.paper.faults.add(Fault("place_order", "lose_answer"))
        moving = asyncio.create_task(trader.alert("MAJ", **move))
        await trading.until(lambda: trading.lane.doubts)
        if anew:
            await trading.begin_anew()
        assert await trader.alert("SellMarket") == EXECUTED
        await trader.closed()
        assert (trader.sold(), trader.resting()) == (HELD, [])
        moving.cancel()


@EACH
async def test_what_was_only_weighed_is_told_so_and_is_no_news(at, able, before, move, after):
    """The weighed orders end in the log as rejected for their coins, without an alert.

    A second set of orders rests under client ids of its own.
    """
    async with protected(at, able, before) as trader:
        ever = trader.sells()
        assert await trader.alert("MAJ", **move) == EXECUTED
        await trader.protected(HELD, *after)
        assert await refusals(trader) == ["coins_protected"] * len(after)
        placed = [event.originator_id for event in await trader.trading.read("Order.Placed")]
        orders = [await trader.trading.load(order_id) for order_id in placed]
        assert len({order.client_order_id for order in orders}) == len(orders) == 1 + len(ever) + 2 * len(after)
        assert not [order for order in orders if order.status in {Status.PLACED, Status.SUBMITTED}]
        assert await alarms(trader.trading) == []


@EACH
async def test_coins_of_others_that_are_free_lead_to_no_second_protection(at, able, before, move, after):
    """A weighed order would be taken and rest beside the old one, so it is not sent first."""
    async with protected(at, able, before, **RICH) as trader:
        many = most_at_once(trader)
        assert await trader.alert("MAJ", **move) == EXECUTED
        await trader.protected(HELD, *after)
        assert (max(many), await refusals(trader)) == (1, [])


@pytest.mark.parametrize("fault", [None, "clock_refused", "lose_request", "lose_answer"])
@EACH
async def test_coins_that_come_free_meanwhile_leave_one_protection(at, able, before, move, after, fault):
    """The balance showed no free coins, yet the exchange takes the weighed order.

    The old order is cancelled at once, or at the next look.
    """
    async with protected(at, able, before) as trader:
        trading, many = trader.trading, most_at_once(trader)

        async def brings_coins():
            [account] = trading.paper.ledger.accounts.values()
            account.free["BTC"] = account.free.get("BTC", Decimal(0)) + 1

        trading.client.after["balances"] = brings_coins
        if fault is not None:
            trading.paper.faults.add(Fault("cancel_order", fault))
        assert await trader.alert("MAJ", **move) == EXECUTED
        await trader.protected(HELD, *after)
        assert (max(many), await refusals(trader), trader.sold()) == (2, [], 0)


@EACH
async def test_a_stop_that_is_carried_out_beside_its_new_one_sells_its_coins_alone(at, able, before, move, after):
    """Coins came free, and the old stop sells before it is cancelled. The new protection is cancelled too."""
    async with protected(at, able, before) as trader:
        trading, many = trader.trading, most_at_once(trader)

        async def brings_coins():
            [account] = trading.paper.ledger.accounts.values()
            account.free["BTC"] = account.free.get("BTC", Decimal(0)) + 1

        def is_carried_out(what, order, _):
            if what == "new" and order.side == "sell" and many[-1:] == [2] and not trader.sold():
                old = min((one for one in trader.sells() if one.rests), key=lambda one: one.id)
                trading.paper.ledger.execute(old, old.quantity, Decimal(45000), maker=True)

        trading.client.after["balances"] = brings_coins
        trading.paper.ledger.listeners.append(is_carried_out)
        moving = asyncio.create_task(trader.alert("MAJ", **move))
        await trader.closed()
        moving.cancel()
        assert (max(many), trader.sold()) == (2, HELD)
