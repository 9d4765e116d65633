"""Webhooks: recording a delivery, and deciding what it means. The door does the first, the engine the second."""

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
AGE_OF_EXIT = timedelta(seconds=90)
"""Longer than a doubt about the same symbol can last until it is proven, so that an exit outlives it."""
FORMER_UNTIL = datetime.now(UTC) + timedelta(hours=1)
"""Deliveries received until then may have come once before under the former identity (`WebhookMessage.former_id`).

An upgrade restarts the door, so it lies before this process began: an hour from then covers the hour after the upgrade,
and every delivery that an older door left in the spool was received earlier. No setting and no table has to know when
the upgrade was; a later restart costs one more look-up per delivery for an hour and finds nothing.
"""
_ORDERS = {
    Action.BUY_MARKET: (Side.BUY, Type.MARKET),
    Action.SELL_MARKET: (Side.SELL, Type.MARKET),
    Action.BUY_LIMIT: (Side.BUY, Type.LIMIT),
    Action.SELL_LIMIT: (Side.SELL, Type.LIMIT),
}


class MarketsNotLoaded(Exception):
    """Whether the symbol exists cannot be told yet: the event is tried again."""


@dataclass(frozen=True)
class Delivered:
    """What came in at the door, and whose token it bore."""

    user: int
    body: bytes
    address: str
    received_at: datetime


def receive_all(
    store: Store, deliveries: Sequence[Delivered], *, former_until: datetime = FORMER_UNTIL
) -> Iterator[UUID]:
    """Append deliveries in their order; yields each one's webhook as soon as it is recorded.

    What is new is one commit. Where one of them repeats what the log holds they are judged one by one, and one that
    repeats another of these comes after the commit of that one.
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
    """Unbroken pieces in which no webhook stands twice."""
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
    """Append a delivery and return its webhook's id: a new webhook, or the one that it repeats.

    A repetition is recorded and never executed. An exit that came to nothing before is judged anew, in a stream of its
    own whose id follows from the one before, so that replaying leads to the same streams.
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
    """The same of many, with one look-up for all of them."""
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
    """The stream of an alert: that of its former identity, if it says the same and was received before the upgrade."""
    if received_at <= former_until:
        former = find(message.former_id(user, received_at))
        # Alerts that only unknown fields tell apart shared the former id: the stored body says which one it was.
        said_before = None if former is None else _parsed(former.raw)
        if former is not None and said_before is not None and said_before.said == message.said:
            return former.id
    return message.webhook_id(user, received_at)


def _is_judged_anew(message: WebhookMessage, before: Webhook, received_at: datetime, store: Store) -> bool:
    """Whether this delivery of an exit is more than a repeat: the one before ended, and nothing was executed."""
    if not message.is_exit or before.received_at == received_at:
        return False  # the same moment is the same delivery, appended before a crash and drained once more
    if before.status in {WebhookStatus.IGNORED, WebhookStatus.REFUSED}:
        return True
    return before.status is WebhookStatus.FAILED and all(
        order.status in {Status.REFUSED, Status.REJECTED}
        and order.reason != "cancelled_before_sending"  # which is what its owner wanted
        and not order.filled
        for order_id in before.orders
        for order in _attempts(order_id, store)
    )


def _attempts(order_id: UUID, store: Store) -> Iterator[Order]:
    """An order, and those by which its owner sent it after all."""
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
            continue  # the engine was faster: the repetition still has to be recorded
        return


def decide(webhook: Webhook, store: Reader, markets: Markets, now: datetime) -> list[Aggregate]:
    """What a received webhook leads to, all to be saved in one commit.

    Raises `MarketsNotLoaded` while the symbol cannot be judged and the webhook is not too old for waiting.
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
            # Placed and refused, not ignored: so its owner can send it after all.
            order.refuse(hindrance, hindrance)
            webhook.take([order.id])
            return [webhook, order]
        position = wished(order, store)
        if message.is_exit and (kept := _protection(message)) is not None and position.is_open:
            # A sell that carries prices moves the protection of what it leaves.
            position.want(kept, HUNDRED_PERCENT, webhook.id, awaited=())
    except (Invalid, Impossible) as refused:
        webhook.refuse(refused.code, str(refused))
        return [webhook]
    webhook.take([order.id])
    return [webhook, order, position]


def _hindrance(message: WebhookMessage, webhook: Webhook, broker: Broker, store: Reader, now: datetime) -> str | None:
    """Why an alert is not to be executed although nothing is wrong with it. Raises `Impossible` for a broker's use."""
    if _stopped(broker, store):
        return "paused"
    _check_usage(broker)
    return "stale" if now > webhook.received_at + _age_of(message) else None


def _check_bar(message: WebhookMessage, webhook: Webhook, broker: Broker) -> None:
    """Refuse an entry or a move of protection whose bar is too old for its broker; exits are always executed."""
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
    """The broker that is meant. Raises `Invalid` for whatever the message may not ask for."""
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
    """How long after its reception an alert may still be executed."""
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
    """A stop lies below the price at which it is bought, a target above it."""
    for name, price, wrong in (
        ("PrixSL", protection.stop_loss, protection.stop_loss is not None and protection.stop_loss >= entry),
        ("PrixTP", protection.take_profit, protection.take_profit is not None and protection.take_profit <= entry),
    ):
        if wrong:
            raise Invalid(f"{name} was {price}, bought is at {entry}", code="protection_wrong_side", field=name)


def resolve(message: WebhookMessage, markets: Mapping[str, Market]) -> Market:
    """The market that a ticker names. Raises `Invalid` when there is none, `MarketsNotLoaded` while none is known."""
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
