"""Positions at exchanges without order lists: one stop where coins are locked, two orders where they are not."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import BOTH_ALONE, HELD, LISTS, RICH, STOP, STOP_ALONE, TARGET

# --- no lists, and what rests locks its coins --------------------------------------------------------------------


async def test_where_coins_are_locked_only_the_stop_rests(at):
    """The stop covers everything that is held. The target is wanted and never sent."""
    async with at(STOP_ALONE) as trader:
        await trader.buy(STOP)
        wanted = trader.position().wanted
        assert (wanted.stop_loss, wanted.take_profit) == (STOP[1], TARGET[1])
        assert [order.type for order in trader.sells()] == ["stop_loss"]


async def test_a_moved_stop_replaces_the_one_that_rests(at):
    """Two orders never rest at once. A target that cannot rest is moved without touching the stop."""
    async with at(STOP_ALONE) as trader:
        most = []
        trader.trading.paper.ledger.listeners.append(lambda *_: most.append(len(trader.resting())))
        await trader.buy(STOP)
        assert await trader.alert("MAJ", PrixSL="46000") == (WebhookStatus.EXECUTED, None)
        await trader.protected(HELD, ("stop_loss", Decimal(46000)))
        assert await trader.alert("MAJ", PrixTP="61000") == (WebhookStatus.EXECUTED, None)
        await trader.protected(HELD, ("stop_loss", Decimal(46000)))
        assert [order.status for order in trader.sells()] == ["cancelled", "new"]
        assert max(most) == 1


async def test_a_stop_moved_above_the_market_is_refused_and_the_old_one_stays(at):
    """The webhook fails, and nothing is cancelled."""
    async with at(STOP_ALONE) as trader:
        await trader.buy(STOP)
        assert await trader.alert("MAJ", PrixSL="51000") == (WebhookStatus.FAILED, "market_below_stop")
        await trader.protected(HELD, STOP)
        assert [order.status for order in trader.sells()] == ["new"]


async def test_a_stop_that_is_carried_out_ends_the_trade(at):
    """The whole position is sold, and no order remains on the exchange."""
    async with at(STOP_ALONE) as trader:
        await trader.buy(STOP)
        trader.trading.hold("BTC/USDT", "44000")
        await trader.closed()
        assert trader.position().held == 0
        assert trader.sold() == HELD
        assert len(trader.sells()) == 1


@pytest.mark.parametrize(("able", "shapes"), [(STOP_ALONE, [STOP]), (BOTH_ALONE, [STOP, TARGET])])
async def test_a_stop_that_is_carried_out_in_part_is_followed_by_one_for_the_rest(at, able, shapes):
    """The rest of the position is protected again at the same prices."""
    async with at(able, **RICH) as trader:
        await trader.buy(*shapes)
        ledger, part = trader.trading.paper.ledger, Decimal("0.004")
        stop = next(order for order in trader.sells() if order.type == "stop_loss")
        ledger.execute(stop, part, Decimal(45000), maker=False)
        await trader.protected(HELD - part, *shapes)
        assert trader.position().held == HELD - part
        assert stop.status == "cancelled"


@pytest.mark.parametrize(("able", "shapes"), [(STOP_ALONE, [STOP]), (BOTH_ALONE, [STOP, TARGET])])
async def test_a_sale_frees_its_coins_and_what_is_left_is_protected_again(at, able, shapes):
    """Half of the position is sold although its coins were locked by the protection, then the rest is sold."""
    async with at(able, **({} if able is STOP_ALONE else RICH)) as trader:
        await trader.buy(*shapes)
        assert await trader.alert("SellMarket", PourCent="50") == (WebhookStatus.EXECUTED, None)
        await trader.protected(Decimal("0.005"), *shapes)
        assert trader.sold() == Decimal("0.00499")
        assert await trader.alert("SellMarket", PourCent="100") == (WebhookStatus.EXECUTED, None)
        await trader.closed()
        assert trader.sold() == HELD


# --- no lists, and what rests leaves its coins free --------------------------------------------------------------


@pytest.mark.parametrize("price", ["44000", "61000"])
async def test_of_two_orders_of_their_own_the_survivor_is_cancelled(at, price):
    """No more is sold than was held, however the market moves on. The account's other coins stay."""
    async with at(BOTH_ALONE, **RICH) as trader:
        await trader.buy(STOP, TARGET)
        trader.trading.hold("BTC/USDT", price)
        await trader.closed()
        for later in ("44000", "61000"):
            trader.trading.hold("BTC/USDT", later)
        await trader.trading.known()
        assert sorted(order.status for order in trader.sells()) == ["cancelled", "filled"]
        assert trader.sold() == HELD
        account = trader.sells()[0].account
        assert (account.free["BTC"], account.locked["BTC"]) == (1, 0)


async def test_two_orders_of_their_own_move_with_their_prices(at):
    """The old orders are off the book before the new ones rest."""
    async with at(BOTH_ALONE, **RICH) as trader:
        most = []
        trader.trading.paper.ledger.listeners.append(lambda *_: most.append(len(trader.resting())))
        await trader.buy(STOP, TARGET)
        moved = {"PrixSL": "46000", "PrixTP": "61000"}
        assert await trader.alert("MAJ", **moved) == (WebhookStatus.EXECUTED, None)
        await trader.protected(HELD, ("stop_loss", Decimal(46000)), ("limit", Decimal(61000)))
        assert max(most) == 2


async def test_moves_that_overtake_one_another_all_end(at):
    """The last move rests. A move that it overtook ends as superseded instead of staying under way."""
    async with at(LISTS) as trader:
        await trader.buy(STOP, TARGET)
        stops = [f"4{tenth}000" for tenth in range(1, 5)]
        ended = await asyncio.gather(*(trader.alert("MAJ", PrixSL=stop) for stop in stops))
        assert set(ended) <= {(WebhookStatus.EXECUTED, None), (WebhookStatus.FAILED, "superseded")}
        assert (WebhookStatus.EXECUTED, None) in ended
