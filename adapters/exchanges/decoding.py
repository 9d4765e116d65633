"""Reading the answers of exchanges: what does not fit proves nothing, and amounts never pass through a float."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import msgspec

from application.ports.errors import Unreadable

T = TypeVar("T")

NONSENSE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, OSError, RecursionError)
"""The errors that reading a message of the wrong shape raises, in addition to msgspec's own."""


def understood(raw: bytes, meaning: Callable[[bytes], T]) -> T:
    """Return an answer read by `meaning`. Raises `Unreadable` when it does not fit the request: it proves nothing."""
    try:
        return meaning(raw)
    except (msgspec.MsgspecError, *NONSENSE) as error:
        raise Unreadable(f"an answer that says nothing: {raw[:200]!r}", code="no_answer") from error


def number_of(text: str) -> Decimal:
    """Read an amount, which is always a text here.

    Raises `ValueError` when it is not a text or not finite, `InvalidOperation` when the text is not a number.
    """
    number = Decimal(text) if isinstance(text, str) else Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a number")
    return number


class Native(msgspec.Struct):
    """A message whose amounts are finite: "NaN" and "Infinity" are rejected."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for an amount that is not finite; the decoder turns it into its own error."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal) and not value.is_finite():
                raise ValueError(f"{name} is {value}")
