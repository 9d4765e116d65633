"""Remembered sessions: those that were valid a moment ago, for the halt, which has to work without the database."""

from __future__ import annotations

import time

from web.access.cookies import Asking, Unauthorised, hash_of

SECONDS = 300.0
MOST = 1000


class Remembered:
    """The sessions seen in the last five minutes, by the hash of their token."""

    def __init__(self) -> None:
        self._seen: dict[bytes, tuple[Asking, float]] = {}

    def keep(self, session: Asking) -> None:
        """Remember a session that the database has just confirmed."""
        self._seen.pop(session.token_hash, None)
        self._seen[session.token_hash] = session, time.monotonic()
        while len(self._seen) > MOST:
            del self._seen[next(iter(self._seen))]

    def forget(self, session: Asking) -> None:
        """Forget a session that its user has ended."""
        self._seen.pop(session.token_hash, None)

    def forget_all(self, user: int, but: bytes = b"") -> None:
        """Forget the sessions of a user that have been ended, all but the one with this token hash."""
        for token_hash in [*self._seen]:
            if self._seen[token_hash][0].user == user and token_hash != but:
                del self._seen[token_hash]

    def session_of(self, token: str | None) -> Asking:
        """Return the session of a token. Raises `Unauthorised` unless it was seen in the last five minutes."""
        session = None if token is None else self.find(token)
        if session is None:
            raise Unauthorised("log in first")
        return session

    def find(self, token: str) -> Asking | None:
        """Return the session of a token, None unless it was seen in the last five minutes."""
        session, seen_at = self._seen.get(hash_of(token), (None, 0.0))
        return None if time.monotonic() - seen_at > SECONDS else session
