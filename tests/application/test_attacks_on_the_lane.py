"""What an attack on the lane has found: each of these stories once cost coins, a stop, or somebody's turn."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from adapters.paper.faults import Fault
from application.exchange import Ticker
from application.signals import receive
from domain.alert import Cause
from domain.webhook import Webhook, WebhookStatus
from tests.application.test_limits_are_no_refusals import used_up
from tests.application.test_order_within_a_market import body
from tests.application.test_what_cannot_rest import rule
from tests.application.trader import BINANCE, HELD, LISTS, PRICES, RICH, STOP, TARGET, alarms

EXECUTED = (WebhookStatus.EXECUTED, None)
ENDS = {WebhookStatus.EXECUTED, WebhookStatus.FAILED, WebhookStatus.REFUSED}
DUST = Decimal("0.00007")
NO = {"times": 10_000, "code": -2010, "message": "This action is disabled on this account."}


def no_stops(desk):
    """The exchange takes no stop any more."""
    for kind in ("STOP_LOSS", "STOP_LOSS_LIMIT"):
        desk.paper.faults.add(Fault("place_order", "refuse", type=kind, **NO))


def when_bought(desk, price):
    """The price moves as soon as a buy has traded."""

    def look(_, order, __):
        if order.side == "buy" and order.filled:
            desk.paper.ledger.listeners.remove(look)
            asyncio.get_running_loop().call_soon(desk.hold, "BTC/USDT", price)

    desk.paper.ledger.listeners.append(look)


async def some_time(desk, seconds):
    """Time goes on second by second, and everybody has a moment in each."""
    for _ in range(seconds):
        desk.pass_by(1)
        await asyncio.sleep(0.03)


# --- prices that are passed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
def test_a_stop_that_was_refused_often_is_carried_out_at_the_first_look(at, able):
    """The pause until it is placed again is no pause of its sale."""

    async def story():
        async with at(able) as trader:
            desk = trader.desk
            no_stops(desk)
            bought = asyncio.create_task(trader.alert("BuyMarket", PourCent="50", **PRICES))
            await desk.until(lambda: trader.position() is not None and trader.position().lost)
            trouble = desk.lane._guard._troubles[trader.position().id]
            trouble.not_before = asyncio.get_running_loop().time() + 60
            desk.hold("BTC/USDT", "44999")
            await trader.closed()
            assert trader.sold() == HELD
            assert await bought == EXECUTED

    asyncio.run(story())


def test_a_price_that_was_told_before_the_entry_sells_nothing(at):
    """It raises a suspicion; the exchange is asked before anything is sold."""

    async def story():
        async with at(BINANCE) as trader:
            desk, low = trader.desk, Decimal(44_900)
            desk.lane.hear_prices({"BTC/USDT": Ticker("BTC/USDT", low, low, low, desk.now)})
            await trader.buy(STOP, TARGET)
            assert trader.sold() == 0

    asyncio.run(story())


def test_coins_are_under_a_stop_while_their_target_is_shown_and_not_offered(at):
    """In a wide book the last price reaches it, and nobody buys there."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            wide = {"spread": 200, "step": 100, "quantity": "5", "levels": 3}
            desk.paper.book.shape(desk.paper.markets.pair("BTC/USDT"), wide)
            when_bought(desk, "50100")
            await trader.alert("BuyMarket", PourCent="50", PrixSL="45000", PrixTP="50100")
            await desk.until(lambda: [kind for kind, *_ in trader.resting()] == ["stop_loss"])

    asyncio.run(story())


def test_a_higher_stop_of_a_second_entry_that_the_price_has_passed_is_carried_out(at):
    """The lower one of the first entry rests, and does not sell there."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            await trader.buy(STOP, TARGET)
            when_bought(desk, "47000")
            assert await trader.alert("BuyMarket", PourCent="80", PrixSL="48000", PrixTP="60000") == EXECUTED
            await trader.closed()

    asyncio.run(story())


def test_what_no_rule_lets_rest_is_told_and_tried_ever_more_rarely(at):
    """No place for a trigger, and a stop at a limit lies outside the band."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            band = {"PERCENT_PRICE_BY_SIDE": {"askMultiplierDown": "0.95"}}
            await rule(desk, filters={**band, "MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": 0}})
            await trader.alert("BuyMarket", PourCent="50", **PRICES)
            await desk.until(lambda: desk.store.read(0, topics=["Alert.Raised"]))
            assert Cause.POSITION_UNPROTECTED in await alarms(desk)
            before = len(await desk.read("Order.Rejected"))
            await some_time(desk, 30)
            assert len(await desk.read("Order.Rejected")) - before < 30

    asyncio.run(story())


