"""Turns: who may use an account's room for new orders, which an exchange bounds by window."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from enum import IntEnum
from math import inf
from typing import NamedTuple
from uuid import UUID

from application.ports.exchange import OrderRoom

LIST, SINGLE = 2, 1
"""How many new orders a list and an order of its own count as."""
RESERVE = LIST
"""What entries leave free: a stop that has to be placed must never wait for one."""
STAGGER = 0.02
"""Seconds by which each rank waits longer than the one before it, so that they come back in their order."""
SHORTEST_WAIT = 0.05
SOON_FILLED = 60.0
"""Seconds within which an entry that was sent may well need its protection."""


class Rank(IntEnum):
    """What goes first when there is not room for everything."""

    RESCUE = 0
    """A stop where none rests, and the sale that a passed stop stood for."""
    EXIT = 1
    PROTECTION = 2
    """The first protection of a fill."""
    MOVE = 3
    """A change of a stop that rests."""
    ENTRY = 4


class Held(NamedTuple):
    """How many orders are kept for the protection of an entry that was sent, and since when (by the loop's clock)."""

    orders: int
    since: float


class Turns:
    """The turns of one account. `room` tells how many new orders it may still send."""

    def __init__(self, room: Callable[[], OrderRoom]) -> None:
        self._room = room
        self._held: dict[UUID, Held] = {}

    def wait(self, rank: Rank, orders: int, entry: UUID | None = None) -> float:
        """Return how many seconds to wait before so many new orders may be sent, 0 for none. `entry` is who asks.

        A wish that asks for more than a whole window allows is let through in a window that nobody has used. What is
        kept for entries that have rested for long bars no other in such a window: they need not fill at once.
        """
        room = self._room()
        if room.left is None or room.most is None:
            return 0.0
        reserve, kept = (RESERVE, self._kept_for_others(entry, room)) if rank is Rank.ENTRY else (0, 0)
        if room.left >= min(orders + reserve, room.most) + kept:
            return 0.0
        return max(room.seconds, SHORTEST_WAIT) + STAGGER * rank

    def _kept_for_others(self, entry: UUID | None, room: OrderRoom) -> int:
        """Return how many orders are kept for the protection of the entries that were sent, without this one."""
        since = asyncio.get_running_loop().time() - SOON_FILLED if room.left == room.most else -inf
        return sum(held.orders for one, held in self._held.items() if one != entry and held.since > since)

    def hold(self, entry: UUID, orders: int) -> None:
        """Keep room for the protection of an entry until it is protected or has ended."""
        if orders:
            self._held.setdefault(entry, Held(orders, asyncio.get_running_loop().time()))

    def release(self, entry: UUID) -> None:
        """The entry needs no more room: it is protected, or nothing will come of it."""
        self._held.pop(entry, None)

    def protected(self, entries: Container[UUID]) -> None:
        """These entries are protected."""
        for entry in [*self._held]:
            if entry in entries:
                del self._held[entry]
