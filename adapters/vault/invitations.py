"""Invitations: codes that let one person create an account, once, within a week."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg_pool import ConnectionPool

from adapters.vault.keys import MasterKey
from domain.refusals import Invalid

GOOD_FOR_DAYS = 7


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

    @contextmanager
    def used(self, code: str | None) -> Iterator[None]:
        """Use up a code if the enclosed block succeeds. Raises `Invalid` when the code is unknown, used or expired."""
        with self._pool.connection() as connection, connection.transaction():
            used = connection.execute(
                "UPDATE service.invitations SET used_at = clock_timestamp() WHERE code_hash = ANY(%s)"
                " AND used_at IS NULL AND expires_at > clock_timestamp()",
                (self._master.token_hashes((code or "").strip()),),
            )
            if not used.rowcount:
                raise Invalid("this code is not good, or was used", code="invitation_wrong", field="code")
            yield
