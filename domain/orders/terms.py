"""Special terms of an order, which not every exchange takes: for futures, for icebergs, and an exchange's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.amounts import check_positive
from domain.refusals import Invalid

MOST_EXTRAS = 20
_LONGEST_EXTRA = 200
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}(\[[A-Za-z0-9]{1,20}\])?")
"""Names such as `presetStopLossPrice` and `close[price]`."""


class Term(StrEnum):
    """A term by its name in a request."""

    REDUCE_ONLY = "reduce_only"
    POSITION_SIDE = "position_side"
    MARGIN_MODE = "margin_mode"
    ICEBERG = "iceberg_qty"


CRITICAL = (Term.REDUCE_ONLY, Term.POSITION_SIDE, Term.MARGIN_MODE)
"""The terms without which an order would be a different one: an exchange that does not take one refuses the order."""


class PositionSide(StrEnum):
    """The side of a futures position."""

    LONG = "LONG"
    SHORT = "SHORT"


class MarginMode(StrEnum):
    """The way in which a futures position is backed."""

    ISOLATED = "isolated"
    CROSS = "cross"


@dataclass(frozen=True)
class Terms:
    """The special terms of one order.

    `iceberg_qty` is the part of the quantity (base) that the order book shows. `extra` holds parameters of the exchange
    by their own names. They are added to the request as they are, and never replace what the platform sets.
    """

    reduce_only: bool = False
    position_side: PositionSide | None = None
    margin_mode: MarginMode | None = None
    iceberg_qty: Decimal | None = None
    extra: dict[str, str] | None = None

    @property
    def given(self) -> Sequence[Term]:
        """The terms that the order has."""
        return [term for term in Term if getattr(self, term.value)]

    def check(self) -> None:
        """Raise `Invalid`, naming the field, for a term that no exchange could read."""
        check_positive(iceberg_qty=self.iceberg_qty)
        extra = self.extra or {}
        if len(extra) > MOST_EXTRAS:
            raise Invalid(f"{len(extra)} extra parameters", code="extra_params_too_many", field="extra_params")
        for name, value in extra.items():
            if not _NAME.fullmatch(name) or len(value) > _LONGEST_EXTRA or not value.isprintable():
                raise Invalid(f"{name!r} is no parameter", code="extra_params_unreadable", field="extra_params")
