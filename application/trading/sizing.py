"""Sizing: the order that a wish becomes, from values alone: free balance, last price and the rules of its market."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

from application.ports.statements import Capabilities, OrderRequest
from application.trading.positions import ABOVE, BELOW, REACHED, smallest_of
from domain.amounts import ZERO, difference, product
from domain.market import Market
from domain.orders.order import PROTECTION, Order
from domain.orders.wish import CRITICAL, Side, Source, Term, Type, Wish
from domain.refusals import Invalid
from domain.ticket import REQUESTER

HUNDRED = Decimal(100)
TOLERANCE = Decimal("0.01")
"""The part of what is to be held by which the holding may differ from it: prices move, and trading costs fees."""
CENT = Decimal("0.01")
AFTER_FEE = Decimal("0.998")
"""The smallest fraction of bought coins that is left when the fee is paid in them."""
TRAILING = "trailing"


@dataclass(frozen=True)
class Held:
    """The start of a wish for a share of the account's worth.

    `worth` is that of the whole account (quote). `quantity` (base) is what the position holds: less what other exits
    are selling, for a buy also with what other entries are buying.
    """

    worth: Decimal
    quantity: Decimal


@dataclass(frozen=True)
class Sized:
    """The sized order: the `request` to send, and the `price` (quote per base) at which it was checked.

    `rest` is the quantity (base) left for another order, when a sale exceeds the largest single order of the market.
    """

    request: OrderRequest
    price: Decimal
    rest: Decimal = ZERO
    free: Decimal = ZERO
    """The account's free amount of the spent currency, less what orders in doubt may have spent.

    It includes the coins locked by the legs that the sale takes off.
    """
    unlocked: Decimal = ZERO
    """The part of `free` that no leg locks."""


def sized(
    order: Order, market: Market, free: Decimal, held: Decimal | None, last: Decimal, account: Held | None = None
) -> Sized:
    """Return the order to send for a wish, rounded and checked. Raises `Invalid` when it cannot be sent.

    `free` is the amount of the spent currency that may be used. `held` is the quantity (base) that a sell may take of
    its position: a share is a share of that, not of all the account's coins. `last` is the price (quote per base) at
    which the order is checked, and at which a buy is sized whose quantity the exchange takes as a cost only. A share of
    the account's worth that is to be held needs to know the `account`. The order of a ticket is sent as it stands.
    """
    wish, price = order.wish, _rounded_price(order.wish, market)
    available = free if held is None else min(held, free)
    if wish.holding is None:
        quantity, cost = _amounts(wish, available, price)
    else:
        if account is None:
            raise ValueError("a share of the account's worth needs the account")
        quantity, cost = _to_hold(wish, wish.holding, account, available, last, smallest_of(market, last))
    if quantity is not None and held is not None and (order.requester == PROTECTION or order.source is Source.WEBHOOK):
        quantity = min(quantity, available)  # a few coins may be missing: fees of other trades were paid with them
    if quantity is not None and not market.takes_quantity(wish.type, wish.side):
        cost = product(quantity, last)
        quantity = None
    quantity = None if quantity is None else market.round_quantity(quantity, wish.type)
    cost = None if cost is None else market.round_cost(cost)
    if free <= 0 or _spending(wish.side, quantity, cost, price) > free:
        raise Invalid(f"{free:f} {market.spends(wish.side)} is free", code="insufficient_funds", field="quantity")
    quantity, rest = _at_once(wish, quantity, market)
    market.check(wish.type, quantity, cost, price or wish.stop_price, last)
    trigger = None if wish.stop_price is None else market.round_price(wish.stop_price)
    validated = wish.quantity, wish.cost, wish.price, wish.stop_price
    if order.requester == REQUESTER and (quantity, cost, price, trigger) != validated:
        raise Invalid(f"the rules of {market.symbol} have changed since it was validated", code="rules_changed")
    request = OrderRequest(
        order.client_order_id, market, wish.side, wish.type, quantity, cost, price, wish.time_in_force, trigger,
        wish.trailing, wish.terms,
    )  # fmt: skip
    return Sized(request, last, rest, free)


def _rounded_price(wish: Wish, market: Market) -> Decimal | None:
    price = None if wish.price is None else market.round_price(wish.price)
    if price is not None and price <= 0:
        raise Invalid(f"{wish.price} is below the tick of {market.symbol}", code="price_out_of_range", field="price")
    return price


def _at_once(wish: Wish, quantity: Decimal | None, market: Market) -> tuple[Decimal | None, Decimal]:
    """Cut a market sale into nearly equal parts that the market allows; return the first part and the rest (base).

    Return any other order whole, with a rest of zero.
    """
    most = market.largest(wish.type)
    if quantity is None or most is None or quantity <= most or (wish.side, wish.type) != (Side.SELL, Type.MARKET):
        return quantity, ZERO
    parts = (quantity / most).to_integral_value(ROUND_CEILING)
    first = market.round_quantity(quantity / parts, wish.type)
    return first, difference(quantity, first)


def _amounts(wish: Wish, free: Decimal, price: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """Return the quantity (base) and the cost (quote); exactly one of them is not None."""
    if wish.percent is None:
        return wish.quantity, wish.cost
    share = free * wish.percent / HUNDRED
    if wish.side is Side.SELL:
        return share, None
    return (None, share) if price is None else (share / price, None)


def _to_hold(
    wish: Wish,
    holding: Decimal,
    account: Held,
    available: Decimal,
    last: Decimal,
    smallest: Decimal,
) -> tuple[Decimal | None, Decimal | None]:
    """Return the quantity (base) or the cost (quote) that leads to a share of the account's worth, as far as it can.

    A buy takes no more than is free, a sale no more than is held. Raises `Invalid` when that share is held already, as
    nearly as orders of the `smallest` quantity (base) allow, or when an order of the other side leads to it.
    """
    wanted, is_worth = account.worth * holding / HUNDRED, account.quantity * last
    missing = wanted - is_worth
    too_small = bool(account.quantity) and abs(missing) < smallest * last
    if too_small or abs(missing) <= wanted * TOLERANCE:
        raise _not_traded(REACHED, is_worth, account, holding)
    if (missing > 0) is (wish.side is Side.SELL):
        raise _not_traded(BELOW if missing > 0 else ABOVE, is_worth, account, holding)
    if wish.side is Side.SELL:
        return (available if holding == 0 else min(-missing / last, available)), None
    cost = min(missing, available)
    return (None, cost) if wish.price is None else (cost / last, None)


def _not_traded(code: str, is_worth: Decimal, account: Held, holding: Decimal) -> Invalid:
    share = is_worth * HUNDRED / account.worth if account.worth else ZERO
    return Invalid(f"Position was {holding}, held is {share.quantize(CENT)}", code=code, field="Position")


def _spending(side: Side, quantity: Decimal | None, cost: Decimal | None, price: Decimal | None) -> Decimal:
    """Return how much the order spends: base for a sell, quote for a buy.

    Return zero for a market buy by quantity: its funds are left to the exchange to check.
    """
    if quantity is None:
        return cost or ZERO
    return quantity if side is Side.SELL else product(quantity, price or ZERO)


# --- what the exchange does not take -----------------------------------------------------------------------------


def fitted(request: OrderRequest, capabilities: Capabilities) -> OrderRequest:
    """Return the request without what the exchange cannot express and the order can do without.

    Raises `Invalid`, naming exchange and parameter, when the order would be another one without it: a critical term,
    or a distance without which there is no trigger.
    """
    exchange, terms = request.market.exchange, request.terms
    for term in terms.given if terms is not None else ():
        if term in CRITICAL and term not in capabilities.terms:
            raise Invalid(f"{exchange} does not take {term}", code=f"{term}_not_offered", field=term)
    if terms is not None and terms.iceberg_qty is not None:
        hides = Term.ICEBERG in capabilities.terms and request.market.icebergs
        shown = request.market.round_quantity(terms.iceberg_qty) if hides else None
        request = replace(request, terms=replace(terms, iceberg_qty=shown or None))
    if request.trailing is not None and not capabilities.trailing:
        if request.stop_price is None:
            raise Invalid(f"{exchange} does not take {TRAILING}", code="trailing_not_offered", field=TRAILING)
        request = replace(request, trailing=None)
    return request


def left_out(wish: Wish, request: OrderRequest) -> Sequence[str]:
    """Return the names of what a wish asks for and its request does not have."""
    kept = request.terms.given if request.terms is not None else ()
    ignored = [term.value for term in (wish.terms.given if wish.terms is not None else ()) if term not in kept]
    return [*ignored, TRAILING] if wish.trailing is not None and request.trailing is None else ignored
