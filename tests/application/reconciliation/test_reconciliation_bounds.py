"""The bounds of a reconciliation: its time limit, the past that it reads, and what it leaves alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from application.ports.errors import NoAnswer
from application.reconciliation import reconciler as reconciliation
from domain.orders.order_status import Status
from domain.reconciliation import Occasion, Resolution

pytestmark = pytest.mark.exchanges("binance", "bitget")


@pytest.mark.parametrize("which", ["open_orders", "orders_since"])
async def test_an_exchange_that_never_answers_is_given_up(open_trading, monkeypatch, which):
    """The run fails, and the next one works as if nothing had happened."""
    monkeypatch.setattr(reconciliation, "TIMEOUT_SECONDS", 0.05)
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        trading.hold("BTC/USDT", "39000")
        trading.client.before[which] = asyncio.Event().wait
        run = await trading.lane.reconcile(Occasion.REQUEST)
        assert run.failure == "too_slow"
        assert (await trading.load(order.id)).status is Status.OPEN
        del trading.client.before[which]
        monkeypatch.setattr(reconciliation, "TIMEOUT_SECONDS", 30.0)
        await trading.reconcile()
        assert (await trading.load(order.id)).status is Status.CLOSED


@pytest.mark.parametrize(
    ("away", "made", "found"),
    [
        (timedelta(0), timedelta(minutes=9), True),
        (timedelta(0), timedelta(minutes=11), False),
        (timedelta(days=30), timedelta(days=6, hours=23), True),
        (timedelta(days=30), timedelta(days=7, hours=1), False),
    ],
)
async def test_how_far_back_ended_orders_are_looked_for(open_trading, away, made, found):
    """The past is read from ten minutes before the last look at the account, and for seven days at most."""
    async with open_trading(USDT="5000") as trading:
        await trading.becomes(await trading.rest(price="30000"), Status.OPEN)
        there = await trading.elsewhere("web_1")
        there.at -= int(made.total_seconds() * 1000)
        trading.hold("BTC/USDT", "39000")
        await trading.away_since(away)
        await trading.begin_anew()
        await trading.until(trading.lane.reconciled.is_set)
        trading.pass_by(10)
        await trading.reconcile()
        assert len(await trading.read("Order.Adopted")) == found


async def test_an_order_that_is_being_sent_this_very_moment_is_left_alone(open_trading):
    """No list shows the order yet, and its answer is on its way. It is neither queried nor in doubt."""
    async with open_trading() as trading:
        sent = asyncio.Event()
        trading.client.before["place"] = sent.wait
        order_id = await trading.rest()
        await trading.becomes(order_id, Status.SUBMITTED)
        for occasion in (Occasion.POLL, Occasion.REQUEST):
            assert await trading.reconcile(occasion) == []
            assert order_id not in trading.lane.look_ups
        sent.set()
        await trading.becomes(order_id, Status.OPEN)
        assert await trading.facts(order_id) == ["Placed", "Submitted", "Accepted"]


async def away():
    raise NoAnswer("nobody is there")


async def test_an_exchange_that_stays_away_is_told_once_each_time(open_trading):
    """A lasting outage is recorded once, however often the exchange is asked. A new outage is recorded again."""
    async with open_trading() as trading:
        for times in (1, 2):
            trading.client.before["open_orders"] = away
            for _ in range(3):
                assert (await trading.lane.reconcile(Occasion.RECONNECTION)).failure is not None
            del trading.client.before["open_orders"]
            await trading.reconcile()
            assert len(await trading.read("Reconciliation.Failed")) == times


async def test_what_cannot_be_recorded_is_left_to_a_person_and_stops_no_other(open_trading):
    """The exchange reports twice a quantity below the filled one.

    The order stays unchanged, the others are reconciled.
    """
    async with open_trading(USDT="5000") as trading:
        odd = await trading.becomes(await trading.rest(), Status.OPEN)
        there = trading.on_exchange()[-1]
        trading.paper.ledger.execute(there, Decimal("0.006"), Decimal(40000), maker=True)
        other = await trading.becomes(await trading.rest(price="41000"), Status.OPEN)
        await trading.reconcile()
        there.quantity = there.filled = Decimal("0.005")
        await trading.reconcile()
        trading.hold("BTC/USDT", "40500")
        trading.pass_by(10)
        found = {(one.order, one.resolution) for one in await trading.reconcile()}
        assert found >= {(odd.id, Resolution.DECIDE), (other.id, Resolution.RECORDED)}
        assert (await trading.load(odd.id)).quantity == Decimal("0.01")
        assert (await trading.load(other.id)).status is Status.CLOSED
