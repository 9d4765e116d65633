"""Page: a batch of log events that are judged one after the other and whose decisions are saved together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from application.ports.stores import Reader
from domain.aggregate import Aggregate
from domain.orders.order import Order
from domain.refusals import NotFound
from domain.trading.position import Position

A = TypeVar("A", bound=Aggregate)


class Page:
    """The aggregates that policies see while one page is judged: the log with the page's unsaved decisions applied.

    Each decision works on its own copies. `keep` takes a decision into the page, `forget` begins anew.
    """

    def __init__(self, store: Reader) -> None:
        self._store = store
        self._known: dict[UUID, Any] = {}
        """The aggregates loaded so far, with the decisions of this page applied."""
        self._in_hand: dict[UUID, Any] = {}
        """The copies that the current decision works on."""
        self._begun: list[Position] = []
        """The positions whose streams this page begins."""
        self.decided: list[Aggregate] = []
        """The aggregates with events to save, in the order of the decisions; one stream may occur several times."""

    def prepare(self, streams: Iterable[UUID]) -> None:
        """Load the aggregates of these events, and the causes of the orders among them.

        That takes two queries instead of one per aggregate.
        """
        about = self._load({*streams} - self._known.keys())
        causes = {one.cause for one in about if isinstance(one, Order) and one.cause is not None}
        self._load(causes - self._known.keys())

    def _load(self, streams: set[UUID]) -> Sequence[Aggregate]:
        found = self._store.get_all(Aggregate, [*streams]) if streams else []
        self._known.update({aggregate.id: aggregate for aggregate in found})
        return found

    def keep(self, decided: Sequence[Aggregate]) -> None:
        """Add one decision to those to be saved together. The other copies that it worked on are dropped."""
        for aggregate in {id(one): one for one in decided if one.pending_events}.values():
            if isinstance(aggregate, Position) and aggregate.version == len(aggregate.pending_events):
                self._begun.append(aggregate)
            self._known[aggregate.id] = aggregate
            self.decided.append(aggregate)
        self._in_hand = {}

    def forget(self) -> None:
        """Drop all aggregates and decisions, so that everything is loaded anew from here on."""
        self._known, self._in_hand, self._begun, self.decided = {}, {}, [], []

    # --- called by the policies ----------------------------------------------------------------------------------

    def get(self, kind: type[A], aggregate_id: UUID) -> A:
        """Return the aggregate now. Raises `NotFound` when it does not exist."""
        found = self.find(kind, aggregate_id)
        if found is None:
            raise NotFound(f"there is no such {kind.__name__.lower()}")
        return found

    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """Return the aggregate now, None when it does not exist."""
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
        """Return several aggregates now, without those that do not exist."""
        found = (self.find(kind, one) for one in ids)
        return [one for one in found if one is not None]

    def position_newest(self, user: int, broker: int, symbol: str, owner: str) -> UUID | None:
        """Return the stream of an owner's newest trade; a decision of this page may have begun it."""
        key = (user, broker, symbol, owner)
        for one in reversed(self._begun):
            if (one.user, one.broker, one.symbol, one.owner) == key:
                return one.id
        return self._store.position_newest(*key)

    def webhook_streams_open(self) -> Sequence[UUID]:
        """Return the streams that are monitored or paused, without what this page has decided."""
        return self._store.webhook_streams_open()
