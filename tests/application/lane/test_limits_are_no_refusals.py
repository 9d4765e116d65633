"""A rate limit or a wrong clock passes and refuses nothing: stops stay, and wishes wait until they are stale."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal

import pytest

from adapters.paper.faults import Fault
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import BINANCE, HELD, LISTS, PRICES, STOP, TARGET

pytestmark = pytest.mark.exchanges("binance", "bitget")

EXECUTED = (WebhookStatus.EXECUTED, None)


async def used_up(trading, seconds):
    """Use up the account's count of new orders, in a window with so many seconds left, as another program would."""
    paper, [account] = trading.paper, trading.paper.ledger.accounts.values()
    paper.faults.add(Fault("stream", "skew_clock", seconds=(10 - seconds - paper.now() / 1000) % 10))
    await trading.client.server_time()
    paper.counts.use(account, {"10S": paper.counts.limits("binance")["10S"]})


@pytest.mark.exchanges("binance")
@pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
@pytest.mark.parametrize("prices", [PRICES, {"PrixSL": "45000"}], ids=["a list", "a stop alone"])
async def test_a_stop_is_not_taken_off_to_be_moved_while_no_order_can_be_placed(at, able, prices):
    """The stop is moved as soon as there is room again, and the old one rests until then."""
    async with at(able) as trader:
        trading = trader.trading
        shapes = [STOP, TARGET] if prices is PRICES else [STOP]
        await trader.buy(*shapes, **prices)
        await used_up(trading, 0.8)
        moving = asyncio.create_task(trader.alert("MAJ", PrixSL="46000"))
        await asyncio.sleep(0.5)
        assert trader.resting()[0] == (*STOP, HELD)
        assert await moving == EXECUTED
        await trader.protected(HELD, ("stop_loss", Decimal(46000)), *shapes[1:])
        reasons = [event.reason for event in await trading.read("Order.Rejected")]
        # One call takes nothing off when it is refused; before two, the exchange's own count is asked for.
        assert (able is BINANCE and prices is not PRICES) or "too_many_orders" not in reasons


async def test_an_exit_waits_for_room_and_its_stop_rests_until_the_very_sale(at):
    """The sale takes the stop's place in one call: the coins are never without a stop."""
    async with at(BINANCE) as trader:
        await trader.buy(STOP, TARGET)
        bare = trader.bare_for()
        await used_up(trader.trading, 0.8)
        assert await trader.alert("SellMarket") == EXECUTED
        assert trader.sold() == HELD
        await trader.closed()
        assert bare == []


@pytest.mark.parametrize("fault", ["clock_refused", "status_429", "lose_request"])
@pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
async def test_an_exit_that_was_not_taken_at_first_is_sold_once(at, able, fault):
    """An exit refused for a clock or a limit is sent again. A lost one is proven absent and its webhook fails."""
    async with at(able) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        trading.paper.faults.add(Fault("place_order", fault))
        selling = asyncio.create_task(trader.alert("SellMarket"))
        if fault == "lose_request":
            await trading.until(lambda: trading.lane.doubts)
            trading.pass_by(8)  # its request is dead: until its absence is proven the coins are under a stop again
            await trader.protected(HELD, STOP, TARGET)
            trading.pass_by(65)
            assert (await selling)[0] is WebhookStatus.FAILED
            return
        assert await selling == EXECUTED
        await trader.closed()
        assert trader.sold() == HELD


async def test_an_entry_in_a_burst_waits_for_room(at):
    """The room comes back well before the entry is stale."""
    async with at(BINANCE) as trader:
        await used_up(trader.trading, 0.5)
        await trader.buy(STOP, TARGET)


async def test_entries_leave_room_for_the_stops_of_those_before_them(at):
    """Ten orders fit in a window: each entry takes three with its list, and room for one list is kept in reserve."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        trading.paper.counts.limits("binance")["10S"] = 10
        await trading.client.markets()
        alerts = [
            asyncio.create_task(trader.alert("BuyMarket", PourCent="10", **PRICES, Nr=f'"{number}"'))
            for number in range(8)
        ]
        done, _ = await asyncio.wait(alerts, timeout=25)
        assert {alert.result() for alert in done} == {EXECUTED}
        assert len(done) == len(alerts)
        rejected = [event.reason for event in await trading.read("Order.Rejected")]
        assert "too_many_orders" not in rejected


@pytest.mark.exchanges("binance")
@pytest.mark.parametrize("share", [0.79, 0.85])
async def test_an_exit_does_not_wait_for_what_an_entry_would_like_to_know(at, share):
    """The minute's budget for queries is used up, the one for sales is not: the entry waits, the exit is sent."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        weight, pace = ("binance", "weight", 60), trading.client._http.pace
        trading.paper.budgets.pin(*weight, int(pace.limit * share))
        await trading.client.server_time()
        bought = asyncio.create_task(trader.alert("BuyMarket", Symbol='"ETHUSDT"', PourCent="50"))
        await trading.until(lambda: len(trading.store.read(0, topics=["Webhook.Taken"])) > 1)
        assert await trader.alert("SellMarket") == EXECUTED
        assert not bought.done()
        trading.paper.budgets.pin(*weight, 0)
        pace.told(0, time.time())
        assert await bought == EXECUTED


async def test_a_new_gateway_protects_although_its_questions_have_used_up_their_share(at):
    """Nothing is sent before the first reconciliation, so that one may query as urgently as a stop is placed."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        trading.paper.budgets.pin("binance", "weight", 60, int(trading.client._http.pace.limit * 0.85))
        await trading.client.server_time()
        await trading.begin_anew()
        assert await trader.alert("MAJ", PrixSL="46000") == EXECUTED
        await trader.protected(HELD, ("stop_loss", Decimal(46000)), TARGET)
