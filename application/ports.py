"""What the application needs from the world, besides exchanges: a store of aggregates, the markets, the vault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar
from uuid import UUID

from application.exchange import Credentials
from domain.aggregate import Aggregate
from domain.market import Market

A = TypeVar("A", bound=Aggregate)


class Store(Protocol):
    """Loads aggregates and appends their new events: what is saved together is one commit."""

    def get(self, kind: type[A], aggregate_id: UUID) -> A:
        """The aggregate now. Raises `NotFound`."""

    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """The aggregate now, or None."""

    def save(
        self,
        *aggregates: Aggregate,
        command_id: UUID | None = None,
        follower: tuple[str, int] | None = None,
        retry: bool = True,
    ) -> list[int]:
        """Append all pending events or none. Raises `Conflict` when another process was faster."""

    def orders_not_ended(self) -> list[UUID]:
        """The ids of all orders whose last word in the log is not an end."""

    def positions_open(self) -> list[UUID]:
        """The ids of all positions that hold something."""


class Markets(Protocol):
    """The tradable pairs of each exchange at each venue."""

    def of(self, exchange: str, venue: str) -> Mapping[str, Market]:
        """By native symbol; empty while they have not been loaded."""


class Keys(Protocol):
    """Where the gateway finds the credentials of a broker."""

    def credentials(self, broker: int) -> Credentials:
        """Raises `NotFound`."""
