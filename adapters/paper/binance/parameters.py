"""The parsing and checking of request parameters, with Binance's error for each that is missing or malformed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from adapters.paper.ledger import pair_of_native
from adapters.paper.pairs import Pair

Parameters = dict[str, str]

DAY = 86_400_000
LONGEST_WINDOW = 60_000
LONGEST_LIST = 1000
CLIENT_ID = "^[a-zA-Z0-9-_]{1,36}$"
_SYMBOL = r"^[\w\-._&&[^a-z]]{1,50}$"
_DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_WHOLE = "^[0-9]{1,20}$"
_LETTERS = r'"[\w\-._&&[^a-z]]{1,50}"'
_SYMBOLS = rf"^\[({_LETTERS}(,{_LETTERS}){{0,}}){{0,1}}\]$"
_PLACES = 8
_LOWEST_STRATEGY = 1_000_000


class Error(Exception):
    """An error response of Binance."""

    def __init__(self, code: int, message: str, status: int = 400, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.data = code, message, status, data

    @property
    def told(self) -> dict[str, Any]:
        """The body of the response."""
        return {"code": self.code, "msg": self.message, **({} if self.data is None else {"data": self.data})}


def missing(name: str) -> Error:
    """Return the error for a missing mandatory parameter."""
    return Error(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def both_missing(first: str, second: str) -> Error:
    """Return the error for two missing parameters when one of them is mandatory."""
    return Error(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def empty(name: str) -> Error:
    """Return the error for a parameter that was sent without a value."""
    return Error(-1105, f"Parameter '{name}' was empty.")


def illegal(name: str, legal: str) -> Error:
    """Return the error for characters that the parameter may not have."""
    return Error(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def unasked(name: str) -> Error:
    """Return the error for a parameter that does not go with the others."""
    return Error(-1106, f"Parameter '{name}' sent when not required.")


def bad_combination() -> Error:
    """Return the error for optional parameters that exclude each other."""
    return Error(-1128, "Combination of optional parameters invalid.")


def pair_in(p: Parameters, name: str = "symbol") -> Pair:
    """Read the market. Its symbol is in capitals and may have letters of any script."""
    native = p.get(name)
    if not native:
        raise missing(name)
    if not re.fullmatch(r"[\w\-.]{1,50}", native) or re.search("[a-z]", native):
        raise illegal(name, _SYMBOL)
    pair = pair_of_native(native)
    if pair is None:
        raise Error(-1121, "Invalid symbol.")
    return pair


def pairs_in(p: Parameters) -> list[Pair] | None:
    """Read the markets of `symbol` or of the JSON list `symbols`. Return None when neither is sent."""
    if "symbol" in p and "symbols" in p:
        raise bad_combination()
    if "symbol" in p:
        return [pair_in(p)]
    if "symbols" not in p:
        return None
    try:
        names = msgspec.json.decode(p["symbols"], type=list[str])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise illegal("symbols", _SYMBOLS) from None
    if not names:
        raise empty("symbols")
    if len(set(names)) < len(names):
        raise Error(-1151, "Symbol is present multiple times in the list.")
    try:
        return [pair_in({"symbol": native}) for native in names]
    except Error as error:
        raise (illegal("symbols", _SYMBOLS) if error.code in {-1100, -1102} else error) from None


def decimal_in(p: Parameters, name: str) -> Decimal | None:
    """Read an amount above zero with at most eight decimals. Return None when it is not sent."""
    if name not in p:
        return None
    if not p[name]:
        raise empty(name)
    if not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,20})?", p[name], re.ASCII):
        raise illegal(name, _DECIMAL)
    value = Decimal(p[name])
    if not value:
        raise Error(-1013, f"Invalid {name}.")
    if -int(value.normalize().as_tuple().exponent) > _PLACES:
        raise Error(-1111, f"Parameter '{name}' has too much precision.")
    return value


def whole_in(p: Parameters, name: str) -> int | None:
    """Read a whole number. Return None when it is not sent."""
    if name not in p:
        return None
    if not p[name]:
        raise empty(name)
    if not re.fullmatch("[0-9]{1,20}", p[name], re.ASCII):
        raise illegal(name, _WHOLE)
    return int(p[name])


def limit_in(p: Parameters, usual: int = 500, most: int = LONGEST_LIST) -> int:
    """Read the number of rows to return. Like Binance, cap it at the maximum."""
    limit = whole_in(p, "limit")
    if limit == 0:
        raise Error(-1130, "Data sent for parameter 'limit' is not valid.")
    return usual if limit is None else min(limit, most)


def moment_in(p: Parameters, name: str) -> int | None:
    """Read a time, sent in milliseconds or microseconds, and return it in milliseconds."""
    moment = whole_in(p, name)
    return moment // 1000 if moment is not None and moment > 10**14 else moment


def range_in(p: Parameters, longest: int | None = DAY) -> tuple[int | None, int | None]:
    """Read startTime and endTime, which may lie at most `longest` milliseconds apart."""
    start, end = moment_in(p, "startTime"), moment_in(p, "endTime")
    if longest is not None and start is not None and end is not None and end - start > longest:
        raise Error(-1127, f"More than {longest // 3_600_000} hours between startTime and endTime.")
    return start, end


def word_in(p: Parameters, name: str, words: Iterable[str], error: Error) -> str | None:
    """Read one of the words. Return None when it is not sent. Raises `error` for any other word."""
    if name in p and p[name] not in words:
        raise error
    return p.get(name)


def client_id_in(p: Parameters, name: str) -> str:
    """Read the client id that the caller chose, or generate one."""
    client_id = p.get(name) or secrets.token_hex(11)
    if not re.fullmatch("[a-zA-Z0-9_-]{1,36}", client_id, re.ASCII):
        raise illegal(name, CLIENT_ID)
    return client_id


def trigger_in(p: Parameters, kind: str, prefix: str = "") -> dict[str, Any]:
    """Read stop price and trailing distance. `prefix` is the leg's, for an order list."""
    stop_name, trailing_name = (
        name if not prefix else prefix + name[0].upper() + name[1:] for name in ("stopPrice", "trailingDelta")
    )
    stop, trailing = decimal_in(p, stop_name), whole_in(p, trailing_name)
    if kind in {"MARKET", "LIMIT", "LIMIT_MAKER"}:
        if stop is not None or trailing is not None:
            raise unasked(stop_name if stop is not None else trailing_name)
        return {}
    if stop is None and trailing is None:
        raise missing(stop_name)
    if trailing is not None and not 10 <= trailing <= 2000:  # noqa: PLR2004 - the filter
        raise Error(-1013, "Filter failure: TRAILING_DELTA")
    return {"stop_price": stop, "trailing": trailing}


