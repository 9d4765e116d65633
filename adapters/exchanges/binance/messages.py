"""Binance's messages as they arrive, and what they mean in the platform's words. Decimals never pass a float."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from application.exchange import Balance, Candle, Fill, OrderReport
from domain.aggregate import Personal
from domain.amounts import ZERO
from domain.market import Market
from domain.order import Status
from domain.wish import Side

STATES = {
    "NEW": Status.OPEN,
    "PENDING_NEW": Status.OPEN,
    "PARTIALLY_FILLED": Status.OPEN,
    "PENDING_CANCEL": Status.OPEN,
    "FILLED": Status.CLOSED,
    "CANCELED": Status.CANCELLED,
    "REJECTED": Status.REJECTED,
    "EXPIRED": Status.EXPIRED,
    "EXPIRED_IN_MATCH": Status.EXPIRED,
}
"""Binance's order states. An expired order may well have been filled in part."""


NONSENSE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, OSError, RecursionError)
"""What reading a message of the wrong shape raises, besides msgspec's own errors."""


class Native(msgspec.Struct):
    """A message whose amounts are numbers: "NaN" and "Infinity" are none."""

    def __post_init__(self) -> None:
        """Raises `ValueError`, which the decoder turns into its own."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal) and not value.is_finite():
                raise ValueError(f"{name} is {value}")


class NativeFill(Native):
    """An execution inside the answer to a placement."""

    price: Decimal
    qty: Decimal
    commission: Decimal
    commissionAsset: str  # noqa: N815 - Binance's name
    tradeId: int  # noqa: N815


class NativeOrder(Native):
    """An order in the answer to a placement, a query or a cancel."""

    symbol: str
    orderId: int  # noqa: N815
    clientOrderId: str  # noqa: N815
    side: str
    status: str
    price: Decimal
    origQty: Decimal  # noqa: N815
    executedQty: Decimal  # noqa: N815
    cummulativeQuoteQty: Decimal  # noqa: N815 - sic
    origClientOrderId: str | None = None  # noqa: N815
    transactTime: int | None = None  # noqa: N815
    time: int | None = None
    expiryReason: str | None = None  # noqa: N815
    fills: list[NativeFill] = []


class NativeTrade(Native):
    """An execution of `myTrades`."""

    id: int
    price: Decimal
    qty: Decimal
    commission: Decimal
    commissionAsset: str  # noqa: N815
    time: int
    isMaker: bool  # noqa: N815


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
    l: Decimal  # noqa: E741
    z: Decimal
    L: Decimal
    n: Decimal
    N: str | None
    T: int
    t: int
    m: bool
    O: int  # noqa: E741
    Z: Decimal
    eR: str | None = None  # noqa: N815


class NativeBalance(Native):
    """One currency of `account`."""

    asset: str
    free: Decimal
    locked: Decimal


class NativeAccount(msgspec.Struct):
    """The answer of `account`, as far as it is looked at."""

    balances: list[NativeBalance]


class NativeBook(Native):
    """One market of `bookTicker`."""

    symbol: str
    bidPrice: Decimal  # noqa: N815
    askPrice: Decimal  # noqa: N815


class NativePrice(Native):
    """One market of `ticker/price`."""

    symbol: str
    price: Decimal


class NativeInformation(msgspec.Struct):
    """The answer of `exchangeInfo`, its symbols as they are."""

    symbols: list[dict[str, Any]]
    rateLimits: list[dict[str, Any]] = []  # noqa: N815


class NativeTime(msgspec.Struct):
    """The answer of `time`."""

    serverTime: int  # noqa: N815


class NativeList(msgspec.Struct):
    """The answer to a change of a list of orders."""

    orderReports: msgspec.Raw  # noqa: N815


class NativeReplacement(msgspec.Struct):
    """The answer to a cancel-replace that worked."""

    newOrderResponse: msgspec.Raw  # noqa: N815


class AmendedOrder(Native):
    """An order as an amendment's answer tells it."""

    symbol: str
    orderId: int  # noqa: N815
    clientOrderId: str  # noqa: N815
    side: str
    status: str
    price: Decimal
    qty: Decimal
    executedQty: Decimal  # noqa: N815
    cumulativeQuoteQty: Decimal  # noqa: N815


class NativeAmendment(msgspec.Struct):
    """The answer to an amendment."""

    amendedOrder: AmendedOrder  # noqa: N815


