"""A page: one look at the log, whose events are judged one after the other and whose decisions are saved together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from application.ports.stores import Reader
from domain.aggregate import Aggregate
from domain.order import Order
from domain.position import Position
from domain.refusals import NotFound

A = TypeVar("A", bound=Aggregate)


class Page:
    """What the policies ask while one page is judged: the log, and what was decided on this page and is not saved yet.

    Each decision works on copies of its own. `keep` takes one, `forget` begins anew.
    """

    def __init__(self, store: Reader) -> None:
        self._store = store
        self._known: dict[UUID, Any] = {}
        """What was loaded, and what was decided of it since."""
        self._in_hand: dict[UUID, Any] = {}
        """The copies of the decision under way."""
        self._begun: list[Position] = []
        self.decided: list[Aggregate] = []
        """What the decisions of this page have to say, in their order: one stream may occur several times."""

    def prepare(self, streams: Iterable[UUID]) -> None:
        """Load what these events are about, and what led to it, in two questions instead of one for each."""
        about = self._load({*streams} - self._known.keys())
        causes = {one.cause for one in about if isinstance(one, Order) and one.cause is not None}
        self._load(causes - self._known.keys())

    def _load(self, streams: set[UUID]) -> Sequence[Aggregate]:
        found = self._store.get_all(Aggregate, [*streams]) if streams else []
        self._known.update({aggregate.id: aggregate for aggregate in found})
        return found

    def keep(self, decided: Sequence[Aggregate]) -> None:
        """Take one decision, to be saved with the others. What else it has had in its hands is left."""
        for aggregate in {id(one): one for one in decided if one.pending_events}.values():
            if isinstance(aggregate, Position) and aggregate.version == len(aggregate.pending_events):
                self._begun.append(aggregate)
            self._known[aggregate.id] = aggregate
            self.decided.append(aggregate)
        self._in_hand = {}

    def forget(self) -> None:
        """Everything is loaded anew from here on."""
        self._known, self._in_hand, self._begun, self.decided = {}, {}, [], []

    # --- what the policies ask -----------------------------------------------------------------------------------

    def get(self, kind: type[A], aggregate_id: UUID) -> A:
        """The aggregate now. Raises `NotFound`."""
        found = self.find(kind, aggregate_id)
        if found is None:
            raise NotFound(f"there is no such {kind.__name__.lower()}")
        return found

    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """The aggregate now, or None."""
        if aggregate_id not in self._in_hand:
            known = self._known.get(aggregate_id)
            if known is None:
                known = self._store.find(kind, aggregate_id)
            if known is None:
                return None
            self._known[aggregate_id] = known
            self._in_hand[aggregate_id] = known.copy()
        found = self._in_hand[aggregate_id]
        return found if isinstance(found, kind) else None

    def get_all(self, kind: type[A], ids: Sequence[UUID]) -> list[A]:
        """Many aggregates now."""
        found = (self.find(kind, one) for one in ids)
        return [one for one in found if one is not None]

    def position_newest(self, user: int, broker: int, symbol: str, owner: str) -> UUID | None:
        """The stream of an owner's newest trade, which a decision of this page may have begun."""
        key = (user, broker, symbol, owner)
        for one in reversed(self._begun):
            if (one.user, one.broker, one.symbol, one.owner) == key:
                return one.id
        return self._store.position_newest(*key)
