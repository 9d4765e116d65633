"""A slow exchange: a missing answer ends one reconciliation, loses no fact and holds up no other."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from datetime import timedelta

import pytest

from application.ports.errors import NoAnswer
from application.reconciliation import reconciler as reconciliation
from domain.orders.order_status import Status
from domain.reconciliation import Occasion
from tests.application.observed import id_of

pytestmark = pytest.mark.exchanges("binance", "bitget")

FILLED = ["Placed", "Submitted", "Accepted", "Filled", "Closed"]


@pytest.fixture
def soon(monkeypatch):
    """Give all questions of a reconciliation only one second."""
    monkeypatch.setattr(reconciliation, "TIMEOUT_SECONDS", 1.0)


async def ends(trading, reached):
    """Reconcile until a run gets as far as `reached`, and check that it ends as too slow.

    Later runs have the usual time again.
    """
    with pytest.MonkeyPatch.context() as soon:
        soon.setattr(reconciliation, "TIMEOUT_SECONDS", 1.0)
        while True:
            run = await trading.lane.reconcile(Occasion.FULL)
            if reached.is_set():
                assert run.failure == "too_slow"
                return


async def test_a_second_look_that_nobody_answers_ends_with_its_reconciliation(open_trading):
    """The first sighting survives the failed run, and counts when the exchange repeats it."""
    async with open_trading() as trading:
        there, asked, answer = await trading.elsewhere("web_1"), asyncio.Event(), asyncio.Event()
        await trading.reconcile(Occasion.FULL)
        trading.pass_by(10)

        async def silence():
            asked.set()
            await answer.wait()

        trading.client.before["query"] = silence
        await ends(trading, asked)
        answer.set()
        [found] = await trading.reconcile(Occasion.FULL)
        assert (found.exchange_order_id, found.resolution) == (id_of(there), "adopted")


async def test_an_order_of_which_nobody_says_anything_in_time_is_asked_about_beside(open_trading, soon):
    """The other orders are reconciled, also in the first run of a lane. The silent one is looked up on its own."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        [there] = trading.on_exchange()
        there.at -= 3_600_000  # placed too long ago for the list of ended orders
        trading.hold("BTC/USDT", "39000")
        answer = asyncio.Event()
        trading.client.before["query"] = answer.wait
        await trading.begin_anew()
        await trading.until(trading.lane.reconciled.is_set)
        answer.set()
        await trading.becomes(order.id, Status.CLOSED)
        assert await trading.facts(order.id) == FILLED