def test_a_move_of_a_target_that_cannot_rest_ends(at):
    """Its price is watched: that is all that can be done for it."""

    async def story():
        async with at(BINANCE) as trader:
            await rule(trader.desk, filters={"PERCENT_PRICE_BY_SIDE": {"askMultiplierUp": "1.1"}})
            assert await trader.alert("BuyMarket", PourCent="50") == EXECUTED
            assert await trader.alert("MAJ", PrixTP="60000") == EXECUTED
            assert trader.position().target_watched

    asyncio.run(story())


@pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
def test_coins_of_a_second_entry_without_a_stop_are_told(at, able):
    """A stop for the first one's is no stop for all."""

    async def story():
        async with at(able) as trader:
            desk = trader.desk
            await trader.buy(STOP, TARGET)
            no_stops(desk)
            assert await trader.alert("BuyMarket", PourCent="80", **PRICES) == EXECUTED
            while Cause.POSITION_UNPROTECTED not in await alarms(desk):
                await some_time(desk, 1)

    asyncio.run(story())


def test_a_stop_that_rests_outlives_new_rules(at):
    """They apply to what is placed next; what rests was placed by the old ones."""

    async def story():
        async with at(LISTS) as trader:
            desk = trader.desk
            await trader.buy(STOP, TARGET)
            await rule(desk, filters={"NOTIONAL": {"minNotional": "5000"}, "MARKET_LOT_SIZE": {"maxQty": "0.001"}})
            desk.lane.guard(trader.position().id)
            await desk.until(lambda: not desk.lane._to_guard and desk.lane._queue.empty())
            await trader.protected(HELD, STOP, TARGET)
            assert {order.status for order in trader.sells()} == {"new"}

    asyncio.run(story())


# --- exits ---------------------------------------------------------------------------------------------------------


def test_an_exit_that_is_sent_once_more_sells_nothing_that_came_after_it(at):
    """Its place in the line is kept until the second try is there."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            await trader.buy(STOP, TARGET)
            desk.paper.faults.add(Fault("place_order", "expire", type="MARKET"))
            alerts = [body("SellMarket", "100", 1), body("BuyMarket", "66", 2, **PRICES)]
            ids = [await asyncio.to_thread(receive, desk.store, 1, alert, "127.0.0.1", desk.now) for alert in alerts]
            await desk.until(lambda: all(desk.store.get(Webhook, one).status in ENDS for one in ids))
            await desk.until(lambda: trader.position().is_open)
            assert trader.sold() == HELD

    asyncio.run(story())


def test_a_rest_that_was_never_wished_for_keeps_nobody_waiting(at):
    """The exit of which it was the rest has met its stop, and is refused."""

    async def story():
        async with at(LISTS) as trader:
            desk = trader.desk
            await trader.buy(STOP, TARGET)
            await rule(desk, filters={"MARKET_LOT_SIZE": {"maxQty": "0.004"}})

            async def falls():
                del desk.client.after["balances"]
                desk.hold("BTC/USDT", "44999")

            desk.client.after["balances"] = falls
            assert (await trader.alert("SellMarket"))[0] is WebhookStatus.FAILED
            await trader.closed()
            desk.hold("BTC/USDT", "50000")
            assert (await trader.alert("BuyMarket", PourCent="10"))[0] is WebhookStatus.EXECUTED

    asyncio.run(story())


def test_what_is_left_of_a_cut_sale_never_sells_its_traders_other_coins(at):
    """A part of the target is executed between its first attempt and its second."""

    async def story():
        async with at(BINANCE, **RICH) as trader:
            desk = trader.desk
            await trader.buy(STOP, TARGET)
            await rule(desk, filters={"MARKET_LOT_SIZE": {"maxQty": "0.004"}})
            desk.paper.faults.add(Fault("place_order", "clock_refused", type="MARKET"))
            measure = desk.client.server_time

            async def a_part_is_executed():
                desk.client.server_time = measure
                [target] = [order for order in trader.sells() if order.type == "limit" and order.rests]
                desk.paper.ledger._trade(target, Decimal("0.004"), Decimal(60000), maker=True)
                return await measure()

            desk.client.server_time = a_part_is_executed
            await trader.alert("SellMarket")
            await trader.closed()
            assert trader.sold() == HELD

    asyncio.run(story())


def test_patience_for_coins_that_just_moved_is_not_used_up_by_other_troubles(at):
    """Three refused timestamps, and then coins that are counted late."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            await trader.buy(STOP, TARGET)
            desk.paper.faults.add(Fault("place_order", "clock_refused", times=3, type="MARKET"))
            desk.paper.faults.add(Fault("place_order", "insufficient", type="MARKET"))
            assert await trader.alert("SellMarket") == EXECUTED

    asyncio.run(story())


