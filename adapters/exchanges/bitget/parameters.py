"""The platform's requests as Bitget's parameters (bitget.com/api-doc/spot/trade and spot/plan)."""

from __future__ import annotations

from application.ports.errors import RefusedByExchange
from application.ports.statements import ExchangeId, OrderName, OrderRequest
from domain.orders.wish import TRIGGERED, Side, TimeInForce, Type

FORCES = {
    TimeInForce.GTC: "gtc",
    TimeInForce.IOC: "ioc",
    TimeInForce.FOK: "fok",
    TimeInForce.PO: "post_only",
}
_OWN = frozenset({
    "symbol", "side", "ordertype", "force", "price", "size", "clientoid", "triggerprice", "triggertype",
    "plantype", "executeprice", "tpsltype", "requesttime", "receivewindow",
})  # fmt: skip
"""The parameters that the platform sets itself, in small letters."""


def of_order(request: OrderRequest) -> dict[str, str]:
    """Return the parameters of one spot order.

    Raises `RefusedByExchange`, naming exchange and parameter, for one that Bitget cannot express: a market buy is sized
    in the quote currency there, everything else in base.
    """
    if request.type not in {Type.MARKET, Type.LIMIT}:
        raise RefusedByExchange(f"Bitget: type {request.type} is no spot order", code="order_type_not_offered")
    if request.stop_price is not None or request.trailing is not None:
        raise RefusedByExchange("Bitget: stop_price is no parameter of a spot order", code="trigger_not_taken")
    named = {
        "symbol": request.market.native,
        "side": request.side.value,
        "orderType": request.type.value,
        "clientOid": request.client_order_id,
        "size": _size(request),
        **request.extras("Bitget", _OWN),
    }
    if request.type is Type.MARKET:
        return named
    if request.price is None:
        raise RefusedByExchange("Bitget: price is missing of a limit order", code="price_missing")
    force = FORCES[request.time_in_force or TimeInForce.GTC]
    return {**named, "price": f"{request.price:f}", "force": force}


def of_plan(request: OrderRequest) -> dict[str, str]:
    """Return the parameters of one plan order, whose trigger is compared with the prices of trades.

    Raises `RefusedByExchange`, naming exchange and parameter, for one that Bitget cannot express.
    """
    if request.trailing is not None:
        raise RefusedByExchange("Bitget: trailing is no parameter of a plan order", code="trailing_not_offered")
    if request.type not in TRIGGERED or request.stop_price is None:
        raise RefusedByExchange(f"Bitget: stop_price is missing of a {request.type} order", code="trigger_missing")
    if request.time_in_force not in {None, TimeInForce.GTC}:
        raise RefusedByExchange(
            f"Bitget: time_in_force {request.time_in_force} is not offered for plan orders",
            code="time_in_force_not_offered",
        )
    named = {
        "symbol": request.market.native,
        "side": request.side.value,
        "triggerPrice": f"{request.stop_price:f}",
        "triggerType": "fill_price",
        "orderType": "market" if request.price is None else "limit",
        "planType": "amount" if request.cost is None else "total",
        "size": f"{request.cost if request.quantity is None else request.quantity:f}",
        "clientOid": request.client_order_id,
        **request.extras("Bitget", _OWN),
    }
    return named if request.price is None else {**named, "executePrice": f"{request.price:f}"}


def _size(request: OrderRequest) -> str:
    by_cost = (request.side, request.type) == (Side.BUY, Type.MARKET)
    size = request.cost if by_cost else request.quantity
    if size is None:
        unit = "cost" if by_cost else "quantity"
        raise RefusedByExchange(f"Bitget: {unit} is the size of a {request.type} {request.side}", code="size_ambiguous")
    return f"{size:f}"


def of_name(name: OrderName) -> dict[str, str]:
    """Return the parameter that names an order. A client id finds it for two hours only."""
    return {"orderId": name.value} if isinstance(name, ExchangeId) else {"clientOid": name}
