"""Logging in and out, and the first account."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from fastapi import APIRouter, Cookie, Request, Response

from application.accounts import by_hand, register, registry_of
from domain.refusals import Invalid
from domain.user import User
from web.context import COOKIE, By, Context, InContext, Unauthorised, begin_session, session_of
from web.forms import Language, LogIn, Session, Start

router = APIRouter(prefix="/api", tags=["session"])


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _session(context: Context, csrf: str, number: int) -> Session:
    user = context.store.get(User, User.create_id(number))
    return Session(csrf=csrf, user=number, username=user.name, role=user.role, language=user.language)


@router.get("/start")
def start(context: InContext) -> Start:
    """Whether the first account has still to be made."""
    return Start(first_account=not registry_of(context.store).users)


@router.post("/users", status_code=201)
def make_first_account(given: LogIn, request: Request, response: Response, context: InContext) -> Session:
    """The first account, which is the admin's: only from this machine, and only once."""
    if registry_of(context.store).users:
        raise Invalid("accounts exist already", code="first_account_exists")
    if not _is_loopback(_address(request)):
        raise Invalid("the first account is made on the machine itself", code="loopback_only")
    user = register(context.store, context.vault, given.username, given.password)
    return _log_in(context, user.number, request, response)


@router.post("/session")
def log_in(given: LogIn, request: Request, response: Response, context: InContext) -> Session:
    """Begin a session. A wrong name and a wrong password are answered alike, and both make the next try wait."""
    address = _address(request)
    context.throttle.check(address)
    number = registry_of(context.store).user_named(given.username)
    if not context.vault.password_matches(number, given.password) or number is None:
        context.throttle.failed(address)
        raise Unauthorised("name or password is wrong", code="login_wrong", field="password")
    context.throttle.succeeded(address)
    return _log_in(context, number, request, response)


def _log_in(context: Context, number: int, request: Request, response: Response) -> Session:
    with by_hand(number):
        user = context.store.get(User, User.create_id(number))
        user.log_in(_address(request))
        context.store.save(user)
    return _session(context, begin_session(context, response, number, _address(request)), number)


@router.get("/session")
def who_am_i(context: InContext, aristobot_session: Annotated[str | None, Cookie()] = None) -> Session:
    """The session of the cookie."""
    session = session_of(context, aristobot_session)
    return _session(context, session.csrf, session.user)


@router.delete("/session", status_code=204)
def log_out(by: By, response: Response, context: InContext) -> None:
    """End the session; its live sockets close with it."""
    with context.pool.connection() as connection:
        connection.execute("DELETE FROM service.sessions WHERE token_hash = %s", (by.token_hash,))
    with by_hand(by.user):
        user = context.store.get(User, User.create_id(by.user))
        user.log_out()
        context.store.save(user)
    response.delete_cookie(COOKIE, path="/")


@router.put("/session/language", status_code=204)
def prefer_language(given: Language, by: By, context: InContext) -> None:
    """Keep the language of the console."""
    with by_hand(by.user):
        user = context.store.get(User, User.create_id(by.user))
        user.prefer(given.language)
        context.store.save(user)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
