"""Fills: one row per execution, keyed by the order and the exchange's trade id."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from domain import events
from domain.amounts import product
from projections.books.readmodel import ReadModel, Row, changes, on, topics


def _filled(_: Row, event: events.OrderFilled) -> Row:
    return {
        "order_id": event.originator_id,
        "trade_id": event.trade_id,
        "user_id": int(event.metadata["user"]),
        "quantity": event.quantity,
        "price": event.price,
        "fee": event.fee,
        "fee_currency": event.fee_currency,
        "fee_value": event.fee_value,
        "maker": event.maker,
        "executed_at": event.executed_at,
    }


FILLS = ReadModel(
    name="fills",
    version=2,
    columns={
        "id": "text",
        "order_id": "uuid NOT NULL",
        "trade_id": "text NOT NULL",
        "user_id": "integer NOT NULL",
        "quantity": "numeric NOT NULL",
        "price": "numeric NOT NULL",
        "fee": "numeric NOT NULL",
        "fee_currency": "text",
        "fee_value": "numeric",
        "maker": "boolean",
        "executed_at": "timestamptz NOT NULL",
    },
    key=lambda event: f"{event.originator_id}/{event.trade_id}",
    created_by=topics(events.OrderFilled),
    when=changes(on(events.OrderFilled, _filled)),
    indexes=("(order_id)",),
)


def fills_of(cursor: Any, order_ids: list[Any]) -> dict[Any, list[Row]]:
    """Return the fills of each of these orders, oldest first. Orders without fills are left out."""
    found: dict[Any, list[Row]] = {}
    query = "SELECT * FROM books.fills WHERE order_id = ANY(%s) ORDER BY executed_at, trade_id"
    for row in cursor.execute(query, (order_ids,)):
        found.setdefault(row["order_id"], []).append(row)
    return found


def last_fee(cursor: Any, broker: int) -> Decimal | None:
    """Return the fee of a broker's newest execution as a fraction of what was traded, None when it is not known."""
    query = """
        SELECT fill.*, newest.symbol FROM (
            SELECT id, symbol FROM books.trades WHERE broker_id = %s AND filled_in_trades > 0
            ORDER BY created_at DESC, id DESC LIMIT 1
        ) AS newest JOIN books.fills AS fill ON fill.order_id = newest.id ORDER BY executed_at DESC LIMIT 1
    """
    row: Row | None = cursor.execute(query, (broker,)).fetchone()
    if row is None:
        return None
    base, _, quote = row["symbol"].partition("/")
    value: Decimal | None = row["fee"] if row["fee_currency"] == quote else row["fee_value"]
    if row["fee_currency"] == base:
        value = product(row["fee"], row["price"])
    return None if value is None else value / product(row["quantity"], row["price"])
