"""Exits that sell all coins of their position and no others, whatever happens between their attempts."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from adapters.paper.faults import Fault
from application.webhooks.reception import receive
from domain.alert import Cause
from domain.orders.order_status import Status
from domain.orders.wish import Side
from domain.webhooks.webhook import Webhook, WebhookStatus
from tests.application.lane.test_limits_are_no_refusals import used_up
from tests.application.lane.test_order_within_a_market import body
from tests.application.protection.test_price_watch import in_time, told
from tests.application.protection.test_what_cannot_rest import EXECUTED, rule
from tests.application.trader import BINANCE, HELD, LISTS, PART, PRICES, RICH, STOP, TARGET, alarms

SMALL_LOT = {"MARKET_LOT_SIZE": {"maxQty": "0.004"}}
STOPS_ALONE = {"oco_allowed": False, "order_types": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS"]}
ENDS = {WebhookStatus.EXECUTED, WebhookStatus.FAILED, WebhookStatus.REFUSED}


def refuse(trading, kind, times=1):
    """Let the exchange refuse the next market orders, for this reason."""
    trading.paper.faults.add(Fault("place_order", kind, times=times, type="MARKET"))


async def split_stops(trader):
    """Buy, and let three stops rest for the coins, as a single one would exceed the market's lot size."""
    await trader.alert("BuyMarket", PourCent="50")
    await rule(trader.trading, filters=SMALL_LOT, **STOPS_ALONE)
    assert await trader.alert("MAJ", PrixSL="45000") == EXECUTED
    assert len(trader.resting()) == 3


async def deliver(trading, *alerts):
    """Deliver these alerts at once; return the ends of their webhooks."""
    ids = [await asyncio.to_thread(receive, trading.store, 1, alert, "127.0.0.1", trading.now) for alert in alerts]
    await trading.until(lambda: all(trading.store.get(Webhook, one).status in ENDS for one in ids))
    webhooks = [trading.store.get(Webhook, one) for one in ids]
    return [(webhook.status, webhook.reason) for webhook in webhooks]


# --- sent once more ------------------------------------------------------------------------------------------------


async def test_an_exit_that_is_sent_once_more_sells_nothing_that_came_after_it(at):
    """The entry behind it waits until the second attempt has ended."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        refuse(trading, "expire")
        alerts = [body("SellMarket", "100", 1), body("BuyMarket", "66", 2, **PRICES)]
        assert await deliver(trading, *alerts) == [EXECUTED, EXECUTED]
        sides = [order.side for order in trading.on_exchange() if order.type == "market"]
        assert sides == ["buy", "sell", "sell", "buy"]
        await trading.until(lambda: trader.position().held > HELD)
        bought = trading.markets["BTC/USDT"].round_quantity(trader.position().held)
        await trader.protected(bought, STOP, TARGET)
        assert trader.sold() == HELD


async def test_tries_that_failed_for_other_reasons_use_up_no_patience_for_locked_coins(at):
    """Three attempts refused for the clock do not count towards the patience for locked coins."""
    async with at(BINANCE) as trader:
        await trader.buy(STOP, TARGET)
        refuse(trader.trading, "clock_refused", times=3)
        refuse(trader.trading, "insufficient")
        assert await trader.alert("SellMarket") == EXECUTED
        assert trader.sold() == HELD


async def test_a_part_of_the_target_between_two_tries_is_not_sold_again(at):
    """The account's other coins stay, and the rest of the exit is still sold in parts."""
    async with at(BINANCE, **RICH) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        await rule(trading, filters=SMALL_LOT)
        refuse(trading, "clock_refused")
        ask = trading.client.server_time

        async def met():
            trading.client.server_time = ask
            trader.target_is_met()
            return await ask()

        trading.client.server_time = met
        assert await trader.alert("SellMarket") == EXECUTED
        await trader.closed()
        assert trader.sold() == HELD
        assert max(order.quantity for order in trader.sells() if order.type == "market") <= PART


async def test_a_deferred_exit_is_carried_out_by_the_next_process(at):
    """The exit waits in the log, and the next process sends it."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        trading.paper.faults.add(Fault("place_order", "count_exceeded", seconds=1))
        selling = asyncio.create_task(trader.alert("SellMarket"))
        await trading.until(lambda: trading.store.read(0, topics=["Order.Deferred"]))
        await trading.begin_anew()
        assert await selling == EXECUTED
        await trader.closed()
        assert trader.sold() == HELD


# --- late balances -------------------------------------------------------------------------------------------------


async def test_a_balance_that_shows_freed_coins_as_locked_refuses_no_exit(at):
    """The balance was taken before the stop was cancelled. The next one is newer."""
    async with at(LISTS) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        refuse(trading, "clock_refused")
        ask, seen = trading.client.balances, []

        async def late(credentials, *, urgent=False):
            seen.append(await ask(credentials, urgent=urgent))
            return seen[0] if len(seen) == 2 else seen[-1]

        trading.client.balances = late
        assert await trader.alert("SellMarket") == EXECUTED
        assert trader.sold() == HELD


async def test_a_balance_from_before_a_sale_does_not_shrink_the_next(at):
    """Half is sold, then everything: all coins are sold although the balance lags behind."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        ask, looks = trading.client.balances, []
        before = await ask(trading.credentials)

        async def late(credentials, *, urgent=False):
            now = await ask(credentials, urgent=urgent)
            if trader.sold():
                looks.append(now)
            return before if 0 < len(looks) <= 2 else now

        trading.client.balances = late
        alerts = [body("SellMarket", "50", 1), body("SellMarket", "100", 2)]
        assert await deliver(trading, *alerts) == [EXECUTED, EXECUTED]
        assert trader.sold() == HELD


