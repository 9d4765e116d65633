"""A position keeps its stop through partial fills and outages, or its owner gets an alert."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

import psycopg
import pytest

from application.orders.agenda import Task
from application.ports.statements import OrderRequest
from domain.alert import Cause
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side
from domain.reconciliation import Occasion
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import HELD, LISTS, PART, POSITION, PRICES, STOP, TARGET, alarms, exchange_away

EXECUTED = (WebhookStatus.EXECUTED, None)
DUST = Decimal("0.00007")


def take_off(trading, order):
    """Cancel the order as its owner could in the exchange's own app."""
    if order.rests:
        trading.paper.ledger.cancel(order)


# --- executions in parts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["an alert", "the target", "the stop"])
async def test_a_sell_whose_last_execution_is_dust_leaves_nothing_behind(at, how):
    """The last fill counts although the trade is complete before it. The next buy is protected as a whole."""
    async with at(LISTS) as trader:
        trading, sell = trader.trading, trader.trading.paper.ledger.execute

        # Given sells whose last fill is dust
        def in_parts(order, quantity, price, *, maker):
            if order.side == "sell":
                sell(order, quantity - DUST, price, maker=maker)
                quantity = DUST
            sell(order, quantity, price, maker=maker)

        await trader.buy(STOP, TARGET)
        trading.paper.ledger.execute = in_parts
        # When the position is sold
        if how == "an alert":
            assert await trader.alert("SellMarket") == EXECUTED
        else:
            trading.hold("BTC/USDT", "60000" if how == "the target" else "45000")
        # Then nothing is left of it
        await trading.until(lambda: not trader.position().is_open and not trader.position().held)
        assert trader.sold() == HELD
        trading.hold("BTC/USDT", "50000")
        assert await trader.alert("BuyMarket", PourCent="50", **PRICES) == EXECUTED
        await trading.until(lambda: trader.position().is_open)
        # And what is bought next is protected as a whole
        bought = trader.position().held
        await trader.protected(trading.markets["BTC/USDT"].round_quantity(bought), STOP, TARGET)
        account = next(iter(trading.paper.ledger.accounts.values()))
        assert account.free["BTC"] + account.locked["BTC"] == bought


async def test_what_a_target_has_not_sold_yet_gets_its_stop_back(at):
    """Binance cancels the stop at the target's first fill, and the market may turn before the last."""
    async with at(LISTS) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        trader.target_is_met()
        await trader.protected(HELD - PART, STOP, TARGET)
        trading.hold("BTC/USDT", "40000")
        await trader.closed()
        assert trader.sold() == HELD


async def test_a_fall_below_the_stop_sells_although_only_the_target_rests(at):
    """The target has sold a part, and the market falls before the stop rests again."""
    async with at(LISTS) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        tickers = trading.client.tickers
        trading.client.tickers = exchange_away  # the price cannot be asked for before it has fallen
        trader.target_is_met()
        trading.hold("BTC/USDT", "40000")
        trading.client.tickers = tickers
        await trader.closed()
        assert trader.sold() == HELD


async def test_what_rests_for_a_position_that_has_ended_is_taken_off_by_the_next_process(at):
    """The target was sold except for dust, and the gateway died after it had heard of the sale.

    No event tells the next process of it again.
    """
    async with at(LISTS) as trader:
        trading, heard = trader.trading, []
        await trader.buy(STOP, TARGET)
        trading.lane.agenda.put = lambda *errand, **_: heard.append(errand)
        trader.target_is_met(HELD - DUST)
        await trading.until(lambda: not trader.position().is_open)
        await trading.until(lambda: len(heard) >= 3)  # the end of the stop, the sale, the end of the trade
        [working, *others] = trading.tasks
        working.cancel()
        await asyncio.wait([working])
        trading.tasks[:] = others
        await trading.begin_anew()
        await trader.closed()


