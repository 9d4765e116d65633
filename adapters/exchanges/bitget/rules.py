"""The rules of Bitget's markets, as `public/symbols` tells them."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from adapters.exchanges.bitget.native import NativeSymbol, amount_of, places_of
from adapters.exchanges.decoding import NONSENSE
from domain.amounts import ZERO
from domain.market import Market, PriceBand
from domain.orders.wish import Type

_DOLLARS = frozenset({"USDT", "USDC"})
"""The quote currencies in which the smallest amount, told in USDT, is one of the quote's own units."""
_TAKEN = (
    Type.MARKET, Type.LIMIT, Type.STOP_LOSS, Type.STOP_LOSS_LIMIT, Type.TAKE_PROFIT, Type.TAKE_PROFIT_LIMIT,
)  # fmt: skip


def markets_of(raw: bytes) -> list[Market]:
    """Read the answer of `public/symbols`."""
    return [_market_or_closed(bytes(part)) for part in msgspec.json.decode(raw, type=list[msgspec.Raw])]


def _market_or_closed(raw: bytes) -> Market:
    """Read a market, or treat it as closed when its rules cannot be read: what rests there is still found."""
    try:
        return market_of(msgspec.json.decode(raw, type=NativeSymbol))
    except (msgspec.MsgspecError, *NONSENSE):
        told = msgspec.json.decode(raw)
        return market_of(NativeSymbol(told["symbol"], told["baseCoin"], told["quoteCoin"], "unreadable", "8", "8"))


def market_of(told: NativeSymbol) -> Market:
    """Read one market. The bounds of a price are fractions of the last one, on each side's bad side alone."""
    up, down = amount_of(told.buyLimitPriceRatio), amount_of(told.sellLimitPriceRatio)
    return Market(
        exchange="bitget",
        symbol=f"{told.baseCoin}/{told.quoteCoin}",
        native=told.symbol,
        base=told.baseCoin,
        quote=told.quoteCoin,
        active=told.status == "online",
        price_tick=places_of(told.pricePrecision),
        quantity_step=places_of(told.quantityPrecision),
        minimum_notional=amount_of(told.minTradeUSDT) if told.quoteCoin in _DOLLARS else ZERO,
        cost_step=places_of(told.quotePrecision),
        buy_band=PriceBand(ZERO, Decimal(1) + up if up else ZERO),
        sell_band=PriceBand(Decimal(1) - down if down else ZERO, ZERO),
        order_types=_TAKEN,
        lists=False,
        makers=True,
        replaces=False,
        buys_by_quantity=False,
        most_orders=int(amount_of(told.orderQuantity)),
    )
