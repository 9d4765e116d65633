"""Permissions: what a broker and its owner allow now, according to the log."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from application.ports.stores import Store
from domain.people.broker import Broker, Limits, Usage
from domain.people.user import User


@dataclass(frozen=True)
class Permission:
    """The settings of a broker and its owner.

    `is_trading` is True when the owner is enabled and neither has halted automatic trading, `in_panic` while a panic of
    the owner is in force.
    """

    removed: bool
    usage: Usage
    is_trading: bool
    in_panic: bool
    limits: Limits


class Permissions:
    """The permissions last read. The streams of a broker and a user are read again only when they have grown.

    Both grow for ever, and every order needs its permission twice.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[UUID, UUID], tuple[list[int], Permission]] = {}

    async def of(self, broker: UUID, user: UUID) -> Permission:
        """Return the permission that holds now. Raises `NotFound` when the broker or the user does not exist."""
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
            in_panic=user.panic is not None,
            limits=broker.limits,
        )
        self._known[broker_id, user_id] = [broker.version, user.version], permission
        return permission
