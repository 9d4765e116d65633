"""The admin's view of the users: inviting, disabling, enabling and forgetting. For other users it does not exist."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from application.people import users
from domain.people.user import User
from domain.refusals import Invalid
from web.access import cookies as sessions
from web.context import ByAdmin, InContext
from web.forms import account as forms

router = APIRouter(prefix="/api", tags=["users"])
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/users")
def list_users(_: ByAdmin, context: InContext) -> forms.Users:
    """List all accounts by their numbers. Admin only."""
    numbers = sorted(users.registry_of(context.records.store).users)
    found = [users.user_of(context.records.store, number) for number in numbers]
    activity = sessions.activity(context.records.pool)
    return forms.Users(
        items=[
            forms.Account(
                number=user.number, username=user.name, role=user.role, enabled=user.enabled,
                second_factor=user.second_factor, registered_at=user.created_on, changed_at=user.modified_on,
                sessions=activity.get(user.number, (0, None))[0], seen_at=activity.get(user.number, (0, None))[1],
            )
            for user in found
        ]
    )  # fmt: skip


@router.post("/invitations", status_code=201)
def invite(by: ByAdmin, context: InContext) -> forms.Invitation:
    """Create a code that lets one person create an account within a week. Admin only.

    The code is shown only this once.
    """
    return forms.Invitation(code=context.people.invitations.make(by.user))


@router.get("/invitations")
def list_invitations(_: ByAdmin, context: InContext) -> forms.Invitations:
    """List the invitations that still let somebody in, oldest first, without their codes. Admin only."""
    found = context.people.invitations.outstanding()
    return forms.Invitations(items=[forms.KeptInvitation(**vars(one)) for one in found])


@router.delete("/invitations/{invitation}", status_code=204)
def withdraw(invitation: UUID, _: ByAdmin, context: InContext) -> None:
    """Withdraw an invitation that nobody has used: its code no longer lets anybody in. Admin only."""
    context.people.invitations.withdraw(invitation)


@router.put("/users/{number}/enabled", status_code=204)
def switch_account(number: Number, given: forms.Enabled, by: ByAdmin, context: InContext) -> None:
    """Disable or enable an account. A disabled user is logged out everywhere. Admin only."""
    users.switch_account(context.records.store, number, enabled=given.enabled, by=by.user)
    if not given.enabled:
        sessions.end_all(context.records.pool, number)
        context.people.remembered.forget_all(number)


@router.delete("/users/{number}", status_code=204)
def forget(number: Number, given: forms.Named, by: ByAdmin, context: InContext) -> None:
    """Forget a user: end the account and make its texts unreadable for ever. Admin only.

    `username` must repeat the user's name. This is refused while the user has orders that are open or in doubt.
    """
    user = context.records.store.get(User, User.create_id(number))
    if user.forgotten:
        context.records.forget(number, by.user)  # finishes what a crash left undone
    elif given.username != user.name:
        raise Invalid("the name is not repeated", code="name_not_repeated", field="username")
    users.user_of(context.records.store, number)
    context.records.forget(number, by.user)
