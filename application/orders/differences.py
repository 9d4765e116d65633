"""Differences: what a report of the exchange adds to our record of an order.

One pure function serves the private stream, look-ups and reconciliation, so that an order has one truth, whichever way
the news arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from application.ports.statements import Fill, OrderReport
from domain.aggregate import Personal
from domain.amounts import is_amount, plain, total
from domain.orders.order import Order
from domain.orders.order_status import ENDED, Status
from domain.reconciliation import Fact

CLOCKS_DIFFER = timedelta(days=1)
"""An execution older than its order by more than this cannot belong to it, however wrong a clock is."""


RECORDS: Mapping[str, Callable[..., None]] = {
    "Accepted": Order.accept,
    "Amended": Order.amend,
    "Filled": Order.fill,
    "Progressed": Order.progress,
    "Closed": Order.close,
    "Cancelled": Order.cancel,
    "Expired": Order.expire,
    "Rejected": Order.reject,
    "StatusUnknown": Order.meet_unknown_status,
    "Corrected": Order.correct,
    "Contradicted": Order.contradict,
}
"""The verb that records each event a report can lead to."""


@dataclass(frozen=True)
class Difference:
    """One thing that a report adds to an order: the event it leads to, and the values that its verb takes.

    A difference that `needs_two` contradicts an end that we recorded or shows a change that we did not make. It counts
    only when a second, later report repeats it.
    """

    event: str
    values: Mapping[str, Any]
    raw: Personal = field(compare=False, repr=False)
    needs_two: bool = False

    def record(self, order: Order) -> None:
        """Record it on an order. Raises `Refused` as the verb does."""
        RECORDS[self.event](order, **self.values, raw=self.raw)

    @property
    def fact(self) -> Fact:
        """The fact as a reconciliation records it: values as texts, without those that are missing."""
        values = (
            self.values if self.event != "Contradicted" else {"reason": self.values["reason"]} | self.values["values"]
        )
        return Fact(self.event, {name: _text(value) for name, value in values.items() if value is not None})


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


@dataclass(frozen=True)
class Differences:
    """The differences between a report and our record of an order, in the sequence in which to record them.

    It is empty when the report adds nothing.
    """

    found: Sequence[Difference] = ()

    def believed(self, agreed: Container[Difference] = ()) -> list[Difference]:
        """Return those to record now. `agreed` are those that an earlier report has stated."""
        return [one for one in self.found if not one.needs_two or one in agreed]

    def doubted(self, agreed: Container[Difference] = ()) -> list[Difference]:
        """Return those that a later report has to repeat first."""
        return [one for one in self.found if one.needs_two and one not in agreed]


def differences(
    order: Order,
    report: OrderReport,
    native_symbol: str,
    fills: Sequence[Fill] = (),
    fee_values: Mapping[str, Decimal] | None = None,
) -> Differences:
    """Return the differences between `report` and `order`.

    `native_symbol` is the exchange's name of the order's market. `fills` are executions that were fetched separately,
    because the report's own do not explain its total. `fee_values` holds the worth (quote) of fees in third currencies
    by trade id. A report that cannot be true becomes one `Contradicted`, or nothing when that is recorded already.
    """
    if (found := _contradiction(order, report, native_symbol)) is not None:
        return _untold(order, [_contradicted(*found, report)])
    amended = _amended(order, report)
    size = report.quantity if amended is not None and not amended.needs_two else order.quantity
    new = [*_accepted(order, report), *([amended] if amended is not None else [])]
    new += [*_executions(order, report, fills, size, fee_values or {}), *_state(order, report, size)]
    return _untold(order, new)


def is_complete(order: Order, report: OrderReport) -> bool:
    """Return True when the report's own fills and those on record explain all that it says was executed."""
    known = {**order.fills, **{fill.trade_id: fill.quantity for fill in report.fills}}
    return total(known.values()) >= report.filled


Contradiction = tuple[str, Mapping[str, object]]
"""A reason, one of the platform's codes, and the values that show it."""


# --- what cannot be true ---------------------------------------------------------------------------------------------


def _untold(order: Order, found: Sequence[Difference]) -> Differences:
    """Return the differences without contradictions that are recorded already."""
    return Differences(
        [one for one in found if one.event != "Contradicted" or not order.knows_contradiction(**one.values)]
    )


def _contradicted(reason: str, values: Mapping[str, object], report: OrderReport) -> Difference:
    texts = {name: _text(value) for name, value in values.items()}
    return Difference("Contradicted", {"reason": reason, "values": texts}, report.raw)


def _contradiction(order: Order, report: OrderReport, native_symbol: str) -> Contradiction | None:
    return next(_of_another(order, report, native_symbol), None) or next(_impossible(order, report), None)


def _of_another(order: Order, report: OrderReport, native_symbol: str) -> Iterator[Contradiction]:
    """Yield the reasons, with values, why the report cannot be about this order."""
    known = order.exchange_order_ids
    if order.status in {Status.PLACED, Status.REFUSED}:
        yield "never_sent", {"status": report.native_status, "exchange_order_id": report.exchange_order_id}
    if report.native_symbol != native_symbol:
        yield "foreign_symbol", {"theirs": report.native_symbol, "ours": native_symbol}
    if report.side is not order.wish.side:
        yield "side_contradicts", {"theirs": report.side, "ours": order.wish.side}
    if known and report.exchange_order_id not in known:
        yield "order_known_otherwise", {"theirs": report.exchange_order_id, "ours": known[-1]}


