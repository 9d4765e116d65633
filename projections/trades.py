"""Trades: one row per order, from its placing to its end. Failed and refused attempts are rows too."""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

from domain import events
from domain.aggregate import Aggregate
from domain.amounts import ZERO, product, total
from domain.orders.order import PROTECTION
from domain.orders.order_status import LIVE, Status
from projections.books import paging
from projections.books.answers import parsed_answer
from projections.books.paging import Narrowing, id_index, name_index
from projections.books.readmodel import ReadModel, Row, changes, on, topics

STANDARD = {
    Status.PLACED: "pending",
    Status.SUBMITTED: "pending",
    Status.UNKNOWN: "UNKNOWN",
    Status.OPEN: "open",
    Status.CLOSED: "closed",
    Status.CANCELLED: "cancelled",
    Status.EXPIRED: "cancelled",
    Status.REJECTED: "cancelled",
    Status.REFUSED: "cancelled",
}
"""The standard status of each state. Orders that ended without full execution show as cancelled, with a reason."""


def _state(status: Status, **columns: Any) -> Row:
    return {"state": status.value, "status": STANDARD[status], **columns}


def webhook_behind(event: events.OrderPlaced | events.OrderAdopted) -> UUID | None:
    """Return the webhook that an order came from. Protection comes from its position, so it has none."""
    return event.cause if event.source == "webhook" and event.requester != PROTECTION else None


def _placed(_: Row, event: events.OrderPlaced | events.OrderAdopted) -> Row:
    wish = event.wish
    return _state(
        Status.PLACED,
        user_id=event.user,
        broker_id=event.broker,
        webhook_id=webhook_behind(event),
        source=event.source,
        requester=event.requester,
        symbol=wish.symbol,
        side=wish.side,
        type=wish.type,
        time_in_force=wish.time_in_force,
        wished_quantity=wish.quantity,
        wished_cost=wish.cost,
        wished_percent=wish.percent,
        wished_holding=wish.holding,
        quantity=wish.quantity,
        cost=wish.cost,
        price=wish.price,
        stop_price=wish.stop_price,
        stop_loss=wish.protection and wish.protection.stop_loss,
        take_profit=wish.protection and wish.protection.take_profit,
        filled=ZERO,
        executed_cost=ZERO,
        filled_in_trades=ZERO,
        cost_in_trades=ZERO,
        filled_reported=ZERO,
        cost_reported=ZERO,
        fees={},
        client_order_id=event.client_order_id,
        cancel_requested=False,
        created_at=event.timestamp,
        updated_at=event.timestamp,
    )


def _adopted(row: Row, event: events.OrderAdopted) -> Row:
    note = {"exchange_order_id": event.exchange_order_id, "raw_response": parsed_answer(event.raw)}
    return {**_placed(row, event), **_state(Status.OPEN), **note}


def _submitted(_: Row, event: events.OrderSubmitted) -> Row:
    return _state(
        Status.SUBMITTED,
        quantity=event.quantity,
        cost=event.cost,
        price=event.price,
        submitted_at=event.submitted_at,
        valid_until=event.valid_until,
        updated_at=event.timestamp,
    )


def _reopened(row: Row) -> Row:
    """Return the change that opens a live order. A fact that arrives after the end does not change the end."""
    return _state(Status.OPEN) if row["state"] in LIVE else {}


def _accepted(row: Row, event: events.OrderAccepted) -> Row:
    return {
        **_reopened(row),
        "exchange_order_id": event.exchange_order_id,
        "acknowledged_at": row.get("acknowledged_at") or event.timestamp,
        "raw_response": parsed_answer(event.raw),
        "updated_at": event.timestamp,
    }


def _executed(row: Row, **changed: Decimal) -> Row:
    """Return the executed amounts: the sum of the fills, or the highest report if that is more (as `Order.filled`)."""
    known = {**row, **changed}
    by_trades = known["filled_in_trades"] >= known["filled_reported"]
    return {
        **changed,
        "filled": known["filled_in_trades"] if by_trades else known["filled_reported"],
        "executed_cost": known["cost_in_trades"] if by_trades else known["cost_reported"],
    }


def _filled(row: Row, event: events.OrderFilled) -> Row:
    fees = dict(row["fees"])
    if event.fee and event.fee_currency:
        fees[event.fee_currency] = str(total((Decimal(fees.get(event.fee_currency, "0")), event.fee)))
    return {
        **_reopened(row),
        **_executed(
            row,
            filled_in_trades=total((row["filled_in_trades"], event.quantity)),
            cost_in_trades=total((row["cost_in_trades"], product(event.quantity, event.price))),
        ),
        "fees": fees,
        "updated_at": event.timestamp,
    }


