"""The webhooks received, and the address that TradingView is given."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from projections import webhooks
from web.console.trading import Limit
from web.context import By, InContext, books
from web.cursors import before_of, cursor_after
from web.forms import webhooks as forms

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])


@router.get("/history")
def history(by: By, context: InContext, cursor: str | None = None, limit: Limit = 50) -> forms.Webhooks:
    """Deliveries, newest first."""
    with books(context, by.user) as opened:
        rows = webhooks.page(opened, before=before_of(cursor, UUID), limit=limit + 1)
    items = [forms.Webhook(**row) for row in rows[:limit]]
    more = len(rows) > limit
    return forms.Webhooks(items=items, next=cursor_after(items[-1].received_at, items[-1].id) if more else None)


@router.get("/stats")
def stats(by: By, context: InContext) -> forms.WebhookCounts:
    """How the deliveries ended."""
    with books(context, by.user) as cursor:
        return forms.WebhookCounts(**webhooks.counts(cursor))


@router.get("/url")
def url(by: By, context: InContext) -> forms.WebhookUrl:
    """The user's own address; a first token is made when there is none."""
    token = context.vault.token_of(by.user) or context.vault.rotate_token(by.user)
    return forms.WebhookUrl(url=f"{context.webhook_url}?token={token}")


@router.post("/url")
def rotate(by: By, context: InContext) -> forms.WebhookUrl:
    """A new address; alerts that still use the old one are refused from now on."""
    return forms.WebhookUrl(url=f"{context.webhook_url}?token={context.vault.rotate_token(by.user)}")
