"""The paper exchange's orders and trades in Binance's format. As there, amounts are strings with eight decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from adapters.paper.orders import PaperList, PaperOrder, PaperTrade
from adapters.paper.pairs import Pair
from adapters.paper.rules import Rules, Value, rules_of
from domain.amounts import ZERO

STATUSES = {
    "new": "NEW",
    "partly": "PARTIALLY_FILLED",
    "filled": "FILLED",
    "cancelled": "CANCELED",
    "expired": "EXPIRED",
    "expired_in_match": "EXPIRED_IN_MATCH",
}
EXECUTIONS = {
    "new": "NEW",
    "triggered": "NEW",
    "trade": "TRADE",
    "amended": "REPLACED",
    "cancelled": "CANCELED",
    "expired": "EXPIRED",
    "expired_in_match": "TRADE_PREVENTION",
}
WEIGHT_PER_MINUTE, ORDERS_PER_TEN_SECONDS, ORDERS_PER_DAY = 6000, 100, 200_000
RATE_LIMITS: list[dict[str, Any]] = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT_PER_MINUTE},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": ORDERS_PER_TEN_SECONDS},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": ORDERS_PER_DAY},
    {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300000},
]
_TRAILING_DELTA = {
    "filterType": "TRAILING_DELTA", "minTrailingAboveDelta": 10, "maxTrailingAboveDelta": 2000,
    "minTrailingBelowDelta": 10, "maxTrailingBelowDelta": 2000,
}  # fmt: skip


def amount(value: Decimal) -> str:
    """Return an amount with eight decimals, never with an exponent."""
    return f"{value:.8f}"


def native(pair: Pair) -> str:
    """Return Binance's symbol of a pair, such as `BTCUSDT`."""
    return pair.base + pair.quote


