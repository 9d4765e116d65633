"""Orders of ours whose news nobody heard: a comparison finds them, and what it cannot believe or ask it leaves."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from decimal import Decimal

import pytest

from application.alerts import order_corrected
from domain.alert import Cause
from domain.order import Status
from domain.reconciliation import Occasion, Resolution

SENT = ["Placed", "Submitted", "Accepted"]
FILLED = [*SENT, "Filled", "Closed"]
NOISY = [Occasion.POLL, Occasion.SWEEP, Occasion.RECONNECTION, Occasion.REQUEST]


async def resting(desk, price="40000"):
    """An order that rests, and what the exchange has of it."""
    order = await desk.becomes(await desk.rest(price=price), Status.OPEN)
    return order.id, desk.on_exchange()[-1]


async def is_told(desk, order_id, there, facts):
    """The order has these facts and the exchange's trades; comparing again adds nothing."""
    assert await desk.facts(order_id) == facts
    order = await desk.load(order_id)
    assert order.fills == {str(trade.id): trade.quantity for trade in there.trades}
    for occasion in NOISY:
        desk.pass_by(10)
        assert await desk.compare(occasion) == []
    assert await desk.facts(order_id) == facts


@pytest.mark.parametrize("occasion", NOISY)
def test_a_fill_that_nobody_heard_is_found(trading, occasion):
    """With the trade that the exchange names."""

    async def story():
        async with trading() as desk:
            order_id, there = await resting(desk)
            desk.hold("BTC/USDT", "39000")
            [found] = await desk.compare(occasion)
            assert (found.order, found.resolution) == (order_id, Resolution.RECORDED)
            assert [fact.split()[0] for fact in found.facts] == ["Filled", "Closed"]
            await is_told(desk, order_id, there, FILLED)

    asyncio.run(story())


@pytest.mark.parametrize("occasion", NOISY)
def test_a_cancel_that_nobody_heard_is_found(trading, occasion):
    """Somebody took it off on the exchange's own page."""

    async def story():
        async with trading() as desk:
            order_id, there = await resting(desk)
            desk.paper.ledger.cancel(there)
            await desk.compare(occasion)
            await is_told(desk, order_id, there, [*SENT, "Cancelled"])

    asyncio.run(story())


@pytest.mark.parametrize("occasion", NOISY)
def test_a_part_that_was_filled_while_nobody_listened_is_found(trading, occasion):
    """The rest goes on resting, and what is filled of it later is found too."""

    async def story():
        async with trading() as desk:
            order_id, there = await resting(desk)
            desk.paper.ledger._trade(there, Decimal("0.004"), Decimal(40000), maker=True)
            await desk.compare(occasion)
            await is_told(desk, order_id, there, [*SENT, "Filled"])
            desk.hold("BTC/USDT", "39000")
            await desk.compare(occasion)
            await is_told(desk, order_id, there, [*SENT, "Filled", "Filled", "Closed"])

    asyncio.run(story())


def test_what_happened_while_the_platform_was_down_is_known_before_it_sends(trading):
    """A fill, a cancel and a part; the first wish afterwards finds them in the books."""

    async def story():
        async with trading(USDT="5000") as desk:
            orders = [await resting(desk, price) for price in ("40000", "30000", "20000")]
            (filled, _), (cancelled, there), (parted, part) = orders
            desk.lane.stop()
            desk.hold("BTC/USDT", "39000")
            desk.paper.ledger.cancel(there)
            desk.paper.ledger._trade(part, Decimal("0.004"), Decimal(20000), maker=True)
            asked = desk.client.asked["place"]
            await desk.away_since(timedelta(hours=1))
            await desk.begin_anew()
            later = await desk.rest(price="10000")
            await desk.until(lambda: desk.client.asked["place"] > asked)
            assert (await desk.load(filled)).status is Status.CLOSED
            assert (await desk.load(cancelled)).status is Status.CANCELLED
            assert (await desk.load(parted)).filled == Decimal("0.004")
            await desk.becomes(later, Status.OPEN)
            lines = [line for line in desk.log.said if line.startswith("[STARTUP]")]
            assert re.fullmatch(r"\[STARTUP\] Phase 1: Fetched 1 open orders from Binance in \d+\.\d+s", lines[0])
            assert [line.partition(":")[0] for line in lines] == [f"[STARTUP] Phase {n}" for n in range(1, 6)]

    asyncio.run(story())


# --- what is not believed at once --------------------------------------------------------------------------------


@pytest.mark.parametrize("still", [True, False])
def test_an_end_of_ours_is_corrected_after_two_looks(trading, still):
    """One report moves nothing; the second, ten seconds later, reopens it and alarms its owner, if it says so again."""

    async def story():
        async with trading() as desk:
            order_id, there = await resting(desk)
            await desk.lane._desk.recording.say(order_id, lambda o: o.cancel("wrongly", "{}"))
            ended = [*SENT, "Cancelled"]
            [found] = await desk.compare()
            assert (found.resolution, found.facts) == (Resolution.AWAITED, ("Corrected open instead of cancelled",))
            desk.pass_by(9.99)
            await desk.compare()
            assert await desk.facts(order_id) == ended
            if not still:
                desk.paper.ledger.cancel(there)
            desk.pass_by(0.01)
            await desk.compare()
            await is_told(desk, order_id, there, [*ended, "Corrected"] if still else ended)
            if still:
                alert = order_corrected((await desk.events(order_id))[-1], desk.store)
                assert [one.cause for one in alert] == [Cause.ORDER_REOPENED]
                desk.hold("BTC/USDT", "39000")
                await desk.compare()
                await is_told(desk, order_id, there, [*ended, "Corrected", "Filled", "Closed"])

    asyncio.run(story())


