"""The address for TradingView, and tests of the way to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from fastapi import APIRouter

from application.people.brokers import broker_of
from domain.people.broker import Venue
from domain.refusals import Impossible
from domain.webhooks.webhook_message import WebhookMessage
from web.context import By, Context, InContext
from web.forms import webhooks as forms
from web.knocking import knock

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])
PATIENCE_SECONDS = 5.0
NAME = "Aristobot"
"""The indicator of a test: no stream begins with it, because it has no interval."""


@router.get("/url")
def url(by: By, context: InContext) -> forms.WebhookUrl:
    """Return the user's webhook address. A first token is created when there is none."""
    return forms.WebhookUrl(url=_address(by.user, context))


@router.post("/url")
def rotate(by: By, context: InContext) -> forms.WebhookUrl:
    """Create a new webhook address. Alerts that still use the old one are refused from now on."""
    return forms.WebhookUrl(url=f"{context.platform.webhook_url}?token={context.people.tokens.rotate(by.user)}")


@router.post("/ping")
def ping(by: By, context: InContext) -> forms.DoorAnswer:
    """Send a PING to the user's address as TradingView would, and return what the door answered and how fast.

    It proves the address as far as it leads through this machine's network: proxy, certificate and token.
    """
    said = {"Action": "PING", "UserID": by.user, "IndicateurName": NAME, "Sent": datetime.now(UTC).isoformat()}
    return _knock(_address(by.user, context), json.dumps(said).encode())


@router.post("/trial")
def try_alert(alert: forms.Trial, by: By, context: InContext) -> forms.DoorAnswer:
    """Send an alert to the user's address as TradingView would, on a paper broker only.

    What it asks for is carried out there. One that could not be carried out is refused as the engine would refuse it.
    """
    message = WebhookMessage.parse(alert.body.encode())
    broker = broker_of(context.records.store, by.user, message.broker or 0)
    if broker.venue is not Venue.PAPER:
        raise Impossible(f"{broker.name} is not a paper broker", code="trial_not_on_paper")
    return _knock(_address(by.user, context), alert.body.encode())


def _knock(url: str, body: bytes) -> forms.DoorAnswer:
    try:
        status, took = knock(url, body, PATIENCE_SECONDS)
    except OSError:
        return forms.DoorAnswer(status=None, milliseconds=None)
    return forms.DoorAnswer(status=status, milliseconds=round(took, 1))


def _address(user: int, context: Context) -> str:
    token = context.people.tokens.of(user) or context.people.tokens.rotate(user)
    return f"{context.platform.webhook_url}?token={token}"
