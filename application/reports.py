"""Saying what an exchange reported through the verbs of the order, live and after an outage alike."""

from __future__ import annotations

from collections.abc import Sequence

from application.exchange import Fill, OrderReport
from domain.amounts import total
from domain.order import ENDED, Order, Status


def is_complete(order: Order, report: OrderReport) -> bool:
    """Whether the report's own fills explain everything that it says was executed."""
    known = {**order.fills, **{fill.trade_id: fill.quantity for fill in report.fills}}
    return total(known.values()) >= report.filled


def record(order: Order, report: OrderReport, fills: Sequence[Fill] = ()) -> None:
    """Take a report into the order's history. What it says again, or what is older than our record, adds nothing.

    `fills` are executions that were asked for besides, because the report's own do not explain its total.
    """
    order.accept(report.exchange_order_id, report.raw)
    for fill in (*report.fills, *fills):
        order.fill(
            fill.trade_id,
            fill.quantity,
            fill.price,
            fill.fee,
            fill.fee_currency,
            fill.executed_at,
            fill.maker,
            fill.raw,
        )
    if report.filled > order.filled:
        order.progress(report.filled, report.cost, report.raw)
    if report.state is None:
        order.meet_unknown_status(report.native_status, report.raw)
    if order.status in ENDED or report.state in {None, Status.OPEN}:
        return
    if report.state is Status.CLOSED:
        order.close(report.raw)
    elif report.state is Status.CANCELLED:
        order.cancel(report.reason or "cancelled", report.raw)
    elif report.state is Status.EXPIRED:
        order.expire(report.reason or "expired", report.raw)
    elif report.state is Status.REJECTED:
        order.reject(report.reason or "rejected_by_exchange", report.raw)
