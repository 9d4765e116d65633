"""Recording the exchange's reports: each is recorded in the end, whatever failed on the way, and nothing else is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import psycopg
import pytest

from adapters.paper.faults import Fault
from application.orders.lookups import EXPLAINED_WITHIN, PROOF_AFTER
from application.ports.errors import NoAnswer
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.reconciliation import Occasion
from tests.application.lane.test_lane_reports import reports_of

pytestmark = pytest.mark.exchanges("binance", "bitget")

SENT = ["Placed", "Submitted", "Accepted"]


async def away():
    raise NoAnswer("nobody is there")


@pytest.mark.parametrize("heard", ["stream", "poll"])
async def test_a_fill_that_could_not_be_saved_is_found_again(open_trading, heard):
    """The process knows no more than the log: a failed append leaves nothing behind that would hide the fill."""
    async with open_trading() as trading:
        order_id = (await trading.becomes(await trading.rest(), Status.OPEN)).id
        if heard == "stream":
            await trading.listening()
            await trading.known()
        save = trading.store.save

        def failing(*aggregates, **named):
            if any(isinstance(one, Order) and one.pending_events for one in aggregates):
                raise psycopg.OperationalError("the disk is full")
            return save(*aggregates, **named)

        # When the log cannot take the fill that the stream or a poll reports
        trading.store.save = failing
        trading.hold("BTC/USDT", "39000")
        if heard == "stream":
            await trading.until(lambda: "stream_ended" in trading.log.said)
        else:
            with pytest.raises(psycopg.OperationalError):
                await trading.lane.reconcile(Occasion.POLL)
        # Then the next reconciliation finds and records it
        trading.store.save = save
        await trading.reconcile()
        assert await trading.facts(order_id) == [*SENT, "Filled", "Closed"]


async def test_what_the_exchange_says_is_recorded_after_what_others_have_said(open_trading):
    """The order's owner has requested its cancel since this process loaded it."""
    async with open_trading() as trading:
        order_id = (await trading.becomes(await trading.rest(), Status.OPEN)).id
        await trading.say(order_id, lambda order: order.request_cancel("web"))
        trading.hold("BTC/USDT", "39000")
        await trading.reconcile()
        assert await trading.facts(order_id) == [*SENT, "CancelRequested", "Filled", "Closed"]


# --- executions that are listed late -----------------------------------------------------------------------------


@pytest.mark.parametrize("begins_anew", [False, True], ids=["by this process", "by the next one"])
async def test_executions_that_are_listed_late_are_asked_for_until_they_are(open_trading, begins_anew):
    """The exchange shows the order as executed before it lists the trades, and without these the coins are not held."""
    async with open_trading() as trading:
        order_id = (await trading.becomes(await trading.rest(), Status.OPEN)).id
        trading.hold("BTC/USDT", "39000")
        late, trading.paper.ledger.trades = trading.paper.ledger.trades, []
        await trading.reconcile(Occasion.POLL)
        assert await trading.facts(order_id) == [*SENT, "Progressed", "Closed"]
        if begins_anew:
            assert await asyncio.to_thread(trading.store.orders_unexplained) == [order_id]
            await trading.begin_anew()
        await trading.reconcile(Occasion.POLL)
        trading.paper.ledger.trades = late
        await trading.known()
        assert await trading.facts(order_id) == [*SENT, "Progressed", "Closed", "Filled"]
        assert await asyncio.to_thread(trading.store.orders_unexplained) == []


async def test_executions_that_are_never_listed_are_told_of_once(open_trading):
    """When executions are still missing half a minute after the order, a contradiction is recorded for a person."""
    async with open_trading() as trading:
        order_id = (await trading.becomes(await trading.rest(), Status.OPEN)).id
        trading.hold("BTC/USDT", "39000")
        trading.paper.ledger.trades = []
        await trading.reconcile(Occasion.POLL)
        await trading.reconcile(Occasion.POLL)
        await trading.asked_again("query")
        assert await trading.facts(order_id) == [*SENT, "Progressed", "Closed"]
        trading.pass_by(EXPLAINED_WITHIN.total_seconds() + 1)
        await trading.asked_again("query", 5)
        assert await trading.facts(order_id) == [*SENT, "Progressed", "Closed", "Contradicted"]
        [*_, told] = await trading.events(order_id)
        assert (told.reason, told.values) == ("executions_missing", {"filled": "0.01", "listed": "0"})


