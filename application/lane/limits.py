"""Limits: checking an entry's cost against the spending limits of its broker, in their currency."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from application.orders.account import Account
from application.orders.orders import Orders, as_gateway
from application.ports.statements import OrderRequest
from domain.amounts import ZERO, product
from domain.market import Market
from domain.orders.order import Order
from domain.orders.wish import Side
from domain.people.broker import Limits
from domain.refusals import Invalid
from domain.trading.spending import Spending

REASONS = frozenset({"limit_per_order", "limit_per_day", "limit_not_computable"})
"""The reasons for which a limit refuses an entry."""


async def reserve(orders: Orders, order: Order, request: OrderRequest, limits: Limits) -> Spending | None:
    """Reserve the cost of an entry in the day's spending (UTC); return the spending, to be saved with the intent.

    Return None when there is no limit per day, and for a sell: exits and protection are never limited. Raises `Invalid`
    when the cost is above a limit or cannot be converted, an `ExchangeError` when a price is not available.
    """
    account, broker = orders.account, orders.account.broker
    if order.wish.side is Side.SELL or (limits.per_order is None and limits.per_day is None):
        return None
    worth = await _worth(account, request, limits)
    if limits.per_order is not None and worth > limits.per_order:
        raise Invalid(
            f"{worth:f} {limits.currency} is above {limits.per_order:f}", code="limit_per_order", field="quantity"
        )
    if limits.per_day is None:
        return None
    today = account.clock().date()
    spending = await asyncio.to_thread(orders.store.find, Spending, Spending.create_id(broker.number, today))
    with as_gateway(order):
        spending = spending or Spending(broker.number, today)
        spending.reserve(order.id, worth, limits.per_day)
    return spending


async def _worth(account: Account, request: OrderRequest, limits: Limits) -> Decimal:
    """Return the cost in the currency of the limits.

    The last price values a quantity without a price of its own, and converts from another quote currency. Raises
    `Invalid` when no market converts between the two.
    """
    cost = request.cost
    if cost is None:
        price = request.price or request.stop_price or await _last(account, request.market)
        cost = product(request.quantity or ZERO, price)
    quote = request.market.quote
    if quote == limits.currency:
        return cost
    direct = _market(account.markets, quote, limits.currency)
    if direct is not None:
        return product(cost, await _last(account, direct))
    inverse = _market(account.markets, limits.currency, quote)
    if inverse is not None:
        return cost / await _last(account, inverse)
    raise Invalid(f"no price of {quote} in {limits.currency}", code="limit_not_computable", field="quantity")


def _market(markets: Mapping[str, Market], base: str, quote: str) -> Market | None:
    return markets.get(f"{base}/{quote}")


async def _last(account: Account, market: Market) -> Decimal:
    return (await account.exchange.tickers([market]))[market.symbol].last