_information_decoder = msgspec.json.Decoder(NativeInformation)
_time_decoder = msgspec.json.Decoder(NativeTime)
_account_decoder = msgspec.json.Decoder(NativeAccount)
_books_decoder = msgspec.json.Decoder(list[NativeBook])
_prices_decoder = msgspec.json.Decoder(list[NativePrice])
_rows_decoder = msgspec.json.Decoder(list[list[Any]])
_list_decoder = msgspec.json.Decoder(NativeList)
_replacement_decoder = msgspec.json.Decoder(NativeReplacement)
_amendment_decoder = msgspec.json.Decoder(NativeAmendment, strict=False)
order_decoder = msgspec.json.Decoder(NativeOrder, strict=False)
trades_decoder = msgspec.json.Decoder(list[NativeTrade], strict=False)
execution_decoder = msgspec.json.Decoder(ExecutionReport, strict=False)
any_decoder = msgspec.json.Decoder()


def moment(milliseconds: int) -> datetime:
    """A time of Binance."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC) + timedelta(milliseconds=milliseconds % 1000)


def report_of(raw: bytes) -> OrderReport:
    """An order as REST tells it. The answer to a cancel carries our id as the *original* client id."""
    order, text = order_decoder.decode(raw), Personal(raw.decode())
    executed_at = moment(order.transactTime or order.time or 0)
    if order.fills and not (order.transactTime or order.time):
        raise ValueError("fills without a time")
    return OrderReport(
        exchange_order_id=str(order.orderId),
        client_order_id=order.origClientOrderId or order.clientOrderId,
        native_symbol=order.symbol,
        side=Side(order.side.lower()),
        state=STATES.get(order.status),
        native_status=order.status,
        quantity=order.origQty,
        price=order.price or None,
        filled=order.executedQty,
        cost=max(order.cummulativeQuoteQty, ZERO),
        raw=text,
        reason=order.expiryReason or "",
        fills=[
            Fill(str(f.tradeId), f.qty, f.price, abs(f.commission), f.commissionAsset, executed_at, None, text)
            for f in order.fills
        ],
        created_at=moment(order.time) if order.time else None,
    )


def reports_of(raw: bytes) -> list[OrderReport]:
    """A list of orders, each with its own part of the answer as raw."""
    parts = msgspec.json.decode(raw, type=list[msgspec.Raw])
    return [report_of(bytes(part)) for part in parts]


def reports_of_list(raw: bytes) -> list[OrderReport]:
    """The legs in the answer to a change of a list."""
    return reports_of(bytes(_list_decoder.decode(raw).orderReports))


def report_of_replacement(raw: bytes) -> OrderReport:
    """The new order in the answer to a cancel-replace."""
    return report_of(bytes(_replacement_decoder.decode(raw).newOrderResponse))


def report_of_amendment(raw: bytes) -> OrderReport:
    """The order after an amendment, which names its quantity and its cost by words of their own."""
    told = _amendment_decoder.decode(raw)
    order, text = told.amendedOrder, Personal(raw.decode())
    return OrderReport(
        exchange_order_id=str(order.orderId),
        client_order_id=order.clientOrderId,
        native_symbol=order.symbol,
        side=Side(order.side.lower()),
        state=STATES.get(order.status),
        native_status=order.status,
        quantity=order.qty,
        price=order.price or None,
        filled=order.executedQty,
        cost=order.cumulativeQuoteQty,
        raw=text,
    )


def report_of_execution(raw: bytes) -> OrderReport:
    """An `executionReport`: on a cancel, `C` is our id and `c` the cancel's own."""
    told = execution_decoder.decode(raw)
    text = Personal(raw.decode())
    fills = []
    if told.x == "TRADE":
        fills = [Fill(str(told.t), told.l, told.L, abs(told.n), told.N, moment(told.T), told.m, text)]
    return OrderReport(
        exchange_order_id=str(told.i),
        client_order_id=told.C or told.c,
        native_symbol=told.s,
        side=Side(told.S.lower()),
        state=STATES.get(told.X),
        native_status=told.X,
        quantity=told.q,
        price=told.p or None,
        filled=told.z,
        cost=told.Z,
        raw=text,
        reason=told.eR or ("" if told.r == "NONE" else told.r),
        fills=fills,
        created_at=moment(told.O),
    )


