"""A page: one look at the log, whose events are judged together as long as no decision needs what another one says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from application.ports import Reader
from domain.aggregate import Aggregate
from domain.position import Position
from domain.refusals import NotFound

A = TypeVar("A", bound=Aggregate)


class Touched(Exception):
    """What is asked for has been changed by a decision that is not saved yet."""


class Page:
    """What the policies ask while one page is judged: what was loaded once is not loaded again.

    Whatever a decision changes belongs to it alone: who asks for it next raises `Touched`, and has to be judged anew
    when that decision is saved. `keep` takes a decision, `forget` begins anew.
    """

    def __init__(self, store: Reader) -> None:
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
