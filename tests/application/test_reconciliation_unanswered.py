"""An exchange that does not answer: nothing that is known changes, and nothing is sent until it could be asked."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from application import listings
from application.exchange import NoAnswer, RefusedByExchange
from domain.order import Status
from domain.reconciliation import Occasion

SENT = ["Placed", "Submitted", "Accepted"]


async def away():
    raise NoAnswer("nobody is there")


@pytest.mark.parametrize("which", ["open_orders", "balances", "orders_since", "query"])
def test_a_question_without_an_answer_changes_nothing(trading, which):
    """Neither flat nor gone: the orders stay as they were until somebody answers."""

    async def story():
        async with trading() as desk:
            order_id = (await desk.becomes(await desk.rest(), Status.OPEN)).id
            [there] = desk.on_exchange()
            desk.hold("BTC/USDT", "39000")
            if which == "query":
                desk.paper.ledger.orders[there.id].at -= 3_600_000  # made too long ago for the list of ended ones
            desk.client.before[which] = away
            run = await desk.lane.reconcile(Occasion.REQUEST)
            assert await desk.facts(order_id) == SENT
            if which == "query":
                assert run.failure is None  # the others were compared; this one is asked about until it is known
            else:
                assert "nobody is there" in run.failure
                kinds = [type(event).__name__ for event in await desk.read("Reconciliation")]
                assert kinds[-1] == "Failed"
            del desk.client.before[which]
            await desk.compare()
            assert await desk.facts(order_id) == [*SENT, "Filled", "Closed"]

    asyncio.run(story())


def test_nothing_is_sent_before_the_first_comparison_has_ended(trading):
    """What was wished meanwhile is sent afterwards, in its order."""

    async def story():
        async with trading() as desk:
            listed = asyncio.Event()
            desk.client.before["open_orders"] = listed.wait
            asked = desk.client.asked["open_orders"]
            await desk.begin_anew()
            first, second = await desk.rest(), await desk.rest(price="30000")
            await desk.until(lambda: desk.client.asked["open_orders"] > asked)
            assert desk.client.asked["place"] == 0
            assert not desk.lane.reconciled.is_set()
            listed.set()
            for order_id in (first, second):
                await desk.becomes(order_id, Status.OPEN)
            names = [(await desk.load(order_id)).client_order_id for order_id in (first, second)]
            assert [there.client_order_id for there in desk.on_exchange()] == names

    asyncio.run(story())


def test_an_exchange_that_refuses_a_list_has_compared_nothing(trading):
    """Whatever it refuses: a definite no to the question is no answer to it."""

    async def refused():
        raise RefusedByExchange("-1100: illegal characters", code="parameter_refused")

    async def story():
        async with trading() as desk:
            desk.client.before["open_orders"] = refused
            await desk.begin_anew()
            order_id = await desk.rest()
            await desk.asked_again("open_orders", 2)
            assert not desk.lane.reconciled.is_set()
            assert desk.client.asked["place"] == 0
            del desk.client.before["open_orders"]
            await desk.becomes(order_id, Status.OPEN)

    asyncio.run(story())


def test_while_the_exchange_is_away_the_lane_waits_and_then_sends_what_is_not_stale(trading):
    """It asks again and again; an entry that grew too old meanwhile is refused."""

    async def story():
        async with trading() as desk:
            desk.client.before["open_orders"] = away
            await desk.begin_anew()
            old = await desk.rest(not_after=desk.now + timedelta(seconds=30))
            young = await desk.rest(not_after=desk.now + timedelta(seconds=90))
            await desk.asked_again("open_orders", 1)
            desk.pass_by(60)
            assert desk.client.asked["place"] == 0
            del desk.client.before["open_orders"]
            await desk.becomes(young, Status.OPEN)
            stale = await desk.becomes(old, Status.REFUSED)
            assert stale.reason == "stale"
            assert desk.client.asked["place"] == 1

    asyncio.run(story())


POLL, SWEEP, RECONNECTION, REQUEST = Occasion.POLL, Occasion.SWEEP, Occasion.RECONNECTION, Occasion.REQUEST


@pytest.mark.parametrize(
    ("failing", "told"),
    [
        ([POLL, SWEEP], []),
        ([POLL, SWEEP, SWEEP, SWEEP, RECONNECTION], [SWEEP]),
        ([POLL, RECONNECTION, SWEEP], [RECONNECTION]),
        ([RECONNECTION, POLL, SWEEP, RECONNECTION], [RECONNECTION]),
        ([SWEEP, REQUEST, SWEEP, REQUEST], [REQUEST, REQUEST]),
    ],
)
def test_a_failure_that_lasts_is_told_once_whatever_it_began_with(trading, failing, told):
    """Quiet ones may come to nothing unheard for some seconds; a person who asks is told always."""

    async def story():
        async with trading() as desk:
            await desk.becomes(await desk.rest(), Status.OPEN)
            for _ in range(2):  # a comparison that works ends it, and the next one is told anew
                desk.client.before["open_orders"] = away
                assert (await desk.lane.reconcile(REQUEST, dry=True)).failure is not None
                for occasion in failing:
                    assert (await desk.lane.reconcile(occasion)).failure is not None
                    desk.pass_by(2.5)
                del desk.client.before["open_orders"]
                await desk.compare(SWEEP)
            events = await desk.read("Reconciliation")
            failed = {event.originator_id for event in events if type(event).__name__ == "Failed"}
            begun = [event for event in events if type(event).__name__ == "Started" and event.originator_id in failed]
            assert [event.occasion for event in begun] == told * 2

    asyncio.run(story())


def test_a_poll_that_had_nothing_to_ask_ends_no_outage(trading):
    """Without live orders it works, whoever is away: what was told is not told again."""

    async def story():
        async with trading() as desk:
            desk.client.before["open_orders"] = away
            for occasion in (RECONNECTION, POLL, RECONNECTION):
                failure = (await desk.lane.reconcile(occasion)).failure
                assert (failure is None) == (occasion is POLL)
            assert len(await desk.read("Reconciliation.Failed")) == 1

    asyncio.run(story())


@pytest.mark.parametrize(("most", "lists"), [(13, 2), (1, 1)])
def test_a_poll_asks_for_what_costs_least(trading, monkeypatch, most, lists):
    """One list per market with live orders, or one of the whole account when there are many; none without orders."""

    async def story():
        async with trading() as desk:
            monkeypatch.setattr(listings, "MOST_MARKETS", most)
            asked = desk.client.asked["open_orders"]
            await desk.lane.reconcile(Occasion.POLL)
            assert desk.client.asked["open_orders"] == asked
            for symbol, price in (("BTC/USDT", "40000"), ("ETH/USDT", "2000")):
                await desk.becomes(await desk.rest("0.01", price, symbol=symbol), Status.OPEN)
            await desk.lane.reconcile(Occasion.POLL)
            assert desk.client.asked["open_orders"] == asked + lists

    asyncio.run(story())


def test_a_poll_leaves_the_budget_to_whoever_trades(trading):
    """While more than half of the exchange's minute is used up it waits; a sweep does not."""

    async def story():
        async with trading() as desk:
            pace, moment = desk.client._http.pace, time.time() + 60
            pace.told(int(pace.limit * 0.6), moment)
            pace._clock = lambda: moment  # one minute, whenever the test runs
            asked = desk.client.asked["open_orders"]
            assert await desk.lane.reconcile(Occasion.POLL) is None
            assert desk.client.asked["open_orders"] == asked
            assert (await desk.lane.reconcile(Occasion.SWEEP)).failure is None
            pace.used = 0
            assert (await desk.lane.reconcile(Occasion.POLL)).failure is None

    asyncio.run(story())
