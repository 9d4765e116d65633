"""Candles: the bars of the followed markets, the messages about them and the clock's signals, in the service tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from application.market.beat import Beat, Series, Telling, ToldBar
from application.market.failover import Source
from application.market.heartbeat import NAMES
from domain.candles.bar import Bar, Proof

KEPT_DAYS = 90
"""Days for which messages and signals are kept. Candles stay."""
_NEWEST = "(SELECT max(revision) FROM service.candles WHERE series = %s AND opened_at = %s)"


def moment(at: int) -> datetime:
    """Return a time in milliseconds as UTC."""
    return datetime.fromtimestamp(at / 1000, UTC)


class CandleTable:
    """The tables of series, candles, bars and signals."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._numbers: dict[Series, int] = {}

    def tell(self, beat: Beat, source: Source) -> Beat:
        """Store signals and bars in one transaction, and return those that were not told before, without the doubts."""
        with self._pool.connection() as connection:
            for told in beat.bars:
                if told.bar.minutes == 1:
                    self._store(connection, told)
            bars = [told for told in beat.bars if self._tell_bar(connection, told)]
            signals = [
                signal
                for signal in beat.signals
                if connection.execute(
                    "INSERT INTO service.signals VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    (signal.timeframe, moment(signal.closed_at), source, moment(signal.emitted_at)),
                ).rowcount
            ]
        return Beat(signals, bars)

    def _tell_bar(self, connection: Connection[Any], told: ToldBar) -> bool:
        bar = told.bar
        return bool(
            connection.execute(
                "INSERT INTO service.bars (series, timeframe, closed_at, telling, proof) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                (
                    self._number(connection, told.series), NAMES[bar.minutes], moment(bar.ended_at), told.telling,
                    bar.proof,
                ),
            ).rowcount
        )  # fmt: skip

    def _store(self, connection: Connection[Any], told: ToldBar) -> None:
        bar, series = told.bar, self._number(connection, told.series)
        key = (series, moment(bar.opened_at))
        if told.telling is Telling.SETTLED:
            connection.execute(
                f"UPDATE service.candles SET proof = %s WHERE series = %s AND opened_at = %s AND revision = {_NEWEST}",
                (bar.proof, *key, *key),
            )
            return
        revision = f"coalesce({_NEWEST} + 1, 0)" if told.telling is Telling.CORRECTED else "0"
        connection.execute(
            "INSERT INTO service.candles (series, opened_at, revision, open, high, low, close, volume, trades,"
            f" first_id, last_id, proof) VALUES (%s, %s, {revision}, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            (
                *key, *(key if told.telling is Telling.CORRECTED else ()), bar.open, bar.high, bar.low, bar.close,
                bar.volume, bar.trades, bar.first_id, bar.last_id, bar.proof,
            ),
        )  # fmt: skip

    def _number(self, connection: Connection[Any], series: Series) -> int:
        if series not in self._numbers:
            key = (series.exchange, series.venue, series.symbol)
            connection.execute(
                "INSERT INTO service.series (exchange, venue, symbol) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", key
            )
            found = connection.execute(
                "SELECT id FROM service.series WHERE (exchange, venue, symbol) = (%s, %s, %s)", key
            ).fetchone()
            self._numbers[series] = found[0] if found else 0
        return self._numbers[series]

    def minutes(self, series: Series, count: int) -> Sequence[Bar]:
        """Return the newest minutes of a series, oldest first, each as it is known now."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT DISTINCT ON (opened_at) opened_at, open, high, low, close, volume, trades, first_id, last_id,"
                " proof FROM service.candles WHERE series = %s ORDER BY opened_at DESC, revision DESC LIMIT %s",
                (self._number(connection, series), count),
            ).fetchall()
        return [bar_of_row(row) for row in reversed(rows)]

    def forget_old(self) -> None:
        """Drop messages and signals that are no longer kept."""
        with self._pool.connection() as connection:
            for table in ("bars", "signals"):
                connection.execute(
                    f"DELETE FROM service.{table} WHERE closed_at < now() - make_interval(days => %s)", (KEPT_DAYS,)
                )


def bar_of_row(row: Sequence[Any]) -> Bar:
    """Return a row of `minutes` as a bar."""
    opened_at, *prices, trades, first_id, last_id, proof = row
    opened, high, low, close, volume = (Decimal(price) for price in prices)
    at = int(opened_at.timestamp() * 1000)
    return Bar(at, 1, opened, high, low, close, volume, trades, first_id, last_id, Proof(proof))
