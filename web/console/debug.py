"""The debug mode: logging in without typing during development.

It works only where the environment allows it, and only from this machine.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from application.people.users import registry_of
from domain.refusals import Impossible, NotFound
from web.access.session import log_in
from web.addresses import is_at_home
from web.context import InContext
from web.forms import account as forms

router = APIRouter(prefix="/api/debug", tags=["session"])
NAME = "dev"


@router.put("")
def switch(given: forms.Debug, request: Request, response: Response, context: InContext) -> forms.Session | None:
    """Turn the debug mode on or off.

    Turning it on logs in as `dev`, with the same checks as every login, and returns the session; turning it off returns
    null. Returns 404 where the environment does not allow the debug mode or the request comes from another machine.
    """
    if not context.people.debug.allowed or not is_at_home(request.scope):
        raise NotFound("there is no such address")
    number = registry_of(context.records.store).user_named(NAME)
    if given.active and number is None:
        raise Impossible("there is no user `dev`: run `aristobot user init`", code="dev_missing")
    context.people.debug.switch(active=given.active)
    if not given.active:
        return None
    if number is not None and not context.people.vault.password_matches(number, context.people.debug.password):
        context.people.vault.set_password(
            number, context.people.debug.password
        )  # it derives from the secret key, which was replaced
    return log_in(forms.LogIn(username=NAME, password=context.people.debug.password), request, response, context)
