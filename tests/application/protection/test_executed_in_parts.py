"""Protection of what is left after an order was filled in part."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from application.ports.errors import NotAccepted, OrderNotFound
from domain.alert import Cause
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import HELD, LISTS, PART, STOP, TARGET, alarms, exchange_away


@pytest.mark.parametrize("away", ["tickers", "cancel_list"])
async def test_its_owner_is_alarmed_when_a_target_that_has_sold_a_part_is_all_that_rests(at, away):
    """The stop is gone, and the price cannot be asked for, or the target cannot be cancelled to place both again."""
    async with at(LISTS) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        asked = getattr(trading.client, away)
        setattr(trading.client, away, exchange_away)
        trader.target_is_met()
        await trading.until(lambda: "lane_failed" in trading.log.said)
        trading.pass_by(5)
        await trading.until(lambda: trading.store.read(0, topics=["Alert.Raised"]))
        assert await alarms(trading) == [Cause.POSITION_UNPROTECTED]
        setattr(trading.client, away, asked)
        await trader.protected(HELD - PART, STOP, TARGET)


async def test_a_leg_that_outlives_its_list_is_taken_off_by_itself(at):
    """The target is filled in part and rests, but the exchange no longer knows its list.

    It is cancelled as a single order.
    """
    async with at(LISTS) as trader:
        trading, cancel_list = trader.trading, trader.trading.client.cancel_list
        await trader.buy(STOP, TARGET)
        [target] = [order for order in trader.sells() if order.type == "limit"]

        async def unless_done(credentials, market, list_id):
            if target.filled:
                raise OrderNotFound("-2011: Unknown order list sent.", code="order_not_found")
            return await cancel_list(credentials, market, list_id)

        trading.client.cancel_list = unless_done
        trader.target_is_met()
        await trader.protected(HELD - PART, STOP, TARGET)


async def test_a_move_that_is_refused_while_only_a_target_rests_leaves_the_stop_in_force(at):
    """The target has sold a part, which ended its stop. The stop comes back although a move to another is refused."""
    async with at(LISTS) as trader:
        trading, tickers = trader.trading, trader.trading.client.tickers
        await trader.buy(STOP, TARGET)
        trading.client.tickers = exchange_away  # the price cannot be asked for before the move is requested
        trader.target_is_met()
        await trading.until(lambda: trader.position().held < HELD)
        moving = asyncio.create_task(trader.alert("MAJ", PrixSL="51000"))
        await trading.until(lambda: trader.position().request)
        trading.client.tickers = tickers
        assert await moving == (WebhookStatus.FAILED, "market_below_stop")
        await trader.protected(HELD - PART, STOP, TARGET)


async def test_a_second_execution_is_protected_too_when_the_exchange_first_refuses_that(at):
    """The alert named a price between two ticks, so the resting stop differs slightly from the wanted one."""
    async with at(LISTS) as trader:
        trading, place_list, refused = trader.trading, trader.trading.client.place_list, []
        # Given an entry whose first fill is protected
        await trader.alert("BuyLimit", PourCent="80", Prix="40000", PrixSL="35000.004", PrixTP="60000")
        [entry] = trading.on_exchange()
        trading.hold("BTC/USDT", "40001")
        trading.paper.ledger.execute(entry, Decimal("0.01"), Decimal(40000), maker=True)
        stop = ("stop_loss", Decimal(35000))
        await trader.protected(HELD, stop, TARGET)

        async def busy_once(*named):
            if not refused:
                refused.append(named)
                raise NotAccepted("-1015: Too many new orders.", code="rate_limited")
            return await place_list(*named)

        # When the exchange refuses the first protection of the second fill
        trading.client.place_list = busy_once
        trading.hold("BTC/USDT", "40000")
        await trading.until(lambda: refused)
        # Then both fills are protected all the same
        await trader.protected(2 * HELD, stop, TARGET)
        await trading.until(lambda: trader.position().protected == 2 * HELD)
