"""Webhooks: recording deliveries, which the door does, and deciding on them, which the engine does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from application.ports.stores import Markets, Reader, Store
from application.trading.positions import move_protection, wished
from domain.aggregate import Aggregate, carrying
from domain.broker import Broker, Usage
from domain.market import Market
from domain.names import wish_name
from domain.order import Order, Status
from domain.refusals import Conflict, Impossible, Invalid
from domain.user import User
from domain.webhook import Webhook, WebhookStatus
from domain.webhook_message import Action, WebhookMessage, again_id, unparsable_id
from domain.wish import HUNDRED_PERCENT, Protection, Side, Source, TimeInForce, Type, Wish

AGE_OF_ENTRY = timedelta(seconds=60)
"""The time after its reception within which an entry, or a move of protection, may be executed."""
AGE_OF_EXIT = timedelta(seconds=90)
"""The same for an exit.

It is longer than a doubt about the same symbol can last before it is proven, so that the exit outlives the doubt.
"""
FORMER_UNTIL = datetime.now(UTC) + timedelta(hours=1)
"""Deliveries received until then may repeat one recorded under the former id (`WebhookMessage.former_id`).

An upgrade restarts the door, so the upgrade precedes the start of this process. An hour from that start covers the hour
after the upgrade, and every delivery that an older door left in the spool was received earlier. So no setting or table
has to record the time of the upgrade. A later restart costs one more query per delivery for an hour, which finds
nothing.
"""
_ORDERS = {
    Action.BUY_MARKET: (Side.BUY, Type.MARKET),
    Action.SELL_MARKET: (Side.SELL, Type.MARKET),
    Action.BUY_LIMIT: (Side.BUY, Type.LIMIT),
    Action.SELL_LIMIT: (Side.SELL, Type.LIMIT),
}


class MarketsNotLoaded(Exception):
    """The markets are not loaded, so a symbol cannot be resolved yet; the event is tried again."""


@dataclass(frozen=True)
class Delivered:
    """A delivery at the door. `user` is the owner of its token."""

    user: int
    body: bytes
    address: str
    received_at: datetime


def receive_all(
    store: Store, deliveries: Sequence[Delivered], *, former_until: datetime = FORMER_UNTIL
) -> Iterator[UUID]:
    """Append deliveries in their order, and yield the webhook id of each once it is recorded.

    New deliveries are saved in one commit. When one of them repeats a webhook in the log, they are received one by one.
    When one repeats another of them, it is saved after the commit of that one.
    """
    for run in _runs(zip(_first_ids(store, deliveries, former_until), deliveries, strict=True)):
        try:
            store.save(*(_webhook(webhook_id, *_parts(one)) for webhook_id, one in run.items()))
        except Conflict:
            for one in run.values():
                yield receive(store, *_parts(one), former_until=former_until)
        else:
            yield from run


def _parts(one: Delivered) -> tuple[int, bytes, str, datetime]:
    return one.user, one.body, one.address, one.received_at


def _runs(named: Iterable[tuple[UUID, Delivered]]) -> Iterator[dict[UUID, Delivered]]:
    """Yield the deliveries in consecutive runs, none of which contains the same webhook twice."""
    run = dict[UUID, Delivered]()
    for webhook_id, one in named:
        if webhook_id in run:
            yield run
            run = {}
        run[webhook_id] = one
    if run:
        yield run


def _webhook(webhook_id: UUID, user: int, body: bytes, address: str, received_at: datetime) -> Webhook:
    with carrying(user=str(user), source="receiver", correlation_id=str(webhook_id)):
        return Webhook.receive(webhook_id, user, body, address, received_at)


def receive(
    store: Store, user: int, body: bytes, address: str, received_at: datetime, *, former_until: datetime = FORMER_UNTIL
) -> UUID:
    """Append a delivery and return the id of its webhook: a new one, or the one that it repeats.

    A repetition is recorded but never executed. A repeated exit that came to nothing the first time is judged anew, in
    a stream of its own. The id of that stream is derived from the previous one, so that a replay leads to the same
    streams.
    """
    message = _parsed(body)
    if message is None:
        webhook_id = unparsable_id(user, body, received_at)
    else:
        webhook_id = _first_id(message, user, received_at, lambda former: store.find(Webhook, former), former_until)
    while True:
        with carrying(user=str(user), source="receiver", correlation_id=str(webhook_id)):
            try:
                store.save(_webhook(webhook_id, user, body, address, received_at))
            except Conflict:
                if message is None or not _is_judged_anew(message, store.get(Webhook, webhook_id), received_at, store):
                    _repeat(store, webhook_id, received_at)
                    return webhook_id
            else:
                return webhook_id
        webhook_id = again_id(webhook_id)


def _parsed(body: bytes) -> WebhookMessage | None:
    try:
        return WebhookMessage.parse(body)
    except Invalid:
        return None


def _first_ids(store: Store, deliveries: Sequence[Delivered], former_until: datetime) -> list[UUID]:
    """Return the first id of each delivery, with a single query for all former ids."""
    messages = [(one, _parsed(one.body)) for one in deliveries]
    asked = [
        message.former_id(one.user, one.received_at)
        for one, message in messages
        if message is not None and one.received_at <= former_until
    ]
    before = {webhook.id: webhook for webhook in store.get_all(Webhook, asked)} if asked else {}
    return [
        unparsable_id(one.user, one.body, one.received_at)
        if message is None
        else _first_id(message, one.user, one.received_at, before.get, former_until)
        for one, message in messages
    ]


def _first_id(
    message: WebhookMessage,
    user: int,
    received_at: datetime,
    find: Callable[[UUID], Webhook | None],
    former_until: datetime,
) -> UUID:
    """Return the id of an alert's webhook: the one under its former id, if that exists and says the same.

    Only a delivery received by `former_until` can have one.
    """
    if received_at <= former_until:
        former = find(message.former_id(user, received_at))
        # Alerts that differ only in unknown fields shared the former id: the stored body tells which one it was.
        said_before = None if former is None else _parsed(former.raw)
        if former is not None and said_before is not None and said_before.said == message.said:
            return former.id
    return message.webhook_id(user, received_at)


def _is_judged_anew(message: WebhookMessage, before: Webhook, received_at: datetime, store: Store) -> bool:
    """Return True when a repeated exit is to be judged anew: the one before has ended without executing anything."""
    if not message.is_exit or before.received_at == received_at:
        return False  # the same time means the same delivery, appended before a crash and drained again afterwards
    if before.status in {WebhookStatus.IGNORED, WebhookStatus.REFUSED}:
        return True
    return before.status is WebhookStatus.FAILED and all(
        order.status in {Status.REFUSED, Status.REJECTED}
        and order.reason != "cancelled_before_sending"  # by its owner's own request
        and not order.filled
        for order_id in before.orders
        for order in _attempts(order_id, store)
    )


def _attempts(order_id: UUID, store: Store) -> Iterator[Order]:
    """Yield an order, and then the orders by which its owner sent it again."""
    while (order := store.find(Order, order_id)) is not None:
        yield order
        order_id = Order.id_for(order_id, "again")


def _repeat(store: Store, webhook_id: UUID, received_at: datetime) -> None:
    while True:
        webhook = store.get(Webhook, webhook_id)
        webhook.repeat(received_at)
        try:
            store.save(webhook)
        except Conflict:
            continue  # another process was faster, and the repetition has not been recorded yet
        return


def decide(webhook: Webhook, store: Reader, markets: Markets, now: datetime) -> list[Aggregate]:
    """Decide on a received webhook; return the aggregates to save in one commit.

    Raises `MarketsNotLoaded` while the symbol cannot be resolved and the webhook is not too old to wait.
    """
    try:
        message = WebhookMessage.parse(webhook.raw)
        if message.action is Action.PING:
            webhook.ignore("ping")
            return [webhook]
        broker = _checked(message, webhook, store)
        hindrance = _hindrance(message, webhook, broker, store, now)
        listed = markets.of(broker.exchange, broker.venue)
        if hindrance is not None and not (message.is_exit and listed):
            webhook.ignore(hindrance)
            return [webhook]
        _check_bar(message, webhook, broker)
        market = resolve(message, listed)
        if message.action is Action.UPDATE_PROTECTION:
            return move_protection(webhook, message, broker, market, store)
        order = _order(message, webhook, broker, market, now)
        if hindrance is not None:
            # Placed and refused instead of ignored, so that its owner can still send it.
            order.refuse(hindrance, hindrance)
            webhook.take([order.id])
            return [webhook, order]
        position = wished(order, store)
        if message.is_exit and (kept := _protection(message)) is not None and position.is_open:
            # A sell with protection prices moves the protection of the coins that it leaves.
            position.want(kept, HUNDRED_PERCENT, webhook.id, awaited=())
    except (Invalid, Impossible) as refused:
        webhook.refuse(refused.code, str(refused))
        return [webhook]
    webhook.take([order.id])
    return [webhook, order, position]


def _hindrance(message: WebhookMessage, webhook: Webhook, broker: Broker, store: Reader, now: datetime) -> str | None:
    """Return why a valid alert is not to be executed, None when it is.

    Raises `Impossible` when the broker is off or not used for webhooks.
    """
    if _stopped(broker, store):
        return "paused"
    _check_usage(broker)
    return "stale" if now > webhook.received_at + _age_of(message) else None


def _check_bar(message: WebhookMessage, webhook: Webhook, broker: Broker) -> None:
    """Raise `Impossible` for an entry or a move of protection whose bar is too old for its broker.

    The age of an exit's bar does not matter.
    """
    age = message.bars_old(webhook.received_at)
    if broker.oldest_bar is None or message.is_exit or age is None or age <= broker.oldest_bar:
        return
    raise Impossible(f"the bar ended {age:.1f} bars ago, at most {broker.oldest_bar} may pass", code="bar_too_old")


def _order(message: WebhookMessage, webhook: Webhook, broker: Broker, market: Market, now: datetime) -> Order:
    order_id = Order.id_for(webhook.id)
    return Order.place(
        order_id=order_id,
        user=webhook.user,
        broker=broker.number,
        wish=_wish(message, market),
        source=Source.WEBHOOK,
        requester="Webhooks",
        client_order_id=wish_name(webhook.user, order_id, now),
        not_after=webhook.received_at + _age_of(message),
        cause=webhook.id,
    )


def _checked(message: WebhookMessage, webhook: Webhook, store: Reader) -> Broker:
    """Return the broker that the message names. Raises `Invalid` when it or the user is not the token owner's."""
    if message.user != webhook.user:
        raise Invalid(f"UserID was {message.user}, the token is another user's", code="user_foreign", field="UserID")
    broker = store.find(Broker, Broker.create_id(message.broker or 0))
    if broker is None or broker.user != webhook.user or broker.removed:
        raise Invalid(f"UserExchangeID was {message.broker}", code="broker_foreign", field="UserExchangeID")
    return broker


