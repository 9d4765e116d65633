"""Turns: sharing an account's room for new orders, which the exchange limits per time window."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from enum import IntEnum
from math import inf
from typing import NamedTuple
from uuid import UUID

from application.ports.statements import OrderRoom

LIST, SINGLE = 2, 1
"""The number of new orders that a list counts as, and a single order."""
RESERVE = LIST
"""The room that entries leave free, so that a stop never waits because of an entry."""
STAGGER = 0.02
"""Seconds by which each rank waits longer than the one before it, so that they return in the order of rank."""
SHORTEST_WAIT = 0.05
SOON_FILLED = 60.0
"""Seconds after sending within which an entry may well fill and need its protection."""


class Rank(IntEnum):
    """The order of precedence when there is not enough room for everything."""

    RESCUE = 0
    """A stop where none rests, or the sale that stands in for a passed stop."""
    EXIT = 1
    PROTECTION = 2
    """The first protection of a fill."""
    MOVE = 3
    """A change of a stop that rests."""
    ENTRY = 4


class Held(NamedTuple):
    """The number of orders kept for the protection of a sent entry, and the time since (by the loop's clock)."""

    orders: int
    since: float


class Turns:
    """The turns of one account. `room` returns how many new orders the account may still send."""

    def __init__(self, room: Callable[[], OrderRoom]) -> None:
        self._room = room
        self._held: dict[UUID, Held] = {}

    def wait(self, rank: Rank, orders: int, entry: UUID | None = None) -> float:
        """Return the seconds to wait before `orders` new orders may be sent, 0 when they may go now.

        `entry` is the entry that asks. A wish that needs more than a whole window allows is let through in an unused
        window. In such a window, room kept for entries sent long ago (`SOON_FILLED`) does not bar another entry: they
        need not fill at once.
        """
        room = self._room()
        if room.left is None or room.most is None:
            return 0.0
        reserve, kept = (RESERVE, self._kept_for_others(entry, room)) if rank is Rank.ENTRY else (0, 0)
        if room.left >= min(orders + reserve, room.most) + kept:
            return 0.0
        return max(room.seconds, SHORTEST_WAIT) + STAGGER * rank

    def _kept_for_others(self, entry: UUID | None, room: OrderRoom) -> int:
        """Return the number of orders kept for the protection of other sent entries than this one."""
        since = asyncio.get_running_loop().time() - SOON_FILLED if room.left == room.most else -inf
        return sum(held.orders for one, held in self._held.items() if one != entry and held.since > since)

    def hold(self, entry: UUID, orders: int) -> None:
        """Keep room for so many orders to protect an entry, until it is protected or nothing will come of it."""
        if orders:
            self._held.setdefault(entry, Held(orders, asyncio.get_running_loop().time()))

    def release(self, entry: UUID) -> None:
        """Release the room of an entry that is protected, or that nothing will come of."""
        self._held.pop(entry, None)

    def protected(self, entries: Container[UUID]) -> None:
        """Release the room of these entries: they are protected."""
        for entry in [*self._held]:
            if entry in entries:
                del self._held[entry]
