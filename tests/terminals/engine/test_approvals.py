"""The engine asks, waits and refuses: whatever fails on the way, an entry is not executed."""

from __future__ import annotations

import threading
from datetime import timedelta

import psycopg
import pytest

from application.webhooks import streams
from application.webhooks.reception import receive
from aristobot.supervision.liveness import Pulse
from aristobot.terminals.engine import approvals
from aristobot.terminals.engine import terminal as engine
from aristobot.wiring import utc_now
from domain.aggregate import carrying
from domain.people.broker import Broker, Exchange, Venue
from domain.webhooks.gates import Gates
from domain.webhooks.stream_state import StreamKey
from domain.webhooks.webhook import Webhook, WebhookStatus
from tests.application.webhooks.house import BTC, alert
from tests.support.log import Log
from tests.terminals.trouble import troubled

STREAM = StreamKey(1, 1, "BTCUSDT", "5", "EMA").id


@pytest.fixture
def trouble(database, valkey, tmp_path, monkeypatch):
    """Yield a platform whose stream asks for its first entry."""
    with troubled(database, valkey, tmp_path, monkeypatch) as made:
        monkeypatch.setattr(made.house.markets, "of", lambda *_: {"BTCUSDT": BTC})
        with carrying(user="1"):
            made.store.save(Broker.connect(1, 1, Exchange.BINANCE, Venue.PAPER, "paper"))
        deliver(made, "PING")
        streams.set_gates(made.store, 1, STREAM, Gates(approved=1))
        yield made


def deliver(trouble, action):
    """Let an alert of the stream be judged, and return its webhook's id."""
    body = alert(action, IndicateurName='"EMA"', BarTime=None)
    webhook = receive(trouble.store, 1, body, "192.0.2.1", utc_now())
    trouble.judge()
    return webhook


def state_of(trouble, webhook_id):
    webhook = trouble.store.get(Webhook, webhook_id)
    return webhook.status, webhook.reason


def orders(trouble):
    return trouble.store.read(0, topics=["Order.Placed"])


def expire(trouble, after):
    """Let the engine look once, so long from now."""
    stopping, pulse = threading.Event(), Pulse()

    def now():
        stopping.set()
        return utc_now() + after

    approvals.keep(trouble.store, now, Log(), stopping, pulse)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(approvals, "LOOK_SECONDS", 0.0)


def test_without_an_answer_nothing_is_executed(trouble):
    entry = deliver(trouble, "BuyMarket")
    expire(trouble, timedelta(minutes=4))
    assert state_of(trouble, entry)[0] is WebhookStatus.ASKED
    expire(trouble, timedelta(minutes=5, seconds=2))
    assert state_of(trouble, entry) == (WebhookStatus.REFUSED, "approval_expired")
    assert orders(trouble) == []


def test_a_database_that_is_away_delays_the_end_and_executes_nothing(trouble, monkeypatch):
    entry, asked = deliver(trouble, "BuyMarket"), trouble.store.webhooks_asked
    monkeypatch.setattr(approvals, "PAUSE_SECONDS", 0.0)

    def away():
        monkeypatch.setattr(trouble.store, "webhooks_asked", asked)
        raise psycopg.OperationalError("the server closed the connection")

    monkeypatch.setattr(trouble.store, "webhooks_asked", away)
    expire(trouble, timedelta(minutes=6))
    assert state_of(trouble, entry)[0] is WebhookStatus.ASKED
    expire(trouble, timedelta(minutes=6))
    assert state_of(trouble, entry) == (WebhookStatus.REFUSED, "approval_expired")


@pytest.mark.parametrize("topic", ["Webhook.Received", "Webhook.Asked", "Webhook.Approved"])
def test_an_engine_that_fails_over_the_question_or_its_answer_executes_nothing(trouble, monkeypatch, topic):
    """An alert that cannot be judged, and an answer that cannot be carried out, end as refused."""

    def fails(*_):
        raise ValueError("a fault")

    monkeypatch.setattr(engine, "WHEN", {**engine.WHEN, topic: (fails,)})
    entry = deliver(trouble, "BuyMarket")
    if topic != "Webhook.Received":
        with carrying(user="1"):
            webhook = trouble.store.get(Webhook, entry)
            if topic == "Webhook.Approved":
                webhook.approve(1, utc_now())
                trouble.store.save(webhook)
        trouble.judge()
    waits = topic == "Webhook.Asked"
    assert state_of(trouble, entry) == (
        (WebhookStatus.ASKED, None) if waits else (WebhookStatus.REFUSED, "internal_error")
    )
    assert orders(trouble) == []


def test_an_answer_is_carried_out_once(trouble):
    entry = deliver(trouble, "BuyMarket")
    with carrying(user="1"):
        webhook = trouble.store.get(Webhook, entry)
        webhook.approve(1, utc_now())
        trouble.store.save(webhook)
    trouble.judge()
    [approved] = trouble.store.read(0, topics=["Webhook.Approved"])
    trouble.database.connect().execute(
        "UPDATE log.followers SET position = %s WHERE name = 'engine'", (approved.position - 1,)
    )
    trouble.engine = engine.Engine(trouble.house, Log())
    trouble.judge()
    assert len(orders(trouble)) == 1
    assert state_of(trouble, entry)[0] is WebhookStatus.TAKEN
