"""The platform's requests as Binance's parameters."""

from __future__ import annotations

from application.ports.errors import RefusedByExchange
from application.ports.statements import ExchangeId, ListRequest, OrderName, OrderRequest
from domain.orders.wish import PRICED, Side, TimeInForce, Type

NATIVE = {
    Type.MARKET: "MARKET",
    Type.LIMIT: "LIMIT",
    Type.STOP_LOSS: "STOP_LOSS",
    Type.STOP_LOSS_LIMIT: "STOP_LOSS_LIMIT",
    Type.TAKE_PROFIT: "TAKE_PROFIT",
    Type.TAKE_PROFIT_LIMIT: "TAKE_PROFIT_LIMIT",
}


TYPES = {**{native: kind for kind, native in NATIVE.items()}, "LIMIT_MAKER": Type.LIMIT}
"""Binance's order types in the platform's words."""
_OWN = frozenset({
    "symbol", "side", "type", "timeinforce", "quantity", "quoteorderqty", "price", "newclientorderid",
    "stopprice", "trailingdelta", "icebergqty", "neworderresptype", "cancelreplacemode", "cancelorderid",
    "cancelorigclientorderid", "cancelnewclientorderid", "cancelrestrictions", "orderratelimitexceededmode",
    "pegpricetype", "pegoffsettype", "pegoffsetvalue",
    "recvwindow", "timestamp", "signature", "apikey",
})  # fmt: skip
"""The parameters that the platform sets itself, in small letters."""


def of_order(request: OrderRequest) -> dict[str, object]:
    """Return the parameters of one order. Raises `RefusedByExchange` for one that Binance cannot express."""
    named: dict[str, object] = {
        "symbol": request.market.native,
        "side": request.side.upper(),
        "type": _type(request),
        "newClientOrderId": request.client_order_id,
        "newOrderRespType": "FULL",
        **request.extras("Binance", _OWN),
    }
    if request.type is Type.MARKET and request.cost is not None:
        return {**named, "quoteOrderQty": f"{request.cost:f}"}
    if request.quantity is None:
        raise RefusedByExchange(f"Binance takes a {request.type} order by quantity", code="size_ambiguous")
    named["quantity"] = f"{request.quantity:f}"
    return {**named, **_conditions(request)}


def of_name(name: OrderName) -> dict[str, object]:
    """Return the parameter that names an order."""
    return {"orderId": name.value} if isinstance(name, ExchangeId) else {"origClientOrderId": name}


def of_replaced(name: OrderName) -> dict[str, object]:
    """Return the parameter that names the order to be replaced."""
    return {"cancelOrderId": name.value} if isinstance(name, ExchangeId) else {"cancelOrigClientOrderId": name}


def of_list(request: ListRequest) -> dict[str, object]:
    """Return the parameters of an OCO. Raises `RefusedByExchange` when it cannot be expressed.

    On a sell the target lies above the market and the stop below it, on a buy the other way round.
    """
    stop, target = request.stop, request.target
    if stop.quantity is None or stop.quantity != target.quantity:
        raise RefusedByExchange("both orders of a list have one quantity", code="size_ambiguous")
    above, below = (target, stop) if stop.side is Side.SELL else (stop, target)
    return {
        "symbol": stop.market.native,
        "side": stop.side.upper(),
        "quantity": f"{stop.quantity:f}",
        "listClientOrderId": request.list_id,
        "newOrderRespType": "FULL",
        **_leg("above", above),
        **_leg("below", below),
    }


def _leg(prefix: str, leg: OrderRequest) -> dict[str, object]:
    named = {"type": _type(leg), "clientOrderId": leg.client_order_id, **_conditions(leg)}
    return {prefix + name[0].upper() + name[1:]: value for name, value in named.items()}


def _type(request: OrderRequest) -> str:
    return "LIMIT_MAKER" if request.time_in_force is TimeInForce.PO else NATIVE[request.type]


def _conditions(request: OrderRequest) -> dict[str, object]:
    """Return price, trigger, trailing distance and time in force, as far as the order type takes them."""
    named: dict[str, object] = {}
    if request.type in PRICED:
        if request.price is None:
            raise RefusedByExchange(f"a {request.type} order needs a price", code="price_missing")
        named["price"] = f"{request.price:f}"
        if request.time_in_force is not TimeInForce.PO:
            named["timeInForce"] = (request.time_in_force or TimeInForce.GTC).value
    if request.stop_price is not None:
        named["stopPrice"] = f"{request.stop_price:f}"
    if request.trailing is not None:
        named["trailingDelta"] = request.trailing
    if request.terms is not None and request.terms.iceberg_qty is not None:
        named["icebergQty"] = f"{request.terms.iceberg_qty:f}"
    return named
