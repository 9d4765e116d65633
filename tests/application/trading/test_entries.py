"""The prices that an entry brings for its protection."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from domain.orders.order_status import Status
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import HELD, LISTS

pytestmark = pytest.mark.exchanges("binance", "bitget")

EXECUTED = (WebhookStatus.EXECUTED, None)


async def entry_of(trader, **fields):
    assert await trader.alert("BuyLimit", **fields) == EXECUTED
    return [order for order in trader.trading.on_exchange() if order.side == "buy"][-1]


async def test_an_entry_that_never_filled_lends_its_prices_to_no_other(at):
    """A limit buy was cancelled unfilled. The next buy brings a stop alone, and gets no target from the first."""
    async with at(LISTS) as trader:
        trading = trader.trading
        await entry_of(trader, PourCent="50", Prix="40000", PrixSL="39000", PrixTP="45000")
        [order_id] = await asyncio.to_thread(trading.store.orders_not_ended)
        await trading.cancel(order_id)
        await trading.becomes(order_id, Status.CANCELLED)
        assert await trader.alert("BuyMarket", PourCent="50", PrixSL="48000") == EXECUTED
        await trading.until(lambda: trader.resting() or trader.sold())
        assert trader.sold() == 0
        await trader.protected(HELD, ("stop_loss", Decimal(48000)))


@pytest.mark.exchanges("binance")
async def test_the_rest_of_an_entry_is_protected_also_after_its_target_has_sold_the_first_part(at):
    """The trade is complete while the limit buy still rests. Its next fill brings the same prices again."""
    async with at(LISTS) as trader:
        trading = trader.trading
        entry = await entry_of(trader, PourCent="80", Prix="40000", PrixSL="35000", PrixTP="45000")
        trading.hold("BTC/USDT", "40001")
        trading.paper.ledger.execute(entry, Decimal("0.01"), Decimal(40000), maker=True)
        await trader.protected(HELD, ("stop_loss", Decimal(35000)), ("limit", Decimal(45000)))
        trading.hold("BTC/USDT", "45000")
        await trader.closed()
        trading.hold("BTC/USDT", "40000")
        await trading.until(lambda: trader.position().is_open)
        await trader.protected(HELD, ("stop_loss", Decimal(35000)), ("limit", Decimal(45000)))


async def test_what_was_asked_for_an_entry_that_never_filled_concerns_no_other(at):
    """The entry's stop was moved while it rested, and it was cancelled. The market has since fallen below that stop."""
    async with at(LISTS) as trader:
        trading = trader.trading
        await entry_of(trader, PourCent="50", Prix="40000", PrixSL="35000")
        assert await trader.alert("MAJ", PrixSL="39000") == EXECUTED
        [order_id] = await asyncio.to_thread(trading.store.orders_not_ended)
        await trading.cancel(order_id)
        await trading.becomes(order_id, Status.CANCELLED)
        trading.hold("BTC/USDT", "38000")
        assert await trader.alert("BuyMarket", PourCent="50") == EXECUTED
        await trading.until(lambda: trader.position().is_open)
        assert trader.position().wanted is None
