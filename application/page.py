"""A page: one look at the log, whose events are judged together as long as no decision needs what another one says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from application.ports import Store
from domain.aggregate import Aggregate
from domain.position import Position
from domain.refusals import NotFound

A = TypeVar("A", bound=Aggregate)


class Touched(Exception):
    """What is asked for has been changed by a decision that is not saved yet."""


class Page:
    """A store as the policies see it while one page is judged: what was loaded once is not loaded again.

    Whatever a decision changes belongs to it alone: who asks for it next raises `Touched`, and has to be judged anew
    when that decision is saved. `keep` takes a decision, `forget` begins anew.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loaded: dict[UUID, Any] = {}
        self._changed: dict[UUID, Aggregate] = {}
        self.decided: list[Aggregate] = []
        """What the decisions of this page have changed, in their order."""

    def keep(self, saved: Sequence[Aggregate]) -> None:
        """Take one decision, to be saved with the others."""
        for aggregate in saved:
            if aggregate.pending_events and aggregate.id not in self._changed:
                self._changed[aggregate.id] = aggregate
                self.decided.append(aggregate)
        # What was changed without being decided is loaded anew as well.
        self._loaded = {key: kept for key, kept in self._loaded.items() if not kept.pending_events}

    def forget(self) -> None:
        """Everything is loaded anew from here on."""
        self._loaded, self._changed, self.decided = {}, {}, []

    # --- what the policies ask -----------------------------------------------------------------------------------

    def get(self, kind: type[A], aggregate_id: UUID) -> A:
        """The aggregate now. Raises `NotFound`, or `Touched`."""
        found = self.find(kind, aggregate_id)
        if found is None:
            raise NotFound(f"there is no such {kind.__name__.lower()}")
        return found

    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """The aggregate now, or None. Raises `Touched`."""
        if aggregate_id in self._changed:
            raise Touched
        known = self._loaded.get(aggregate_id)
        if known is not None:
            return known if isinstance(known, kind) else None
        found = self._store.find(kind, aggregate_id)
        if found is not None:
            self._loaded[aggregate_id] = found
        return found

    def get_all(self, kind: type[A], ids: Sequence[UUID]) -> list[A]:
        """Many aggregates now. Raises `Touched`."""
        found = (self.find(kind, one) for one in ids)
        return [one for one in found if one is not None]

    def position_newest(self, user: int, broker: int, symbol: str, owner: str) -> UUID | None:
        """The stream of an owner's newest trade. Raises `Touched` when a decision may have begun another one."""
        key = (user, broker, symbol, owner)
        for one in self._changed.values():
            if isinstance(one, Position) and (one.user, one.broker, one.symbol, one.owner) == key:
                raise Touched
        return self._store.position_newest(user, broker, symbol, owner)

    # --- what they do not ask while they judge ---------------------------------------------------------------------

    def save(self, *_: Aggregate, **__: Any) -> list[int]:
        raise TypeError("a policy saves nothing")

    def orders_not_ended(self) -> list[UUID]:
        return self._store.orders_not_ended()

    def orders_unexplained(self) -> list[UUID]:
        return self._store.orders_unexplained()

    def order_named(self, broker: int, client_order_id: str) -> UUID | None:
        return self._store.order_named(broker, client_order_id)

    def order_numbered(self, broker: int, symbol: str, exchange_order_id: str) -> UUID | None:
        return self._store.order_numbered(broker, symbol, exchange_order_id)

    def positions_open(self) -> list[UUID]:
        return self._store.positions_open()
