"""A stop that rests, but that the exchange does not know for a while: its move waits, without a storm of orders."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from application.protection import trouble
from tests.application.trader import BINANCE, HELD, LISTS, STOP

pytestmark = pytest.mark.exchanges("binance", "bitget")

HIDDEN_SECONDS = 0.6
AT_MOST = 0.1


@pytest.mark.parametrize("capabilities", [BINANCE, LISTS])
async def test_a_move_of_a_stop_that_is_not_found_is_tried_at_most_once_a_second(at, monkeypatch, capabilities):
    """Here a second is a tenth of one. The move goes through once the exchange knows the stop again."""
    monkeypatch.setattr(trouble, "AT_MOST_EVERY", AT_MOST)
    async with at(capabilities) as trader:
        await trader.buy(STOP, PrixSL="45000")
        trader.trading.show_orders(shown=False)
        await trader.deliver("MAJ", PrixSL="46000")
        await asyncio.sleep(HIDDEN_SECONDS)
        recorded = await asyncio.to_thread(trader.store.read, 0)
        sent = [one for one in recorded if one.topic == "Order.Submitted"]
        assert len(sent) <= 3 + HIDDEN_SECONDS / AT_MOST
        trader.trading.show_orders()
        await trader.protected(HELD, ("stop_loss", Decimal(46000)))
