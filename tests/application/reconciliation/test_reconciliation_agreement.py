"""The points on which two reports have to agree, and lists that are older than what the lane has heard."""

from __future__ import annotations

import pytest

from application.ports.errors import NoAnswer
from domain.orders.order_status import Status
from domain.reconciliation import Occasion

pytestmark = pytest.mark.exchanges("binance", "bitget")

SENT = ["Placed", "Submitted", "Accepted"]


async def away():
    raise NoAnswer("nobody is there")


async def wrongly_cancelled(trading):
    """Place an order that rests on the exchange, and record that it was cancelled."""
    order = await trading.becomes(await trading.rest(), Status.OPEN)
    await trading.say(order.id, lambda o: o.cancel("wrongly", "{}"))
    trading.lane.look_up(order.id)  # so that the lane knows of the event
    await trading.known()
    return order.id


async def test_two_statements_that_differ_agree_on_nothing(open_trading):
    """First the order rests, ten seconds later it is filled.

    The fill counts at once, its end only when it is repeated.
    """
    async with open_trading() as trading:
        order_id = await wrongly_cancelled(trading)
        await trading.reconcile()
        trading.hold("BTC/USDT", "39000")
        trading.pass_by(10)
        await trading.reconcile()
        assert await trading.facts(order_id) == [*SENT, "Cancelled", "Filled"]
        assert (await trading.load(order_id)).status is Status.CANCELLED
        trading.pass_by(10)
        await trading.reconcile()
        assert await trading.facts(order_id) == [*SENT, "Cancelled", "Filled", "Corrected"]
        assert (await trading.load(order_id)).status is Status.CLOSED


@pytest.mark.parametrize("occasion", [Occasion.POLL, Occasion.REQUEST])
async def test_what_was_heard_while_the_list_was_on_its_way_is_no_difference(open_trading, occasion):
    """The list is older than the fill that the stream reported. It contradicts nothing, and nothing is recorded."""
    async with open_trading() as trading:
        await trading.listening()
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        await trading.known()

        async def is_filled():
            trading.hold("BTC/USDT", "39000")
            await trading.becomes(order.id, Status.CLOSED)

        trading.client.after["open_orders"] = is_filled
        assert await trading.reconcile(occasion) == []
        del trading.client.after["open_orders"]
        trading.pass_by(10)
        assert await trading.reconcile(occasion) == []
        assert await trading.facts(order.id) == [*SENT, "Filled", "Closed"]


async def test_a_poll_without_an_answer_is_no_reconciliation(open_trading):
    """The run is reported as failed, and no single order is queried."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        trading.client.before["open_orders"] = away
        asked = trading.client.asked["query"]
        run = await trading.lane.reconcile(Occasion.POLL)
        assert run.detail == "nobody is there"
        assert trading.client.asked["query"] == asked
        assert await trading.facts(order.id) == SENT
