"""Sizing: what is really sent for a wish, from the live balance at the moment of sending."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from application.orders.account import Account
from application.ports.exchange import OrderRequest
from application.trading.positions import UNHINDERED
from domain.amounts import ZERO, difference, product
from domain.market import Market
from domain.order import PROTECTION, Order
from domain.refusals import Invalid
from domain.wish import Side, Source, Type, Wish

HUNDRED = Decimal(100)


class SpendingUnknown(Exception):
    """What a doubtful order may have spent cannot be told: a share of the balance cannot be sized yet."""


@dataclass(frozen=True)
class Sized:
    """What is sent now, the price (quote per base) at which it was weighed, and what is left for another order (base).

    Something is left of a sale that is above what the exchange takes at once.
    """

    request: OrderRequest
    price: Decimal
    rest: Decimal = ZERO
    free: Decimal = ZERO
    """What the account has of the currency that is spent, less what doubtful orders may have taken."""


async def size(
    order: Order, market: Market, account: Account, held: Decimal | None = None, locked: Decimal = ZERO
) -> Sized:
    """Round and check an order, from what is free less what doubtful orders may have spent.

    `held` is what the position holds that a sell is to reduce: a share is of that, not of all the account's coins.
    `locked` are the coins that rest under the position's own protection, which the sale takes off.
    Raises `Invalid` for what cannot be sent, `SpendingUnknown` when it cannot be told yet, or an `ExchangeError`.
    """
    wish = order.wish
    urgent = wish.side is Side.SELL  # without an answer it could not be sold
    account.check_question(urgent=urgent)
    balances, last = await asyncio.gather(
        account.exchange.balances(account.credentials, urgent=urgent), _price_of(wish, market, account, urgent=urgent)
    )
    currency = market.spends(wish.side)
    # What a person insists on selling is weighed by the exchange, which locks the coins of whatever rests there.
    certain = wish.side is Side.SELL and order.requester in UNHINDERED
    balance, doubtful = balances.get(currency), ZERO if certain else account.doubts.spent(currency)
    if doubtful is None:
        raise SpendingUnknown
    free = max((balance.free if balance else ZERO) + locked - doubtful, ZERO)
    price = None if wish.price is None else market.round_price(wish.price)
    if price is not None and price <= 0:
        raise Invalid(f"{wish.price} is below the tick of {market.symbol}", code="price_out_of_range", field="price")
    available = free if held is None else min(held, free)
    quantity, cost = _amounts(wish, available, price)
    if quantity is not None and held is not None and (order.requester == PROTECTION or order.source is Source.WEBHOOK):
        quantity = min(quantity, available)  # a few coins may be missing: fees of other trades were paid in them
    quantity = None if quantity is None else market.round_quantity(quantity, wish.type)
    cost = None if cost is None else market.round_cost(cost)
    if free <= 0 or _spending(wish.side, quantity, cost, price) > free:
        raise Invalid(f"{free:f} {currency} is free", code="insufficient_funds", field="quantity")
    quantity, rest = _at_once(wish, quantity, market)
    market.check(wish.type, quantity, cost, price or wish.stop_price, last)
    request = OrderRequest(
        order.client_order_id, market, wish.side, wish.type, quantity, cost, price, wish.time_in_force,
        None if wish.stop_price is None else market.round_price(wish.stop_price), wish.trailing,
    )  # fmt: skip
    return Sized(request, last, rest, free)


def _at_once(wish: Wish, quantity: Decimal | None, market: Market) -> tuple[Decimal | None, Decimal]:
    """Cut a sale at the market into nearly equal parts that the exchange takes; return the first and what is left."""
    most = market.largest(wish.type)
    if quantity is None or most is None or quantity <= most or (wish.side, wish.type) != (Side.SELL, Type.MARKET):
        return quantity, ZERO
    parts = (quantity / most).to_integral_value(ROUND_CEILING)
    first = market.round_quantity(quantity / parts, wish.type)
    return first, difference(quantity, first)


async def _price_of(wish: Wish, market: Market, account: Account, *, urgent: bool) -> Decimal:
    """At which price the order is weighed: its own, or the newest of the market, which sizes nothing."""
    return wish.price or wish.stop_price or (await account.price(market, urgent=urgent)).last


def _amounts(wish: Wish, free: Decimal, price: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """Quantity (base) and cost (quote), of which one is given."""
    if wish.percent is None:
        return wish.quantity, wish.cost
    share = free * wish.percent / HUNDRED
    if wish.side is Side.SELL:
        return share, None
    return (None, share) if price is None else (share / price, None)


def _spending(side: Side, quantity: Decimal | None, cost: Decimal | None, price: Decimal | None) -> Decimal:
    """What it will take of the currency that it spends; a market buy by quantity is left to the exchange."""
    if quantity is None:
        return cost or ZERO
    return quantity if side is Side.SELL else product(quantity, price or ZERO)
