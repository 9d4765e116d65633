"""A wish: the order that a person, an alert or a strategy wants, in our own words, before any exchange is involved."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from domain.amounts import check_positive
from domain.refusals import Invalid

HUNDRED_PERCENT = Decimal(100)
SMALLEST_TRAILING, LARGEST_TRAILING = 10, 2000
"""The bounds of a trailing distance in hundredths of a percent: Binance's, the narrowest of the three exchanges."""


class Side(StrEnum):
    """The direction of a trade: the base currency is bought or sold."""

    BUY = "buy"
    SELL = "sell"


class Type(StrEnum):
    """The type of an order. Stops and take-profits wait for their trigger before they become orders."""

    MARKET = "market"
    LIMIT = "limit"
    STOP_LOSS = "stop_loss"
    STOP_LOSS_LIMIT = "stop_loss_limit"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_LIMIT = "take_profit_limit"


TRIGGERED = frozenset({Type.STOP_LOSS, Type.STOP_LOSS_LIMIT, Type.TAKE_PROFIT, Type.TAKE_PROFIT_LIMIT})
PRICED = frozenset({Type.LIMIT, Type.STOP_LOSS_LIMIT, Type.TAKE_PROFIT_LIMIT})


class TimeInForce(StrEnum):
    """The time for which a limit order may rest. PO (post-only) rests or is refused; it never takes liquidity."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    PO = "PO"


class Source(StrEnum):
    """The origin of an order."""

    MANUAL = "manual"
    WEBHOOK = "webhook"
    STRATEGY = "strategy"
    EXTERNAL = "external"


@dataclass(frozen=True)
class Protection:
    """The prices (quote per base) at which a long position is to be sold; at least one of the two."""

    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None

    def over(self, before: Protection | None) -> Protection:
        """Return these prices, with those of `before` where this names none."""
        before = before or Protection()
        return Protection(self.stop_loss or before.stop_loss, self.take_profit or before.take_profit)

    def check(self) -> None:
        """Raise `Invalid` when there is no price at all, one is not above zero, or the stop is not below the target."""
        check_positive(stop_loss=self.stop_loss, take_profit=self.take_profit)
        if self.stop_loss is None and self.take_profit is None:
            raise Invalid("a protection needs a price", code="protection_empty", field="stop_loss")
        if self.stop_loss is not None and self.take_profit is not None and self.stop_loss >= self.take_profit:
            raise Invalid(
                f"the stop {self.stop_loss} is not below the target {self.take_profit}",
                code="protection_crossed",
                field="stop_loss",
            )


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


@dataclass(frozen=True)
class Wish:
    """One wanted order, with exactly one size.

    `quantity` is in the base currency, `cost` in the quote currency. `percent` (above 0, at most 100) is a share of
    the free balance at the moment of sending: quote currency for a buy, base currency for a sell. `holding` (0 to 100
    percent) is the share of the account's worth that is to be held afterwards: the difference is traded. `symbol`
    reads `BTC/USDT`. `stop_price` is the trigger, `trailing` the distance at which it follows the market (hundredths of
    a percent). `protection` is the one wanted for the bought coins. `list_id` names the list (one cancels the other)
    when this order is a leg of one.
    """

    symbol: str
    side: Side
    type: Type
    quantity: Decimal | None = None
    cost: Decimal | None = None
    percent: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    stop_price: Decimal | None = None
    trailing: int | None = None
    protection: Protection | None = None
    list_id: str | None = None
    holding: Decimal | None = None
    terms: Terms | None = None

    @property
    def trades_at_once(self) -> bool:
        """True when it trades on arrival or not at all, and never rests."""
        return self.type is Type.MARKET or self.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}

    def of(self, quantity: Decimal) -> Wish:
        """Return the same wish for a fixed quantity (base)."""
        return replace(self, quantity=quantity, cost=None, percent=None, holding=None)

    def check(self) -> None:
        """Raise `Invalid`, naming the field, when no exchange could carry out the wish."""
        if sum(size is not None for size in (self.quantity, self.cost, self.percent, self.holding)) != 1:
            raise Invalid(
                "an order needs exactly one of quantity, cost, percent, holding",
                code="size_ambiguous",
                field="quantity",
            )
        check_positive(
            quantity=self.quantity, cost=self.cost, percent=self.percent, price=self.price, stop_price=self.stop_price
        )
        if self.percent is not None and self.percent > HUNDRED_PERCENT:
            raise Invalid(f"percent was {self.percent}, above 100", code="percent_out_of_range", field="percent")
        check_holding(self.holding, self.side)
        self._check_price()
        self._check_trigger()
        self._check_terms()
        if self.protection is not None:
            if self.side is Side.SELL:
                raise Invalid("a sell leaves nothing to protect", code="protection_not_taken", field="stop_loss")
            self.protection.check()

    def _check_price(self) -> None:
        if self.type in PRICED:
            if self.price is None:
                raise Invalid(f"a {self.type} order needs a price", code="price_missing", field="price")
        elif self.price is not None or self.time_in_force is not None:
            raise Invalid(
                f"a {self.type} order takes no price and no time in force", code="price_not_taken", field="price"
            )
        if self.type is not Type.MARKET and self.cost is not None:
            raise Invalid(f"a {self.type} order is sized in the base currency", code="size_ambiguous", field="cost")

    def _check_trigger(self) -> None:
        if self.trailing is not None and not SMALLEST_TRAILING <= self.trailing <= LARGEST_TRAILING:
            raise Invalid(f"trailing was {self.trailing}", code="trailing_out_of_range", field="trailing")
        has_trigger = self.stop_price is not None or self.trailing is not None
        if self.type in TRIGGERED and not has_trigger:
            raise Invalid(f"a {self.type} order needs a trigger", code="trigger_missing", field="stop_price")
        if self.type not in TRIGGERED and has_trigger:
            raise Invalid(f"a {self.type} order takes no trigger", code="trigger_not_taken", field="stop_price")

    def _check_terms(self) -> None:
        if self.terms is None:
            return
        self.terms.check()
        shown = self.terms.iceberg_qty
        if shown is None:
            return
        if self.type is not Type.LIMIT or self.time_in_force not in {None, TimeInForce.GTC}:
            raise Invalid("only a resting limit order hides a part", code="iceberg_not_taken", field="iceberg_qty")
        if self.quantity is not None and shown > self.quantity:
            raise Invalid(f"{shown} of {self.quantity} is shown", code="iceberg_too_large", field="iceberg_qty")


def triggers_above(side: Side, order_type: Type) -> bool:
    """Return True for a trigger that waits above the market: of a buy that stops, and of a sell that takes a profit."""
    return (side is Side.BUY) is (order_type in {Type.STOP_LOSS, Type.STOP_LOSS_LIMIT})


def check_not_passed(side: Side, order_type: Type, trigger: Decimal, last: Decimal) -> None:
    """Raise `Invalid` for a trigger that the last price has passed already: the order would trade at once."""
    if trigger == last or (trigger > last) is not triggers_above(side, order_type):
        raise Invalid(f"{last} has passed the trigger {trigger}", code="trigger_passed", field="stop_price")


def check_holding(holding: Decimal | None, side: Side | None) -> None:
    """Raise `Invalid` for a share that cannot be held, or that an order of this side can never lead to.

    `holding` is in percent of the account's worth, 0 to 100. `side` is None where the order may be of either.
    """
    if holding is None:
        return
    if not holding.is_finite() or not 0 <= holding <= HUNDRED_PERCENT:
        raise Invalid(f"Position was {holding}, not 0 to 100", code="position_out_of_range", field="Position")
    nowhere = {Side.BUY: Decimal(0), Side.SELL: HUNDRED_PERCENT}
    if side is not None and holding == nowhere[side]:
        raise Invalid(f"to {side} leads to no Position of {holding}", code="position_contradicts", field="Position")
