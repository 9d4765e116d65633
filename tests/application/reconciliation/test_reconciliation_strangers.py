"""Orders placed elsewhere with the same keys: they are adopted into the log once, after a second look."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.paper.pairs import PAIRS
from application.alerts import difference_to_decide, history_lost
from application.ports.errors import NoAnswer
from domain.alert import Cause
from domain.orders.external import external_id
from domain.orders.order_status import Status
from domain.orders.wish import Source, Type
from domain.reconciliation import Kind, Occasion, Resolution
from tests.application.observed import id_of

pytestmark = pytest.mark.exchanges("binance", "bitget")


async def away():
    raise NoAnswer("nobody is there")


async def adopted(trading):
    """Return all adopted orders."""
    return [await trading.load(event.originator_id) for event in await trading.read("Order.Adopted")]


@pytest.mark.exchanges("binance")
@pytest.mark.parametrize("occasion", [Occasion.FULL, Occasion.RECONNECTION, Occasion.REQUEST])
async def test_an_order_made_elsewhere_is_adopted_once_after_a_second_look(open_trading, occasion):
    """The order is adopted no sooner than ten seconds later, and never again by this process or another."""
    async with open_trading() as trading:
        there = await trading.elsewhere("web_1")
        [found] = await trading.reconcile(occasion)
        assert (found.order, found.resolution, found.ours.kind) == (None, Resolution.AWAITED, Kind.NOTHING)
        trading.pass_by(9.99)
        assert {one.resolution for one in await trading.reconcile(occasion)} <= {Resolution.AWAITED}
        assert await adopted(trading) == []
        trading.pass_by(0.01)
        [found] = await trading.reconcile(occasion)
        assert found.resolution is Resolution.ADOPTED
        for _ in range(2):
            assert [found async for found in found_again(trading, occasion)] == []
            await trading.begin_anew()
            await trading.until(trading.lane.reconciled.is_set)
        [order] = await adopted(trading)
        assert order.id == external_id(1, "BTC/USDT", id_of(there))
        assert (order.source, order.status, order.user) == (Source.EXTERNAL, Status.OPEN, 1)
        assert (order.wish.type, order.quantity, order.price) == (Type.LIMIT, Decimal("0.01"), Decimal(40000))
        assert order.client_order_id == f"EXT_1_BTCUSDT_{there.id}"


async def found_again(trading, occasion):
    """Yield the discrepancies that two more reconciliations find."""
    for _ in range(2):
        trading.pass_by(10)
        for found in await trading.reconcile(occasion):
            yield found


async def test_an_order_that_is_gone_at_the_second_look_was_never_one(open_trading):
    """The exchange no longer shows the order, so it is not adopted."""
    async with open_trading() as trading:
        await trading.elsewhere("web_1")
        await trading.reconcile()
        trading.show_orders(shown=False)
        trading.pass_by(10)
        assert await trading.reconcile() == []
        assert await adopted(trading) == []


async def test_a_poll_of_a_symbol_with_live_orders_sees_a_stranger_there(open_trading):
    """A poll does not look at other symbols."""
    async with open_trading() as trading:
        await trading.becomes(await trading.rest(), Status.OPEN)
        await trading.elsewhere("web_1")
        await trading.elsewhere("web_2", "ETH/USDT", price=Decimal(2000), quantity=Decimal("0.1"))
        await trading.reconcile_twice(Occasion.POLL)
        assert [order.wish.symbol for order in await adopted(trading)] == ["BTC/USDT"]


@pytest.mark.parametrize("heard", [False, True], ids=["compared", "heard"])
@pytest.mark.parametrize("end", ["filled", "cancelled there", "cancelled by us"])
async def test_an_adopted_order_is_followed_to_its_end(open_trading, end, heard):
    """The order can be cancelled from here like any other. A fill has the exchange's trade."""
    async with open_trading() as trading:
        there = await trading.elsewhere("web_1")
        await trading.reconcile_twice()
        [order] = await adopted(trading)
        if heard:
            await trading.listening()
            await trading.known()
        if end == "filled":
            trading.hold("BTC/USDT", "39000")
        elif end == "cancelled there":
            trading.paper.ledger.cancel(there)
        else:
            await trading.cancel(order.id)
        if not heard and end != "cancelled by us":
            await trading.reconcile(Occasion.POLL)
        order = await trading.becomes(order.id, Status.CLOSED if end == "filled" else Status.CANCELLED)
        assert not there.rests
        assert order.fills == {id_of(trade): trade.quantity for trade in there.trades}


async def test_an_order_of_ours_without_a_history_is_adopted_and_left_to_a_person(open_trading):
    """The order has a client id of ours, so a part of the log is lost. Its owner is alerted once."""
    async with open_trading() as trading:
        await trading.elsewhere("ARISTO_1_LOST")
        [found] = await trading.reconcile_twice()
        assert found.resolution is Resolution.HISTORY_LOST
        [order] = await adopted(trading)
        assert found.order == order.id
        trading.pass_by(10)
        assert await trading.reconcile() == []
        [event] = await trading.read("Order.Adopted")
        [alert] = history_lost(event, trading.store)
        assert (alert.cause, alert.subject) == (Cause.HISTORY_LOST, order.id)
        told = await trading.read("Reconciliation.DiscrepancyFound")
        assert [alert for event in told for alert in difference_to_decide(event, trading.store)] == []


