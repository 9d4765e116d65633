"""Suspicions: what an exchange said once and is believed only when it says so again; and what was told already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from application.orders.differences import Fact
from application.ports.exchange import OrderReport, Scrap
from domain.order import Order

SECOND_LOOK = timedelta(seconds=10)
"""How much later a statement has to be repeated that is not believed at once."""


@dataclass(frozen=True)
class Suspicion:
    """What was said once: facts about an order of ours, or an order that is none of ours (`order_id` is None)."""

    order_id: UUID | None
    facts: tuple[Fact, ...]
    said_at: datetime


class Suspicions(dict[tuple[str, str], Suspicion]):
    """Those of one broker, by native symbol and exchange id."""

    def begin(self, report: OrderReport, now: datetime, order_id: UUID | None, facts: Sequence[Fact] = ()) -> bool:
        """Keep what is said; answers whether it is for the first time."""
        key = report.native_symbol, report.exchange_order_id
        first = key not in self
        self.setdefault(key, Suspicion(order_id, tuple(facts), now))
        return first

    def due(self, now: datetime) -> list[tuple[tuple[str, str], Suspicion]]:
        """Those that were said long enough ago to be asked about again."""
        return [(key, suspicion) for key, suspicion in self.items() if suspicion.said_at <= now - SECOND_LOOK]


class Memory:
    """What the earlier comparisons of one broker have left open."""

    def __init__(self) -> None:
        self.suspicions = Suspicions()
        self.unread: set[UUID] = set()
        """Orders of which it cannot be read what was executed."""
        self._told: set[tuple[str, str, bool]] = set()
        self._missing: dict[UUID, datetime] = {}
        """Since when the exchange shows an order no more that it had accepted."""

    def copy(self) -> Memory:
        """As it is now: whoever only looks leaves nothing behind."""
        made = Memory()
        made.suspicions, made.unread = Suspicions(self.suspicions), set(self.unread)
        made._told, made._missing = set(self._told), dict(self._missing)
        return made

    def was_told(self, said: OrderReport | Scrap) -> bool:
        """Whether a person knows of it who has to decide."""
        return key_of(None, said) in self._told

    def tell(self, order: Order | None, said: OrderReport | Scrap | None) -> bool:
        """What only a person can decide is told once: answers whether this is the time."""
        key = key_of(order, said)
        first = key not in self._told
        self._told.add(key)
        return first

    def tell_market(self, symbol: str) -> bool:
        """Return whether this is the first time that the exchange refuses to speak of a market."""
        key = symbol, "", False
        first = key not in self._told
        self._told.add(key)
        return first

    def missing_for(self, order: Order, now: datetime) -> timedelta:
        """How long the exchange has not shown an order."""
        return now - self._missing.setdefault(order.id, now)

    def shown(self, order: Order) -> None:
        """It is there: that it was not is settled, and told anew if it happens again."""
        self._missing.pop(order.id, None)
        self._told.discard(key_of(order, None))


def key_of(order: Order | None, said: OrderReport | Scrap | None) -> tuple[str, str, bool]:
    """What a person is told of: by native symbol and exchange id, or our own id, and whether it could be read."""
    if said is None:
        return "", str(order and order.id), False
    return said.native_symbol, said.exchange_order_id, isinstance(said, OrderReport)
