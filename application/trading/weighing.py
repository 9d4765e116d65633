"""Weighing: what an order that a trader types comes to before it is sent, from values alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from uuid import uuid4

from application.people.users import by_hand
from application.ports.statements import OrderRequest
from application.trading.positions import on_tick
from application.trading.sizing import AFTER_FEE, sized
from domain.amounts import ZERO, check_positive, difference, product
from domain.depth import Depth, Walk
from domain.market import Market, too_small
from domain.orders.order import Order
from domain.orders.wish import (
    HUNDRED_PERCENT,
    PRICED,
    TRIGGERED,
    Protection,
    Side,
    Source,
    TimeInForce,
    Type,
    Wish,
    check_not_passed,
    triggers_above,
)
from domain.people.broker import StopStyle
from domain.refusals import Invalid

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
    """An order as it is typed. Prices are quote per base.

    `max_slippage` is in percent of the last price, `trailing` the distance (percent) at which a trigger follows it.
    """

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
    trailing: Decimal | None = None

    @property
    def trades_at_once(self) -> bool:
        """True when it trades on arrival or not at all, and never rests."""
        return self.type is Type.MARKET or self.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}


@dataclass(frozen=True)
class Means:
    """The state of account and market, as far as it is known.

    `free` is in the spent currency, `worth` (quote) that of all coins. `last` is the last price, `fee` a fraction of
    what is traded, `most` the most (quote) that an entry may cost, `depth` the best orders of the market's book. None
    where something is not known or not limited.
    """

    free: Decimal
    last: Decimal
    most: Decimal | None = None
    worth: Decimal | None = None
    fee: Decimal | None = None
    stop_style: StopStyle = StopStyle.MARKET
    depth: Depth | None = None


@dataclass(frozen=True)
class Weighed:
    """An order as it would be sent: the wish that is sent as it stands, and about what it costs (quote).

    `price` is the one expected: the average of what it would trade at once (`walk`), its own limit or trigger, or the
    last price. `loss` and `gain` are those at the stop and the target, before fees.
    """

    wish: Wish
    price: Decimal
    quantity: Decimal
    cost: Decimal
    fee: Decimal | None
    loss: Decimal | None
    gain: Decimal | None
    walk: Walk | None = None


def weighed(asked: Asked, market: Market, means: Means) -> Weighed:
    """Return what an order comes to now. Raises `Invalid`, naming the field, when it could not be sent."""
    check_positive(
        amount=asked.amount, price=asked.price, stop_price=asked.stop_price, stop_loss=asked.stop_loss,
        take_profit=asked.take_profit, max_slippage=asked.max_slippage, trailing=asked.trailing,
    )  # fmt: skip
    asked = _on_ticks(_bounded(asked, market, means.last), market)
    expected = _expected(asked, means.last)
    worst = expected if asked.type in TRIGGERED else asked.price or means.last
    if asked.type in TRIGGERED and asked.stop_price is not None:
        check_not_passed(asked.side, asked.type, asked.stop_price, means.last)
    protection = _protection(asked, expected)
    draft = _unrounded(asked, protection, expected, worst, means)
    request = _request(draft, market, means)
    wish = replace(
        draft, quantity=request.quantity, cost=request.cost, price=request.price, stop_price=request.stop_price
    )
    wish.check()
    walk = _walk(wish, means.depth)
    expected = walk.average if walk is not None and walk.whole else expected
    about = request.quantity if request.quantity is not None else (request.cost or ZERO) / expected
    quantity = market.round_quantity(about, wish.type)
    most = request.cost if request.cost is not None else product(about, max(worst, expected))
    _check_affordable(asked, most, means)
    # A limit behind a trigger is compared with the price at which it will be placed.
    market.check(wish.type, request.quantity, request.cost, wish.price, wish.stop_price or means.last, wish.side)
    _check_protectable(quantity, protection, market, means.stop_style)
    cost = request.cost if request.cost is not None else product(quantity, expected)
    stop, target = (protection.stop_loss, protection.take_profit) if protection is not None else (None, None)
    return Weighed(
        wish, expected, quantity, cost,
        fee=None if means.fee is None else product(cost, means.fee),
        loss=None if stop is None else product(quantity, difference(expected, stop)),
        gain=None if target is None else product(quantity, difference(target, expected)),
        walk=walk,
    )  # fmt: skip


def _walk(wish: Wish, depth: Depth | None) -> Walk | None:
    """Return what an order would trade at once, None for nothing or when the book is not known.

    Raises `Invalid` for one that may only rest, and would not.
    """
    if depth is None or wish.type in TRIGGERED:
        return None
    walk = depth.walk(wish.side, quantity=wish.quantity, cost=wish.cost, limit=wish.price)
    if walk is not None and wish.time_in_force is TimeInForce.PO:
        raise Invalid(f"{walk.best} is offered: it would trade at once", code="would_take", field="price")
    return walk


def _expected(asked: Asked, last: Decimal) -> Decimal:
    """Return the price at which an order is likely to trade: a limit that the market has passed, at the market's."""
    if asked.type in TRIGGERED:
        return asked.price or asked.stop_price or _followed(asked, last)
    if asked.price is None:
        return last
    return min(asked.price, last) if asked.side is Side.BUY else max(asked.price, last)


