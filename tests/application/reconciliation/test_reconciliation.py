"""Orders of ours whose changes were not heard: a reconciliation finds them, and leaves alone what it cannot confirm."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from decimal import Decimal

import pytest

from application.alerts import order_corrected
from domain.alert import Cause
from domain.orders.order_status import Status
from domain.reconciliation import Fact, Occasion, Resolution
from tests.application.observed import id_of

pytestmark = pytest.mark.exchanges("binance", "bitget")

SENT = ["Placed", "Submitted", "Accepted"]
FILLED = [*SENT, "Filled", "Closed"]
NOISY = [Occasion.POLL, Occasion.FULL, Occasion.RECONNECTION, Occasion.REQUEST]


async def resting(trading, price="40000"):
    """Place an order that rests. Return its id and the exchange's order."""
    order = await trading.becomes(await trading.rest(price=price), Status.OPEN)
    return order.id, trading.on_exchange()[-1]


async def is_told(trading, order_id, there, facts):
    """Check that the order has these events and the exchange's trades, and that reconciling again adds nothing."""
    assert await trading.facts(order_id) == facts
    order = await trading.load(order_id)
    assert order.fills == {id_of(trade): trade.quantity for trade in there.trades}
    for occasion in NOISY:
        trading.pass_by(10)
        assert await trading.reconcile(occasion) == []
    assert await trading.facts(order_id) == facts


@pytest.mark.parametrize("occasion", NOISY)
async def test_a_fill_that_nobody_heard_is_found(open_trading, occasion):
    """The fill is recorded with the trade that the exchange names."""
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        trading.hold("BTC/USDT", "39000")
        [found] = await trading.reconcile(occasion)
        assert (found.order, found.resolution) == (order_id, Resolution.RECORDED)
        assert [fact.event for fact in found.facts] == ["Filled", "Closed"]
        await is_told(trading, order_id, there, FILLED)


@pytest.mark.parametrize("occasion", NOISY)
async def test_a_cancel_that_nobody_heard_is_found(open_trading, occasion):
    """The order was cancelled on the exchange's own page, and the end is recorded."""
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        trading.paper.ledger.cancel(there)
        await trading.reconcile(occasion)
        await is_told(trading, order_id, there, [*SENT, "Cancelled"])


@pytest.mark.parametrize("occasion", NOISY)
async def test_a_part_that_was_filled_while_nobody_listened_is_found(open_trading, occasion):
    """The rest of the order stays on the book, and its later fill is found too."""
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        trading.paper.ledger.execute(there, Decimal("0.004"), Decimal(40000), maker=True)
        await trading.reconcile(occasion)
        await is_told(trading, order_id, there, [*SENT, "Filled"])
        trading.hold("BTC/USDT", "39000")
        await trading.reconcile(occasion)
        await is_told(trading, order_id, there, [*SENT, "Filled", "Filled", "Closed"])


@pytest.mark.exchanges("binance")
async def test_what_happened_while_the_platform_was_down_is_known_before_it_sends(open_trading):
    """A fill, a cancel and a partial fill are recorded before the next order is sent."""
    async with open_trading(USDT="5000") as trading:
        # Given three resting orders
        orders = [await resting(trading, price) for price in ("40000", "30000", "20000")]
        (filled, _), (cancelled, there), (parted, part) = orders
        # When the platform is down while they are filled, cancelled and filled in part
        trading.lane.close()
        trading.hold("BTC/USDT", "39000")
        trading.paper.ledger.cancel(there)
        trading.paper.ledger.execute(part, Decimal("0.004"), Decimal(20000), maker=True)
        asked = trading.client.asked["place"]
        await trading.away_since(timedelta(hours=1))
        await trading.begin_anew()
        # And an order is placed after the start
        later = await trading.rest(price="10000")
        await trading.until(lambda: trading.client.asked["place"] > asked)
        # Then the log has all three changes once it is sent
        assert (await trading.load(filled)).status is Status.CLOSED
        assert (await trading.load(cancelled)).status is Status.CANCELLED
        assert (await trading.load(parted)).filled == Decimal("0.004")
        await trading.becomes(later, Status.OPEN)
        lines = [line for line in trading.log.said if line.startswith("[STARTUP]")]
        assert re.fullmatch(r"\[STARTUP\] Phase 1: Fetched 1 open orders from Binance in \d+\.\d+s", lines[0])
        assert [line.partition(":")[0] for line in lines] == [f"[STARTUP] Phase {n}" for n in range(1, 6)]


# --- reports that are not believed at once -----------------------------------------------------------------------


