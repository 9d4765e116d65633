"""Decisions that only a person takes: ending a doubt and sending a late exit; and amending resting orders."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from application.orders.agenda import Task
from application.orders.lookups import ANSWERED_WITHIN, PROOF_AFTER
from application.ports.errors import NoAnswer
from application.trading.decisions import resolve, send_again
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side, Source
from domain.refusals import Impossible, NotFound

pytestmark = pytest.mark.exchanges("binance", "bitget")

DOUBT = ["Placed", "Submitted", "Doubted"]


@pytest.fixture
def unprovable():
    """Return a function that places a buy whose doubt only a person can end."""

    async def begin(trading):
        async def away():
            raise NoAnswer("no list")

        trading.client.before["orders_since"] = away
        trading.fault("place_order", "lose_request")
        return await trading.becomes(await trading.wish(cost=Decimal(100)), Status.UNKNOWN)

    return begin


async def test_a_person_ends_a_doubt(open_trading, unprovable):
    """The decision is recorded with its reason and author, and frees the symbol. Another user cannot decide."""
    async with open_trading(USDT="1000", BTC="1") as trading:
        doubt = await unprovable(trading)
        trading.pass_by(600)
        waiting = await trading.wish(cost=Decimal(50))
        with pytest.raises(NotFound):
            await asyncio.to_thread(resolve, trading.store, 2, doubt.id, Status.REJECTED, "not mine")
        await asyncio.to_thread(resolve, trading.store, 1, doubt.id, Status.REJECTED, "it is not there")
        trading.lane.decided(doubt.id)  # as the gateway does when it hears of it
        await trading.becomes(waiting, Status.CLOSED)
        assert await trading.facts(doubt.id) == [*DOUBT, "Resolved"]
        [*_, said] = await trading.events(doubt.id)
        assert (said.by, said.outcome, said.reason) == (1, Status.REJECTED, "it is not there")
        with pytest.raises(Impossible):
            await asyncio.to_thread(resolve, trading.store, 1, doubt.id, Status.OPEN, "second thoughts")


async def test_an_exit_waits_for_a_doubt_as_long_as_it_may_be_proven_and_then_for_a_person(open_trading, unprovable):
    """The exit is refused with a reason of its own. Its owner can send it again, once, whatever is in doubt."""
    async with open_trading(USDT="1000", BTC="1") as trading:
        doubt = await unprovable(trading)
        exit_id = await trading.wish(side=Side.SELL, quantity=Decimal("0.01"), source=Source.MANUAL)
        trading.now = doubt.valid_until + PROOF_AFTER
        await trading.asked_again("query")
        assert (await trading.load(exit_id)).status is Status.PLACED
        trading.now += timedelta(seconds=1)
        late = await trading.becomes(exit_id, Status.REFUSED)
        assert late.reason == "exit_in_doubt"
        again = [await asyncio.to_thread(send_again, trading.store, 1, late.id, trading.now) for _ in range(2)]
        assert again[0] == again[1]
        trading.lane.agenda.put(Task.SEND, again[0])
        sent = await trading.becomes(again[0], Status.CLOSED)
        assert (sent.filled, sent.source) == (Decimal("0.01"), late.source)
        assert trading.client.asked["place"] == 2
        with pytest.raises(Impossible):
            await asyncio.to_thread(send_again, trading.store, 1, sent.id, trading.now)


async def amended(trading, order: Order, quantity: str):
    """Ask for a smaller quantity, as the web does."""
    until = trading.now + timedelta(seconds=trading.client.valid_for)
    await trading.say(order.id, lambda o: o.request_amend("ARISTO_smaller", Decimal(quantity), None, until))
    trading.lane.agenda.put(Task.AMEND, order.id)


async def answered(trading, order: Order) -> Order:
    """Wait until the outcome of the amendment is known; return the order."""
    while (order := await trading.load(order.id)).amendment is not None:  # noqa: ASYNC110 - it stands in the log
        await asyncio.sleep(0.01)
    return order


@pytest.mark.exchanges("binance")
async def test_a_resting_order_is_made_smaller(open_trading):
    """The order is smaller under a new client id, and both ids are known as its own."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest("0.02"), Status.OPEN)
        await amended(trading, order, "0.01")
        order = await answered(trading, order)
        assert (order.quantity, order.client_order_id) == (Decimal("0.01"), "ARISTO_smaller")
        [there] = trading.on_exchange()
        assert (there.quantity, there.client_order_id) == (Decimal("0.01"), "ARISTO_smaller")
        trading.hold("BTC/USDT", "39000")
        trading.lane.look_up(order.id)
        assert (await trading.becomes(order.id, Status.CLOSED)).filled == Decimal("0.01")


@pytest.mark.exchanges("binance")
@pytest.mark.parametrize(("silence", "quantity"), [("lose_answer", "0.01"), ("lose_request", "0.02")])
async def test_an_amendment_without_an_answer_is_looked_up(open_trading, silence, quantity):
    """The quantity shown by the exchange decides. Unchanged is final once the request can no longer be carried out."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest("0.02"), Status.OPEN)
        trading.fault("place_order", silence)
        await amended(trading, order, "0.01")
        await trading.asked_again("query", 1)
        if silence == "lose_request":
            await trading.asked_again("query")
            asked = (await trading.load(order.id)).amendment
            assert asked is not None
            trading.now = asked.valid_until + ANSWERED_WITHIN
        order = await answered(trading, order)
        assert order.quantity == trading.on_exchange()[0].quantity == Decimal(quantity)


@pytest.mark.parametrize("quantity", ["0.03", "0.02"])
async def test_an_order_is_never_made_larger(open_trading, quantity):
    """The amendment is rejected without asking the exchange."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest("0.02"), Status.OPEN)
        await amended(trading, order, quantity)
        order = await answered(trading, order)
        assert (await trading.facts(order.id))[-1] == "AmendRejected"
        assert order.quantity == Decimal("0.02")


async def test_a_decision_that_an_order_was_executed_is_held_against_the_exchange(open_trading, unprovable):
    """The person's decision alone brings no coins. Executions are queried, and their absence is recorded."""
    async with open_trading() as trading:
        doubt = await unprovable(trading)
        await asyncio.to_thread(resolve, trading.store, 1, doubt.id, Status.CLOSED, "I believe that it was executed")
        trading.lane.decided(doubt.id)
        await trading.asked_again("query")
        assert await trading.facts(doubt.id) == [*DOUBT, "Resolved"]
        trading.pass_by(31)
        while (facts := await trading.facts(doubt.id)) == [*DOUBT, "Resolved"]:
            await trading.asked_again("query", 1)
        assert facts == [*DOUBT, "Resolved", "Contradicted"]
        [*_, told] = await trading.events(doubt.id)
        assert told.reason == "executions_missing"
