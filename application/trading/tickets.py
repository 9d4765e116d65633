"""Tickets: what a trader's order comes to before it is sent, and its execution, once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID, uuid4

from application.commands import on_fresh_state
from application.people.users import by_hand
from application.ports.statements import OrderRequest
from application.ports.stores import Store
from application.trading.positions import wished
from application.trading.sizing import sized
from domain.amounts import ZERO, check_positive, difference, product
from domain.market import Market, too_small
from domain.orders.names import wish_name
from domain.orders.order import Order
from domain.orders.wish import HUNDRED_PERCENT, PRICED, Protection, Side, Source, TimeInForce, Type, Wish
from domain.people.broker import StopStyle
from domain.refusals import Invalid
from domain.ticket import REQUESTER, SENDABLE_FOR, Ticket

DRAFT = "draft"
"""The requester of an order that is sized to be shown, and never recorded."""
MOST_SLIPPAGE = Decimal(50)


class Unit(StrEnum):
    """The unit of an amount: base or quote currency, percent of what is free, percent of the worth lost at the stop."""

    BASE = "base"
    QUOTE = "quote"
    PERCENT = "percent"
    RISK = "risk"


@dataclass(frozen=True)
class Asked:
    """An order as it is typed. Prices are quote per base, `max_slippage` is in percent of the last price."""

    symbol: str
    side: Side
    type: Type
    unit: Unit
    amount: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    max_slippage: Decimal | None = None


@dataclass(frozen=True)
class Means:
    """The state of account and market, as far as it is known.

    `free` is in the spent currency, `worth` (quote) that of all coins. `last` is the last price, `fee` a fraction of
    what is traded, `most` the most (quote) that an entry may cost. None where something is not known or not limited.
    """

    free: Decimal
    last: Decimal
    most: Decimal | None = None
    worth: Decimal | None = None
    fee: Decimal | None = None
    stop_style: StopStyle = StopStyle.MARKET


@dataclass(frozen=True)
class Weighed:
    """An order as it would be sent: the wish that is sent as it stands, and about what it costs (quote).

    `price` is the one expected: its own limit or trigger, or the last price. `loss` and `gain` are those at the stop
    and the target, before fees.
    """

    wish: Wish
    price: Decimal
    quantity: Decimal
    cost: Decimal
    fee: Decimal | None
    loss: Decimal | None
    gain: Decimal | None


def weighed(asked: Asked, market: Market, means: Means) -> Weighed:
    """Return what an order comes to now. Raises `Invalid`, naming the field, when it could not be sent."""
    check_positive(
        amount=asked.amount, price=asked.price, stop_price=asked.stop_price, stop_loss=asked.stop_loss,
        take_profit=asked.take_profit, max_slippage=asked.max_slippage,
    )  # fmt: skip
    asked = _on_ticks(_bounded(asked, market, means.last), market)
    entry = asked.price or asked.stop_price or means.last
    draft = _sized_wish(asked, _protection(asked, entry), entry, means)
    request = _request(draft, market, means)
    wish = replace(
        draft, quantity=request.quantity, cost=request.cost, percent=None, price=request.price,
        stop_price=request.stop_price,
    )  # fmt: skip
    price = request.price or request.stop_price or means.last
    about = request.quantity if request.quantity is not None else (request.cost or ZERO) / price
    quantity = market.round_quantity(about, wish.type)
    cost = request.cost if request.cost is not None else product(quantity, price)
    protection = wish.protection or Protection()
    _check_protectable(quantity, protection, market, means.stop_style)
    if means.most is not None and asked.side is Side.BUY and cost > means.most:
        raise Invalid(f"{cost:f} is above {means.most:f}", code="limit_per_order", field="amount")
    return Weighed(
        wish, price, quantity, cost,
        fee=None if means.fee is None else product(cost, means.fee),
        loss=protection.stop_loss and product(quantity, difference(price, protection.stop_loss)),
        gain=protection.take_profit and product(quantity, difference(protection.take_profit, price)),
    )  # fmt: skip


def _bounded(asked: Asked, market: Market, last: Decimal) -> Asked:
    """Return a market order with a bound of its slippage as the limit order that it then is."""
    if asked.max_slippage is None:
        return asked
    if asked.type is not Type.MARKET:
        raise Invalid("only a market order slips", code="slippage_not_taken", field="max_slippage")
    if asked.max_slippage > MOST_SLIPPAGE:
        raise Invalid(f"max_slippage was {asked.max_slippage}", code="slippage_out_of_range", field="max_slippage")
    step = product(last, asked.max_slippage) / HUNDRED_PERCENT
    price = market.round_price(last + step if asked.side is Side.BUY else last - step)
    return replace(asked, type=Type.LIMIT, price=price, time_in_force=TimeInForce.IOC, max_slippage=None)


def _on_ticks(asked: Asked, market: Market) -> Asked:
    """Return an order with all its prices on the ticks of its market. Raises `Invalid` for one below the first tick."""

    def rounded(name: str, price: Decimal | None) -> Decimal | None:
        found = None if price is None else market.round_price(price)
        if found is not None and found <= 0:
            raise Invalid(f"{price} is below the tick", code="price_out_of_range", field=name)
        return found

    return replace(
        asked,
        price=rounded("price", asked.price),
        stop_price=rounded("stop_price", asked.stop_price),
        stop_loss=rounded("stop_loss", asked.stop_loss),
        take_profit=rounded("take_profit", asked.take_profit),
    )


def _protection(asked: Asked, entry: Decimal) -> Protection | None:
    """Return the protection of an entry at this price."""
    stop, target = asked.stop_loss, asked.take_profit
    if stop is None and target is None:
        return None
    if stop is not None and stop >= entry:
        raise Invalid(f"the stop {stop} is not below {entry}", code="stop_not_below", field="stop_loss")
    if target is not None and target <= entry:
        raise Invalid(f"the target {target} is not above {entry}", code="target_not_above", field="take_profit")
    return Protection(stop, target)


def _sized_wish(asked: Asked, protection: Protection | None, entry: Decimal, means: Means) -> Wish:
    """Return the wish for an amount in any unit. It is not rounded yet."""
    wish = Wish(
        asked.symbol, asked.side, asked.type, price=asked.price, stop_price=asked.stop_price,
        time_in_force=asked.time_in_force or (TimeInForce.GTC if asked.type in PRICED else None),
        protection=protection,
    )  # fmt: skip
    match asked.unit:
        case Unit.BASE:
            return replace(wish, quantity=asked.amount)
        case Unit.QUOTE if (asked.side, asked.type) == (Side.BUY, Type.MARKET):
            return replace(wish, cost=asked.amount)
        case Unit.QUOTE:
            return replace(wish, quantity=asked.amount / entry)
        case Unit.PERCENT:
            return replace(wish, percent=asked.amount)
        case Unit.RISK:
            return replace(wish, quantity=_at_risk(asked, protection, entry, means))


def _at_risk(asked: Asked, protection: Protection | None, entry: Decimal, means: Means) -> Decimal:
    """Return the quantity (base) whose loss at the stop is this percentage of the account's worth."""
    if protection is None or protection.stop_loss is None:
        raise Invalid("a risk needs a stop", code="risk_needs_stop", field="stop_loss")
    if asked.amount > HUNDRED_PERCENT:
        raise Invalid(f"{asked.amount} percent", code="percent_out_of_range", field="amount")
    if means.worth is None:
        raise Invalid("the worth of the account is not known", code="worth_unknown", field="amount")
    return product(means.worth, asked.amount) / HUNDRED_PERCENT / difference(entry, protection.stop_loss)