def _progressed(row: Row, event: events.OrderProgressed) -> Row:
    return {
        **_reopened(row),
        **_executed(row, filled_reported=event.cumulative_quantity, cost_reported=event.cumulative_cost),
        "raw_response": parsed_answer(event.raw),
        "updated_at": event.timestamp,
    }


End = (
    events.OrderRefused
    | events.OrderDoubted
    | events.OrderRejected
    | events.OrderClosed
    | events.OrderCancelled
    | events.OrderExpired
)


def _ended(status: Status) -> Callable[[Row, End], Row]:
    def change(_: Row, event: End) -> Row:
        reason = None if isinstance(event, events.OrderClosed) else event.reason
        answer = "" if isinstance(event, events.OrderRefused | events.OrderDoubted) else event.raw
        raw = {"raw_response": parsed_answer(answer)} if answer else {}
        return _state(status, reason=reason, updated_at=event.timestamp, **raw)

    return change


def _resolved(_: Row, event: events.OrderResolved) -> Row:
    return _state(Status(event.outcome), reason=event.reason, updated_at=event.timestamp)


def _amended(row: Row, event: events.OrderAmended) -> Row:
    return {
        "quantity": row["quantity"] if event.quantity is None else event.quantity,
        "price": row["price"] if event.price is None else event.price,
        "stop_price": row["stop_price"] if event.stop_price is None else event.stop_price,
        "exchange_order_id": event.exchange_order_id,
        "raw_response": parsed_answer(event.raw),
        "updated_at": event.timestamp,
    }


def _order_of(event: Aggregate.Event) -> UUID:
    return event.execution.order_id if isinstance(event, events.PositionReduced) else event.originator_id


TRADES = ReadModel(
    name="trades",
    version=9,
    columns={
        "id": "uuid",
        "user_id": "integer NOT NULL",
        "broker_id": "integer NOT NULL",
        "webhook_id": "uuid",
        "source": "text NOT NULL",
        "requester": "text NOT NULL",
        "symbol": "text NOT NULL",
        "side": "text NOT NULL",
        "type": "text NOT NULL",
        "time_in_force": "text",
        "wished_quantity": "numeric",
        "wished_cost": "numeric",
        "wished_percent": "numeric",
        "wished_holding": "numeric",
        "quantity": "numeric",
        "cost": "numeric",
        "price": "numeric",
        "stop_price": "numeric",
        "stop_loss": "numeric",
        "take_profit": "numeric",
        "filled": "numeric NOT NULL",
        "executed_cost": "numeric NOT NULL",
        "filled_in_trades": "numeric NOT NULL",
        "cost_in_trades": "numeric NOT NULL",
        "filled_reported": "numeric NOT NULL",
        "cost_reported": "numeric NOT NULL",
        "fees": "jsonb NOT NULL",
        "state": "text NOT NULL",
        "status": "text NOT NULL",
        "unknown_word": "text",
        "profit_loss": "numeric",
        "reason": "text",
        "detail": "text",
        "client_order_id": "text NOT NULL UNIQUE",
        "exchange_order_id": "text",
        "cancel_requested": "boolean NOT NULL",
        "cancel_requested_by": "text",
        "raw_response": "jsonb",
        "created_at": "timestamptz NOT NULL",
        "submitted_at": "timestamptz",
        "acknowledged_at": "timestamptz",
        "valid_until": "timestamptz",
        "updated_at": "timestamptz NOT NULL",
    },
    key=_order_of,
    created_by=topics(events.OrderPlaced, events.OrderAdopted),
    when=changes(
        on(events.OrderPlaced, _placed),
        on(events.OrderAdopted, _adopted),
        on(events.OrderRefused, lambda row, event: {**_ended(Status.REFUSED)(row, event), "detail": event.detail}),
        on(events.OrderSubmitted, _submitted),
        on(
            events.OrderDeferred,
            lambda _, event: _state(Status.PLACED, reason=event.reason, updated_at=event.timestamp),
        ),
        on(events.OrderAccepted, _accepted),
        on(events.OrderRejected, _ended(Status.REJECTED)),
        on(events.OrderFilled, _filled),
        on(events.OrderProgressed, _progressed),
        on(events.OrderClosed, _ended(Status.CLOSED)),
        on(events.OrderCancelled, _ended(Status.CANCELLED)),
        on(events.OrderExpired, _ended(Status.EXPIRED)),
        on(events.OrderDoubted, _ended(Status.UNKNOWN)),
        on(
            events.OrderStatusUnknown,
            lambda _, event: {
                "status": "UNKNOWN",
                "unknown_word": event.native_status,
                "updated_at": event.timestamp,
            },
        ),
        on(events.OrderResolved, _resolved),
        on(
            events.OrderCorrected,
            lambda _, event: _state(Status(event.theirs), cancel_requested=False, updated_at=event.timestamp),
        ),
        on(events.OrderAmended, _amended),
        on(
            events.PositionReduced,
            lambda row, event: {"profit_loss": total((row.get("profit_loss") or ZERO, event.profit))},
        ),
        on(
            events.OrderCancelRequested,
            lambda _, event: {
                "cancel_requested": True,
                "cancel_requested_by": event.by,
                "updated_at": event.timestamp,
            },
        ),
        on(events.OrderCancelRejected, lambda _, event: {"cancel_requested": False, "updated_at": event.timestamp}),
    ),
    indexes=(
        "(user_id, created_at DESC)",
        "(user_id, created_at DESC) WHERE state IN ('placed', 'submitted', 'unknown', 'open')",
        "(user_id, created_at DESC) WHERE state = 'refused' AND side = 'sell'",
        "(broker_id, symbol)",
        name_index("symbol", "created_at"),
        id_index("client_order_id"),
        id_index("exchange_order_id"),
        "USING gin (raw_response)",
        "USING hash ((raw_response ->> 'clientOrderId'))",
        "USING hash ((raw_response ->> 'status'))",
    ),
)


