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
from domain.reconciliation import Fact, Occasion, Resolution

SENT = ["Placed", "Submitted", "Accepted"]
FILLED = [*SENT, "Filled", "Closed"]
NOISY = [Occasion.POLL, Occasion.FULL, Occasion.RECONNECTION, Occasion.REQUEST]


async def resting(trading, price="40000"):
    """An order that rests, and what the exchange has of it."""
    order = await trading.becomes(await trading.rest(price=price), Status.OPEN)
    return order.id, trading.on_exchange()[-1]


async def is_told(trading, order_id, there, facts):
    """The order has these facts and the exchange's trades; comparing again adds nothing."""
    assert await trading.facts(order_id) == facts
    order = await trading.load(order_id)
    assert order.fills == {str(trade.id): trade.quantity for trade in there.trades}
    for occasion in NOISY:
        trading.pass_by(10)
        assert await trading.compare(occasion) == []
    assert await trading.facts(order_id) == facts


@pytest.mark.parametrize("occasion", NOISY)
async def test_a_fill_that_nobody_heard_is_found(open_trading, occasion):
    """With the trade that the exchange names."""
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        trading.hold("BTC/USDT", "39000")
        [found] = await trading.compare(occasion)
        assert (found.order, found.resolution) == (order_id, Resolution.RECORDED)
        assert [fact.event for fact in found.facts] == ["Filled", "Closed"]
        await is_told(trading, order_id, there, FILLED)


@pytest.mark.parametrize("occasion", NOISY)
async def test_a_cancel_that_nobody_heard_is_found(open_trading, occasion):
    """Somebody took it off on the exchange's own page."""
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        trading.paper.ledger.cancel(there)
        await trading.compare(occasion)
        await is_told(trading, order_id, there, [*SENT, "Cancelled"])


@pytest.mark.parametrize("occasion", NOISY)
async def test_a_part_that_was_filled_while_nobody_listened_is_found(open_trading, occasion):
    """The rest goes on resting, and what is filled of it later is found too."""
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        trading.paper.ledger.execute(there, Decimal("0.004"), Decimal(40000), maker=True)
        await trading.compare(occasion)
        await is_told(trading, order_id, there, [*SENT, "Filled"])
        trading.hold("BTC/USDT", "39000")
        await trading.compare(occasion)
        await is_told(trading, order_id, there, [*SENT, "Filled", "Filled", "Closed"])


async def test_what_happened_while_the_platform_was_down_is_known_before_it_sends(open_trading):
    """A fill, a cancel and a part; the first wish afterwards finds them in the books."""
    async with open_trading(USDT="5000") as trading:
        orders = [await resting(trading, price) for price in ("40000", "30000", "20000")]
        (filled, _), (cancelled, there), (parted, part) = orders
        trading.lane.close()
        trading.hold("BTC/USDT", "39000")
        trading.paper.ledger.cancel(there)
        trading.paper.ledger.execute(part, Decimal("0.004"), Decimal(20000), maker=True)
        asked = trading.client.asked["place"]
        await trading.away_since(timedelta(hours=1))
        await trading.begin_anew()
        later = await trading.rest(price="10000")
        await trading.until(lambda: trading.client.asked["place"] > asked)
        assert (await trading.load(filled)).status is Status.CLOSED
        assert (await trading.load(cancelled)).status is Status.CANCELLED
        assert (await trading.load(parted)).filled == Decimal("0.004")
        await trading.becomes(later, Status.OPEN)
        lines = [line for line in trading.log.said if line.startswith("[STARTUP]")]
        assert re.fullmatch(r"\[STARTUP\] Phase 1: Fetched 1 open orders from Binance in \d+\.\d+s", lines[0])
        assert [line.partition(":")[0] for line in lines] == [f"[STARTUP] Phase {n}" for n in range(1, 6)]


# --- what is not believed at once --------------------------------------------------------------------------------


@pytest.mark.parametrize("still", [True, False])
async def test_an_end_of_ours_is_corrected_after_two_looks(open_trading, still):
    """One report moves nothing; the second, ten seconds later, reopens it and alarms its owner, if it says so again."""
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        await trading.lane.orders.say(order_id, lambda o: o.cancel("wrongly", "{}"))
        ended = [*SENT, "Cancelled"]
        [found] = await trading.compare()
        assert (found.resolution, found.facts) == (
            Resolution.AWAITED,
            (Fact("Corrected", {"ours": "cancelled", "theirs": "open"}),),
        )
        trading.pass_by(9.99)
        await trading.compare()
        assert await trading.facts(order_id) == ended
        if not still:
            trading.paper.ledger.cancel(there)
        trading.pass_by(0.01)
        await trading.compare()
        await is_told(trading, order_id, there, [*ended, "Corrected"] if still else ended)
        if still:
            alert = order_corrected((await trading.events(order_id))[-1], trading.store)
            assert [one.cause for one in alert] == [Cause.ORDER_REOPENED]
            trading.hold("BTC/USDT", "39000")
            await trading.compare()
            await is_told(trading, order_id, there, [*ended, "Corrected", "Filled", "Closed"])


