"""Permission to trade on a broker, checked when the engine decides an alert and again when the lane sends its order."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from application.people.brokers import change_broker
from application.people.users import switch_account
from application.trading.positions import PROTECTION
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.orders.order_status import ENDED, Status
from domain.orders.wish import Source
from domain.people.broker import Broker, Usage
from domain.people.user import Role, User
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import HELD, LISTS, STOP, TARGET

pytestmark = pytest.mark.exchanges("binance", "bitget")

REFUSED, IGNORED, EXECUTED = WebhookStatus.REFUSED, WebhookStatus.IGNORED, WebhookStatus.EXECUTED
FAILED = WebhookStatus.FAILED


def use_for(usage):
    """Return a function that changes the broker's usage."""

    def changed(store):
        change_broker(store, 1, 1, usage=usage)

    return changed


def disable(store):
    """Disable the broker's owner, who is a trader here, as the admin does."""
    switch_account(store, 1, enabled=False, by=2)


def remove(store):
    """Remove the broker while one of its orders is about to be sent."""
    broker = store.get(Broker, Broker.create_id(1))
    with carrying(user="1"):
        broker.remove(orders_open=False)
        store.save(broker)


BY_HAND, BY_ALERT, BY_STRATEGY = Source.MANUAL, Source.WEBHOOK, Source.STRATEGY


@pytest.fixture
def owned_by_a_trader(monkeypatch):
    """Make the one user a trader, not an admin, so that the account can be disabled."""
    made = User.register
    monkeypatch.setattr(User, "register", lambda number, name, _: made(number, name, Role.TRADER))


@pytest.mark.usefixtures("owned_by_a_trader")
@pytest.mark.parametrize("meanwhile", [False, True])
@pytest.mark.parametrize(
    ("happens", "source", "reason"),
    [
        (use_for(Usage.OFF), BY_HAND, "broker_off"),
        (use_for(Usage.OFF), BY_ALERT, "broker_off"),
        (use_for(Usage.STRATEGIES), BY_ALERT, "broker_not_for_webhooks"),
        (disable, BY_ALERT, "paused"),
        (remove, BY_HAND, "broker_removed"),
        (remove, BY_ALERT, "broker_removed"),
    ],
)
async def test_the_lane_sends_nothing_that_the_broker_is_not_used_for(open_trading, happens, source, reason, meanwhile):
    """The usage changes before the wish, or while the order is sized. Nothing reaches the exchange."""
    async with open_trading() as trading:

        async def happening():
            trading.client.before.clear()
            await asyncio.to_thread(happens, trading.store)

        if meanwhile:
            trading.client.before["balances"] = happening
        else:
            await happening()
        order = await trading.becomes(await trading.wish(source=source, cost=Decimal(500)), *ENDED)
        assert (order.status, order.reason) == (Status.REFUSED, reason)
        assert not trading.client.asked["place"]


async def test_what_was_allowed_at_one_order_is_asked_again_at_the_next(open_trading):
    async with open_trading() as trading:
        for usage, status in ((Usage.WEBHOOKS, Status.CLOSED), (Usage.OFF, Status.REFUSED)):
            await asyncio.to_thread(use_for(usage), trading.store)
            order = await trading.wish(source=BY_ALERT, cost=Decimal(500))
            assert (await trading.becomes(order, *ENDED)).status is status


@pytest.mark.parametrize(
    ("usage", "source", "reason"),
    [
        (Usage.STRATEGIES, BY_HAND, None),
        (Usage.STRATEGIES, BY_STRATEGY, None),
        (Usage.WEBHOOKS, BY_HAND, None),
        (Usage.WEBHOOKS, BY_ALERT, None),
        (Usage.WEBHOOKS, BY_STRATEGY, "broker_not_for_strategies"),
    ],
)
async def test_each_usage_lets_its_own_orders_through(open_trading, usage, source, reason):
    """Manual orders are let through under either usage."""
    async with open_trading() as trading:
        await asyncio.to_thread(use_for(usage), trading.store)
        order = await trading.becomes(await trading.wish(source=source, cost=Decimal(500)), *ENDED)
        assert (order.status, order.reason) == (Status.REFUSED if reason else Status.CLOSED, reason)


@pytest.mark.usefixtures("owned_by_a_trader")
@pytest.mark.parametrize(
    ("happens", "ends"),
    [
        (use_for(Usage.OFF), (REFUSED, "broker_off")),
        (use_for(Usage.STRATEGIES), (REFUSED, "broker_not_for_webhooks")),
        (disable, (IGNORED, "paused")),
        (remove, (REFUSED, "broker_foreign")),
    ],
)
async def test_the_engine_decides_by_what_the_broker_is_used_for(at, happens, ends):
    """No alert leads to an order, neither an entry nor an exit, and no protection is moved.

    An exit during a pause is placed all the same and refused at once, so that its owner can still send it later.
    """
    async with at(LISTS) as trader:
        await trader.buy(STOP, TARGET)
        await asyncio.to_thread(happens, trader.store)
        placed = trader.store.read(0, topics=["Order.Placed"])
        for alert in ({"action": "BuyMarket"}, {"action": "MAJ", "PrixSL": "46000"}):
            assert await trader.alert(**alert) == ends
        exit_ends = (FAILED, "paused") if ends == (IGNORED, "paused") else ends
        assert await trader.alert("SellMarket") == exit_ends
        refused = trader.store.read(0, topics=["Order.Placed"])[len(placed) :]
        states = [trader.store.get(Order, one.event.originator_id).status for one in refused]
        assert states == ([Status.REFUSED] if exit_ends[0] is FAILED else [])
        await trader.protected(HELD, STOP, TARGET)


async def test_a_broker_that_is_used_for_webhooks_again_takes_them_again(at):
    """An alert is refused while the broker is off, and stays refused. The next one is executed."""
    async with at(LISTS) as trader:
        await asyncio.to_thread(use_for(Usage.OFF), trader.store)
        assert await trader.alert("BuyMarket") == (REFUSED, "broker_off")
        await asyncio.to_thread(use_for(Usage.WEBHOOKS), trader.store)
        await trader.buy(STOP, TARGET)


@pytest.mark.exchanges("binance")
@pytest.mark.usefixtures("owned_by_a_trader")
@pytest.mark.parametrize("happens", [use_for(Usage.OFF), use_for(Usage.STRATEGIES), disable])
async def test_protection_does_not_ask_what_the_broker_is_used_for(at, happens):
    """The rest of a stop is placed again, and coins beyond a passed stop are sold."""
    async with at(LISTS) as trader:
        await trader.buy(STOP, PrixSL="45000")
        await asyncio.to_thread(happens, trader.store)
        [stop] = trader.sells()
        trader.trading.paper.ledger.execute(stop, Decimal("0.004"), Decimal(45000), maker=False)
        await trader.protected(HELD - Decimal("0.004"), STOP)
        trader.trading.paper.ledger.cancel(trader.sells()[-1])
        trader.trading.hold("BTC/USDT", "44000")
        await trader.closed()
        assert trader.sold() == HELD
        assert trader.sells()[-1].type == "market"
        requesters = [one.event.requester for one in trader.store.read(0, topics=["Order.Placed"])]
        assert set(requesters[1:]) == {PROTECTION}
