"""Alerts: turning events into alerts for a trader, and raising alerts that no event leads to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from application.lane.limits import REASONS
from application.people.users import registry_of
from application.ports.stores import Reader, Store
from application.trading.decisions import TOO_LATE
from application.trading.positions import BELOW, PANIC, REACHED, owner_of
from domain import events
from domain.aggregate import Aggregate, carrying
from domain.alert import Alert, Cause, Severity
from domain.amounts import plain
from domain.orders.external import HISTORY_LOST
from domain.orders.order import PROTECTION, Order
from domain.orders.order_status import Status
from domain.orders.wish import HUNDRED_PERCENT, Side, Source
from domain.people.user import User
from domain.protection.level import CARRIED_OUT
from domain.reconciliation import Reconciliation, Resolution, Statement
from domain.refusals import Conflict, Invalid
from domain.trading.position import Position
from domain.webhooks.webhook import Webhook
from domain.webhooks.webhook_body import read
from domain.webhooks.webhook_message import EXITS, TRADING, Action, WebhookMessage

_KEYS_REFUSED = frozenset({
    "key_refused", "signature_refused", "environment_refused", "account_unified", "account_classic",
})  # fmt: skip
"""The reasons for which nothing can be sent with these keys until their trader does something."""
LOUDNESS = {
    Cause.POSITION_UNPROTECTED: Severity.CRITICAL,
    Cause.PARTLY_COVERED: Severity.WARNING,
    Cause.ORDER_UNKNOWN: Severity.WARNING,
    Cause.STATUS_UNKNOWN: Severity.WARNING,
    Cause.LIMIT_REFUSED: Severity.WARNING,
    Cause.ENTRY_STALE: Severity.WARNING,
    Cause.EXIT_STALE: Severity.CRITICAL,
    Cause.EXIT_REJECTED: Severity.CRITICAL,
    Cause.DOUBT_LASTS: Severity.CRITICAL,
    Cause.STREAM_DEAF: Severity.CRITICAL,
    Cause.PRICES_OLD: Severity.CRITICAL,
    Cause.CLOCK_SILENT: Severity.CRITICAL,
    Cause.REPORT_CONTRADICTS: Severity.CRITICAL,
    Cause.ORDER_REOPENED: Severity.CRITICAL,
    Cause.HISTORY_LOST: Severity.CRITICAL,
    Cause.TO_DECIDE: Severity.CRITICAL,
    Cause.NOT_RECONCILED: Severity.WARNING,
    Cause.WEBHOOKS_CRITICAL: Severity.CRITICAL,
    Cause.APPROVAL_ASKED: Severity.WARNING,
    Cause.KEYS_REFUSED: Severity.CRITICAL,
    Cause.MARKET_CLOSED: Severity.CRITICAL,
    Cause.RECORD_MALFORMED: Severity.WARNING,
    Cause.TERMINAL_DOWN: Severity.CRITICAL,
    Cause.TERMINAL_STILL: Severity.CRITICAL,
    Cause.TERMINAL_RESTARTED: Severity.WARNING,
    Cause.PLATFORM_CRASHED: Severity.WARNING,
    Cause.EVENT_PARKED: Severity.CRITICAL,
    Cause.EVENT_PASSED_OVER: Severity.CRITICAL,
    Cause.SPOOL_USED: Severity.WARNING,
    Cause.DELIVERY_ASIDE: Severity.CRITICAL,
    Cause.DELIVERY_NOT_KEPT: Severity.CRITICAL,
    Cause.LOG_LOCKED: Severity.CRITICAL,
    Cause.DISK_LOW: Severity.CRITICAL,
    Cause.CHANNEL_DEAD: Severity.WARNING,
    Cause.BACKUP_OLD: Severity.CRITICAL,
    Cause.BACKUP_FAILED: Severity.CRITICAL,
    Cause.DAILY_HEAD: Severity.INFO,
}
NOTHING_LEFT = frozenset({"cancelled_before_sending", "no_position", "panic_lifted", REACHED, BELOW})
"""The reasons for an unsent exit that raise no alert: its owner wants it, or nothing is left to sell."""
OF_ENTRIES = frozenset({"gate_locked", "gate_resting", "gate_after_loss", "gate_most_entries", "bar_too_old"})
"""The reasons for which entries alone are refused."""
_TICKER = re.compile(r"[\w:./-]{1,40}")
_QUOTES = ("USDT", "USDC", "FDUSD", "EUR", "USD")
"""The quote currencies to try at the end of a ticker whose message does not name its quote currency."""
_LONGEST, _LONGEST_DETAIL = 10, 200
CENT = Decimal("0.01")
SHOWN_ONLY = frozenset({"not_protectable", "in_exit", CARRIED_OUT})
"""The reasons for a loss of protection that raise no alert.

