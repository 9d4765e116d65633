"""Alerts and their channels."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from web.forms.values import Statement, Text


class Try(BaseModel):
    """The delivery to one channel: `state` sent or failed, the number of tries, and the reason of a failure."""

    state: str
    tries: int
    reason: str | None = None


class Alert(BaseModel):
    """A notification of something that a trader must know. `subject` is the order or position it concerns.

    `sides` holds the statements `ours` and `theirs`, where the two sides differ. `deliveries` holds the delivery to
    each channel by its name.
    """

    id: UUID
    cause: str
    severity: str
    subject: UUID | None
    facts: dict[str, str]
    sides: dict[str, Statement]
    deliveries: dict[str, Try]
    raised_at: datetime
    acknowledged_at: datetime | None
    ended_at: datetime | None
    """The time at which its cause was over; None also for a cause that has no end."""


class Alerts(BaseModel):
    """A page of alerts, newest first. `next` is the cursor of the following page, null on the last."""

    items: list[Alert]
    next: str | None = None


class NewChannel(BaseModel):
    """A name chosen by the user and an Apprise address, such as that of a Discord webhook."""

    name: Text
    address: Text = Field(repr=False)


class Channel(BaseModel):
    """A channel to which alerts are sent, with the service behind it. Its address is not shown."""

    id: UUID
    name: str
    service: str


class Channels(BaseModel):
    """The user's channels."""

    items: list[Channel]
    next: str | None = None


class Delivery(BaseModel):
    """The result of a test message: `sent`, or the `reason` why not."""

    sent: bool
    reason: str | None