@pytest.mark.parametrize("still", [True, False])
async def test_an_end_of_ours_is_corrected_after_two_looks(open_trading, still):
    """The first report changes nothing. A second one, ten seconds later, reopens the order and alerts its owner.

    Without a second report that says the same nothing is corrected.
    """
    async with open_trading() as trading:
        # Given a resting order that the log has as cancelled
        order_id, there = await resting(trading)
        await trading.lane.orders.say(order_id, lambda o: o.cancel("wrongly", "{}"))
        ended = [*SENT, "Cancelled"]
        # When one report contradicts the log, then nothing is corrected within ten seconds
        [found] = await trading.reconcile()
        assert (found.resolution, found.facts) == (
            Resolution.AWAITED,
            (Fact("Corrected", {"ours": "cancelled", "theirs": "open"}),),
        )
        trading.pass_by(9.99)
        await trading.reconcile()
        assert await trading.facts(order_id) == ended
        # When the second report agrees or not, then only an agreed one reopens the order
        if not still:
            trading.paper.ledger.cancel(there)
        trading.pass_by(0.01)
        await trading.reconcile()
        await is_told(trading, order_id, there, [*ended, "Corrected"] if still else ended)
        if still:
            alert = order_corrected((await trading.events(order_id))[-1], trading.store)
            assert [one.cause for one in alert] == [Cause.ORDER_REOPENED]
            trading.hold("BTC/USDT", "39000")
            await trading.reconcile()
            await is_told(trading, order_id, there, [*ended, "Corrected", "Filled", "Closed"])


@pytest.mark.parametrize("anew", [False, True], ids=["same process", "new process"])
async def test_an_order_that_was_amended_outside_stays_ours(open_trading, anew):
    """The order has another quantity and another client id there. After two looks the log has the new quantity.

    The order is not adopted as an external one.
    """
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        trading.paper.ledger.amend(there, Decimal("0.005"), "web_1")
        if anew:
            await trading.begin_anew()
            await trading.until(trading.lane.reconciled.is_set)
        await trading.reconcile()
        trading.pass_by(10)
        await trading.reconcile()
        assert await trading.read("Order.Adopted") == []
        assert (await trading.load(order_id)).quantity == Decimal("0.005")
        await is_told(trading, order_id, there, [*SENT, "Amended"])


async def test_an_order_that_was_amended_outside_and_is_executed_needs_no_second_look(open_trading):
    """The order is filled completely, which explains the smaller quantity: no fill is missing that needs a look-up."""
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        trading.paper.ledger.amend(there, Decimal("0.005"), "web_1")
        trading.hold("BTC/USDT", "39000")
        await trading.reconcile(Occasion.POLL)
        assert not trading.lane.look_ups
        assert (await trading.load(order_id)).quantity == Decimal("0.005")
        await is_told(trading, order_id, there, [*SENT, "Amended", "Filled", "Closed"])


@pytest.mark.parametrize("end", ["filled", "cancelled there", "cancelled by us"])
async def test_an_order_that_was_amended_outside_is_followed(open_trading, end):
    """The order is followed by the exchange's own id, as it no longer has our client id."""
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        trading.paper.ledger.amend(there, Decimal("0.005"), "web_1")
        await trading.begin_anew()
        await trading.until(trading.lane.reconciled.is_set)
        trading.pass_by(10)
        await trading.reconcile()
        if end == "filled":
            trading.hold("BTC/USDT", "39000")
        elif end == "cancelled there":
            trading.paper.ledger.cancel(there)
        else:
            await trading.cancel(order_id)
        state = Status.CLOSED if end == "filled" else Status.CANCELLED
        if end != "cancelled by us":
            await trading.reconcile(Occasion.POLL)
        await trading.becomes(order_id, state)
        assert not there.rests


async def test_one_statement_that_cannot_be_stops_no_other(open_trading):
    """The impossible report is left to a person, once. The orders before and behind it are reconciled."""
    async with open_trading(USDT="5000") as trading:
        (first, _), (wrong, there), (last, parted) = [await resting(trading, p) for p in ("41000", "40000", "30000")]
        there.filled = Decimal("0.02")
        trading.hold("BTC/USDT", "40500")
        trading.paper.ledger.execute(parted, Decimal("0.004"), Decimal(30000), maker=True)
        found = {one.order: one.resolution for one in await trading.reconcile()}
        assert found == {first: Resolution.RECORDED, wrong: Resolution.DECIDE, last: Resolution.RECORDED}
        assert await trading.facts(first) == FILLED
        assert await trading.facts(wrong) == [*SENT, "Contradicted"]
        assert await trading.facts(last) == [*SENT, "Filled"]
        trading.pass_by(10)
        assert await trading.reconcile() == []


# --- what is recorded ---------------------------------------------------------------------------------------------


@pytest.mark.exchanges("binance")
async def test_a_requested_reconciliation_tells_its_phases_and_every_difference_with_the_raw_report(
    open_trading,
):
    """A poll that finds something is recorded too.

    One that finds nothing leaves no stream, and a dry run never does.
    """
    async with open_trading() as trading:
        order_id, there = await resting(trading)
        # Given runs that find nothing and leave no stream
        before = await trading.read("Reconciliation")
        for occasion in (Occasion.POLL, Occasion.FULL):
            await trading.reconcile(occasion)
        assert await trading.read("Reconciliation") == before
        trading.hold("BTC/USDT", "39000")
        # When a fill is found by dry runs, by a poll, and then by a request that finds nothing more
        head = await asyncio.to_thread(trading.store.head)
        for occasion in NOISY:
            [found] = await trading.reconcile(occasion, dry=True)
            assert found.order == order_id
        assert await asyncio.to_thread(trading.store.head) == head
        await trading.reconcile(Occasion.POLL)
        await trading.reconcile()
        # Then the poll and the request have left a stream each
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