@pytest.mark.parametrize("slow", ["exchange", "log"])
async def test_what_was_heard_is_recorded_although_the_reconciliation_has_ended(open_trading, monkeypatch, slow):
    """The exchange is being asked for the trades, or the log is about to append: neither is interrupted half-way."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        [there] = trading.on_exchange()
        # Given an exchange or a log that holds up the recording of a fill
        reached, answer, appended = asyncio.Event(), asyncio.Event(), threading.Event()
        fills_of, save, loop = trading.client.fills_of, trading.store.save, asyncio.get_running_loop()

        async def ask(*arguments):
            if slow == "exchange":
                reached.set()
                await answer.wait()
            return await fills_of(*arguments)

        def append(*aggregates, **options):
            if slow == "log" and order.id in {aggregate.id for aggregate in aggregates}:
                loop.call_soon_threadsafe(reached.set)
                appended.wait(20)
            return save(*aggregates, **options)

        # When the reconciliation that found it ends as too slow
        monkeypatch.setattr(trading.client, "fills_of", ask)
        monkeypatch.setattr(trading.store, "save", append)
        trading.hold("BTC/USDT", "39000")
        await ends(trading, reached)
        answer.set()
        appended.set()
        # Then the fill is recorded all the same
        closed = await trading.becomes(order.id, Status.CLOSED)
        assert await trading.facts(order.id) == FILLED
        assert closed.fills == {id_of(trade): trade.quantity for trade in there.trades}
        await trading.until(lambda: order.id not in trading.lane.orders.live)
        assert await trading.reconcile() == []


async def test_a_poll_that_meets_a_reconciliation_is_dropped(open_trading):
    """A poll would only repeat the questions of the run under way. Every other occasion waits for its turn."""
    async with open_trading() as trading:
        await trading.becomes(await trading.rest(), Status.OPEN)
        listed, asked = asyncio.Event(), trading.client.asked["open_orders"]
        trading.client.before["open_orders"] = listed.wait
        full = asyncio.create_task(trading.lane.reconcile(Occasion.FULL))
        await trading.until(lambda: trading.client.asked["open_orders"] > asked)
        assert await trading.lane.reconcile(Occasion.POLL) is None
        request = asyncio.create_task(trading.lane.reconcile(Occasion.REQUEST))
        listed.set()
        assert [run.failure for run in await asyncio.gather(full, request)] == [None, None]
        assert await trading.reconcile(Occasion.POLL) == []


# --- a long past ---------------------------------------------------------------------------------------------------


class Past:
    """The ended orders of each market, as the real client lists them after a hook of the test."""

    def __init__(self, trading, monkeypatch, before):
        self.asked = Counter()
        self._ask, self._before = trading.client.orders_since, before
        monkeypatch.setattr(trading.client, "orders_since", self._told)

    async def _told(self, credentials, market, since, *, urgent):
        self.asked[market.symbol] += 1
        await self._before(market.symbol)
        return await self._ask(credentials, market, since, urgent=urgent)


async def two_markets(trading):
    """Place an order of ours in each of two markets."""
    for symbol, price in (("BTC/USDT", "40000"), ("ETH/USDT", "2000")):
        await trading.becomes(await trading.rest("0.01", price, symbol=symbol), Status.OPEN)


async def test_the_past_of_all_markets_is_read_at_the_same_time(open_trading, monkeypatch):
    """A long absence takes as long as the slowest market, not as long as all of them together."""
    async with open_trading() as trading:
        await two_markets(trading)
        all_asked = asyncio.Barrier(2)

        async def together(_):
            await all_asked.wait()

        past = Past(trading, monkeypatch, together)
        await trading.away_since(timedelta(days=7))
        await trading.begin_anew()
        await trading.until(trading.lane.reconciled.is_set)
        assert past.asked == {"BTC/USDT": 1, "ETH/USDT": 1}


async def test_what_was_read_of_the_past_stays_read(open_trading, monkeypatch):
    """The next run asks only the market that did not answer.

    Later events are read from the time of the first run on.
    """
    async with open_trading() as trading:
        await two_markets(trading)
        trading.paper.ledger.cancel(await trading.elsewhere("web_1"))
        silent = True

        async def one_is_silent(symbol):
            if silent and symbol == "ETH/USDT":
                raise NoAnswer("nobody is there")

        # When one of two markets does not answer
        past, began = Past(trading, monkeypatch, one_is_silent), trading.now
        assert (await trading.lane.reconcile(Occasion.FULL)).detail == "nobody is there"
        # Then the next run asks only that market for the past
        silent = False
        trading.pass_by(60)
        [found] = await trading.reconcile(Occasion.FULL)
        assert (found.symbol, found.resolution) == ("BTC/USDT", "awaited")
        assert past.asked == {"BTC/USDT": 1, "ETH/USDT": 2}
        assert trading.lane._schedule._reconciler._listings._last.at == began
        # And the run after it asks both for later events
        trading.pass_by(10)
        [found] = await trading.reconcile(Occasion.FULL)
        assert found.resolution == "adopted"
        assert past.asked == {"BTC/USDT": 2, "ETH/USDT": 3}


async def test_a_dry_run_reads_for_nobody_else(open_trading):
    """An order that ends after the dry run is found by the next reconciliation."""
    async with open_trading() as trading:
        await trading.becomes(await trading.rest(), Status.OPEN)
        assert await trading.reconcile(dry=True) == []
        trading.paper.ledger.cancel(await trading.elsewhere("web_1"))
        [found] = await trading.reconcile()
        assert found.resolution == "awaited"
