"""Sizing: what is really sent for a wish, from the live balance at the moment of sending."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from application.doubts import Doubts
from application.exchange import Credentials, Exchange, OrderRequest
from application.positions import UNHINDERED
from domain.amounts import ZERO, product
from domain.market import Market
from domain.order import Order
from domain.refusals import Invalid
from domain.wish import Side, Wish

HUNDRED = Decimal(100)


class SpendingUnknown(Exception):
    """What a doubtful order may have spent cannot be told: a share of the balance cannot be sized yet."""


async def size(
    order: Order,
    market: Market,
    exchange: Exchange,
    credentials: Credentials,
    doubts: Doubts,
    held: Decimal | None = None,
) -> OrderRequest:
    """The order, rounded and checked, from what is free less what doubtful orders may have spent.

    `held` is what the position holds that a sell is to reduce: a share is of that, not of all the account's coins.
    Raises `Invalid` for what cannot be sent, `SpendingUnknown` when it cannot be told yet, or an `ExchangeError`.
    """
    wish = order.wish
    balances, last = await asyncio.gather(exchange.balances(credentials), _price_of(wish, market, exchange))
    currency = market.spends(wish.side)
    # What a person insists on selling is weighed by the exchange, which locks the coins of whatever rests there.
    certain = wish.side is Side.SELL and order.requester in UNHINDERED
    balance, doubtful = balances.get(currency), ZERO if certain else doubts.spent(currency)
    if doubtful is None:
        raise SpendingUnknown
    free = max((balance.free if balance else ZERO) - doubtful, ZERO)
    price = None if wish.price is None else market.round_price(wish.price)
    if price is not None and price <= 0:
        raise Invalid(f"{wish.price} is below the tick of {market.symbol}", code="price_out_of_range", field="price")
    quantity, cost = _amounts(wish, free if held is None else min(held, free), price)
    quantity = None if quantity is None else market.round_quantity(quantity)
    cost = None if cost is None else market.round_cost(cost)
    if free <= 0 or _spending(wish.side, quantity, cost, price) > free:
        raise Invalid(f"{free:f} {currency} is free", code="insufficient_funds", field="quantity")
    market.check(wish.type, quantity, cost, price or wish.stop_price, last)
    return OrderRequest(
        order.client_order_id, market, wish.side, wish.type, quantity, cost, price, wish.time_in_force,
        None if wish.stop_price is None else market.round_price(wish.stop_price), wish.trailing,
    )  # fmt: skip


async def _price_of(wish: Wish, market: Market, exchange: Exchange) -> Decimal:
    """At which price the order is weighed: its own, or the market's, which is asked for only then."""
    return wish.price or wish.stop_price or (await exchange.tickers([market]))[market.symbol].last


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
