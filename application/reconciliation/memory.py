"""Memory: what an exchange has to repeat before it is believed, what is missing, and what a person was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from application.orders.differences import Difference
from application.ports.statements import OrderReport, Scrap
from domain.orders.order import Order

SECOND_LOOK = timedelta(seconds=10)
"""Time after which a statement that is not believed at once has to be repeated."""


@dataclass(frozen=True)
class Suspicion:
    """A statement made once: differences of an order of ours, or the existence of a stranger (`order_id` is None)."""

    order_id: UUID | None
    doubted: Sequence[Difference]
    said_at: datetime


class Suspicions(dict[tuple[str, str], Suspicion]):
    """The suspicions of one broker, by native symbol and exchange id."""

    def begin(
        self, report: OrderReport, now: datetime, order_id: UUID | None, doubted: Sequence[Difference] = ()
    ) -> bool:
        """Keep a statement, unless one about the same order is kept already; return True when it is the first."""
        key = report.native_symbol, report.exchange_order_id
        first = key not in self
        self.setdefault(key, Suspicion(order_id, doubted, now))
        return first

    def due(self, now: datetime) -> list[tuple[tuple[str, str], Suspicion]]:
        """Return the suspicions that are old enough to be queried again, with their keys."""
        return [(key, suspicion) for key, suspicion in self.items() if suspicion.said_at <= now - SECOND_LOOK]


class Memory:
    """Matters that earlier reconciliations of one broker have left open."""

    def __init__(self) -> None:
        self.suspicions = Suspicions()
        self.unread: set[UUID] = set()
        """Orders whose executions cannot be read."""
        self._told: set[tuple[str, str, bool]] = set()
        self._missing: dict[UUID, datetime] = {}
        """The time since which the exchange has no longer shown an accepted order."""

    def copy(self) -> Memory:
        """Return a copy to restore after a dry run, which must leave nothing behind."""
        made = Memory()
        made.suspicions, made.unread = Suspicions(self.suspicions), set(self.unread)
        made._told, made._missing = set(self._told), dict(self._missing)
        return made

    def was_told(self, said: OrderReport | Scrap) -> bool:
        """Return True when a person has been told of it and has to decide."""
        return key_of(None, said) in self._told

    def tell(self, order: Order | None, said: OrderReport | Scrap | None) -> bool:
        """Mark a matter for a person as told; return True the first time, so that it is told once."""
        key = key_of(order, said)
        first = key not in self._told
        self._told.add(key)
        return first

    def tell_market(self, symbol: str) -> bool:
        """Mark a market that the exchange refuses to list as told; return True the first time."""
        key = symbol, "", False
        first = key not in self._told
        self._told.add(key)
        return first

    def missing_for(self, order: Order, now: datetime) -> timedelta:
        """Return the time for which the exchange has not shown an order, zero on the first call."""
        return now - self._missing.setdefault(order.id, now)

    def shown(self, order: Order) -> None:
        """Forget that an order was missing, so that a person is told anew if it disappears again."""
        self._missing.pop(order.id, None)
        self._told.discard(key_of(order, None))


def key_of(order: Order | None, said: OrderReport | Scrap | None) -> tuple[str, str, bool]:
    """Return the key under which a matter is told to a person.

    It holds the native symbol and exchange id, or our own id when the exchange said nothing, and True for a statement
    that could be read.
    """
    if said is None:
        return "", str(order and order.id), False
    return said.native_symbol, said.exchange_order_id, isinstance(said, OrderReport)
