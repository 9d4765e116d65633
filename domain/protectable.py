"""Protectable: the check whether a market's rules allow a quantity to be protected."""

from __future__ import annotations

from decimal import Decimal

from domain.amounts import ZERO, plain, product
from domain.broker import StopStyle
from domain.market import Market
from domain.wish import Protection

BELOW_STOP = Decimal("0.995")
"""The limit of a stop-limit order, as a fraction of its trigger: up to half a percent may be lost to slippage."""


def too_small(
    quantity: Decimal, protection: Protection, market: Market, style: StopStyle = StopStyle.MARKET
) -> str | None:
    """Return the reason, with numbers, why the exchange would take no order that protects `quantity` (base).

    None when it would take one. A stop at a limit is valued at its limit, as exchanges do.
    """
    stop = protection.stop_loss and market.round_price(protection.stop_loss)
    lowest = limit_below(stop, market, style) or stop or protection.take_profit or ZERO
    worth = product(quantity, lowest)
    if not quantity or quantity < market.minimum_quantity:
        return f"{plain(quantity)} {market.base} is below the minimum of {plain(market.minimum_quantity)}"
    if worth < market.minimum_notional:
        return f"{plain(worth)} {market.quote} is below the minimum of {plain(market.minimum_notional)}"
    return None


def limit_below(stop: Decimal | None, market: Market, style: StopStyle) -> Decimal | None:
    """Return the limit of a stop, None when there is no stop or the broker's stops sell at the market."""
    return market.round_price(stop * BELOW_STOP) if stop is not None and style is StopStyle.LIMIT else None
