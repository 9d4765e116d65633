"""The ports to everything but the exchanges: the store of aggregates, the markets, the account snapshots, the vault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol, TypeVar
from uuid import UUID

from application.ports.statements import Credentials
from domain.aggregate import Aggregate
from domain.market import Market

A = TypeVar("A", bound=Aggregate)


class Reader(Protocol):
    """The loading of aggregates: all that a policy needs."""

    def get(self, kind: type[A], aggregate_id: UUID) -> A:
        """Return the aggregate now. Raises `NotFound` when it does not exist."""

    def find(self, kind: type[A], aggregate_id: UUID) -> A | None:
        """Return the aggregate now, None when it does not exist."""

    def get_all(self, kind: type[A], ids: Sequence[UUID]) -> list[A]:
        """Return several aggregates now, without those that do not exist."""

    def position_newest(self, user: int, broker: int, symbol: str, owner: str) -> UUID | None:
        """Return the stream of an owner's newest trade in a market, None before the first."""

    def webhook_streams_open(self) -> Sequence[UUID]:
        """Return the streams of webhooks that are monitored or paused, according to the log."""


class Store(Reader, Protocol):
    """The loading of aggregates, and the appending of their new events."""

    def save(self, *aggregates: Aggregate, command_id: UUID | None = None, retry: bool = True) -> list[int]:
        """Append all pending events of these aggregates in one commit, or none of them.

        Raises `Conflict` when another process was faster.
        """

    def versions(self, ids: Sequence[UUID]) -> list[int]:
        """Return the newest version of each stream, 0 for one that does not exist, to see whether any has changed."""

    def orders_not_ended(self) -> list[UUID]:
        """Return the ids of all orders that have not ended according to the log."""

    def orders_unexplained(self) -> list[UUID]:
        """Return the ids of all orders that may have executed more than their fills account for."""

    def order_named(self, broker: int, client_order_id: str) -> UUID | None:
        """Return the order of a broker that has or ever had this client id, None when there is no such order."""

    def order_numbered(self, broker: int, symbol: str, exchange_order_id: str) -> UUID | None:
        """Return the order of a broker with this exchange id in this market, None when there is no such order."""

    def webhooks_asked(self) -> list[UUID]:
        """Return the ids of all webhooks that wait for their trader's approval."""

    def positions_open(self) -> list[UUID]:
        """Return the ids of all positions that hold something."""


class Markets(Protocol):
    """The tradable pairs of each exchange at each venue."""

    def of(self, exchange: str, venue: str) -> Mapping[str, Market]:
        """Return the markets by native symbol, empty while they have not been loaded."""


@dataclass(frozen=True)
class AccountSnapshot:
    """A full look at an account: the time at which it began, and the balances by currency, locked coins included."""

    at: datetime
    balances: Mapping[str, Decimal]


class AccountSnapshots(Protocol):
    """The last full look at each account. Later changes are unknown if the stream was not followed since."""

    def last(self, broker: int) -> AccountSnapshot | None:
        """Return the last snapshot, None for an account that never had a full look."""

    def record(self, broker: int, snapshot: AccountSnapshot) -> None:
        """Keep the snapshot in place of the previous one."""


class Secrets(Protocol):
    """The vault of passwords and exchange keys. Nothing that it keeps ever enters an event."""

    def check_password(self, password: str, name: str) -> None:
        """Raise `Invalid` for a weak password."""

    def set_password(self, user: int, password: str) -> None:
        """Keep the hash of a password."""

    def store_credentials(self, broker: int, user: int, credentials: Credentials) -> str:
        """Keep an account's keys and return their fingerprint."""

    def drop_credentials(self, broker: int) -> None:
        """Destroy an account's keys."""

    def forget(self, user: int) -> None:
        """Destroy every secret of a person, and the key that seals their texts, for ever."""


class SecondFactors(Protocol):
    """The second factor: a code that changes every half minute, needed in addition to the password."""

    def begin(self, user: int) -> str:
        """Return a new secret. It takes effect once a first code has proven that it arrived."""

    def confirm(self, user: int, code: str) -> list[str]:
        """Put the secret into effect and return the recovery codes. Raises `Invalid` for a wrong code."""

    def prove(self, user: int, code: str) -> int | None:
        """Check a code; return the number of recovery codes left if it was one of them, None otherwise.

        Raises `Invalid` for a wrong or repeated code.
        """

    def drop(self, user: int) -> None:
        """Destroy the secret."""


class Channels(Protocol):
    """The addresses to which alerts are sent. Each is a secret."""

    def keep(self, channel: UUID, user: int, name: str, address: str) -> str:
        """Keep an address and return the name of its service. Raises `Invalid` for an address that names none."""

    def drop(self, channel: UUID) -> None:
        """Destroy an address."""

    def ids_of(self, user: int) -> set[UUID]:
        """Return the channels of a user whose addresses are kept."""


class Keys(Protocol):
    """The credentials of brokers, as the gateway reads them."""

    def credentials(self, broker: int) -> Credentials:
        """Return the credentials of a broker. Raises `NotFound` when there are none."""


@dataclass(frozen=True)
class OutstandingInvitation:
    """An invitation that nobody has used and that has not expired (UTC). Its code is known to its holder alone."""

    id: UUID
    made_at: datetime
    expires_at: datetime
