"""The webhooks received, and the address for TradingView."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from domain.webhooks.webhook_message import bars_between
from projections import webhooks
from web.console.lists import BrokerNumber, Limit, Search, Wanted
from web.context import By, InContext, books
from web.cursors import before_of, paged
from web.forms import webhooks as forms
from web.live.topics import ROWS, Row, Topic

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])


@router.get("/history")
def history(
    by: By,
    context: InContext,
    cursor: str | None = None,
    limit: Limit = 50,
    broker: BrokerNumber = None,
    status: Wanted = None,
    text: Search = None,
) -> forms.Webhooks:
    """List the webhooks that the user has received, newest first.

    `broker` and `status` keep the webhooks that have this value, `text` those whose pair, indicator or action contains
    it.
    """
    with books(context, by.user) as opened:
        rows = webhooks.page(
            opened, before=before_of(cursor, UUID), limit=limit + 1, broker_id=broker, status=status, text=text
        )
    kept, following = paged(rows, limit, "received_at")
    return forms.Webhooks(items=[_form(row) for row in kept], next=following)


@router.get("/stats")
def stats(by: By, context: InContext) -> forms.WebhookCounts:
    """Return the number of the user's webhooks in each status."""
    with books(context, by.user) as cursor:
        return forms.WebhookCounts(**webhooks.counts(cursor))


@router.get("/url")
def url(by: By, context: InContext) -> forms.WebhookUrl:
    """Return the user's webhook address. A first token is created when there is none."""
    token = context.people.tokens.of(by.user) or context.people.tokens.rotate(by.user)
    return forms.WebhookUrl(url=f"{context.platform.webhook_url}?token={token}")


@router.post("/url")
def rotate(by: By, context: InContext) -> forms.WebhookUrl:
    """Create a new webhook address. Alerts that still use the old one are refused from now on."""
    return forms.WebhookUrl(url=f"{context.platform.webhook_url}?token={context.people.tokens.rotate(by.user)}")


def _form(row: Row) -> forms.Webhook:
    return forms.Webhook(**row, bars_old=bars_between(row["interval"], row["bar_time"], row["received_at"]))


TOPIC = Topic(
    "webhooks",
    lambda cursor: webhooks.page(cursor, before=None, limit=ROWS),
    lambda _, __, rows: [_form(row) for row in rows],
)
