"""Gates: what a trader lets a stream of alerts buy. They hold entries back and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from domain.refusals import Invalid

LONGEST_REST, MOST_ENTRIES, MOST_APPROVED = 7 * 24 * 60, 1000, 100


@dataclass(frozen=True)
class Gates:
    """The gates of one stream, all open by default.

    `locked` lets no entry through. `rest` and `rest_after_loss` are minutes without an entry after the last one, and
    after a trade of the stream that ended with a loss. `most_entries` is how many may be taken on one day (UTC).
    `approved` is the number of first entries that its trader has to approve. `twin` is the paper broker on which
    everything that the stream sends is carried out too, whatever the gates say.
    """

    locked: bool = False
    rest: int | None = None
    rest_after_loss: int | None = None
    most_entries: int | None = None
    approved: int | None = None
    twin: int | None = None

    def check(self) -> None:
        """Raise `Invalid` for a number that is out of range."""
        for name, value, most in (
            ("rest", self.rest, LONGEST_REST),
            ("rest_after_loss", self.rest_after_loss, LONGEST_REST),
            ("most_entries", self.most_entries, MOST_ENTRIES),
            ("approved", self.approved, MOST_APPROVED),
        ):
            if value is not None and not 1 <= value <= most:
                raise Invalid(f"{name} was {value}, not between 1 and {most}", code="gate_out_of_range", field=name)

    @property
    def counts_entries(self) -> bool:
        """True when it matters when entries were taken."""
        return self.rest is not None or self.most_entries is not None


@dataclass(frozen=True)
class Passed:
    """The entries and losses that gates look at: the last entry, how many there were that day, the last loss (UTC).

    `approved` counts the entries that were approved since their number was set.
    """

    entered_at: datetime | None = None
    day: date | None = None
    entries: int = 0
    lost_at: datetime | None = None
    approved: int = 0

    def entered(self, at: datetime) -> Passed:
        """Count an entry."""
        day = at.astimezone(UTC).date()
        return replace(self, entered_at=at, day=day, entries=self.entries + 1 if day == self.day else 1)

    def lost(self, at: datetime) -> Passed:
        """Note the end of a trade with a loss."""
        return replace(self, lost_at=at)

    def wants_approval(self, gates: Gates) -> bool:
        """Return True while the next entry has to be approved."""
        return gates.approved is not None and self.approved < gates.approved

    def refusal(self, gates: Gates, now: datetime) -> str | None:
        """Return the code of the gate that is closed to an entry now, None when all are open."""
        if gates.locked:
            return "gate_locked"
        if _rests(self.entered_at, gates.rest, now):
            return "gate_resting"
        if _rests(self.lost_at, gates.rest_after_loss, now):
            return "gate_after_loss"
        today = self.entries if self.day == now.astimezone(UTC).date() else 0
        return "gate_most_entries" if gates.most_entries is not None and today >= gates.most_entries else None


def _rests(since: datetime | None, minutes: int | None, now: datetime) -> bool:
    return since is not None and minutes is not None and now < since + timedelta(minutes=minutes)
