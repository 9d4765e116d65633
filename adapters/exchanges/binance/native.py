"""Binance's messages, field by field under Binance's own names. Decimals never pass through a float."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from adapters.exchanges.decoding import Native


class NativeFill(Native):
    """An execution inside the answer to a placement."""

    price: Decimal
    qty: Decimal
    commission: Decimal
    commissionAsset: str
    tradeId: int


class NativeOrder(Native):
    """An order in the answer to a placement, a query or a cancel."""

    symbol: str
    orderId: int
    clientOrderId: str
    side: str
    status: str
    price: Decimal
    origQty: Decimal
    executedQty: Decimal
    cummulativeQuoteQty: Decimal  # sic
    origClientOrderId: str | None = None
    transactTime: int | None = None
    time: int | None = None
    expiryReason: str | None = None
    type: str | None = None
    stopPrice: Decimal | None = None
    fills: list[NativeFill] = msgspec.field(default_factory=list)


class NativeName(msgspec.Struct):
    """The names that identify the order in any message about one."""

    symbol: str
    orderId: int
    clientOrderId: str = ""


class NativeTrade(Native):
    """An execution of `myTrades`."""

    id: int
    price: Decimal
    qty: Decimal
    commission: Decimal
    commissionAsset: str
    time: int
    isMaker: bool


class ExecutionReport(Native):
    """An `executionReport` of the private stream, under Binance's one-letter names."""

    s: str
    c: str
    S: str
    q: Decimal
    p: Decimal
    C: str
    x: str
    X: str
    r: str
    i: int
    l: Decimal
    z: Decimal
    L: Decimal
    n: Decimal
    N: str | None
    T: int
    t: int
    m: bool
    O: int
    Z: Decimal
    eR: str | None = None


class NativeBalance(Native):
    """One currency of `account`."""

    asset: str
    free: Decimal
    locked: Decimal


class NativeAccount(msgspec.Struct):
    """The answer of `account`, reduced to its balances."""

    balances: list[NativeBalance]


class NativePermission(msgspec.Struct):
    """The answer of `account`, reduced to the permission to trade."""

    canTrade: bool


class NativeRestrictions(msgspec.Struct):
    """The answer of the wallet API about the rights of a key."""

    ipRestrict: bool
    enableWithdrawals: bool
    enableSpotAndMarginTrading: bool


class NativeBook(Native):
    """One market of `bookTicker`."""

    symbol: str
    bidPrice: Decimal
    askPrice: Decimal


class NativePrice(Native):
    """One market of `ticker/price`."""

    symbol: str
    price: Decimal


class NativeDay(Native):
    """One market of `ticker/24hr`."""

    symbol: str
    openPrice: Decimal
    lastPrice: Decimal
    quoteVolume: Decimal


class NativeInformation(msgspec.Struct):
    """The answer of `exchangeInfo`, with its symbols and limits as plain dictionaries."""

    symbols: list[dict[str, Any]]
    rateLimits: list[dict[str, Any]] = []


class NativeTime(msgspec.Struct):
    """The answer of `time`."""

    serverTime: int


class NativeList(msgspec.Struct):
    """The answer to a change of a list of orders."""

    orderReports: msgspec.Raw = msgspec.Raw()


class NativeReplacement(msgspec.Struct):
    """Both halves of a cancel-replace, in its answer or in the data of its error."""

    cancelResult: str = ""
    newOrderResult: str = ""
    cancelResponse: msgspec.Raw = msgspec.Raw()
    newOrderResponse: msgspec.Raw = msgspec.Raw()


class AmendedOrder(Native):
    """An order as an amendment's answer tells it."""

    symbol: str
    orderId: int
    clientOrderId: str
    side: str
    status: str
    price: Decimal
    qty: Decimal
    executedQty: Decimal
    cumulativeQuoteQty: Decimal


class NativeAmendment(msgspec.Struct):
    """The answer to an amendment."""

    amendedOrder: AmendedOrder


class NativeLimit(msgspec.Struct):
    """The use of a rate limit so far, as an answer tells it."""

    rateLimitType: str
    count: int = 0
    interval: str = ""
    intervalNum: int = 0


class NativeErrorData(NativeReplacement):
    """The data of an error: when to retry, in milliseconds since 1970, or the results of a cancel-replace's halves."""

    retryAfter: int = 0


class NativeError(msgspec.Struct):
    """The reason why a request over the socket was not carried out."""

    code: int
    msg: str
    data: NativeErrorData | None = None


class NativeAnswer(msgspec.Struct):
    """A message from the socket: the answer to the request `id`, or an event that belongs to no request."""

    id: int | None = None
    status: int = 0
    result: msgspec.Raw = msgspec.Raw()
    error: NativeError | None = None
    rateLimits: list[NativeLimit] = []