async def test_its_owner_is_alarmed_when_the_exit_that_a_passed_stop_stood_for_cannot_be_sent(at):
    """The market fell while nothing rested, and the balances cannot be asked for: nothing protects the coins."""
    async with at(LISTS) as trader:
        trading, balances = trader.trading, trader.trading.client.balances
        await trader.buy(STOP, TARGET)
        trading.client.balances = exchange_away
        for order in trading.on_exchange():
            take_off(trading, order)
        trading.hold("BTC/USDT", "44000")
        await trading.until(lambda: "protection_passed" in trading.log.said)
        trading.pass_by(10)
        await trading.until(lambda: trading.store.read(0, topics=["Alert.Raised"]))
        assert await alarms(trading) == [Cause.POSITION_UNPROTECTED]
        trading.client.balances = balances
        await trader.closed()
        assert trader.sold() == HELD


async def test_its_owner_is_alarmed_when_the_exchange_has_ended_a_market_and_the_stop_in_it(at):
    """Resting orders are left alone, their ends are recorded, and nothing new can be placed."""
    async with at(LISTS) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        rest = {name: market for name, market in trading.markets.items() if name != "BTC/USDT"}
        trading.lane.know_markets(rest)
        trading.lane.agenda.put(Task.GUARD, POSITION)
        await trading.until(trading.lane.agenda.is_empty)
        assert len(trader.resting()) == 2
        for order in trading.on_exchange():
            take_off(trading, order)
        await trading.until(lambda: trading.store.read(0, topics=["Alert.Raised"]))
        assert await alarms(trading) == [Cause.POSITION_UNPROTECTED]
        assert "stream_ended" not in trading.log.said


# --- what fails on the way ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("committed", [False, True], ids=["nothing was written", "its answer was lost"])
async def test_a_failed_commit_of_a_stop_leaves_a_position_with_one_stop(at, committed):
    """Nothing is sent without a recorded intent, and an intent that was never recorded blocks nothing."""
    async with at(LISTS) as trader:
        trading, save, failed = trader.trading, trader.trading.store.save, []

        # Given a log that fails once when the legs are saved
        def failing(*aggregates, **named):
            legs = [one for one in aggregates if isinstance(one, Order) and one.requester == "Protection"]
            if not legs or failed:
                return save(*aggregates, **named)
            failed.append(legs)
            if committed:
                save(*aggregates, **named)
            raise psycopg.OperationalError("the connection was lost")

        # When a protected position is bought
        trading.store.save = failing
        bought = asyncio.create_task(trader.alert("BuyMarket", PourCent="50", **PRICES))
        await trading.until(lambda: failed)
        if committed:
            await trading.until(lambda: trading.lane.doubts)
            trading.pass_by(70)  # until it can be proven that the order does not exist
        # Then one stop rests, and the position can be sold
        await trader.protected(HELD, STOP, TARGET)
        assert await bought == EXECUTED
        assert await trader.alert("SellMarket") == EXECUTED
        assert trader.sold() == HELD


@pytest.mark.parametrize("silence", [None, 600.0], ids=["no answer", "asked for silence"])
async def test_its_owner_is_alarmed_while_nobody_can_be_asked_for_the_price(at, silence):
    """The alert comes within seconds. The lane goes on: a sale grows stale and its webhook says so."""
    async with at(LISTS) as trader:
        trading, tickers = trader.trading, trader.trading.client.tickers

        async def quiet(*asked, **named):
            trading.client._http.pace.close_for(silence)
            return await tickers(*asked, **named)

        # When the exchange gives no price right after a buy
        bought = asyncio.create_task(trader.alert("BuyMarket", PourCent="50", **PRICES))
        await trading.until(lambda: trading.client.asked["place"])
        trading.client.tickers = exchange_away if silence is None else quiet
        await trading.until(lambda: "lane_failed" in trading.log.said)
        # Then the owner is alerted within seconds
        trading.pass_by(5)
        await trading.until(lambda: trader.position().lost == "exchange_unreachable")
        await trading.until(lambda: trading.store.read(0, topics=["Alert.Raised"]))
        assert await alarms(trading) == [Cause.POSITION_UNPROTECTED]
        # And a sale grows stale, as the lane goes on
        sold = asyncio.create_task(trader.alert("SellMarket"))
        await trading.until(lambda: len(trader.position().exits) == 1)
        trading.pass_by(100)
        assert await sold == (WebhookStatus.FAILED, "stale")
        # And the position is protected once the exchange gives prices again
        trading.client.tickers, trading.client._http.pace._closed_until = tickers, 0.0
        await trader.protected(HELD, STOP, TARGET)
        assert await bought == EXECUTED


