"""Translation of Bitget's messages into the platform's words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from adapters.exchanges.bitget.native import (
    NativeAsset,
    NativeFill,
    NativeInfo,
    NativeName,
    NativeOpenOrder,
    NativeOrder,
    NativePlan,
    NativePlanPush,
    NativePlans,
    NativePush,
    NativeSubOrder,
    NativeTicker,
    NativeTime,
    amount_of,
)
from adapters.exchanges.decoding import NONSENSE, number_of
from application.ports.market_data import DayTicker
from application.ports.statements import Balance, Fill, OrderReport, PartlyUnreadable, Rights, Scrap
from domain.aggregate import Personal
from domain.amounts import ZERO, product
from domain.candles.bar import Bar, Proof, check_bar
from domain.candles.timeframes import moment
from domain.orders.order_status import Status
from domain.orders.wish import Side, Type

STATES = {
    "init": Status.OPEN,
    "new": Status.OPEN,
    "live": Status.OPEN,
    "partially_filled": Status.OPEN,
    "partial-fill": Status.OPEN,
    "filled": Status.CLOSED,
    "full-fill": Status.CLOSED,
    "cancelled": Status.CANCELLED,
    "expired": Status.EXPIRED,
}
"""The platform's status for each of Bitget's order states. A cancelled order may well be partly filled."""
FAILED = "fail_execute"
_EARLIEST = 10**12
WAITING, EXECUTED = frozenset({"live", "not_trigger"}), frozenset({"executing", "executed"})
PLAN_STATES = {
    "live": Status.OPEN,
    "not_trigger": Status.OPEN,
    "executing": Status.OPEN,
    "executed": Status.OPEN,
    "cancelled": Status.CANCELLED,
    FAILED: Status.EXPIRED,
}
"""The platform's status for each state of a plan order. An executed one is what the order is that it has become."""
_TYPES = {"market": Type.MARKET, "limit": Type.LIMIT}
_MAY_TRADE, _MAY_WITHDRAW = "stow", "wtow"
"""Bitget's words for what a key may do: spot orders written, withdrawals written."""
_UNDATED = 0

_info_decoder = msgspec.json.Decoder(NativeInfo)
_time_decoder = msgspec.json.Decoder(NativeTime)


def report_of(raw: bytes) -> OrderReport:
    """Read an order as `orderInfo` and `history-orders` tell it."""
    order = msgspec.json.decode(raw, type=NativeOrder)
    return _report(order, order.price, amount_of(order.quoteVolume), raw, order.cancelReason)


def report_of_open(raw: bytes) -> OrderReport:
    """Read an order as `unfilled-orders` tells it, whose price has another name there."""
    order = msgspec.json.decode(raw, type=NativeOpenOrder)
    return _report(order, order.priceAvg, amount_of(order.quoteVolume), raw)


def _report(
    order: NativeOrder | NativeOpenOrder, price: str, cost: Decimal, raw: bytes, reason: str = ""
) -> OrderReport:
    filled, kind = amount_of(order.baseVolume), _TYPES.get(order.orderType)
    return OrderReport(
        exchange_order_id=order.orderId,
        client_order_id=order.clientOid,
        native_symbol=order.symbol,
        side=Side(order.side),
        state=STATES.get(order.status),
        native_status=order.status,
        quantity=_quantity(order.side, kind, order.size, filled),
        price=None if kind is Type.MARKET else amount_of(price) or None,
        filled=filled,
        cost=cost,
        raw=Personal(raw.decode()),
        reason=reason,
        created_at=_created(order.cTime),
        type=kind,
    )


def _created(told: str) -> datetime:
    """Read the time of an order. Raises `ValueError` for one in seconds: 1970 would be out of every list's reach."""
    if int(told) < _EARLIEST:
        raise ValueError(f"{told} is no time in milliseconds")
    return moment(int(told))


def _quantity(side: str, kind: Type | None, size: str, filled: Decimal) -> Decimal:
    """Return the quantity (base). A market buy is sized in the quote currency: it is what it has bought."""
    return filled if (side, kind) == ("buy", Type.MARKET) else amount_of(size)


def report_of_push(raw: bytes) -> OrderReport:
    """Read a row of the channel `orders`, with the fill that it tells of, if any."""
    told = msgspec.json.decode(raw, type=NativePush)
    text, filled = Personal(raw.decode()), amount_of(told.accBaseVolume)
    kind = _TYPES.get(told.orderType)
    fills = []
    if told.tradeId:
        fee, maker = abs(amount_of(told.fillFee)), {"M": True, "T": False}.get(told.tradeScope)
        fills = [
            Fill(
                told.tradeId, number_of(told.baseVolume), number_of(told.fillPrice), fee, told.fillFeeCoin or None,
                moment(int(told.fillTime)), maker, text,
            )
        ]  # fmt: skip
    return OrderReport(
        exchange_order_id=told.orderId,
        client_order_id=told.clientOid,
        native_symbol=told.instId,
        side=Side(told.side),
        state=STATES.get(told.status),
        native_status=told.status,
        quantity=_quantity(told.side, kind, told.newSize, filled),
        price=None if kind is Type.MARKET else amount_of(told.price) or None,
        filled=filled,
        cost=product(filled, amount_of(told.priceAvg)),
        raw=text,
        reason=told.cancelReason,
        fills=fills,
        created_at=_created(told.cTime),
        type=kind,
    )