def _impossible(order: Order, report: OrderReport) -> Iterator[Contradiction]:
    """Yield the reason, with values, why the report's amounts cannot be true."""
    told, word = (report.quantity, report.filled, report.cost), report.native_status
    size = report.quantity or report.filled  # some reports of orders sized in the quote currency have none
    if not all(is_amount(amount) and amount >= 0 for amount in told) or report.filled > size:
        yield "amounts_contradict", {"filled": report.filled, "quantity": report.quantity, "cost": report.cost}
    elif total(fill.quantity for fill in report.fills if fill.quantity.is_finite()) > report.filled:
        yield "amounts_contradict", {"filled": report.filled}
    elif report.state is Status.CLOSED and report.filled < size:
        yield "amounts_contradict", {"status": word, "filled": report.filled, "quantity": report.quantity}
    elif report.state in ENDED and order.status not in ENDED and report.filled < order.filled:
        yield "executions_vanished", {"status": word, "filled": report.filled, "before": order.filled}


def _wrong(order: Order, fill: Fill) -> Contradiction | None:
    """Return the reason, with values, why a fill cannot be an execution of the order; None when it can."""
    if not all(is_amount(amount) for amount in (fill.quantity, fill.price, fill.fee)):
        return "fill_contradicts", {"trade_id": fill.trade_id}
    if fill.quantity <= 0 or fill.price < 0:
        return "fill_contradicts", {"trade_id": fill.trade_id, "quantity": fill.quantity, "price": fill.price}
    if fill.fee < 0:
        return "fee_negative", {"trade_id": fill.trade_id, "fee": fill.fee}
    if order.submitted_at is not None and fill.executed_at < order.submitted_at - CLOCKS_DIFFER:
        return "time_runs_backwards", {"trade_id": fill.trade_id, "executed_at": fill.executed_at}
    return None


# --- what is new ---------------------------------------------------------------------------------------------------


def _accepted(order: Order, report: OrderReport) -> Iterator[Difference]:
    number, raw = report.exchange_order_id, report.raw
    if number not in order.exchange_order_ids:
        yield Difference("Accepted", {"exchange_order_id": number}, raw)


def _amended(order: Order, report: OrderReport) -> Difference | None:
    """Return the fact that quantity, price or trigger have changed, at our request or outside, None otherwise."""
    if order.quantity is None or not report.quantity:
        return None
    quantity = report.quantity if report.quantity != order.quantity else None
    price, stop_price = _moved(order.price, report.price), _moved(order.stop_price, report.stop_price)
    asked = order.amendment
    by_us = asked is not None and (
        (report.client_order_id == asked.client_order_id and asked.client_order_id not in order.client_order_ids)
        or (quantity is not None and quantity == asked.quantity)
        or (stop_price is not None and stop_price == asked.stop_price)
    )
    if not by_us and (quantity, price, stop_price) == (None, None, None):
        return None
    # Executed beyond our quantity, or completely executed at another size or price: only a change explains that.
    ended_whole = report.state is Status.CLOSED and order.status not in ENDED
    proven = by_us or report.filled > order.quantity or ended_whole
    values = {"exchange_order_id": report.exchange_order_id, "quantity": quantity, "price": price}
    if stop_price is not None:
        values["stop_price"] = stop_price
    return Difference("Amended", values, report.raw, needs_two=not proven)


def _moved(ours: Decimal | None, theirs: Decimal | None) -> Decimal | None:
    """Return their price when both name one and they differ, None otherwise."""
    return theirs if None not in {ours, theirs} and ours != theirs else None


def _executions(
    order: Order,
    report: OrderReport,
    fills: Sequence[Fill],
    size: Decimal | None,
    fee_values: Mapping[str, Decimal],
) -> Iterator[Difference]:
    known = dict(order.fills)
    for fill in (*report.fills, *fills):
        if fill.trade_id in known:
            if known[fill.trade_id] != fill.quantity:
                values = {"trade_id": fill.trade_id, "theirs": fill.quantity, "ours": known[fill.trade_id]}
                yield _contradicted("fill_contradicts", values, report)
        elif (wrong := _wrong(order, fill)) is not None:
            yield _contradicted(*wrong, report)
        elif size is not None and total((*known.values(), fill.quantity)) > size:
            too_much = {"trade_id": fill.trade_id, "quantity": fill.quantity, "size": size}
            yield _contradicted("fill_contradicts", too_much, report)
        else:
            known[fill.trade_id] = fill.quantity
            yield _filled(fill, fee_values.get(fill.trade_id))
    if report.filled > max(total(known.values()), order.reported_quantity):
        progress = {"cumulative_quantity": report.filled, "cumulative_cost": report.cost}
        yield Difference("Progressed", progress, report.raw)


def _filled(fill: Fill, fee_value: Decimal | None) -> Difference:
    values = {name: value for name, value in vars(fill).items() if name != "raw"}
    return Difference("Filled", values | {"fee_value": fee_value}, fill.raw)


def _state(order: Order, report: OrderReport, size: Decimal | None) -> Iterator[Difference]:
    state, word, raw = report.state, report.native_status, report.raw
    if state in ENDED - {Status.CLOSED} and report.filled == size:
        yield _contradicted("amounts_contradict", {"status": word, "filled": report.filled}, report)
        state = Status.CLOSED
    if state is None:
        if word not in order.unmapped:
            yield Difference("StatusUnknown", {"native_status": word}, raw)
    elif order.status in ENDED:
        if state is not order.status:
            yield Difference("Corrected", {"ours": order.status, "theirs": state}, raw, needs_two=True)
    elif state is Status.CLOSED:
        yield Difference("Closed", {}, raw)
    elif state is Status.CANCELLED:
        yield Difference("Cancelled", {"reason": report.reason or "cancelled"}, raw)
    elif state is Status.EXPIRED:
        yield Difference("Expired", {"reason": report.reason or "expired"}, raw)
    elif state is Status.REJECTED:
        yield Difference("Rejected", {"reason": report.reason or "rejected_by_exchange"}, raw)
