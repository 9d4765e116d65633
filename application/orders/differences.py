"""Differences: facts that a report of the exchange adds to our record of an order.

One pure function serves the private stream, look-ups and reconciliation, so that an order has one truth, whichever way
the news arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from application.ports.statements import Fill, OrderReport
from domain.amounts import is_amount, plain, total
from domain.order import ENDED, Order, Status

CLOCKS_DIFFER = timedelta(days=1)
"""An execution older than its order by more than this cannot belong to it, however wrong a clock is."""


@dataclass(frozen=True)
class Fact:
    """One thing to record on an order: the event it leads to, its detail in words, and the call that records it.

    A fact that `needs_two` contradicts an end that we recorded or shows a change that we did not make. It counts only
    when a second, later report repeats it.
    """

    event: str
    detail: str
    say: Callable[[Order], None] = field(compare=False, repr=False)
    needs_two: bool = False


def differences(
    order: Order,
    report: OrderReport,
    native_symbol: str,
    fills: Sequence[Fill] = (),
    fee_values: Mapping[str, Decimal] | None = None,
) -> list[Fact]:
    """Return the facts that `report` adds to `order`, in the sequence in which to record them.

    The list is empty when the report adds nothing. `native_symbol` is the exchange's name of the order's market.
    `fills` are executions that were fetched separately, because the report's own do not explain its total.
    `fee_values` holds the worth (quote) of fees in third currencies by trade id. A report that cannot be true becomes
    one `Contradicted` fact, or none when that is recorded already.
    """
    if (found := _contradiction(order, report, native_symbol)) is not None:
        return _untold(order, [_contradicted(*found, report)])
    amended = _amended(order, report)
    size = report.quantity if amended is not None and not amended.needs_two else order.quantity
    facts = [*_accepted(order, report), *([amended] if amended is not None else [])]
    facts += [*_executions(order, report, fills, size, fee_values or {}), *_state(order, report, size)]
    return _untold(order, facts)


def is_complete(order: Order, report: OrderReport) -> bool:
    """Return True when the report's own fills and those on record explain all that it says was executed."""
    known = {**order.fills, **{fill.trade_id: fill.quantity for fill in report.fills}}
    return total(known.values()) >= report.filled


# --- what cannot be true ---------------------------------------------------------------------------------------------


def _untold(order: Order, facts: Sequence[Fact]) -> list[Fact]:
    """Return the facts without contradictions that are recorded already."""
    told = {f"{reason}: {detail}" for reason, detail in order.contradictions}
    return [fact for fact in facts if fact.event != "Contradicted" or fact.detail not in told]


def _contradicted(reason: str, detail: str, report: OrderReport) -> Fact:
    return Fact("Contradicted", f"{reason}: {detail}", lambda o: o.contradict(reason, detail, report.raw))


def _contradiction(order: Order, report: OrderReport, native_symbol: str) -> tuple[str, str] | None:
    return next(_of_another(order, report, native_symbol), None) or next(_impossible(order, report), None)


def _of_another(order: Order, report: OrderReport, native_symbol: str) -> Iterator[tuple[str, str]]:
    """Yield the reasons, with details, why the report cannot be about this order."""
    known = order.exchange_order_ids
    if order.status in {Status.PLACED, Status.REFUSED}:
        yield "never_sent", f"{report.native_status} as {report.exchange_order_id}"
    if report.native_symbol != native_symbol:
        yield "foreign_symbol", f"{report.native_symbol} instead of {native_symbol}"
    if report.side is not order.wish.side:
        yield "side_contradicts", f"{report.side} instead of {order.wish.side}"
    if known and report.exchange_order_id not in known:
        yield "order_known_otherwise", f"{report.exchange_order_id} instead of {known[-1]}"


def _impossible(order: Order, report: OrderReport) -> Iterator[tuple[str, str]]:
    """Yield the reason, with a detail, why the report's amounts cannot be true."""
    told = (report.quantity, report.filled, report.cost)
    size = report.quantity or report.filled  # some reports of orders sized in the quote currency have none
    if not all(is_amount(amount) and amount >= 0 for amount in told) or report.filled > size:
        yield "amounts_contradict", f"{report.filled} of {report.quantity} for {report.cost}"
    elif total(fill.quantity for fill in report.fills if fill.quantity.is_finite()) > report.filled:
        yield "amounts_contradict", f"the fills are more than the {report.filled} executed"
    elif report.state is Status.CLOSED and report.filled < size:
        yield "amounts_contradict", f"{report.native_status} with {report.filled} of {report.quantity}"
    elif report.state in ENDED and order.status not in ENDED and report.filled < order.filled:
        yield "executions_vanished", f"{report.native_status} with {report.filled}, {order.filled} were reported"


