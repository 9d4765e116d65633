"""A stream of webhooks: the alerts that one TradingView alert sends, one per bar, and the bars that brought none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.aggregate import Aggregate, Personal, event
from domain.refusals import Impossible
from domain.webhooks.gates import Gates, Passed
from domain.webhooks.interval import Interval
from domain.webhooks.slots import MISSED_AFTER, SUSPECTED_AFTER, Slots, slot_of
from domain.webhooks.stream_state import StreamKey, StreamStatus

CRITICAL_STREAK = 3
"""The number of consecutive MISS that pause a stream."""
CARRIED_EVERY = 100
"""The number of events after which the state is carried forward."""
CARRIED = (
    "user", "broker", "symbol", "interval", "indicator", "watched", "held", "received", "missed", "unjudged", "slots",
    "delayed", "gates", "passed", "asking",
)  # fmt: skip
"""The state that is carried forward: the fields of `WebhookStream.CarriedForward`."""
SELF = 0
"""The user who monitors a stream by its own alerts, or closes one whose broker is gone: nobody."""


class WebhookStream(Aggregate):
    """One stream, from its first alert on.

    Its state is carried forward now and then in an event of its own, so that loading it does not depend on its age.
    """

    class CarriedForward(Aggregate.Event):
        """The whole state at this version. Loading may begin here."""

        user: int
        broker: int
        symbol: str
        interval: str
        indicator: Personal
        watched: StreamStatus
        held: StreamStatus | None
        received: int
        missed: int
        unjudged: int
        slots: Slots
        delayed: datetime | None
        gates: Gates
        passed: Passed
        asking: UUID | None

        def mutate(self, aggregate: Any) -> Any:
            """Build the aggregate when loading begins here; the state is as it was when it is there already."""
            if aggregate is None:
                aggregate = object.__new__(WebhookStream)
                aggregate.__base_init__(self.originator_id, self.originator_version - 1, self.timestamp)
                WebhookStream._assign(aggregate, self)
            return super().mutate(aggregate)

    @event("Opened")
    def __init__(self, user: int, broker: int, symbol: str, interval: str, indicator: Personal) -> None:
        self.user = user
        self.broker = broker
        self.symbol = symbol
        self.interval = interval
        self.indicator = indicator
        self.watched = StreamStatus.UNMONITORED
        self.held: StreamStatus | None = None
        self.received = 0
        self.missed = 0
        self.unjudged = 0
        self.slots = Slots()
        self.delayed: datetime | None = None
        self.gates = Gates()
        self.passed = Passed()
        self.asking: UUID | None = None
        """The webhook of the newest entry that waited for its trader's approval, answered or not."""
        self.carried_at = 0

    @staticmethod
    def create_id(user: int, broker: int, symbol: str, interval: str, indicator: str) -> UUID:
        """Return the id of the stream."""
        return StreamKey(user, broker, symbol, interval, indicator).id

    @classmethod
    def open(cls, key: StreamKey) -> WebhookStream:
        """Begin a stream with its first alert."""
        return cls(key.user, key.broker, key.symbol, key.interval, Personal(key.indicator))

    @property
    def status(self) -> StreamStatus:
        """The state as its trader sees it."""
        return self.held or self.watched

    @property
    def is_paused(self) -> bool:
        """True while nothing that it sends is executed."""
        return self.held is not None

    @property
    def is_judged(self) -> bool:
        """True while a slot without an alert is a MISS."""
        return self.status is StreamStatus.MONITORED

    @property
    def is_open(self) -> bool:
        """True while it is monitored or paused: somebody has to look after it."""
        return self.is_paused or self.watched is StreamStatus.MONITORED

    @property
    def _calendar(self) -> Interval | None:
        return Interval.parse(self.interval)

    # --- alerts --------------------------------------------------------------------------------------------------

    def arrive(self, webhook: UUID, bar_time: datetime | None, received_at: datetime) -> None:
        """Take in an alert. The second of two that came in time for consecutive slots begins the monitoring."""
        calendar = self._calendar
        slot = None if calendar is None else slot_of(calendar, bar_time, received_at)
        after = self.slots if calendar is None or slot is None else self.slots.arrive(calendar, slot, received_at)
        self._arrived(webhook, slot, received_at, after.streak)
        if calendar and self.watched is StreamStatus.UNMONITORED and (newest := self.slots.in_a_row(calendar)):
            self._monitored(SELF, newest)
        self._carry_forward()

    # --- judging -------------------------------------------------------------------------------------------------

    def judge(self, until: datetime, was_unreachable: Callable[[datetime], bool]) -> None:
        """Judge the slots that have become due, in their order.

        `until` (UTC) is a time that the market's clock has reached, and before which every delivery that the door took
        is in the log and has been taken in here. `was_unreachable` says of a slot that the door could not be reached
        when its alert was due.
        """
        calendar = self._calendar
        while calendar is not None and self.is_judged and (slot := self.slots.next(calendar)) is not None:
            if until < slot + SUSPECTED_AFTER:
                break
            if was_unreachable(slot):
                if until < slot + MISSED_AFTER:
                    break
                self._leave_unjudged(calendar, slot, until, was_unreachable)
            elif until < slot + MISSED_AFTER:
                if self.delayed != slot:
                    self._delayed(slot)
                break
            else:
                self._miss(calendar, slot)
        self._carry_forward()

    def _leave_unjudged(
        self, calendar: Interval, first: datetime, until: datetime, was_unreachable: Callable[[datetime], bool]
    ) -> None:
        """Record that no alert of these slots could have been received, as one fact however many they are."""
        last, count = first, 1
        while (following := calendar.next_due(last)) + MISSED_AFTER <= until:
            if following in self.slots.arrived or not was_unreachable(following):
                break
            last, count = following, count + 1
        self._unjudged(first, last, count, "door", self.user, self.broker, self.symbol, self.interval, self.indicator)

    def _miss(self, calendar: Interval, slot: datetime) -> None:
        row, streak = self.slots.row(slot), self.slots.miss(calendar, slot).streak
        self._missed(slot, row[0], len(row), streak, self.user, self.broker, self.symbol, self.interval, self.indicator)
        if len(row) >= CRITICAL_STREAK:
            self._became_critical(slot, self.user, self.broker, self.symbol)

    # --- what its trader decides ---------------------------------------------------------------------------------

    def monitor(self, by: int, at: datetime) -> None:
        """Judge it from the next slot on. Raises `Impossible` when its interval names no period."""
        if self.watched is StreamStatus.MONITORED:
            return
        calendar = self._calendar
        if calendar is None:
            raise Impossible(f"the interval {self.interval!r} cannot be monitored", code="stream_not_monitorable")
        self._monitored(by, calendar.last_due(at))

    def pause(self, by: int) -> None:
        """Execute nothing that it sends from now on, and judge no slot."""
        if not self.is_paused:
            self._paused(by)

    def resume(self, by: int, at: datetime) -> None:
        """Execute what it sends again, and judge it from the next slot on if it was monitored."""
        if self.is_paused:
            calendar = self._calendar
            after = calendar.last_due(at) if calendar and self.watched is StreamStatus.MONITORED else None
            self._resumed(by, after)

    def close(self, by: int) -> None:
        """Judge it no longer: its alert was deleted. A pause of its own ends, one of its trader stays."""
        if self.watched is not StreamStatus.CLOSED:
            self._closed(by, paused=self.held is StreamStatus.PAUSED)

    def set_gates(self, gates: Gates, by: int) -> None:
        """Let entries through by these gates from now on. Raises `Invalid` for a number that is out of range."""
        gates.check()
        if gates != self.gates:
            self._gates_set(gates, by)

    def refusal(self, now: datetime) -> str | None:
        """Return the code of the gate that is closed to an entry now, None when all are open."""
        return self.passed.refusal(self.gates, now)

    def enter(self, at: datetime) -> None:
        """Take note of an entry, if a gate asks for it."""
        if self.gates.counts_entries:
            self._entered(at)

    @property
    def wants_approval(self) -> bool:
        """True while the next entry has to be approved by its trader."""
        return self.passed.wants_approval(self.gates)

    def ask(self, webhook: UUID) -> None:
        """Take note of an entry that waits for its trader's approval, in place of an earlier one."""
        if webhook != self.asking:
            self._asked(webhook)

    def approve(self, webhook: UUID) -> None:
        """Count an entry that its trader has approved."""
        if self.wants_approval:
            self._approved(webhook)

    def lose(self, at: datetime) -> None:
        """Take note of a trade that ended with a loss, if a gate asks for it."""
        if self.gates.rest_after_loss is not None and at != self.passed.lost_at:
            self._lost(at)

    def _carry_forward(self) -> None:
        if self.version - self.carried_at >= CARRIED_EVERY:
            self._carried(**{name: getattr(self, name) for name in CARRIED})

    # --- events --------------------------------------------------------------------------------------------------

    @event("Arrived")
    def _arrived(self, webhook: UUID, slot: datetime | None, received_at: datetime, streak: int) -> None:
        self.received += 1
        if (calendar := self._calendar) is not None and slot is not None:
            self._now(self.slots.arrive(calendar, slot, received_at))

    @event("Monitored")
    def _monitored(self, by: int, after: datetime) -> None:
        self.watched = StreamStatus.MONITORED
        self._begin(after)

    @event("Delayed")
    def _delayed(self, slot: datetime) -> None:
        self.delayed = slot

    @event("Missed")
    def _missed(
        self, slot: datetime, began: datetime, consecutive: int, streak: int,
        user: int, broker: int, symbol: str, interval: str, indicator: Personal,
    ) -> None:  # fmt: skip
        self.missed += 1
        if (calendar := self._calendar) is not None:
            self._now(self.slots.miss(calendar, slot))

    @event("Unjudged")
    def _unjudged(
        self, first: datetime, last: datetime, count: int, reason: str,
        user: int, broker: int, symbol: str, interval: str, indicator: Personal,
    ) -> None:  # fmt: skip
        self.unjudged += count
        if (calendar := self._calendar) is not None:
            self._now(self.slots.leave_unjudged(calendar, last))

    @event("BecameCritical")
    def _became_critical(self, slot: datetime, user: int, broker: int, symbol: str) -> None:
        self.held, self.delayed = StreamStatus.CRITICAL, None
        self.slots = self.slots.stop()

    @event("Paused")
    def _paused(self, by: int) -> None:
        self.held, self.delayed = StreamStatus.PAUSED, None
        self.slots = self.slots.stop()

    @event("Resumed")
    def _resumed(self, by: int, after: datetime | None) -> None:
        self.held = None
        if after is not None:
            self._begin(after)

    @event("Closed")
    def _closed(self, by: int, paused: bool) -> None:
        self.watched, self.delayed = StreamStatus.CLOSED, None
        self.held = StreamStatus.PAUSED if paused else None
        self.slots = self.slots.stop()

    @event("GatesSet")
    def _gates_set(self, gates: Gates, by: int) -> None:
        if gates.approved != self.gates.approved:
            self.passed = replace(self.passed, approved=0)
        self.gates = gates

    @event("Entered")
    def _entered(self, at: datetime) -> None:
        self.passed = self.passed.entered(at)

    @event("Asked")
    def _asked(self, webhook: UUID) -> None:
        self.asking = webhook

    @event("Approved")
    def _approved(self, webhook: UUID) -> None:
        self.passed = replace(self.passed, approved=self.passed.approved + 1)

    @event("Lost")
    def _lost(self, at: datetime) -> None:
        self.passed = self.passed.lost(at)

    @event(CarriedForward)
    def _carried(
        self, user: int, broker: int, symbol: str, interval: str, indicator: Personal, watched: StreamStatus,
        held: StreamStatus | None, received: int, missed: int, unjudged: int, slots: Slots, delayed: datetime | None,
        gates: Gates, passed: Passed, asking: UUID | None,
    ) -> None:  # fmt: skip
        self.carried_at = self.version + 1

    def _assign(self, carried: WebhookStream.CarriedForward) -> None:
        for name in CARRIED:
            setattr(self, name, getattr(carried, name))

    def _begin(self, after: datetime) -> None:
        if (calendar := self._calendar) is not None and not self.is_paused:
            self._now(self.slots.begin(calendar, after))

    def _now(self, slots: Slots) -> None:
        self.slots = slots
        if self.delayed is not None and slots.settled is not None and slots.settled >= self.delayed:
            self.delayed = None
