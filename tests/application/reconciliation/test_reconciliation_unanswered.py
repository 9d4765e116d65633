"""An exchange that does not answer: no order changes, and nothing is sent until a reconciliation has succeeded."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from application.ports.errors import NoAnswer, RefusedByExchange
from application.reconciliation import listings
from domain.orders.order_status import Status
from domain.reconciliation import Occasion

pytestmark = pytest.mark.exchanges("binance", "bitget")

SENT = ["Placed", "Submitted", "Accepted"]


async def away():
    raise NoAnswer("nobody is there")


@pytest.mark.parametrize("which", ["open_orders", "balances", "orders_since", "query"])
async def test_a_question_without_an_answer_changes_nothing(open_trading, which):
    """No answer is no information: the orders stay as they were until the exchange answers."""
    async with open_trading() as trading:
        order_id = (await trading.becomes(await trading.rest(), Status.OPEN)).id
        [there] = trading.on_exchange()
        trading.hold("BTC/USDT", "39000")
        if which == "query":
            trading.paper.ledger.orders[there.id].at -= 3_600_000  # placed too long ago for the list of ended orders
        trading.client.before[which] = away
        run = await trading.lane.reconcile(Occasion.REQUEST)
        assert await trading.facts(order_id) == SENT
        if which == "query":
            assert run.failure is None  # the others are reconciled; this one is looked up until it is known
        else:
            assert run.detail == "nobody is there"
            kinds = [type(event).__name__ for event in await trading.read("Reconciliation")]
            assert kinds[-1] == "Failed"
        del trading.client.before[which]
        await trading.reconcile()
        assert await trading.facts(order_id) == [*SENT, "Filled", "Closed"]


async def test_the_last_answer_that_was_whole_is_known(open_trading):
    """A poll that found nothing is not recorded, but counts. One without an answer, or without a question, does not."""
    async with open_trading() as trading:
        first = trading.lane.reconciled_at
        trading.pass_by(10)
        await trading.lane.reconcile(Occasion.POLL)
        assert trading.lane.reconciled_at == first
        await trading.becomes(await trading.rest(), Status.OPEN)
        await trading.lane.reconcile(Occasion.POLL)
        whole = trading.lane.reconciled_at
        assert whole is not None
        assert whole != first
        trading.client.before["open_orders"] = away
        trading.pass_by(10)
        await trading.lane.reconcile(Occasion.POLL)
        assert trading.lane.reconciled_at == whole


async def test_nothing_is_sent_before_the_first_reconciliation_has_ended(open_trading):
    """Orders placed meanwhile are sent afterwards, in their order."""
    async with open_trading() as trading:
        listed = asyncio.Event()
        trading.client.before["open_orders"] = listed.wait
        asked = trading.client.asked["open_orders"]
        await trading.begin_anew()
        first, second = await trading.rest(), await trading.rest(price="30000")
        await trading.until(lambda: trading.client.asked["open_orders"] > asked)
        assert trading.client.asked["place"] == 0
        assert not trading.lane.reconciled.is_set()
        listed.set()
        for order_id in (first, second):
            await trading.becomes(order_id, Status.OPEN)
        names = [(await trading.load(order_id)).client_order_id for order_id in (first, second)]
        assert [there.client_order_id for there in trading.on_exchange()] == names


@pytest.mark.exchanges("binance")
async def test_an_exchange_that_refuses_a_list_has_compared_nothing(open_trading):
    """A definite refusal of the query is no answer to it either."""

    async def refused():
        raise RefusedByExchange("-1100: illegal characters", code="parameter_refused")

    async with open_trading() as trading:
        trading.client.before["open_orders"] = refused
        await trading.begin_anew()
        order_id = await trading.rest()
        await trading.asked_again("open_orders", 2)
        assert not trading.lane.reconciled.is_set()
        assert trading.client.asked["place"] == 0
        del trading.client.before["open_orders"]
        await trading.becomes(order_id, Status.OPEN)


async def test_while_the_exchange_is_away_the_lane_waits_and_then_sends_what_is_not_stale(open_trading):
    """The lane asks again and again. An entry that grew stale meanwhile is refused."""
    async with open_trading() as trading:
        trading.client.before["open_orders"] = away
        await trading.begin_anew()
        old = await trading.rest(not_after=trading.now + timedelta(seconds=30))
        young = await trading.rest(not_after=trading.now + timedelta(seconds=90))
        await trading.asked_again("open_orders", 1)
        trading.pass_by(60)
        assert trading.client.asked["place"] == 0
        del trading.client.before["open_orders"]
        await trading.becomes(young, Status.OPEN)
        stale = await trading.becomes(old, Status.REFUSED)
        assert stale.reason == "stale"
        assert trading.client.asked["place"] == 1


POLL, FULL, RECONNECTION, REQUEST = Occasion.POLL, Occasion.FULL, Occasion.RECONNECTION, Occasion.REQUEST


@pytest.mark.parametrize(
    ("failing", "told"),
    [
        ([POLL, FULL], []),
        ([POLL, FULL, FULL, FULL, RECONNECTION], [FULL]),
        ([POLL, RECONNECTION, FULL], [RECONNECTION]),
        ([RECONNECTION, POLL, FULL, RECONNECTION], [RECONNECTION]),
        ([FULL, REQUEST, FULL, REQUEST], [REQUEST, REQUEST]),
    ],
)
async def test_a_failure_that_lasts_is_told_once_whatever_it_began_with(open_trading, failing, told):
    """Polls and full looks may fail for some seconds without being recorded. A person's request is always recorded."""
    async with open_trading() as trading:
        await trading.becomes(await trading.rest(), Status.OPEN)
        for _ in range(2):  # a successful run ends the outage, and the next one is recorded again
            trading.client.before["open_orders"] = away
            assert (await trading.lane.reconcile(REQUEST, dry=True)).failure is not None
            for occasion in failing:
                assert (await trading.lane.reconcile(occasion)).failure is not None
                trading.pass_by(2.5)
            del trading.client.before["open_orders"]
            await trading.reconcile(FULL)
        events = await trading.read("Reconciliation")
        failed = {event.originator_id for event in events if type(event).__name__ == "Failed"}
        begun = [event for event in events if type(event).__name__ == "Started" and event.originator_id in failed]
        assert [event.occasion for event in begun] == told * 2


