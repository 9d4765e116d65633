"""The log keeps the order of reception of many deliveries over real sockets, with PostgreSQL there or away.

A delivery is received when its body is complete. Each test opens its connections first and completes the bodies one
after another without waiting for an answer, so the order of reception is known.
"""

from __future__ import annotations

import random

from tests.terminals.receiver.served import OK, TOO_LARGE, UNKNOWN, Sender, alert

AT_ONCE, WITHIN_A_MILLISECOND, ROUNDS = 200, 9, 12


def test_many_at_once_are_in_the_log_in_the_order_in_which_they_were_complete(door):
    """The order of the connections does not matter."""
    bodies = [alert(number) for number in range(AT_ONCE)]
    random.Random(7).shuffle(bodies)
    assert {sender.answer() for sender in door.send(bodies)} == {OK}
    assert door.received() == bodies
    assert not [*door.spool.iterdir()]


def test_alerts_within_a_millisecond_keep_their_order_every_time(door):
    """A few come together, again and again, as a strategy's alerts on one bar do."""
    rounds = [[alert(f"{turn} {one}") for one in range(WITHIN_A_MILLISECOND)] for turn in range(ROUNDS)]
    for bodies in rounds:
        assert {sender.answer() for sender in door.send(bodies)} == {OK}
    assert door.received() == [body for bodies in rounds for body in bodies]


def test_what_is_received_grows_with_the_log(door):
    """The time of reception is when the whole body has arrived, not when it began to."""
    bodies = [alert(number) for number in range(20)]
    senders = [Sender(door, body) for body in bodies]
    door.settle()
    for sender in reversed(senders):
        sender.complete()
    assert {sender.answer() for sender in senders} == {OK}
    times = [one.event.received_at for one in door.store.read(0, topics=["Webhook.Received"])]
    assert times == sorted(times)
    assert door.received() == bodies[::-1]


def test_what_comes_while_an_append_is_under_way_is_one_append_after_it(door, eventually):
    """All of them are one append, however many they are, and none is answered before it."""
    with door.held_up():
        first = door.send([alert(0)])
        eventually(door.waits)
        senders = door.send([alert(number) for number in range(1, 40)])
        door.settle()
        assert door.log() == []
    assert {sender.answer() for sender in first + senders} == {OK}
    assert door.received() == [alert(number) for number in range(40)]
    assert door.commits() == [1, 39]


def test_deliveries_of_one_tick_that_are_no_good_spoil_no_other(door, eventually):
    """They have a wrong token or a body that is too long or unreadable, or repeat each other or the past."""
    # Given a delivery in the log.
    old, twice = alert("old"), alert("twice")
    assert [sender.answer() for sender in door.send([old])] == [OK]
    bodies = [alert(1), "not json", alert(2), twice, alert(3), old, twice, "{nor this", alert(4)]
    tokens: list[str | None] = [None, None, "nobodys", None, None, None, None, None, None]
    # When good and bad deliveries come together while an append is under way.
    with door.held_up():
        first = door.send([alert(0)])
        eventually(door.waits)
        senders = door.send(bodies, tokens)
        large = Sender(door, "x" * 70_000)
        assert large.answer() == TOO_LARGE
    # Then each has its own answer, and the good ones are in the log in order.
    assert [sender.answer() for sender in first + senders] == [OK, OK, OK, UNKNOWN, *[OK] * 6]
    assert door.log() == [
        ("Received", old),
        ("Received", alert(0)),
        ("Received", alert(1)),
        ("Received", "not json"),
        ("Received", twice),
        ("Received", alert(3)),
        ("Repeated", None),
        ("Repeated", None),
        ("Received", "{nor this"),
        ("Received", alert(4)),
    ]
    assert not [*door.spool.iterdir()]


def test_what_waits_longer_than_the_sender_does_goes_to_disk_in_its_order(door, eventually):
    """An append hangs. All waiting deliveries go to disk, and later ones do not overtake them."""
    bodies = [alert(number) for number in range(60)]
    with door.held_up():
        senders = door.send(bodies[:1])
        eventually(door.waits)
        senders += door.send(bodies[1:30])
        assert {sender.answer() for sender in senders} == {OK}
        assert len([*door.spool.glob("*.delivery")]) == 30
        assert {sender.answer() for sender in door.send(bodies[30:50])} == {OK}
    assert {sender.answer() for sender in door.send(bodies[50:])} == {OK}
    eventually(lambda: not [*door.spool.iterdir()])
    eventually(lambda: len(door.received()) == len(bodies))
    assert door.received() == bodies


def test_one_that_cannot_be_recorded_fails_alone(door, eventually):
    """Its owner's key cannot be opened. It is set aside, and the others are in the log in order."""
    other = door.tokens.rotate(2)
    owner = door.database.connect()
    owner.execute("INSERT INTO vault.person_keys (person, key) VALUES (2, 'no key at all')")
    bodies = [alert(number) for number in range(8)]
    with door.held_up():
        senders = door.send(bodies[:1])
        eventually(door.waits)
        senders += door.send(bodies[1:], [None, None, other, None, None, None, None])
    assert {sender.answer() for sender in senders} == {OK}
    eventually(lambda: not [*door.spool.glob("*.delivery")])
    eventually(lambda: len(door.received()) == len(bodies) - 1)
    assert door.received() == [body for number, body in enumerate(bodies) if number != 3]
    assert len([*door.spool.glob("*.aside")]) == 1


def test_a_full_disk_is_told_to_each_sender_that_it_concerns(door, eventually, monkeypatch):
    """Deliveries that fit are kept. The sender of any other gets 500, and its delivery does not count as durable."""
    tried = []

    def sync(descriptor):
        tried.append(descriptor)
        if len(tried) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("adapters.spool.os.fsync", sync)
    with door.held_up():
        senders = door.send([alert(0)])
        eventually(door.waits)
        senders += door.send([alert(1), alert(2)])
        assert sorted(sender.answer() for sender in senders) == [OK, OK, b"500"]
    eventually(lambda: not [*door.spool.iterdir()])
    eventually(lambda: len(door.received()) == 2)
    assert door.received() == [alert(0), alert(2)]
