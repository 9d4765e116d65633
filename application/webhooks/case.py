"""A case: an alert that can be read, the broker that it is for, and what stands in its way now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.ports.stores import Markets, Reader
from application.trading.positions import owner_of, position_of
from domain.market import Market
from domain.orders.wish import HUNDRED_PERCENT, Source
from domain.people.broker import Broker, Usage
from domain.people.user import User
from domain.refusals import Impossible, Invalid
from domain.webhooks.stream import WebhookStream
from domain.webhooks.webhook import Webhook
from domain.webhooks.webhook_message import TRADING, Action, WebhookMessage, ticker_of

AGE_OF_ENTRY = timedelta(seconds=60)
"""The time after its reception within which an entry, or a move of protection, may be executed."""
AGE_OF_EXIT = timedelta(seconds=90)
"""The same for an exit.

It is longer than a doubt about the same symbol can last before it is proven, so that the exit outlives the doubt.
"""
AGE_OF_APPROVED = timedelta(seconds=30)
"""The time after its approval within which an entry may be executed: that of an order by hand."""
WEBHOOKS = owner_of(Source.WEBHOOK)


class MarketsNotLoaded(Exception):
    """The markets are not loaded, so a symbol cannot be resolved yet; the event is tried again."""


@dataclass(frozen=True)
class Case:
    """An alert that can be read, the broker that it is for, and what is known of both now.

    `sells` is False for an alert that buys or moves a protection. One that says what is to be held sells first if
    anything is held, as that never adds a risk.
    """

    webhook: Webhook
    message: WebhookMessage
    broker: Broker
    listed: Mapping[str, Market]
    stream: WebhookStream | None
    store: Reader
    now: datetime
    sells: bool

    @property
    def buys(self) -> bool:
        """True when it adds to what is held."""
        return not self.sells and self.message.action in TRADING

    @property
    def is_exit(self) -> bool:
        """True when something may be left unsold without it, as far as the markets are known."""
        if not self.sells or not self.listed:
            return False
        return self.message.action is not Action.POSITION or _is_held(
            self.message, self.broker, self.listed, self.store
        )

    @property
    def not_after(self) -> datetime:
        """The time until which it may be executed."""
        if self.webhook.approved_at is not None:
            return self.webhook.approved_at + AGE_OF_APPROVED
        return self.webhook.received_at + (AGE_OF_EXIT if self.sells else AGE_OF_ENTRY)


def case_of(
    webhook: Webhook,
    message: WebhookMessage,
    store: Reader,
    markets: Markets,
    now: datetime,
    stream: WebhookStream | None,
) -> Case:
    """Return the case of an alert. Raises `Invalid` when the broker or the user is not the token owner's."""
    broker = _checked(message, webhook, store)
    listed = markets.of(broker.exchange, broker.venue)
    # What its trader has approved is an entry.
    may_sell = message.is_exit or _may_sell(message, broker, listed, store)
    return Case(webhook, message, broker, listed, stream, store, now, may_sell and webhook.approved_at is None)


def _may_sell(message: WebhookMessage, broker: Broker, listed: Mapping[str, Market], store: Reader) -> bool:
    """Return True when an alert says that less than everything is to be held, and something is or may be held."""
    if message.action is not Action.POSITION or message.holding == HUNDRED_PERCENT:
        return False
    return not listed or _is_held(message, broker, listed, store)


def _is_held(message: WebhookMessage, broker: Broker, listed: Mapping[str, Market], store: Reader) -> bool:
    market = listed.get(ticker_of(message.symbol or ""))
    return market is not None and position_of(store, broker.user, broker.number, market.symbol, WEBHOOKS).is_open


def hindrance_of(case: Case) -> str | None:
    """Return why a valid alert is not to be executed, None when it is.

    Raises `Impossible` when the broker is off or not used for webhooks.
    """
    if _stopped(case.broker, case.store):
        return "paused"
    _check_usage(case.broker)
    if case.now > case.not_after:
        return "stale"
    return "stream_paused" if case.stream is not None and case.stream.is_paused else None


def check_entry(case: Case) -> None:
    """Raise `Impossible` for an entry that a gate of its stream holds back, or whose bar is too old for its broker.

    The bar of a move of protection must not be too old either. An exit always passes.
    """
    if case.buys and case.stream is not None and (gate := case.stream.refusal(case.now)) is not None:
        raise Impossible(f"{gate}: the stream lets no entry through now", code=gate)
    age, oldest = case.message.bars_old(case.webhook.received_at), case.broker.oldest_bar
    if oldest is None or case.sells or age is None or age <= oldest:
        return
    raise Impossible(f"the bar ended {age:.1f} bars ago, at most {oldest} may pass", code="bar_too_old")


def _checked(message: WebhookMessage, webhook: Webhook, store: Reader) -> Broker:
    """Return the broker that the message names, or the twin that carries it out instead.

    Raises `Invalid` when it or the user is not the token owner's.
    """
    if message.user != webhook.user:
        raise Invalid(f"UserID was {message.user}, the token is another user's", code="user_foreign", field="UserID")
    broker = store.find(Broker, Broker.create_id(webhook.twin or message.broker or 0))
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


def resolve(message: WebhookMessage, markets: Mapping[str, Market]) -> Market:
    """Return the market that the message's ticker names.

    Raises `Invalid` when there is none or its currencies contradict the message, `MarketsNotLoaded` while no market is
    loaded.
    """
    if not markets:
        raise MarketsNotLoaded
    market = markets.get(ticker_of(message.symbol or ""))
    if market is None:
        raise Invalid(f"{message.symbol} is no market of this exchange", code="symbol_unknown", field="Symbol")
    for said, field, is_ in (
        (message.currency, "Currency", market.quote),
        (message.base_currency, "BaseCurrency", market.base),
    ):
        if said is not None and said.upper() != is_:
            raise Invalid(f"{field} was {said}, {market.symbol} has {is_}", code="symbol_contradicts", field=field)
    return market
