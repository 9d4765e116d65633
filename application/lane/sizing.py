"""Sizing a wish at the moment of sending, from the live balance and the newest price."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from application.orders.account import Account
from application.orders.orders import Orders
from application.trading.positions import UNHINDERED
from application.trading.sizing import Sized, sized
from domain.amounts import ZERO
from domain.market import Market
from domain.orders.order import Order
from domain.orders.wish import Side, Wish


class SpendingUnknown(Exception):
    """The most that an order in doubt may have spent is unknown, so nothing can be sized from the balance yet."""


async def size(
    order: Order, market: Market, orders: Orders, held: Decimal | None = None, locked: Decimal = ZERO
) -> Sized:
    """Size, round and check an order, from the free balance less what orders in doubt may have spent.

    `held` is as for `sized`. `locked` is the quantity (base) under the position's own legs, which the sale takes off.
    Raises `Invalid` when the order cannot be sent, `SpendingUnknown` when that cannot be told yet, and an
    `ExchangeError` when the balance or the price is not available.
    """
    wish, account = order.wish, orders.account
    urgent = wish.side is Side.SELL  # without an answer nothing could be sold
    account.check_question(urgent=urgent)
    balances, last = await asyncio.gather(
        account.exchange.balances(account.credentials, urgent=urgent), _price_of(wish, market, account, urgent=urgent)
    )
    currency = market.spends(wish.side)
    # For an insisted exit or protection the exchange decides: it locks the coins of whatever rests there.
    certain = wish.side is Side.SELL and order.requester in UNHINDERED
    balance, doubtful = balances.get(currency), ZERO if certain else orders.doubts.spent(currency)
    if doubtful is None:
        raise SpendingUnknown
    free = max((balance.free if balance else ZERO) + locked - doubtful, ZERO)
    return sized(order, market, free, held, last)


async def _price_of(wish: Wish, market: Market, account: Account, *, urgent: bool) -> Decimal:
    """Return the price at which the order is checked: its own, or else the market's newest, which sizes nothing."""
    return wish.price or wish.stop_price or (await account.price(market, urgent=urgent)).last
