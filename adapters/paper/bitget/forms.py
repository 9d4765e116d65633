"""The shapes of Bitget's answers about accounts and orders. Every value is a text unless Bitget says otherwise."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from adapters.paper.bitget.values import FIRST_ORDER
from adapters.paper.orders import Account, PaperOrder, PaperTrade
from adapters.paper.pairs import Pair
from adapters.paper.plans import Plan
from adapters.paper.rules import Rules
from domain.amounts import ZERO, plain

STATUSES = {"new": "live", "partly": "partially_filled", "filled": "filled"}
"""Bitget's words for the engine's states. Whatever else an order has ended as is `cancelled`."""
FORCES = {"GTC": "gtc", "IOC": "ioc", "FOK": "fok", "PO": "post_only"}
_PLAN_STATUSES = {"live": "live", "executed": "executed", "fail_execute": "fail_execute", "cancelled": "cancelled"}
_SHOWN = {"TRADING": "online", "BREAK": "offline", "END_OF_DAY": "offline"}
_CENTS = Decimal("0.00000001")


def native(pair: Pair) -> str:
    """Return Bitget's name of a market, such as `BTCUSDT`."""
    return pair.base + pair.quote


def order_id(number: int) -> str:
    """Return the id that Bitget gives: nineteen digits."""
    return str(FIRST_ORDER + number)


def amount(value: Decimal | None) -> str:
    """Return an amount as a text, zero for None."""
    return plain(ZERO if value is None else value)


def places(step: Decimal) -> str:
    """Return the number of decimals of a tick or step."""
    return str(max(-int(step.normalize().as_tuple().exponent), 0))


def symbol(pair: Pair, rules: Rules, least: Decimal) -> dict[str, Any]:
    """Return one row of public/symbols. `least` is the smallest amount of an order, in USDT."""
    return {
        "symbol": native(pair), "baseCoin": pair.base, "quoteCoin": pair.quote, "minTradeAmount": "0",
        "maxTradeAmount": "900000000000000000000", "takerFeeRate": "0.001", "makerFeeRate": "0.001",
        "pricePrecision": places(rules.tick), "quantityPrecision": places(rules.step), "quotePrecision": "8",
        "status": _SHOWN.get(rules.status, "halt"), "minTradeUSDT": amount(least),
        "buyLimitPriceRatio": _ratio(rules, "bidMultiplierUp"),
        "sellLimitPriceRatio": _ratio(rules, "askMultiplierDown"),
        "areaSymbol": "no", "orderQuantity": amount(rules.number("MAX_NUM_ORDERS", "maxNumOrders")), "openTime": "",
        "offTime": "",
    }  # fmt: skip


def _ratio(rules: Rules, name: str) -> str:
    """Return by how much a price may differ from the last one, as a fraction; zero without a bound."""
    multiple = rules.number("PERCENT_PRICE_BY_SIDE", name)
    return amount(abs(multiple - 1)) if multiple else "0"


def asset(account: Account, coin: str, now: int) -> dict[str, Any]:
    """Return one row of account/assets. `frozen` is what orders lock."""
    return {
        "coin": coin, "available": amount(account.free.get(coin)), "frozen": amount(account.locked.get(coin)),
        "locked": "0", "limitAvailable": "0", "uTime": str(now),
    }  # fmt: skip


# --- orders ----------------------------------------------------------------------------------------------------------


def size(order: PaperOrder) -> str:
    """Return the size as Bitget means it: a market buy is sized in the quote currency, everything else in base."""
    if (order.side, order.type) == ("buy", "market"):
        return amount(order.quote_quantity or order.cost)
    return amount(order.quantity)


def _common(order: PaperOrder) -> dict[str, Any]:
    return {
        "userId": str(order.account.number), "symbol": native(order.pair), "orderId": order_id(order.id),
        "clientOid": order.client_order_id,
    }  # fmt: skip


def average(order: PaperOrder) -> str:
    """Return the average price of an order's fills, zero before the first."""
    return amount((order.cost / order.filled).quantize(_CENTS) if order.filled else ZERO)


def status(order: PaperOrder) -> str:
    """Return Bitget's word for the state of an order.

    A market buy that has found too few coins for its cost is cancelled, with what it has bought.
    """
    left = order.quote_quantity - order.cost
    if order.status == "filled" and order.quote_quantity and left > 2 * order.pair.step * (order.cost / order.filled):
        return "cancelled"
    return STATUSES.get(order.status, "cancelled")