def symbol(pair: Pair, rules: Rules | None = None) -> dict[str, Any]:
    """Return one symbol of exchangeInfo with every filter that the engine enforces."""
    rules = rules or rules_of(pair, "binance")
    return {
        "symbol": native(pair),
        "status": rules.status,
        "baseAsset": pair.base,
        "baseAssetPrecision": 8,
        "quoteAsset": pair.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": [*rules.order_types],
        "icebergAllowed": True,
        "ocoAllowed": rules.oco_allowed,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": rules.cancel_replace_allowed,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [*filters(rules), _TRAILING_DELTA],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }


def filters(rules: Rules) -> list[dict[str, Any]]:
    """Return the filters of a market as exchangeInfo lists them."""
    return [
        {"filterType": name, **{key: _shown(fields[key], key) for key in fields}}
        for name, fields in rules.filters.items()
    ]


def _shown(value: Value, key: str) -> Any:
    if not isinstance(value, Decimal):
        return value
    return f"{value.normalize():f}" if "Multiplier" in key else amount(value)


def _identity(order: PaperOrder) -> dict[str, Any]:
    return {
        "symbol": native(order.pair),
        "orderId": order.id,
        "orderListId": -1 if order.list_id is None else order.list_id,
        "clientOrderId": order.client_order_id,
    }


def native_type(order: PaperOrder) -> tuple[str, str]:
    """Return Binance's order type and time in force."""
    if order.type == "limit" and order.time_in_force == "PO":
        return "LIMIT_MAKER", "GTC"
    return order.type.upper(), order.time_in_force


def _state(order: PaperOrder) -> dict[str, Any]:
    kind, time_in_force = native_type(order)
    return {
        "price": amount(order.price or ZERO),
        "origQty": amount(order.quantity),
        "executedQty": amount(order.filled),
        "origQuoteOrderQty": amount(order.quote_quantity),
        "cummulativeQuoteQty": amount(order.cost),
        "status": STATUSES[order.status],
        "timeInForce": time_in_force,
        "type": kind,
        "side": order.side.upper(),
        "workingTime": order.at if order.triggered else -1,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        **({"stopPrice": amount(order.stop_price)} if order.stop_price is not None else {}),
        **({"trailingDelta": order.trailing, "trailingTime": order.at} if order.trailing is not None else {}),
        **({"icebergQty": amount(order.shown)} if order.shown is not None else {}),
        **({"expiryReason": order.reason} if order.status == "expired" else {}),
    }


def placed(order: PaperOrder, kind: str) -> dict[str, Any]:
    """Return the response to a placement: ACK, RESULT or FULL."""
    acknowledged = {**_identity(order), "transactTime": order.updated}
    if kind == "ACK":
        return acknowledged
    if kind == "RESULT":
        return {**acknowledged, **_state(order)}
    fills = [
        {"price": amount(t.price), "qty": amount(t.quantity), "commission": amount(t.fee), "commissionAsset": t.fee_currency, "tradeId": t.id}
        for t in order.trades
    ]  # fmt: skip
    return {**acknowledged, **_state(order), "fills": fills}


def queried(order: PaperOrder) -> dict[str, Any]:
    """Return the response to a query, which has no fills and no fees."""
    more = {
        "icebergQty": amount(order.shown or ZERO),
        "time": order.at,
        "updateTime": order.updated,
        "isWorking": order.triggered,
    }
    return {**_identity(order), "stopPrice": amount(ZERO), **_state(order), **more}


def cancelled(order: PaperOrder, cancel_id: str) -> dict[str, Any]:
    """Return the response to a cancel: `clientOrderId` is the cancel's own, `origClientOrderId` the order's."""
    mine = {"origClientOrderId": order.client_order_id, "clientOrderId": cancel_id, "transactTime": order.updated}
    return {**_identity(order), **mine, **_state(order)}


def amended(order: PaperOrder, before: str) -> dict[str, Any]:
    """Return the response to an amendment; `before` is the client id that the order had until then."""
    kind, time_in_force = native_type(order)
    return {
        "transactTime": order.updated,
        "executionId": order.id * 10 + len(order.trades),
        "amendedOrder": {
            **_identity(order), "origClientOrderId": before, "price": amount(order.price or ZERO),
            "qty": amount(order.quantity), "executedQty": amount(order.filled), "preventedQty": amount(ZERO),
            "quoteOrderQty": amount(ZERO), "cumulativeQuoteQty": amount(order.cost), "status": STATUSES[order.status],
            "timeInForce": time_in_force, "type": kind, "side": order.side.upper(),
            "workingTime": order.at if order.triggered else -1, "selfTradePreventionMode": "EXPIRE_MAKER",
        },
    }  # fmt: skip


def order_list(made: PaperList, *, reports: bool = False, cancel_ids: dict[int, str] | None = None) -> dict[str, Any]:
    """Return a list with its legs; `reports` adds each leg's state, as in the response to a change."""
    legs = made.legs
    told = {
        "orderListId": made.id,
        "contingencyType": "OCO",
        "listStatusType": "EXEC_STARTED" if made.rests else "ALL_DONE",
        "listOrderStatus": "EXECUTING" if made.rests else "ALL_DONE",
        "listClientOrderId": made.client_id,
        "transactionTime": max(leg.updated for leg in legs),
        "symbol": native(legs[0].pair),
        "orders": [
            {"symbol": native(leg.pair), "orderId": leg.id, "clientOrderId": leg.client_order_id} for leg in legs
        ],
    }
    if reports and cancel_ids is not None:
        return told | {"orderReports": [cancelled(leg, cancel_ids.get(leg.id, "")) for leg in legs]}
    return told | ({"orderReports": [placed(leg, "RESULT") for leg in legs]} if reports else {})


def list_status(made: PaperList, now: int) -> dict[str, Any]:
    """Return a listStatus event of the private stream."""
    legs = [{"s": native(leg.pair), "i": leg.id, "c": leg.client_order_id} for leg in made.legs]
    words = ("EXEC_STARTED", "EXECUTING") if made.rests else ("ALL_DONE", "ALL_DONE")
    return {
        "e": "listStatus", "E": now, "s": native(made.legs[0].pair), "g": made.id, "c": "OCO", "l": words[0],
        "L": words[1], "r": "NONE", "C": made.client_id, "T": now, "O": legs,
    }  # fmt: skip


def trade(t: PaperTrade) -> dict[str, Any]:
    """Return one row of myTrades."""
    return {
        "symbol": native(t.order.pair),
        "id": t.id,
        "orderId": t.order.id,
        "orderListId": -1 if t.order.list_id is None else t.order.list_id,
        "price": amount(t.price),
        "qty": amount(t.quantity),
        "quoteQty": amount(t.quantity * t.price),
        "commission": amount(t.fee),
        "commissionAsset": t.fee_currency,
        "time": t.at,
        "isBuyer": t.order.side == "buy",
        "isMaker": t.maker,
        "isBestMatch": True,
    }


def execution(what: str, order: PaperOrder, t: PaperTrade | None, cancel_id: str, now: int) -> dict[str, Any]:
    """Return an executionReport event of the private stream."""
    kind, time_in_force = native_type(order)
    cancelled_by_user = what == "cancelled"
    return {
        "e": "executionReport", "E": now, "s": native(order.pair),
        "c": cancel_id if cancelled_by_user else order.client_order_id,
        "S": order.side.upper(), "o": kind, "f": time_in_force, "q": amount(order.quantity),
        "p": amount(order.price or ZERO), "P": amount(order.stop_price or ZERO), "F": amount(order.shown or ZERO),
        "g": -1 if order.list_id is None else order.list_id, "C": order.client_order_id if cancelled_by_user else "",
        "x": EXECUTIONS[what],
        "X": STATUSES[order.status], "r": "NONE", "i": order.id,
        "l": amount(t.quantity if t else ZERO), "z": amount(order.filled),
        "L": amount(t.price if t else ZERO), "n": amount(t.fee if t else ZERO),
        "N": t.fee_currency if t else None, "T": t.at if t else order.updated, "t": t.id if t else -1,
        "I": order.id * 10 + len(order.trades), "w": order.rests and order.triggered, "m": bool(t and t.maker), "M": False, "O": order.at,
        "Z": amount(order.cost), "Y": amount(t.quantity * t.price if t else ZERO),
        "Q": amount(order.quote_quantity), "W": order.at, "V": "EXPIRE_MAKER",
        **({"d": order.trailing} if order.trailing is not None else {}),
        **({"eR": order.reason} if what == "expired" else {}),
    }  # fmt: skip
