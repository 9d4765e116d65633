"""The door's reception: a delivery is always in the log, in the spool or set aside, and never lost."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from adapters.spool import Delivery
from application.webhooks.reception import Delivered, receive, receive_all
from aristobot.settings import Settings
from aristobot.terminals.receiver.reception import Reception
from aristobot.wiring import House
from domain.aggregate import carrying
from domain.webhooks.webhook import Webhook
from domain.webhooks.webhook_message import WebhookMessage
from web.door import NotReady

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PING = b'{"Action":"PING","UserID":1,"BarTime":"2026-03-02T09:25:00Z"}'


@pytest.fixture
def reception(database, tmp_path, monkeypatch):
    """Yield a reception on a real database, and a token of user 1."""
    monkeypatch.setenv("ARISTOBOT_SECRET_KEY", database.secret)
    monkeypatch.setenv("ARISTOBOT_HOME", str(tmp_path))
    monkeypatch.setenv("ARISTOBOT_DATABASE_URL", database.url_for("aristobot_web"))
    web = House(Settings.read())
    with web.pool:
        token = web.tokens.rotate(1)
    monkeypatch.setenv("ARISTOBOT_DATABASE_URL", database.url_for("aristobot_writer"))
    house = House(Settings.read())
    with house.pool:
        yield Reception(house, structlog.get_logger()), token


def topics(database):
    """Return the topics of all events in the log."""
    with database.connect() as owner:
        return [row[0] for row in owner.execute("SELECT topic FROM log.events ORDER BY position")]


def test_a_delivery_is_in_the_log_when_the_door_answers(database, reception):
    """A token that belongs to no user is refused."""
    door, token = reception
    assert door.take(token, PING, "192.0.2.1", NOW).result()
    assert not door.take("nobody's", PING, "192.0.2.1", NOW).result()
    assert topics(database) == ["Webhook.Received"]


def test_what_the_log_refuses_is_set_aside_and_the_next_goes_through(database, reception, eventually):
    """The door answers as always. The refused delivery is kept sealed on disk, and none waits for it."""
    door, token = reception
    grant = "EXECUTE ON FUNCTION log.append"
    with database.connect() as owner:
        owner.execute(f"REVOKE {grant} FROM aristobot_writer")
        assert door.take(token, PING, "192.0.2.1", NOW).result()
        assert len(door.spool) == 1
        stopping = threading.Event()
        draining = threading.Thread(target=door.drain, args=(stopping,))
        draining.start()
        try:
            eventually(lambda: door.spool.aside == 1 and not len(door.spool))
            owner.execute(f"GRANT {grant} TO aristobot_writer")
            eventually(lambda: door.take(token, PING, "192.0.2.1", NOW).result() and topics(database))
        finally:
            stopping.set()
            draining.join()
    assert topics(database)[0] == "Webhook.Received"


def test_a_spooled_file_that_cannot_be_read_stands_in_no_deliverys_way(reception, database, eventually, tmp_path):
    """It is set aside, and the deliveries kept before and after it reach the log."""
    door, token = reception
    for minute in ("25", "26", "27"):
        door.spool.put(Delivery(token, PING.replace(b"09:25", b"09:" + minute.encode()), "192.0.2.1", NOW))
    door = Reception(door._house, structlog.get_logger())  # as the next process would find it
    sorted((tmp_path / "spool").glob("*.delivery"))[1].write_bytes(b"damaged")
    stopping = threading.Event()
    draining = threading.Thread(target=door.drain, args=(stopping,))
    draining.start()
    try:
        eventually(lambda: not len(door.spool))
    finally:
        stopping.set()
        draining.join()
    bodies = [recorded.event.body for recorded in database.store().read(0, topics=["Webhook.Received"])]
    assert bodies == [PING.decode(), PING.decode().replace("09:25", "09:27")]
    assert door.spool.aside == 1
    assert door.take(token, PING.replace(b"09:25", b"09:28"), "192.0.2.1", NOW).result()
    assert topics(database) == ["Webhook.Received"] * 3


def exit_alert(user, name):
    return (
        f'{{"Symbol":"BTCUSDT","Action":"SellMarket","UserID":{user},"UserExchangeID":1,"PourCent":50,"Interval":"5",'
        f'"IndicateurName":"{name}","BarTime":"2026-03-02T09:25:00Z"}}'
    ).encode()


def history(store, user):
    """Return a user's webhook events in log order: topic, the body of a new one, and source."""
    found = []
    for one in store.read(0, topics=["Webhook.Received", "Webhook.Repeated"]):
        if one.event.metadata["user"] == str(user):
            body = getattr(one.event, "body", "").replace(f'"UserID":{user}', '"UserID":0')
            found.append((one.topic, body, one.event.metadata["source"]))
    return found