def cancel_reason(order: PaperOrder) -> str:
    """Return `normal_cancel` for an order that was cancelled by request, an empty text for one that found no match."""
    return "normal_cancel" if order.status == "cancelled" and not order.reason else ""


def order_info(order: PaperOrder) -> dict[str, Any]:
    """Return one row of orderInfo. The fees are JSON within a text."""
    return {
        **_common(order), "price": amount(order.price), "size": size(order), "orderType": order.type,
        "side": order.side, "status": status(order), "priceAvg": average(order), "baseVolume": amount(order.filled),
        "quoteVolume": amount(order.cost), "enterPointSource": "API", "feeDetail": fee_detail(order),
        "orderSource": "market" if order.type == "market" else "normal", "cancelReason": cancel_reason(order),
        "cTime": str(order.at), "uTime": str(order.updated),
    }  # fmt: skip


def past_order(order: PaperOrder) -> dict[str, Any]:
    """Return one row of history-orders."""
    return {**order_info(order), "tpslType": "normal", "triggerPrice": None}


def open_order(order: PaperOrder) -> dict[str, Any]:
    """Return one row of unfilled-orders: `priceAvg` is the order's price here, and `basePrice` that of its fills."""
    return {
        **_common(order), "priceAvg": amount(order.price), "size": size(order), "orderType": order.type,
        "side": order.side, "status": status(order), "basePrice": average(order), "baseVolume": amount(order.filled),
        "quoteVolume": amount(order.cost), "enterPointSource": "API",
        "orderSource": "market" if order.type == "market" else "normal",
        "presetTakeProfitPrice": "", "executeTakeProfitPrice": "", "presetStopLossPrice": "",
        "executeStopLossPrice": "", "cTime": str(order.at), "uTime": str(order.updated), "tpslType": "normal",
        "triggerPrice": None,
    }  # fmt: skip


def fee_detail(order: PaperOrder) -> str:
    """Return the fees of an order as Bitget tells them: numbers below zero, in JSON of its own; empty without any."""
    fees: dict[str, Decimal] = {}
    for trade in order.trades:
        fees[trade.fee_currency] = fees.get(trade.fee_currency, ZERO) + trade.fee
    if not fees:
        return ""
    received = sum(fees.values(), ZERO)
    whole = {"c": 0, "d": 0, "deduction": False, "r": -float(received), "t": -float(received), "totalDeductionFee": 0}
    of_coins = {
        coin: {"deduction": False, "feeCoinCode": coin, "totalDeductionFee": 0, "totalFee": -float(fee)}
        for coin, fee in fees.items()
    }
    return json.dumps({**of_coins, "newFees": whole})


def fill(trade: PaperTrade) -> dict[str, Any]:
    """Return one row of trade/fills. The fee is an object here."""
    order = trade.order
    return {
        "userId": str(order.account.number), "symbol": native(order.pair), "orderId": order_id(order.id),
        "tradeId": order_id(trade.id), "orderType": order.type, "side": order.side, "priceAvg": amount(trade.price),
        "size": amount(trade.quantity), "amount": amount(trade.quantity * trade.price),
        "feeDetail": {
            "deduction": "no", "feeCoin": trade.fee_currency, "totalDeductionFee": "", "totalFee": amount(-trade.fee),
        },
        "tradeScope": "maker" if trade.maker else "taker", "cTime": str(trade.at), "uTime": str(trade.at),
    }  # fmt: skip


# --- plans -----------------------------------------------------------------------------------------------------------


def plan(one: Plan) -> dict[str, Any]:
    """Return one row of current-plan-order and history-plan-order."""
    return {
        "orderId": order_id(one.id), "clientOid": one.client_order_id, "symbol": native(one.pair),
        "size": amount(one.quantity or one.cost), "executePrice": amount(one.price),
        "triggerPrice": amount(one.trigger),
        "status": _PLAN_STATUSES[one.status], "orderType": one.type, "side": one.side,
        "planType": "amount" if one.quantity else "total", "triggerType": "fill_price", "enterPointSource": "API",
        "uTime": str(one.updated), "cTime": str(one.at),
    }  # fmt: skip


def sub_order(order: PaperOrder) -> dict[str, Any]:
    """Return one row of plan-sub-order: the order that a plan became."""
    words = {"live": "in_progress", "partially_filled": "in_progress", "filled": "success", "cancelled": "cancelled"}
    return {
        "orderId": order_id(order.id), "price": amount(order.price), "type": order.type, "status": words[status(order)],
    }  # fmt: skip
