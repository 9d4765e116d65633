"""Alerts: which events a trader is told of, and telling what no event says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from application.limits import REASONS
from application.ports import Store
from application.users import registry_of
from domain.aggregate import carrying
from domain.alert import Alert, Cause, Severity
from domain.order import HISTORY_LOST, PROTECTION, Order, Status
from domain.position import Position
from domain.reconciliation import Reconciliation, Resolution
from domain.refusals import Conflict
from domain.user import User
from domain.wish import Side

LOUDNESS = {
    Cause.POSITION_UNPROTECTED: Severity.CRITICAL,
    Cause.ORDER_UNKNOWN: Severity.WARNING,
    Cause.STATUS_UNKNOWN: Severity.WARNING,
    Cause.LIMIT_REFUSED: Severity.WARNING,
    Cause.EXIT_STALE: Severity.CRITICAL,
    Cause.EXIT_REJECTED: Severity.CRITICAL,
    Cause.DOUBT_LASTS: Severity.CRITICAL,
    Cause.REPORT_CONTRADICTS: Severity.CRITICAL,
    Cause.ORDER_REOPENED: Severity.CRITICAL,
    Cause.HISTORY_LOST: Severity.CRITICAL,
    Cause.TO_DECIDE: Severity.CRITICAL,
    Cause.NOT_COMPARED: Severity.WARNING,
    Cause.RECORD_MALFORMED: Severity.WARNING,
    Cause.TERMINAL_DOWN: Severity.CRITICAL,
    Cause.TERMINAL_RESTARTED: Severity.WARNING,
    Cause.EVENT_PARKED: Severity.CRITICAL,
    Cause.EVENT_PASSED_OVER: Severity.CRITICAL,
    Cause.SPOOL_USED: Severity.WARNING,
    Cause.CHANNEL_DEAD: Severity.WARNING,
    Cause.BACKUP_FAILED: Severity.CRITICAL,
    Cause.DAILY_HEAD: Severity.INFO,
}
DUST = "not_protectable"
"""Why nothing protects what is too small to be sold: shown beside the position, no reason to shout."""


def position_unprotected(event: Any, store: Store) -> list[Alert]:
    """Nothing rests on the exchange for coins that should be protected."""
    if event.reason == DUST:
        return []
    position = store.get(Position, event.originator_id)
    facts = {"symbol": position.symbol, "broker": str(position.broker), "reason": event.reason}
    return [_of(event, position.user, Cause.POSITION_UNPROTECTED, facts)]


def order_unknown(event: Any, store: Store) -> list[Alert]:
    """The exchange did not answer: the order may or may not exist."""
    return [_about_order(event, store, Cause.ORDER_UNKNOWN, {"reason": event.reason})]


def status_unknown(event: Any, store: Store) -> list[Alert]:
    """The exchange said a word that nobody has mapped."""
    return [_about_order(event, store, Cause.STATUS_UNKNOWN, {"word": event.native_status})]


def report_contradicts(event: Any, store: Store) -> list[Alert]:
    """The exchange said of an order what cannot be."""
    return [_about_order(event, store, Cause.REPORT_CONTRADICTS, {"reason": event.reason, "detail": event.detail})]


def order_corrected(event: Any, store: Store) -> list[Alert]:
    """An order that had ended for us rests on the exchange after all."""
    if event.theirs is not Status.OPEN:
        return []
    return [_about_order(event, store, Cause.ORDER_REOPENED, {"ours": event.ours})]


def executed_after_all(event: Any, store: Store) -> list[Alert]:
    """An order that counted as never taken, by proof or by a person's word, has bought or sold: told with its first."""
    order = store.get(Order, event.originator_id)
    if order.status is not Status.REJECTED or event.trade_id != next(iter(order.fills), None):
        return []
    return [_about_order(event, store, Cause.ORDER_REOPENED, {"ours": order.status})]


def history_lost(event: Any, store: Store) -> list[Alert]:
    """An order on the exchange bears our name, and the log knows nothing of it."""
    if event.requester != HISTORY_LOST:
        return []
    return [_about_order(event, store, Cause.HISTORY_LOST, {"number": event.exchange_order_id})]


def difference_to_decide(event: Any, store: Store) -> list[Alert]:
    """A comparison with the exchange found what nobody but a person can settle; contradictions tell of themselves."""
    found = event.discrepancy
    if found.resolution is not Resolution.DECIDE or any(fact.startswith("Contradicted") for fact in found.facts):
        return []
    run = store.get(Reconciliation, event.originator_id)
    facts = {"symbol": found.symbol, "broker": str(run.broker), "ours": found.ours, "theirs": found.theirs}
    return [_of(event, run.user, Cause.TO_DECIDE, facts)]


def comparison_failed(event: Any, store: Store) -> list[Alert]:
    """The exchange could not be asked what it knows: until it answers nothing is sent after a start."""
    run = store.get(Reconciliation, event.originator_id)
    return [_of(event, run.user, Cause.NOT_COMPARED, {"broker": str(run.broker), "reason": event.reason[:200]})]


def order_refused(event: Any, store: Store) -> list[Alert]:
    """An entry was above what its broker may spend, or an exit came too late to be sent."""
    if event.reason in {"stale", "exit_in_doubt"} and store.get(Order, event.originator_id).wish.side is Side.SELL:
        return [_about_order(event, store, Cause.EXIT_STALE, {})]
    if event.reason not in REASONS:
        return []
    return [_about_order(event, store, Cause.LIMIT_REFUSED, {"reason": event.reason, "detail": event.detail})]


def exit_rejected(event: Any, store: Store) -> list[Alert]:
    """The exchange did not take a sale; the guard tells of those that protect a position."""
    order = store.get(Order, event.originator_id)
    if order.wish.side is not Side.SELL or order.requester == PROTECTION:
        return []
    return [_about_order(event, store, Cause.EXIT_REJECTED, {"reason": event.reason})]


def _about_order(event: Any, store: Store, cause: Cause, facts: dict[str, str]) -> Alert:
    order = store.get(Order, event.originator_id)
    known = {"symbol": order.wish.symbol, "side": order.wish.side, "broker": str(order.broker)}
    return _of(event, order.user, cause, {**known, **facts})


def _of(event: Any, user: int, cause: Cause, facts: dict[str, str]) -> Alert:
    return Alert(user, str(event.event_id), cause, LOUDNESS[cause], event.originator_id, facts)


def tell(
    store: Store, user: int, cause: Cause, key: str, facts: Mapping[str, str], subject: UUID | None = None
) -> None:
    """Raise an alert that no event of the log leads to; telling the same occurrence again is silence."""
    with carrying(user=str(user), source="alerts", correlation_id=key):
        alert = Alert(user, f"{cause}/{key}", cause, LOUDNESS[cause], subject, dict(facts))
        try:
            store.save(alert)
        except Conflict:
            return


def tell_everybody(store: Store, cause: Cause, key: str, facts: Mapping[str, str]) -> None:
    """The platform itself is in trouble: that concerns every user."""
    for number in registry_of(store).users:
        if store.get(User, User.create_id(number)).enabled:
            tell(store, number, cause, key, facts)


def acknowledge(store: Store, user: int, alert: Alert) -> None:
    """The user has seen it."""
    with carrying(user=str(user), source="web", correlation_id=alert.key):
        alert.acknowledge()
        store.save(alert)
