"""Commits of the engine whose answer is lost, that another writer overtakes, or that the database refuses."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import psycopg
import pytest

from aristobot.terminals.engine import terminal as engine
from aristobot.terminals.engine.terminal import Engine
from domain.aggregate import carrying
from domain.alert import Cause
from domain.orders.order import Order
from domain.orders.wish import Side, Source, Type, Wish
from domain.people.broker import Broker, Exchange, Venue
from domain.trading.position import Position
from domain.webhooks.webhook import Webhook, WebhookStatus
from tests.conftest import NOW
from tests.support.log import Log
from tests.terminals.trouble import troubled

BITCOIN, ETHER, SOLANA = SYMBOLS = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
ONE = Decimal(1)
REFUSED = """
    CREATE FUNCTION log.refused() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE untranslatable_character;
    END $$;
    CREATE TRIGGER refused BEFORE INSERT ON log.events FOR EACH ROW
        WHEN (NEW.topic = '{topic}' AND convert_from(NEW.state, 'UTF8') LIKE '%{text}%') EXECUTE FUNCTION log.refused()
"""
"""A trigger that makes the database refuse events of one topic that contain a text."""
APPENDING = "ALL FUNCTIONS IN SCHEMA log"


@pytest.fixture
def trouble(database, valkey, tmp_path, monkeypatch):
    with troubled(database, valkey, tmp_path, monkeypatch) as made:
        with carrying(user="1"):
            made.store.save(Broker.connect(1, 1, Exchange.BINANCE, Venue.PAPER, "paper"))
        yield made


def fill(trouble, number, symbol=BITCOIN, *, side=Side.BUY, source=Source.MANUAL, quantity=1):
    """Record a fill that the engine has not counted yet."""
    wish = Wish(symbol, side, Type.MARKET, quantity=Decimal(quantity))
    known = {"order_id": UUID(int=number), "client_order_id": f"A{number}", "requester": "somebody"}
    with carrying(user="1"):
        order = Order.place(user=1, broker=1, wish=wish, source=source, **known)
        trouble.database.submit(order)
        trouble.database.fill(order, wish.quantity, f"t{number}")
        trouble.store.save(order)


def deliver(trouble):
    """Record an alert that the engine has not judged yet."""
    with carrying(user="1"):
        webhook = Webhook.receive(uuid4(), 1, b"{}", "192.0.2.1", NOW)
        trouble.store.save(webhook)
    return webhook.id


def held(trouble, symbol=BITCOIN, owner="manual"):
    newest = trouble.store.position_newest(1, 1, symbol, owner)
    return None if newest is None else trouble.store.get(Position, newest).held


def leaves(event, world):
    """Record another exit at each call: a policy that shows when an event is judged twice."""
    symbol = world.store.get(Order, event.originator_id).wish.symbol
    position = Position(1, 1, symbol, "manual")
    position = world.store.find(Position, position.id) or position
    position.leave(uuid4())
    return [position]


def told(trouble, topic):
    """Return the number of events of a topic in the log."""
    return len(trouble.events(topic))


def said_of_bitcoin_once_more(trouble):
    """Return the topics that an engine records about Bitcoin when it begins with the first event again.

    It also meets a new fill in another market.
    """
    head = trouble.store.head()
    trouble.database.connect().execute("UPDATE log.followers SET position = 0 WHERE name = 'engine'")
    trouble.engine = Engine(trouble.house, Log())
    fill(trouble, 99, ETHER)
    trouble.judge()
    ether = {UUID(int=99), Position.create_id(1, 1, ETHER, "manual")}
    return [recorded.topic for recorded in trouble.store.read(head) if recorded.event.originator_id not in ether]


@pytest.fixture
def two_owners(trouble):
    """Let `manual` hold 5 and `webhook` 10, and record a sale of 8 by `webhook` that is not judged yet."""
    fill(trouble, 1, quantity=5)
    fill(trouble, 2, source=Source.WEBHOOK, quantity=10)
    trouble.judge()
    fill(trouble, 3, side=Side.SELL, source=Source.WEBHOOK, quantity=8)
    return trouble


def lose_answer(trouble, monkeypatch, *, which=1):
    """Lose the answer to the engine's first commit, or to the one with this number; the commit itself goes through."""
    save, number = trouble.engine._store.save, 0

    def saved(*aggregates, **named):
        nonlocal number
        positions = save(*aggregates, **named)
        number += "follower" in named
        if "follower" in named and number == which:
            raise psycopg.OperationalError("the server closed the connection")
        return positions

    monkeypatch.setattr(trouble.engine._store, "save", saved)


