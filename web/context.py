"""What every endpoint gets handed in, and who is asking."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol
from uuid import UUID

from fastapi import Cookie, Depends, Header, Request
from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool

from application.ports.exchange import Credentials
from application.ports.requests import Gateway
from application.ports.stores import Channels, SecondFactors, Secrets, Store
from domain.refusals import NotFound, Refused
from domain.user import Role, User
from projections.books.reading import as_user
from web.access.cookies import Asking, session_of
from web.access.throttle import Throttle
from web.live.wakes import Wakes


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

    def seal(self, credentials: Credentials) -> str:
        """Keys as they may travel to the gateway."""


class ChannelsOfWeb(Channels, Protocol):
    """What the web asks of the channels."""

    def of(self, user: int) -> Sequence[Any]:
        """Where a user's alerts go."""


class Debug(Protocol):
    """The debug mode."""

    @property
    def allowed(self) -> bool:
        """Whether the environment allows it at all."""

    @property
    def password(self) -> str:
        """The password of `dev`."""

    def active(self) -> bool:
        """Whether it is on."""

    def switch(self, *, active: bool) -> None:
        """Keep it on or off."""


class Codes(Protocol):
    """Codes that let one person make an account."""

    def make(self, by: int) -> str:
        """A new one."""

    def used(self, code: str | None) -> AbstractContextManager[None]:
        """Used up if what is done inside succeeds. Raises `Invalid`."""


@dataclass(frozen=True)
class Context:
    """The rooms behind the console."""

    store: Store
    vault: VaultOfWeb
    factors: SecondFactors
    channels: ChannelsOfWeb
    invitations: Codes
    gateway: Gateway
    debug: Debug
    pool: ConnectionPool
    terminals: Callable[[], list[dict[str, Any]]]
    webhook_url: str
    head: Callable[[], int]
    disk: Callable[[], Mapping[str, int]]
    begin_factor: Callable[[int, str], Mapping[str, str]]
    """A new second factor of a user by this name: its secret, its address, a picture of that."""
    send: Callable[[str, str, str], str | None]
    """Send an alert to an address; answers what went wrong."""
    forget: Callable[[int, int], None]
    """End an account, decided by somebody."""
    exchanges: Sequence[Any] = ()
    """The catalogue of what the gateway speaks."""
    live_allowed: bool = False
    loading: Callable[[str, str], tuple[int, int] | None] = lambda _, __: None
    """How many pairs of how many are loaded, while they are."""
    history: Callable[[int], Iterable[Any]] = lambda _: ()
    """Every event of a user, as chapters."""
    story: Callable[[int, UUID], Sequence[Any]] = lambda _, __: ()
    """The chapters of one webhook, order or position of a user."""
    prices: Callable[[str, str], Mapping[str, tuple[str, float]]] = lambda _, __: {}
    wakes: Wakes = field(default_factory=Wakes)
    throttle: Throttle = field(default_factory=Throttle)


def context_of(request: Request) -> Context:
    """The context that the application was made with."""
    context: Context = request.app.state.context
    return context


def asking(
    request: Request,
    context: Annotated[Context, Depends(context_of)],
    aristobot_session: Annotated[str | None, Cookie()] = None,
    x_csrf_token: Annotated[str | None, Header()] = None,
) -> Asking:
    """The user who asks; every change has to carry the CSRF token too."""
    session = session_of(context.pool, aristobot_session)
    if request.method != "GET" and not secrets.compare_digest(session.csrf.encode(), (x_csrf_token or "").encode()):
        raise Forbidden("the X-CSRF-Token header is missing or wrong")
    return session


def admin(session: Annotated[Asking, Depends(asking)], context: Annotated[Context, Depends(context_of)]) -> Asking:
    """The admin who asks. Raises `NotFound` for anybody else: what they cannot do is not there for them."""
    if context.store.get(User, User.create_id(session.user)).role is not Role.ADMIN:
        raise NotFound("there is no such address")
    return session


def books(context: Context, user: int) -> AbstractContextManager[Cursor[DictRow]]:
    """A cursor on the books that sees this user's rows and nobody else's."""
    return as_user(context.pool, user)


InContext = Annotated[Context, Depends(context_of)]
By = Annotated[Asking, Depends(asking)]
ByAdmin = Annotated[Asking, Depends(admin)]
