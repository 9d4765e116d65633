"""Sessions, each named by a cookie. They are not facts about trading, so a service table holds them."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool
from starlette.requests import Request
from starlette.responses import Response

from domain.refusals import NotFound, Refused
from web.addresses import address_of

COOKIE = "aristobot_session"
INACTIVE_HOURS = 24
COOKIE_DAYS = 30
"""The cookie outlives the session, which the server alone ends: one in daily use does not end during the day."""
LONGEST_AGENT = 200


class Unauthorised(Refused):
    """The request has no session, or its session has ended."""

    code = "not_logged_in"


@dataclass(frozen=True)
class Asking:
    """The session behind a request: its user, CSRF token and token hash."""

    user: int
    csrf: str
    token_hash: bytes


@dataclass(frozen=True)
class Kept:
    """One session of a user, as its owner sees it. `current` marks the session of the request."""

    id: UUID
    address: str
    agent: str
    began_at: datetime
    seen_at: datetime
    current: bool


def hash_of(token: str) -> bytes:
    """Hash a token for storage. 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def begin(pool: ConnectionPool, request: Request, response: Response, user: int) -> str:
    """Begin a session, set its cookie, which scripts cannot read, and return its CSRF token."""
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    agent = request.headers.get("user-agent", "")[:LONGEST_AGENT]
    with pool.connection() as connection:
        connection.execute(
            "INSERT INTO service.sessions (token_hash, user_id, csrf, address, agent) VALUES (%s, %s, %s, %s, %s)",
            (hash_of(token), user, csrf, address_of(request.scope), agent),
        )
    response.set_cookie(
        COOKIE, token, httponly=True, samesite="strict", path="/", max_age=COOKIE_DAYS * 86400,
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return csrf


def session_of(pool: ConnectionPool, token: str | None) -> Asking:
    """Return the session of a token and mark it as seen now.

    Raises `Unauthorised` when there is none, or after 24 hours of inactivity.
    """
    if token:
        with pool.connection() as connection:
            row = connection.execute(
                "UPDATE service.sessions SET seen_at = clock_timestamp() WHERE token_hash = %s"
                " AND seen_at > clock_timestamp() - make_interval(hours => %s) RETURNING user_id, csrf",
                (hash_of(token), INACTIVE_HOURS),
            ).fetchone()
        if row is not None:
            return Asking(row[0], row[1], hash_of(token))
    raise Unauthorised("log in first")


def sessions_of(pool: ConnectionPool, by: Asking) -> list[Kept]:
    """Return the user's valid sessions, the most recently seen first."""
    with pool.connection() as connection, connection.cursor(row_factory=class_row(Kept)) as cursor:
        return cursor.execute(
            "SELECT id, address, agent, began_at, seen_at, token_hash = %s AS current FROM service.sessions"
            " WHERE user_id = %s AND seen_at > clock_timestamp() - make_interval(hours => %s) ORDER BY seen_at DESC",
            (by.token_hash, by.user, INACTIVE_HOURS),
        ).fetchall()


def has_been_at(pool: ConnectionPool, user: int, address: str) -> bool:
    """Return True when a user has, or had, a session from an address."""
    with pool.connection() as connection:
        query = "SELECT EXISTS (SELECT FROM service.sessions WHERE user_id = %s AND address = %s)"
        row = connection.execute(query, (user, address)).fetchone()
    return row is not None and bool(row[0])


def activity(pool: ConnectionPool) -> dict[int, tuple[int, datetime]]:
    """Return by user the number of their valid sessions and the time (UTC) at which one was last seen."""
    with pool.connection() as connection:
        rows = connection.execute(
            "SELECT user_id, count(*), max(seen_at) FROM service.sessions"
            " WHERE seen_at > clock_timestamp() - make_interval(hours => %s) GROUP BY user_id",
            (INACTIVE_HOURS,),
        ).fetchall()
    return {user: (count, seen_at) for user, count, seen_at in rows}


def end(pool: ConnectionPool, by: Asking) -> None:
    """End the session of the request."""
    _delete(pool, "token_hash = %s", by.token_hash)


def revoke(pool: ConnectionPool, by: Asking, session: UUID) -> None:
    """End one of the user's sessions. Raises `NotFound` when it does not exist or is another user's."""
    if not _delete(pool, "id = %s AND user_id = %s", session, by.user):
        raise NotFound("there is no such session")


def end_all(pool: ConnectionPool, user: int, but: bytes = b"") -> None:
    """End all sessions of a user, except the one with the token hash `but`."""
    _delete(pool, "user_id = %s AND token_hash <> %s", user, but)


def _delete(pool: ConnectionPool, which: str, *values: Any) -> int:
    with pool.connection() as connection:
        return connection.execute(f"DELETE FROM service.sessions WHERE {which}", values).rowcount
