"""Approvals: what a trader answers when asked whether an entry is to be carried out, and what happens without one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from application.commands import on_fresh_state
from application.people.users import by_hand
from application.ports.stores import Store
from domain.aggregate import carrying
from domain.refusals import Conflict, NotFound
from domain.webhooks.webhook import NOBODY, Webhook, WebhookStatus


@on_fresh_state
def approve(store: Store, user: int, webhook_id: UUID, now: datetime) -> None:
    """Have an entry carried out, if nothing stands in its way by then.

    Raises `Impossible` when it is too late or the entry was overtaken, `NotFound` when it is not the user's.
    """
    with by_hand(user):
        webhook = _asked_of(store, user, webhook_id)
        webhook.approve(user, now)
        store.save(webhook)


@on_fresh_state
def decline(store: Store, user: int, webhook_id: UUID) -> None:
    """Refuse an entry. Raises as `approve`."""
    with by_hand(user):
        webhook = _asked_of(store, user, webhook_id)
        webhook.decline("approval_declined", user)
        store.save(webhook)


def expire(store: Store, now: datetime) -> list[Webhook]:
    """Decline the entries that nobody has answered in time, and return them.

    Where an answer comes in the same moment, the answer counts.
    """
    asked = store.get_all(Webhook, store.webhooks_asked())
    expired = list[Webhook]()
    for webhook in asked:
        if webhook.status is WebhookStatus.ASKED and webhook.answer_until is not None and now > webhook.answer_until:
            with carrying(user=str(webhook.user), source="engine", correlation_id=str(webhook.id)):
                webhook.decline("approval_expired", NOBODY)
                try:
                    store.save(webhook)
                except Conflict:
                    continue
            expired.append(webhook)
    return expired


def _asked_of(store: Store, user: int, webhook_id: UUID) -> Webhook:
    webhook = store.find(Webhook, webhook_id)
    if webhook is None or webhook.user != user:
        raise NotFound("there is no such webhook")
    return webhook
