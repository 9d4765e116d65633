"""What the application needs from the world, besides exchanges: a store of aggregates, the markets, the vault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol, TypeVar
from uuid import UUID

from application.ports.exchange import Credentials
from domain.aggregate import Aggregate
from domain.market import Market

A = TypeVar("A", bound=Aggregate)


class Reader(Protocol):
    """Loads aggregates: all that a policy asks for."""

    def get(self, kind: type[A], aggregate_id: UUID) -> A:
        """The aggregate now. Raises `NotFound`."""

    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """The aggregate now, or None."""

    def get_all(self, kind: type[A], ids: Sequence[UUID]) -> list[A]:
        """Many aggregates now; those that do not exist are left out."""

    def position_newest(self, user: int, broker: int, symbol: str, owner: str) -> UUID | None:
        """The stream of an owner's newest trade in a market, None before the first."""


class Store(Reader, Protocol):
    """Loads aggregates and appends their new events: what is saved together is one commit."""

    def save(self, *aggregates: Aggregate, command_id: UUID | None = None, retry: bool = True) -> list[int]:
        """Append all pending events or none. Raises `Conflict` when another process was faster."""

    def versions(self, ids: Sequence[UUID]) -> list[int]:
        """The newest version of each stream, 0 for one that does not exist: whether anything has changed there."""

    def orders_not_ended(self) -> list[UUID]:
        """The ids of all orders whose last word in the log is not an end."""

    def orders_unexplained(self) -> list[UUID]:
        """The ids of all orders of which more may have been executed than their fills tell."""

    def order_named(self, broker: int, client_order_id: str) -> UUID | None:
        """The order of a broker that bears this client id, or ever bore it."""

    def order_numbered(self, broker: int, symbol: str, exchange_order_id: str) -> UUID | None:
        """The order of a broker that its exchange knows by this id in this market."""

    def positions_open(self) -> list[UUID]:
        """The ids of all positions that hold something."""


class Markets(Protocol):
    """The tradable pairs of each exchange at each venue."""

    def of(self, exchange: str, venue: str) -> Mapping[str, Market]:
        """By native symbol; empty while they have not been loaded."""


@dataclass(frozen=True)
class AccountSnapshot:
    """A look at a whole account: when it began, and what the account held of each currency, locked coins included."""

    at: datetime
    balances: Mapping[str, Decimal]


class AccountSnapshots(Protocol):
    """The last look at each account. What happened since was not heard if nobody was listening."""

    def last(self, broker: int) -> AccountSnapshot | None:
        """None for an account that was never looked at."""

    def record(self, broker: int, snapshot: AccountSnapshot) -> None:
        """Keep it in place of the one before."""


class Secrets(Protocol):
    """Where passwords and exchange keys are kept; what it keeps never enters an event."""

    def check_password(self, password: str, name: str) -> None:
        """Raises `Invalid` for a weak one."""

    def set_password(self, user: int, password: str) -> None:
        """Keep its hash."""

    def store_credentials(self, broker: int, user: int, credentials: Credentials) -> str:
        """Keep an account's keys; answers their fingerprint."""

    def drop_credentials(self, broker: int) -> None:
        """Destroy an account's keys."""

    def forget(self, user: int) -> None:
        """Destroy every secret of a person and the key of their texts, for ever."""


class SecondFactors(Protocol):
    """Codes that change every half minute, besides the password."""

    def begin(self, user: int) -> str:
        """A new secret that counts once a first code has proven that it arrived."""

    def confirm(self, user: int, code: str) -> list[str]:
        """Answers the recovery codes. Raises `Invalid` for a wrong code."""

    def prove(self, user: int, code: str) -> int | None:
        """Raises `Invalid` for a wrong or repeated code; answers how many recovery codes are left if one was used."""

    def drop(self, user: int) -> None:
        """Destroy the secret."""


class Channels(Protocol):
    """Where alerts are sent; an address is a secret."""

    def keep(self, channel: UUID, user: int, name: str, address: str) -> str:
        """Answers the service's name. Raises `Invalid` for an address that names none."""

    def drop(self, channel: UUID) -> None:
        """Destroy an address."""

    def ids_of(self, user: int) -> set[UUID]:
        """The channels of which an address is kept."""


class Keys(Protocol):
    """Where the gateway finds the credentials of a broker."""

    def credentials(self, broker: int) -> Credentials:
        """Raises `NotFound`."""
