"""The positions whose coins a sale has sold, and decisions that the exchange contradicts."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from adapters.paper.pairs import PAIRS
from application.orders.agenda import Task
from application.trading.halts import cancel_all
from domain.alert import Cause
from domain.orders.order_status import Status
from domain.orders.wish import Side, Type
from domain.reconciliation import Occasion
from domain.trading.position import Position
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import HELD, LISTS, POSITION, STOP, TARGET

pytestmark = pytest.mark.exchanges("binance", "bitget")

EXECUTED = (WebhookStatus.EXECUTED, None)
ELSEWHERE = Position.create_id(1, 1, "BTC/USDT", "external")


async def bought_elsewhere(trader):
    """Buy with the same keys outside the platform, and wait until the external position is open."""
    await trader.trading.elsewhere("web_1", type=Type.MARKET, price=None, quantity=Decimal("0.005"))
    await trader.trading.reconcile_twice(Occasion.FULL)
    await trader.trading.until(lambda: getattr(trader.store.find(Position, ELSEWHERE), "is_open", False))


async def test_coins_that_were_bought_elsewhere_are_held_no_more_once_an_alert_has_sold_them(at):
    """An alert sells external coins. No position outlives its coins, so the external one is closed."""
    async with at(LISTS) as trader:
        trading = trader.trading
        await bought_elsewhere(trader)
        assert await trader.alert("SellMarket") == EXECUTED
        await trading.until(lambda: not trader.store.find(Position, ELSEWHERE).is_open)
        elsewhere = trader.store.find(Position, ELSEWHERE)
        assert elsewhere.held < Decimal("0.00001")
        assert trader.sold() + elsewhere.held == Decimal("0.005") * Decimal("0.999")


async def test_what_an_alert_sells_of_its_own_is_nobody_elses(at):
    """The alert sells the webhook's coins. Those bought elsewhere stay as they are."""
    async with at(LISTS) as trader:
        trading = trader.trading
        await bought_elsewhere(trader)
        await trader.alert("BuyMarket", PourCent="50")
        await trading.until(lambda: trader.position() is not None and trader.position().is_open)
        held = trader.position().held
        assert await trader.alert("SellMarket") == EXECUTED
        await trader.closed()
        assert trader.sold() == trading.markets["BTC/USDT"].round_quantity(held)
        assert trader.store.find(Position, ELSEWHERE).held == Decimal("0.005") * Decimal("0.999")
        assert held < HELD  # half of what was left


async def test_a_sale_elsewhere_of_the_accounts_other_coins_leaves_a_position_its_stop(at):
    """Coins under a resting stop are locked, so the sale cannot have been theirs."""
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        await trading.elsewhere("web_1", side=Side.SELL, type=Type.MARKET, price=None, quantity=Decimal("0.5"))
        await trading.reconcile_twice(Occasion.FULL)
        await trading.until(lambda: trading.store.read(0, topics=["Position.Disregarded"]))
        await trading.known()
        assert trader.position().held == HELD
        await trader.protected(HELD, STOP, TARGET)


@pytest.mark.exchanges("binance")
async def test_a_sale_that_meets_its_stop_sells_nothing_twice(at):
    """The stop is executed while an alert cancels it. Its fill is not counted yet, but the coins are gone."""
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        trading, cancel = trader.trading, trader.trading.client.cancel
        await trader.buy(STOP, PrixSL="45000")

        async def too_late(*named):
            trading.hold("BTC/USDT", "45000")
            return await cancel(*named)

        trading.client.cancel = too_late
        assert await trader.alert("SellMarket") == (WebhookStatus.FAILED, "no_position")
        assert trader.sold() == HELD


async def test_a_stop_that_was_carried_out_is_not_repeated_by_the_next_process(at):
    """The stop sells the position's coins, and the gateway dies before that is counted. The trader's own stay."""
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        trading = trader.trading
        # Given a protected position and no engine
        await trader.buy(STOP, PrixSL="45000")
        [leg] = trader.position().resting
        working, following, *others = trading.tasks
        trading.tasks[:] = [working, *others]
        following.cancel()  # the engine is away
        await asyncio.wait([following])
        # When the stop is executed, and the next process takes over
        trading.hold("BTC/USDT", "45000")
        await trading.becomes(leg, Status.CLOSED)
        working.cancel()
        await asyncio.wait([working])
        trading.tasks[:] = others
        await trading.begin_anew()
        trading.lane.agenda.put(Task.GUARD, POSITION)  # as every gateway does for each open position
        await trading.until(trading.lane.reconciled.is_set)
        await trading.until(
            lambda: trading.lane.agenda.will_come(Task.GUARD, POSITION)
        )  # it has looked, and will look again
        # Then the engine counts the stop's fill, and nothing else is sold
        trading.start(trader.follow())
        await trader.closed()
        assert trader.sold() == HELD
        assert trading.store.read(0, topics=["Position.ExitWanted"]) == []