# --- lost answers ------------------------------------------------------------------------------------------------


def test_a_page_whose_answer_was_lost_is_not_judged_again(two_owners, monkeypatch):
    """Later events do not change that. Counted twice, the sale would take coins from the manual position."""
    lose_answer(two_owners, monkeypatch)
    with pytest.raises(psycopg.OperationalError):
        two_owners.engine.step()
    fill(two_owners, 4, ETHER)
    two_owners.judge()
    assert (held(two_owners, owner="webhook"), held(two_owners), held(two_owners, ETHER)) == (2, 5, 1)


@pytest.mark.parametrize("lost", range(1, 5))
def test_whichever_answer_is_lost_each_event_is_judged_once(trouble, monkeypatch, lost):
    """This holds also when a page is saved in parts. The policy would show every repetition."""
    monkeypatch.setattr(engine, "WHEN", {"Order.Filled": (leaves,)})
    lose_answer(trouble, monkeypatch, which=lost)
    errors = 0
    for number in range(9):
        fill(trouble, number, SYMBOLS[number // 2 % 3])
        if number >= 3:
            try:
                trouble.judge()
            except psycopg.OperationalError:
                errors += 1
    trouble.judge()
    assert errors == 1
    assert told(trouble, "Position.ExitWanted") == told(trouble, "Order.Filled")


def test_while_nobody_can_say_how_far_it_has_come_nothing_is_judged(two_owners, monkeypatch):
    """The database also stays away when the engine asks for its own log position."""
    # Given a commit whose answer was lost.
    lose_answer(two_owners, monkeypatch)
    with pytest.raises(psycopg.OperationalError):
        two_owners.engine.step()
    # When the database stays away.
    position_of = two_owners.engine._store.position_of

    def away(_):
        raise psycopg.OperationalError("the server is away")

    monkeypatch.setattr(two_owners.engine._store, "position_of", away)
    fill(two_owners, 4, ETHER)
    with pytest.raises(psycopg.OperationalError):
        two_owners.engine.step()
    # Then nothing is judged until it is back, and each event once.
    assert held(two_owners, ETHER) is None
    monkeypatch.setattr(two_owners.engine._store, "position_of", position_of)
    two_owners.judge()
    assert (held(two_owners, owner="webhook"), held(two_owners), held(two_owners, ETHER)) == (2, 5, 1)


# --- a second engine ---------------------------------------------------------------------------------------------


def test_what_another_engine_has_judged_is_not_judged_again(trouble, monkeypatch):
    """An engine that was taken for dead commits just when the other one reads the same page."""
    monkeypatch.setattr(engine, "WHEN", {"Order.Filled": (leaves,)})
    other = Engine(trouble.house, Log())
    fill(trouble, 1)
    read = trouble.engine._store.read

    def reads(*named):
        monkeypatch.setattr(trouble.engine._store, "read", read)
        other.step()
        fill(trouble, 2, ETHER)
        return read(*named)

    monkeypatch.setattr(trouble.engine._store, "read", reads)
    trouble.judge()
    assert told(trouble, "Position.ExitWanted") == 2
    assert trouble.engine.position == trouble.store.head()


def test_two_engines_judge_each_event_once(trouble, monkeypatch):
    monkeypatch.setattr(engine, "WHEN", {"Order.Filled": (leaves,)})
    engines = [trouble.engine, Engine(trouble.house, Log())]
    for number in range(8):
        fill(trouble, number, SYMBOLS[number % 3])
        engines[number // 3 % 2].step()
    trouble.judge()
    assert told(trouble, "Position.ExitWanted") == 8


# --- executions that are counted already -------------------------------------------------------------------------


@pytest.mark.parametrize("sold", [8, 10, 12, 15])
def test_executions_that_are_counted_lead_to_nothing(two_owners, sold):
    """It makes no difference whether they sold a part, the whole trade, or coins of another owner as well."""
    fill(two_owners, 4, side=Side.SELL, source=Source.WEBHOOK, quantity=sold - 8 or 1)
    two_owners.judge()
    before = held(two_owners, owner="webhook"), held(two_owners)
    assert said_of_bitcoin_once_more(two_owners) == []
    assert (held(two_owners, owner="webhook"), held(two_owners)) == before


def test_an_execution_of_the_trade_before_is_counted(two_owners):
    """The next trade has begun and holds coins."""
    fill(two_owners, 4, side=Side.SELL, source=Source.WEBHOOK, quantity=2)
    two_owners.judge()
    fill(two_owners, 5, source=Source.WEBHOOK, quantity=3)
    two_owners.judge()
    assert said_of_bitcoin_once_more(two_owners) == []
    assert (held(two_owners, owner="webhook"), held(two_owners)) == (3, 5)


# --- decisions that cannot be saved ------------------------------------------------------------------------------


def test_an_event_whose_consequences_cannot_be_saved_spoils_no_other(trouble):
    """The event is passed over, its owner gets an alert, and the engine goes on."""
    trouble.database.connect().execute(REFUSED.format(topic="Position.Opened", text="ETH"))
    for number, symbol in enumerate(SYMBOLS):
        fill(trouble, number, symbol)
    trouble.judge()
    fill(trouble, 9, BITCOIN)
    trouble.judge()
    assert [held(trouble, symbol) for symbol in SYMBOLS] == [2, None, 1]
    assert trouble.raised() == [(1, Cause.EVENT_PASSED_OVER)]
    assert trouble.engine.position == trouble.store.head()


def test_an_alert_whose_order_cannot_be_saved_is_refused(trouble, monkeypatch):
    """Its owner reads the reason in the console."""
    placed = partial(trouble.database.order, symbol=ETHER)
    monkeypatch.setattr(engine, "WHEN", {"Webhook.Received": (lambda *_: [placed()],)})
    trouble.database.connect().execute(REFUSED.format(topic="Order.Placed", text="ETH"))
    webhook = deliver(trouble)
    trouble.judge()
    found = trouble.store.get(Webhook, webhook)
    assert (found.status, found.reason) == (WebhookStatus.REFUSED, "internal_error")


def test_an_alert_that_cannot_even_be_refused_is_passed_over(trouble, monkeypatch):
    """Its owner gets an alert, as for any other event."""
    monkeypatch.setattr(engine, "WHEN", {**engine.WHEN, "Webhook.Received": (lambda *_: 1 / 0,)})
    trouble.database.connect().execute(REFUSED.format(topic="Webhook.Refused", text=""))
    deliver(trouble)
    fill(trouble, 1)
    trouble.judge()
    assert held(trouble) == 1
    assert trouble.raised() == [(1, Cause.EVENT_PASSED_OVER)]


def test_nothing_is_passed_over_while_nothing_can_be_saved(trouble):
    """A database that saves nothing at all is itself at fault, whatever error it reports."""
    owner = trouble.database.connect()
    fill(trouble, 1)
    owner.execute(f"REVOKE EXECUTE ON {APPENDING} FROM aristobot_writer")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        trouble.judge()
    owner.execute(f"GRANT EXECUTE ON {APPENDING} TO aristobot_writer")
    trouble.judge()
    assert held(trouble) == 1
    assert trouble.raised() == []


@pytest.mark.parametrize("error", [psycopg.OperationalError, psycopg.errors.DiskFull, psycopg.errors.QueryCanceled])
def test_a_database_that_is_away_is_no_reason_to_pass_over(trouble, monkeypatch, error):
    """The engine tries the same event again, however often it has failed."""
    save = trouble.engine._store.save

    def away(*aggregates, **_):
        [*map(Order.collect_events, aggregates)]
        raise error("nobody is there")

    fill(trouble, 1)
    monkeypatch.setattr(trouble.engine._store, "save", away)
    for _ in range(10):
        with pytest.raises(error):
            trouble.engine.step()
    monkeypatch.setattr(trouble.engine._store, "save", save)
    trouble.judge()
    assert held(trouble) == 1
    assert trouble.raised() == []
