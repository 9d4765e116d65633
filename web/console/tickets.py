"""Tickets: an order is validated, and then executed as it stands, once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from fastapi import APIRouter

from application.people.brokers import broker_of
from application.ports.requests import Action, GatewayAway
from application.trading import tickets
from application.trading.positions import listed
from application.trading.weighing import Asked, Means, Weighed, weighed
from domain.amounts import ZERO, total
from domain.candles.series import Series
from domain.depth import Depth
from domain.market import Market
from domain.orders.wish import Protection, Side, Source
from domain.people.broker import Broker, Usage
from domain.refusals import Impossible, Invalid
from domain.ticket import VALID_FOR, Ticket, revision_of
from domain.trading.valuation import Price, Prices, equity
from projections.fills import last_fee
from projections.positions import open_positions
from web.access.cookies import Asking
from web.context import By, Context, InContext, books
from web.forms import tickets as forms
from web.terminals import ask

router = APIRouter(prefix="/api/tickets", tags=["tickets"])
ASK_SECONDS = 3.0
OLDEST_PRICE = 15.0
"""Seconds after which a price sizes nothing any more."""
OLDEST_BALANCE = 60.0
"""The same of what the account holds: it is asked twice a minute, and whenever its stream has told something."""
OLDEST_DEPTH = 3.0
"""The same of the best orders of its book, which change several times a second."""
_DIGEST = 16


@router.post("", status_code=201)
def validate(given: forms.NewTicket, by: By, context: InContext) -> forms.Ticket:
    """Validate an order: what would be sent, and what it comes to. Nothing is asked of the exchange.

    An order that could not be sent is refused with the field to change. The ticket is valid for 30 seconds, in this
    session only. A session validates every 200 ms at most: who is faster waits.
    """
    context.people.validations.wait(_session(by))
    broker = broker_of(context.records.store, by.user, given.broker)
    market = listed(context.records.markets, broker, given.symbol)
    if market is None:
        raise Invalid(f"{given.symbol} is not known at this broker", code="symbol_unknown", field="symbol")
    if broker.usage is Usage.OFF:
        raise Impossible("this broker is switched off", code="broker_off")
    if given.trailing is not None and not context.platform.entry_of(broker.exchange).capabilities.trailing:
        raise Invalid(f"{broker.exchange} does not take trailing", code="trailing_not_offered", field="trailing")
    price = _price(context, by.user, broker, market)
    balances, age = _balances(context, broker)
    asked = Asked(
        given.symbol, given.side, given.type, given.unit, given.amount, price=given.price, stop_price=given.stop_price,
        time_in_force=given.time_in_force, stop_loss=given.stop_loss, take_profit=given.take_profit,
        max_slippage=given.max_slippage, trailing=given.trailing,
    )  # fmt: skip
    depth, depth_age = _depth(context, _session(by), broker, market)
    means = _means(context, by.user, broker, market, asked, price, balances, depth)
    found, now = weighed(asked, market, means), datetime.now(UTC)
    ticket = Ticket(uuid4(), by.user, _session(by), broker.number, found.wish, revision_of(market), now)
    return forms.Ticket(
        id=context.people.tickets.seal(ticket), expires_at=ticket.expires_at, seconds=VALID_FOR.total_seconds(),
        sent=_sent(found), price=found.price, quantity=found.quantity, cost=found.cost, fee=found.fee,
        loss=found.loss, gain=found.gain, free=means.free, currency=market.spends(asked.side),
        balance_age=round(age, 1), price_age=round(price.age, 1), depth_age=depth_age,
        at_once=_at_once(found, market),
    )  # fmt: skip


@router.post("/{ticket}/execute", status_code=201)
def execute(ticket: str, by: By, context: InContext) -> forms.Executed:
    """Execute a ticket exactly as it was validated. Asking twice makes one order, and the answer is the same."""
    found = context.people.tickets.unseal(ticket)
    found.check_owner(by.user, _session(by))
    if tickets.is_executed(context.records.store, found):
        return forms.Executed(order=found.id)  # whatever has become of its broker since
    broker = broker_of(context.records.store, by.user, found.broker)
    market = listed(context.records.markets, broker, found.wish.symbol)
    return forms.Executed(order=tickets.execute(context.records.store, found, market, datetime.now(UTC)))


def _session(by: Asking) -> str:
    return by.token_hash.hex()[:_DIGEST]


def _price(context: Context, user: int, broker: Broker, market: Market) -> Price:
    """Return the newest price of a market that anybody here has heard, or else ask its exchange.

    Raises `Impossible` when all are too old.
    """
    platform, here = context.platform, (broker.exchange, broker.venue)
    told = [of(*here).get(market.symbol) for of in (platform.prices, platform.rates)]
    known = [Price(Decimal(text), age) for text, age in (one for one in told if one is not None)]
    if (running := _running(context, str(Series(*here, market.symbol)))) is not None:
        known.append(running)
    newest = min((price for price in known if price.worth > 0), key=lambda price: price.age, default=None)
    if newest is not None and newest.age <= OLDEST_PRICE:
        return newest
    try:
        quote = ask(context, user, Action.QUOTE, {"broker_id": broker.number, "symbol": market.symbol}, ASK_SECONDS)
    except (GatewayAway, Impossible) as silent:
        raise Impossible(f"no price of {market.symbol} is known: {silent}", code="price_unknown") from silent
    price = Price(Decimal(quote["last"]), quote["age"])
    if price.worth <= 0:
        raise Impossible(f"no price of {market.symbol} is known", code="price_unknown")
    return price


def _running(context: Context, series: str) -> Price | None:
    """Return the close of the running minute of a series, as the heartbeat told it with its last sign of life."""
    heartbeat = next((one for one in context.platform.terminals() if one["name"] == "heartbeat"), None)
    figures: Mapping[str, Any] = {} if heartbeat is None else heartbeat["figures"]
    bar = figures.get("running", {}).get(series)
    if heartbeat is None or bar is None or heartbeat["state"] != "up" or not figures.get("connected"):
        return None
    # Its figures are as old as its sign of life, and tell the age of what it had heard by then.
    return Price(Decimal(bar["close"]), heartbeat["age"] + max(figures["now"] - figures["heard_at"], 0) / 1000)


def _balances(context: Context, broker: Broker) -> tuple[dict[str, tuple[Decimal, Decimal]], float]:
    told = context.platform.balances(broker.number)
    if told is None or told[1] > OLDEST_BALANCE:
        raise Impossible("the balances of this account are not known yet", code="balances_unknown")
    return {name: (Decimal(free), Decimal(locked)) for name, (free, locked) in told[0].items()}, told[1]


def _means(
    context: Context,
    user: int,
    broker: Broker,
    market: Market,
    asked: Asked,
    price: Price,
    balances: Mapping[str, tuple[Decimal, Decimal]],
    depth: Depth | None,
) -> Means:
    """Return what an order of this account has to work with.

    Coins under the hand's own stop count as free for a sale at once, which takes it off. Raises `Invalid` for one that
    would rest: its coins would be without a stop meanwhile.
    """
    free, locked = balances.get(market.spends(asked.side), (ZERO, ZERO))
    with books(context, user) as cursor:
        if asked.side is Side.SELL:
            key = (broker.number, market.symbol, Source.MANUAL)
            own = [row for row in open_positions(cursor) if (row["broker_id"], row["symbol"], row["owner"]) == key]
            under_stop = total(row["protected"] for row in own)
            if under_stop and not asked.trades_at_once:
                raise Invalid("the stop of these coins would go", code="coins_under_stop", field="type")
            free = total([free, min(under_stop, locked)])
        fee = last_fee(cursor, broker.number)
    rates = {**context.platform.rates(broker.exchange, broker.venue), market.symbol: (f"{price.worth:f}", price.age)}
    valued = equity({name: total(both) for name, both in balances.items()}, Prices.read(rates), market.quote)
    limits = broker.limits
    return Means(
        free=free, last=price.worth, most=limits.per_order if limits.currency == market.quote else None,
        worth=None if valued.missing else valued.worth, fee=fee, stop_style=broker.stop_style, depth=depth,
    )  # fmt: skip


def _depth(context: Context, viewer: str, broker: Broker, market: Market) -> tuple[Depth | None, float | None]:
    """Return the best orders of a market's book and their age in seconds, None while they are not followed, or old."""
    key = (broker.exchange, broker.venue, market.symbol)
    context.platform.need_depth(key, viewer)
    told = context.platform.depth(key)
    age = None if told is None else max(time.time() - told["at"], 0.0)
    if told is None or age is None or age > OLDEST_DEPTH:
        return None, None
    sides = ([(Decimal(price), Decimal(there)) for price, there in told[side]] for side in ("bids", "asks"))
    return Depth(*sides), round(age, 1)


def _at_once(found: Weighed, market: Market) -> forms.AtOnce | None:
    walk = found.walk
    if walk is None:
        return None
    return forms.AtOnce(
        quantity=market.round_quantity(walk.quantity), average=walk.average, best=walk.best,
        slippage=round(float(walk.slippage), 4), whole=walk.whole,
    )  # fmt: skip


def _sent(found: Weighed) -> forms.Sent:
    wish, protection = found.wish, found.wish.protection or Protection()
    return forms.Sent(
        side=wish.side, type=wish.type, quantity=wish.quantity, cost=wish.cost, price=wish.price,
        stop_price=wish.stop_price, trailing=wish.trailing, time_in_force=wish.time_in_force,
        stop_loss=protection.stop_loss, take_profit=protection.take_profit,
    )  # fmt: skip
