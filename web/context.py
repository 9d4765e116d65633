"""The context that every endpoint receives, and the user who makes the request."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Protocol
from uuid import UUID

from fastapi import Cookie, Depends, Header, Request
from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool

from application.market.charting import Drawn
from application.ports.candles import Candles, Held, Loads
from application.ports.requests import Gateway
from application.ports.sandbox import SandboxError, Worker
from application.ports.statements import Credentials
from application.ports.stores import Channels, Markets, OutstandingInvitation, SecondFactors, Secrets, Store
from domain.people.user import Role, User
from domain.refusals import NotFound, Refused
from domain.ticket import Ticket
from projections.books.reading import as_user
from web.access.cookies import Asking, session_of
from web.access.remembered import Remembered
from web.access.spacing import Spacing
from web.access.throttle import Throttle
from web.live.wakes import Wakes


class Forbidden(Refused):
    """The request does not prove that it comes from the console: its CSRF token is missing or wrong."""

    code = "csrf_missing"


class VaultOfWeb(Secrets, Protocol):
    """The part of the vault that the web uses."""

    def password_matches(self, user: int | None, password: str) -> bool:
        """Return True when `password` is the user's; False for no user."""

    def seal(self, credentials: Credentials) -> str:
        """Seal keys for their way to the gateway."""


class Tickets(Protocol):
    """The seal of tickets, which travel through the browser."""

    def seal(self, ticket: Ticket) -> str:
        """Return a ticket as a text that fits into an address."""

    def unseal(self, sealed: str) -> Ticket:
        """Return the ticket of a text. Raises `NotFound` for any text that was not sealed here."""


class Tokens(Protocol):
    """The users' webhook tokens."""

    def of(self, user: int) -> str | None:
        """Return the user's webhook token, only ever to be shown to its owner. None when there is none."""

    def rotate(self, user: int) -> str:
        """Replace the user's webhook token and return the new one. The old one is no longer valid."""


class ChannelsOfWeb(Channels, Protocol):
    """The part of the channels that the web uses."""

    def of(self, user: int) -> Sequence[Any]:
        """Return the channels to which a user's alerts are sent."""


class Debug(Protocol):
    """The debug mode."""

    @property
    def allowed(self) -> bool:
        """True when the environment allows the debug mode."""

    @property
    def password(self) -> str:
        """The password of `dev`."""

    def active(self) -> bool:
        """Return True while the debug mode is on."""

    def switch(self, *, active: bool) -> None:
        """Turn the debug mode on or off, and store that."""


class Drafts(Protocol):
    """The drafts of strategies: what was written and not saved yet."""

    def of(self, user: int) -> Sequence[Any]:
        """Return the drafts of a user, by strategy."""

    def find(self, user: int, strategy: int) -> Any | None:
        """Return the draft of a strategy, None when there is none."""

    def keep(
        self, user: int, strategy: int, code: str, based_on: int, history: int, seen: datetime | None
    ) -> datetime | None:
        """Keep a draft in place of the one that was `seen`, and return when; None if there is another one."""

    def drop(self, user: int, strategy: int, code: str | None = None) -> None:
        """Throw a draft away; with `code` only one that says just that, for another window may have written more."""


class Codes(Protocol):
    """Invitations: codes that each let one person create an account."""

    def make(self, by: int) -> str:
        """Create a code in the name of the user `by`."""

    def outstanding(self) -> Sequence[OutstandingInvitation]:
        """Return the invitations that still let somebody in, oldest first."""

    def withdraw(self, invitation: UUID) -> None:
        """Let an invitation expire now. Raises `NotFound` when it is unknown, used or expired."""

    def used(self, code: str | None) -> AbstractContextManager[None]:
        """Use up a code if the body of the `with` block succeeds. Raises `Invalid` when the code is not valid."""


@dataclass(frozen=True)
class Records:
    """The log and the books."""

    store: Store
    pool: ConnectionPool
    head: Callable[[], int]
    markets: Markets
    candles: Candles
    coverage: Callable[[], Sequence[Held]]
    """Return what is stored of each series and timeframe."""
    loads: Loads
    forget: Callable[[int, int], None]
    """Forget the first user, by decision of the second."""
    drafts: Drafts
    history: Callable[[int], Iterable[Any]] = lambda _: ()
    """Yield every event of a user as a chapter, oldest first."""
    story: Callable[[int, UUID], Sequence[Any]] = lambda _, __: ()
    """Return the chapters of one webhook, order or position of a user."""
    wakes: Wakes = field(default_factory=Wakes)
    metrics: dict[int, tuple[int, Sequence[Any]]] = field(default_factory=dict)
    """The last metrics of each user, with the position of the books that they were calculated from."""


@dataclass(frozen=True)
class People:
    """The belongings of people: their secrets, second factors, invitations and channels."""

    vault: VaultOfWeb
    tickets: Tickets
    tokens: Tokens
    factors: SecondFactors
    channels: ChannelsOfWeb
    invitations: Codes
    debug: Debug
    begin_factor: Callable[[int, str], Mapping[str, str]]
    """Begin a second factor of a user (number, name). Return `secret`, `address` and a `picture` of the address."""
    send: Callable[[str, str, str], str | None]
    """Send an alert (address, title, body). Return the reason for a failure, None when it was sent."""
    throttle: Throttle = field(default_factory=Throttle)
    """Of passwords and second factors."""
    codes: Throttle = field(default_factory=Throttle)
    """Of invitations."""
    remembered: Remembered = field(default_factory=Remembered)
    validations: Spacing = field(default_factory=lambda: Spacing(0.2, 5))
    """Of tickets: at most five in a second for one session."""