def _wrong(order: Order, fill: Fill) -> tuple[str, str] | None:
    """Return the reason, with a detail, why a fill cannot be an execution of the order; None when it can."""
    if not all(is_amount(amount) for amount in (fill.quantity, fill.price, fill.fee)):
        return "fill_contradicts", f"trade {fill.trade_id} is no amount"
    if fill.quantity <= 0 or fill.price < 0:
        return "fill_contradicts", f"trade {fill.trade_id}: {fill.quantity} at {fill.price}"
    if fill.fee < 0:
        return "fee_negative", f"trade {fill.trade_id}: a fee of {fill.fee}"
    if order.submitted_at is not None and fill.executed_at < order.submitted_at - CLOCKS_DIFFER:
        return "time_runs_backwards", f"trade {fill.trade_id} at {fill.executed_at.isoformat()}"
    return None


# --- what is new ---------------------------------------------------------------------------------------------------


def _accepted(order: Order, report: OrderReport) -> Iterator[Fact]:
    number, raw = report.exchange_order_id, report.raw
    if number not in order.exchange_order_ids:
        yield Fact("Accepted", number, lambda o: o.accept(number, raw))


def _amended(order: Order, report: OrderReport) -> Fact | None:
    """Return the fact that quantity or price have changed, at our request or outside the platform, None otherwise."""
    if order.quantity is None or not report.quantity:
        return None
    moved = report.price is not None and order.price is not None and report.price != order.price
    price = report.price if moved else None
    quantity = report.quantity if report.quantity != order.quantity else None
    asked = order.amendment
    by_us = asked is not None and (
        report.client_order_id == asked.client_order_id or (quantity is not None and quantity == asked.quantity)
    )
    if not by_us and quantity is None and price is None:
        return None
    number, raw = report.exchange_order_id, report.raw
    # Executed beyond our quantity, or completely executed at another size or price: only a change explains that.
    ended_whole = report.state is Status.CLOSED and order.status not in ENDED
    proven = by_us or report.filled > order.quantity or ended_whole
    detail = f"{report.quantity} at {report.price}"
    return Fact("Amended", detail, lambda o: o.amend(number, quantity, price, raw), needs_two=not proven)


def _executions(
    order: Order,
    report: OrderReport,
    fills: Sequence[Fill],
    size: Decimal | None,
    fee_values: Mapping[str, Decimal],
) -> Iterator[Fact]:
    known = dict(order.fills)
    for fill in (*report.fills, *fills):
        if fill.trade_id in known:
            if known[fill.trade_id] != fill.quantity:
                detail = f"trade {fill.trade_id}: {fill.quantity} instead of {known[fill.trade_id]}"
                yield _contradicted("fill_contradicts", detail, report)
        elif (wrong := _wrong(order, fill)) is not None:
            yield _contradicted(*wrong, report)
        elif size is not None and total((*known.values(), fill.quantity)) > size:
            detail = f"trade {fill.trade_id}: {fill.quantity} is more than the order of {size} has left"
            yield _contradicted("fill_contradicts", detail, report)
        else:
            known[fill.trade_id] = fill.quantity
            yield _filled(fill, fee_values.get(fill.trade_id))
    if report.filled > max(total(known.values()), order.reported_quantity):
        quantity, cost, raw = report.filled, report.cost, report.raw
        yield Fact("Progressed", f"{quantity} for {cost}", lambda o: o.progress(quantity, cost, raw))


def _filled(fill: Fill, fee_value: Decimal | None) -> Fact:
    def say(order: Order) -> None:
        told = (fill.quantity, fill.price, fill.fee, fill.fee_currency, fill.executed_at, fill.maker, fill.raw)
        order.fill(fill.trade_id, *told, fee_value)

    return Fact("Filled", f"trade {fill.trade_id}: {fill.quantity} at {fill.price}", say)


def _state(order: Order, report: OrderReport, size: Decimal | None) -> Iterator[Fact]:
    state, word, raw = report.state, report.native_status, report.raw
    if state in ENDED - {Status.CLOSED} and report.filled == size:
        yield _contradicted("amounts_contradict", f"{word} with all of {plain(report.filled)} executed", report)
        state = Status.CLOSED
    if state is None:
        if word not in order.unmapped:
            yield Fact("StatusUnknown", word, lambda o: o.meet_unknown_status(word, raw))
    elif order.status in ENDED:
        if state is not order.status:
            ours = order.status
            detail = f"{state} instead of {ours}"
            yield Fact("Corrected", detail, lambda o: o.correct(ours, state, raw), needs_two=True)
    elif state is Status.CLOSED:
        yield Fact("Closed", "", lambda o: o.close(raw))
    elif state is Status.CANCELLED:
        yield Fact("Cancelled", "", lambda o: o.cancel(report.reason or "cancelled", raw))
    elif state is Status.EXPIRED:
        yield Fact("Expired", "", lambda o: o.expire(report.reason or "expired", raw))
    elif state is Status.REJECTED:
        yield Fact("Rejected", "", lambda o: o.reject(report.reason or "rejected_by_exchange", raw))
