"""What the exchange has said comes into the books in the end, whatever failed on the way, and nothing else does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import psycopg
import pytest

from adapters.paper.faults import Fault
from application.exchange import NoAnswer
from application.lookups import EXPLAINED_WITHIN, PROOF_AFTER
from domain.order import Order, Status
from domain.reconciliation import Occasion
from tests.application.test_lane_reports import reports_of

SENT = ["Placed", "Submitted", "Accepted"]


async def away():
    raise NoAnswer("nobody is there")


@pytest.mark.parametrize("heard", ["stream", "poll"])
def test_a_fill_that_could_not_be_saved_is_found_again(trading, heard):
    """What the process knows is what the log knows: a failed append leaves nothing behind that hides the truth."""

    async def story():
        async with trading() as desk:
            order_id = (await desk.becomes(await desk.rest(), Status.OPEN)).id
            if heard == "stream":
                await desk.listening()
                await desk.known()
            save = desk.store.save

            def failing(*aggregates, **named):
                if any(isinstance(one, Order) and one.pending_events for one in aggregates):
                    raise psycopg.OperationalError("the disk is full")
                return save(*aggregates, **named)

            desk.store.save = failing
            desk.hold("BTC/USDT", "39000")
            if heard == "stream":
                await desk.until(lambda: "stream_ended" in desk.log.said)
            else:
                with pytest.raises(psycopg.OperationalError):
                    await desk.lane.reconcile(Occasion.POLL)
            desk.store.save = save
            await desk.compare()
            assert await desk.facts(order_id) == [*SENT, "Filled", "Closed"]

    asyncio.run(story())


def test_what_the_exchange_says_is_recorded_after_what_others_have_said(trading):
    """Its owner has asked for an end of the order since this process met it."""

    async def story():
        async with trading() as desk:
            order_id = (await desk.becomes(await desk.rest(), Status.OPEN)).id
            await desk.say(order_id, lambda order: order.request_cancel("web"))
            desk.hold("BTC/USDT", "39000")
            await desk.compare()
            assert await desk.facts(order_id) == [*SENT, "CancelRequested", "Filled", "Closed"]

    asyncio.run(story())


# --- executions that are listed late -----------------------------------------------------------------------------


@pytest.mark.parametrize("begins_anew", [False, True], ids=["by this process", "by the next one"])
def test_executions_that_are_listed_late_are_asked_for_until_they_are(trading, begins_anew):
    """The order is known to be executed before its trades are: without them nothing would hold the coins."""

    async def story():
        async with trading() as desk:
            order_id = (await desk.becomes(await desk.rest(), Status.OPEN)).id
            desk.hold("BTC/USDT", "39000")
            late, desk.paper.ledger.trades = desk.paper.ledger.trades, []
            await desk.compare(Occasion.POLL)
            assert await desk.facts(order_id) == [*SENT, "Progressed", "Closed"]
            if begins_anew:
                assert await asyncio.to_thread(desk.store.orders_unexplained) == [order_id]
                await desk.begin_anew()
            await desk.compare(Occasion.POLL)
            desk.paper.ledger.trades = late
            await desk.known()
            assert await desk.facts(order_id) == [*SENT, "Progressed", "Closed", "Filled"]
            assert await asyncio.to_thread(desk.store.orders_unexplained) == []

    asyncio.run(story())


def test_executions_that_are_never_listed_are_told_of_once(trading):
    """Half a minute after the order: then a person has to look."""

    async def story():
        async with trading() as desk:
            order_id = (await desk.becomes(await desk.rest(), Status.OPEN)).id
            desk.hold("BTC/USDT", "39000")
            desk.paper.ledger.trades = []
            await desk.compare(Occasion.POLL)
            await desk.compare(Occasion.POLL)
            await desk.asked_again("query")
            assert await desk.facts(order_id) == [*SENT, "Progressed", "Closed"]
            desk.pass_by(EXPLAINED_WITHIN.total_seconds() + 1)
            await desk.asked_again("query", 5)
            assert await desk.facts(order_id) == [*SENT, "Progressed", "Closed", "Contradicted"]
            [*_, told] = await desk.events(order_id)
            assert (told.reason, told.detail) == ("executions_missing", "0.01 executed, 0 listed")

    asyncio.run(story())


@pytest.mark.parametrize("state", [Status.CANCELLED, Status.EXPIRED, Status.REJECTED])
def test_an_end_without_a_rest_is_told_of_and_loses_no_execution(trading, state):
    """Everything was executed, so nothing was left to be cancelled: the order is closed, and the word kept."""

    async def story():
        async with trading() as desk:
            order_id = (await desk.becomes(await desk.rest(), Status.OPEN)).id
            query = desk.client.query

            async def said(*named):
                return replace(await query(*named), state=state, native_status=state.upper())

            desk.client.query = said
            desk.hold("BTC/USDT", "39000")
            for _ in range(3):
                await desk.compare(Occasion.POLL)
                desk.pass_by(10)
            assert sorted((await desk.facts(order_id))[3:]) == ["Closed", "Contradicted", "Filled"]

    asyncio.run(story())


# --- clocks and proofs -------------------------------------------------------------------------------------------


def test_an_order_that_shows_up_while_its_absence_is_being_proven_is_there(trading):
    """The stream accepts it between the lists and the verdict."""

    async def story():
        async with trading() as desk:
            desk.show_orders(shown=False)
            desk.fault("place_order", "lose_answer")
            order = await desk.becomes(await desk.rest(), Status.UNKNOWN)
            seen = asyncio.Event()

            async def meanwhile():
                if not seen.is_set():
                    seen.set()
                    [report] = reports_of(desk.on_exchange()[0])
                    await desk.lane.hear(report)

            desk.client.after["orders_since"] = meanwhile
            desk.now = order.valid_until + PROOF_AFTER
            await seen.wait()
            desk.show_orders()
            await desk.known()
            assert await desk.facts(order.id) == ["Placed", "Submitted", "Doubted", "Accepted"]

    asyncio.run(story())


def test_a_proof_of_absence_looks_at_the_exchanges_own_time(trading):
    """Its clock is two minutes behind: a list that began at our time would be empty, and prove anything."""

    async def story():
        async with trading() as desk:
            desk.paper.faults.add(Fault("query", "skew_clock", seconds=-120.0))
            await desk.client.server_time()

            async def hide():
                desk.show_orders(shown=False)

            async def show():
                desk.show_orders()

            desk.client.before |= {"query": hide, "open_orders": show}
            desk.fault("place_order", "lose_answer")
            order = await desk.becomes(await desk.wish(cost=Decimal(500)), Status.UNKNOWN)
            desk.now = order.valid_until + PROOF_AFTER
            order = await desk.becomes(order.id, Status.CLOSED, Status.REJECTED)
            assert order.status is Status.CLOSED

    asyncio.run(story())


@pytest.mark.parametrize("minutes", [-360, -6, 6, 360])
def test_executions_count_however_wrong_a_clock_is(trading, minutes):
    """Clocks differ by hours where somebody mistook the zone: the coins are there all the same."""

    async def story():
        async with trading() as desk:
            desk.paper.faults.add(Fault("query", "skew_clock", seconds=minutes * 60.0))
            await desk.client.server_time()
            order_id = (await desk.becomes(await desk.wish(cost=Decimal(500)), Status.CLOSED)).id
            assert await desk.facts(order_id) == [*SENT, "Filled", "Closed"]

    asyncio.run(story())


def test_an_order_whose_sender_died_is_in_doubt_also_while_nobody_answers(trading):
    """Its age is counted, its owner told: silence about silence would be the worst of all."""

    async def story():
        async with trading() as desk:
            order_id = (await desk.becomes(await desk.rest(), Status.OPEN)).id
            desk.fault("place_order", "lose_request")
            desk.client.before |= {"query": away, "open_orders": away}

            desk.client.before["place"] = asyncio.Event().wait  # for ever
            sent = await desk.rest(price="30000")
            await desk.becomes(sent, Status.SUBMITTED)
            await desk.begin_anew()
            await desk.asked_again("query")
            assert (await desk.load(sent)).status is Status.SUBMITTED
            desk.now = (await desk.load(sent)).valid_until
            desk.pass_by(1)
            assert (await desk.becomes(sent, Status.UNKNOWN)).reason == "nobody is there"
            assert (await desk.load(order_id)).status is Status.OPEN

    asyncio.run(story())
