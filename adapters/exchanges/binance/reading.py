"""The reading of Binance's answers, which may be meaningless whatever their status."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from adapters.exchanges.binance.native import NONSENSE
from application.ports.errors import Unreadable

T = TypeVar("T")


def understood(raw: bytes, meaning: Callable[[bytes], T]) -> T:
    """Return an answer read by `meaning`. Raises `Unreadable` when it does not fit the request: it proves nothing."""
    try:
        return meaning(raw)
    except (msgspec.MsgspecError, *NONSENSE) as error:
        raise Unreadable(f"an answer that says nothing: {raw[:200]!r}", code="no_answer") from error