def _check_usage(broker: Broker) -> None:
    if broker.usage is Usage.OFF:
        raise Impossible(f"{broker.name} is off", code="broker_off")
    if broker.usage is not Usage.WEBHOOKS:
        raise Impossible(f"{broker.name} is not used for webhooks", code="broker_not_for_webhooks")


def _stopped(broker: Broker, store: Reader) -> bool:
    user = store.get(User, User.create_id(broker.user))
    return broker.trading_stopped or user.trading_stopped or not user.enabled


def _age_of(message: WebhookMessage) -> timedelta:
    """Return the time after its reception within which an alert may be executed."""
    return AGE_OF_EXIT if message.is_exit else AGE_OF_ENTRY


def _wish(message: WebhookMessage, market: Market) -> Wish:
    side, order_type = _ORDERS[message.action]
    limit = order_type is Type.LIMIT
    protection = _protection(message) if side is Side.BUY else None
    if protection is not None and limit and message.price is not None:
        _check_sides(protection, message.price)
    return Wish(
        symbol=market.symbol,
        side=side,
        type=order_type,
        percent=message.percent,
        price=message.price if limit else None,
        time_in_force=TimeInForce.GTC if limit else None,
        protection=protection,
    )


def _protection(message: WebhookMessage) -> Protection | None:
    if not message.stop_loss and not message.take_profit:
        return None
    return Protection(message.stop_loss or None, message.take_profit or None)