def fills_of(raw: bytes) -> list[Fill]:
    """The answer of `myTrades`."""
    parts = msgspec.json.decode(raw, type=list[msgspec.Raw])
    trades = [msgspec.json.decode(part, type=NativeTrade, strict=False) for part in parts]
    return [
        Fill(
            str(t.id), t.qty, t.price, abs(t.commission), t.commissionAsset, moment(t.time), t.isMaker,
            Personal(bytes(part).decode()),
        )
        for t, part in zip(trades, parts, strict=True)
    ]  # fmt: skip


def market_of(told: dict[str, Any]) -> Market:
    """One symbol of `exchangeInfo` with its filters. A limit of "0.00000000" means that there is none."""
    filters = {f["filterType"]: f for f in told["filters"]}

    def number(kind: str, name: str) -> Decimal:
        return _number(filters.get(kind, {}).get(name, "0"))

    lot = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    return Market(
        exchange="binance",
        symbol=f"{told['baseAsset']}/{told['quoteAsset']}",
        native=told["symbol"],
        base=told["baseAsset"],
        quote=told["quoteAsset"],
        active=told["status"] == "TRADING",
        price_tick=number("PRICE_FILTER", "tickSize"),
        minimum_price=number("PRICE_FILTER", "minPrice"),
        maximum_price=number("PRICE_FILTER", "maxPrice"),
        quantity_step=number("LOT_SIZE", "stepSize"),
        minimum_quantity=number("LOT_SIZE", "minQty"),
        maximum_quantity=number("LOT_SIZE", "maxQty"),
        market_maximum_quantity=number("MARKET_LOT_SIZE", "maxQty"),
        minimum_notional=_number(lot.get("minNotional", "0")),
        maximum_notional=_number(lot.get("maxNotional", "0")),
        cost_step=Decimal(1).scaleb(-int(told.get("quoteAssetPrecision", 8))),
    )


def exchange_information_of(raw: bytes) -> tuple[int, list[Market]]:
    """The weight allowed in a minute (0 when it is not told) and every spot market."""
    told = _information_decoder.decode(raw)
    weights = [
        int(limit["limit"])
        for limit in told.rateLimits
        if (limit["rateLimitType"], limit["interval"]) == ("REQUEST_WEIGHT", "MINUTE")
    ]
    markets = [market_of(symbol) for symbol in told.symbols if symbol.get("isSpotTradingAllowed", True)]
    return max(weights, default=0), markets


def server_time_of(raw: bytes) -> datetime:
    """The answer of `time`."""
    return moment(_time_decoder.decode(raw).serverTime)


def balances_of(raw: bytes) -> dict[str, Balance]:
    """The balances of `account` by currency."""
    return {b.asset: Balance(b.asset, b.free, b.locked) for b in _account_decoder.decode(raw).balances}


def best_prices_of(raw: bytes) -> dict[str, tuple[Decimal, Decimal]]:
    """Bid and ask of `bookTicker` by native symbol."""
    return {b.symbol: (b.bidPrice, b.askPrice) for b in _books_decoder.decode(raw)}


def last_prices_of(raw: bytes) -> dict[str, Decimal]:
    """The last price of `ticker/price` by native symbol."""
    return {last.symbol: last.price for last in _prices_decoder.decode(raw)}


def candles_of(raw: bytes, now: datetime) -> list[Candle]:
    """The rows of `klines`; the last one is still running."""
    return [_candle_of(row, now) for row in _rows_decoder.decode(raw)]


def _number(text: str) -> Decimal:
    """An amount, which is always a text here. Raises `ValueError` for one that is none."""
    number = Decimal(text) if isinstance(text, str) else Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f"{text!r} is no number")
    return number


def _candle_of(row: list[Any], now: datetime) -> Candle:
    closes_at = moment(row[6])
    opened, high, low, close, volume = (_number(value) for value in row[1:6])
    return Candle(moment(row[0]), closes_at, opened, high, low, close, volume, closed=closes_at < now)


def candle_of_stream(kline: dict[str, Any]) -> Candle:
    """A bar of the market stream; `x` says that it is final."""
    opened, high, low, close, volume = (_number(kline[name]) for name in ("o", "h", "l", "c", "v"))
    return Candle(moment(kline["t"]), moment(kline["T"]), opened, high, low, close, volume, closed=kline["x"])
