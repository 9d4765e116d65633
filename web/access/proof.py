"""Proof that whoever sits before an open session is its user, before something that cannot be taken back."""

from __future__ import annotations

from fastapi import Request

from application.people import users
from domain.refusals import Invalid
from web.access import cookies as sessions
from web.access.cookies import Asking
from web.access.throttle import door_of
from web.context import Context


def prove(context: Context, by: Asking, password: str, request: Request, *, field: str = "password") -> None:
    """Raises `Invalid`, naming the field, for a wrong password; tries are counted as those of a login are."""
    door = door_of(sessions.address_of(request), users.user_of(context.store, by.user).name)
    context.throttle.check(door)
    if not context.vault.password_matches(by.user, password):
        context.throttle.failed(door)
        raise Invalid("the password is wrong", code="password_wrong", field=field)
    context.throttle.succeeded(door)
