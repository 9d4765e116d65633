"""Channels: where alerts are sent, as Apprise addresses (Discord and whatever else it supports). Each is a secret."""

from __future__ import annotations

import logging
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from cryptography.fernet import InvalidToken
from psycopg import Connection
from psycopg_pool import ConnectionPool

from adapters.vault.keys import MasterKey
from adapters.vault.outbound import Guard, leads_inside, public_only
from domain.refusals import Invalid, Taken

logging.getLogger("apprise").disabled = True  # it logs mistyped addresses, and an address is a secret
LOCAL = frozenset({"Syslog", "DBus", "GLib", "Gnome", "MacOSX", "Windows", "Blink1"})
"""Services that notify the machine itself; an alert is meant to leave it."""


@dataclass(frozen=True)
class Channel:
    """One channel of a user. Its address does not appear when printed."""

    id: UUID
    user: int
    name: str
    address: str = field(repr=False)

    @property
    def service(self) -> str:
        """The name of the service behind the address."""
        return service_of(self.address)


class ChannelTable:
    """The table of channels, their names and addresses sealed by the master key.

    With `private`, channels may lead to loopback and private addresses too.
    """

    def __init__(self, pool: ConnectionPool, master: MasterKey, *, private: bool = False) -> None:
        self._pool = pool
        self._master = master
        self._private = private

    def keep(self, channel: UUID, user: int, name: str, address: str) -> str:
        """Store a channel and return its service's name.

        Raises `Invalid` when the channel has no name, or its address names no service or a private one, `Taken` when
        the user has the name already.
        """
        if not name.strip():
            raise Invalid("a channel needs a name", code="channel_name_missing", field="name")
        service = service_of(address)
        if not self._private and any(leads_inside(host) for host in _hosts(address)):
            raise Invalid("this address is not public", code="channel_private", field="address")
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('channels'), %s)", (user,))
            if name.strip() in {kept.name for kept in self._of(connection, user)}:
                raise Taken(f"{name} is taken", code="channel_name_taken", field="name")
            connection.execute(
                "INSERT INTO vault.channels (id, user_id, sealed) VALUES (%s, %s, %s)",
                (channel, user, _sealed(self._master, name.strip(), address.strip())),
            )
        return service

    def drop(self, channel: UUID) -> None:
        """Destroy a channel's address."""
        with self._pool.connection() as connection:
            connection.execute("DELETE FROM vault.channels WHERE id = %s", (channel,))

    def ids_of(self, user: int) -> set[UUID]:
        """Return the ids of a user's channels that have an address here."""
        return {channel.id for channel in self.of(user)}

    def of(self, user: int) -> list[Channel]:
        """Return a user's channels in the order in which they were added."""
        with self._pool.connection() as connection:
            return self._of(connection, user)

    def _of(self, connection: Connection[Any], user: int) -> list[Channel]:
        query = "SELECT id, sealed FROM vault.channels WHERE user_id = %s ORDER BY made_at, id"
        rows = connection.execute(query, (user,)).fetchall()
        return [
            Channel(channel, user, **msgspec.json.decode(self._master.fernet.decrypt(bytes(sealed))))
            for channel, sealed in rows
        ]


def _sealed(master: MasterKey, name: str, address: str) -> bytes:
    """Seal a channel's name, which is its owner's own word, together with its address."""
    return master.fernet.encrypt(msgspec.json.encode({"name": name, "address": address}))


def seal_names(connection: Connection[Any], master: MasterKey) -> None:
    """Seal the names of channels that an earlier version kept in clear.

    One whose address opens with no key of ours stays as it is: it is of no use to anybody.
    """
    query = "SELECT id, name, sealed FROM vault.channels WHERE name IS NOT NULL"
    for channel, name, sealed in connection.execute(query).fetchall():
        with suppress(InvalidToken):
            together = _sealed(master, name, master.fernet.decrypt(bytes(sealed)).decode())
            connection.execute("UPDATE vault.channels SET name = NULL, sealed = %s WHERE id = %s", (together, channel))


def service_of(address: str) -> str:
    """Return the name of the service that an address names. Raises `Invalid` when it names none that can be used."""
    service = _service(address)
    if service is None or type(service).__name__.removeprefix("Notify") in LOCAL:
        raise Invalid("this address names no service that can be reached", code="channel_unknown", field="address")
    return str(service.service_name)


def send(address: str, title: str, body: str, *, private: bool = False) -> str | None:
    """Try once to send, and return None on success or else the reason, which never quotes the address.

    Without `private`, no connection is made to an address that is not public.
    """
    service = _service(address)
    if service is None:
        return "address_unknown"
    with nullcontext(Guard()) if private else public_only() as guard:
        try:
            sent = service.notify(body=body, title=title)
        except Exception as error:  # the service's own code: whatever it raises, the alert was not delivered
            return "address_private" if guard.refused else type(error).__name__
    if guard.refused:
        return "address_private"
    return None if sent else "not_delivered"


def _hosts(address: str) -> list[str]:
    """Return the hosts that an address names itself. Most services have a host of their own that it does not name."""
    service = _service(address)
    hosts = [getattr(service, "smtp_host", None)]
    if any("{host}" in template for template in service.templates):
        hosts.append(service.host)
    return [host.strip("[]") for host in hosts if host]


def _service(address: str) -> Any:
    """Return the service behind an address, None when Apprise knows none."""
    import apprise  # noqa: PLC0415 - it takes a third of a second, and most processes send nothing

    return apprise.Apprise.instantiate(address.strip(), suppress_exceptions=True)
