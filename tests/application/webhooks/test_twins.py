"""A paper twin does what a stream asks for, whatever the stream's gates say; a broker's new streams begin gated."""

from __future__ import annotations

from decimal import Decimal

import pytest

from application.people.brokers import set_gates
from application.webhooks import streams
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.people.broker import Broker, Exchange, Usage, Venue
from domain.refusals import Invalid
from domain.trading.position import Position
from domain.webhooks.gates import Gates
from domain.webhooks.stream import WebhookStream
from domain.webhooks.stream_state import StreamKey
from domain.webhooks.webhook import Webhook
from tests.application.webhooks.house import REFUSED, TAKEN, alert
from tests.application.webhooks.test_gates import come, executed

STREAM = StreamKey(1, 1, "BTCUSDT", "5", "EMA").id
PAPER, LIVE, FOREIGN = 2, 3, 4


@pytest.fixture
def brokers(house):
    """Return a house with a second paper broker, a live one, and one of another user."""
    with carrying(user="1"):
        for number, user, venue in ((PAPER, 1, Venue.PAPER), (LIVE, 1, Venue.LIVE), (FOREIGN, 2, Venue.PAPER)):
            house.store.save(Broker.connect(number, user, Exchange.BINANCE, venue, f"broker {number}"))
    return house


@pytest.fixture
def twinned(brokers):
    """Return a house whose stream is locked, and has a twin."""
    come(brokers, "PING")
    streams.set_gates(brokers.store, 1, STREAM, Gates(locked=True, twin=PAPER))
    return brokers


def twins(house):
    """Return the webhooks of twins, oldest first."""
    received = [recorded.event.originator_id for recorded in house.store.read(0, topics=["Webhook.Received"])]
    return [one for one in house.store.get_all(Webhook, received) if one.twin is not None]


def test_the_twin_trades_what_the_gates_hold_back(twinned):
    assert come(twinned, "BuyMarket", PrixSL="90") == (REFUSED, "gate_locked")
    [twin] = twins(twinned)
    order = twinned.order_of(twin.id)
    assert (twin.status, order.broker, order.wish.protection.stop_loss) == (TAKEN, PAPER, 90)


def test_the_twin_follows_exits_and_moves_and_answers_no_ping(twinned):
    come(twinned, "BuyMarket")
    executed(twinned, twinned.order_of(twins(twinned)[0].id), Decimal(100))
    for action, fields in (("MAJ", {"PrixSL": "80"}), ("SellMarket", {}), ("PING", {})):
        come(twinned, action, **fields)
    held = twinned.store.get(Position, twinned.store.position_newest(1, PAPER, "BTC/USDT", "webhook"))
    assert held.wanted.stop_loss == 80
    assert [one.broker for one in twinned.store.get_all(Order, [*held.exits])] == [PAPER]
    assert len(twins(twinned)) == 3


def test_a_twin_is_no_delivery_of_its_stream(twinned):
    """It has no stream, raises no alert, and what it loses closes no gate."""
    streams.set_gates(twinned.store, 1, STREAM, Gates(twin=PAPER, rest_after_loss=60))
    come(twinned, "BuyMarket")
    executed(twinned, twinned.order_of(twins(twinned)[0].id), Decimal(100))
    come(twinned, "SellMarket", PourCent="100")
    executed(twinned, twinned.order_of(twins(twinned)[1].id), Decimal(90))
    assert twinned.store.get(WebhookStream, STREAM).received == 3
    assert twinned.topics().count("WebhookStream.Opened") == 1
    assert come(twinned, "BuyMarket")[0] is TAKEN


def test_a_delivery_that_comes_again_has_one_twin(twinned):
    body = alert("BuyMarket", IndicateurName='"EMA"')
    for _ in range(3):
        twinned.come(body)
    assert len(twins(twinned)) == 1


@pytest.mark.parametrize("end", [lambda b: b.remove(orders_open=False), lambda b: b.use_for(Usage.OFF)])
def test_a_twin_whose_broker_is_gone_does_nothing(twinned, end):
    broker = twinned.store.get(Broker, Broker.create_id(PAPER))
    with carrying(user="1"):
        end(broker)
        twinned.store.save(broker)
    assert come(twinned, "BuyMarket") == (REFUSED, "gate_locked")
    assert twins(twinned) == []


@pytest.mark.parametrize("number", [1, LIVE, FOREIGN, 99])
def test_only_another_paper_broker_of_the_user_can_be_a_twin(twinned, number):
    for set_them in (
        lambda gates: streams.set_gates(twinned.store, 1, STREAM, gates),
        lambda gates: set_gates(twinned.store, 1, 1, gates),
    ):
        with pytest.raises(Invalid) as refused:
            set_them(Gates(twin=number))
        assert (refused.value.code, refused.value.field) == ("twin_not_on_paper", "twin")


def test_new_streams_begin_with_the_gates_of_their_broker(brokers):
    """Nothing is executed on a live account before its trader opens the gate."""
    set_gates(brokers.store, 1, 1, Gates(locked=True, twin=PAPER))
    assert come(brokers, "BuyMarket") == (REFUSED, "gate_locked")
    assert len(twins(brokers)) == 1
    streams.set_gates(brokers.store, 1, STREAM, Gates())
    assert come(brokers, "BuyMarket")[0] is TAKEN
    assert len(twins(brokers)) == 1


def test_an_exit_that_is_judged_anew_is_carried_out_once_by_the_twin(twinned):
    """The stream was paused, so that its own exit was refused. It is delivered again."""
    come(twinned, "BuyMarket")
    executed(twinned, twinned.order_of(twins(twinned)[0].id), Decimal(100))
    streams.pause(twinned.store, 1, STREAM)
    leaves = alert("SellMarket", IndicateurName='"EMA"', BarTime=f'"{twinned.now.isoformat()}"')
    first = twinned.come(leaves)
    twinned.pass_by(5)
    assert twinned.come(leaves) != first
    assert len(twins(twinned)) == 2


def test_a_twin_that_cannot_sell_alarms_nobody(twinned):
    come(twinned, "BuyMarket")
    with carrying(user="1"):
        broker = twinned.store.get(Broker, Broker.create_id(PAPER))
        broker.stop_trading()
        twinned.store.save(broker)
    come(twinned, "SellMarket")
    assert [facts for _, facts in twinned.told() if facts.get("broker") == str(PAPER)] == []


def test_a_twin_that_is_gone_keeps_no_gate_open(twinned):
    broker = twinned.store.get(Broker, Broker.create_id(PAPER))
    with carrying(user="1"):
        broker.remove(orders_open=False)
        twinned.store.save(broker)
    streams.set_gates(twinned.store, 1, STREAM, Gates(locked=True, rest=5, twin=PAPER))
    assert twinned.store.get(WebhookStream, STREAM).gates.rest == 5
