"""Bitget's errors: some are a definite refusal, some prove that nothing happened, some prove nothing.

The codes are those of bitget.com/api-doc/spot/error-code/restapi. Almost all come with HTTP 400.
"""

from __future__ import annotations

import msgspec

from application.ports.errors import ExchangeError, NoAnswer, NotAccepted, OrderNotFound, RefusedByExchange

SUCCESS = "00000"
_NOT_CARRIED_OUT = {
    **dict.fromkeys(("40008", "40005", "40078"), "clock_skewed"),
    **dict.fromkeys(("429", "45129", "25004", "70228"), "rate_limited"),
}
_SAYS_NOTHING = frozenset({
    "40010", "40725", "45001", "40015", "40200", "40910", "25001", "25000", "50031", "80002", "40908", "25003", "43059",
    "45023", "49040", "40604", "50008",
})  # fmt: skip
"""Codes after which the request may have been carried out all the same: time-outs, system errors, a release."""
_REFUSING = frozenset({200, *range(400, 500)}) - {408}
"""The HTTP statuses under which a code refuses. Any other status proves nothing, whatever the code."""
_NOT_FOUND = frozenset({
    "43001", "40109", "31007", "43004", "40768", "45057", "43033", "43020", "43025", "80011", "40819", "25204",
    "43026", "22001", "45031", "45055", "50062",
})  # fmt: skip
_REASONS = {
    **dict.fromkeys(("43012", "40754", "45002", "25202"), "insufficient_funds"),
    **dict.fromkeys(("43118", "40786", "45034", "50060", "25212"), "client_order_id_taken"),
    **dict.fromkeys(("40034", "40102", "42016", "25100"), "symbol_unknown"),
    **dict.fromkeys(("40808",), "precision_refused"),
    **dict.fromkeys(("45110", "43027", "43010", "43006", "22034", "25207", "25208"), "notional_refused"),
    **dict.fromkeys(("43008", "43009", "45035", "45115", "25244"), "price_too_far"),
    **dict.fromkeys(("43005", "43128", "25211"), "too_many_resting"),
    **dict.fromkeys(("43115", "45043", "41114", "50027"), "market_closed"),
    **dict.fromkeys(
        ("40019", "40020", "40017", "43011", "00171", "00172", "40304", "40305", "40079"), "parameter_refused"
    ),
    **dict.fromkeys(("40009", "40003", "40002"), "signature_refused"),
    **dict.fromkeys(("40006", "40037", "40012", "40036", "40014", "40018", "40038", "40001", "40011"), "key_refused"),
    "40099": "environment_refused",
    "40085": "account_unified",
    "40084": "account_classic",
}


class _Body(msgspec.Struct):
    code: str
    msg: str = ""
    message: str = ""


_decoder = msgspec.json.Decoder(_Body, strict=False)


def error_of(status: int, body: bytes) -> ExchangeError:
    """Return the error that an answer without success stands for.

    A proxy's page or garbage proves nothing, except under status 429: then the request was not carried out.
    """
    raw = body.decode(errors="replace")
    try:
        told = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        if status == 429:  # noqa: PLR2004 - HTTP
            return NotAccepted(f"HTTP {status}", code="rate_limited", raw=raw)
        return NoAnswer(f"HTTP {status}: {raw[:200]}", code="no_answer", raw=raw)
    return error_of_code(status, told.code, told.msg or told.message, raw)


def error_of_code(status: int, code: str, message: str, raw: str) -> ExchangeError:
    """Return the error that Bitget's own code stands for."""
    text = f"{code}: {message}"
    if code in _NOT_CARRIED_OUT or status == 429:  # noqa: PLR2004 - HTTP
        return NotAccepted(text, code=_NOT_CARRIED_OUT.get(code, "rate_limited"), raw=raw)
    if status not in _REFUSING or code in _SAYS_NOTHING or code == SUCCESS:
        return NoAnswer(text, code="no_answer", raw=raw)
    if code in _NOT_FOUND:
        return OrderNotFound(text, code="order_not_found", raw=raw)
    return RefusedByExchange(text, code=_REASONS.get(code, "refused_by_exchange"), raw=raw)