# --- the stop beside the sale --------------------------------------------------------------------------------------


@pytest.mark.parametrize("percent", ["50", "100"])
async def test_what_rests_stays_while_its_sale_is_in_doubt(at, percent):
    """The one request did both or nothing: meanwhile the stop is neither cancelled nor made smaller."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        trading.paper.faults.add(Fault("place_order", "lose_request"))
        selling = asyncio.create_task(trader.alert("SellMarket", PourCent=percent))
        await trading.until(lambda: trading.lane.doubts)
        for _ in range(5):
            trading.pass_by(1)
            await asyncio.sleep(0.1)
        assert trader.resting() == [(*STOP, HELD), (*TARGET, HELD)]
        assert {order.status for order in trader.sells()} == {"new"}
        selling.cancel()


async def test_an_exit_in_two_requests_takes_its_stop_off_when_there_is_room_for_the_sale(at):
    """The stop rests until there is room."""
    async with at(LISTS) as trader:
        await trader.buy(STOP, TARGET)
        await used_up(trader.trading, 0.8)
        selling = asyncio.create_task(trader.alert("SellMarket"))
        await asyncio.sleep(0.5)
        assert trader.resting() == [(*STOP, HELD), (*TARGET, HELD)]
        assert await selling == EXECUTED
        await trader.closed()
        assert trader.sold() == HELD


@pytest.mark.parametrize("fault", ["lose_answer", "status_500", "garbage"])
async def test_an_exit_whose_answer_is_lost_leaves_no_bare_coins(at, fault):
    """The coins are sold once, or their stop rests."""
    async with at(BINANCE, **RICH) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        refuse(trading, fault)
        selling = asyncio.create_task(trader.alert("SellMarket"))
        await in_time(trading, selling.done)
        await in_time(trading, lambda: trader.sold() == HELD or trader.resting())
        assert trader.sold() in {HELD, 0}


# --- what is left of it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["split stops", "a list"])
async def test_an_exit_whose_coins_were_sold_by_the_stop_holds_up_no_later_order(at, able):
    """The stop is executed while the exit cancels it. No rest of the exit stays in its market's line."""
    async with at(able) as trader:
        trading = trader.trading
        if able is BINANCE:
            await split_stops(trader)
        else:
            await trader.buy(STOP, TARGET)
            await rule(trading, filters=SMALL_LOT)

        async def falls():
            trading.client.after.pop("balances", None)
            trading.hold("BTC/USDT", "44999")

        trading.client.after["balances"] = falls
        await trader.alert("SellMarket")
        await trader.closed()
        assert trader.sold() == HELD
        trading.hold("BTC/USDT", "50000")
        await rule(trading, filters={"MARKET_LOT_SIZE": {"maxQty": "100"}})
        assert await trader.alert("BuyMarket", PourCent="10") == EXECUTED
        assert not trading.lane._sending._lines._lines


async def test_an_exit_of_split_stops_sells_everything_once(at):
    """The account's other coins stay."""
    async with at(BINANCE, **RICH) as trader:
        await split_stops(trader)
        assert await trader.alert("SellMarket") == EXECUTED
        await trader.closed()
        assert trader.sold() == HELD


async def test_an_exit_after_a_part_of_the_target_sells_what_is_left(at):
    """The account's other coins stay."""
    async with at(BINANCE, **RICH) as trader:
        await trader.buy(STOP, TARGET)
        trader.target_is_met()
        assert await trader.alert("SellMarket") == EXECUTED
        await trader.closed()
        assert trader.sold() == HELD


async def test_an_exit_that_ends_with_a_part_sold_is_told(at):
    """The order book is too thin for the whole sale. The owner keeps the rest, and is alerted."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        thin = {"spread": 2, "step": 100, "quantity": "0.001", "levels": 3}
        trading.paper.book.shape(trading.paper.markets.pair("BTC/USDT"), thin)
        assert await trader.alert("SellMarket") == EXECUTED
        assert trader.sold() < HELD
        await trading.until(lambda: told(trading))
        assert await alarms(trading) == [Cause.EXIT_REJECTED]


@pytest.mark.exchanges("binance", "bitget")
async def test_a_sale_by_hand_leaves_the_position_of_a_webhook_and_its_protection(at):
    """Only the free coins are sold."""
    async with at(BINANCE, **RICH) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        sale = await trading.wish(side=Side.SELL, percent=Decimal(100))
        await trading.becomes(sale, Status.CLOSED)
        await trader.protected(HELD, STOP, TARGET)
        assert trader.sold() == 1
