"""Sayings: recording something on a position in its current state, despite concurrent writers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from application.ports.stores import Store
from application.protection.legs import said_of
from domain.refusals import Conflict
from domain.trading.position import Position


async def say(store: Store, seen: Position, verb: Callable[[Position], None]) -> None:
    """Apply `verb` to the position and save it. Retry on fresh state when another process saved first.

    Do nothing when the request or the wanted protection has changed since the position was `seen`: the finding answers
    the old request, and the new one gets its own look anyway.
    """
    while True:
        position = await asyncio.to_thread(store.get, Position, seen.id)
        if (position.request, position.wanted) != (seen.request, seen.wanted):
            return
        with said_of(position):
            verb(position)
            try:
                await asyncio.to_thread(store.save, position)
            except Conflict:
                continue
        return
