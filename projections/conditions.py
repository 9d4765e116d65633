"""The conditions under which a user's accounts and streams work, as far as the books know them."""

from __future__ import annotations

from typing import Any

from domain.orders.order_status import Status
from projections.books.readmodel import Row

STREAM_DAYS, NEWEST_ALERTS = 30, 5000


def streams(cursor: Any) -> list[Row]:
    """Return the last alert of each stream that asked for something: of each broker, pair, interval and indicator.

    `last_at` is when its last alert came, a PING too. A stream that has only ever sent PINGs is told with the last of
    them. However a pair is spelt (`BINANCE:BTCUSDT`, `btc/usdt`), its stream is the same. Streams are found among the
    newest 5,000 alerts of the last 30 days, newest first. Alerts that name no pair belong to none.
    """
    query = """
        SELECT DISTINCT ON (broker_id, pair, interval, indicator)
            *, max(received_at) OVER (PARTITION BY broker_id, pair, interval, indicator) AS last_at
        FROM (
            SELECT id, stream_id, broker_id, symbol, interval, indicator, received_at, status, reason,
                upper(replace(regexp_replace(symbol, '^[^:]*:', ''), '/', '')) AS pair
            FROM books.webhooks
            WHERE received_at > now() - make_interval(days => %s) AND symbol IS NOT NULL
                AND status NOT IN ('missed', 'unjudged') AND NOT twin
            ORDER BY received_at DESC LIMIT %s
        ) AS newest
        ORDER BY broker_id, pair, interval, indicator, reason IS NOT DISTINCT FROM 'ping', received_at DESC
    """
    rows: list[Row] = cursor.execute(query, (STREAM_DAYS, NEWEST_ALERTS)).fetchall()
    return sorted(rows, key=lambda row: row["last_at"], reverse=True)


def paused_streams(cursor: Any) -> list[Row]:
    """Return the streams of webhooks that are paused, by their trader or by themselves, with the time."""
    rows: list[Row] = cursor.execute(
        "SELECT id, status, changed_at FROM books.streams WHERE status IN ('paused', 'critical')"
    ).fetchall()
    return rows


def live_orders(cursor: Any, state: Status, older_than: int = 0) -> list[Row]:
    """Return for each broker with orders in a live state for more than so many seconds their pairs, and since when."""
    moment = "created_at" if state is Status.PLACED else "updated_at"
    query = f"""
        SELECT broker_id, array_agg(DISTINCT symbol) AS symbols, min({moment}) AS since FROM books.trades
        WHERE state IN ('placed', 'submitted', 'unknown', 'open') AND state = %s
            AND {moment} <= now() - make_interval(secs => %s)
        GROUP BY broker_id
    """
    rows: list[Row] = cursor.execute(query, (state, older_than)).fetchall()
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
