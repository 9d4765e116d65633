"""Webhook tokens and their owners, current and former. The database holds keyed hashes and sealed texts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg_pool import ConnectionPool

from adapters.vault.keys import MasterKey

_ALL = """
    SELECT token.token_hash, token.user_id, token.ended_at, person.forgotten_at IS NOT NULL
    FROM (
        SELECT token_hash, user_id, NULL::timestamptz AS ended_at FROM vault.webhook_tokens
        UNION ALL SELECT token_hash, user_id, ended_at FROM vault.ended_tokens
    ) AS token LEFT JOIN vault.person_keys AS person ON person.person = token.user_id
    ORDER BY token.ended_at NULLS LAST
"""
_BEFORE = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Owner:
    """The owner of a token, until `ended_at` (UTC) if another token has taken its place or its owner is forgotten."""

    user: int
    ended_at: datetime | None
    forgotten: bool

    def held_at(self, moment: datetime) -> bool:
        """Return True when a delivery received at that moment (UTC) counts as its owner's."""
        return not self.forgotten and (self.ended_at is None or moment < self.ended_at)


class TokenTable:
    """The table of webhook tokens, found by a keyed hash and shown to their owner only."""

    def __init__(self, pool: ConnectionPool, master: MasterKey) -> None:
        self._pool = pool
        self._master = master

    def rotate(self, user: int) -> str:
        """Replace a user's token and return the new one. What was received before is still judged by the old one."""
        token = secrets.token_urlsafe(32)
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO vault.webhook_tokens (user_id, token_hash, sealed) VALUES (%s, %s, %s)"
                " ON CONFLICT (user_id) DO UPDATE SET token_hash = EXCLUDED.token_hash, sealed = EXCLUDED.sealed,"
                " made_at = clock_timestamp()",
                (user, self._master.token_hashes(token)[0], self._master.fernet.encrypt(token.encode())),
            )
        return token

    def of(self, user: int) -> str | None:
        """Return a user's token, or None. It is for its owner only."""
        with self._pool.connection() as connection:
            row = connection.execute("SELECT sealed FROM vault.webhook_tokens WHERE user_id = %s", (user,)).fetchone()
        return self._master.fernet.decrypt(bytes(row[0])).decode() if row else None

    def owners(self) -> dict[bytes, Owner]:
        """Return the owner of every token by its hash. Raises `psycopg.OperationalError` when the database is away."""
        with self._pool.connection() as connection:
            rows = connection.execute(_ALL, prepare=True).fetchall()
        # Valid ones come last: after a rotation of the master key and back, a hash has ended and is valid again.
        return {bytes(digest): Owner(*owner) for digest, *owner in rows}

    def owner_in(self, owners: Mapping[bytes, Owner], token: str) -> Owner | None:
        """Return the owner of a token among `owners`, None when it never belonged to anybody."""
        found = [owners[digest] for digest in self._master.token_hashes(token) if digest in owners]
        # A rotation of the master key ends a hash, but not the token: its newer hash is still valid.
        return max(found, key=lambda owner: (owner.ended_at is None, owner.ended_at or _BEFORE), default=None)
