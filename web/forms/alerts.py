"""Alerts and where they go."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from web.forms.values import Text


class Try(BaseModel):
    """How the delivery to one channel stands."""

    state: str
    tries: int
    reason: str | None = None


class Alert(BaseModel):
    """Something that a trader has to know. `subject` is the order or position that it is about."""

    id: UUID
    cause: str
    severity: str
    subject: UUID | None
    facts: dict[str, str]
    deliveries: dict[str, Try]
    raised_at: datetime
    acknowledged_at: datetime | None
    ended_at: datetime | None
    """When what it tells of was over; None as well for what has no end."""


class Alerts(BaseModel):
    """Alerts, newest first."""

    items: list[Alert]
    next: str | None = None


class NewChannel(BaseModel):
    """A name of one's own and an Apprise address, such as that of a Discord webhook."""

    name: Text
    address: Text = Field(repr=False)


class Channel(BaseModel):
    """Where alerts go."""

    id: UUID
    name: str
    service: str


class Channels(BaseModel):
    """The user's channels."""

    items: list[Channel]
    next: str | None = None


class Delivery(BaseModel):
    """How a test went."""

    sent: bool
    reason: str | None