async def test_two_alerts_to_sell_everything_sell_it_once(at):
    """The second alert is sent before the engine has counted the first sale."""
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        await trader.buy(STOP, TARGET)
        ended = await asyncio.gather(trader.alert("SellMarket"), trader.alert("SellMarket"))
        assert sorted(reason or "" for _, reason in ended) == ["", "no_position"]
        await trader.closed()
        assert trader.sold() == HELD


async def test_coins_that_a_resting_exit_is_selling_are_not_sold_by_another(at):
    """The only other free coins are the trader's own."""
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        await trader.buy(STOP, TARGET)
        assert await trader.alert("SellLimit", PourCent="100", Prix="70000") == EXECUTED
        status, _ = await trader.alert("SellMarket", PourCent="100")
        assert (status, trader.sold()) == (WebhookStatus.FAILED, 0)


async def test_a_sale_right_after_the_first_buy_sells_what_that_has_bought(at):
    """No buy of an alert is counted yet, but the sale leaves the account's other coins alone."""
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        trading, wanted = trader.trading, asyncio.Event()
        trading.client.before["place"] = wanted.wait
        bought = asyncio.create_task(trader.alert("BuyMarket", PourCent="50"))
        await trading.until(lambda: trading.client.asked["place"])
        sold = asyncio.create_task(trader.alert("SellMarket"))
        await trading.until(lambda: len(trading.store.read(0, topics=["Order.Placed"])) == 2)
        wanted.set()
        assert await sold == EXECUTED
        await bought
        await trader.closed()
        assert trader.sold() == HELD


async def test_a_sale_waits_until_the_executions_of_its_buy_are_listed(at):
    """The exchange reports the buy as executed before it lists its trades, and only these tell the quantity bought."""
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        trading, fills_of = trader.trading, trader.trading.client.fills_of

        async def none_yet(*_):
            return []

        trading.client.fills_of = none_yet
        trading.fault("place_order", "lose_answer")
        trading.fault("stream", "drop_stream")
        bought = asyncio.create_task(trader.alert("BuyMarket", PourCent="50"))
        await trading.until(lambda: trading.store.read(0, topics=["Order.Closed"]))
        sold = asyncio.create_task(trader.alert("SellMarket"))
        await trading.until(lambda: len(trading.store.read(0, topics=["Order.Placed"])) == 2)
        await trading.asked_again("query")
        assert trader.sold() == 0
        trading.client.fills_of = fills_of
        assert await sold == EXECUTED
        await bought
        assert trader.sold() == HELD


async def test_an_order_that_a_person_gave_up_and_that_was_executed_is_told(at):
    """The coins are counted, and one alert reports it. The webhook has ended as failed with the person's decision."""
    async with at(LISTS) as trader:
        trading = trader.trading
        trading.show_orders(shown=False)
        trading.fault("place_order", "lose_answer")
        trading.fault("stream", "drop_stream")
        buying = asyncio.create_task(trader.alert("BuyLimit", PourCent="50", Prix="40000"))
        await trading.until(lambda: trading.store.read(0, topics=["Order.Doubted"]))
        [doubted] = trading.store.read(0, topics=["Order.Doubted"])
        order_id = doubted.event.originator_id
        await trading.say(order_id, lambda o: o.resolve(1, Status.REJECTED, "it is not there"))
        assert await buying == (WebhookStatus.FAILED, "resolved")
        trading.show_orders()
        trading.hold("BTC/USDT", "39000")
        await trading.until(lambda: trader.position() is not None and trader.position().is_open)
        await trading.until(lambda: len(trading.store.read(0, topics=["Alert.Raised"])) == 2)
        told = [recorded.event.cause for recorded in trading.store.read(0, topics=["Alert.Raised"])]
        assert told == [Cause.ORDER_UNKNOWN, Cause.ORDER_REOPENED]


@pytest.mark.exchanges("binance")
async def test_cancelling_everything_leaves_what_protects(at):
    """The position's stop and target stay, and so do sells set on the exchange's own page for other coins.

    One behind no trigger may be a leg of a list: with it the exchange would take off the stop beside it.
    """
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        resting = await trading.rest(price="20000")
        await trading.becomes(resting, Status.OPEN)
        account, pair = next(iter(trading.paper.ledger.accounts.values())), PAIRS["BTC/USDT"]
        for kind, price in (("stop_loss", "44000"), ("limit", "70000")):
            named = {"price": Decimal(price)} if kind == "limit" else {"stop_price": Decimal(price)}
            given = {"client_order_id": f"web_{kind}", "side": "sell", "type": kind, "quantity": Decimal("0.1")}
            trading.paper.ledger.place(account, pair, **given, **named)
        await trading.reconcile_twice(Occasion.FULL)
        effect = await asyncio.to_thread(cancel_all, trading.store, 1)
        assert (len(effect.cancelled), effect.stay) == (1, 4)
        asked = [event.originator_id for event in await trading.read("Order.CancelRequested")]
        taken_off = [(await trading.load(order_id)).wish for order_id in asked]
        assert sorted(wish.price for wish in taken_off) == [Decimal(20000)]