@pytest.mark.parametrize("state", [Status.CANCELLED, Status.EXPIRED, Status.REJECTED])
async def test_an_end_without_a_rest_is_told_of_and_loses_no_execution(open_trading, state):
    """Everything was executed, so nothing was left to cancel. The order is closed, and the exchange's word recorded."""
    async with open_trading() as trading:
        order_id = (await trading.becomes(await trading.rest(), Status.OPEN)).id
        query = trading.client.query

        async def said(*named):
            return replace(await query(*named), state=state, native_status=state.upper())

        trading.client.query = said
        trading.hold("BTC/USDT", "39000")
        for _ in range(3):
            await trading.reconcile(Occasion.POLL)
            trading.pass_by(10)
        assert sorted((await trading.facts(order_id))[3:]) == ["Closed", "Contradicted", "Filled"]


# --- clocks and proofs -------------------------------------------------------------------------------------------


async def test_an_order_that_shows_up_while_its_absence_is_being_proven_is_there(open_trading):
    """The stream reports the order as accepted between the lists and the verdict."""
    async with open_trading() as trading:
        trading.show_orders(shown=False)
        trading.fault("place_order", "lose_answer")
        order = await trading.becomes(await trading.rest(), Status.UNKNOWN)
        seen = asyncio.Event()

        async def meanwhile():
            if not seen.is_set():
                seen.set()
                [report] = reports_of(trading.on_exchange()[0])
                await trading.lane.hear(report)

        trading.client.after["orders_since"] = meanwhile
        trading.now = order.valid_until + PROOF_AFTER
        await seen.wait()
        trading.show_orders()
        await trading.known()
        assert await trading.facts(order.id) == ["Placed", "Submitted", "Doubted", "Accepted"]


async def test_a_proof_of_absence_looks_at_the_exchanges_own_time(open_trading):
    """The exchange's clock is two minutes behind: a list from our time on would be empty, and prove anything."""
    async with open_trading() as trading:
        trading.paper.faults.add(Fault("query", "skew_clock", seconds=-120.0))
        await trading.client.server_time()

        async def hide():
            trading.show_orders(shown=False)

        async def show():
            trading.show_orders()

        trading.client.before |= {"query": hide, "open_orders": show}
        trading.fault("place_order", "lose_answer")
        order = await trading.becomes(await trading.wish(cost=Decimal(500)), Status.UNKNOWN)
        trading.now = order.valid_until + PROOF_AFTER
        order = await trading.becomes(order.id, Status.CLOSED, Status.REJECTED)
        assert order.status is Status.CLOSED


@pytest.mark.parametrize("minutes", [-360, -6, 6, 360])
async def test_executions_count_however_wrong_a_clock_is(open_trading, minutes):
    """Clocks differ by hours when a time zone is set wrongly. The coins are there all the same."""
    async with open_trading() as trading:
        trading.paper.faults.add(Fault("query", "skew_clock", seconds=minutes * 60.0))
        await trading.client.server_time()
        order_id = (await trading.becomes(await trading.wish(cost=Decimal(500)), Status.CLOSED)).id
        assert await trading.facts(order_id) == [*SENT, "Filled", "Closed"]


async def test_an_order_whose_sender_died_is_in_doubt_also_while_nobody_answers(open_trading):
    """The exchange gives no answer, but the doubt begins all the same: its age counts, and its owner learns of it."""
    async with open_trading() as trading:
        order_id = (await trading.becomes(await trading.rest(), Status.OPEN)).id
        trading.fault("place_order", "lose_request")
        trading.client.before |= {"query": away, "open_orders": away}

        trading.client.before["place"] = asyncio.Event().wait  # for ever
        sent = await trading.rest(price="30000")
        await trading.becomes(sent, Status.SUBMITTED)
        await trading.begin_anew()
        await trading.asked_again("query")
        assert (await trading.load(sent)).status is Status.SUBMITTED
        trading.now = (await trading.load(sent)).valid_until
        trading.pass_by(1)
        assert (await trading.becomes(sent, Status.UNKNOWN)).reason == "no_answer"
        assert (await trading.load(order_id)).status is Status.OPEN
