"""Positions at Bitget: a stop that waits beside the book, fires from either side, and may or may not lock its coins."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.paper.faults import Fault
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import HELD, RICH, STOP, STOP_ALONE

pytestmark = pytest.mark.exchanges("bitget")
EXECUTED = (WebhookStatus.EXECUTED, None)
MOVED = ("stop_loss", Decimal(46000))


@pytest.fixture(params=[False, True], ids=["coins free", "coins locked"])
def trade(at, request):
    """Return a function that opens trading at an exchange whose triggers lock their coins, or do not."""

    def opened(**balances):
        trader = at(STOP_ALONE, **balances)
        return _Locking(trader, lock=request.param)

    return opened


class _Locking:
    """Trading in which triggers lock their coins, or do not."""

    def __init__(self, trader, *, lock):
        self._trader, self._lock = trader, lock

    async def __aenter__(self):
        trader = await self._trader.__aenter__()
        trader.trading.paper.plans.lock_coins = self._lock
        return trader

    async def __aexit__(self, *error):
        return await self._trader.__aexit__(*error)


def plans(trader):
    """Return all plan orders that the exchange ever took."""
    return trader.trading.paper.plans.all()


def coins(trader):
    """Return the account's coins, locked ones included."""
    account = next(iter(trader.trading.paper.ledger.accounts.values()))
    return account.free.get("BTC", Decimal(0)) + account.locked.get("BTC", Decimal(0))


async def leg_of(trader):
    """Return the leg that protects the position."""
    [leg] = trader.position().resting
    return await trader.trading.load(leg)


# --- what waits --------------------------------------------------------------------------------------------------


async def test_the_stop_waits_and_the_target_is_watched(trade):
    async with trade() as trader:
        await trader.buy(STOP)
        assert [(plan.side, plan.quantity, plan.price) for plan in plans(trader)] == [("sell", HELD, None)]
        assert trader.position().target_watched


async def test_a_stop_is_moved_where_it_waits_and_is_never_away(trade):
    """It keeps both of its names. The log has the request before the change."""
    async with trade() as trader:
        await trader.buy(STOP)
        leg = await leg_of(trader)
        most = []
        trader.trading.paper.plans.listeners.append(lambda *_: most.append(len(trader.resting())))
        assert await trader.alert("MAJ", PrixSL="46000") == EXECUTED
        await trader.protected(HELD, MOVED)
        moved = await leg_of(trader)
        assert (moved.id, moved.exchange_order_id, moved.stop_price) == (leg.id, leg.exchange_order_id, 46000)
        assert (await trader.trading.facts(leg.id))[-2:] == ["AmendRequested", "Amended"]
        assert (len(plans(trader)), {*most}) == (1, {1})


async def test_a_stop_moved_above_the_market_is_refused_and_the_old_one_stays(trade):
    async with trade() as trader:
        await trader.buy(STOP)
        assert await trader.alert("MAJ", PrixSL="51000") == (WebhookStatus.FAILED, "market_below_stop")
        await trader.protected(HELD, STOP)
        assert await trader.trading.facts((await leg_of(trader)).id) == ["Placed", "Submitted", "Accepted"]


async def test_coins_bought_later_come_under_the_stop_where_it_waits(trade):
    async with trade() as trader:
        await trader.buy(STOP)
        assert await trader.alert("BuyMarket", PourCent="50", PrixSL="45000", PrixTP="60000") == EXECUTED
        await trader.trading.until(lambda: trader.position().protected > HELD and trader.position().lost is None)
        [(_, trigger, quantity)] = trader.resting()
        assert (trigger, quantity, len(plans(trader))) == (45000, trader.position().protected, 1)


# --- what is sold ------------------------------------------------------------------------------------------------


async def test_a_stop_that_is_carried_out_ends_the_trade(trade):
    async with trade() as trader:
        await trader.buy(STOP)
        trader.trading.hold("BTC/USDT", "44000")
        await trader.closed()
        assert (trader.sold(), len(trader.sells())) == (HELD, 1)


async def test_a_target_that_is_met_is_sold_and_its_stop_sells_nothing_afterwards(trade):
    """The account's other coins stay, however the market moves on."""
    async with trade(**RICH) as trader:
        await trader.buy(STOP)
        trader.trading.hold("BTC/USDT", "61000")
        await trader.closed()
        trader.trading.hold("BTC/USDT", "44000")
        await trader.trading.known()
        assert (trader.sold(), coins(trader)) == (HELD, 1)
        assert [plan.status for plan in plans(trader)] == ["cancelled"]


async def test_a_sale_in_parts_leaves_the_rest_under_its_stop(trade):
    async with trade() as trader:
        await trader.buy(STOP)
        assert await trader.alert("SellMarket", PourCent="50") == EXECUTED
        await trader.protected(Decimal("0.005"), STOP)
        assert await trader.alert("SellMarket", PourCent="100") == EXECUTED
        await trader.closed()
        assert trader.sold() == HELD


