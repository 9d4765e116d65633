"""Logging in and out, and creating an account."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

from fastapi import APIRouter, Cookie, Request, Response

from application.people.users import by_hand, prove, register, registry_of
from domain.people.user import User
from domain.refusals import Invalid, Refused
from web.access import cookies as sessions
from web.access.cookies import COOKIE, Unauthorised, session_of
from web.addresses import address_of, is_at_home
from web.context import By, Context, InContext
from web.forms import account as forms

router = APIRouter(prefix="/api", tags=["session"])


def session_form(context: Context, csrf: str, number: int) -> forms.Session:
    """Return a session as the console receives it: the user, their role and their preferences."""
    user = context.records.store.get(User, User.create_id(number))
    return forms.Session(
        csrf=csrf,
        user=number,
        username=user.name,
        role=user.role,
        second_factor=user.second_factor,
        preferences=forms.Preferences(**vars(user.preferences)),
        has_chosen=user.has_chosen,
    )


@router.get("/start")
def start(context: InContext) -> forms.Start:
    """Return what the login screen needs before a login.

    `first_account` is true while no account exists; `debug_allowed` and `debug_active` are the state of the debug mode.
    """
    return forms.Start(
        first_account=not registry_of(context.records.store).users,
        debug_allowed=context.people.debug.allowed,
        debug_active=context.people.debug.allowed and context.people.debug.active(),
    )


@router.post("/users", status_code=201)
def make_account(given: forms.NewAccount, request: Request, response: Response, context: InContext) -> forms.Session:
    """Create an account and begin a session for it.

    The first account is the admin's. It needs a code unless the request comes from the machine itself. Every other
    account needs the code of an invitation.
    """
    at_home = not registry_of(context.records.store).users and is_at_home(request.scope)
    with context.people.codes.trying(address_of(request.scope), "a code") as tried:
        try:
            with nullcontext() if at_home and not given.code else context.people.invitations.used(given.code):
                user = register(context.records.store, context.people.vault, given.username, given.password)
        except Refused as refused:
            tried.is_no_guess = refused.code != "invitation_wrong"
            raise
        tried.is_no_guess = True
    return log_in_as(context, user.number, request, response)


@router.post("/session")
def log_in(given: forms.LogIn, request: Request, response: Response, context: InContext) -> forms.Session:
    """Begin a session and set its cookie.

    A wrong name and a wrong password get the same error, and both make the next attempt wait. A user with a second
    factor must send its `code` too: without one the error code is `second_factor_needed`.
    """
    address, number = address_of(request.scope), registry_of(context.records.store).user_named(given.username)
    trusted = sessions.has_been_at(context.records.pool, number or 0, address)
    with context.people.throttle.trying(address, given.username, trusted=trusted) as tried:
        if not context.people.vault.password_matches(number, given.password) or number is None:
            raise Unauthorised("name or password is wrong", code="login_wrong", field="password")
        try:
            session = log_in_as(context, number, request, response, given.code)
        except Refused as refused:
            tried.is_no_guess = refused.code != "second_factor_wrong"
            if isinstance(refused, Invalid):
                raise Unauthorised(str(refused), code=refused.code, field="code") from refused
            raise
        tried.is_right = True
    return session


def log_in_as(
    context: Context, number: int, request: Request, response: Response, code: str | None = None
) -> forms.Session:
    """Begin a session for a user: the last step of every login.

    Raises `Invalid` when the second factor is missing or wrong, `Impossible` when the account is disabled.
    """
    with by_hand(number):
        user = context.records.store.get(User, User.create_id(number))
        prove(context.people.factors, user, code)
        user.log_in(address_of(request.scope))
        context.records.store.save(user)
    return session_form(context, sessions.begin(context.records.pool, request, response, number), number)


@router.get("/session")
def who_am_i(context: InContext, aristobot_session: Annotated[str | None, Cookie()] = None) -> forms.Session:
    """Return the session of the cookie, with its user and CSRF token."""
    session = session_of(context.records.pool, aristobot_session)
    context.people.remembered.keep(session)
    return session_form(context, session.csrf, session.user)


@router.delete("/session", status_code=204)
def log_out(by: By, response: Response, context: InContext) -> None:
    """End the session. Its live sockets close too."""
    sessions.end(context.records.pool, by)
    context.people.remembered.forget(by)
    with by_hand(by.user):
        user = context.records.store.get(User, User.create_id(by.user))
        user.log_out()
        context.records.store.save(user)
    response.delete_cookie(COOKIE, path="/")