def page(
    cursor: Any,
    *,
    before: tuple[Any, Any] | None,
    limit: int,
    state: str | None = None,
    executed: bool = False,
    text: str | None = None,
    **equal: object,
) -> list[Row]:
    """Return orders of the cursor's user, newest first. `executed` keeps those with something filled.

    `state` is a state or a standard status of an order, or `live` for every order that has not ended. `text` is looked
    for in the pair and at the beginning of the ids; `equal` holds the wanted value of other columns.
    """
    further: list[tuple[LiteralString, list[object]]] = [("filled > 0", [])] if executed else []
    if state == "live":
        further.append(("state IN ('placed', 'submitted', 'unknown', 'open')", []))
    elif state is not None:
        further.append(("%s IN (state, status)", [state]))
    narrowing = Narrowing(equal, text, ("symbol",), ("client_order_id", "exchange_order_id"), further)
    return paging.page(cursor, "trades", "created_at", before=before, limit=limit, narrowing=narrowing)


def known(cursor: Any, ids: Collection[UUID]) -> set[UUID]:
    """Return those of the ids that an order or a webhook of the cursor's user bears."""
    query = "SELECT id FROM books.{} WHERE id = ANY(%(ids)s)"
    query = " UNION ALL ".join(query.format(table) for table in ("trades", "webhooks"))
    return {row["id"] for row in cursor.execute(query, {"ids": [*ids]})}


def never_sent(cursor: Any, webhooks: Collection[UUID]) -> list[Row]:
    """Return the sales that these webhooks asked for and that were never sent."""
    query = "SELECT * FROM books.trades WHERE webhook_id = ANY(%s) AND state = 'refused' AND side = 'sell'"
    rows: list[Row] = cursor.execute(query, ([*webhooks],)).fetchall()
    return rows


def recent(cursor: Any, limit: int) -> list[Row]:
    """Return the orders of the cursor's user that the console shows at first, newest first.

    These are the newest orders, the newest with something filled, all that have not ended, and the newest sales that
    were never sent. However often one order is retried, it displaces none of the other groups.
    """
    newest = "SELECT id FROM books.trades WHERE {} ORDER BY created_at DESC, id DESC LIMIT %(limit)s"
    kinds = ("true", "filled > 0", "state = 'refused' AND side = 'sell'")
    live = "SELECT id FROM books.trades WHERE state IN ('placed', 'submitted', 'unknown', 'open')"
    ids = " UNION ".join(f"({select})" for select in (*(newest.format(kind) for kind in kinds), live))
    query = f"SELECT * FROM books.trades WHERE id IN ({ids}) ORDER BY created_at DESC, id DESC"
    rows: list[Row] = cursor.execute(query, {"limit": limit}).fetchall()
    return rows
