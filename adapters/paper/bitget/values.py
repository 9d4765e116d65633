"""The parameters of a request to the paper Bitget, which may be texts or numbers."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters.paper.bitget import NAME
from adapters.paper.bitget.errors import Error, invalid, missing, no_symbol
from adapters.paper.exchange import Paper
from adapters.paper.ledger import pair_of_native
from adapters.paper.pairs import Pair

Parameters = Mapping[str, Any]
FIRST_ORDER = 1_300_000_000_000_000_000
"""Added to the engine's numbers: Bitget's ids are texts of nineteen digits, which no float can hold."""
_LONGEST = 25
"""The most digits of a number."""
_CLIENT_ID = re.compile(r"[0-9A-Za-z\-+_#:/.]{1,50}")


def text(p: Parameters, name: str, default: str | None = None) -> str:
    """Return a text. Raises `Error` when it is missing and there is no default."""
    value = p.get(name)
    if value is None or value == "":
        if default is None:
            raise missing(name)
        return default
    return str(value)


def word(p: Parameters, name: str, words: Collection[str], default: str | None = None) -> str:
    """Return one of these words, in whatever case it was sent. Raises `Error` for another one."""
    value = text(p, name, default).lower()
    if value not in words:
        raise invalid(name)
    return value


def amount(p: Parameters, name: str) -> Decimal:
    """Return an amount above zero. Raises `Error`."""
    if (value := amount_or_none(p, name)) is None:
        raise missing(name)
    return value


def amount_or_none(p: Parameters, name: str) -> Decimal | None:
    """Return an amount above zero, None when it is absent. Raises `Error`."""
    given = text(p, name, "")
    if not given:
        return None
    try:
        value = Decimal(given)
    except InvalidOperation:
        raise invalid(name) from None
    if not value.is_finite() or value <= 0 or abs(value.adjusted()) > _LONGEST:
        raise invalid(name)
    return value


def whole(p: Parameters, name: str, default: int, most: int | None = None) -> int:
    """Return a whole number, at most `most`. Raises `Error` for anything else."""
    given = text(p, name, str(default))
    if not is_number(given):
        raise invalid(name)
    return int(given) if most is None else min(int(given), most)


def pair_in(p: Parameters, paper: Paper) -> Pair:
    """Return the market of `symbol`. Raises `Error` for one that is missing or not listed."""
    return pair_named(text(p, "symbol"), paper)


def pair_named(symbol: str, paper: Paper) -> Pair:
    """Return a market by Bitget's name for it. Raises `Error` for one that is not listed."""
    pair = pair_of_native(symbol)
    if pair is None or not paper.markets.listed(NAME, pair):
        raise no_symbol(symbol)
    return pair


def client_id(p: Parameters, otherwise: str) -> str:
    """Return the caller's id of an order, or the exchange's own. Raises `Error` for one that it does not take."""
    given = text(p, "clientOid", otherwise)
    if not _CLIENT_ID.fullmatch(given):
        raise Error("40305", "client_oid length is not greater than 64, and cannot be Martian characters")
    return given


def number_of(order_id: str) -> int:
    """Return the engine's number for an order id, -1 for one that the exchange never gave."""
    return int(order_id) - FIRST_ORDER if is_number(order_id) else -1


def is_number(given: str) -> bool:
    """Return True for a whole number of a length that somebody could mean."""
    return given.isascii() and given.isdecimal() and len(given) <= _LONGEST