async def test_a_poll_that_had_nothing_to_ask_ends_no_outage(open_trading):
    """Without live orders a poll succeeds although the exchange is away. The outage is not recorded a second time."""
    async with open_trading() as trading:
        trading.client.before["open_orders"] = away
        for occasion in (RECONNECTION, POLL, RECONNECTION):
            failure = (await trading.lane.reconcile(occasion)).failure
            assert (failure is None) == (occasion is POLL)
        assert len(await trading.read("Reconciliation.Failed")) == 1


@pytest.mark.parametrize(("most", "lists"), [(13, 2), (1, 1)])
async def test_a_poll_asks_for_what_costs_least(open_trading, monkeypatch, most, lists):
    """A poll asks for one list per market with live orders, or one of the whole account when there are many markets.

    Without live orders it asks for none.
    """
    async with open_trading() as trading:
        monkeypatch.setattr(listings, "MOST_MARKETS", most)
        asked = trading.client.asked["open_orders"]
        await trading.lane.reconcile(Occasion.POLL)
        assert trading.client.asked["open_orders"] == asked
        for symbol, price in (("BTC/USDT", "40000"), ("ETH/USDT", "2000")):
            await trading.becomes(await trading.rest("0.01", price, symbol=symbol), Status.OPEN)
        await trading.lane.reconcile(Occasion.POLL)
        assert trading.client.asked["open_orders"] == asked + lists


async def test_a_poll_leaves_the_budget_to_whoever_trades(open_trading):
    """A poll is skipped while more than half of the minute's budget is used. A full look is not."""
    async with open_trading() as trading:
        pace, moment = trading.client._http.pace, time.time() + 60
        pace.told(int(pace.limit * 0.6), moment)
        pace._clock = lambda: moment  # the same minute, whenever the test runs
        asked = trading.client.asked["open_orders"]
        assert await trading.lane.reconcile(Occasion.POLL) is None
        assert trading.client.asked["open_orders"] == asked
        assert (await trading.lane.reconcile(Occasion.FULL)).failure is None
        pace.used = 0
        assert (await trading.lane.reconcile(Occasion.POLL)).failure is None
