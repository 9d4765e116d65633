"""The bounds of a comparison: how long it may take, how far back it looks, and what it leaves alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from application import reconciliation
from application.exchange import NoAnswer
from domain.order import Status
from domain.reconciliation import Occasion, Resolution


@pytest.mark.parametrize("which", ["open_orders", "orders_since"])
def test_an_exchange_that_never_answers_is_given_up(trading, monkeypatch, which):
    """The comparison has failed, and the next one is made as if nothing had been."""
    monkeypatch.setattr(reconciliation, "TIMEOUT_SECONDS", 0.05)

    async def story():
        async with trading() as desk:
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            desk.hold("BTC/USDT", "39000")
            desk.client.before[which] = asyncio.Event().wait
            run = await desk.lane.reconcile(Occasion.REQUEST)
            assert "TimeoutError" in run.failure
            assert (await desk.load(order.id)).status is Status.OPEN
            del desk.client.before[which]
            monkeypatch.setattr(reconciliation, "TIMEOUT_SECONDS", 30.0)
            await desk.compare()
            assert (await desk.load(order.id)).status is Status.CLOSED

    asyncio.run(story())


@pytest.mark.parametrize(
    ("away", "made", "found"),
    [
        (timedelta(0), timedelta(minutes=9), True),
        (timedelta(0), timedelta(minutes=11), False),
        (timedelta(days=30), timedelta(days=6, hours=23), True),
        (timedelta(days=30), timedelta(days=7, hours=1), False),
    ],
)
def test_how_far_back_ended_orders_are_looked_for(trading, away, made, found):
    """To the last look at the account and ten minutes more, and seven days at most."""

    async def story():
        async with trading(USDT="5000") as desk:
            await desk.becomes(await desk.rest(price="30000"), Status.OPEN)
            there = await desk.elsewhere("web_1")
            there.at -= int(made.total_seconds() * 1000)
            desk.hold("BTC/USDT", "39000")
            await desk.away_since(away)
            await desk.begin_anew()
            await desk.until(desk.lane.reconciled.is_set)
            desk.pass_by(10)
            await desk.compare()
            assert len(await desk.read("Order.Adopted")) == found

    asyncio.run(story())


def test_an_order_that_is_being_sent_this_very_moment_is_left_alone(trading):
    """No list shows it yet, and its answer is on its way: it is neither asked about nor in doubt."""

    async def story():
        async with trading() as desk:
            sent = asyncio.Event()
            desk.client.before["place"] = sent.wait
            order_id = await desk.rest()
            await desk.becomes(order_id, Status.SUBMITTED)
            for occasion in (Occasion.POLL, Occasion.REQUEST):
                assert await desk.compare(occasion) == []
                assert order_id not in desk.lane._look_ups
            sent.set()
            await desk.becomes(order_id, Status.OPEN)
            assert await desk.facts(order_id) == ["Placed", "Submitted", "Accepted"]

    asyncio.run(story())


async def away():
    raise NoAnswer("nobody is there")


def test_an_exchange_that_stays_away_is_told_once_each_time(trading):
    """However often it is asked meanwhile; and again when it goes away anew."""

    async def story():
        async with trading() as desk:
            for times in (1, 2):
                desk.client.before["open_orders"] = away
                for _ in range(3):
                    assert (await desk.lane.reconcile(Occasion.RECONNECTION)).failure is not None
                del desk.client.before["open_orders"]
                await desk.compare()
                assert len(await desk.read("Reconciliation.Failed")) == times

    asyncio.run(story())


def test_what_cannot_be_recorded_is_left_to_a_person_and_stops_no_other(trading):
    """Made smaller than what is filled of it, as it says twice: it stays as it is, and the others are compared."""

    async def story():
        async with trading(USDT="5000") as desk:
            odd = await desk.becomes(await desk.rest(), Status.OPEN)
            there = desk.on_exchange()[-1]
            desk.paper.ledger._trade(there, Decimal("0.006"), Decimal(40000), maker=True)
            other = await desk.becomes(await desk.rest(price="41000"), Status.OPEN)
            await desk.compare()
            there.quantity = there.filled = Decimal("0.005")
            await desk.compare()
            desk.hold("BTC/USDT", "40500")
            desk.pass_by(10)
            found = {(one.order, one.resolution) for one in await desk.compare()}
            assert found >= {(odd.id, Resolution.DECIDE), (other.id, Resolution.RECORDED)}
            assert (await desk.load(odd.id)).quantity == Decimal("0.01")
            assert (await desk.load(other.id)).status is Status.CLOSED

    asyncio.run(story())
