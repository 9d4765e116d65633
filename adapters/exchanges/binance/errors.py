"""Binance's errors: some are a definite refusal, some prove that nothing happened, some prove nothing."""

from __future__ import annotations

import msgspec

from adapters.exchanges.binance.native import NativeReplacement
from application.ports.errors import ExchangeError, NoAnswer, NotAccepted, OrderNotFound, RefusedByExchange

TOO_MANY_ORDERS = "too_many_orders"
"""The code when the account has used up its new orders in the running window."""
_NOT_CARRIED_OUT = {-1021: "clock_skewed", -1003: "rate_limited", -1015: TOO_MANY_ORDERS}
# -2021: one half of a cancel-replace was carried out, the other was not.
_SAYS_NOTHING = frozenset({-1000, -1001, -1006, -1007, -1008, -1016, -2021})
_TIMED_OUT = 408
HALF_DONE = frozenset({-2021, -2022})
"""Codes of a cancel-replace with one half carried out, or neither; the results of the halves tell which."""
_NOT_FOUND = frozenset({-2011, -2013})
_REASONS = {
    -1013: "filter_failed",
    -1022: "signature_refused",
    **dict.fromkeys(
        (-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1114, -1115, -1117, -1120, -1127, -1134, -1220, -2039),
        "parameter_refused",
    ),
    -1002: "key_refused",
    -1111: "precision_refused",
    -1116: "order_type_refused",
    -1121: "symbol_unknown",
    -2014: "key_refused",
    -2015: "key_refused",
    -2022: "cancel_refused",
    -2026: "order_archived",
    -2038: "amendment_refused",
}
_REASONS_BY_TEXT = (
    ("insufficient balance", "insufficient_funds"),
    ("Duplicate order", "client_order_id_taken"),
    ("immediately match", "would_take"),
    ("trigger immediately", "would_trigger"),
    ("Market is closed", "market_closed"),
    ("relationship of the prices", "would_trigger"),
    ("Filter failure: MAX_NUM_", "too_many_resting"),
    ("Filter failure: PERCENT_PRICE", "price_too_far"),
    ("Filter failure: MARKET_LOT_SIZE", "market_lot_exceeded"),
    ("Filter failure: NOTIONAL", "notional_refused"),
    ("Filter failure: MIN_NOTIONAL", "notional_refused"),
    ("not supported for this symbol", "order_type_refused"),
)


class HalfDone(NoAnswer):
    """A cancel-replace not carried out completely. A caller that cannot read its halves has to look up both orders."""

    def __init__(self, message: str, *, raw: str, halves: NativeReplacement) -> None:
        super().__init__(message, code="no_answer", raw=raw)
        self.halves = halves


class _Body(msgspec.Struct):
    code: int
    msg: str


_decoder = msgspec.json.Decoder(_Body)


def error_of(status: int, body: bytes) -> ExchangeError:
    """Return the error that an answer other than 200 stands for.

    A proxy's page or garbage proves nothing, except under status 418 or 429: then the request was not carried out.
    """
    raw = body.decode(errors="replace")
    try:
        told = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        if status in {418, 429}:
            return NotAccepted(f"HTTP {status}", code="rate_limited", raw=raw)
        return NoAnswer(f"HTTP {status}: {raw[:200]}", code="no_answer", raw=raw)
    return error_of_code(status, told.code, told.msg, raw)


def error_of_code(status: int, code: int, message: str, raw: str) -> ExchangeError:
    """Return the error that Binance's own code stands for, over REST or over the WebSocket API."""
    text = f"{code}: {message}"
    if code in _NOT_CARRIED_OUT or status in {418, 429}:
        return NotAccepted(text, code=_NOT_CARRIED_OUT.get(code, "rate_limited"), raw=raw)
    if status == _TIMED_OUT or status >= 500 or code in _SAYS_NOTHING:  # noqa: PLR2004 - HTTP
        return NoAnswer(text, code="no_answer", raw=raw)
    if code in _NOT_FOUND:
        return OrderNotFound(text, code="order_not_found", raw=raw)
    by_text = next((reason for words, reason in _REASONS_BY_TEXT if words in message), None)
    return RefusedByExchange(text, code=by_text or _REASONS.get(code, "refused_by_exchange"), raw=raw)