@pytest.mark.parametrize("anew", [False, True], ids=["same process", "new process"])
def test_an_order_that_was_amended_outside_stays_ours(trading, anew):
    """It has another size and another client id there: after two looks here too, and it is nobody else's order."""

    async def story():
        async with trading() as desk:
            order_id, there = await resting(desk)
            desk.paper.ledger.amend(there, Decimal("0.005"), "web_1")
            if anew:
                await desk.begin_anew()
                await desk.until(desk.lane.reconciled.is_set)
            await desk.compare()
            desk.pass_by(10)
            await desk.compare()
            assert await desk.read("Order.Adopted") == []
            assert (await desk.load(order_id)).quantity == Decimal("0.005")
            await is_told(desk, order_id, there, [*SENT, "Amended"])

    asyncio.run(story())


def test_an_order_that_was_amended_outside_and_is_executed_needs_no_second_look(trading):
    """That all of it is executed explains the smaller size: nothing is missing that would be asked for."""

    async def story():
        async with trading() as desk:
            order_id, there = await resting(desk)
            desk.paper.ledger.amend(there, Decimal("0.005"), "web_1")
            desk.hold("BTC/USDT", "39000")
            await desk.compare(Occasion.POLL)
            assert not desk.lane._look_ups
            assert (await desk.load(order_id)).quantity == Decimal("0.005")
            await is_told(desk, order_id, there, [*SENT, "Amended", "Filled", "Closed"])

    asyncio.run(story())


@pytest.mark.parametrize("end", ["filled", "cancelled there", "cancelled by us"])
def test_an_order_that_was_amended_outside_is_followed(trading, end):
    """By the exchange's own id: our client id is none of its names any more."""

    async def story():
        async with trading() as desk:
            order_id, there = await resting(desk)
            desk.paper.ledger.amend(there, Decimal("0.005"), "web_1")
            await desk.begin_anew()
            await desk.until(desk.lane.reconciled.is_set)
            desk.pass_by(10)
            await desk.compare()
            if end == "filled":
                desk.hold("BTC/USDT", "39000")
            elif end == "cancelled there":
                desk.paper.ledger.cancel(there)
            else:
                await desk.cancel(order_id)
            state = Status.CLOSED if end == "filled" else Status.CANCELLED
            if end != "cancelled by us":
                await desk.compare(Occasion.POLL)
            await desk.becomes(order_id, state)
            assert not there.rests

    asyncio.run(story())


def test_one_statement_that_cannot_be_stops_no_other(trading):
    """It is kept for a person, once; the orders before and behind it are compared."""

    async def story():
        async with trading(USDT="5000") as desk:
            (first, _), (wrong, there), (last, parted) = [await resting(desk, p) for p in ("41000", "40000", "30000")]
            there.filled = Decimal("0.02")
            desk.hold("BTC/USDT", "40500")
            desk.paper.ledger._trade(parted, Decimal("0.004"), Decimal(30000), maker=True)
            found = {one.order: one.resolution for one in await desk.compare()}
            assert found == {first: Resolution.RECORDED, wrong: Resolution.DECIDE, last: Resolution.RECORDED}
            assert await desk.facts(first) == FILLED
            assert await desk.facts(wrong) == [*SENT, "Contradicted"]
            assert await desk.facts(last) == [*SENT, "Filled"]
            desk.pass_by(10)
            assert await desk.compare() == []

    asyncio.run(story())


# --- what is written down -----------------------------------------------------------------------------------------


def test_a_comparison_that_was_asked_for_tells_its_phases_and_every_difference_with_the_raw_report(trading):
    """A poll that finds something does so too; one that finds nothing leaves no stream, and a dry one never does."""

    async def story():
        async with trading() as desk:
            order_id, there = await resting(desk)
            before = await desk.read("Reconciliation")
            for occasion in (Occasion.POLL, Occasion.SWEEP):
                await desk.compare(occasion)
            assert await desk.read("Reconciliation") == before
            desk.hold("BTC/USDT", "39000")
            head = await asyncio.to_thread(desk.store.head)
            for occasion in NOISY:
                [found] = await desk.compare(occasion, dry=True)
                assert found.order == order_id
            assert await asyncio.to_thread(desk.store.head) == head
            await desk.compare(Occasion.POLL)
            await desk.compare()
            events = (await desk.read("Reconciliation"))[len(before) :]
            quiet, asked = (
                [e for e in events if e.originator_id == run] for run in dict.fromkeys(e.originator_id for e in events)
            )
            phases = ["PhaseCompleted"] * 5
            assert [type(e).__name__ for e in quiet] == ["Started", "DiscrepancyFound", *phases, "Completed"]
            assert [type(e).__name__ for e in asked] == ["Started", *phases, "Completed"]
            assert (quiet[0].occasion, asked[0].occasion) == (Occasion.POLL, Occasion.REQUEST)
            assert [e.phase for e in quiet[2:7]] == ["fetch", "match", "external", "restore", "audit"]
            assert quiet[1].discrepancy.order == order_id
            assert f'"orderId":{there.id}' in quiet[1].raw.replace(" ", "")
            assert {e.metadata["source"] for e in events} == {"reconciliation"}

    asyncio.run(story())
