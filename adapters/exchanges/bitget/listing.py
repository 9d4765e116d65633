"""Listing: what the pages of a list of Bitget's have brought so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from application.ports.errors import Unreadable
from application.ports.statements import OrderReport, PartlyUnreadable, Scrap


@dataclass(frozen=True)
class Listing:
    """Reports by Bitget's id, in the order in which they came, and the parts that cannot be read."""

    reports: dict[str, OrderReport] = field(default_factory=dict)
    scraps: dict[str, Scrap] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of orders that have been named."""
        return len(self.reports) + len(self.scraps)

    def add(self, reports: Iterable[OrderReport], scraps: Iterable[Scrap] = ()) -> None:
        """Add a page."""
        self.reports.update({report.exchange_order_id: report for report in reports})
        self.scraps.update({scrap.exchange_order_id: scrap for scrap in scraps})

    def lowest(self) -> int:
        """Return the lowest id, below which the next page begins. Raises `Unreadable` for an id without a number."""
        names = (*self.reports, *self.scraps)
        if not all(name.isdecimal() for name in names):
            raise Unreadable(f"an order without a number among {names[:3]}", code="no_answer")
        return min(map(int, names))

    def over(self, other: Listing) -> Listing:
        """Return both listings as one, in which this one wins where both tell of an order."""
        return Listing({**other.reports, **self.reports}, {**other.scraps, **self.scraps})

    def told(self, reports: Iterable[OrderReport]) -> Listing:
        """Return the listing with these reports in place of its own."""
        return replace(self, reports={report.exchange_order_id: report for report in reports})

    def complete(self) -> Sequence[OrderReport]:
        """Return the reports. Raises `PartlyUnreadable` when parts cannot be read."""
        if self.scraps:
            raise PartlyUnreadable([*self.reports.values()], [*self.scraps.values()])
        return [*self.reports.values()]
