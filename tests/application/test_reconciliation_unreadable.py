"""What cannot be read of an exchange's answer: it stops nothing else, proves nothing, and is told once."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from application.lookups import PROOF_AFTER
from domain.order import Status
from domain.reconciliation import Occasion, Resolution

SENT = ["Placed", "Submitted", "Accepted"]
NO_NUMBER = Decimal("NaN")


def test_an_order_that_cannot_be_read_holds_up_no_other(trading):
    """Ours or not, it waits for a person; all others are compared, after a start too, and sending goes on."""

    async def story():
        async with trading(USDT="5000") as desk:
            ours = (await desk.becomes(await desk.rest(price="30000"), Status.OPEN)).id
            other = (await desk.becomes(await desk.rest(), Status.OPEN)).id
            stranger = await desk.elsewhere("web_1", price=Decimal(29000))
            unclear = [desk.on_exchange()[0], stranger]
            for there in unclear:
                there.stop_price = NO_NUMBER
            desk.hold("BTC/USDT", "39000")
            found = {one.exchange_order_id: one for one in await desk.compare()}
            for there, order_id in zip(unclear, (ours, None), strict=True):
                one = found.pop(str(there.id))
                assert (one.order, one.theirs, one.resolution) == (order_id, "unreadable", Resolution.DECIDE)
            assert {one.order for one in found.values()} == {other}
            assert await desk.facts(other) == [*SENT, "Filled", "Closed"]
            assert await desk.facts(ours) == SENT
            for event in await desk.read("Reconciliation.DiscrepancyFound"):
                assert event.discrepancy.theirs != "unreadable" or '"stopPrice":"NaN"' in event.raw
            assert await desk.compare(Occasion.SWEEP) == []
            await desk.begin_anew()
            await desk.becomes(await desk.rest(price="31000"), Status.OPEN)
            for there in unclear:
                there.stop_price = None
            [adopted] = await desk.compare_twice()
            assert (adopted.resolution, adopted.exchange_order_id) == (Resolution.ADOPTED, str(stranger.id))

    asyncio.run(story())


def test_a_list_that_cannot_be_read_as_a_whole_proves_no_absence(trading):
    """The part that nobody can read may be the order in doubt."""

    async def story():
        async with trading() as desk:
            await desk.becomes(await desk.rest(), Status.OPEN)
            [there] = desk.on_exchange()
            there.stop_price = NO_NUMBER
            desk.fault("place_order", "lose_request")
            order = await desk.becomes(await desk.rest(), Status.UNKNOWN)
            desk.now = order.valid_until + PROOF_AFTER
            await desk.asked_again("open_orders")
            assert (await desk.load(order.id)).status is Status.UNKNOWN
            there.stop_price = None
            await desk.becomes(order.id, Status.REJECTED)

    asyncio.run(story())


def test_executions_that_cannot_be_read_are_asked_for_until_they_can(trading):
    """The order stays as it was, its neighbour is recorded; that it lasts is told once, and to whoever asks."""

    async def story():
        async with trading() as desk:
            orders = [(await desk.becomes(await desk.rest(), Status.OPEN)).id for _ in range(2)]
            desk.hold("BTC/USDT", "39000")
            unclear = next(t for t in desk.paper.ledger.trades if t.order is desk.on_exchange()[0])
            fee, unclear.fee = unclear.fee, NO_NUMBER
            found = {one.order: one.resolution for one in await desk.compare()}
            assert found == {orders[0]: Resolution.LOOKED_UP, orders[1]: Resolution.RECORDED}
            assert await desk.facts(orders[0]) == SENT
            for left in (Resolution.DECIDE, Resolution.UNDECIDED):
                assert [one.resolution for one in await desk.compare()] == [left]
            assert await desk.compare(Occasion.SWEEP) == []
            unclear.fee = fee
            await desk.becomes(orders[0], Status.CLOSED)
            assert await desk.facts(orders[0]) == [*SENT, "Filled", "Closed"]

    asyncio.run(story())
