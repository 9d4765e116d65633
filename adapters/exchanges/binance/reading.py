"""Reading an answer of Binance, which may say nothing whatever its status."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from adapters.exchanges.binance.native import NONSENSE
from application.ports.exchange import Unreadable

T = TypeVar("T")


def understood(raw: bytes, meaning: Callable[[bytes], T]) -> T:
    """Return what an answer means. Raises `Unreadable` for one that does not say what was asked: it proves nothing."""
    try:
        return meaning(raw)
    except (msgspec.MsgspecError, *NONSENSE) as error:
        raise Unreadable(f"an answer that says nothing: {raw[:200]!r}", code="no_answer") from error
