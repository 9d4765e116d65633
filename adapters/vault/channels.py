"""Channels: where alerts are sent, as Apprise addresses (Discord and whatever else it speaks). Each is a secret."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from uuid import UUID

import apprise
from psycopg_pool import ConnectionPool

from adapters.vault.keys import MasterKey
from domain.refusals import Invalid, Taken

logging.getLogger("apprise").disabled = True  # it quotes mistyped addresses, and an address is a secret
LOCAL = frozenset({"Syslog", "DBus", "GLib", "Gnome", "MacOSX", "Windows", "Blink1"})
"""Services that speak to the machine itself; an alert is meant to leave it."""


@dataclass(frozen=True)
class Channel:
    """One address of a user. It shows nothing of itself when printed."""

    id: UUID
    user: int
    name: str
    address: str = field(repr=False)

    @property
    def service(self) -> str:
        """The service's name."""
        return service_of(self.address)


class ChannelTable:
    """Addresses sealed by the master key."""

    def __init__(self, pool: ConnectionPool, master: MasterKey) -> None:
        self._pool = pool
        self._master = master

    def keep(self, channel: UUID, user: int, name: str, address: str) -> str:
        """Answers the service's name. Raises `Invalid` for an address that names none, or `Taken`."""
        if not name.strip():
            raise Invalid("a channel needs a name", code="channel_name_missing", field="name")
        service = service_of(address)
        sealed = self._master.fernet.encrypt(address.strip().encode())
        with self._pool.connection() as connection:
            kept = connection.execute(
                "INSERT INTO vault.channels (id, user_id, name, sealed) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (channel, user, name.strip(), sealed),
            )
        if not kept.rowcount:
            raise Taken(f"{name} is taken", code="channel_name_taken", field="name")
        return service

    def drop(self, channel: UUID) -> None:
        """Destroy an address."""
        with self._pool.connection() as connection:
            connection.execute("DELETE FROM vault.channels WHERE id = %s", (channel,))

    def ids_of(self, user: int) -> set[UUID]:
        """The channels of a user of which an address is kept."""
        return {channel.id for channel in self.of(user)}

    def of(self, user: int) -> list[Channel]:
        """Where a user's alerts go, in the order in which it was said."""
        query = "SELECT id, user_id, name, sealed FROM vault.channels WHERE user_id = %s ORDER BY made_at, id"
        with self._pool.connection() as connection:
            rows = connection.execute(query, (user,)).fetchall()
        return [Channel(row[0], row[1], row[2], self._opened(row[3])) for row in rows]

    def _opened(self, sealed: bytes) -> str:
        return self._master.fernet.decrypt(bytes(sealed)).decode()


def service_of(address: str) -> str:
    """The service that an address names. Raises `Invalid`."""
    service = apprise.Apprise.instantiate(address.strip(), suppress_exceptions=True)
    if service is None or type(service).__name__.removeprefix("Notify") in LOCAL:
        raise Invalid("this address names no service that can be reached", code="channel_unknown", field="address")
    return str(service.service_name)


def send(address: str, title: str, body: str) -> str | None:
    """Try once; answers what went wrong, None when the service took it. What is said never quotes the address."""
    service = apprise.Apprise.instantiate(address.strip(), suppress_exceptions=True)
    if service is None:
        return "address_unknown"
    try:
        return None if service.notify(body=body, title=title) else "not_delivered"
    except Exception as error:  # a service's own code: whatever it raises, the alert was not delivered
        return type(error).__name__