@pytest.mark.parametrize("anew", [False, True], ids=["same process", "new process"])
async def test_an_order_that_was_amended_outside_stays_ours(open_trading, anew):
    """It has another size and another client id there: after two looks here too, and it is nobody else's order."""
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        trading.paper.ledger.amend(there, Decimal("0.005"), "web_1")
        if anew:
            await trading.begin_anew()
            await trading.until(trading.lane.reconciled.is_set)
        await trading.compare()
        trading.pass_by(10)
        await trading.compare()
        assert await trading.read("Order.Adopted") == []
        assert (await trading.load(order_id)).quantity == Decimal("0.005")
        await is_told(trading, order_id, there, [*SENT, "Amended"])


async def test_an_order_that_was_amended_outside_and_is_executed_needs_no_second_look(open_trading):
    """That all of it is executed explains the smaller size: nothing is missing that would be asked for."""
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        trading.paper.ledger.amend(there, Decimal("0.005"), "web_1")
        trading.hold("BTC/USDT", "39000")
        await trading.compare(Occasion.POLL)
        assert not trading.lane.look_ups
        assert (await trading.load(order_id)).quantity == Decimal("0.005")
        await is_told(trading, order_id, there, [*SENT, "Amended", "Filled", "Closed"])


@pytest.mark.parametrize("end", ["filled", "cancelled there", "cancelled by us"])
async def test_an_order_that_was_amended_outside_is_followed(open_trading, end):
    """By the exchange's own id: our client id is none of its names any more."""
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        trading.paper.ledger.amend(there, Decimal("0.005"), "web_1")
        await trading.begin_anew()
        await trading.until(trading.lane.reconciled.is_set)
        trading.pass_by(10)
        await trading.compare()
        if end == "filled":
            trading.hold("BTC/USDT", "39000")
        elif end == "cancelled there":
            trading.paper.ledger.cancel(there)
        else:
            await trading.cancel(order_id)
        state = Status.CLOSED if end == "filled" else Status.CANCELLED
        if end != "cancelled by us":
            await trading.compare(Occasion.POLL)
        await trading.becomes(order_id, state)
        assert not there.rests


async def test_one_statement_that_cannot_be_stops_no_other(open_trading):
    """It is kept for a person, once; the orders before and behind it are compared."""
    async with open_trading(USDT="5000") as trading:
        (first, _), (wrong, there), (last, parted) = [await resting(trading, p) for p in ("41000", "40000", "30000")]
        there.filled = Decimal("0.02")
        trading.hold("BTC/USDT", "40500")
        trading.paper.ledger.execute(parted, Decimal("0.004"), Decimal(30000), maker=True)
        found = {one.order: one.resolution for one in await trading.compare()}
        assert found == {first: Resolution.RECORDED, wrong: Resolution.DECIDE, last: Resolution.RECORDED}
        assert await trading.facts(first) == FILLED
        assert await trading.facts(wrong) == [*SENT, "Contradicted"]
        assert await trading.facts(last) == [*SENT, "Filled"]
        trading.pass_by(10)
        assert await trading.compare() == []


# --- what is written down -----------------------------------------------------------------------------------------


async def test_a_comparison_that_was_asked_for_tells_its_phases_and_every_difference_with_the_raw_report(open_trading):
    """A poll that finds something does so too; one that finds nothing leaves no stream, and a dry one never does."""
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        before = await trading.read("Reconciliation")
        for occasion in (Occasion.POLL, Occasion.FULL):
            await trading.compare(occasion)
        assert await trading.read("Reconciliation") == before
        trading.hold("BTC/USDT", "39000")
        head = await asyncio.to_thread(trading.store.head)
        for occasion in NOISY:
            [found] = await trading.compare(occasion, dry=True)
            assert found.order == order_id
        assert await asyncio.to_thread(trading.store.head) == head
        await trading.compare(Occasion.POLL)
        await trading.compare()
        events = (await trading.read("Reconciliation"))[len(before) :]
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
