"""The user's own account: preferences, password, second factor, sessions and data export."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from application.people import users
from domain.people.user import Preferences
from web.access import cookies as sessions
from web.access.proof import prove
from web.console.export import told_of
from web.context import By, InContext
from web.forms import account as forms

router = APIRouter(prefix="/api/account", tags=["account"])


@router.put("/preferences", status_code=204)
def prefer(given: forms.Preferences, by: By, context: InContext) -> None:
    """Save the user's display preferences."""
    users.prefer(context.records.store, by.user, Preferences(**given.model_dump()))


@router.put("/password", status_code=204)
def change_password(given: forms.NewPassword, by: By, request: Request, context: InContext) -> None:
    """Replace the password and end every other session of the user."""
    prove(context, by, given.current, request, field="current")
    users.change_password(context.records.store, context.people.vault, by.user, given.new, by.user)
    sessions.end_all(context.records.pool, by.user, but=by.token_hash)
    context.people.remembered.forget_all(by.user, but=by.token_hash)


@router.post("/second-factor")
def begin_second_factor(given: forms.Proof, by: By, request: Request, context: InContext) -> forms.NewFactor:
    """Create a secret for an authenticator. The second factor is on once its first code is confirmed."""
    prove(context, by, given.current, request, field="current")
    name = users.user_of(context.records.store, by.user).name
    return forms.NewFactor(**context.people.begin_factor(by.user, name))


@router.put("/second-factor")
def confirm_second_factor(given: forms.Code, by: By, context: InContext) -> forms.RecoveryCodes:
    """Confirm the second factor with its first code: from now on every login needs a code.

    Returns the recovery codes, which are shown only this once.
    """
    return forms.RecoveryCodes(
        codes=users.confirm_second_factor(context.records.store, context.people.factors, by.user, given.code)
    )


@router.delete("/second-factor", status_code=204)
def drop_second_factor(given: forms.Proof, by: By, request: Request, context: InContext) -> None:
    """Turn the second factor off: the password alone is enough again."""
    prove(context, by, given.current, request, field="current")
    users.drop_second_factor(context.records.store, context.people.factors, by.user, by.user)


@router.get("/sessions")
def list_sessions(by: By, context: InContext) -> forms.Sessions:
    """List the user's sessions, the most recently seen first."""
    return forms.Sessions(items=[forms.KeptSession(**vars(s)) for s in sessions.sessions_of(context.records.pool, by)])


@router.delete("/sessions", status_code=204)
def revoke_other_sessions(by: By, context: InContext) -> None:
    """End all of the user's sessions but this one. Their live sockets close too."""
    sessions.end_all(context.records.pool, by.user, but=by.token_hash)
    context.people.remembered.forget_all(by.user, but=by.token_hash)


@router.delete("/sessions/{session}", status_code=204)
def revoke_session(session: UUID, by: By, context: InContext) -> None:
    """End one of the user's own sessions. Its live sockets close too."""
    sessions.revoke(context.records.pool, by, session)
    context.people.remembered.forget_all(by.user, but=by.token_hash)


@router.get("/export", response_class=StreamingResponse)
def export(by: By, context: InContext) -> StreamingResponse:
    """Export everything that is kept about the user as one JSON file: the account, the books and every event."""
    name = f"aristobot-{by.user}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(told_of(context, by), media_type="application/json", headers=headers)
