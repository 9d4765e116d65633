"""A reconciliation: one comparison of a broker's orders with what its exchange says of them, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.aggregate import Aggregate, Personal, event
from domain.refusals import Impossible


class Occasion(StrEnum):
    """Why the two sides are compared. A poll or a full look that finds nothing leaves no stream."""

    START = "start"
    RECONNECTION = "reconnection"
    REQUEST = "request"
    POLL = "poll"
    FULL = "sweep"


QUIET = frozenset({Occasion.POLL, Occasion.FULL})


class Phase(StrEnum):
    """The steps of a comparison, in their order."""

    FETCH = "fetch"
    MATCH = "match"
    EXTERNAL = "external"
    RESTORE = "restore"
    AUDIT = "audit"


class Resolution(StrEnum):
    """What was done about a difference. `awaited` is left to a second look, `decide` to a person.

    `undecided` was left to a person by an earlier comparison and is as it was. `history_lost` was adopted although it
    bears our name.
    """

    RECORDED = "recorded"
    ADOPTED = "adopted"
    LOOKED_UP = "looked_up"
    AWAITED = "awaited"
    DECIDE = "decide"
    UNDECIDED = "undecided"
    HISTORY_LOST = "history_lost"


LEFT_TO_A_PERSON = frozenset({Resolution.DECIDE, Resolution.UNDECIDED, Resolution.HISTORY_LOST})


@dataclass(frozen=True)
class Discrepancy:
    """One order on which the two sides differ. `order` is None for one that is not ours (yet)."""

    order: UUID | None
    symbol: str
    exchange_order_id: str | None
    ours: str
    theirs: str
    resolution: Resolution
    facts: tuple[str, ...] = ()
    """What was, or would be, recorded in the order's own history."""


class Reconciliation(Aggregate):
    """One run for one broker."""

    @event("Started")
    def __init__(self, run: UUID, user: int, broker: int, occasion: Occasion, started_at: datetime) -> None:
        self.run = run
        self.user = user
        self.broker = broker
        self.occasion = occasion
        self.started_at = started_at
        self.phases: dict[Phase, Decimal] = {}
        self.discrepancies = 0
        self.ended = False

    @staticmethod
    def create_id(run: UUID) -> UUID:
        """One stream per run."""
        return run

    def complete_phase(self, phase: Phase, seconds: Decimal, counts: dict[str, int]) -> None:
        """A phase is over; `counts` says how many things of which kind it met."""
        self._must_run()
        self._phase_completed(phase, seconds, counts)

    def find(self, discrepancy: Discrepancy, raw: Personal) -> None:
        """The two sides differ; `raw` is the exchange's whole statement."""
        self._must_run()
        self._discrepancy_found(discrepancy, raw)

    def complete(self, seconds: Decimal) -> None:
        """Everything was compared."""
        self._must_run()
        self._completed(seconds)

    def fail(self, reason: str, seconds: Decimal, code: str | None = None) -> None:
        """The exchange could not be asked to the end: what was not heard is no information.

        `code` is the platform's reason where there is one.
        """
        self._must_run()
        self._failed(reason, seconds, code)

    def _must_run(self) -> None:
        if self.ended:
            raise Impossible("this reconciliation has ended", code="reconciliation_ended")

    @event("PhaseCompleted")
    def _phase_completed(self, phase: Phase, seconds: Decimal, counts: dict[str, int]) -> None:
        self.phases[phase] = seconds

    @event("DiscrepancyFound")
    def _discrepancy_found(self, discrepancy: Discrepancy, raw: Personal) -> None:
        self.discrepancies += 1

    @event("Completed")
    def _completed(self, seconds: Decimal) -> None:
        self.ended = True

    @event("Failed")
    def _failed(self, reason: str, seconds: Decimal, code: str | None) -> None:
        self.ended = True
