"""The rules of Binance's markets and the limits of its accounts, as `exchangeInfo` tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from adapters.exchanges.binance.native import NativeInformation
from adapters.exchanges.binance.parameters import TYPES
from adapters.exchanges.decoding import NONSENSE, number_of
from domain.market import Market, PriceBand
from domain.orders.wish import Type

SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}

_decoder = msgspec.json.Decoder(NativeInformation)


@dataclass(frozen=True)
class Information:
    """Every spot market, the weight allowed per minute (0 if not told), the most new orders by seconds of a window."""

    markets: list[Market]
    weight: int
    orders: dict[int, int]


def information_of(raw: bytes) -> Information:
    """Read the answer of `exchangeInfo`."""
    told = _decoder.decode(raw)
    weights, orders = [0], dict[int, int]()
    for limit in told.rateLimits:
        kind, seconds, most = limit["rateLimitType"], seconds_of(limit), int(limit["limit"])
        if (kind, seconds) == ("REQUEST_WEIGHT", SECONDS["MINUTE"]):
            weights.append(most)
        elif kind == "ORDERS" and seconds:
            orders[seconds] = most
    markets = [_market_or_closed(symbol) for symbol in told.symbols if symbol.get("isSpotTradingAllowed", True)]
    return Information(markets, max(weights), orders)


def seconds_of(limit: Mapping[str, Any]) -> int:
    """Return the length of a limit's window in seconds, 0 for an unknown interval."""
    return SECONDS.get(str(limit.get("interval")), 0) * int(limit.get("intervalNum", 0))


def order_counts_of(raw: bytes) -> dict[int, int]:
    """Read the answer of `rateLimit/order`: the new orders so far, by length of the window in seconds."""
    limits = msgspec.json.decode(raw, type=list[dict[str, Any]])
    return {SECONDS[limit["interval"]] * int(limit["intervalNum"]): int(limit["count"]) for limit in limits}


def market_of(told: dict[str, Any]) -> Market:
    """Read one symbol with its filters. A limit of "0.00000000" means no limit."""
    filters = _Filters(told["filters"])
    notional = filters.of("NOTIONAL") or filters.of("MIN_NOTIONAL")
    return Market(
        exchange="binance",
        symbol=f"{told['baseAsset']}/{told['quoteAsset']}",
        native=told["symbol"],
        base=told["baseAsset"],
        quote=told["quoteAsset"],
        active=told["status"] == "TRADING",
        price_tick=filters.number("PRICE_FILTER", "tickSize"),
        minimum_price=filters.number("PRICE_FILTER", "minPrice"),
        maximum_price=filters.number("PRICE_FILTER", "maxPrice"),
        quantity_step=filters.number("LOT_SIZE", "stepSize"),
        minimum_quantity=filters.number("LOT_SIZE", "minQty"),
        maximum_quantity=filters.number("LOT_SIZE", "maxQty"),
        market_quantity_step=filters.number("MARKET_LOT_SIZE", "stepSize"),
        market_minimum_quantity=filters.number("MARKET_LOT_SIZE", "minQty"),
        market_maximum_quantity=filters.number("MARKET_LOT_SIZE", "maxQty"),
        minimum_notional=number_of(notional.get("minNotional", "0")),
        maximum_notional=number_of(notional.get("maxNotional", "0")),
        minimum_notional_at_market=bool(notional.get("applyMinToMarket", notional.get("applyToMarket", True))),
        maximum_notional_at_market=bool(notional.get("applyMaxToMarket", True)),
        buy_band=filters.band("bid"),
        sell_band=filters.band("ask"),
        order_types=_order_types(told.get("orderTypes")),
        lists=bool(told.get("ocoAllowed", True)),
        makers="LIMIT_MAKER" in (told.get("orderTypes") or ["LIMIT_MAKER"]),
        replaces=bool(told.get("cancelReplaceAllowed", True)),
        icebergs=bool(told.get("icebergAllowed")),
        most_orders=filters.count("MAX_NUM_ORDERS", "maxNumOrders"),
        most_triggered=filters.count("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders"),
        most_lists=filters.count("MAX_NUM_ORDER_LISTS", "maxNumOrderLists"),
        cost_step=Decimal(1).scaleb(-int(told.get("quoteAssetPrecision", 8))),
    )


class _Filters:
    """The filters of one symbol by their type."""

    def __init__(self, told: list[dict[str, Any]]) -> None:
        self._by_type = {one["filterType"]: one for one in told}

    def of(self, kind: str) -> dict[str, Any]:
        return self._by_type.get(kind, {})

    def number(self, kind: str, name: str) -> Decimal:
        return number_of(self.of(kind).get(name, "0"))

    def count(self, kind: str, name: str) -> int:
        return int(self.of(kind).get(name, 0))

    def band(self, side: str) -> PriceBand:
        """Read PERCENT_PRICE_BY_SIDE, or the older filter that bounds both sides alike."""
        by_side, both = self.of("PERCENT_PRICE_BY_SIDE"), self.of("PERCENT_PRICE")
        lowest = by_side.get(f"{side}MultiplierDown", both.get("multiplierDown", "0"))
        highest = by_side.get(f"{side}MultiplierUp", both.get("multiplierUp", "0"))
        return PriceBand(number_of(lowest), number_of(highest))


def _order_types(told: list[str] | None) -> tuple[Type, ...]:
    """Read the order types that a symbol takes; one that lists none is taken to accept all."""
    if not told:
        return tuple(Type)
    known = {TYPES[native] for native in told if native in TYPES}
    return tuple(kind for kind in Type if kind in known)


def _market_or_closed(told: dict[str, Any]) -> Market:
    """Read a market, or treat it as closed when its rules cannot be read.

    Orders that rest there are still found, but nothing new is sent there.
    """
    try:
        return market_of(told)
    except NONSENSE:
        return market_of({**told, "status": "UNREADABLE", "filters": [], "quoteAssetPrecision": 8, "orderTypes": []})