The coins are too small to sell, are being sold, or have outlived their stop: the console shows it.
"""


def position_unprotected(event: events.PositionProtectionLost, store: Reader) -> list[Alert]:
    """Alert when coins are not protected as they should be, except for a reason in `SHOWN_ONLY`."""
    if event.reason in SHOWN_ONLY:
        return []
    position = store.get(Position, event.originator_id)
    facts = {"symbol": position.symbol, "broker": str(position.broker), **_reason(event.reason, event.detail)}
    return [_of(event, position.user, Cause.POSITION_UNPROTECTED, facts)]


def partly_covered(event: events.PositionProtectionResting, store: Reader) -> list[Alert]:
    """Alert once for each request that has left a part of the coins without a stop.

    The alert stays open until the position is wholly covered or closed, or its owner acknowledges the alert.
    """
    position = store.get(Position, event.originator_id)
    stopped = position.wanted is not None and position.wanted.stop_loss is not None
    if event.request is None or not stopped or position.cover.share >= HUNDRED_PERCENT:
        return []
    key = f"{Cause.PARTLY_COVERED}/{position.id}/{event.request}"
    if store.find(Alert, Alert.create_id(position.user, key)) is not None:
        return []
    share = plain(position.cover.share.quantize(CENT))
    facts = {"symbol": position.symbol, "broker": str(position.broker), "share": share}
    return [Alert(position.user, key, Cause.PARTLY_COVERED, LOUDNESS[Cause.PARTLY_COVERED], position.id, facts)]


def order_unknown(event: events.OrderDoubted, store: Reader) -> list[Alert]:
    """Alert when the exchange has not answered: the order may or may not exist."""
    return [_about_order(event, store, Cause.ORDER_UNKNOWN, _reason(event.reason, event.detail))]


def status_unknown(event: events.OrderStatusUnknown, store: Reader) -> list[Alert]:
    """Alert when the exchange reports an order status that we do not map."""
    return [_about_order(event, store, Cause.STATUS_UNKNOWN, {"word": event.native_status})]


def report_contradicts(event: events.OrderContradicted, store: Reader) -> list[Alert]:
    """Alert when the exchange reports something impossible of an order."""
    return [_about_order(event, store, Cause.REPORT_CONTRADICTS, {"reason": event.reason})]


def order_corrected(event: events.OrderCorrected, store: Reader) -> list[Alert]:
    """Alert when an order that had ended in our record rests at the exchange after all."""
    if event.theirs is not Status.OPEN:
        return []
    return [_about_order(event, store, Cause.ORDER_REOPENED, {"ours": event.ours})]


def executed_after_all(event: events.OrderFilled, store: Reader) -> list[Alert]:
    """Alert on the first fill of an order that counted as rejected, by proof or by a person's decision."""
    order = store.get(Order, event.originator_id)
    if order.status is not Status.REJECTED or event.trade_id != next(iter(order.fills), None):
        return []
    return [_about_order(event, store, Cause.ORDER_REOPENED, {"ours": order.status})]


def history_lost(event: events.OrderAdopted, store: Reader) -> list[Alert]:
    """Alert when an order at the exchange bears our name but is missing from the log."""
    if event.requester != HISTORY_LOST:
        return []
    return [_about_order(event, store, Cause.HISTORY_LOST, {"number": event.exchange_order_id})]


def difference_to_decide(event: events.ReconciliationDiscrepancyFound, store: Reader) -> list[Alert]:
    """Alert to a difference found by a reconciliation that only a person can settle.

    Leave contradictions out: they raise an alert of their own.
    """
    found = event.discrepancy
    if found.resolution is not Resolution.DECIDE or any(fact.event == "Contradicted" for fact in found.facts):
        return []
    run = store.get(Reconciliation, event.originator_id)
    sides = {"ours": found.ours, "theirs": found.theirs}
    return [_of(event, run.user, Cause.TO_DECIDE, {"symbol": found.symbol, "broker": str(run.broker)}, sides)]


