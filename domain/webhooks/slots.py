"""Slots: which alerts of a stream have come in time, and which are missing in a row.

A slot is the moment at which an alert is due. It is settled by an alert in time, as a MISS, or as unjudged, one after
the other. What a slot comes to depends on when alerts were received, not on when somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.webhooks.interval import Interval

SUSPECTED_AFTER = timedelta(seconds=60)
"""The time after it was due at which a slot without an alert is suspected. A grace of 15 seconds follows."""
GRACE_ENDS_AFTER = timedelta(seconds=75)
MISSED_AFTER = timedelta(seconds=80)
"""The time after it was due at which it is a MISS: the first ten seconds of the clock after the grace."""
TOLERANCE = timedelta(seconds=5)
"""The time by which an alert may come before its slot is due: clocks differ."""
_OLDEST_BAR = timedelta(days=3660)
_REMEMBERED = 3
"""The newest slots that are remembered while nothing is judged: two in a row, and an early one."""


def slot_of(interval: Interval, bar_time: datetime | None, received_at: datetime) -> datetime | None:
    """Return the slot to which an alert belongs: that of its bar, or else the newest one that was due.

    A bar that has not begun when its alert comes is a mistake in the alert, and its time is not believed. None for a
    bar that ended years ago.
    """
    latest = received_at + TOLERANCE
    if bar_time is None or bar_time > latest:
        return interval.last_due(latest)
    return None if received_at - bar_time > _OLDEST_BAR else interval.next_due(bar_time)


def is_in_time(slot: datetime, received_at: datetime) -> bool:
    """Return True when an alert of this slot came before the slot was a MISS."""
    return received_at < slot + MISSED_AFTER


@dataclass(frozen=True)
class Slots:
    """The settled and unsettled slots of one stream. Each change returns new ones.

    `settled` is the slot up to which all are settled, `arrived` the later ones whose alert has come in time. `missing`
    are the MISS in a row. `resets` are later slots: an alert that came late for its own slot, before one of them could
    be a MISS and after the slot before it could, ends the row of all MISS before it.
    """

    settled: datetime | None = None
    arrived: frozenset[datetime] = frozenset()
    resets: frozenset[datetime] = frozenset()
    missing: tuple[datetime, ...] = ()

    @property
    def streak(self) -> int:
        """The number of consecutive MISS now."""
        return len(self._unended(self.resets))

    def next(self, interval: Interval) -> datetime | None:
        """Return the first slot that is not settled, None while nothing is judged."""
        return None if self.settled is None else interval.next_due(self.settled)

    def begin(self, interval: Interval, after: datetime) -> Slots:
        """Judge the slots after this one."""
        return _settled(Slots(after, _after(after, self.arrived)), interval)

    def stop(self) -> Slots:
        """Judge nothing any more."""
        return Slots(None, _newest(self.arrived))

    def arrive(self, interval: Interval, slot: datetime, received_at: datetime) -> Slots:
        """Take in an alert."""
        if is_in_time(slot, received_at) and (self.settled is None or slot > self.settled):
            arrived = self.arrived | {slot}
            if self.settled is None:
                return replace(self, arrived=_newest(arrived))
            return _settled(replace(self, arrived=arrived), interval)
        if self.settled is None:
            return self
        return replace(self, resets=self.resets | _after(self.settled, {interval.next_due(received_at - MISSED_AFTER)}))

    def row(self, slot: datetime) -> tuple[datetime, ...]:
        """Return the consecutive MISS that end with the next slot, should it be one."""
        return (*self._unended(reset for reset in self.resets if reset <= slot), slot)

    def miss(self, interval: Interval, slot: datetime) -> Slots:
        """Settle the next slot as a MISS."""
        return _settled(self._past(slot, self.row(slot)), interval)

    def leave_unjudged(self, interval: Interval, last: datetime) -> Slots:
        """Settle the next slots, up to and including the last, as unjudged. They neither end nor lengthen a row."""
        missing = self._unended(reset for reset in self.resets if reset <= last)
        return _settled(self._past(last, missing), interval)

    def in_a_row(self, interval: Interval) -> datetime | None:
        """Return the newer of two consecutive slots whose alerts came in time, None without such two."""
        pairs = [following for slot in self.arrived if (following := interval.next_due(slot)) in self.arrived]
        return max(pairs, default=None)

    def past_alert(self, slot: datetime) -> Slots:
        """Settle the next slot by its alert."""
        return self._past(slot, ())

    def _past(self, slot: datetime, missing: tuple[datetime, ...]) -> Slots:
        return Slots(slot, _after(slot, self.arrived), _after(slot, self.resets), missing)

    def _unended(self, resets: Iterable[datetime]) -> tuple[datetime, ...]:
        """Return the MISS of the row that none of these resets has ended."""
        newest = max(resets, default=None)
        return self.missing if newest is None else tuple(slot for slot in self.missing if slot >= newest)


def _settled(slots: Slots, interval: Interval) -> Slots:
    """Settle the slots whose alerts have come, as far as they follow each other."""
    while (slot := slots.next(interval)) in slots.arrived:
        slots = slots.past_alert(slot)
    return slots


def _after(moment: datetime, slots: Iterable[datetime]) -> frozenset[datetime]:
    return frozenset(slot for slot in slots if slot > moment)


def _newest(slots: Iterable[datetime]) -> frozenset[datetime]:
    return frozenset(sorted(slots)[-_REMEMBERED:])
