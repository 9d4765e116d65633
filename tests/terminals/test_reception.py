"""The door's reception: whatever happens to a delivery, it is in the log, in the spool, or set aside; never lost."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
import structlog

from aristobot.settings import Settings
from aristobot.terminals.receiver import Reception
from aristobot.wiring import House

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PING = b'{"Action":"PING","UserID":1,"BarTime":"2026-03-02T09:25:00Z"}'


@pytest.fixture
def reception(database, tmp_path, monkeypatch):
    """A reception on a real database, and a token of user 1."""
    monkeypatch.setenv("ARISTOBOT_SECRET_KEY", database.secret)
    monkeypatch.setenv("ARISTOBOT_HOME", str(tmp_path))
    monkeypatch.setenv("ARISTOBOT_DATABASE_URL", database.url_for("aristobot_web"))
    web = House(Settings.read())
    with web.pool:
        token = web.vault.rotate_token(1)
    monkeypatch.setenv("ARISTOBOT_DATABASE_URL", database.url_for("aristobot_writer"))
    house = House(Settings.read())
    with house.pool:
        yield Reception(house, structlog.get_logger()), token


def topics(database):
    """What is in the log."""
    with database.connect() as owner:
        return [row[0] for row in owner.execute("SELECT topic FROM log.events ORDER BY position")]


def test_a_delivery_is_in_the_log_when_the_door_answers(database, reception):
    """And a token that is nobody's is told apart."""
    door, token = reception
    assert door.deliver(token, PING, "192.0.2.1", NOW)
    assert not door.deliver("nobody's", PING, "192.0.2.1", NOW)
    assert topics(database) == ["Webhook.Received"]


def test_what_the_log_refuses_is_set_aside_and_the_next_goes_through(database, reception, eventually):
    """The door answers as always; the delivery is kept sealed on disk and nobody waits for it."""
    door, token = reception
    grant = "EXECUTE ON FUNCTION log.append"
    with database.connect() as owner:
        owner.execute(f"REVOKE {grant} FROM aristobot_writer")
        assert door.deliver(token, PING, "192.0.2.1", NOW)
        assert len(door.spool) == 1
        stopping = threading.Event()
        draining = threading.Thread(target=door.drain, args=(stopping,))
        draining.start()
        try:
            eventually(lambda: door.spool.aside == 1 and not len(door.spool))
            owner.execute(f"GRANT {grant} TO aristobot_writer")
            eventually(lambda: door.deliver(token, PING, "192.0.2.1", NOW) and topics(database))
        finally:
            stopping.set()
            draining.join()
    assert topics(database)[0] == "Webhook.Received"


def test_a_spooled_file_that_cannot_be_read_stands_in_no_deliverys_way(reception, database, eventually, tmp_path):
    """It is set aside, and what was kept before and after it comes into the log."""
    door, token = reception
    for minute in ("25", "26", "27"):
        door.keep(token, PING.replace(b"09:25", b"09:" + minute.encode()), "192.0.2.1", NOW)
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
    assert door.deliver(token, PING.replace(b"09:25", b"09:28"), "192.0.2.1", NOW)
    assert topics(database) == ["Webhook.Received"] * 3
