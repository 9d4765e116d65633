"""Alerts: listing and acknowledging them, and the channels to which they are sent."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from application import alerts as told
from application.people import users
from domain.alert import Alert
from domain.refusals import NotFound
from projections import alerts
from web.console.lists import Limit, Wanted
from web.context import By, InContext, books
from web.cursors import before_of, paged
from web.forms import alerts as forms
from web.live.topics import ROWS, Topic, as_they_are

router = APIRouter(prefix="/api", tags=["alerts"])


@router.get("/alerts")
def list_alerts(
    by: By,
    context: InContext,
    cursor: str | None = None,
    limit: Limit = 50,
    severity: Wanted = None,
    cause: Wanted = None,
) -> forms.Alerts:
    """List the user's alerts, newest first. `severity` and `cause` keep those that have this value."""
    with books(context, by.user) as opened:
        rows = alerts.page(opened, before=before_of(cursor, UUID), limit=limit + 1, severity=severity, cause=cause)
    kept, following = paged(rows, limit, "raised_at")
    return forms.Alerts(items=[forms.Alert(**row) for row in kept], next=following)


@router.put("/alerts/acknowledged", status_code=204)
def acknowledge_all(by: By, context: InContext) -> None:
    """Acknowledge all of the user's alerts raised so far."""
    with books(context, by.user) as opened:
        unseen = alerts.unacknowledged(opened)
    for found in context.records.store.get_all(Alert, unseen):
        told.acknowledge(context.records.store, by.user, found)


@router.put("/alerts/{alert}/acknowledged", status_code=204)
def acknowledge(alert: UUID, by: By, context: InContext) -> None:
    """Acknowledge an alert. A critical alert stays on the screen until it is acknowledged."""
    found = context.records.store.find(Alert, alert)
    if found is None or found.user != by.user:
        raise NotFound("there is no such alert")
    told.acknowledge(context.records.store, by.user, found)


@router.get("/channels")
def list_channels(by: By, context: InContext) -> forms.Channels:
    """List the channels to which the user's alerts are sent in addition to the console.

    The addresses themselves stay in the vault and are not returned.
    """
    kept = context.people.channels.of(by.user)
    return forms.Channels(items=[forms.Channel(id=c.id, name=c.name, service=c.service) for c in kept])


@router.post("/channels", status_code=201)
def add_channel(given: forms.NewChannel, by: By, context: InContext) -> forms.Channel:
    """Add a channel: the user's alerts are sent there too."""
    channel = users.add_channel(context.records.store, context.people.channels, by.user, given.name, given.address)
    service = users.user_of(context.records.store, by.user).channels[channel]
    return forms.Channel(id=channel, name=given.name.strip(), service=service)


@router.post("/channels/{channel}/test")
def test_channel(channel: UUID, by: By, context: InContext) -> forms.Delivery:
    """Send a test message to a channel now, and return the result."""
    found = next((kept for kept in context.people.channels.of(by.user) if kept.id == channel), None)
    if found is None:
        raise NotFound("there is no such channel")
    reason = context.people.send(found.address, "Aristobot", "Test")
    return forms.Delivery(sent=reason is None, reason=reason)


@router.delete("/channels/{channel}", status_code=204)
def remove_channel(channel: UUID, by: By, context: InContext) -> None:
    """Remove a channel: alerts are no longer sent there."""
    users.remove_channel(context.records.store, context.people.channels, by.user, channel)


TOPIC = Topic("alerts", lambda cursor: alerts.page(cursor, before=None, limit=ROWS), as_they_are(forms.Alert))
