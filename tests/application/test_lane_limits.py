"""Limits that a lane keeps while things go wrong: age and stops up to the last moment, one sending, pauses."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest

from application import lookups
from application.exchange import NotAccepted
from application.lookups import PROOF_AFTER
from domain.broker import Broker
from domain.order import ENDED, Status
from domain.user import User
from domain.wish import Source

DONE = ["Placed", "Submitted", "Accepted", "Filled", "Closed"]
QUICK, ENDLESS = 4, 10**6
"""So many pauses of a look-up are over at once in the test about them, and the next one for as long as it lasts."""
APPEND = "EXECUTE ON FUNCTION log.append"


def too_old(desk):
    """More time goes by than the wish has."""
    desk.pass_by(61)


def stop(kind):
    """Somebody stops trading for the user or for the broker."""

    def stopped(desk):
        subject = desk.store.get(kind, kind.create_id(1))
        subject.stop_trading()
        desk.store.save(subject)

    return stopped


HAPPENS = {
    "its time is over": (too_old, "stale"),
    "the user stops": (stop(User), "paused"),
    "the broker stops": (stop(Broker), "paused"),
}


async def wished(desk):
    """An order that came by itself and may be sent for a minute."""
    return await desk.wish(source=Source.WEBHOOK, cost=Decimal(500), not_after=desk.now + timedelta(seconds=60))


@pytest.mark.parametrize("what", HAPPENS)
def test_what_may_no_longer_be_sent_once_it_is_sized_is_refused(trading, what):
    """The exchange took its time to tell the balance."""

    happens, reason = HAPPENS[what]

    async def story():
        async with trading() as desk:

            async def meanwhile():
                await asyncio.to_thread(happens, desk)

            desk.client.before["balances"] = meanwhile
            order = await desk.becomes(await wished(desk), Status.REFUSED, Status.CLOSED)
            assert await desk.facts(order.id) == ["Placed", "Refused"]
            assert order.reason == reason
            assert not desk.client.asked["place"]

    asyncio.run(story())


@pytest.mark.parametrize("what", HAPPENS)
def test_what_may_no_longer_be_sent_is_not_attempted_again(trading, what):
    """The first attempt is proven not to have been accepted: the wish is refused, and it is no doubt."""

    happens, reason = HAPPENS[what]

    async def story():
        async with trading() as desk:

            async def meanwhile():
                await asyncio.to_thread(happens, desk)
                raise NotAccepted("no connection", code="exchange_unreachable")

            desk.client.before["place"] = meanwhile
            order = await desk.becomes(await wished(desk), Status.REFUSED, Status.REJECTED, Status.CLOSED)
            assert await desk.facts(order.id) == ["Placed", "Submitted", "Deferred", "Refused"]
            assert order.reason == reason
            assert desk.client.asked["place"] == 1
            assert not desk.lane.doubts

    asyncio.run(story())


def test_what_was_cancelled_between_two_attempts_is_not_attempted_again(trading):
    """The first attempt is proven not to have been accepted, so its end is known at once."""

    async def story():
        async with trading() as desk:

            async def cancelled():
                await desk.cancel(order_id)
                raise NotAccepted("no connection", code="exchange_unreachable")

            desk.client.before["place"] = cancelled
            order_id = await desk.wish(cost=Decimal(500))
            order = await desk.becomes(order_id, Status.REFUSED, Status.REJECTED, Status.UNKNOWN)
            assert (order.status, order.reason) == (Status.REFUSED, "cancelled_before_sending")

    asyncio.run(story())


@pytest.mark.parametrize("what", ["its time is over", "a cancel"])
def test_what_came_through_after_all_is_not_given_up(trading, what):
    """Somebody on the way says no, but the stream says that it rests: as long as it does, it is not rejected."""

    async def story():
        async with trading() as desk:
            await desk.listening()
            said_no = asyncio.Event()

            async def denied():
                await desk.until(lambda: desk.client.heard[desk.on_exchange()[0].client_order_id])
                desk.pass_by(61)
                if what == "a cancel":
                    await desk.cancel(order_id)
                said_no.set()
                del desk.client.after["place"]
                raise NotAccepted("a proxy's 429", code="rate_limited")

            desk.client.after["place"] = denied
            order_id = await desk.rest(not_after=desk.now + timedelta(seconds=60 if what != "a cancel" else 600))
            await said_no.wait()
            await desk.becomes(await desk.wish(symbol="ETH/USDT", cost=Decimal(10)), *ENDED)  # behind the cancel
            await desk.known()
            order, there = await desk.load(order_id), desk.on_exchange()[0]
            expected = {"new": Status.OPEN, "cancelled": Status.CANCELLED}
            assert order.status is expected[there.status]

    asyncio.run(story())


def test_an_intent_that_the_log_did_not_take_is_tried_again_and_sent_once(trading, database):
    """For a while the log takes nothing; nothing is sent meanwhile, and the order is not forgotten."""

    async def story():
        async with trading() as desk:
            owner = database.connect()

            async def log_is_away():
                owner.execute(f"REVOKE {APPEND} FROM aristobot_writer")

            desk.client.before["balances"] = log_is_away
            order_id = await desk.wish(cost=Decimal(500))
            await desk.until(lambda: "intent_not_recorded" in desk.log.said)
            del desk.client.before["balances"]
            assert not desk.client.asked["place"]
            owner.execute(f"GRANT {APPEND} TO aristobot_writer")
            await desk.becomes(order_id, Status.CLOSED)
            assert await desk.facts(order_id) == DONE
            assert desk.client.asked["place"] == len(desk.on_exchange()) == 1

    asyncio.run(story())


def test_an_intent_whose_append_lost_its_answer_is_looked_up_and_never_sent(trading):
    """It stands in the log, so whoever tries again leaves it alone."""

    async def story():
        async with trading() as desk:
            save = desk.store.save

            def lost(*aggregates, **how):
                save(*aggregates, **how)
                raise psycopg.OperationalError("the connection was lost")

            async def sized():
                desk.store.save = lost

            desk.client.before["balances"] = sized
            order_id = await desk.wish(cost=Decimal(500))
            await desk.until(lambda: "intent_not_recorded" in desk.log.said)
            del desk.client.before["balances"]
            desk.store.save = save
            order = await desk.becomes(order_id, Status.UNKNOWN)
            desk.lane.wish(order_id)
            await desk.becomes(await desk.wish(symbol="ETH/USDT", cost=Decimal(100)), Status.CLOSED)
            desk.now = order.valid_until + PROOF_AFTER
            await desk.becomes(order_id, Status.REJECTED)
            assert await desk.facts(order_id) == ["Placed", "Submitted", "Doubted", "Rejected"]
            assert desk.client.asked["place"] == len(desk.on_exchange()) == 1

    asyncio.run(story())


def test_a_cancel_that_keeps_failing_is_repeated_only_after_a_pause(trading, monkeypatch):
    """One for every look-up; the look-ups stay one row with growing pauses, however often the cancel fails."""
    pauses = (*[0.0] * QUICK, ENDLESS)

    async def story():
        async with trading() as desk:
            monkeypatch.setattr(lookups, "PAUSES", pauses)
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            desk.fault("cancel_order", "status_500", times=ENDLESS)
            await desk.cancel(order.id)
            looks = len(pauses)
            await desk.until(lambda: desk.client.asked["cancel"] >= 1 + looks)
            for _ in range(QUICK):  # whatever else was queued is carried out before these
                await desk.becomes(await desk.wish(symbol="ETH/USDT", cost=Decimal(100)), Status.CLOSED)
            assert (desk.client.asked["cancel"], desk.client.asked["query"]) == (1 + looks, looks)
            assert await desk.facts(order.id) == ["Placed", "Submitted", "Accepted", "CancelRequested"]

    asyncio.run(story())
