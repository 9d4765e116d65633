"""What two statements have to agree on, and what is no difference because we had heard more than the list says."""

from __future__ import annotations

import asyncio

import pytest

from application.exchange import NoAnswer
from domain.order import Status
from domain.reconciliation import Occasion

SENT = ["Placed", "Submitted", "Accepted"]


async def away():
    raise NoAnswer("nobody is there")


async def wrongly_cancelled(desk):
    """An order that rests on the exchange and has ended for us."""
    order = await desk.becomes(await desk.rest(), Status.OPEN)
    await desk.say(order.id, lambda o: o.cancel("wrongly", "{}"))
    desk.lane.look_up(order.id)  # so that the lane knows of it
    await desk.known()
    return order.id


def test_two_statements_that_differ_agree_on_nothing(trading):
    """First it rests, ten seconds later it is filled: the fill counts, the new end has to be said a second time."""

    async def story():
        async with trading() as desk:
            order_id = await wrongly_cancelled(desk)
            await desk.compare()
            desk.hold("BTC/USDT", "39000")
            desk.pass_by(10)
            await desk.compare()
            assert await desk.facts(order_id) == [*SENT, "Cancelled", "Filled"]
            assert (await desk.load(order_id)).status is Status.CANCELLED
            desk.pass_by(10)
            await desk.compare()
            assert await desk.facts(order_id) == [*SENT, "Cancelled", "Filled", "Corrected"]
            assert (await desk.load(order_id)).status is Status.CLOSED

    asyncio.run(story())


@pytest.mark.parametrize("occasion", [Occasion.POLL, Occasion.REQUEST])
def test_what_was_heard_while_the_list_was_on_its_way_is_no_difference(trading, occasion):
    """The list is older than the fill that the stream has told: it contradicts nothing, and nothing is written down."""

    async def story():
        async with trading() as desk:
            await desk.listening()
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            await desk.known()

            async def is_filled():
                desk.hold("BTC/USDT", "39000")
                await desk.becomes(order.id, Status.CLOSED)

            desk.client.after["open_orders"] = is_filled
            assert await desk.compare(occasion) == []
            del desk.client.after["open_orders"]
            desk.pass_by(10)
            assert await desk.compare(occasion) == []
            assert await desk.facts(order.id) == [*SENT, "Filled", "Closed"]

    asyncio.run(story())


def test_a_poll_without_an_answer_is_no_comparison(trading):
    """It says so, whatever could still be asked of single orders."""

    async def story():
        async with trading() as desk:
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            desk.client.before["open_orders"] = away
            asked = desk.client.asked["query"]
            run = await desk.lane.reconcile(Occasion.POLL)
            assert "nobody is there" in run.failure
            assert desk.client.asked["query"] == asked
            assert await desk.facts(order.id) == SENT

    asyncio.run(story())
