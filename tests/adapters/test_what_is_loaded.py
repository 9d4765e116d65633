"""The events loaded for a decision depend on its subject, not on how long the platform has run."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from uuid import uuid4

import pytest

from adapters.log.kept import KINDS
from application.policies import WHEN, World
from application.webhooks.reception import receive
from domain import AGGREGATES
from domain.aggregate import carrying
from domain.alert import Alert
from domain.market import Market
from domain.orders.execution import Execution
from domain.orders.order import Order
from domain.orders.replacement import Replacement
from domain.people.broker import Broker, Exchange, Usage, Venue
from domain.people.registry import Registry
from domain.people.user import Role, User
from domain.platform import Platform
from domain.reconciliation import Discrepancy, Kind, Occasion, Reconciliation, Resolution, Statement
from domain.strategies.strategy import Strategy
from domain.trading.position import Position
from domain.trading.spending import Spending
from domain.webhooks.stream import CARRIED_EVERY, WebhookStream
from domain.webhooks.stream_state import StreamKey
from domain.webhooks.webhook import Webhook
from tests.adapters.long_log import NOW, PRICE, QUANTITY, RAW, SYMBOL, lengthen, write_day

DAYS, TRADES = 500, 10_000
"""The days with webhooks, orders, an alert, a reconciliation and spending; the additional trades of one market."""
MARKET = Market("binance", SYMBOL, "BTCUSDT", "BTC", "USDT", True, Decimal("0.01"), Decimal("0.00001"))
ALERT = b'{"Symbol":"BTCUSDT","Action":"%s","PourCent":50,"Id":"%s","UserID":1,"UserExchangeID":1}'
MOST_OF_A_SIGNAL, LONGEST = 60, 30
"""The most events read for one message until its order is executed and counted; the longest stream allowed."""


class Markets:
    """A stub of the markets: one market, whatever the exchange."""

    def of(self, exchange, venue):
        return {MARKET.native: MARKET}


class Reader:
    """A process that counts the events it reads from streams."""

    def __init__(self, store):
        self.store, self.read = store, 0
        self._read_event, store.mapper.to_domain_event = store.mapper.to_domain_event, self._counted

    def _counted(self, stored):
        self.read += 1
        return self._read_event(stored)

    def load(self, kind, stream):
        """Load one aggregate and return the number of events read for it."""
        before = self.read
        self.store.get(kind, stream)
        return self.read - before


def established(store):
    """Save a user with a broker that is used for webhooks."""
    with carrying(user="1"):
        registry, user = Registry(), User.register(1, "ada", Role.TRADER)
        registry.number_user(1, "ada")
        registry.number_broker(1)
        broker = Broker.connect(1, 1, Exchange.BINANCE, Venue.PAPER, "paper")
        broker.use_for(Usage.WEBHOOKS)
        store.save(registry, user, broker)


def follow(reader, event, topic):
    """Save what the engine decides after an event."""
    with carrying(**{**event.metadata, "source": "engine"}):
        world = World(reader.store, Markets(), NOW)
        changed = [one for policy in WHEN.get(topic, ()) for one in policy(event, world)]
        reader.store.save(*changed)


def carry_out(reader, action):
    """Carry out one message, from its arrival until its execution is counted, and return the number of events read.

    The test plays the exchange's part, so reads by the gateway's lane are not counted.
    """
    store, before = reader.store, reader.read
    body = ALERT % (action, uuid4().hex.encode())
    webhook_id = receive(store, 1, body, "192.0.2.1", NOW, former_until=NOW - timedelta(days=1))
    follow(reader, SimpleNamespace(originator_id=webhook_id, metadata={"user": "1"}), "Webhook.Received")
    with carrying(user="1", source="gateway"):
        order = store.get(Order, Order.id_for(webhook_id))
        order.submit(uuid4(), now=NOW, valid_until=NOW, quantity=QUANTITY, cost=None, price=None)
        store.save(order)
        order.accept(uuid4().hex[:12], RAW)
        order.fill(uuid4().hex, QUANTITY, PRICE, Decimal(0), None, NOW, None, RAW)
        said = [*order.pending_events]
        store.save(order)
    for event in said:
        follow(reader, event, event.TOPIC)
    return reader.read - before


@pytest.fixture
def long_life(database):
    """Return a process that starts with a hundred thousand events in the log, and the cost of the first messages."""
    store = database.store()
    established(store)
    first = [carry_out(Reader(database.store()), action) for action in (b"BuyMarket", b"SellMarket")]
    position = store.get(Position, store.position_newest(1, 1, SYMBOL, "webhook"))
    write_day(store, position)
    lengthen(database, DAYS, TRADES)
    assert store.head() > 100_000
    return Reader(database.store()), first


def test_a_signal_after_ten_thousand_trades_loads_what_the_first_one_did(long_life, database):
    reader, first = long_life
    for action, before in zip((b"BuyMarket", b"SellMarket"), first, strict=True):
        assert 20 < carry_out(reader, action) <= before <= MOST_OF_A_SIGNAL
        newest = database.store().position_newest(1, 1, SYMBOL, "webhook")
        assert database.store().get(Position, newest).is_open is (action == b"BuyMarket")
    lengths = (
        "SELECT DISTINCT ON (kind) kind, stream, length FROM ("
        " SELECT split_part(topic, '.', 1) AS kind, stream, count(*) AS length FROM log.events GROUP BY 1, 2"
        ") AS streams ORDER BY kind, length DESC"
    )
    kinds = {kind.__name__: kind for kind in AGGREGATES}
    for name, stream, length in database.connect().execute(lengths).fetchall():
        assert length <= LONGEST
        assert Reader(database.store()).load(kinds.pop(name), stream) == length
    assert set(kinds) == {"Platform", "Replacement", "Strategy", "WebhookStream"}


# --- streams that grow as long as their subject lives -------------------------------------------------------------

TIMES = 30
GROWING = {
    User: lambda user: user.log_in("192.0.2.1"),
    Broker: lambda broker: broker.record_test(ok=True, detail=""),
    Registry: lambda registry: registry.number_broker(1),
    Strategy: lambda strategy: strategy.change_code(uuid4().hex, 1000, len(strategy.versions)),
    Platform: lambda platform: platform.record_restore("a.dump", 1, "head"),
    Spending: lambda spending: spending.reserve(uuid4(), Decimal(1), Decimal(1000)),
    Position: lambda position: position.grow(Execution(uuid4(), uuid4().hex, QUANTITY, PRICE, Decimal(0), None, NOW)),
    Order: lambda order: order.contradict("report", {"said": uuid4().hex}, RAW),
    Replacement: lambda one: (one.fail("refused"), one.want(uuid4(), QUANTITY, PRICE, None)),
    Webhook: lambda webhook: webhook.repeat(NOW),
    WebhookStream: lambda stream: stream.arrive(uuid4(), None, NOW),
    Alert: lambda alert: alert.record_failure("Discord", "not_delivered"),
    Reconciliation: lambda run: run.find(
        Discrepancy(None, SYMBOL, None, Statement(Kind.NOTHING), Statement(Kind.NOTHING), Resolution.DECIDE), RAW
    ),
}
"""The event that recurs in each kind of stream. `KINDS` are kept in memory; the docs say how long the others get."""


def test_what_is_kept_is_read_once_and_the_rest_by_its_length(database):
    """A new kind of aggregate has to be added to `GROWING` with the event that makes its stream grow."""
    assert set(GROWING) == set(AGGREGATES)
    store = database.store()
    established(store)
    write_day(store)
    with carrying(user="1"):
        run = Reconciliation(uuid4(), 1, 1, Occasion.START, NOW)  # one that has not ended
        stream = WebhookStream.open(StreamKey(1, 1, "BTCUSDT", "5", "EMA"))
        stream.monitor(1, NOW)
        replacement = Replacement(1, uuid4(), uuid4(), QUANTITY, PRICE, None)
        strategy = Strategy.create(1, 1, "Crossing", "", "1m")
        store.save(Platform(), run, stream, replacement, strategy)
        [*streams] = database.connect().execute(
            "SELECT DISTINCT ON (split_part(topic, '.', 1)) split_part(topic, '.', 1), stream FROM log.events"
            " WHERE version = 1 ORDER BY 1, position DESC"
        )
        kinds = {kind.__name__: kind for kind in AGGREGATES}
        for name, stream in streams:
            kind, reader = kinds.pop(name), Reader(database.store())
            found = store.get(kind, stream)
            for _ in range(TIMES):
                GROWING[kind](found)
            store.save(found)
            assert reader.load(kind, stream) == found.version > TIMES
            assert reader.load(kind, stream) == (0 if kind in KINDS else found.version)
    assert not kinds


def test_a_stream_of_webhooks_is_loaded_from_where_its_state_was_carried_forward(database):
    """After a thousand alerts, a new process reads the newest ones alone, and knows all the same."""
    store = database.store()
    established(store)
    with carrying(user="1"):
        stream = WebhookStream.open(StreamKey(1, 1, "BTCUSDT", "5", "EMA"))
        for number in range(1000):
            stream.arrive(uuid4(), None, NOW + timedelta(minutes=5 * number))
        store.save(stream)
    reader = Reader(database.store())
    assert reader.load(WebhookStream, stream.id) <= CARRIED_EVERY
    assert reader.load(WebhookStream, stream.id) == 0
    [found] = database.store().get_all(WebhookStream, [stream.id])
    assert (found.received, found.slots, found.version) == (1000, stream.slots, stream.version)