def _check_sides(protection: Protection, entry: Decimal) -> None:
    """Raise `Invalid` unless the stop is below the entry price (quote per base) and the target above it."""
    for name, price, wrong in (
        ("PrixSL", protection.stop_loss, protection.stop_loss is not None and protection.stop_loss >= entry),
        ("PrixTP", protection.take_profit, protection.take_profit is not None and protection.take_profit <= entry),
    ):
        if wrong:
            raise Invalid(f"{name} was {price}, bought is at {entry}", code="protection_wrong_side", field=name)


def resolve(message: WebhookMessage, markets: Mapping[str, Market]) -> Market:
    """Return the market that the message's ticker names.

    Raises `Invalid` when there is none or its currencies contradict the message, `MarketsNotLoaded` while no market is
    loaded.
    """
    if not markets:
        raise MarketsNotLoaded
    ticker = (message.symbol or "").rpartition(":")[2].upper()
    native = ticker.replace("/", "").replace("-", "")
    market = markets.get(native)
    if market is None:
        raise Invalid(f"{message.symbol} is no market of this exchange", code="symbol_unknown", field="Symbol")
    for said, field, is_ in (
        (message.currency, "Currency", market.quote),
        (message.base_currency, "BaseCurrency", market.base),
    ):
        if said is not None and said.upper() != is_:
            raise Invalid(f"{field} was {said}, {market.symbol} has {is_}", code="symbol_contradicts", field=field)
    return market