async def test_a_sale_never_leaves_coins_without_a_stop(trade):
    """Where the coins are free, they are sold first, and the trigger is taken off afterwards."""
    async with trade() as trader:
        await trader.buy(STOP)
        seen = []

        def look(what, _):
            seen.append((what, trader.sold()))

        trader.trading.paper.plans.listeners.append(look)
        assert await trader.alert("SellMarket") == EXECUTED
        await trader.closed()
        locks = trader.trading.paper.plans.lock_coins
        assert seen == [("cancelled", Decimal(0) if locks else HELD)]


async def test_nothing_is_bought_while_a_trigger_of_a_trade_that_has_ended_waits(at):
    """Where the coins are free, it would sell what is bought next. The buy goes out once it is seen to be gone."""
    async with at(STOP_ALONE) as trader:
        await trader.buy(STOP)
        trading = trader.trading
        trading.fault("cancel_order", "status_500", times=10**6)
        assert await trader.alert("SellMarket") == EXECUTED
        bought = await trader.deliver("BuyMarket", PourCent="50", PrixSL="45000", PrixTP="60000")
        await trading.until(lambda: trading.store.find(Order, Order.id_for(bought)) is not None)
        await trading.asked_again("cancel", 10)
        assert [order.side for order in trading.on_exchange()] == ["buy", "sell"]
        trading.paper.faults.pending.clear()
        assert await trader.ended(bought) == EXECUTED
        await trading.until(lambda: trader.position().lost is None and len(trader.resting()) == 1)
        assert [plan.status for plan in plans(trader)] == ["cancelled", "live"]


# --- the second look -----------------------------------------------------------------------------------------------


async def test_a_stop_that_the_price_has_passed_on_its_way_is_taken_off_and_carried_out(trade):
    """It would wait on the wrong side and sell when the price comes back."""
    async with trade() as trader:
        trading = trader.trading

        async def fall():
            if trading.client.asked["place"] == 2:
                trading.hold("BTC/USDT", "44000")

        trading.client.before["place"] = fall
        await trader.alert("BuyMarket", PourCent="50", PrixSL="45000", PrixTP="60000")
        await trader.closed()
        trading.hold("BTC/USDT", "46000")
        await trading.known()
        assert trader.sold() == HELD
        assert {plan.status for plan in plans(trader)} == {"cancelled"}


async def test_a_move_that_the_price_has_passed_on_its_way_is_refused_and_taken_back(trade):
    async with trade() as trader:
        await trader.buy(STOP)
        trading = trader.trading

        async def fall():
            trading.hold("BTC/USDT", "45500")

        trading.client.before["amend"] = fall
        assert await trader.alert("MAJ", PrixSL="46000") == (WebhookStatus.FAILED, "market_below_stop")
        await trader.protected(HELD, STOP)
        assert (trader.sold(), len(plans(trader))) == (0, 1)
        trading.hold("BTC/USDT", "47000")
        trading.hold("BTC/USDT", "44000")
        await trader.closed()
        assert trader.sold() == HELD


async def test_a_stop_that_fails_when_its_price_comes_is_told_of_at_once_and_carried_out(trade):
    async with trade() as trader:
        await trader.buy(STOP)
        trader.trading.paper.faults.add(Fault("trigger", "fail_execute"))
        trader.trading.hold("BTC/USDT", "44000")
        await trader.closed()
        lost = [event.reason for event in await trader.trading.read("Position.ProtectionLost")]
        assert (lost[0], trader.sold()) == ("stop_failed", HELD)


async def test_after_a_restart_a_stop_rests_as_before_and_is_looked_at_again(trade):
    async with trade() as trader:
        await trader.buy(STOP)
        await trader.trading.begin_anew()
        await trader.trading.until(trader.trading.lane.reconciled.is_set)
        await trader.protected(HELD, STOP)
        assert await trader.alert("MAJ", PrixSL="46000") == EXECUTED
        await trader.protected(HELD, MOVED)
        assert len(plans(trader)) == 1


# --- moves without an answer -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lose_answer", "lose_request"])
async def test_a_move_without_an_answer_is_settled_by_looking(trade, kind):
    async with trade() as trader:
        await trader.buy(STOP)
        trader.trading.fault("cancel_order", kind)
        webhook = await trader.deliver("MAJ", PrixSL="46000")
        trader.trading.pass_by(10)
        assert await trader.ended(webhook) == EXECUTED
        await trader.protected(HELD, MOVED)
        leg = await leg_of(trader)
        assert (leg.status, leg.amendment, len(plans(trader))) == (Status.OPEN, None, 1)


async def test_a_market_that_jumps_far_beyond_the_target_is_sold_into(trade):
    """Bitget takes no price that far below the last one. A price between is no worse for the trader."""
    async with trade() as trader:
        await trader.buy(STOP)
        trader.trading.hold("BTC/USDT", "80000")
        await trader.closed()
        [sale] = [one for one in trader.trading.on_exchange() if one.side == "sell" and one.filled]
        assert Decimal(60000) < sale.price < Decimal(80000)
        assert [plan.status for plan in plans(trader)] == ["cancelled"]
