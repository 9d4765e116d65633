"""The conditions under which a user's accounts and streams work, as far as the books know them."""

from __future__ import annotations

from typing import Any

from projections.books.readmodel import Row

STREAM_DAYS, NEWEST_ALERTS = 30, 5000


def streams(cursor: Any) -> list[Row]:
    """Return the last alert of each stream: of each broker, pair, interval and indicator, newest first.

    Streams are found among the newest 5,000 alerts of the last 30 days. Alerts that name no pair belong to none.
    """
    query = """
        SELECT DISTINCT ON (broker_id, symbol, interval, indicator) *
        FROM (
            SELECT id, broker_id, symbol, interval, indicator, received_at, status, reason FROM books.webhooks
            WHERE received_at > now() - make_interval(days => %s) AND symbol IS NOT NULL
            ORDER BY received_at DESC LIMIT %s
        ) AS newest
        ORDER BY broker_id, symbol, interval, indicator, received_at DESC
    """
    rows: list[Row] = cursor.execute(query, (STREAM_DAYS, NEWEST_ALERTS)).fetchall()
    return sorted(rows, key=lambda row: row["received_at"], reverse=True)


def unknown_orders(cursor: Any) -> list[Row]:
    """Return for each broker with orders whose fate is unknown their pairs, and since when there are any."""
    query = """
        SELECT broker_id, array_agg(DISTINCT symbol) AS symbols, min(updated_at) AS since FROM books.trades
        WHERE state IN ('placed', 'submitted', 'unknown', 'open') AND state = 'unknown' GROUP BY broker_id
    """
    rows: list[Row] = cursor.execute(query).fetchall()
    return rows


def failed_reconciliations(cursor: Any) -> list[Row]:
    """Return the brokers whose last reconciliation failed, with the reason and when it began."""
    query = """
        SELECT * FROM (
            SELECT DISTINCT ON (broker_id) broker_id, state, failure, started_at FROM books.reconciliations
            WHERE started_at > now() - interval '1 day' AND state <> 'running' ORDER BY broker_id, started_at DESC
        ) AS last WHERE state = 'failed'
    """
    rows: list[Row] = cursor.execute(query).fetchall()
    return rows
