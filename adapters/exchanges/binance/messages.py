"""Translation of Binance's messages into the platform's words."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from adapters.exchanges.binance.native import (
    ExecutionReport,
    NativeAccount,
    NativeAmendment,
    NativeBook,
    NativeDay,
    NativeList,
    NativeName,
    NativeOrder,
    NativePermission,
    NativePrice,
    NativeRestrictions,
    NativeTime,
    NativeTrade,
)
from adapters.exchanges.binance.parameters import TYPES
from adapters.exchanges.decoding import NONSENSE, number_of
from application.ports.market_data import DayTicker
from application.ports.statements import Balance, Fill, OrderReport, PartlyUnreadable, Rights, Scrap
from domain.aggregate import Personal
from domain.amounts import ZERO
from domain.candles.bar import Bar, Proof, check_bar
from domain.candles.timeframes import moment
from domain.orders.order_status import Status
from domain.orders.wish import Side

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
"""The platform's status for each of Binance's order states. An expired order may well be partly filled."""


_time_decoder = msgspec.json.Decoder(NativeTime)
_account_decoder = msgspec.json.Decoder(NativeAccount)
_permission_decoder = msgspec.json.Decoder(NativePermission)
_restrictions_decoder = msgspec.json.Decoder(NativeRestrictions)
_books_decoder = msgspec.json.Decoder(list[NativeBook])
_prices_decoder = msgspec.json.Decoder(list[NativePrice])
_days_decoder = msgspec.json.Decoder(list[NativeDay])
_rows_decoder = msgspec.json.Decoder(list[list[Any]])
_name_decoder = msgspec.json.Decoder(NativeName)
_list_decoder = msgspec.json.Decoder(NativeList)
_amendment_decoder = msgspec.json.Decoder(NativeAmendment, strict=False)
order_decoder = msgspec.json.Decoder(NativeOrder, strict=False)
execution_decoder = msgspec.json.Decoder(ExecutionReport, strict=False)


def report_of(raw: bytes) -> OrderReport:
    """Read an order as REST tells it. The answer to a cancel carries our id as the *original* client id."""
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
            Fill(str(f.tradeId), f.qty, f.price, f.commission, f.commissionAsset, executed_at, None, text)
            for f in order.fills
        ],
        created_at=moment(order.time) if order.time else None,
        type=TYPES.get(order.type or ""),
        stop_price=order.stopPrice or None,
    )


def reports_of(raw: bytes) -> list[OrderReport]:
    """Read a list of orders, each with its own part of the answer as `raw`.

    Raises `PartlyUnreadable` when some cannot be read but can still be identified.
    """
    reports, scraps = [], []
    for part in map(bytes, msgspec.json.decode(raw, type=list[msgspec.Raw])):
        try:
            reports.append(report_of(part))
        except (msgspec.MsgspecError, *NONSENSE):
            name = _name_decoder.decode(part)
            scraps.append(Scrap(str(name.orderId), name.clientOrderId, name.symbol, Personal(part.decode())))
    if scraps:
        raise PartlyUnreadable(reports, scraps)
    return reports


def reports_of_list(raw: bytes) -> list[OrderReport]:
    """Read both legs in the answer to a change of a list."""
    return reports_of(bytes(_list_decoder.decode(raw).orderReports))


def reports_of_cancel(raw: bytes) -> list[OrderReport]:
    """Read the orders that a cancel took off the book: one, or both legs of a list."""
    legs = _list_decoder.decode(raw).orderReports
    return reports_of(bytes(legs)) if bytes(legs) else [report_of(raw)]


def report_of_amendment(raw: bytes) -> OrderReport:
    """Read the order after an amendment, whose answer has its own names for quantity and cost."""
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
    """Read an `executionReport`. On a cancel, `C` is our id and `c` the id of the cancel itself."""
    told = execution_decoder.decode(raw)
    text = Personal(raw.decode())
    fills = []
    if told.x == "TRADE":
        fills = [Fill(str(told.t), told.l, told.L, told.n, told.N, moment(told.T), told.m, text)]
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
    """Read the fills in the answer of `myTrades`."""
    parts = msgspec.json.decode(raw, type=list[msgspec.Raw])
    trades = [msgspec.json.decode(part, type=NativeTrade, strict=False) for part in parts]
    return [
        Fill(
            str(t.id), t.qty, t.price, t.commission, t.commissionAsset, moment(t.time), t.isMaker,
            Personal(bytes(part).decode()),
        )
        for t, part in zip(trades, parts, strict=True)
    ]  # fmt: skip


def server_time_of(raw: bytes) -> datetime:
    """Read the answer of `time`."""
    return moment(_time_decoder.decode(raw).serverTime)


def balances_of(raw: bytes) -> dict[str, Balance]:
    """Read the balances of `account` by currency."""
    return {b.asset: Balance(b.asset, b.free, b.locked) for b in _account_decoder.decode(raw).balances}


def may_trade_of(raw: bytes) -> bool:
    """Return True when the account may trade."""
    return _permission_decoder.decode(raw).canTrade


def rights_of(raw: bytes) -> Rights:
    """Read what a key may do, and whether it works from certain addresses only."""
    told = _restrictions_decoder.decode(raw)
    return Rights(told.enableSpotAndMarginTrading, told.enableWithdrawals, told.ipRestrict)


def best_prices_of(raw: bytes) -> dict[str, tuple[Decimal, Decimal]]:
    """Read bid and ask of `bookTicker` by native symbol."""
    return {b.symbol: (b.bidPrice, b.askPrice) for b in _books_decoder.decode(raw)}


def last_prices_of(raw: bytes) -> dict[str, Decimal]:
    """Read the last prices of `ticker/price` by native symbol."""
    return {last.symbol: last.price for last in _prices_decoder.decode(raw)}


def day_tickers_of(raw: bytes) -> list[DayTicker]:
    """Read the markets of `ticker/24hr`."""
    return [DayTicker(d.symbol, d.openPrice, d.lastPrice, d.quoteVolume) for d in _days_decoder.decode(raw)]


def bars_of(raw: bytes, minutes: int) -> list[Bar]:
    """Read the rows of `klines` as bars of so many minutes, the running one included."""
    return [_bar_of(row, minutes) for row in _rows_decoder.decode(raw)]


def _bar_of(row: list[Any], minutes: int) -> Bar:
    opened, high, low, close, volume = (number_of(value) for value in row[1:6])
    bar = Bar(int(row[0]), minutes, opened, high, low, close, volume, int(row[8]), None, None, Proof.CONFIRMED)
    check_bar(bar)
    return bar
