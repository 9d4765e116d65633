"""Suspicions: what an exchange said once and is believed only when it says so again, some seconds later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from application.differences import Fact
from application.exchange import OrderReport

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