def test_an_exit_takes_nothing_off_while_there_is_no_room_for_it(at):
    """Where taking off and selling are two calls, the count is asked for before the first."""

    async def story():
        async with at(LISTS) as trader:
            await trader.buy(STOP, TARGET)
            bare = trader.bare_for()
            await used_up(trader.desk, 2)
            assert await trader.alert("SellMarket") == EXECUTED
            assert max(bare, default=0) < 0.5

    asyncio.run(story())


def test_an_exit_that_found_too_few_buyers_goes_on_or_is_told(at):
    """A thin book takes a part of it."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            await trader.buy(STOP, TARGET)
            thin = {"spread": 2, "step": 100, "quantity": "0.001", "levels": 3}
            desk.paper.book.shape(desk.paper.markets.pair("BTC/USDT"), thin)
            assert await trader.alert("SellMarket") == EXECUTED
            while Cause.EXIT_REJECTED not in await alarms(desk):
                await some_time(desk, 1)
            assert len([order for order in trader.sells() if order.type == "market"]) == 2

    asyncio.run(story())


def test_a_list_stays_on_the_book_while_nobody_knows_whether_it_was_sold(at):
    """The call that was to take it off and to sell was lost."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            await trader.buy(STOP, TARGET)
            desk.paper.faults.add(Fault("place_order", "lose_request"))
            selling = asyncio.create_task(trader.alert("SellMarket"))
            await desk.until(lambda: desk.lane.doubts)
            await some_time(desk, 6)
            assert {order.status for order in trader.sells()} == {"new"}
            desk.pass_by(70)
            await selling

    asyncio.run(story())


# --- what is forgotten when it is over -----------------------------------------------------------------------------


def test_a_trade_that_is_over_is_watched_no_longer(at):
    """Nor is anything remembered of what stood in its way."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            await rule(desk, oco_allowed=False)
            await trader.buy(STOP)
            desk.hold("BTC/USDT", "60001")
            await trader.closed()
            await desk.until(lambda: not desk.lane._guard.watched() and not desk.lane._guard._troubles)

    asyncio.run(story())


def test_the_last_execution_of_a_trade_that_is_over_keeps_nobody_busy(at):
    """What is too small to be sold counts in the next trade, of which the old one's guard knows nothing."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            await trader.buy(STOP, TARGET)
            trader.target_is_met(HELD - DUST)
            [target] = [order for order in trader.sells() if order.type == "limit"]
            if target.rests:
                desk.paper.ledger._trade(target, DUST, Decimal(60000), maker=True)
            await desk.until(lambda: trader.position().previous is not None)
            drive, drives = desk.lane._guard._drive, []

            async def counted(position_id, trouble):
                drives.append(position_id)
                return await drive(position_id, trouble)

            desk.lane._guard._drive = counted
            await asyncio.sleep(1)
            assert len(drives) < 10

    asyncio.run(story())


def test_room_for_the_stop_of_an_entry_is_given_back_when_its_trade_is_over(at):
    """The price had passed its stop before that could rest."""

    async def story():
        async with at(BINANCE) as trader:
            desk = trader.desk
            when_bought(desk, "44000")
            await trader.alert("BuyMarket", PourCent="10", **PRICES)
            await desk.until(lambda: trader.position().previous is not None)
            await desk.until(lambda: not desk.lane._desk.turns._held)

    asyncio.run(story())
