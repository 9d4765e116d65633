"""Strangers at the door: whoever has no token is refused from memory, bounded, counted, and delays nobody."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import structlog

from aristobot.terminals.receiver.refusals import MOST_ADDRESSES, MOST_PER_MINUTE, OTHERS, Refusals
from tests.terminals.receiver.served import OK, UNKNOWN, alert
from web import connection

LOCKED = "LOCK TABLE vault.webhook_tokens, vault.ended_tokens, log.events IN ACCESS EXCLUSIVE MODE"


def answers(door, bodies, tokens=None):
    return [sender.answer() for sender in door.send(bodies, tokens)]


def said(door, raw, *, seconds=30.0):
    """Send bytes over a connection and return all that the door says before it hangs up."""
    with socket.create_connection(("127.0.0.1", door.port), seconds) as opened:
        opened.sendall(raw)
        told = b""
        while more := opened.recv(65536):
            told += more
        return told


def refusals(database):
    query = "SELECT reason, address, times FROM service.refused_attempts ORDER BY reason, address"
    return database.connect().execute(query).fetchall()


def test_a_stranger_is_refused_while_the_database_answers_nothing(door, eventually):
    """Memory knows all tokens. The strangers leave nothing on disk, where the deliveries of others wait."""
    assert answers(door, [alert(0)]) == [OK]
    with door.database.connect() as other, other.transaction():
        other.execute(LOCKED)
        began = time.monotonic()
        assert answers(door, [alert(n) for n in range(20)], [f"nobodys{n}" for n in range(20)]) == [UNKNOWN] * 20
        assert answers(door, [alert("honest")]) == [OK]
        assert len([*door.spool.glob("*.delivery")]) == 1
        assert time.monotonic() - began < 30
    eventually(lambda: not [*door.spool.iterdir()])
    assert door.received() == [alert(0), alert("honest")]


def test_a_new_address_is_good_at_once_and_a_former_one_no_longer(door, eventually):
    """A token is made by another process. Whoever is unknown is looked for once more."""
    former = door.token
    assert answers(door, [alert(0)]) == [OK]
    token = door.tokens.rotate(1)
    assert answers(door, [alert(1)], [token]) == [OK]
    eventually(lambda: answers(door, [alert(2)], [former]) == [UNKNOWN])


def test_what_was_acknowledged_survives_a_rotation_of_its_address(door, eventually):
    """The deliveries wait on disk while the address is replaced. They were received before, and count."""
    bodies = [alert(number) for number in range(5)]
    with door.held_up():
        assert answers(door, bodies) == [OK] * 5
        door.tokens.rotate(1)
    eventually(lambda: not [*door.spool.glob("*.delivery")])
    eventually(lambda: len(door.received()) == 5)
    assert door.received() == bodies
    assert not [*door.spool.glob("*.aside")]


def test_refusals_are_counted_together(door, eventually):
    """Many refusals are one row and one statement, whatever tokens they carry."""
    count = 50
    assert {*answers(door, [alert(n) for n in range(count)], [f"wrong{n}" for n in range(count)])} == {UNKNOWN}
    eventually(lambda: refusals(door.database) == [("wrong_token", "127.0.0.1", count)])


def test_a_good_token_is_never_refused_for_its_address(door):
    """Its address has had so many refusals that strangers are told to come more slowly."""
    tokens = [f"wrong{number}" for number in range(MOST_PER_MINUTE + 5)]
    told = answers(door, [alert(0)] * len(tokens), tokens)
    assert (told.count(UNKNOWN), told.count(b"429")) == (MOST_PER_MINUTE, 5)
    assert answers(door, [alert(1)]) == [OK]


def test_a_source_has_a_network_and_there_are_not_endlessly_many(database):
    """Addresses of one IPv6 subscriber count as one. Beyond a thousand all others count together."""
    refused = Refusals(database.store("aristobot_writer").pool, structlog.get_logger())
    for number in range(300):
        refused.count("wrong_token", f"2001:db8::{number:x}")
    for number in range(MOST_ADDRESSES + 10):
        refused.count("wrong_token", f"10.0.{number // 256}.{number % 256}")
    refused.write()
    rows = {address: times for _, address, times in refusals(database)}
    assert (rows["2001:db8::/64"], rows[OTHERS], len(rows)) == (300, 11, MOST_ADDRESSES + 1)


def test_refusals_wait_for_the_database(database):
    """They are written with the next ones, each of them once."""
    refused = Refusals(database.store("aristobot_writer").pool, structlog.get_logger())
    owner = database.connect()
    with owner.transaction():
        owner.execute("LOCK TABLE service.refused_attempts")
        refused.count("wrong_token", "192.0.2.1")
        writing = threading.Thread(target=refused.write)
        writing.start()
        refused.count("wrong_token", "192.0.2.1")
    writing.join()
    refused.write()
    assert refusals(database) == [("wrong_token", "192.0.2.1", 2)]


@pytest.mark.parametrize("path", ["/webhook/receive", "/", "/webhook/receive?token=x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_upgrade_is_refused(door, method, path):
    """The door speaks HTTP only. An upgrade is an ordinary request that leads nowhere."""
    told = said(
        door,
        f"{method} {path} HTTP/1.1\r\nHost: door\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode(),
    )
    assert told.split(b" ")[1] in {b"401", b"404", b"405"}


@pytest.mark.parametrize(
    "head",
    [
        "X-Long: " + "x" * 20_000,
        "\r\n".join(f"X-{number}: {'x' * 100}" for number in range(200)),
        "X-Endless: " + "x" * 2_000_000,
    ],
)
def test_headers_have_a_bound(door, head):
    """A request with more than 16 KiB of headers is refused, and its connection ends before the rest is read."""
    try:
        told = said(door, f"POST /webhook/receive?token={door.token} HTTP/1.1\r\nHost: door\r\n{head}\r\n\r\n".encode())
    except ConnectionError:
        told = b"HTTP/1.1 431 "  # it hung up while we still sent
    assert told.startswith(b"HTTP/1.1 431 ")
    assert answers(door, [alert(0)]) == [OK]


@pytest.mark.parametrize("token", ["good", "wrong"])
def test_what_follows_the_last_chunk_has_a_bound(door, token):
    """A trailer without end is no header and no body, and would keep the door busy."""
    head = f"POST /webhook/receive?token={door.token if token == 'good' else token} HTTP/1.1\r\nHost: door\r\n"
    with socket.create_connection(("127.0.0.1", door.port), 30) as opened:
        opened.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: ".encode())
        sent = 0
        try:
            while sent < 50_000_000:
                opened.sendall(b"a" * 65536)
                sent += 65536
        except ConnectionError:
            pass
    assert sent < 5_000_000
    assert answers(door, [alert(0)]) == [OK]
    assert door.received() == [alert(0)]


def test_a_request_behind_another_has_the_same_time(door, monkeypatch):
    """The head of a second request comes with the first one, and its body does not come."""
    monkeypatch.setattr(connection, "READING_SECONDS", 0.5)
    head = f"POST /webhook/receive?token={door.token} HTTP/1.1\r\nHost: door\r\nContent-Length: "
    with socket.create_connection(("127.0.0.1", door.port), 30) as opened:
        opened.sendall(f"{head}{len(alert(0))}\r\n\r\n{alert(0)}{head}100\r\n\r\n12345".encode())
        assert opened.recv(1000).startswith(b"HTTP/1.1 200")
        assert ends(opened)
    assert door.received() == [alert(0)]


def test_who_only_listens_any_more_gets_the_answer(door):
    """The sender closes its side once everything is sent."""
    head = f"POST /webhook/receive?token={door.token} HTTP/1.1\r\nHost: door\r\nContent-Length: {len(alert(0))}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", door.port), 30) as opened:
        opened.sendall(f"{head}{alert(0)}".encode())
        opened.shutdown(socket.SHUT_WR)
        assert opened.recv(1000).startswith(b"HTTP/1.1 200")
    assert door.received() == [alert(0)]


def test_a_request_line_has_a_bound(door):
    """So has what comes before the headers."""
    assert said(door, b"GET /" + b"x" * 30_000 + b" HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 431 ")


def test_what_is_no_request_gets_the_error_of_all_errors(door):
    """It is told in the form that all errors have."""
    told = said(door, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"not_http"' in told


def ends(opened):
    """Return True when the other side ends a connection within 20 s."""
    opened.settimeout(20)
    try:
        return opened.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_a_request_that_does_not_arrive_is_cut_off(door, monkeypatch):
    """Nothing at all, half a head, or half a body: each connection ends after a while, and is no delivery."""
    monkeypatch.setattr(connection, "READING_SECONDS", 0.5)
    head = f"POST /webhook/receive?token={door.token} HTTP/1.1\r\nHost: door\r\nContent-Length: 10\r\n\r\n"
    slow = [socket.create_connection(("127.0.0.1", door.port), 30) for _ in range(3)]
    slow[1].sendall(head[:20].encode())
    slow[2].sendall(head.encode() + b"12345")
    assert all(ends(one) for one in slow)
    assert answers(door, [alert(0)]) == [OK]
    assert door.received() == [alert(0)]


def is_open(one):
    """Return True unless the door has hung up on a connection."""
    one.setblocking(False)
    try:
        return bool(one.recv(1))
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def test_a_crowd_of_strangers_is_cut_off_and_a_good_sender_among_them_is_not(door, monkeypatch, eventually):
    """Connections of one address that have shown nothing good end sooner while there are too many of them."""
    monkeypatch.setattr(connection, "CROWDED_SECONDS", 1.0)
    monkeypatch.setattr(connection, "READING_SECONDS", 300.0)
    head = f"POST /webhook/receive?token={door.token} HTTP/1.1\r\nHost: door\r\nContent-Length: {len(alert(0))}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", door.port), 30) as good:
        good.sendall(head.encode() + alert(0).encode())
        assert good.recv(1000).startswith(b"HTTP/1.1 200")
        good.sendall(head.encode())
        crowd = [socket.create_connection(("127.0.0.1", door.port), 30) for _ in range(connection.CROWD + 20)]
        eventually(lambda: sum(map(is_open, crowd)) <= connection.CROWD)
        good.sendall(alert(1).encode())
        assert good.recv(1000).startswith(b"HTTP/1.1 200")
    assert door.received() == [alert(0), alert(1)]
