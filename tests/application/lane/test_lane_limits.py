"""Limits that a lane keeps when things go wrong: age and halts up to the last moment, one sending, pauses."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest

from application.orders import lookups
from application.orders.agenda import Task
from application.orders.lookups import PROOF_AFTER
from application.ports.errors import NotAccepted
from domain.orders.order_status import ENDED, Status
from domain.orders.wish import Source
from domain.people.broker import Broker
from domain.people.user import User

pytestmark = pytest.mark.exchanges("binance", "bitget")

DONE = ["Placed", "Submitted", "Accepted", "Filled", "Closed"]
QUICK, ENDLESS = 4, 10**6
"""The number of look-up pauses that are over at once, and the seconds of the next, which outlasts the test."""
APPEND = "EXECUTE ON FUNCTION log.append"


def too_old(trading):
    """Let more time pass than the wish has."""
    trading.pass_by(61)


def stop(kind):
    """Return a function that halts trading for the user or for the broker."""

    def stopped(trading):
        subject = trading.store.get(kind, kind.create_id(1))
        subject.stop_trading()
        trading.store.save(subject)

    return stopped


HAPPENS = {
    "its time is over": (too_old, "stale"),
    "the user stops": (stop(User), "paused"),
    "the broker stops": (stop(Broker), "paused"),
}


async def wished(trading):
    """Place an automatic order that may be sent for a minute, and return its id."""
    return await trading.wish(source=Source.WEBHOOK, cost=Decimal(500), not_after=trading.now + timedelta(seconds=60))


@pytest.mark.parametrize("what", HAPPENS)
async def test_what_may_no_longer_be_sent_once_it_is_sized_is_refused(open_trading, what):
    """The balance arrives late: meanwhile the wish has grown stale, or trading was halted."""

    happens, reason = HAPPENS[what]
    async with open_trading() as trading:

        async def meanwhile():
            await asyncio.to_thread(happens, trading)

        trading.client.before["balances"] = meanwhile
        order = await trading.becomes(await wished(trading), Status.REFUSED, Status.CLOSED)
        assert await trading.facts(order.id) == ["Placed", "Refused"]
        assert order.reason == reason
        assert not trading.client.asked["place"]


@pytest.mark.parametrize("what", HAPPENS)
async def test_what_may_no_longer_be_sent_is_not_attempted_again(open_trading, what):
    """The first attempt is proven not accepted, so the wish is refused and is not in doubt."""

    happens, reason = HAPPENS[what]
    async with open_trading() as trading:

        async def meanwhile():
            await asyncio.to_thread(happens, trading)
            raise NotAccepted("no connection", code="exchange_unreachable")

        trading.client.before["place"] = meanwhile
        order = await trading.becomes(await wished(trading), Status.REFUSED, Status.REJECTED, Status.CLOSED)
        assert await trading.facts(order.id) == ["Placed", "Submitted", "Deferred", "Refused"]
        assert order.reason == reason
        assert trading.client.asked["place"] == 1
        assert not trading.lane.doubts


async def test_what_was_cancelled_between_two_attempts_is_not_attempted_again(open_trading):
    """The first attempt is proven not accepted, so the cancel ends the order at once."""
    async with open_trading() as trading:

        async def cancelled():
            await trading.cancel(order_id)
            raise NotAccepted("no connection", code="exchange_unreachable")

        trading.client.before["place"] = cancelled
        order_id = await trading.wish(cost=Decimal(500))
        order = await trading.becomes(order_id, Status.REFUSED, Status.REJECTED, Status.UNKNOWN)
        assert (order.status, order.reason) == (Status.REFUSED, "cancelled_before_sending")


@pytest.mark.parametrize("what", ["its time is over", "a cancel"])
async def test_what_came_through_after_all_is_not_given_up(open_trading, what):
    """A proxy denies the order, but the stream reports it resting: while it rests, it is not rejected."""
    async with open_trading() as trading:
        await trading.listening()
        said_no = asyncio.Event()

        async def denied():
            await trading.until(lambda: trading.client.heard[trading.on_exchange()[0].client_order_id])
            trading.pass_by(61)
            if what == "a cancel":
                await trading.cancel(order_id)
            said_no.set()
            del trading.client.after["place"]
            raise NotAccepted("a proxy's 429", code="rate_limited")

        trading.client.after["place"] = denied
        order_id = await trading.rest(not_after=trading.now + timedelta(seconds=60 if what != "a cancel" else 600))
        await said_no.wait()
        await trading.becomes(await trading.wish(symbol="ETH/USDT", cost=Decimal(10)), *ENDED)  # after the cancel
        await trading.known()
        order, there = await trading.load(order_id), trading.on_exchange()[0]
        expected = {"new": Status.OPEN, "cancelled": Status.CANCELLED}
        assert order.status is expected[there.status]


async def test_an_intent_that_the_log_did_not_take_is_tried_again_and_sent_once(open_trading, database):
    """The log takes no events for a while. Nothing is sent meanwhile, and the order is sent once afterwards."""
    async with open_trading() as trading:
        owner = database.connect()

        async def log_is_away():
            owner.execute(f"REVOKE {APPEND} FROM aristobot_writer")

        trading.client.before["balances"] = log_is_away
        order_id = await trading.wish(cost=Decimal(500))
        await trading.until(lambda: "intent_not_recorded" in trading.log.said)
        del trading.client.before["balances"]
        assert not trading.client.asked["place"]
        owner.execute(f"GRANT {APPEND} TO aristobot_writer")
        await trading.becomes(order_id, Status.CLOSED)
        assert await trading.facts(order_id) == DONE
        assert trading.client.asked["place"] == len(trading.on_exchange()) == 1


async def test_an_intent_whose_append_lost_its_answer_is_looked_up_and_never_sent(open_trading):
    """The intent is in the log, so no later attempt sends the order."""
    async with open_trading() as trading:
        save = trading.store.save

        def lost(*aggregates, **how):
            save(*aggregates, **how)
            raise psycopg.OperationalError("the connection was lost")

        async def sized():
            trading.store.save = lost

        trading.client.before["balances"] = sized
        # When the append of an intent succeeds and its answer is lost
        order_id = await trading.wish(cost=Decimal(500))
        await trading.until(lambda: "intent_not_recorded" in trading.log.said)
        del trading.client.before["balances"]
        trading.store.save = save
        # Then the order is in doubt, and is not sent however often that is asked for
        order = await trading.becomes(order_id, Status.UNKNOWN)
        trading.lane.agenda.put(Task.SEND, order_id)
        await trading.becomes(await trading.wish(symbol="ETH/USDT", cost=Decimal(100)), Status.CLOSED)
        trading.now = order.valid_until + PROOF_AFTER
        await trading.becomes(order_id, Status.REJECTED)
        assert await trading.facts(order_id) == ["Placed", "Submitted", "Doubted", "Rejected"]
        assert trading.client.asked["place"] == len(trading.on_exchange()) == 1


async def test_a_cancel_that_keeps_failing_is_repeated_only_after_a_pause(open_trading, monkeypatch):
    """Each look-up repeats the cancel once. However often it fails, there is one look-up with growing pauses."""
    pauses = (*[0.0] * QUICK, ENDLESS)
    async with open_trading() as trading:
        monkeypatch.setattr(lookups, "PAUSES", pauses)
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        trading.fault("cancel_order", "status_500", times=ENDLESS)
        await trading.cancel(order.id)
        looks = len(pauses)
        await trading.until(lambda: trading.client.asked["cancel"] >= 1 + looks)
        for _ in range(QUICK):  # everything queued earlier is carried out first
            await trading.becomes(await trading.wish(symbol="ETH/USDT", cost=Decimal(100)), Status.CLOSED)
        assert (trading.client.asked["cancel"], trading.client.asked["query"]) == (1 + looks, looks)
        assert await trading.facts(order.id) == ["Placed", "Submitted", "Accepted", "CancelRequested"]
