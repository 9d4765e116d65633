"""Endings: deciding from the log and the last account snapshots whether an alert's trouble is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from application.commands import on_fresh_state
from application.ports.stores import AccountSnapshots, Store
from application.trading.positions import owner_of
from application.webhooks.streams import critical_ones
from domain.aggregate import carrying
from domain.alert import Alert, Cause
from domain.orders.order import Order
from domain.orders.order_status import ENDED
from domain.orders.wish import Source
from domain.people.broker import Broker
from domain.protection.level import Level
from domain.reconciliation import Reconciliation
from domain.trading.position import Position
from domain.webhooks.stream import WebhookStream
from domain.webhooks.stream_state import StreamStatus
from domain.webhooks.webhook import Webhook, WebhookStatus

UNDER_A_STOP = frozenset({Level.COVERED, Level.PARTLY_COVERED})


def is_protected(alert: Alert, store: Store, _: AccountSnapshots) -> bool:
    """Return whether the position of an alert is under a stop again, its latest buys included, or is closed."""
    position = _position(alert, store)
    if position is None or not position.is_open:
        return True
    return position.level in UNDER_A_STOP and not position.bare


def is_wholly_covered(alert: Alert, store: Store, _: AccountSnapshots) -> bool:
    """Return whether the position of an alert is wholly under a stop, or is closed."""
    position = _position(alert, store)
    return position is None or not position.is_open or position.level is Level.COVERED


def is_known(alert: Alert, store: Store, _: AccountSnapshots) -> bool:
    """Return whether the order of an alert is no longer in doubt."""
    order = None if alert.subject is None else store.find(Order, alert.subject)
    return order is None or not order.is_in_doubt


def has_ended(alert: Alert, store: Store, _: AccountSnapshots) -> bool:
    """Return whether the order of an alert has ended, so that its exchange's word for it no longer matters."""
    order = None if alert.subject is None else store.find(Order, alert.subject)
    return order is None or order.status in ENDED


def is_closed(alert: Alert, store: Store, _: AccountSnapshots) -> bool:
    """Return whether the position of an alert is closed."""
    position = _position(alert, store)
    return position is None or not position.is_open


def is_sold(alert: Alert, store: Store, _: AccountSnapshots) -> bool:
    """Return whether the coins that an exit was to sell have been sold since, by whichever order.

    The pair has no open position at that broker, and one was closed after the alert: an exit that found nothing to sell
    stays for its owner to acknowledge. So does one whose broker or pair could not be read.
    """
    number, symbol = alert.facts["broker"], alert.facts["symbol"]
    if not number.isdecimal():
        return False
    owners = {owner_of(source) for source in Source}
    newest = (store.position_newest(alert.user, int(number), symbol, owner) for owner in sorted(owners))
    positions = store.get_all(Position, [one for one in newest if one is not None])
    return not any(one.is_open for one in positions) and any(one.modified_on > alert.created_on for one in positions)


def is_reconciled(alert: Alert, store: Store, snapshots: AccountSnapshots) -> bool:
    """Return whether the alert's broker has been removed, or has since had a full look with the keys in use.

    The look must be later than the start of the failed reconciliation or, where that is not recorded, the alert. Quiet
    reconciliations leave no trace in the log: the service tables say when a full look was complete.
    """
    number = int(alert.facts["broker"])
    broker = store.find(Broker, Broker.create_id(number))
    if broker is None or broker.removed:
        return True
    failed = None if alert.subject is None else store.find(Reconciliation, alert.subject)
    began, last = alert.created_on if failed is None else failed.started_at, snapshots.last(number)
    return last is not None and last.at > began


def are_resumed(alert: Alert, store: Store, _: AccountSnapshots) -> bool:
    """Return whether the alert's owner has no stream of webhooks left that has paused itself."""
    stream = None if alert.subject is None else store.find(WebhookStream, alert.subject)
    if stream is not None and stream.status is StreamStatus.CRITICAL:
        return False  # which spares a look at all others
    return not critical_ones(store, alert.user)


def is_answered(alert: Alert, store: Store, _: AccountSnapshots) -> bool:
    """Return whether the entry of an alert waits for approval no longer."""
    webhook = None if alert.subject is None else store.find(Webhook, alert.subject)
    return webhook is None or webhook.status is not WebhookStatus.ASKED


def _position(alert: Alert, store: Store) -> Position | None:
    return None if alert.subject is None else store.find(Position, alert.subject)


ENDS_WHEN: Mapping[Cause, Callable[[Alert, Store, AccountSnapshots], bool]] = {
    Cause.POSITION_UNPROTECTED: is_protected,
    Cause.PARTLY_COVERED: is_wholly_covered,
    Cause.ORDER_UNKNOWN: is_known,
    Cause.DOUBT_LASTS: is_known,
    Cause.STATUS_UNKNOWN: has_ended,
    Cause.EXIT_STALE: is_sold,
    Cause.EXIT_REJECTED: is_sold,
    Cause.MARKET_CLOSED: is_closed,
    Cause.KEYS_REFUSED: is_reconciled,
    Cause.NOT_RECONCILED: is_reconciled,
    Cause.WEBHOOKS_CRITICAL: are_resumed,
    Cause.APPROVAL_ASKED: is_answered,
}
"""The test by cause that tells from our records whether an alert is over. Other causes have no such test."""


@on_fresh_state
def end(store: Store, alert: Alert) -> None:
    """End an alert whose trouble is over. Record nothing if it has ended already or its user has acknowledged it."""
    fresh = store.get(Alert, alert.id)
    with carrying(user=str(alert.user), source="alerts", correlation_id=alert.key, causation_id=str(alert.id)):
        fresh.end()
        store.save(fresh)