@pytest.mark.parametrize("known", [True, False])
async def test_what_was_made_and_filled_elsewhere_while_the_platform_was_down_is_adopted(open_trading, known):
    """Ended orders are read from the last look at the account on, in the symbols of our orders."""
    async with open_trading(USDT="5000") as trading:
        await trading.becomes(await trading.rest(price="30000"), Status.OPEN)
        there = await trading.elsewhere("web_1")
        there.at -= 3_600_000
        trading.hold("BTC/USDT", "39000")
        if known:
            await trading.away_since(timedelta(hours=2))
        await trading.begin_anew()
        await trading.until(trading.lane.reconciled.is_set)
        trading.pass_by(10)
        await trading.reconcile()
        assert [order.status for order in await adopted(trading)] == ([Status.CLOSED] if known else [])
        assert [order.filled for order in await adopted(trading)] == ([there.filled] if known else [])


async def polled(trading):
    """Reconcile by a poll. It is skipped while another look is under way, so let that one end first."""
    if await trading.lane.reconcile(Occasion.POLL) is None:
        await trading.reconcile()
        await trading.reconcile(Occasion.POLL)


@pytest.mark.parametrize("executed", [True, False], ids=["executed", "resting"])
async def test_an_execution_elsewhere_is_adopted_by_the_next_polls(open_trading, executed):
    """The private stream reports it, in whichever market; a poll that is ten seconds older confirms it.

    An order that only rests moves no coins: the next full look finds it.
    """
    async with open_trading() as trading:
        await trading.listening()
        await trading.reconcile()
        trading.pass_by(1)
        sale = {"type": Type.MARKET, "price": None, "quantity": Decimal("0.1")}
        resting = {"price": Decimal(2000), "quantity": Decimal("0.1")}
        there = await trading.elsewhere("web_1", "ETH/USDT", **(sale if executed else resting))
        await trading.until(lambda: trading.lane.heard_at == trading.now.timestamp())
        await polled(trading)
        assert await adopted(trading) == []
        trading.pass_by(10)
        await polled(trading)
        assert [order.filled for order in await adopted(trading)] == ([there.filled] if executed else [])


@pytest.mark.parametrize("starts", [0, 1, 2], ids=["while it ran", "while it was down", "and it went down again"])
async def test_what_was_bought_elsewhere_in_a_market_of_nobody_here_is_adopted(open_trading, starts):
    """The balance of its base has grown since the last look, whichever process took that.

    The adoption needs two looks.
    """
    async with open_trading() as trading:
        bought = {"type": Type.MARKET, "price": None, "quantity": Decimal("0.1")}
        there = await trading.elsewhere("web_1", "ETH/USDT", **bought)
        if starts:
            there.at -= 3_600_000
            await trading.away_since(timedelta(hours=2))
        for _ in range(starts):
            await trading.begin_anew()
            await trading.until(trading.lane.reconciled.is_set)
        await trading.reconcile_twice(Occasion.FULL)
        [order] = await adopted(trading)
        assert (order.wish.symbol, order.status, order.filled) == ("ETH/USDT", Status.CLOSED, there.filled)
        kept = await asyncio.to_thread(trading.snapshots.last, 1)
        assert kept.balances["ETH"] == there.filled - sum(t.fee for t in trading.paper.ledger.trades)


# --- what failed is asked again ------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["orders_since", "query"])
async def test_an_ended_order_whose_coins_moved_is_adopted_although_one_question_failed(open_trading, which):
    """A query without an answer forgets neither the moved balance nor the first sighting."""
    async with open_trading() as trading:
        await trading.reconcile(Occasion.FULL)
        await trading.elsewhere("web_1", "ETH/USDT", type=Type.MARKET, price=None, quantity=Decimal("0.1"))
        if which == "query":
            await trading.reconcile(Occasion.FULL)
            trading.pass_by(10)
        trading.client.before[which] = away
        run = await trading.lane.reconcile(Occasion.FULL)
        assert run.failure is not None
        del trading.client.before[which]
        for _ in range(3):
            trading.pass_by(10)
            await trading.reconcile(Occasion.FULL)
        assert [order.status for order in await adopted(trading)] == [Status.CLOSED]


@pytest.mark.parametrize("dry", [False, True], ids=["at once", "after a dry run"])
async def test_an_order_of_a_market_that_nobody_knows_is_told_once(open_trading, dry):
    """A dry run records nothing and does not keep the next run from reporting the order."""
    async with open_trading() as trading:
        trading.delist("ETH/USDT")
        account = next(iter(trading.paper.ledger.accounts.values()))
        named = {"client_order_id": "web_1", "side": "buy", "type": "limit", "price": Decimal(2000)}
        trading.paper.ledger.place(account, PAIRS["ETH/USDT"], quantity=Decimal("0.1"), **named)
        if dry:
            [found] = await trading.reconcile(dry=True)
            assert found.resolution is Resolution.DECIDE
        await trading.reconcile(Occasion.FULL)
        await trading.reconcile(Occasion.FULL)
        told = await trading.read("Reconciliation.DiscrepancyFound")
        assert [event.discrepancy.resolution for event in told] == [Resolution.DECIDE]
        assert await adopted(trading) == []


async def test_an_order_that_the_exchange_does_not_find_is_told_once(open_trading):
    """The look-ups go on, but the absence is recorded only once."""
    async with open_trading() as trading:
        await trading.becomes(await trading.rest(), Status.OPEN)
        trading.show_orders(shown=False)
        for _ in range(4):
            await trading.reconcile(Occasion.POLL)
            trading.pass_by(10)
        told = [e for e in await trading.read("Reconciliation") if type(e).__name__ == "DiscrepancyFound"]
        assert len(told) == 1
