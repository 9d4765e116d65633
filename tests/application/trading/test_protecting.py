"""A person sets and moves the stop and the target of a position; the former ones rest until the new ones do."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import uuid4

import pytest

from application.trading.protecting import protect
from domain.orders.order_status import Status
from domain.orders.wish import Protection, Type
from domain.reconciliation import Occasion
from domain.refusals import Impossible, Invalid, NotFound
from domain.trading.position import Position
from tests.application.trader import HELD, LISTS, POSITION, STOP, TARGET

pytestmark = pytest.mark.exchanges("binance", "bitget")
D = Decimal
MANUAL = Position.create_id(1, 1, "BTC/USDT", "manual")
NONE = Protection()
LAST = D(50000)


async def move(trader, asked, seen=NONE, *, position=POSITION, request=None, user=1, last=LAST):
    """Ask for a protection as the position's owner does."""
    given = trader.store, trader, user, position, asked, seen, request or uuid4(), last
    await asyncio.to_thread(protect, *given)


async def bought_by_hand(trader):
    await trader.trading.becomes(await trader.trading.wish(cost=D(500)), Status.CLOSED)
    await trader.trading.until(lambda: getattr(trader.store.find(Position, MANUAL), "is_open", False))


async def test_coins_of_the_hand_get_a_stop_later(at):
    """Bought without one, then under a stop, then under another."""
    async with at(LISTS) as trader:
        await bought_by_hand(trader)
        await move(trader, Protection(D(45000)), position=MANUAL)
        await trader.trading.until(lambda: trader.resting() == [("stop_loss", D(45000), HELD)])
        await move(trader, Protection(D(46000)), Protection(D(45000)), position=MANUAL)
        await trader.trading.until(lambda: trader.resting() == [("stop_loss", D(46000), HELD)])


async def test_the_stop_of_an_alert_is_moved_and_its_target_stays(at):
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        await trader.buy(STOP, TARGET)
        await move(trader, Protection(D(47000)), Protection(D(45000), D(60000)))
        await trader.protected(HELD, ("stop_loss", D(47000)), TARGET)


async def test_one_request_counts_once_and_prices_are_put_on_ticks(at):
    async with at(LISTS) as trader:
        await bought_by_hand(trader)
        request = uuid4()
        for _ in range(2):
            await move(trader, Protection(D("45000.004")), position=MANUAL, request=request)
        [wanted] = await trader.trading.read("Position.ProtectionWanted")
        assert (wanted.protection, wanted.request) == (Protection(D(45000)), request)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Protection(D(50000)), "stop_not_below"),
        (Protection(None, D(50000)), "target_not_above"),
        (Protection(D(0)), "not_positive"),
        (Protection(D("NaN")), "not_positive"),
        (Protection(D("0.001")), "price_out_of_range"),
        (NONE, "protection_empty"),
    ],
)
async def test_what_would_sell_at_once_is_refused(at, asked, code):
    async with at(LISTS) as trader:
        await bought_by_hand(trader)
        with pytest.raises(Invalid) as refused:
            await move(trader, asked, position=MANUAL)
        assert refused.value.code == code
        assert await trader.trading.read("Position.ProtectionWanted") == []


async def test_what_was_moved_elsewhere_in_the_meantime_stays(at):
    """Another tab, or an alert, was faster; a stop of another user is nobody's business."""
    async with at(LISTS, USDT="1000", BTC="1") as trader:
        await trader.buy(STOP, PrixSL="45000")
        for seen in (NONE, Protection(D(44000)), Protection(D(45000), D(60000))):
            with pytest.raises(Impossible) as changed:
                await move(trader, Protection(D(46000)), seen)
            assert changed.value.code == "protection_changed"
        with pytest.raises(NotFound):
            await move(trader, Protection(D(46000)), Protection(D(45000)), user=2)
        await trader.protected(HELD, STOP)


async def test_external_coins_and_closed_positions_get_none(at):
    async with at(LISTS) as trader:
        elsewhere = Position.create_id(1, 1, "BTC/USDT", "external")
        await trader.trading.elsewhere("web_1", type=Type.MARKET, price=None, quantity=D("0.005"))
        await trader.trading.reconcile_twice(Occasion.FULL)
        await trader.trading.until(lambda: getattr(trader.store.find(Position, elsewhere), "is_open", False))
        with pytest.raises(Impossible) as refused:
            await move(trader, Protection(D(45000)), position=elsewhere)
        assert refused.value.code == "external_position"
