"""The filters of a market, checked on new orders. A refusal names its filter as Binance does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from adapters.paper.orders import PaperOrder, Refused
from adapters.paper.rules import Rules

_ALGO = ("stop_loss", "take_profit")


def check(order: PaperOrder, rules: Rules, last: Decimal) -> None:
    """Check the prices and the quantity of an order. Raises `Refused` when a filter fails."""
    for price in (order.price, order.stop_price):
        if price is not None and (price <= 0 or not _fits(price, rules, "PRICE_FILTER", "Price", "tickSize")):
            raise _failed("PRICE_FILTER")
    if order.quantity <= 0 or not _fits(order.quantity, rules, "LOT_SIZE", "Qty", "stepSize"):
        raise _failed("LOT_SIZE")
    # Users report that Binance also checks a trigger that becomes a market order against the market lot size.
    if order.price is None and not _fits(order.quantity, rules, "MARKET_LOT_SIZE", "Qty", "stepSize"):
        raise _failed("MARKET_LOT_SIZE")
    if order.shown is not None:
        if not 0 < order.shown <= order.quantity or not _fits(order.shown, rules, "LOT_SIZE", "Qty", "stepSize"):
            raise _failed("LOT_SIZE")
        _check_number("ICEBERG_PARTS", "limit", math.ceil(order.quantity / order.shown), rules)
    _check_notional(order, rules, last)
    _check_distance(order, rules, last)


def check_room(orders: Sequence[PaperOrder], resting: Sequence[PaperOrder], rules: Rules) -> None:
    """Check the number of orders that an account has on one market. Raises `Refused` when it exceeds a filter.

    `orders` are the new ones, several for a list; `resting` are those that rest there already.
    """
    _check_number("MAX_NUM_ORDERS", "maxNumOrders", len(resting) + len(orders), rules)
    algo = [order for order in (*resting, *orders) if order.type.startswith(_ALGO) and not order.triggered]
    if any(order in algo for order in orders):
        _check_number("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", len(algo), rules)
    if len(orders) > 1:
        lists = {order.list_id for order in resting if order.list_id is not None}
        _check_number("MAX_NUM_ORDER_LISTS", "maxNumOrderLists", len(lists) + 1, rules)


def _fits(value: Decimal, rules: Rules, name: str, suffix: str, step_name: str) -> bool:
    least, most, step = (rules.number(name, part) for part in (f"min{suffix}", f"max{suffix}", step_name))
    return value >= least and not (most and value > most) and not (step and value % step)


def _check_notional(order: PaperOrder, rules: Rules, last: Decimal) -> None:
    at_market = order.type == "market"
    notional = order.quantity * (order.price or order.stop_price or last)
    flags = rules.filters.get("NOTIONAL", {})
    least, most = (rules.number("NOTIONAL", part) for part in ("minNotional", "maxNotional"))
    too_small = notional < least and not (at_market and not flags.get("applyMinToMarket"))
    too_large = most and notional > most and not (at_market and not flags.get("applyMaxToMarket"))
    if too_small or too_large:
        raise _failed("NOTIONAL")


def _check_distance(order: PaperOrder, rules: Rules, last: Decimal) -> None:
    if order.price is None:
        return
    side = "bid" if order.side == "buy" else "ask"
    up, down = (rules.number("PERCENT_PRICE_BY_SIDE", f"{side}Multiplier{way}") for way in ("Up", "Down"))
    if (up and order.price > last * up) or order.price < last * down:
        raise _failed("PERCENT_PRICE_BY_SIDE")


def _check_number(name: str, field_name: str, number: int, rules: Rules) -> None:
    if name in rules.filters and number > rules.number(name, field_name):
        raise _failed(name)


def _failed(name: str) -> Refused:
    return Refused("filter", name)