def reports_of(raw: bytes, read: Callable[[bytes], OrderReport] = report_of) -> list[OrderReport]:
    """Read a list of orders, each with its own part of the answer as `raw`.

    Raises `PartlyUnreadable` when some cannot be read but can still be identified.
    """
    reports, scraps = [], []
    for part in map(bytes, msgspec.json.decode(raw, type=list[msgspec.Raw])):
        try:
            reports.append(read(part))
        except (msgspec.MsgspecError, *NONSENSE):
            name = msgspec.json.decode(part, type=NativeName)
            scraps.append(Scrap(name.orderId, name.clientOid or "", name.symbol, Personal(part.decode())))
    if scraps:
        raise PartlyUnreadable(reports, scraps)
    return reports


def open_reports_of(raw: bytes) -> list[OrderReport]:
    """Read the answer of `unfilled-orders`. Raises as `reports_of`."""
    return reports_of(raw, report_of_open)


def report_of_plan(raw: bytes, shape: type[NativePlan] = NativePlan) -> OrderReport:
    """Read a plan order, whose type is left open: it has no direction.

    The quantity of a buy by its cost is what that buys at the plan's own price.
    """
    told = msgspec.json.decode(raw, type=shape)
    kind, trigger = _TYPES[told.orderType], number_of(told.triggerPrice)
    price = number_of(told.executePrice) if kind is Type.LIMIT else None
    size = number_of(told.size)
    return OrderReport(
        exchange_order_id=told.orderId,
        client_order_id=told.clientOid,
        native_symbol=told.symbol,
        side=Side(told.side),
        state=PLAN_STATES.get(told.status),
        native_status=told.status,
        quantity=size / (price or trigger) if told.planType == "total" else size,
        price=price,
        filled=ZERO,
        cost=ZERO,
        raw=Personal(raw.decode()),
        reason=FAILED if told.status == FAILED else "",
        created_at=_created(told.cTime),
        stop_price=trigger,
        waits=told.status in WAITING,
    )


def report_of_plan_push(raw: bytes) -> OrderReport:
    """Read a row of the channel `orders-algo`."""
    return report_of_plan(raw, NativePlanPush)


def plans_of(raw: bytes) -> list[OrderReport]:
    """Read a page of plan orders. Raises as `reports_of`."""
    rows = msgspec.json.decode(raw, type=NativePlans).orderList
    return reports_of(msgspec.json.encode(rows or []), report_of_plan)


def sub_orders_of(raw: bytes) -> list[str]:
    """Read the ids of the orders that a plan order has become, of which there is at most one.

    A row without an id tells of one that is still to be made.
    """
    return [row.orderId for row in msgspec.json.decode(raw, type=list[NativeSubOrder]) if row.orderId]


def fills_of(order_id: str, raw: bytes) -> list[Fill]:
    """Read the answer of `trade/fills` about one order. Fees come below zero.

    Raises `ValueError` for a fill of another order, and for one without a number.
    """
    found = []
    for part in map(bytes, msgspec.json.decode(raw, type=list[msgspec.Raw])):
        told = msgspec.json.decode(part, type=NativeFill)
        if told.orderId != order_id or not told.tradeId.isdecimal():
            raise ValueError(f"fill {told.tradeId} of {told.orderId}")
        found.append(
            Fill(
                told.tradeId, number_of(told.size), number_of(told.priceAvg), abs(amount_of(told.feeDetail.totalFee)),
                told.feeDetail.feeCoin or None, moment(int(told.cTime)), told.tradeScope == "maker",
                Personal(part.decode()),
            )
        )  # fmt: skip
    return found


def order_id_of(raw: bytes) -> str:
    """Read the id in the answer to a placement or a cancel."""
    return msgspec.json.decode(raw, type=NativeName).orderId


def server_time_of(raw: bytes) -> datetime:
    """Read the answer of `public/time`."""
    return moment(int(_time_decoder.decode(raw).serverTime))


def balances_of(raw: bytes) -> dict[str, Balance]:
    """Read the balances of `account/assets` by currency, without those that are zero."""
    rows = msgspec.json.decode(raw, type=list[NativeAsset])
    told = {row.coin: Balance(row.coin, amount_of(row.available), _locked(row)) for row in rows}
    return {name: balance for name, balance in told.items() if balance.free or balance.locked}


def _locked(row: NativeAsset) -> Decimal:
    return amount_of(row.frozen) + amount_of(row.locked)


def rights_of(raw: bytes) -> Rights:
    """Read what a key may do, None where Bitget does not tell, and whether it works from certain addresses only."""
    told = _info_decoder.decode(raw)
    if not told.authorities:
        return Rights(None, None, bool(told.ips))
    return Rights(_MAY_TRADE in told.authorities, _MAY_WITHDRAW in told.authorities, bool(told.ips))


def tickers_of(raw: bytes) -> dict[str, NativeTicker]:
    """Read the answer of `market/tickers` by native symbol."""
    return {row.symbol: row for row in msgspec.json.decode(raw, type=list[NativeTicker])}


def day_tickers_of(raw: bytes) -> list[DayTicker]:
    """Read the markets of `market/tickers`."""
    rows = tickers_of(raw).values()
    return [
        DayTicker(row.symbol, amount_of(row.open), amount_of(row.lastPr), amount_of(row.quoteVolume)) for row in rows
    ]


def bars_of(raw: bytes, minutes: int) -> list[Bar]:
    """Read the rows of `candles` as bars of so many minutes, the running one included."""
    return [bar_of(row, minutes) for row in msgspec.json.decode(raw, type=list[list[Any]])]


def bar_of(row: list[Any], minutes: int) -> Bar:
    """Read one row of a candle. Bitget tells neither the number of its trades nor their ids."""
    opened, high, low, close, volume = (number_of(value) for value in row[1:6])
    bar = Bar(int(row[0]), minutes, opened, high, low, close, volume, int(bool(volume)), None, None, Proof.CONFIRMED)
    check_bar(bar)
    return bar
