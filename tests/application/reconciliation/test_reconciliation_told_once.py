"""A discrepancy that only a person can settle is recorded once, and again only for a person who asks."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.orders.order_status import Status
from domain.reconciliation import LEFT_TO_A_PERSON, Occasion, Resolution

pytestmark = pytest.mark.exchanges("binance", "bitget")


async def made_impossible(trading):
    """Make an order of ours smaller on the exchange than its filled quantity."""
    await trading.becomes(await trading.rest(), Status.OPEN)
    there = trading.on_exchange()[-1]
    trading.paper.ledger.execute(there, Decimal("0.006"), Decimal(40000), maker=True)
    await trading.reconcile()
    there.quantity = Decimal("0.0055")
    there.filled = Decimal("0.005")


async def of_no_market(trading):
    """Place an order elsewhere, in a market that the platform does not know."""
    await trading.elsewhere("web_1", "ETH/USDT", price=Decimal(2000), quantity=Decimal("0.1"))
    trading.delist("ETH/USDT")


@pytest.mark.parametrize("happens", [made_impossible, of_no_market])
async def test_what_a_person_was_told_to_settle_is_not_written_down_by_every_reconciliation(open_trading, happens):
    """The discrepancy is recorded once. A person who asks sees it each time, without another alert."""
    async with open_trading() as trading:
        await happens(trading)
        found = [*await trading.reconcile(Occasion.FULL), *await trading.reconcile_twice(Occasion.FULL)]
        assert [one.resolution for one in found if one.resolution in LEFT_TO_A_PERSON] == [Resolution.DECIDE]
        told = len(await trading.read("Reconciliation.DiscrepancyFound"))
        for occasion in (Occasion.POLL, Occasion.FULL, Occasion.RECONNECTION):
            trading.pass_by(10)
            await trading.reconcile(occasion)
        assert len(await trading.read("Reconciliation.DiscrepancyFound")) == told
        for dry in (True, False, True):
            [again] = await trading.reconcile(Occasion.REQUEST, dry=dry)
            assert again.resolution is Resolution.UNDECIDED


async def shown(trading):
    """Let the exchange show its orders again, and reconcile until the lane has seen them."""
    trading.show_orders()
    await trading.known()
    for _ in range(2):
        trading.pass_by(10)
        await trading.reconcile(Occasion.POLL)
    trading.pass_by(3600)


async def test_an_order_that_was_not_shown_for_two_moments_is_not_missing(open_trading):
    """The order was shown by every list in between, so its absence does not last."""
    async with open_trading() as trading:
        await trading.becomes(await trading.rest(), Status.OPEN)
        for _ in range(2):
            trading.show_orders(shown=False)
            found = await trading.reconcile(Occasion.POLL)
            assert [one.resolution for one in found] == [Resolution.LOOKED_UP]
            await shown(trading)


async def test_an_order_that_is_missing_again_is_told_of_again(open_trading):
    """An order that came back and goes missing once more is reported again."""
    async with open_trading() as trading:
        await trading.becomes(await trading.rest(), Status.OPEN)
        for _ in range(2):
            trading.show_orders(shown=False)
            found = []
            for _ in range(8):
                found += await trading.reconcile(Occasion.POLL)
                trading.pass_by(10)
            assert [one.resolution for one in found] == [Resolution.LOOKED_UP, Resolution.DECIDE]
            await shown(trading)


async def test_an_order_whose_market_is_gone_is_told_of_once(open_trading):
    """The order can be neither queried nor cancelled, so its owner has to look."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        trading.lane.know_markets({name: market for name, market in trading.markets.items() if name != "BTC/USDT"})
        trading.paper.ledger.cancel(trading.on_exchange()[0])
        found = []
        for _ in range(5):
            found += await trading.reconcile(Occasion.FULL)
            trading.pass_by(60)
        assert [(one.order, one.resolution) for one in found] == [(order.id, Resolution.DECIDE)]
