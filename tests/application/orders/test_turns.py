"""Turns in an account's room for new orders, and the order of tasks in a lane's agenda."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from application.orders import turns
from application.orders.agenda import Agenda, Task
from application.orders.turns import LIST, SINGLE, Rank, Turns
from application.ports.statements import OrderRoom

WINDOW = 50


def in_a_loop(story):
    async def told():
        return story()

    return asyncio.run(told())


class Window:
    """A window with so many orders used. Fills give them back."""

    def __init__(self, used=0):
        self.used = used
        self.turns = Turns(lambda: OrderRoom(WINDOW - self.used, WINDOW, 3.0))

    def enters(self, protection=LIST):
        """Return an entry that is let through and fills at once, None if it has to wait."""
        entry = uuid4()
        if self.turns.wait(Rank.ENTRY, SINGLE + protection, entry):
            return None
        self.turns.hold(entry, protection)
        return entry


def test_no_entry_takes_the_room_that_the_protection_of_others_needs():
    """The room is kept even when fills give their counts back, so that the window looks unused."""

    def story():
        window = Window()
        entered = [entry for _ in range(60) if (entry := window.enters()) is not None]
        assert len(entered) == (WINDOW - turns.RESERVE - SINGLE - LIST) // LIST + 1 == 23
        assert window.turns.wait(Rank.PROTECTION, LIST) == 0.0
        window.turns.protected(entered[:1])
        window.used += LIST
        assert window.enters() is None
        window.used = 0
        assert window.enters() is not None

    in_a_loop(story)


def test_what_is_kept_for_entries_that_have_rested_for_long_bars_no_other_in_an_unused_window(monkeypatch):
    """The room kept for resting limit buys bars an entry only while the window is in use.

    Otherwise a day's limit buys would bar every other entry for good.
    """

    def story():
        window = Window()
        while window.enters() is not None:
            pass
        monkeypatch.setattr(turns, "SOON_FILLED", 0.0)
        assert window.enters() is not None
        window.used = 1
        assert window.enters() is None

    in_a_loop(story)


def test_a_wish_above_a_whole_window_goes_in_one_that_nobody_has_used():
    def story():
        few = Turns(lambda: OrderRoom(2, 2, 3.0))
        assert few.wait(Rank.ENTRY, SINGLE + LIST) == 0.0
        used = Turns(lambda: OrderRoom(1, 2, 3.0))
        assert used.wait(Rank.ENTRY, SINGLE + LIST) > 0.0

    in_a_loop(story)


@pytest.mark.parametrize("wishes", [1, 5])
async def test_protection_comes_after_one_wish_at_most(wishes):
    """Protection comes after one wish, however many wait. Sends and guards each keep their own order."""
    agenda, guards = Agenda(), [uuid4() for _ in range(2)]
    sends = [uuid4() for _ in range(wishes)]
    for one in sends:
        agenda.put(Task.SEND, one)
    for one in guards:
        agenda.put(Task.GUARD, one)
    taken = [(await agenda.get())[1] for _ in range(wishes + 2)]
    assert agenda.is_empty()
    assert [one for one in taken if one in sends] == sends
    assert [one for one in taken if one in guards] == guards
    assert taken.index(guards[1]) <= 3
    waiting = asyncio.create_task(agenda.get())
    await asyncio.sleep(0)
    agenda.put(Task.GUARD, guards[0])
    assert await waiting == (Task.GUARD, guards[0])