def reconciliation_failed(event: events.ReconciliationFailed, store: Reader) -> list[Alert]:
    """Alert when a reconciliation has failed: after a start, nothing is sent until the exchange has answered."""
    run = store.get(Reconciliation, event.originator_id)
    facts = {"broker": str(run.broker), **_reason(event.reason, event.detail[:_LONGEST_DETAIL])}
    return [_of(event, run.user, Cause.KEYS_REFUSED if event.reason in _KEYS_REFUSED else Cause.NOT_RECONCILED, facts)]


def order_refused(event: events.OrderRefused, store: Reader) -> list[Alert]:
    """Alert when an entry was refused by a spending limit, or an exit was not sent for a reason of our own."""
    order = store.get(Order, event.originator_id)
    if _is_of_twin(order, store):
        return []
    if order.wish.side is Side.BUY:
        cause = Cause.LIMIT_REFUSED if event.reason in REASONS else None
    elif order.requester == PROTECTION or event.reason in NOTHING_LEFT:
        # The guard tells of its own orders.
        cause = None
    else:
        cause = Cause.EXIT_STALE if event.reason in TOO_LATE else Cause.EXIT_REJECTED
    if cause is None:
        return []
    told = _about_order(event, store, cause, _reason(event.reason, event.detail))
    if order.requester == PANIC:
        return _once_a_trade(order, told, "panic", event.reason, store)
    if order.wish.holding is None:
        return [told]
    # One that says what is to be held may come with every bar: it is told once for each share of a trade.
    return _once_a_trade(order, told, plain(order.wish.holding), event.reason, store)


def _is_of_twin(order: Order, store: Reader) -> bool:
    """Return True for an order of a paper twin: what it does not do, the broker that it stands beside has done."""
    cause = store.find(Webhook, order.cause) if order.source is Source.WEBHOOK and order.cause is not None else None
    return cause is not None and cause.twin is not None


def webhook_ignored(event: events.WebhookIgnored, store: Reader, now: datetime) -> list[Alert]:
    """Alert when an exit was ignored before it could be placed as an order, or an entry came too late."""
    webhook = store.get(Webhook, event.originator_id)
    message = WebhookMessage.understood(webhook.raw)
    if webhook.twin is not None:
        return []
    if message.action in EXITS:
        return [_about_webhook(event, webhook, Cause.EXIT_REJECTED, {"reason": event.reason})]
    if event.reason != "stale" or message.action not in TRADING:
        return []
    age = int((now - webhook.received_at).total_seconds())
    return [_about_webhook(event, webhook, Cause.ENTRY_STALE, {"age": str(age)})]


def exit_refused(event: events.WebhookRefused, store: Reader) -> list[Alert]:
    """Alert when a webhook message that asked for an exit, or may have led to one, was refused."""
    webhook = store.get(Webhook, event.originator_id)
    action = _said(webhook).get("action", "")
    may_sell = action in EXITS or (action == Action.POSITION and event.reason not in OF_ENTRIES)
    if webhook.twin is not None or not may_sell:
        return []
    return [_about_webhook(event, webhook, Cause.EXIT_REJECTED, {"reason": event.reason})]


def approval_asked(event: events.WebhookAsked, store: Reader) -> list[Alert]:
    """Ask a trader whether an entry is to be carried out."""
    webhook = store.get(Webhook, event.originator_id)
    minutes = max(round((event.until - event.timestamp).total_seconds() / 60), 1)
    return [_about_webhook(event, webhook, Cause.APPROVAL_ASKED, {"minutes": str(minutes)})]


def webhooks_critical(event: events.WebhookStreamBecameCritical, store: Reader) -> list[Alert]:
    """Alert when a stream of webhooks has paused itself. Streams that fall silent together raise one alert."""
    key = f"{Cause.WEBHOOKS_CRITICAL}/{event.slot.isoformat()}"
    if store.find(Alert, Alert.create_id(event.user, key)) is not None:
        return []
    symbol = _spoken(event.symbol, {}) if _TICKER.fullmatch(event.symbol) else "?"
    facts, loudness = {"symbol": symbol, "broker": str(event.broker)}, LOUDNESS[Cause.WEBHOOKS_CRITICAL]
    return [Alert(event.user, key, Cause.WEBHOOKS_CRITICAL, loudness, event.originator_id, facts)]


def _said(webhook: Webhook) -> dict[str, str]:
    """Return the readable values of a webhook message by case-folded key: a misspelt one shows its intent as well."""
    try:
        return {key.casefold(): value.strip() for key, value in read(webhook.raw).items()}
    except Invalid:
        return {}


