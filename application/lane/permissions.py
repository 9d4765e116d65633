"""Permissions: what a broker and its owner allow, as the log has it at this moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from application.ports.stores import Store
from domain.broker import Broker, Limits, Usage
from domain.user import User


@dataclass(frozen=True)
class Permission:
    """What the two have said. `is_trading`: neither of them has stopped what trades by itself."""

    removed: bool
    usage: Usage
    is_trading: bool
    limits: Limits


class Permissions:
    """Asks the log whether either has said something new, and reads their streams only then.

    Both grow for ever, and are asked for twice at every order.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[UUID, UUID], tuple[list[int], Permission]] = {}

    async def of(self, broker: UUID, user: UUID) -> Permission:
        """What holds now. Raises `NotFound` for a broker or a user that there is not."""
        return await asyncio.to_thread(self._of, broker, user)

    def _of(self, broker_id: UUID, user_id: UUID) -> Permission:
        versions = self._store.versions([broker_id, user_id])
        known = self._known.get((broker_id, user_id))
        if known is not None and known[0] == versions:
            return known[1]
        broker, user = self._store.get(Broker, broker_id), self._store.get(User, user_id)
        permission = Permission(
            removed=broker.removed,
            usage=broker.usage,
            is_trading=user.enabled and not user.trading_stopped and not broker.trading_stopped,
            limits=broker.limits,
        )
        self._known[broker_id, user_id] = [broker.version, user.version], permission
        return permission