def _followed(asked: Asked, last: Decimal) -> Decimal:
    """Return the price of a trailing trigger while the market stands still."""
    distance = product(last, asked.trailing or ZERO) / HUNDRED_PERCENT
    return last + distance if triggers_above(asked.side, asked.type) else last - distance


def _trailing_of(asked: Asked) -> int | None:
    """Return a trailing distance in hundredths of a percent, the smallest step that exchanges take."""
    if asked.trailing is None:
        return None
    hundredths = product(asked.trailing, HUNDRED_PERCENT)
    if hundredths != hundredths.to_integral_value():
        raise Invalid(f"{asked.trailing} percent", code="trailing_out_of_range", field="trailing")
    return int(hundredths)


def _bounded(asked: Asked, market: Market, last: Decimal) -> Asked:
    """Return a market order with a bound of its slippage as the limit order that it then is, never beyond the bound."""
    if asked.max_slippage is None:
        return asked
    if asked.type is not Type.MARKET or asked.price is not None:
        raise Invalid("only a market order slips", code="slippage_not_taken", field="max_slippage")
    if asked.max_slippage > MOST_SLIPPAGE:
        raise Invalid(f"max_slippage was {asked.max_slippage}", code="slippage_out_of_range", field="max_slippage")
    step = product(last, asked.max_slippage) / HUNDRED_PERCENT
    bound = last + step if asked.side is Side.BUY else last - step
    price = market.round_price(bound)
    if asked.side is Side.BUY and price > bound:
        price -= market.price_tick
    if asked.side is Side.SELL and price < bound:
        price += market.price_tick
    return replace(asked, type=Type.LIMIT, price=price, time_in_force=TimeInForce.IOC, max_slippage=None)


def _on_ticks(asked: Asked, market: Market) -> Asked:
    """Return an order with all its prices on the ticks of its market. Raises `Invalid` for one below the first tick."""

    def rounded(name: str, price: Decimal | None) -> Decimal | None:
        return None if price is None else on_tick(price, market, name)

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


def _unrounded(asked: Asked, protection: Protection | None, expected: Decimal, worst: Decimal, means: Means) -> Wish:
    """Return the wish for an amount in any unit. A buy is sized at the worst price that it may pay."""
    wish = Wish(
        asked.symbol, asked.side, asked.type, price=asked.price, stop_price=asked.stop_price,
        time_in_force=asked.time_in_force or (TimeInForce.GTC if asked.type in PRICED else None),
        protection=protection, trailing=_trailing_of(asked),
    )  # fmt: skip
    buys, at_once = asked.side is Side.BUY, asked.type is Type.MARKET
    if asked.unit in {Unit.PERCENT, Unit.RISK} and asked.amount > HUNDRED_PERCENT:
        raise Invalid(f"{asked.amount} percent", code="percent_out_of_range", field="amount")
    share = product(means.free, asked.amount) / HUNDRED_PERCENT
    match asked.unit:
        case Unit.BASE:
            return replace(wish, quantity=asked.amount)
        case Unit.RISK:
            return replace(wish, quantity=_at_risk(asked, protection, worst, means))
        case Unit.PERCENT if not buys:
            return replace(wish, quantity=share)
        case Unit.QUOTE if not buys:
            return replace(wish, quantity=asked.amount / expected)
        case _:
            spent = share if asked.unit is Unit.PERCENT else asked.amount
            return replace(wish, cost=spent) if at_once else replace(wish, quantity=spent / worst)


def _at_risk(asked: Asked, protection: Protection | None, worst: Decimal, means: Means) -> Decimal:
    """Return the quantity (base) whose loss at the stop is this percentage of the account's worth."""
    if protection is None or protection.stop_loss is None:
        raise Invalid("a risk needs a stop", code="risk_needs_stop", field="stop_loss")
    if means.worth is None:
        raise Invalid("the worth of the account is not known", code="worth_unknown", field="amount")
    return product(means.worth, asked.amount) / HUNDRED_PERCENT / difference(worst, protection.stop_loss)


def _request(wish: Wish, market: Market, means: Means) -> OrderRequest:
    """Size a wish as the lane does. Raises `Invalid` for one that it would refuse or send in parts."""
    with by_hand(0):
        order = Order.place(
            order_id=uuid4(), user=0, broker=0, wish=wish, source=Source.MANUAL, requester=DRAFT, client_order_id=DRAFT
        )
    fit = sized(order, market, means.free, None, wish.price or wish.stop_price or means.last)
    if fit.rest:
        raise Invalid(
            f"{market.largest(wish.type)} is the most of one order", code="quantity_above_maximum", field="amount"
        )
    return fit.request


def _check_affordable(asked: Asked, most: Decimal, means: Means) -> None:
    """Raise `Invalid` when a buy may cost (quote) more than is free, or than its broker may spend at once."""
    if asked.side is Side.SELL:
        return
    if most > means.free:
        raise Invalid(f"{means.free:f} is free", code="insufficient_funds", field="amount")
    if means.most is not None and most > means.most:
        raise Invalid(f"{most:f} is above {means.most:f}", code="limit_per_order", field="amount")


def _check_protectable(quantity: Decimal, protection: Protection | None, market: Market, style: StopStyle) -> None:
    """Raise `Invalid` when what is left after the fee would be too little for the stop or the target."""
    kept = market.round_quantity(quantity * AFTER_FEE)
    if protection is not None and (detail := too_small(kept, protection, market, style)) is not None:
        raise Invalid(detail, code="too_small_to_protect", field="amount")
