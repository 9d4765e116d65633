"""Saying something to a position as it stands now, whoever else is saying something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from application.orders.account import Account
from application.protection.legs import said_of
from domain.position import Position
from domain.refusals import Conflict


async def say(account: Account, seen: Position, verb: Callable[[Position], None]) -> None:
    """Say it, and again on fresh state when the engine was faster.

    Nothing is said when something else has been asked for since the position was `seen`: what was found out answers
    another request, and the new one is looked at anyway.
    """
    while True:
        position = await asyncio.to_thread(account.store.get, Position, seen.id)
        if (position.request, position.wanted) != (seen.request, seen.wanted):
            return
        with said_of(position):
            verb(position)
            try:
                await asyncio.to_thread(account.store.save, position)
            except Conflict:
                continue
        return
