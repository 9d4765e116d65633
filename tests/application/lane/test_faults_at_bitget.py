"""A Bitget that loses, delays, refuses and garbles: log and exchange agree in the end, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from adapters.paper.faults import Fault
from domain.orders.order import Order
from domain.orders.order_status import Status
from tests.application.trader import HELD, PRICES, STOP, STOP_ALONE

pytestmark = pytest.mark.exchanges("bitget")
STATES = {
    "new": Status.OPEN, "partly": Status.OPEN, "filled": Status.CLOSED, "cancelled": Status.CANCELLED,
    "expired": Status.CANCELLED, "live": Status.OPEN, "fail_execute": Status.EXPIRED,
}  # fmt: skip
MOVED = ("stop_loss", Decimal(46000))


async def buy(trader):
    """Buy at the market, without protection."""
    await trader.deliver("BuyMarket", PourCent="50")
    return lambda: trader.position() is not None and trader.position().held == HELD


async def rest(trader):
    """Place a limit buy that rests."""
    await trader.deliver("BuyLimit", PourCent="50", Prix="40000")
    return lambda: [order.side for order in trader.trading.on_exchange() if order.rests] == ["buy"]


async def protect(trader):
    """Buy under a stop, with a target that is watched."""
    await trader.deliver("BuyMarket", PourCent="50", **PRICES)
    return lambda: under(trader, STOP)


async def move(trader):
    """Move the stop."""
    await trader.deliver("MAJ", PrixSL="46000")
    return lambda: under(trader, MOVED)


async def sell(trader):
    """Sell all that is held."""
    await trader.deliver("SellMarket")
    return lambda: is_over(trader)


async def fall(trader):
    """Let the market fall through the stop."""
    trader.trading.hold("BTC/USDT", "44000")
    return lambda: is_over(trader)


async def rise(trader):
    """Let the market rise to the target."""
    trader.trading.hold("BTC/USDT", "61000")
    return lambda: is_over(trader)


def under(trader, shape):
    position = trader.position()
    covered = position is not None and position.protected == HELD and position.lost is None
    return covered and trader.resting() == [(*shape, HELD)]


def is_over(trader):
    return not trader.position().is_open and not trader.resting() and trader.sold() == HELD


async def differences(trader):
    """Return what is lost, doubled, or told otherwise by the log than by the exchange."""
    trading = trader.trading
    plans = {plan.client_order_id: plan for plan in trading.paper.plans.all()}
    became = {plan.order.id: name for name, plan in plans.items() if plan.order is not None}
    there = {became.get(order.id, order.client_order_id): order for order in trading.on_exchange()}
    there = {**{name: plan for name, plan in plans.items() if name not in there}, **there}
    ours = {event.client_order_id: event.order_id for event in await trading.read("Order.Placed")}
    found = [f"{name} is on the exchange alone" for name in there.keys() - ours.keys()]
    for name, order_id in ours.items():
        order: Order = await trading.load(order_id)
        if name not in there:
            found += [f"{name} is {order.status}"] if order.status not in {Status.REFUSED, Status.REJECTED} else []
            continue
        filled = getattr(there[name], "filled", Decimal(0))
        if (order.status, order.filled) != (STATES[there[name].status], filled) or order.is_unexplained:
            found.append(f"{name} is {order.status} and {there[name].status}, {order.filled} of {filled}")
    return found


PROTECTED = frozenset({move, sell, fall, rise})
FAULTS = [
    *((buy, "place_order", kind) for kind in ("lose_answer", "garbage", "status_429", "hide_order")),
    *((rest, "place_order", kind) for kind in ("lose_answer", "garbage", "hide_order")),
    *((rest, "query", kind) for kind in ("lose_answer", "lose_request", "garbage", "status_500", "status_429")),
    *((protect, "place_order", kind) for kind in ("lose_answer", "garbage", "clock_refused")),
    *((move, "cancel_order", kind) for kind in ("lose_answer", "lose_request", "garbage", "status_500", "status_429")),
    *(
        (sell, "place_order", kind)
        for kind in ("lose_answer", "garbage", "status_429", "clock_refused", "insufficient")
    ),
    *((sell, "cancel_order", kind) for kind in ("lose_answer", "lose_request", "garbage", "status_500", "status_429")),
    *((fall, "query", kind) for kind in ("lose_answer", "lose_request", "garbage", "status_500", "status_429")),
    *((fall, "stream", kind) for kind in ("drop_stream", "duplicate_fill", "reorder_fills")),
    (fall, "trigger", "fail_execute"),
    *((rise, "place_order", kind) for kind in ("lose_answer", "garbage", "status_429")),
]


@pytest.mark.parametrize("lock", [False, True], ids=["coins free", "coins locked"])
@pytest.mark.parametrize(("story", "when", "kind"), FAULTS, ids=lambda value: getattr(value, "__name__", value))
async def test_nothing_is_lost_or_doubled(at, story, when, kind, lock):
    async with at(STOP_ALONE) as trader:
        trading = trader.trading
        trading.paper.plans.lock_coins = lock
        if story in PROTECTED:
            await trader.buy(STOP)
        trading.paper.faults.add(Fault(when, kind, seconds=0.5, exchange="bitget"))
        is_done = await story(trader)
        while not is_done() or await differences(trader):
            trading.pass_by(1)
            await asyncio.sleep(0.05)
        assert not [fault for fault in trading.paper.faults.pending if fault.kind == kind]


@pytest.mark.parametrize("story", [buy, rest, protect], ids=lambda value: value.__name__)
async def test_a_request_that_was_lost_is_proven_never_to_have_arrived(at, story):
    """It is not sent again: its alert fails, and says so."""
    async with at(STOP_ALONE) as trader:
        trading = trader.trading
        trading.fault("place_order", "lose_request")
        await story(trader)
        while not (rejected := await trading.read("Order.Rejected")) or await differences(trader):
            trading.pass_by(1)
            await asyncio.sleep(0.05)
        assert [event.reason for event in rejected] == ["never_reached_the_exchange"]
        assert trading.on_exchange() == []
