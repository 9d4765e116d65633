"""Sizing a wish at the moment of sending, from the live balance and the newest price."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from application.lane.sale import Sale
from application.orders.account import Account
from application.orders.orders import Orders
from application.ports.statements import Balance
from application.protection.resting import locked_in
from application.trading.positions import UNHINDERED
from application.trading.sizing import Held, Sized, fitted, sized
from domain.amounts import ZERO
from domain.market import Market
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import TRIGGERED, Side, Wish
from domain.trading.valuation import Price, Prices, equity, needed


class SpendingUnknown(Exception):
    """The most that an order in doubt may have spent is unknown, so nothing can be sized from the balance yet."""


async def size(order: Order, market: Market, orders: Orders, sale: Sale) -> Sized:
    """Size, round and check an order, from the free balance less what orders in doubt may have spent.

    The coins that the legs of the `sale` lock, which it takes off, count as free. Raises `Invalid` when it cannot be
    sent, `SpendingUnknown` when that cannot be told yet, and an `ExchangeError` when the balance or the price is not
    available.
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
    there = max((balance.free if balance else ZERO) - _promised(sale, market, balance, orders), ZERO)
    unlocked, free = (max(there + more - doubtful, ZERO) for more in (ZERO, _locked(sale, balance, account)))
    held = None
    if wish.holding is not None:
        held = Held(await _worth_of(balances, market, last, account, urgent=urgent), sale.start)
    fit = sized(order, market, free, sale.held, last, held)
    return replace(fit, request=fitted(fit.request, account.exchange.capabilities), unlocked=unlocked)


def _promised(sale: Sale, market: Market, balance: Balance | None, orders: Orders) -> Decimal:
    """Return the quantity (base) of free coins for which stops wait that the sale does not take off.

    Where a stop does not lock its coins, they are shown as free, and are another position's all the same. Whether it
    does is told by what is locked beyond the orders that rest in the book.
    """
    capabilities, spends_base = orders.account.exchange.capabilities, balance and balance.currency == market.base
    if capabilities.triggers_lock or balance is None or not spends_base:
        return ZERO
    sells = [o for o in orders.live.values() if o.wish.side is Side.SELL and o.status is Status.OPEN]
    sells = [order for order in sells if order.wish.symbol.startswith(f"{market.base}/")]
    waiting = [order for order in sells if order.wish.type in TRIGGERED]
    in_book = locked_in([order for order in sells if order.wish.type not in TRIGGERED])
    free = max(locked_in(waiting) - max(balance.locked - in_book, ZERO), ZERO)
    own = {leg.id for leg in sale.legs}
    return min(locked_in([order for order in waiting if order.id not in own]), free)


def _locked(sale: Sale, balance: Balance | None, account: Account) -> Decimal:
    """Return the quantity (base) that the legs of a sale lock.

    Where it is not known whether a trigger locks its coins, no more than the account shows as locked.
    """
    locked = locked_in(sale.legs)
    if account.exchange.capabilities.triggers_lock:
        return locked
    return min(locked, balance.locked) if balance else ZERO


async def _worth_of(
    balances: Mapping[str, Balance], market: Market, price: Decimal, account: Account, *, urgent: bool
) -> Decimal:
    """Return what an account holds (in the quote currency of a market) when an order of this price trades there.

    Other coins count at their newest prices, what no market prices as nothing. Raises an `ExchangeError` when the
    prices are not available.
    """
    currency = market.quote
    amounts = {name: balance.free + balance.locked for name, balance in balances.items()}
    coins = frozenset(name for name, amount in amounts.items() if amount)
    symbols = needed(coins, frozenset(account.markets), currency)
    asked = [account.markets[symbol] for symbol in sorted(symbols - {market.symbol})]
    account.check_question(urgent=urgent)
    tickers = await account.exchange.tickers(asked, urgent=urgent) if asked else {}
    prices = {symbol: Price(one.last, 0.0) for symbol, one in tickers.items()} | {market.symbol: Price(price, 0.0)}
    return equity(amounts, Prices(prices), currency).worth


async def _price_of(wish: Wish, market: Market, account: Account, *, urgent: bool) -> Decimal:
    """Return the price at which the order is checked: its own, or else the market's newest, which sizes nothing."""
    return wish.price or wish.stop_price or (await account.price(market, urgent=urgent)).last
