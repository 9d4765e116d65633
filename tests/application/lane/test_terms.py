"""Parameters that not every exchange has: the order is refused by name, or sent without them, and that is recorded."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.orders.order_status import Status
from domain.orders.wish import MarginMode, PositionSide, Side, Terms, Type

pytestmark = pytest.mark.exchanges("binance", "bitget")

CRITICAL = {
    "reduce_only": Terms(reduce_only=True),
    "position_side": Terms(position_side=PositionSide.LONG),
    "margin_mode": Terms(margin_mode=MarginMode.ISOLATED),
}


async def intents(trading, order_id) -> list[list[str] | None]:
    """Return what each recorded intent of an order left out."""
    return [event.ignored for event in await trading.events(order_id) if type(event).__name__ == "Submitted"]


@pytest.mark.parametrize("term", CRITICAL)
async def test_a_critical_parameter_that_spot_does_not_have_refuses_the_order(open_trading, exchange, term):
    """The refusal names exchange and parameter, and nothing is sent."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(terms=CRITICAL[term]), Status.REFUSED)
        [refusal] = [event for event in await trading.events(order.id) if type(event).__name__ == "Refused"]
        assert order.reason == f"{term}_not_offered"
        assert exchange in refusal.detail
        assert term in refusal.detail
        assert trading.client.asked["place"] == 0
        assert trading.on_exchange() == []


async def test_an_iceberg_is_sent_where_there_are_any_and_else_ignored_and_told(open_trading, exchange):
    """The order rests in both cases. What was left out stands in its intent and in the log."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(terms=Terms(iceberg_qty=Decimal("0.002"))), Status.OPEN)
        [resting] = trading.on_exchange()
        shown, ignored = (Decimal("0.002"), None) if exchange == "binance" else (None, ["iceberg_qty"])
        assert resting.shown == shown
        assert await intents(trading, order.id) == [ignored]
        assert ("parameters_ignored" in trading.log.said) is (ignored is not None)


async def test_an_iceberg_that_the_step_rounds_to_nothing_is_ignored(open_trading):
    async with open_trading() as trading:
        shown = Terms(iceberg_qty=Decimal("0.000000001"))
        order = await trading.becomes(await trading.rest(terms=shown), Status.OPEN)
        assert await intents(trading, order.id) == [["iceberg_qty"]]


async def test_a_trailing_stop_is_a_stop_where_none_trails(open_trading, exchange):
    """With a trigger of its own it is placed without the distance."""
    async with open_trading(BTC="1") as trading:
        stop = {"side": Side.SELL, "type": Type.STOP_LOSS, "quantity": Decimal("0.01")}
        order_id = await trading.wish(**stop, stop_price=Decimal(45000), trailing=100)
        order = await trading.becomes(order_id, Status.OPEN)
        assert await intents(trading, order.id) == [None if exchange == "binance" else ["trailing"]]


@pytest.mark.exchanges("bitget")
async def test_a_trailing_stop_without_a_trigger_is_refused(open_trading):
    """Without the distance nothing would be left of it."""
    async with open_trading(BTC="1") as trading:
        order_id = await trading.wish(side=Side.SELL, type=Type.STOP_LOSS, quantity=Decimal("0.01"), trailing=100)
        assert (await trading.becomes(order_id, Status.REFUSED)).reason == "trailing_not_offered"


async def test_an_extra_parameter_that_would_replace_a_value_rejects_the_order(open_trading):
    """Whatever an order leaves out is decided by it too: no extra price makes a market order another one."""
    async with open_trading() as trading:
        order_id = await trading.wish(type=Type.MARKET, cost=Decimal(100), terms=Terms(extra={"price": "1"}))
        order = await trading.becomes(order_id, Status.REJECTED)
        assert order.reason == "extra_params_reserved"
        assert trading.on_exchange() == []


async def test_the_terms_of_an_order_are_kept_in_the_log(open_trading):
    terms = Terms(False, None, None, Decimal("0.002"), {"strategyId": "7"})
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(terms=terms), Status.OPEN, Status.REJECTED)
        assert (await trading.load(order.id)).wish.terms == terms
