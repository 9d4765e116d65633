"""Gates of a stream hold its entries back, each with its own words. Exits and moves of protection always pass."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from application.webhooks import streams
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.refusals import Invalid
from domain.trading.position import Position
from domain.webhooks.gates import Gates
from domain.webhooks.stream_state import StreamKey
from tests.application.webhooks.house import REFUSED, TAKEN, alert
from tests.conftest import NOW

STREAM = StreamKey(1, 1, "BTCUSDT", "5", "EMA").id
MINUTE = timedelta(minutes=1)


@pytest.fixture
def gated(house):
    """Return a function that sets the gates of the stream."""
    come(house, "PING")
    return lambda **gates: streams.set_gates(house.store, 1, STREAM, Gates(**gates))


def come(house, action, /, **fields):
    """Let an alert of the stream come, one second after the last one, and return how it ended."""
    house.pass_by(1)
    named = {"IndicateurName": '"EMA"', "BarTime": f'"{house.now.isoformat()}"'}
    return house.ends(house.come(alert(action, **named, **fields)))


def test_all_gates_are_open_by_default(house):
    for _ in range(3):
        assert come(house, "BuyMarket")[0] is TAKEN
    assert not [topic for topic in house.topics() if topic in {"WebhookStream.Entered", "WebhookStream.GatesSet"}]


def test_a_locked_stream_lets_no_entry_through_and_every_exit(house, gated):
    gated(locked=True)
    assert come(house, "BuyMarket") == (REFUSED, "gate_locked")
    assert come(house, "BuyLimit", Prix="90") == (REFUSED, "gate_locked")
    assert come(house, "SellMarket")[0] is TAKEN
    assert come(house, "SellLimit", Prix="110")[0] is TAKEN
    assert house.ends(house.come(alert("BuyMarket", IndicateurName='"RSI"')))[0] is TAKEN
    gated()
    assert come(house, "BuyMarket")[0] is TAKEN


def test_a_stream_rests_after_an_entry(house, gated):
    gated(rest=30)
    assert come(house, "BuyMarket")[0] is TAKEN
    house.now += 29 * MINUTE
    assert come(house, "BuyMarket") == (REFUSED, "gate_resting")
    house.now += MINUTE
    assert come(house, "BuyMarket")[0] is TAKEN


def test_the_entries_of_a_day_are_counted_until_midnight(house, gated):
    gated(most_entries=2)
    for ends in ((TAKEN, None), (TAKEN, None), (REFUSED, "gate_most_entries")):
        assert come(house, "BuyMarket") == ends
    house.now = NOW.replace(hour=23, minute=59, second=58)
    assert come(house, "BuyMarket") == (REFUSED, "gate_most_entries")
    house.now += 2 * MINUTE
    assert come(house, "BuyMarket")[0] is TAKEN


@pytest.mark.parametrize(("sold_at", "ends"), [(90, (REFUSED, "gate_after_loss")), (110, (TAKEN, None))])
def test_a_stream_rests_after_a_trade_of_its_own_that_was_lost(house, gated, sold_at, ends):
    """What another stream lost in the same market does not matter."""
    gated(rest_after_loss=60)
    trade(house, "EMA", sold_at)
    assert come(house, "BuyMarket") == ends
    house.now += 61 * MINUTE
    assert come(house, "BuyMarket")[0] is TAKEN


def test_a_loss_of_another_stream_closes_no_gate(house, gated):
    gated(rest_after_loss=60)
    trade(house, "RSI", 90)
    assert come(house, "BuyMarket")[0] is TAKEN


def trade(house, name, sold_at):
    """Buy by an alert of a stream at 100, and sell all of it."""
    house.pass_by(1)
    bought = house.order_of(house.come(alert("BuyMarket", IndicateurName=f'"{name}"', BarTime=None)))
    executed(house, bought, Decimal(100))
    house.pass_by(1)
    sold = house.order_of(house.come(alert("SellMarket", IndicateurName=f'"{name}"', BarTime=None, PourCent="100")))
    executed(house, sold, Decimal(sold_at))
    newest = house.store.position_newest(1, 1, "BTC/USDT", "webhook")
    assert not house.store.get(Position, newest).is_open


def executed(house, order: Order, price: Decimal):
    with carrying(user="1"):
        order.submit(order.id, now=house.now, valid_until=house.now, quantity=Decimal(1), cost=None, price=None)
        order.fill(str(order.id), Decimal(1), price, Decimal(0), None, house.now, None, "{}")
        order.close("{}")
        house.store.save(order)
    house.judge()


@pytest.mark.parametrize("gates", [{"rest": 0}, {"rest_after_loss": 10_081}, {"most_entries": -1}])
def test_a_number_that_is_out_of_range_is_refused_by_name(gated, gates):
    with pytest.raises(Invalid) as refused:
        gated(**gates)
    assert (refused.value.code, refused.value.field) == ("gate_out_of_range", next(iter(gates)))


def test_the_same_gates_again_change_nothing(house, gated):
    gated(locked=True)
    before = house.store.head()
    gated(locked=True)
    assert house.store.head() == before
