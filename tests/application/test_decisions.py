"""What only a person decides: ending a doubt and sending a late exit; and resting orders made smaller."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from application.decisions import resolve, send_again
from application.exchange import NoAnswer
from application.lookups import ANSWERED_WITHIN, PROOF_AFTER
from domain.order import Order, Status
from domain.refusals import Impossible, NotFound
from domain.wish import Side, Source

DOUBT = ["Placed", "Submitted", "Doubted"]


@pytest.fixture
def unprovable():
    """A buy in doubt on a desk, which nothing but a person can end."""

    async def begin(desk):
        async def away():
            raise NoAnswer("no list")

        desk.client.before["orders_since"] = away
        desk.fault("place_order", "lose_request")
        return await desk.becomes(await desk.wish(cost=Decimal(100)), Status.UNKNOWN)

    return begin


def test_a_person_ends_a_doubt(trading, unprovable):
    """With a reason, under their name; the symbol is free again, and nobody else can."""

    async def story():
        async with trading(USDT="1000", BTC="1") as desk:
            doubt = await unprovable(desk)
            desk.pass_by(600)
            waiting = await desk.wish(cost=Decimal(50))
            with pytest.raises(NotFound):
                await asyncio.to_thread(resolve, desk.store, 2, doubt.id, Status.REJECTED, "not mine")
            await asyncio.to_thread(resolve, desk.store, 1, doubt.id, Status.REJECTED, "it is not there")
            desk.lane.decided(doubt.id)  # as the gateway does when it hears of it
            await desk.becomes(waiting, Status.CLOSED)
            assert await desk.facts(doubt.id) == [*DOUBT, "Resolved"]
            [*_, said] = await desk.events(doubt.id)
            assert (said.by, said.outcome, said.reason) == (1, Status.REJECTED, "it is not there")
            with pytest.raises(Impossible):
                await asyncio.to_thread(resolve, desk.store, 1, doubt.id, Status.OPEN, "second thoughts")

    asyncio.run(story())


def test_an_exit_waits_for_a_doubt_as_long_as_it_may_be_proven_and_then_for_a_person(trading, unprovable):
    """It is refused by a name of its own, and sent again on demand, once, whatever is in doubt."""

    async def story():
        async with trading(USDT="1000", BTC="1") as desk:
            doubt = await unprovable(desk)
            exit_id = await desk.wish(side=Side.SELL, quantity=Decimal("0.01"), source=Source.MANUAL)
            desk.now = doubt.valid_until + PROOF_AFTER
            await desk.asked_again("query")
            assert (await desk.load(exit_id)).status is Status.PLACED
            desk.now += timedelta(seconds=1)
            late = await desk.becomes(exit_id, Status.REFUSED)
            assert late.reason == "exit_in_doubt"
            again = [await asyncio.to_thread(send_again, desk.store, 1, late.id, desk.now) for _ in range(2)]
            assert again[0] == again[1]
            desk.lane.wish(again[0])
            sent = await desk.becomes(again[0], Status.CLOSED)
            assert (sent.filled, sent.source) == (Decimal("0.01"), late.source)
            assert desk.client.asked["place"] == 2
            with pytest.raises(Impossible):
                await asyncio.to_thread(send_again, desk.store, 1, sent.id, desk.now)

    asyncio.run(story())


async def amended(desk, order: Order, quantity: str):
    """Ask for a smaller order, as the web does."""
    until = desk.now + timedelta(seconds=desk.client.valid_for)
    await desk.say(order.id, lambda o: o.request_amend("ARISTO_smaller", Decimal(quantity), None, until))
    desk.lane.alter(order.id)


async def answered(desk, order: Order) -> Order:
    """Wait until it is known what became of the amendment."""
    while (order := await desk.load(order.id)).amendment is not None:  # noqa: ASYNC110 - it stands in the log
        await asyncio.sleep(0.01)
    return order


def test_a_resting_order_is_made_smaller(trading):
    """It keeps its place under a new client id, and both ids are its own."""

    async def story():
        async with trading() as desk:
            order = await desk.becomes(await desk.rest("0.02"), Status.OPEN)
            await amended(desk, order, "0.01")
            order = await answered(desk, order)
            assert (order.quantity, order.client_order_id) == (Decimal("0.01"), "ARISTO_smaller")
            [there] = desk.on_exchange()
            assert (there.quantity, there.client_order_id) == (Decimal("0.01"), "ARISTO_smaller")
            desk.hold("BTC/USDT", "39000")
            desk.lane.look_up(order.id)
            assert (await desk.becomes(order.id, Status.CLOSED)).filled == Decimal("0.01")

    asyncio.run(story())


@pytest.mark.parametrize(("silence", "quantity"), [("lose_answer", "0.01"), ("lose_request", "0.02")])
def test_an_amendment_without_an_answer_is_looked_up(trading, silence, quantity):
    """What the exchange shows decides; unchanged is final once the request cannot be carried out any more."""

    async def story():
        async with trading() as desk:
            order = await desk.becomes(await desk.rest("0.02"), Status.OPEN)
            desk.fault("place_order", silence)
            await amended(desk, order, "0.01")
            await desk.asked_again("query", 1)
            if silence == "lose_request":
                await desk.asked_again("query")
                asked = (await desk.load(order.id)).amendment
                assert asked is not None
                desk.now = asked.valid_until + ANSWERED_WITHIN
            order = await answered(desk, order)
            assert order.quantity == desk.on_exchange()[0].quantity == Decimal(quantity)

    asyncio.run(story())


@pytest.mark.parametrize("quantity", ["0.03", "0.02"])
def test_an_order_is_never_made_larger(trading, quantity):
    """The exchange is not even asked."""

    async def story():
        async with trading() as desk:
            order = await desk.becomes(await desk.rest("0.02"), Status.OPEN)
            await amended(desk, order, quantity)
            order = await answered(desk, order)
            assert (await desk.facts(order.id))[-1] == "AmendRejected"
            assert order.quantity == Decimal("0.02")

    asyncio.run(story())


def test_a_decision_that_an_order_was_executed_is_held_against_the_exchange(trading, unprovable):
    """Nothing is held without executions: they are asked for, and that there are none is told."""

    async def story():
        async with trading() as desk:
            doubt = await unprovable(desk)
            await asyncio.to_thread(resolve, desk.store, 1, doubt.id, Status.CLOSED, "I believe that it was executed")
            desk.lane.decided(doubt.id)
            await desk.asked_again("query")
            assert await desk.facts(doubt.id) == [*DOUBT, "Resolved"]
            desk.pass_by(31)
            while (facts := await desk.facts(doubt.id)) == [*DOUBT, "Resolved"]:
                await desk.asked_again("query", 1)
            assert facts == [*DOUBT, "Resolved", "Contradicted"]
            [*_, told] = await desk.events(doubt.id)
            assert told.reason == "executions_missing"

    asyncio.run(story())
