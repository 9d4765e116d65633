"""Proof that the person at an open session is its user, before an act that cannot be undone."""

from __future__ import annotations

from fastapi import Request

from application.people import users
from domain.refusals import Invalid
from web.access.cookies import Asking
from web.addresses import address_of
from web.context import Context


def prove(context: Context, by: Asking, password: str, request: Request, *, field: str = "password") -> None:
    """Check the user's password. Raises `Invalid`, naming `field`, when it is wrong.

    Failures count as failed logins. Raises `TooManyAttempts` while the throttle makes the user wait.
    """
    name = users.user_of(context.records.store, by.user).name
    with context.people.throttle.trying(address_of(request.scope), name, trusted=True) as tried:
        if not context.people.vault.password_matches(by.user, password):
            raise Invalid("the password is wrong", code="password_wrong", field=field)
        tried.is_right = True
