"""Sessions and accounts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from web.forms.values import Text


class LogIn(BaseModel):
    """Name and password, and the code of the second factor where there is one."""

    username: Text
    password: Text
    code: Text | None = None


class NewAccount(BaseModel):
    """A name, a password and the invitation; the first account on the machine itself needs none."""

    username: Text
    password: Text
    code: Text | None = None


class Preferences(BaseModel):
    """How the console shows things.

    `language` fr or en, `time_zone` UTC or local (the browser's), `theme` dark or light, `colours` what a rise looks
    like: green_up, red_up or blue_up.
    """

    language: Text
    time_zone: Text
    theme: Text
    colours: Text


class Session(BaseModel):
    """Who is logged in; `csrf` goes into the X-CSRF-Token header of every change."""

    csrf: str
    user: int
    username: str
    role: str
    second_factor: bool
    preferences: Preferences


class Start(BaseModel):
    """What the console needs before anybody is logged in."""

    first_account: bool
    debug_allowed: bool
    debug_active: bool


class Proof(BaseModel):
    """The password of the user who asks."""

    current: Text


class NewPassword(BaseModel):
    """The password in force and the one that replaces it."""

    current: Text
    new: Text


class Code(BaseModel):
    """A code of an authenticator."""

    code: Text


class NewFactor(BaseModel):
    """What an authenticator reads: as text, as address, and as a picture (SVG) of that address."""

    secret: str
    address: str
    picture: str


class RecoveryCodes(BaseModel):
    """Codes for the day the authenticator is lost, each good for one login."""

    codes: list[str]


class KeptSession(BaseModel):
    """Where the user is logged in."""

    id: UUID
    address: str
    agent: str
    began_at: datetime
    seen_at: datetime
    current: bool


class Sessions(BaseModel):
    """The user's sessions."""

    items: list[KeptSession]
    next: str | None = None


class Account(BaseModel):
    """A user as the admin sees them."""

    number: int
    username: str
    role: str
    enabled: bool
    second_factor: bool
    registered_at: datetime
    changed_at: datetime


class Users(BaseModel):
    """All accounts."""

    items: list[Account]
    next: str | None = None


class Invitation(BaseModel):
    """A code that lets one person make an account within a week."""

    code: str


class Enabled(BaseModel):
    """Whether an account may be used."""

    enabled: bool


class Named(BaseModel):
    """A name, repeated by whoever is about to do something that cannot be taken back."""

    username: Text


class Debug(BaseModel):
    """Whether whoever comes from this machine is logged in as `dev` without typing."""

    active: bool
