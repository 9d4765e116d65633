"""What every endpoint gets handed in, and who is asking."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol
from uuid import UUID

from fastapi import Cookie, Depends, Header, Request, Response
from psycopg import Cursor
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from application.accounts import Secrets
from application.ports import Store
from domain.refusals import Refused
from web.throttle import Throttle
from web.wakes import Wakes

COOKIE = "aristobot_session"
INACTIVE_HOURS = 24


class Unauthorised(Refused):
    """Nobody is logged in, or the session has ended."""

    code = "not_logged_in"


class Forbidden(Refused):
    """The request does not prove that it comes from the console."""

    code = "csrf_missing"


class VaultOfWeb(Secrets, Protocol):
    """What the web asks of the vault."""

    def password_matches(self, user: int | None, password: str) -> bool:
        """Whether it is the user's password."""

    def token_of(self, user: int) -> str | None:
        """The webhook token, for its owner."""

    def rotate_token(self, user: int) -> str:
        """A new webhook token."""


@dataclass(frozen=True)
class Context:
    """The rooms behind the console."""

    store: Store
    vault: VaultOfWeb
    pool: ConnectionPool
    terminals: Callable[[], list[dict[str, Any]]]
    webhook_url: str
    head: Callable[[], int]
    disk: Callable[[], Mapping[str, int]]
    story: Callable[[int, UUID], Sequence[Any]] = lambda _, __: ()
    """The chapters of one webhook, order or position of a user."""
    prices: Callable[[str, str], Mapping[str, tuple[str, float]]] = lambda _, __: {}
    wakes: Wakes = field(default_factory=Wakes)
    throttle: Throttle = field(default_factory=Throttle)


@dataclass(frozen=True)
class Asking:
    """The user behind a request."""

    user: int
    csrf: str
    token_hash: bytes


def context_of(request: Request) -> Context:
    """The context that the application was made with."""
    context: Context = request.app.state.context
    return context


def hash_of(token: str) -> bytes:
    """How a session token is kept: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def begin_session(context: Context, response: Response, user: int, address: str) -> str:
    """A new session in a cookie that scripts cannot read; answers the CSRF token."""
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    with context.pool.connection() as connection:
        connection.execute(
            "INSERT INTO service.sessions (token_hash, user_id, csrf, address) VALUES (%s, %s, %s, %s)",
            (hash_of(token), user, csrf, address),
        )
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", path="/", max_age=INACTIVE_HOURS * 3600)
    return csrf


def session_of(context: Context, token: str | None) -> Asking:
    """Whose session this is. Raises `Unauthorised` without one, or after 24 hours of inactivity."""
    if token:
        with context.pool.connection() as connection:
            row = connection.execute(
                "UPDATE service.sessions SET seen_at = clock_timestamp() WHERE token_hash = %s"
                " AND seen_at > clock_timestamp() - make_interval(hours => %s) RETURNING user_id, csrf",
                (hash_of(token), INACTIVE_HOURS),
            ).fetchone()
        if row is not None:
            return Asking(row[0], row[1], hash_of(token))
    raise Unauthorised("log in first")


def asking(
    request: Request,
    context: Annotated[Context, Depends(context_of)],
    aristobot_session: Annotated[str | None, Cookie()] = None,
    x_csrf_token: Annotated[str | None, Header()] = None,
) -> Asking:
    """The user who asks; every change has to carry the CSRF token too."""
    session = session_of(context, aristobot_session)
    if request.method != "GET" and not secrets.compare_digest(session.csrf.encode(), (x_csrf_token or "").encode()):
        raise Forbidden("the X-CSRF-Token header is missing or wrong")
    return session


@contextmanager
def books(context: Context, user: int) -> Iterator[Cursor[DictRow]]:
    """A cursor that sees this user's rows and nobody else's: row-level security holds whatever the query forgets."""
    with (
        context.pool.connection() as connection,
        connection.transaction(),
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        cursor.execute("SELECT set_config('aristobot.user', %s, true)", (str(user),))
        yield cursor


InContext = Annotated[Context, Depends(context_of)]
By = Annotated[Asking, Depends(asking)]
