"""A ticket: an order that a trader has validated, exactly as it will be sent, for a few seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from domain.market import Market
from domain.orders.wish import Wish
from domain.refusals import Impossible, NotFound

REQUESTER = "Trading Manuel"
"""The requester of orders that come from a ticket. Their amounts are sent as they were validated, or not at all."""
VALID_FOR = timedelta(seconds=30)
SENDABLE_FOR = timedelta(seconds=10)
"""The time after its execution for which an order of a ticket may be sent: a trader waits for it."""


@dataclass(frozen=True)
class Ticket:
    """The exact wish of one user in one session. `id` is that of the order which it becomes.

    `rules` is the revision of the market's rules by which it was validated.
    """

    id: UUID
    user: int
    session: str
    broker: int
    wish: Wish
    rules: str
    issued_at: datetime

    @property
    def expires_at(self) -> datetime:
        """The time after which it is executed no more."""
        return self.issued_at + VALID_FOR

    def check_owner(self, user: int, session: str) -> None:
        """Raise `NotFound` for anybody else, also for its own user in another session."""
        if (self.user, self.session) != (user, session):
            raise NotFound("there is no such ticket")

    def check(self, market: Market | None, now: datetime) -> None:
        """Raise `Impossible` when it may not be executed any more: its time is over, or the rules have changed."""
        if now > self.expires_at:
            raise Impossible("this ticket has expired: validate it again", code="ticket_expired")
        if market is None or revision_of(market) != self.rules:
            raise Impossible(f"the rules of {self.wish.symbol} have changed: validate it again", code="rules_changed")


def revision_of(market: Market) -> str:
    """Return a text that changes with any rule of a market."""
    return sha256(repr(market).encode()).hexdigest()[:16]
