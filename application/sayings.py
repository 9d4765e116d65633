"""Saying something to a position as it stands now, whoever else is saying something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

from application.desk import Desk
from application.legs import said_of
from domain.position import Position
from domain.refusals import Conflict


async def say(desk: Desk, position_id: UUID, verb: Callable[[Position], None]) -> None:
    """Say it, and again on fresh state when the engine was faster."""
    while True:
        position = await asyncio.to_thread(desk.store.get, Position, position_id)
        with said_of(position):
            verb(position)
            try:
                await asyncio.to_thread(desk.store.save, position)
            except Conflict:
                continue
        return
