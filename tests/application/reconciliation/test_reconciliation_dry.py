"""A dry reconciliation only reports: it appends nothing, starts nothing that would, and does not affect the next."""

from __future__ import annotations

import asyncio

import pytest

from application.reconciliation.holdings import Holdings
from domain.orders.order_status import Status
from domain.reconciliation import Occasion, Resolution

pytestmark = pytest.mark.exchanges("binance", "bitget")


async def head(trading):
    """Return the log position of the newest event."""
    return await asyncio.to_thread(trading.store.head)


@pytest.mark.parametrize("why", ["hidden", "not listed"])
async def test_a_dry_reconciliation_begins_no_look_up(open_trading, why):
    """A look-up would record what it finds, although a dry run promises to record nothing."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        await trading.known()
        trading.show_orders(shown=False)
        if why == "not listed":
            trading.delist("BTC/USDT")
        before = await head(trading)
        await trading.reconcile(dry=True)
        assert order.id not in trading.lane.look_ups
        assert await head(trading) == before


async def test_a_dry_reconciliation_is_no_second_look(open_trading):
    """The dry run does not adopt the external order, the next run that records does."""
    async with open_trading() as trading:
        await trading.elsewhere("web_1")
        await trading.reconcile()
        trading.pass_by(10)
        before = await head(trading)
        assert {found.resolution for found in await trading.reconcile(dry=True)} <= {Resolution.AWAITED}
        assert await head(trading) == before
        assert Resolution.ADOPTED in {found.resolution for found in await trading.reconcile()}


async def test_a_dry_reconciliation_repeats_no_cancel(open_trading):
    """The order rests although its cancellation was requested. Only a real run sends the cancel again."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        await trading.known()
        await trading.say(order.id, lambda o: o.request_cancel("somebody"))
        await trading.lane.orders.load(order.id)
        await trading.reconcile(dry=True)
        assert trading.lane.agenda.is_empty()
        assert trading.client.asked["cancel"] == 0
        await trading.reconcile()
        await trading.becomes(order.id, Status.CANCELLED)


async def test_a_dry_run_that_breaks_off_is_no_second_look_either(open_trading, monkeypatch):
    """Nothing that the failed dry run has seen counts as a first sighting."""
    async with open_trading() as trading:
        await trading.elsewhere("theirs")

        def broken(*_):
            raise RuntimeError("the books cannot be read")

        with monkeypatch.context() as patch:
            patch.setattr(Holdings, "compare", broken)
            with pytest.raises(RuntimeError):
                await trading.lane.reconcile(Occasion.REQUEST, dry=True)
        trading.pass_by(11)
        [found] = await trading.reconcile()
        assert found.resolution is Resolution.AWAITED
