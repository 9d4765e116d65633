"""Unreadable parts of an exchange's answer: they block nothing else, prove nothing, and are recorded once."""

from __future__ import annotations

from decimal import Decimal

from application.orders.lookups import PROOF_AFTER
from domain.orders.order_status import Status
from domain.reconciliation import Kind, Occasion, Resolution
from tests.application.observed import id_of

SENT = ["Placed", "Submitted", "Accepted"]
NO_NUMBER = Decimal("NaN")


async def test_an_order_that_cannot_be_read_holds_up_no_other(open_trading):
    """Ours or not, the order is left to a person.

    All others are reconciled, also after a restart, and sending goes on.
    """
    async with open_trading(USDT="5000") as trading:
        # Given two orders of ours and one placed elsewhere, and no readable stop price for the first and the last
        ours = (await trading.becomes(await trading.rest(price="30000"), Status.OPEN)).id
        other = (await trading.becomes(await trading.rest(), Status.OPEN)).id
        stranger = await trading.elsewhere("web_1", price=Decimal(29000))
        unclear = [trading.on_exchange()[0], stranger]
        for there in unclear:
            there.stop_price = NO_NUMBER
        # When the readable order is filled and all are reconciled
        trading.hold("BTC/USDT", "39000")
        found = {one.exchange_order_id: one for one in await trading.reconcile()}
        # Then the unreadable ones are left to a person, once, and the other is recorded
        for there, order_id in zip(unclear, (ours, None), strict=True):
            one = found.pop(id_of(there))
            assert (one.order, one.theirs.kind, one.resolution) == (order_id, Kind.UNREADABLE, Resolution.DECIDE)
        assert {one.order for one in found.values()} == {other}
        assert await trading.facts(other) == [*SENT, "Filled", "Closed"]
        assert await trading.facts(ours) == SENT
        for event in await trading.read("Reconciliation.DiscrepancyFound"):
            assert event.discrepancy.theirs.kind is not Kind.UNREADABLE or '"stopPrice":"NaN"' in event.raw
        assert await trading.reconcile(Occasion.FULL) == []
        # And a new lane sends orders, and adopts the order from elsewhere once it can be read
        await trading.begin_anew()
        await trading.becomes(await trading.rest(price="31000"), Status.OPEN)
        for there in unclear:
            there.stop_price = None
        [adopted] = await trading.reconcile_twice()
        assert (adopted.resolution, adopted.exchange_order_id) == (Resolution.ADOPTED, id_of(stranger))


async def test_a_list_that_cannot_be_read_as_a_whole_proves_no_absence(open_trading):
    """The unreadable part may be the order in doubt."""
    async with open_trading() as trading:
        await trading.becomes(await trading.rest(), Status.OPEN)
        [there] = trading.on_exchange()
        there.stop_price = NO_NUMBER
        trading.fault("place_order", "lose_request")
        order = await trading.becomes(await trading.rest(), Status.UNKNOWN)
        trading.now = order.valid_until + PROOF_AFTER
        await trading.asked_again("open_orders")
        assert (await trading.load(order.id)).status is Status.UNKNOWN
        there.stop_price = None
        await trading.becomes(order.id, Status.REJECTED)


async def test_executions_that_cannot_be_read_are_asked_for_until_they_can(open_trading):
    """The order stays as it was, and its neighbour is recorded.

    That its fills stay unreadable is recorded once, and again for each person who asks.
    """
    async with open_trading() as trading:
        orders = [(await trading.becomes(await trading.rest(), Status.OPEN)).id for _ in range(2)]
        trading.hold("BTC/USDT", "39000")
        unclear = next(t for t in trading.paper.ledger.trades if t.order is trading.on_exchange()[0])
        fee, unclear.fee = unclear.fee, NO_NUMBER
        found = {one.order: one.resolution for one in await trading.reconcile()}
        assert found == {orders[0]: Resolution.LOOKED_UP, orders[1]: Resolution.RECORDED}
        assert await trading.facts(orders[0]) == SENT
        for left in (Resolution.DECIDE, Resolution.UNDECIDED):
            assert [one.resolution for one in await trading.reconcile()] == [left]
        assert await trading.reconcile(Occasion.FULL) == []
        unclear.fee = fee
        await trading.becomes(orders[0], Status.CLOSED)
        assert await trading.facts(orders[0]) == [*SENT, "Filled", "Closed"]
