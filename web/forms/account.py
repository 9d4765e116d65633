"""Sessions and accounts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from web.forms.values import Text


class LogIn(BaseModel):
    """A name and password, and a `code` of the second factor if the user has one."""

    username: Text
    password: Text
    code: Text | None = None


class NewAccount(BaseModel):
    """A name, a password and the `code` of an invitation. The first account made on the machine needs none."""

    username: Text
    password: Text
    code: Text | None = None


class Preferences(BaseModel):
    """The user's display preferences.

    `language` is fr or en, `time_zone` UTC or local (the browser's), `theme` dark or light. `colours` is the colour of
    a rise: green_up, red_up or blue_up.
    """

    language: Text
    time_zone: Text
    theme: Text
    colours: Text


class Session(BaseModel):
    """The session of the logged-in user. Send `csrf` in the X-CSRF-Token header of every change."""

    csrf: str
    user: int
    username: str
    role: str
    second_factor: bool
    preferences: Preferences
    has_chosen: bool


class Start(BaseModel):
    """The state that the console needs before a login. `first_account` is true while no account exists."""

    first_account: bool
    debug_allowed: bool
    debug_active: bool


class Proof(BaseModel):
    """The current password of the logged-in user."""

    current: Text


class NewPassword(BaseModel):
    """The current password and the new one that replaces it."""

    current: Text
    new: Text


class Code(BaseModel):
    """A code from an authenticator."""

    code: Text


class NewFactor(BaseModel):
    """A secret for an authenticator: as text, as an `otpauth` address, and as a picture (SVG) of that address."""

    secret: str
    address: str
    picture: str


class RecoveryCodes(BaseModel):
    """Codes for use when the authenticator is lost, each valid for one login."""

    codes: list[str]


class KeptSession(BaseModel):
    """One session of the user. `current` marks the session of this request."""

    id: UUID
    address: str
    agent: str
    began_at: datetime
    seen_at: datetime
    current: bool


class Sessions(BaseModel):
    """The user's valid sessions, the most recently seen first."""

    items: list[KeptSession]
    next: str | None = None


class Account(BaseModel):
    """A user's account as the admin sees it.

    `sessions` counts the valid ones; `seen_at` is the last request of one (UTC), and null while there is none.
    """

    number: int
    username: str
    role: str
    enabled: bool
    second_factor: bool
    registered_at: datetime
    changed_at: datetime
    sessions: int
    seen_at: datetime | None


class Users(BaseModel):
    """All accounts."""

    items: list[Account]
    next: str | None = None


class Invitation(BaseModel):
    """A code that lets one person create an account within a week."""

    code: str


class KeptInvitation(BaseModel):
    """An invitation that nobody has used and that has not expired. Its code was shown when it was made."""

    id: UUID
    made_at: datetime
    expires_at: datetime


class Invitations(BaseModel):
    """The outstanding invitations, oldest first."""

    items: list[KeptInvitation]
    next: str | None = None


class Enabled(BaseModel):
    """True to enable an account, false to disable it."""

    enabled: bool


class Named(BaseModel):
    """The user's name, repeated to confirm an act that cannot be undone."""

    username: Text


class Debug(BaseModel):
    """True to turn the debug mode on: a person at this machine is then logged in as `dev` without typing."""

    active: bool
