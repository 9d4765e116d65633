"""Invitations: codes that let one person create an account, once, within a week."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from adapters.vault.keys import MasterKey
from application.ports.stores import OutstandingInvitation
from domain.refusals import Invalid, NotFound

GOOD_FOR_DAYS = 7
_OUTSTANDING = "used_at IS NULL AND expires_at > clock_timestamp()"


class Invitations:
    """The table of invitations. Only a keyed hash of each code is kept."""

    def __init__(self, pool: ConnectionPool, master: MasterKey) -> None:
        self._pool = pool
        self._master = master

    def make(self, by: int) -> str:
        """Make a new code. Only its hash is stored, so it can be shown only this once."""
        code = secrets.token_urlsafe(12)
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO service.invitations (code_hash, made_by, expires_at)"
                " VALUES (%s, %s, clock_timestamp() + make_interval(days => %s))",
                (self._master.token_hashes(code)[0], by, GOOD_FOR_DAYS),
            )
        return code

    def outstanding(self) -> list[OutstandingInvitation]:
        """Return the invitations that still let somebody in, oldest first."""
        with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(OutstandingInvitation)) as cursor,
        ):
            query = f"SELECT id, made_at, expires_at FROM service.invitations WHERE {_OUTSTANDING} ORDER BY made_at"
            return cursor.execute(query).fetchall()

    def withdraw(self, invitation: UUID) -> None:
        """Let an invitation expire now. Raises `NotFound` when it is unknown, used or expired."""
        with self._pool.connection() as connection:
            withdrawn = connection.execute(
                f"UPDATE service.invitations SET expires_at = clock_timestamp() WHERE id = %s AND {_OUTSTANDING}",
                (invitation,),
            )
        if not withdrawn.rowcount:
            raise NotFound("there is no such invitation")

    @contextmanager
    def used(self, code: str | None) -> Iterator[None]:
        """Use up a code if the enclosed block succeeds. Raises `Invalid` when the code is unknown, used or expired."""
        with self._pool.connection() as connection, connection.transaction():
            used = connection.execute(
                "UPDATE service.invitations SET used_at = clock_timestamp()"
                f" WHERE code_hash = ANY(%s) AND {_OUTSTANDING}",
                (self._master.token_hashes((code or "").strip()),),
            )
            if not used.rowcount:
                raise Invalid("this code is not good, or was used", code="invitation_wrong", field="code")
            yield
