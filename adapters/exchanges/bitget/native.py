"""Bitget's messages, field by field under Bitget's own names. Amounts are texts, and may be empty."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from adapters.exchanges.decoding import number_of
from domain.amounts import ZERO


class NativeOrder(msgspec.Struct):
    """An order of `orderInfo` and `history-orders`."""

    symbol: str
    orderId: str
    clientOid: str
    side: str
    orderType: str
    status: str
    size: str
    baseVolume: str
    quoteVolume: str
    cTime: str
    price: str = ""
    cancelReason: str = ""


class NativeOpenOrder(msgspec.Struct):
    """An order of `unfilled-orders`: `priceAvg` is its own price here, `basePrice` that of its fills."""

    symbol: str
    orderId: str
    clientOid: str
    side: str
    orderType: str
    status: str
    size: str
    baseVolume: str
    quoteVolume: str
    cTime: str
    priceAvg: str = ""


class NativeName(msgspec.Struct):
    """The names that identify the order in any message about one."""

    orderId: str
    clientOid: str | None = None
    symbol: str = ""


class NativePush(msgspec.Struct):
    """A row of the channel `orders`. `baseVolume` is that of the last fill alone, `newSize` the true size."""

    instId: str
    orderId: str
    clientOid: str
    side: str
    orderType: str
    status: str
    newSize: str
    accBaseVolume: str
    priceAvg: str
    cTime: str
    price: str = ""
    cancelReason: str = ""
    tradeId: str = ""
    fillPrice: str = ""
    baseVolume: str = ""
    fillTime: str = ""
    fillFee: str = ""
    fillFeeCoin: str = ""
    tradeScope: str = ""


class NativePlan(msgspec.Struct):
    """A plan order of `current-plan-order` and `history-plan-order`. `executePrice` is the limit of its order."""

    symbol: str
    orderId: str
    clientOid: str
    side: str
    orderType: str
    status: str
    size: str
    triggerPrice: str
    cTime: str
    executePrice: str = ""
    planType: str = "amount"


class NativePlanPush(NativePlan, kw_only=True):
    """A row of the channel `orders-algo`, which has another name for the market."""

    symbol: str = msgspec.field(name="instId")


class NativePlans(msgspec.Struct):
    """A page of plan orders."""

    orderList: list[msgspec.Raw] | None


class NativeSubOrder(msgspec.Struct):
    """A row of `plan-sub-order`: the spot order that a plan order has become."""

    orderId: str


class NativeFee(msgspec.Struct):
    """The fee of a fill. It is negative."""

    feeCoin: str
    totalFee: str


class NativeFill(msgspec.Struct):
    """An execution of `trade/fills`."""

    orderId: str
    tradeId: str
    priceAvg: str
    size: str
    feeDetail: NativeFee
    tradeScope: str
    cTime: str


class NativeAsset(msgspec.Struct):
    """One coin of `account/assets`. What orders hold is `frozen`; `locked` is held for other reasons."""

    coin: str
    available: str
    frozen: str
    locked: str = "0"


class NativeInfo(msgspec.Struct):
    """The answer of `account/info`, reduced to what a key may do and from where."""

    authorities: list[str] = msgspec.field(default_factory=list)
    ips: str = ""


class NativeTime(msgspec.Struct):
    """The answer of `public/time`."""

    serverTime: str


class NativeTicker(msgspec.Struct):
    """One market of `market/tickers`."""

    symbol: str
    lastPr: str
    open: str
    quoteVolume: str
    bidPr: str = ""
    askPr: str = ""


class NativeSymbol(msgspec.Struct):
    """One market of `public/symbols`."""

    symbol: str
    baseCoin: str
    quoteCoin: str
    status: str
    pricePrecision: str
    quantityPrecision: str
    quotePrecision: str = "8"
    minTradeUSDT: str = "0"
    buyLimitPriceRatio: str = "0"
    sellLimitPriceRatio: str = "0"
    orderQuantity: str = "0"


class Envelope(msgspec.Struct):
    """The frame of every answer."""

    code: str
    data: msgspec.Raw = msgspec.Raw()


def amount_of(text: Any) -> Decimal:
    """Read an amount, zero for an empty text. Raises as `number_of`."""
    return ZERO if text in {"", "0", None} else number_of(text)


def places_of(text: str) -> Decimal:
    """Return the step of so many decimals, such as 0.01 for `2`. Raises `ValueError` for a number that is none."""
    places = int(text)
    if not 0 <= places <= 18:  # noqa: PLR2004 - more than any coin has
        raise ValueError(f"{text} decimals")
    return Decimal(1).scaleb(-places)
