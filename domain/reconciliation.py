"""A reconciliation: one run in which a broker's orders are compared with its exchange's, and its outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.aggregate import Aggregate, Personal, event
from domain.refusals import Impossible
from domain.sentences import discrepancy_of, failure_of


class Occasion(StrEnum):
    """The occasion of a reconciliation. A poll or a full look that finds nothing leaves no stream."""

    START = "start"
    RECONNECTION = "reconnection"
    REQUEST = "request"
    POLL = "poll"
    FULL = "sweep"


QUIET = frozenset({Occasion.POLL, Occasion.FULL})


class Phase(StrEnum):
    """The phases of a reconciliation, in their order."""

    FETCH = "fetch"
    MATCH = "match"
    EXTERNAL = "external"
    RESTORE = "restore"
    AUDIT = "audit"


class Resolution(StrEnum):
    """The treatment of a difference. `awaited` leaves it to a second look, `decide` to a person.

    `undecided` means that an earlier reconciliation left it to a person and it has not changed since. `history_lost`
    means that the order was adopted although it bears our name.
    """

    RECORDED = "recorded"
    ADOPTED = "adopted"
    LOOKED_UP = "looked_up"
    AWAITED = "awaited"
    DECIDE = "decide"
    UNDECIDED = "undecided"
    HISTORY_LOST = "history_lost"


LEFT_TO_A_PERSON = frozenset({Resolution.DECIDE, Resolution.UNDECIDED, Resolution.HISTORY_LOST})


class Kind(StrEnum):
    """The kinds of statements. `ORDER` has a status, the filled and the whole size; `HOLDING` an amount and a currency.

    `LISTED` and `NOT_LISTED` are about a whole market. `UNREADABLE` is a part of an answer that cannot be read.
    """

    ORDER = "order"
    HOLDING = "holding"
    NOTHING = "nothing"
    NOT_FOUND = "not_found"
    UNREADABLE = "unreadable"
    LISTED = "listed"
    NOT_LISTED = "not_listed"


@dataclass(frozen=True)
class Statement:
    """A statement of one side about an order, a holding or a market. Its values are texts, amounts exact decimals."""

    kind: Kind
    values: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return it in one line, for a log."""
        return " ".join((self.kind, *self.values.values()))


@dataclass(frozen=True)
class Fact:
    """A fact recorded in an order's stream: the name of its event, and its values as texts by name."""

    event: str
    values: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return it in one line, for a log."""
        return " ".join((self.event, *(f"{name}={value}" for name, value in self.values.items())))


@dataclass(frozen=True)
class Discrepancy:
    """One order on which the log and the exchange differ. `order` is None for one that is not (yet) ours."""

    order: UUID | None
    symbol: str
    exchange_order_id: str | None
    ours: Statement
    theirs: Statement
    resolution: Resolution
    facts: tuple[Fact, ...] = ()
    """The facts that were, or would be, recorded in the order's own stream."""


class Reconciliation(Aggregate):
    """One reconciliation of one broker."""

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
        """Return the id of the stream: one per run."""
        return run

    def complete_phase(self, phase: Phase, seconds: Decimal, counts: dict[str, int]) -> None:
        """Record the end of a phase and its duration; `counts` holds the number of things of each kind that it met."""
        self._must_run()
        self._phase_completed(phase, seconds, counts)

    def find(self, discrepancy: Discrepancy, raw: Personal) -> None:
        """Record a difference between the two sides; `raw` is the exchange's whole statement."""
        self._must_run()
        self._discrepancy_found(discrepancy, raw)

    def complete(self, seconds: Decimal) -> None:
        """Record that all orders were reconciled, and the duration of the run."""
        self._must_run()
        self._completed(seconds)

    def fail(self, reason: str, seconds: Decimal, detail: str = "") -> None:
        """Record that the exchange could not be queried to the end: a missing answer proves nothing.

        `reason` is one of the platform's codes, `detail` puts it into words.
        """
        self._must_run()
        self._failed(reason, seconds, detail)

    def _must_run(self) -> None:
        if self.ended:
            raise Impossible("this reconciliation has ended", code="reconciliation_ended")

    @event("PhaseCompleted")
    def _phase_completed(self, phase: Phase, seconds: Decimal, counts: dict[str, int]) -> None:
        self.phases[phase] = seconds

    class DiscrepancyFound(Aggregate.Event):
        """A difference between the two sides. Version 1 held sentences."""

        class_version = 2
        discrepancy: Discrepancy
        raw: Personal

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Read the sentences as data."""
            discrepancy_of(state)

    @event(DiscrepancyFound)
    def _discrepancy_found(self, discrepancy: Discrepancy, raw: Personal) -> None:
        self.discrepancies += 1

    @event("Completed")
    def _completed(self, seconds: Decimal) -> None:
        self.ended = True

    class Failed(Aggregate.Event):
        """A failure. Version 1 had a sentence as its reason, and a code beside it for some."""

        class_version = 2
        reason: str
        seconds: Decimal
        detail: str

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Read the code and the words from the sentence."""
            state["reason"], state["detail"] = failure_of(state["reason"], state.pop("code", None))

    @event(Failed)
    def _failed(self, reason: str, seconds: Decimal, detail: str) -> None:
        self.ended = True
