"""The engine judges a page of events together and saves its decisions in one commit, or singly where that fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest

from adapters.log.eventmapper import EventMapper
from application import policies
from aristobot.following import AT_MOST_EVERY, Place
from aristobot.terminals.engine import terminal as engine
from domain.aggregate import carrying
from domain.alert import Cause
from domain.orders.wish import Side
from domain.people.broker import Broker, Exchange, Venue
from domain.trading.position import Position
from domain.webhooks.stream import WebhookStream
from domain.webhooks.stream_state import StreamKey
from tests.terminals.trouble import troubled

SYMBOLS = ["BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT"]
ONE = Decimal(1)


@pytest.fixture
def trouble(database, valkey, tmp_path, monkeypatch):
    with troubled(database, valkey, tmp_path, monkeypatch) as made:
        with carrying(user="1"):
            made.store.save(Broker.connect(1, 1, Exchange.BINANCE, Venue.PAPER, "paper"))
        yield made


def fill(trouble, symbol, number, side=Side.BUY):
    """Record a fill that the engine has not counted yet."""
    order = trouble.database.order(symbol=symbol, side=side, order_id=UUID(int=number))
    with carrying(user="1"):
        trouble.database.submit(order)
        trouble.database.fill(order, ONE, f"t{number}")
        trouble.store.save(order)


def held(trouble, symbol):
    newest = trouble.store.position_newest(1, 1, symbol, "manual")
    return None if newest is None else trouble.store.get(Position, newest).held


def commits(trouble, topic):
    """Return the number of commits in which the events of a topic were recorded."""
    query = "SELECT count(DISTINCT xmin::text) FROM log.events WHERE topic = %s"
    return trouble.database.connect().execute(query, (topic,)).fetchone()[0]


def test_what_a_page_leads_to_is_one_commit(trouble):
    for number, symbol in enumerate(SYMBOLS):
        fill(trouble, symbol, number)
    trouble.judge()
    assert [held(trouble, symbol) for symbol in SYMBOLS] == [ONE] * len(SYMBOLS)
    assert commits(trouble, "Position.Grew") == 1


def test_what_concerns_one_stream_is_judged_in_the_order_of_the_log(trouble):
    """Each decision builds on those before it."""
    for number in range(4):
        fill(trouble, "BTC/USDT", number)
    fill(trouble, "BTC/USDT", 4, Side.SELL)
    trouble.judge()
    assert held(trouble, "BTC/USDT") == 3 * ONE
    grown = [recorded.event.execution.trade_id for recorded in trouble.store.read(0, topics=["Position.Grew"])]
    assert grown == ["t0", "t1", "t2", "t3"]
    assert commits(trouble, "Position.Grew") == commits(trouble, "Position.Reduced") == 1


def test_a_trade_that_ends_and_the_next_one_may_stand_on_one_page(trouble):
    """A buy after the end counts in the next trade, not in the one that has ended."""
    for number, side in enumerate([Side.BUY, Side.SELL, Side.BUY]):
        fill(trouble, "BTC/USDT", number, side)
    trouble.judge()
    assert held(trouble, "BTC/USDT") == ONE
    assert commits(trouble, "Position.Opened") == commits(trouble, "Position.Closed") == 1
    assert len({recorded.stream for recorded in trouble.store.read(0, topics=["Position.Grew"])}) == 2


def test_what_an_event_has_begun_before_it_failed_leaves_no_trace(trouble, monkeypatch):
    """The other decisions of the page are saved without anything of the failed one."""
    counted = policies.execution_counted

    def fails(event, world):
        decided = counted(event, world)
        if event.trade_id == "t1":
            raise ValueError
        return decided

    monkeypatch.setattr(engine, "WHEN", {"Order.Filled": (fails,)})
    for number in range(3):
        fill(trouble, "BTC/USDT", number)
    trouble.judge()
    assert held(trouble, "BTC/USDT") == 2 * ONE


def test_when_somebody_was_faster_each_is_judged_by_itself(trouble, monkeypatch):
    """Another writer saves the same position first. No fill is lost or counted twice."""
    fill(trouble, SYMBOLS[0], 0)
    trouble.judge()
    fill(trouble, SYMBOLS[0], 1)
    fill(trouble, SYMBOLS[1], 2)
    save, faster = trouble.engine._store.save, [True]

    def saved(*aggregates, **named):
        if aggregates and faster:
            faster.clear()
            with carrying(user="1"):
                position = trouble.store.get(Position, trouble.store.position_newest(1, 1, SYMBOLS[0], "manual"))
                position.leave(UUID(int=99))
                trouble.store.save(position)
        return save(*aggregates, **named)

    monkeypatch.setattr(trouble.engine._store, "save", saved)
    trouble.judge()
    assert not faster
    assert [held(trouble, symbol) for symbol in SYMBOLS[:2]] == [2 * ONE, ONE]


def test_an_event_that_cannot_be_judged_spoils_no_other_of_its_page(trouble, monkeypatch):
    counted = policies.execution_counted

    def fails(event, world):
        if event.trade_id == "t1":
            raise ValueError
        return counted(event, world)

    monkeypatch.setattr(engine, "WHEN", {"Order.Filled": (fails,)})
    for number, symbol in enumerate(SYMBOLS[:3]):
        fill(trouble, symbol, number)
    trouble.judge()
    assert [held(trouble, symbol) for symbol in SYMBOLS[:3]] == [ONE, None, ONE]
    assert trouble.raised() == [(1, Cause.EVENT_PASSED_OVER)]


@pytest.mark.parametrize("seed", range(3))
def test_a_page_leads_to_what_its_events_lead_to_one_by_one(trouble, monkeypatch, seed):
    """The result depends neither on the size of the page nor on the mix of its events."""
    random, wanted = Random(seed), dict.fromkeys(SYMBOLS, Decimal(0))
    for number in range(60):
        symbol, side = random.choice(SYMBOLS), random.choice([Side.BUY, Side.BUY, Side.SELL])
        fill(trouble, symbol, number, side)
        wanted[symbol] = max(wanted[symbol] + (ONE if side is Side.BUY else -ONE), Decimal(0))
        monkeypatch.setattr(engine, "PAGE", random.choice([1, 7, 200]))
        if random.random() < 0.1:
            trouble.judge()
    trouble.judge()
    assert {symbol: held(trouble, symbol) or Decimal(0) for symbol in SYMBOLS} == wanted
    assert trouble.engine.position == trouble.store.head()


def test_a_place_alone_is_kept_now_and_then(trouble):
    """Events without consequences cost no commit each. An engine that dies reads the last ones again."""
    store, now = trouble.store, [0.0]
    place = Place(store, "engine", lambda: now[0])
    for number in range(1, 4):
        place.move(store.position_of("engine") + number)
        place.keep()
    assert store.position_of("engine") == 0
    now[0] += AT_MOST_EVERY
    place.keep()
    assert store.position_of("engine") == place.reached == 3


def test_a_stream_that_falls_silent_is_told_without_its_history(trouble, monkeypatch):
    """However long its alert has lived, the engine reads a handful of events."""
    at = datetime(2026, 3, 2, tzinfo=UTC)
    with carrying(user="1"):
        stream = WebhookStream.open(StreamKey(1, 1, "BTCUSDT", "5", "EMA"))
        stream.monitor(1, at)
        for number in range(1, 1001):
            stream.arrive(UUID(int=number), None, at + number * timedelta(minutes=5))
        trouble.store.save(stream)
        trouble.judge()
        stream.judge(at + 1005 * timedelta(minutes=5), lambda _: False)
        trouble.store.save(stream)
    assert stream.is_paused
    read, reading = [], EventMapper.to_domain_event
    monkeypatch.setattr(EventMapper, "to_domain_event", lambda self, one: read.append(one) or reading(self, one))
    trouble.judge()
    assert 0 < len(read) < 20
    [told] = trouble.store.read(0, topics=["Alert.Raised"])
    assert told.event.cause is Cause.WEBHOOKS_CRITICAL