def _about_webhook(
    event: events.WebhookIgnored | events.WebhookRefused | events.WebhookAsked,
    webhook: Webhook,
    cause: Cause,
    facts: dict[str, str],
) -> Alert:
    said = _said(webhook)
    # Facts are stored unsealed: copy nothing from a delivery but a ticker or a number.
    symbol = _spoken(symbol, said) if _TICKER.fullmatch(symbol := said.get("symbol", "")) else "?"
    broker = broker if (broker := said.get("userexchangeid", "")).isdecimal() else "?"
    return _of(event, webhook.user, cause, {"symbol": symbol, "broker": broker[:_LONGEST], **facts})


def _spoken(ticker: str, said: Mapping[str, str]) -> str:
    """Return a ticker in the console's notation, `ETH/USDT`. Return it unchanged when base and quote are unclear."""
    native = ticker.rpartition(":")[2].upper().replace("-", "").replace("/", "")
    base, quote = said.get("basecurrency", "").upper(), said.get("currency", "").upper()
    if not native.endswith(quote):
        return ticker
    if base and not quote and native.startswith(base):
        quote = native.removeprefix(base)
    quote = quote or next((one for one in _QUOTES if native.endswith(one)), "")
    found = native.removesuffix(quote)
    return f"{found}/{quote}" if quote and found and base in {"", found} else ticker


def exit_rejected(
    event: events.OrderRejected | events.OrderExpired | events.OrderCancelled, store: Reader
) -> list[Alert]:
    """Alert when the exchange did not take a sale, except one that protects a position: the guard tells of those."""
    order = store.get(Order, event.originator_id)
    if order.wish.side is not Side.SELL or order.requester == PROTECTION or _is_of_twin(order, store):
        return []
    told = _about_order(event, store, Cause.EXIT_REJECTED, {"reason": event.reason})
    return _once_a_trade(order, told, "panic", event.reason, store) if order.requester == PANIC else [told]


def _once_a_trade(order: Order, told: Alert, about: str, reason: str, store: Reader) -> list[Alert]:
    """Return an alert, once for each trade, subject and reason: such orders are placed again and again."""
    position = store.position_newest(order.user, order.broker, order.wish.symbol, owner_of(order.source))
    key = f"{told.cause}/{position}/{about}/{reason}"
    if store.find(Alert, Alert.create_id(order.user, key)) is not None:
        return []
    return [Alert(order.user, key, told.cause, LOUDNESS[told.cause], order.id, told.facts)]


def _about_order(event: Aggregate.Event, store: Reader, cause: Cause, facts: dict[str, str]) -> Alert:
    order = store.get(Order, event.originator_id)
    known = {"symbol": order.wish.symbol, "side": order.wish.side, "broker": str(order.broker)}
    return _of(event, order.user, cause, {**known, **facts})


def _of(
    event: Aggregate.Event, user: int, cause: Cause, facts: dict[str, str], sides: dict[str, Statement] | None = None
) -> Alert:
    return Alert(user, str(event.event_id), cause, LOUDNESS[cause], event.originator_id, facts, sides)


def _reason(code: str, detail: str | None) -> dict[str, str]:
    """Return the facts that tell a reason: its code, and its words if it has some that say more."""
    return {"reason": code} | ({"detail": detail} if detail and detail != code else {})


def tell(
    store: Store, user: int, cause: Cause, key: str, facts: Mapping[str, str], subject: UUID | None = None
) -> None:
    """Raise an alert that no event of the log leads to. Do nothing if the same occurrence was told before."""
    with carrying(user=str(user), source="alerts", correlation_id=key):
        alert = Alert(user, f"{cause}/{key}", cause, LOUDNESS[cause], subject, dict(facts))
        try:
            store.save(alert)
        except Conflict:
            return


def tell_everybody(store: Store, cause: Cause, key: str, facts: Mapping[str, str]) -> None:
    """Raise an alert to every enabled user about trouble of the platform itself."""
    for number in registry_of(store).users:
        if store.get(User, User.create_id(number)).enabled:
            tell(store, number, cause, key, facts)


def acknowledge(store: Store, user: int, alert: Alert) -> None:
    """Record that the user has seen an alert."""
    with carrying(user=str(user), source="web", correlation_id=alert.key):
        alert.acknowledge()
        store.save(alert)