def _request(wish: Wish, market: Market, means: Means) -> OrderRequest:
    """Size a wish as the lane does. Raises `Invalid` for one that it would refuse or send in parts."""
    with by_hand(0):
        order = Order.place(
            order_id=uuid4(), user=0, broker=0, wish=wish, source=Source.MANUAL, requester=DRAFT, client_order_id=DRAFT
        )
    fit = sized(order, market, means.free, None, wish.price or wish.stop_price or means.last)
    if fit.rest:
        raise Invalid(
            f"{market.largest(wish.type)} is the most of one order", code="quantity_above_maximum", field="quantity"
        )
    return fit.request


def _check_protectable(quantity: Decimal, protection: Protection, market: Market, style: StopStyle) -> None:
    if protection != Protection() and (detail := too_small(quantity, protection, market, style)) is not None:
        raise Invalid(detail, code="too_small_to_protect", field="amount")


@on_fresh_state
def execute(store: Store, ticket: Ticket, market: Market | None, now: datetime) -> UUID:
    """Place the order of a ticket, once, and return its id: the same one whenever it was placed before.

    Raises `Impossible` when its time is over or the rules have changed since it was validated.
    """
    if store.find(Order, ticket.id) is not None:
        return ticket.id
    ticket.check(market, now)
    with by_hand(ticket.user):
        order = Order.place(
            order_id=ticket.id,
            user=ticket.user,
            broker=ticket.broker,
            wish=ticket.wish,
            source=Source.MANUAL,
            requester=REQUESTER,
            client_order_id=wish_name(ticket.user, ticket.id, ticket.issued_at),
            not_after=now + SENDABLE_FOR,
            cause=None,
        )
        store.save(order, wished(order, store))
    return ticket.id