def test_what_is_appended_together_means_what_it_means_one_by_one(database):
    """One user's deliveries are appended together, another's one by one.

    They are new ones, repetitions, an exit that was refused before, and one of a former identity.
    """
    # Given a refused exit and a webhook under its former identity, for each of two users.
    store, later = database.store(), NOW + timedelta(seconds=5)
    for user in (1, 2):
        receive(store, user, exit_alert(user, "refused"), "192.0.2.1", NOW, former_until=NOW - timedelta(days=1))
        refused = Webhook.create_id(WebhookMessage.parse(exit_alert(user, "refused")).webhook_id(user, NOW))
        webhook, former = (
            store.get(Webhook, refused),
            WebhookMessage.parse(exit_alert(user, "former")).former_id(user, NOW),
        )
        with carrying(user=str(user), source="receiver"):
            webhook.refuse("symbol_unknown", "")
            store.save(webhook, Webhook.receive(former, user, exit_alert(user, "former"), "192.0.2.1", NOW))
    names = ["new", "refused", "new", "former", "refused", "other", "new"]

    def deliveries(user):
        bodies = [exit_alert(user, name) for name in names]
        return [Delivered(user, body, "192.0.2.1", later + timedelta(seconds=n)) for n, body in enumerate(bodies)]

    # When the same deliveries come one by one for one user and together for the other.
    one_by_one = [receive(store, 1, one.body, one.address, one.received_at) for one in deliveries(1)]
    together = [*receive_all(store, deliveries(2))]
    # Then both users have the same history.
    assert history(store, 2)[1:] == history(store, 1)[1:]
    assert [together.index(one) for one in together] == [one_by_one.index(one) for one in one_by_one]
    assert len(set(together)) == 4


@contextmanager
def draining(door):
    """Drain the spool meanwhile."""
    stopping = threading.Event()
    thread = threading.Thread(target=door.drain, args=(stopping,))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def spooled(door, *deliveries):
    """Return the reception that the next process would have, with deliveries in its spool."""
    for one in deliveries:
        door.spool.put(one)
    return Reception(door._house, structlog.get_logger())


def test_what_no_token_opens_is_set_aside_and_told(database, reception, eventually):
    """It was acknowledged once, so it is never deleted. The figures tell of it, and the good one is in the log."""
    door, token = reception
    door = spooled(door, Delivery("nobody's", PING, "192.0.2.1", NOW), Delivery(token, PING, "192.0.2.1", NOW))
    assert door.figures()["spool"] == 2
    with draining(door):
        eventually(lambda: not len(door.spool))
    assert door.figures() == {"spool": 0, "spool_age": None, "aside": 1, "not_kept": 0}
    assert topics(database) == ["Webhook.Received"]


def test_what_waits_of_a_forgotten_person_goes_with_everything_of_theirs(database, reception, eventually):
    """It is neither recorded nor kept, and so is what had been set aside before."""
    door, token = reception
    door.spool.set_aside(Delivery(token, b"set aside before", "192.0.2.1", NOW))
    door = spooled(door, Delivery(token, PING, "192.0.2.1", NOW))
    with database.connect() as owner:
        owner.execute("SELECT vault.forget(1)")
    with draining(door):
        eventually(lambda: not len(door.spool))
    door.forget()
    assert door.figures() == {"spool": 0, "spool_age": None, "aside": 0, "not_kept": 0}
    assert topics(database) == []


def test_a_door_that_knows_no_tokens_keeps_only_so_many(database, reception, monkeypatch):
    """It has started while the database is away. Beyond that it says that it is not ready, and nothing is lost."""
    door, token = reception
    monkeypatch.setattr("aristobot.terminals.receiver.reception.MOST_UNPROVEN", 2)
    for minute in (b"25", b"26"):
        assert door.take(token, PING.replace(b"25", minute), "192.0.2.1", NOW).result()
    with pytest.raises(NotReady):
        door.take(token, PING, "192.0.2.1", NOW).result()
    stopping = threading.Event()
    threading.Thread(target=door.tokens.keep, args=(stopping,), daemon=True).start()
    door.read_again().result(10)
    stopping.set()
    assert door.take(token, PING, "192.0.2.1", NOW).result()
    assert len(topics(database)) == 3


def test_a_spool_of_thousands_is_a_few_commits(database, reception, eventually):
    """Many deliveries are drained in one commit, in the order in which they were received."""
    door, token = reception
    bodies = [PING.replace(b'"UserID":1', b'"UserID":1,"N":%d' % n) for n in range(450)]
    door = spooled(door, *(Delivery(token, body, "192.0.2.1", NOW) for body in bodies))
    with draining(door):
        eventually(lambda: not len(door.spool))
    with database.connect() as owner:
        query = "SELECT count(*) FROM log.events GROUP BY xmin ORDER BY min(position)"
        assert [row[0] for row in owner.execute(query)] == [200, 200, 50]
    read = database.store().read(0, 1000, topics=["Webhook.Received"])
    assert [recorded.event.body.encode() for recorded in read] == bodies
