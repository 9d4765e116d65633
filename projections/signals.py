"""Signals: the way of each alert to its order and its protection, by the stamps in the books."""

from __future__ import annotations

from typing import Any

from domain.orders.order import PROTECTION
from projections.books.readmodel import Row

PROTECTED_WITHIN_HOURS = 1
"""A protection that was acknowledged later belongs to another event."""


def recent(cursor: Any, days: int, limit: int, *, without: str) -> list[Row]:
    """Return the orders of the last `days` that were sent for an alert of the cursor's user, newest first.

    Each has the times at which the alert was received, the order was decided on, sent and acknowledged, and its first
    protection acknowledged; a time is None when that has not happened. Orders of the requester `without` are left out.
    """
    query = """
        SELECT webhooks.id, trades.broker_id, trades.symbol, trades.side, webhooks.action, webhooks.indicator,
            webhooks.interval, webhooks.bar_time, webhooks.received_at, trades.created_at AS decided_at,
            trades.submitted_at AS sent_at, trades.acknowledged_at, protected.at AS protected_at
        FROM books.trades JOIN books.webhooks ON webhooks.id = trades.webhook_id
        LEFT JOIN LATERAL (
            SELECT min(protection.acknowledged_at) AS at FROM books.trades AS protection
            WHERE protection.broker_id = trades.broker_id AND protection.symbol = trades.symbol
                AND protection.requester = %(protection)s AND protection.created_at >= trades.created_at
                AND protection.created_at < trades.created_at + make_interval(hours => %(hours)s)
        ) AS protected ON trades.side = 'buy' AND trades.filled > 0
            AND (trades.stop_loss IS NOT NULL OR trades.take_profit IS NOT NULL)
        WHERE trades.submitted_at IS NOT NULL AND trades.requester <> %(without)s
            AND trades.created_at > now() - make_interval(days => %(days)s)
        ORDER BY trades.created_at DESC LIMIT %(limit)s
    """
    given = {"protection": PROTECTION, "without": without, "hours": PROTECTED_WITHIN_HOURS}
    rows: list[Row] = cursor.execute(query, given | {"days": days, "limit": limit}).fetchall()
    return rows
