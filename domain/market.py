"""A market's rules: the one place where prices are rounded to the tick and quantities down to the step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from domain.amounts import ZERO, down_to_step, nearest_step, plain, product
from domain.orders.wish import Protection, Side, Type
from domain.people.broker import StopStyle
from domain.refusals import Invalid

AT_THE_MARKET = frozenset({Type.MARKET, Type.STOP_LOSS, Type.TAKE_PROFIT})
"""The order types that trade at whatever price the market gives, at once or once triggered, with their own bounds."""

BELOW_STOP = Decimal("0.995")
"""The limit of a stop-limit order, as a fraction of its trigger: up to half a percent may be lost to slippage."""


@dataclass(frozen=True)
class PriceBand:
    """The lowest and highest limit price that is allowed, as multiples of the average price. Zero sets no bound."""

    lowest: Decimal = ZERO
    highest: Decimal = ZERO

    def holds(self, price: Decimal, average: Decimal) -> bool:
        """Return True when the exchange takes this price (quote per base) at this average price."""
        too_low = bool(self.lowest) and price < product(average, self.lowest)
        return not too_low and not (self.highest and price > product(average, self.highest))


@dataclass(frozen=True)
class Market:
    """One tradable pair of one exchange.

    `price_tick` and all notionals are in the quote currency, steps and quantities in the base currency. A limit of
    zero means that the exchange sets none.
    """

    exchange: str
    symbol: str
    native: str
    base: str
    quote: str
    active: bool
    price_tick: Decimal
    quantity_step: Decimal
    minimum_quantity: Decimal = ZERO
    maximum_quantity: Decimal = ZERO
    market_maximum_quantity: Decimal = ZERO
    minimum_price: Decimal = ZERO
    maximum_price: Decimal = ZERO
    minimum_notional: Decimal = ZERO
    maximum_notional: Decimal = ZERO
    cost_step: Decimal = Decimal("0.00000001")
    market_minimum_quantity: Decimal = ZERO
    market_quantity_step: Decimal = ZERO
    minimum_notional_at_market: bool = True
    maximum_notional_at_market: bool = True
    buy_band: PriceBand = PriceBand()
    sell_band: PriceBand = PriceBand()
    order_types: tuple[Type, ...] = tuple(Type)
    lists: bool = True
    makers: bool = True
    """True when a limit order may be sent to rest or else be refused (post-only), as the target of a list is."""
    replaces: bool = True
    """True when one call may cancel an order and send another."""
    most_orders: int = 0
    most_triggered: int = 0
    """The most orders that may wait for their trigger."""
    most_lists: int = 0
    buys_by_quantity: bool = True
    """False where a buy at the market is sized by its cost alone."""
    icebergs: bool = False
    """True when a limit order may show a part of its quantity only."""

    def takes_quantity(self, order_type: Type, side: Side) -> bool:
        """Return True when an order of this type and side may be sized by its quantity (base)."""
        return self.buys_by_quantity or (order_type, side) != (Type.MARKET, Side.BUY)

    def round_price(self, price: Decimal) -> Decimal:
        """Return the nearest price on the tick."""
        return nearest_step(price, self.price_tick)

    def round_quantity(self, quantity: Decimal, order_type: Type = Type.LIMIT) -> Decimal:
        """Return the largest quantity on the step that is not above `quantity`.

        An order at the market is rounded to the step of such orders as well.
        """
        rounded = down_to_step(quantity, self.quantity_step)
        return down_to_step(rounded, self.market_quantity_step) if order_type in AT_THE_MARKET else rounded

    def largest(self, order_type: Type) -> Decimal | None:
        """Return the largest quantity (base) of one order of this type, None when there is no limit."""
        limits = [self.maximum_quantity]
        if order_type in AT_THE_MARKET:
            limits.append(self.market_maximum_quantity)
        return min((limit for limit in limits if limit), default=None)

    def round_cost(self, cost: Decimal) -> Decimal:
        """Return the largest cost (quote) that is not above `cost` and that the exchange can express."""
        return down_to_step(cost, self.cost_step)

    def check(
        self,
        order_type: Type,
        quantity: Decimal | None,
        cost: Decimal | None,
        price: Decimal | None,
        last_price: Decimal,
        side: Side | None = None,
    ) -> None:
        """Raise `Invalid` with the rule's code when the exchange would refuse this size or price.

        A market order is valued at `last_price` (quote per base), as exchanges do. The band around the average price is
        applied when `side` is given, with `last_price` as the average.
        """
        if not self.active:
            raise Invalid(f"{self.symbol} is not trading", code="market_closed", field="symbol")
        if order_type not in self.order_types:
            raise Invalid(f"{self.symbol} takes no {order_type} orders", code="order_type_not_offered", field="type")
        if quantity is not None:
            self._check_quantity(order_type, quantity)
        if price is not None:
            self._check_price(order_type, price, last_price, side)
        self._check_notional(order_type, quantity, cost, price, last_price)

    def _check_price(self, order_type: Type, price: Decimal, last_price: Decimal, side: Side | None) -> None:
        if price < self.minimum_price or (self.maximum_price and price > self.maximum_price) or price <= 0:
            raise Invalid(
                f"{plain(price)} is outside {plain(self.minimum_price)} to {plain(self.maximum_price)} {self.quote}",
                code="price_out_of_range",
                field="price",
            )
        band = self.sell_band if side is Side.SELL else self.buy_band
        if side is not None and order_type not in AT_THE_MARKET and not band.holds(price, last_price):
            raise Invalid(
                f"{plain(price)} is outside {plain(band.lowest)} to {plain(band.highest)} times {plain(last_price)}",
                code="price_too_far",
                field="price",
            )

    def _check_notional(
        self,
        order_type: Type,
        quantity: Decimal | None,
        cost: Decimal | None,
        price: Decimal | None,
        last_price: Decimal,
    ) -> None:
        notional = cost if cost is not None else product(quantity or ZERO, price if price is not None else last_price)
        at_market = order_type is Type.MARKET
        if notional < self.minimum_notional and (self.minimum_notional_at_market or not at_market):
            raise Invalid(
                f"{plain(notional)} {self.quote} is below the minimum of {plain(self.minimum_notional)}",
                code="notional_below_minimum",
                field="quantity",
            )
        bounded = self.maximum_notional_at_market or not at_market
        if self.maximum_notional and notional > self.maximum_notional and bounded:
            raise Invalid(
                f"{plain(notional)} {self.quote} is above the maximum of {plain(self.maximum_notional)}",
                code="notional_above_maximum",
                field="quantity",
            )

    def _check_quantity(self, order_type: Type, quantity: Decimal) -> None:
        at_market = self.market_minimum_quantity if order_type in AT_THE_MARKET else ZERO
        least = max(self.minimum_quantity, at_market)
        if quantity <= 0 or quantity < least:
            raise Invalid(
                f"{plain(quantity)} {self.base} is below the minimum of {plain(least)}",
                code="quantity_below_minimum",
                field="quantity",
            )
        most = self.largest(order_type)
        if most is not None and quantity > most:
            raise Invalid(
                f"{plain(quantity)} {self.base} is above the {plain(most)} of one order",
                code="quantity_above_maximum",
                field="quantity",
            )

    def spends(self, side: Side) -> str:
        """Return the currency that an order of this side spends."""
        return self.quote if side is Side.BUY else self.base


class Markets(Mapping[str, Market]):
    """The markets of an exchange by symbol. They change as a whole."""

    def __init__(self, markets: Iterable[Market] = ()) -> None:
        self.renew(markets)

    def renew(self, markets: Iterable[Market]) -> None:
        """Replace all markets."""
        found = [*markets]
        self._by_symbol = {market.symbol: market for market in found}
        self._by_native = {market.native: market for market in found}

    def named(self, native: str) -> Market | None:
        """Return the market with the exchange's own name, None for none."""
        return self._by_native.get(native)

    def __getitem__(self, symbol: str) -> Market:
        """Return the market of a symbol. Raises `KeyError` when there is none."""
        return self._by_symbol[symbol]

    def __iter__(self) -> Iterator[str]:
        """Return the symbols in their order."""
        return iter(self._by_symbol)

    def __len__(self) -> int:
        """Return the number of markets."""
        return len(self._by_symbol)


def too_small(
    quantity: Decimal, protection: Protection, market: Market, style: StopStyle = StopStyle.MARKET
) -> str | None:
    """Return the reason, with numbers, why the exchange would take no order that protects `quantity` (base).

    None when it would take one. A stop at a limit is valued at its limit, as exchanges do.
    """
    stop = protection.stop_loss and market.round_price(protection.stop_loss)
    lowest = limit_below(stop, market, style) or stop or protection.take_profit or ZERO
    worth = product(quantity, lowest)
    if not quantity or quantity < market.minimum_quantity:
        return f"{plain(quantity)} {market.base} is below the minimum of {plain(market.minimum_quantity)}"
    if worth < market.minimum_notional:
        return f"{plain(worth)} {market.quote} is below the minimum of {plain(market.minimum_notional)}"
    return None


def limit_below(stop: Decimal | None, market: Market, style: StopStyle) -> Decimal | None:
    """Return the limit of a stop, None when there is no stop or the broker's stops sell at the market."""
    return market.round_price(stop * BELOW_STOP) if stop is not None and style is StopStyle.LIMIT else None