@pytest.mark.parametrize(
    ("price", "reason"),
    [("50000", "coins_missing"), ("44000", "protection_refused")],
    ids=["between the prices", "below the stop"],
)
async def test_what_protects_coins_that_were_sold_elsewhere_is_tried_ever_more_rarely(at, price, reason):
    """The owner is told without flooding the log or the exchange. The position is protected once the coins are back."""
    async with at(LISTS) as trader:
        trading, driven = trader.trading, Counter()
        await trader.buy(STOP, TARGET)
        account, take = next(iter(trading.paper.ledger.accounts.values())), trading.lane.agenda.get

        async def taken():
            what, subject = await take()
            driven[what] += 1
            return what, subject

        trading.lane.agenda.get = taken
        # When the orders are cancelled and the coins sold outside the platform
        for order in trading.on_exchange():
            take_off(trading, order)
        account.free["BTC"] = Decimal(0)
        trading.hold("BTC/USDT", price)
        while not trading.store.read(0, topics=["Alert.Raised"]):  # two balances, seconds apart, are needed
            trading.pass_by(1)
            await asyncio.sleep(0.05)
        # Then the owner is alerted, and attempts become rare
        assert trader.position().lost == reason
        assert Cause.POSITION_UNPROTECTED in await alarms(trading)
        driven.clear()
        await asyncio.sleep(1)
        assert driven["guard"] < 40
        # And the position is protected or sold once the coins are back
        account.free["BTC"] = HELD
        await trading.until(lambda: trader.resting() or trader.sold() == HELD)


# --- what others did on the exchange -----------------------------------------------------------------------------


async def test_a_stop_that_two_reports_reopen_is_a_stop_again(at):
    """A person had resolved the legs as cancelled. Nothing is placed twice, and a sale cancels them first."""
    async with at(LISTS) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        for leg in trader.position().resting:
            await trading.say(leg, lambda o: o.resolve(1, Status.CANCELLED, "I believed that it was gone"))
            trading.lane.decided(leg)  # as the gateway does when it hears of the decision
        await trading.until(lambda: trader.position().lost == "coins_locked")  # by the old legs
        await trading.reconcile_twice(Occasion.FULL)
        await trader.protected(HELD, STOP, TARGET)
        assert await trader.alert("SellMarket") == EXECUTED
        assert trader.sold() == HELD


async def test_a_stop_that_was_amended_elsewhere_is_taken_off_for_a_sale(at):
    """The amended stop has another client id. The exchange's own id stays the same."""
    async with at(LISTS) as trader:
        trading = trader.trading
        await trader.buy(STOP, PrixSL="45000")
        [leg] = [await trading.load(order_id) for order_id in trader.position().resting]
        market, kind = trading.markets["BTC/USDT"], leg.wish.type
        amended = OrderRequest("somebody_else", market, Side.SELL, kind, Decimal("0.005"))
        await trading.client.amend(trading.credentials, leg.client_order_id, amended)
        await trading.reconcile_twice(Occasion.FULL)
        await trader.protected(HELD, STOP)
        assert await trader.alert("SellMarket") == EXECUTED
        assert trader.sold() == HELD


async def test_a_stop_that_the_exchange_shows_no_more_is_told_of(at):
    """Neither a look-up nor a list shows the stop. After a minute the owner is asked to decide, once for each leg."""
    async with at(LISTS) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        trading.show_orders(shown=False)
        for occasion in [Occasion.POLL, Occasion.FULL, *[Occasion.POLL] * 8]:
            await trading.reconcile(occasion)
            trading.pass_by(10)
        await trading.until(lambda: len(trading.store.read(0, topics=["Alert.Raised"])) == 2)
        assert await alarms(trading) == [Cause.TO_DECIDE] * 2
        trading.show_orders()
        await trading.reconcile()
        assert trader.position().protected == HELD
