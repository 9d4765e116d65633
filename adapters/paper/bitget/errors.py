"""Bitget's errors: a code, a text, and the HTTP status that comes with them."""

from __future__ import annotations

from typing import Any

from adapters.paper.orders import Refused

BAD_REQUEST, TOO_MANY = 400, 429


class Error(Exception):
    """One answer that is no success. Almost all have the HTTP status 400."""

    def __init__(self, code: str, text: str, status: int = BAD_REQUEST) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.status = status

    def told(self, now: int) -> dict[str, Any]:
        """Return the body."""
        return {"code": self.code, "msg": self.text, "requestTime": now, "data": None}


NOT_FOUND = ("43001", "The order does not exist")
_SAID = {
    "insufficient_funds": ("43012", "Insufficient balance"),
    "duplicate": ("43118", "clientOrderId duplicate"),
    "unknown_order": NOT_FOUND,
    "cancel_closed": ("43115", "The current trading pair is opening soon, please try again later"),
    "market_closed": ("43115", "The current trading pair is opening soon, please try again later"),
    "type_not_allowed": ("43011", "The parameter does not meet the specification orderType"),
}
_FILTERS = {
    "PRICE_FILTER": ("40808", "Parameter verification exception price checkBDScale error"),
    "LOT_SIZE": ("40808", "Parameter verification exception size checkBDScale error"),
    "MARKET_LOT_SIZE": ("40808", "Parameter verification exception size checkBDScale error"),
    "NOTIONAL": ("45110", "less than the minimum amount {minimum} USDT"),
    "MAX_NUM_ORDERS": ("43005", "Exceed the maximum number of orders"),
    "MAX_NUM_ALGO_ORDERS": ("43128", "Exceed the maximum number of orders"),
}
_TOO_HIGH, _TOO_LOW = ("43008", "The current order price cannot be higher than the limit"), (
    "43009", "The current order price cannot be lower than the limit",
)  # fmt: skip


def error_of(refused: Refused, *, side: str = "", minimum: str = "") -> Error:
    """Return Bitget's error for a refusal of the engine.

    The `side` tells a price that is too high from one that is too low; `minimum` is the market's smallest amount.
    """
    if refused.reason != "filter":
        return Error(*_SAID[refused.reason])
    if refused.detail == "PERCENT_PRICE_BY_SIDE":
        return Error(*(_TOO_HIGH if side == "buy" else _TOO_LOW))
    code, text = _FILTERS[refused.detail]
    return Error(code, text.format(minimum=minimum))


def missing(name: str) -> Error:
    """Return the error for a parameter that is not there."""
    return Error("40019", f"Parameter {name} cannot be empty")


def invalid(name: str) -> Error:
    """Return the error for a parameter that cannot be read."""
    return Error("40017", f"Parameter verification failed {name}")


def no_symbol(symbol: str) -> Error:
    """Return the error for a market that does not exist."""
    return Error("40034", f"Parameter {symbol} does not exist")