def no_sandbox(*_: Any) -> Any:
    """Raise `SandboxError`: there is no sandbox here."""
    raise SandboxError("there is no sandbox here")


@dataclass(frozen=True)
class Platform:
    """The running platform: its terminals, the gateway, the exchanges and their prices."""

    gateway: Gateway
    terminals: Callable[[], list[dict[str, Any]]]
    disk: Callable[[], Mapping[str, int]]
    webhook_url: str
    names: Collection[str] = ()
    """The names under which browsers reach the console, besides addresses and `localhost`."""
    exchanges: Sequence[Any] = ()
    """The catalogue of the exchanges that the gateway supports natively."""
    live_allowed: bool = False
    loading: Callable[[str, str], tuple[int, int] | None] = lambda _, __: None
    """Return the pairs loaded so far and their total for an exchange and venue, None when no loading is under way."""
    prices: Callable[[str, str], Mapping[str, tuple[str, float]]] = lambda _, __: {}
    """Return price and age in seconds by symbol of the open positions at an exchange and venue."""
    rates: Callable[[str, str], Mapping[str, tuple[str, float]]] = lambda _, __: {}
    """Return the same of everything that is held there, positions or not."""
    worker: Callable[[], AbstractContextManager[Worker]] = no_sandbox
    """Lend a worker of the sandbox, as a context manager. Raises `SandboxError`."""
    draw: Callable[..., Drawn] = no_sandbox
    """Return the indicators of a chart, as `Charting.draw`."""
    functions: Callable[[], Sequence[Mapping[str, str]]] = no_sandbox
    """Return the functions of pandas-ta-classic: `name`, `parameters` and `about`. Raises `SandboxError`."""
    need_series: Callable[[str], None] = lambda _: None
    """Ask the heartbeat to follow a series for another minute."""
    need_depth: Callable[[tuple[str, str, str], str], None] = lambda _, __: None
    """Ask the gateway to follow the depth of a market (exchange, venue, symbol) for some seconds, for one viewer."""
    depth: Callable[[tuple[str, str, str]], Mapping[str, Any] | None] = lambda _: None
    """Return the depth and the tape of a market as last told, None while it is not followed."""
    want_raw: Callable[[], None] = lambda: None
    """Ask for the raw stream of the market for some seconds more."""
    balances: Callable[[int], tuple[Mapping[str, tuple[str, str]], float] | None] = lambda _: None
    """Return what a broker's account holds by currency, free and locked, and the age in seconds; None when unknown."""

    def entry_of(self, exchange: str) -> Any:
        """Return the catalogue's entry of an exchange that brokers have."""
        return next(entry for entry in self.exchanges if entry.name == exchange)


@dataclass(frozen=True)
class Context:
    """The parts of the platform that the console's endpoints use."""

    records: Records
    people: People
    platform: Platform


def context_of(request: Request) -> Context:
    """Return the context with which the application was created."""
    context: Context = request.app.state.context
    return context


def asking(
    request: Request,
    context: Annotated[Context, Depends(context_of)],
    aristobot_session: Annotated[str | None, Cookie()] = None,
    x_csrf_token: Annotated[str | None, Header()] = None,
) -> Asking:
    """Return the session of a request.

    Raises `Unauthorised` without a valid session, and `Forbidden` for a change without the session's CSRF token.
    """
    session = session_of(context.records.pool, aristobot_session)
    context.people.remembered.keep(session)
    if request.method != "GET":
        check_csrf(session, x_csrf_token)
    return session


def check_csrf(session: Asking, given: str | None) -> None:
    """Raise `Forbidden` unless a change carries the CSRF token of its session."""
    if not secrets.compare_digest(session.csrf.encode(), (given or "").encode()):
        raise Forbidden("the X-CSRF-Token header is missing or wrong")


def admin(session: Annotated[Asking, Depends(asking)], context: Annotated[Context, Depends(context_of)]) -> Asking:
    """Return the admin's session. Raises `NotFound` for any other user, for whom the endpoint does not exist."""
    if context.records.store.get(User, User.create_id(session.user)).role is not Role.ADMIN:
        raise NotFound("there is no such address")
    return session


def books(context: Context, user: int) -> AbstractContextManager[Cursor[DictRow]]:
    """Return a cursor on the books, as a context manager, that sees only this user's rows."""
    return as_user(context.records.pool, user)


async def asked_at() -> float:
    """Return the time (monotonic) at which a request came, before anything has waited for the database."""
    return time.monotonic()


AskedAt = Annotated[float, Depends(asked_at)]
InContext = Annotated[Context, Depends(context_of)]
By = Annotated[Asking, Depends(asking)]
ByAdmin = Annotated[Asking, Depends(admin)]
