"""Policies: the engine's table of consequences, plain functions from an event to the aggregates to save."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from application import alerts
from application.ports.stores import Markets, Reader
from application.trading import positions, replacing
from application.webhooks import streams
from application.webhooks.deciding import decide, entered, turn
from domain import events
from domain.aggregate import Aggregate
from domain.orders.order import PROTECTION, Order
from domain.orders.order_status import Status
from domain.orders.wish import Side, Source
from domain.people.broker import Broker
from domain.trading.position import Position
from domain.webhooks.webhook import Webhook, WebhookStatus


@dataclass(frozen=True)
class World:
    """The facts beyond the event that a policy may consult."""

    store: Reader
    markets: Markets
    now: datetime


Policy = Callable[[Any, World], list[Aggregate]]
E = TypeVar("E", bound=Aggregate.Event)
StillThere = events.OrderCancelRejected | events.OrderCorrected
"""The events after which an order rests although it was to be cancelled."""
Fruitless = events.OrderRefused | events.OrderRejected | events.OrderCancelled | events.OrderExpired
"""The events of an order that came to nothing."""


def judge_webhook(event: events.WebhookReceived, world: World) -> list[Aggregate]:
    """Decide a delivery, once: its stream has it, and it is taken with its order, ignored or refused."""
    webhook = world.store.get(Webhook, event.originator_id)
    if webhook.status is not WebhookStatus.RECEIVED:
        return []
    stream = streams.arrived(webhook, world.store)
    decided = decide(webhook, world.store, world.markets, world.now, stream)
    return decided if stream is None else [stream, *decided, *streams.twins(webhook, stream, world.store)]


def judge_approved(event: events.WebhookApproved, world: World) -> list[Aggregate]:
    """Carry out an entry that its trader has approved, unless something stands in its way now."""
    webhook = world.store.get(Webhook, event.originator_id)
    if webhook.status is not WebhookStatus.APPROVED:
        return []
    return decide(webhook, world.store, world.markets, world.now, streams.of(webhook, world.store))


def webhook_repeated(event: events.WebhookRepeated, world: World) -> list[Aggregate]:
    """Take a repetition into its stream if it stands for a slot of its own. It is executed no more than any other."""
    webhook = world.store.get(Webhook, event.originator_id)
    stream = streams.repeated(webhook, event.received_at, world.store)
    return [] if stream is None else [stream]


def _webhook_behind(event: Aggregate.Event, world: World) -> tuple[Order, Webhook] | None:
    order = world.store.get(Order, event.originator_id)
    if order.source is not Source.WEBHOOK or order.cause is None:
        return None
    webhook = world.store.find(Webhook, order.cause)
    return (order, webhook) if webhook is not None and webhook.is_under_way else None


def webhook_accepted(event: events.OrderAccepted, world: World) -> list[Aggregate]:
    """Record the webhook as executed once the exchange has its order, unless the order should trade at once."""
    order = world.store.get(Order, event.originator_id)
    return [] if order.wish.trades_at_once else webhook_executed(event, world)


def webhook_executed(event: Aggregate.Event, world: World) -> list[Aggregate]:
    """Record the webhook as executed: its order rests or has traded."""
    if (found := _webhook_behind(event, world)) is None:
        return []
    order, webhook = found
    webhook.execute([order.id])
    if order.wish.holding is None or order.wish.side is Side.SELL:
        return [webhook]
    # One that leads to a share may have found it held: it counts as an entry once the exchange has it.
    stream = streams.of(webhook, world.store)
    if stream is None:
        return [webhook]
    entered(stream, webhook, world.now)
    return [webhook, stream]


def webhook_failed(event: Fruitless, world: World) -> list[Aggregate]:
    """Record the webhook as failed, for the same reason for which its order came to nothing.

    An alert that says what is to be held is executed when that is held already.
    """
    if (found := _webhook_behind(event, world)) is None:
        return []
    _, webhook = found
    if event.reason == positions.REACHED:
        webhook.execute([])
        return [webhook]
    webhook.fail(event.reason, (event.detail if isinstance(event, events.OrderRefused) else "") or event.reason)
    return [webhook]


def ended_at_once(event: events.OrderExpired | events.OrderCancelled, world: World) -> list[Aggregate]:
    """Follow up an order that should have traded at once but ended unfilled or partly filled.

    Send an exit once more for what is left: as the first order has ended, a second one sells nothing twice. Otherwise
    alert the owner of an exit, and fail the webhook if nothing was filled. Orders of the protection are left to the
    guard, and a requested cancel has no follow-up.
    """
    order = world.store.get(Order, event.originator_id)
    if not order.wish.trades_at_once or order.requester == PROTECTION or order.cancel_requested or order.remaining == 0:
        return []
    if positions.is_sent_once_more(order):
        in_part = order.filled or world.store.find(Order, Order.id_for(order.id, positions.REST)) is not None
        wish = order.wish.of(order.remaining) if order.remaining and in_part else order.wish
        again = positions.follow_up(order, positions.ONCE_MORE, wish)
        return [again, positions.wished(again, world.store)]
    told = alerts.exit_rejected(event, world.store)
    return [*told] if order.filled else [*webhook_failed(event, world), *told]


def webhook_settled(event: events.OrderResolved, world: World) -> list[Aggregate]:
    """Record the webhook as executed or failed once a person has resolved the doubt about its order."""
    if event.outcome in {Status.OPEN, Status.CLOSED}:
        return webhook_executed(event, world)
    if (found := _webhook_behind(event, world)) is None:
        return []
    _, webhook = found
    webhook.fail("resolved", f"resolved by a person as {event.outcome}")
    return [webhook]


def order_refused(event: events.OrderRefused, world: World) -> list[Aggregate]:
    """Settle the webhook of an order that was not sent, and its position.

    When an alert says what is to be held, and its order was on the wrong side, one of the other side follows.
    """
    if event.reason in positions.WRONG_SIDE and (found := _webhook_behind(event, world)) is not None:
        stream = streams.of(found[1], world.store)
        if turned := turn(*found, world.store, world.markets, world.now, stream):
            return turned
    return [*webhook_failed(event, world), *entry_ended(event, world)]


def execution_counted(event: events.OrderFilled, world: World) -> list[Aggregate]:
    """Count a fill in every position that it changes."""
    return positions.executed(event, world.store, world.markets)


def protection_answered(event: positions.Answer, world: World) -> list[Aggregate]:
    """Record on the webhook that moved a protection what became of the move."""
    return positions.answered(event, world.store)


def entry_ended(event: Aggregate.Event, world: World) -> list[Aggregate]:
    """Drop the protection that was requested only for a buy that came to nothing."""
    return positions.entry_ended(event, world.store)


def order_cancelled(event: events.OrderCancelled, world: World) -> list[Aggregate]:
    """Place what is left of an order anew when its owner has changed it; otherwise see to what it was to protect."""
    order = world.store.get(Order, event.originator_id)
    changed = replacing.succeeded(order, world.store, world.now)
    if any(isinstance(one, Order) for one in changed):
        return changed
    return [*changed, *entry_ended(event, world)]


def order_not_replaced(
    event: events.OrderClosed | events.OrderExpired | events.OrderRejected | StillThere | events.OrderResolved,
    world: World,
) -> list[Aggregate]:
    """Record that an order which was to be replaced has ended otherwise, or stays as it is."""
    order = world.store.get(Order, event.originator_id)
    if not order.cancel_requested and not isinstance(event, StillThere):
        return []  # nobody has changed it: most orders end so
    if isinstance(event, events.OrderExpired | events.OrderRejected | events.OrderCancelRejected):
        return replacing.failed(order, world.store, event.reason)
    return replacing.failed(order, world.store, f"order_{order.status}")


def told(about: Callable[[E, Reader], Sequence[Aggregate]]) -> Callable[[E, World], list[Aggregate]]:
    """Return a policy that alerts a trader, in the same commit as everything else that follows from the event."""
    return lambda event, world: [*about(event, world.store)]


def webhook_ignored(event: events.WebhookIgnored, world: World) -> list[Aggregate]:
    """Alert a trader to an entry that came too late, with its age, or to an exit that was ignored."""
    return [*alerts.webhook_ignored(event, world.store, world.now)]


def trade_lost(event: events.PositionClosed, world: World) -> list[Aggregate]:
    """Tell the streams whose alerts opened a trade that it ended with a loss: a gate may hold their entries back."""
    if event.net >= 0:
        return []
    return [*streams.behind(world.store.get(Position, event.originator_id), event.closed_at, world.store)]


def broker_removed(event: events.BrokerRemoved, world: World) -> list[Aggregate]:
    """Close the webhook streams of a broker that is no more."""
    return [*streams.of_removed_broker(world.store.get(Broker, event.originator_id), world.store)]


def on(event: type[E], *policies: Callable[[E, World], list[Aggregate]]) -> tuple[str, tuple[Policy, ...]]:
    """Return one entry of `WHEN`: the topic of an event and its policies."""
    return event.TOPIC, policies


WHEN: Mapping[str, tuple[Policy, ...]] = dict(
    (
        on(events.WebhookReceived, judge_webhook),
        on(events.WebhookRepeated, webhook_repeated),
        on(events.WebhookApproved, judge_approved),
        on(events.WebhookAsked, told(alerts.approval_asked)),
        on(events.WebhookIgnored, webhook_ignored),
        on(events.WebhookRefused, told(alerts.exit_refused)),
        on(events.WebhookStreamBecameCritical, told(alerts.webhooks_critical)),
        on(events.BrokerRemoved, broker_removed),
        on(events.OrderAdopted, told(alerts.history_lost)),
        on(events.OrderAccepted, webhook_accepted),
        on(events.OrderProgressed, webhook_executed),
        on(events.OrderClosed, webhook_executed, order_not_replaced),
        on(events.OrderExpired, ended_at_once, entry_ended, order_not_replaced),
        on(events.OrderCancelled, ended_at_once, order_cancelled),
        on(events.OrderCancelRejected, order_not_replaced),
        on(events.OrderFilled, webhook_executed, execution_counted, told(alerts.executed_after_all)),
        on(events.OrderRefused, order_refused, told(alerts.order_refused)),
        on(events.OrderDoubted, told(alerts.order_unknown)),
        on(events.OrderStatusUnknown, told(alerts.status_unknown)),
        on(events.OrderContradicted, told(alerts.report_contradicts)),
        on(events.OrderCorrected, order_not_replaced, told(alerts.order_corrected)),
        on(events.OrderResolved, webhook_settled, entry_ended, order_not_replaced),
        on(events.ReconciliationFailed, told(alerts.reconciliation_failed)),
        on(events.ReconciliationDiscrepancyFound, told(alerts.difference_to_decide)),
        on(events.PositionProtectionLost, protection_answered, told(alerts.position_unprotected)),
        on(events.OrderRejected, webhook_failed, entry_ended, order_not_replaced, told(alerts.exit_rejected)),
        on(events.PositionProtectionResting, protection_answered, told(alerts.partly_covered)),
        on(events.PositionProtectionRefused, protection_answered),
        on(events.PositionClosed, protection_answered, trade_lost),
    )
)
"""The policies by kind of event. Everything that follows from one event is saved in one commit."""