def receive_window_in(p: Parameters) -> float:
    """Read the milliseconds for which a request is valid, with up to three decimals."""
    window = p.get("recvWindow", "5000")
    if not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,3})?", window, re.ASCII):
        raise illegal("recvWindow", r"^[0-9]{1,20}(\.[0-9]{1,3})?$")
    if float(window) > LONGEST_WINDOW:
        raise Error(-1131, "recvWindow must be less than 60000.")
    return float(window)


def time_in_force_in(p: Parameters, kind: str) -> str:
    """Read the time in force. A post-only order sends none; its type says it."""
    given = p.get("timeInForce")
    if given is not None and (kind == "LIMIT_MAKER" or "LIMIT" not in kind):
        raise unasked("timeInForce")
    if kind == "LIMIT_MAKER":
        return "PO"
    if "LIMIT" in kind and not given:
        raise missing("timeInForce")
    word_in(p, "timeInForce", {"GTC", "IOC", "FOK"}, Error(-1115, "Invalid timeInForce."))
    return given or "GTC"


def response_in(p: Parameters, usual: str) -> str:
    """Read how much of an order the response is to contain."""
    # Neither the code of this error nor its text is verified.
    return word_in(p, "newOrderRespType", {"ACK", "RESULT", "FULL"}, Error(-1123, "Invalid newOrderRespType.")) or usual


def shown_in(p: Parameters, kind: str) -> Decimal | None:
    """Read the part of an order that the depth shows. Only a limit order that stays until it is cancelled hides any."""
    shown = decimal_in(p, "icebergQty")
    if shown is not None and (kind != "LIMIT" or p.get("timeInForce") != "GTC"):
        raise unasked("icebergQty") if "LIMIT" not in kind else Error(-1115, "Invalid timeInForce.")
    return shown


def check_extras(p: Parameters) -> None:
    """Refuse what no symbol here allows, and what nothing here reads though it must be well formed."""
    no = Error(-1013, "This symbol does not allow the specified self-trade prevention mode.")
    word_in(p, "selfTradePreventionMode", {"EXPIRE_MAKER"}, no)
    whole_in(p, "strategyId")
    kind = whole_in(p, "strategyType")
    if kind is not None and kind < _LOWEST_STRATEGY:
        raise Error(-1134, "strategyType was less than 1000000.")
