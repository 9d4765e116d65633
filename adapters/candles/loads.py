"""The loads of history: what was asked for, how far each has come, and whether it goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from adapters.candles.series import SeriesNumbers
from application.ports.candles import Load
from domain.candles.series import Series
from domain.refusals import Impossible, NotFound

KEPT_DAYS = 90
"""Days for which a load is listed after it has ended."""
_LOADS = """
    SELECT l.id, s.exchange, s.venue, s.symbol, l.timeframe, l.since, l.until, l.reached, l.state, l.candles, l.error,
        l.asked_at, l.ended_at
    FROM service.candle_loads AS l JOIN service.series AS s ON s.id = l.series
"""


class LoadTable:
    """The table of loads."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._series = SeriesNumbers(pool)

    def ask(self, series: Series, timeframe: str, since: datetime, until: datetime) -> int:
        """Ask for a load and return its number. One from the same time on that has not ended goes on instead.

        It ends at the later of both times.
        """
        values = (self._series.meet(series), timeframe, since, until)
        with self._pool.connection() as connection:
            row = connection.execute(
                "INSERT INTO service.candle_loads (series, timeframe, since, until, reached)"
                " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (series, timeframe, since)"
                " WHERE state IN ('running', 'paused') DO UPDATE SET state = 'running',"
                " until = greatest(candle_loads.until, excluded.until) RETURNING id",
                (*values, since),
            ).fetchone()
        assert row is not None
        return int(row[0])

    def find(self, number: int) -> Load:
        """Return a load. Raises `NotFound`."""
        found = self._read("WHERE l.id = %s", (number,))
        if not found:
            raise NotFound(f"there is no load {number}")
        return found[0]

    def newest(self, count: int = 100) -> list[Load]:
        """Return the newest loads, those first that have not ended."""
        return self._read("ORDER BY l.ended_at IS NOT NULL, l.id DESC LIMIT %s", (count,))

    def running(self) -> list[Load]:
        """Return the loads that go on, oldest first."""
        return self._read("WHERE l.state = 'running' ORDER BY l.id", ())

    def change(self, number: int, state: str) -> Load:
        """Let a load go on (`running`), be `paused` or `cancelled`.

        Raises `NotFound`, and `Impossible` once it has ended.
        """
        with self._pool.connection() as connection:
            changed = connection.execute(
                "UPDATE service.candle_loads SET state = %(state)s, error = NULL,"
                " ended_at = CASE WHEN %(state)s = 'cancelled' THEN clock_timestamp() END"
                " WHERE id = %(id)s AND ended_at IS NULL",
                {"id": number, "state": state},
            )
        load = self.find(number)
        if not changed.rowcount:
            raise Impossible(f"load {number} has ended", code="load_ended")
        return load

    def advance(self, load: Load, reached: datetime, candles: int) -> None:
        """Note how far a load has come, and the number of candles that it brought. At its end it is done."""
        with self._pool.connection() as connection:
            connection.execute(
                "UPDATE service.candle_loads SET reached = %(reached)s, candles = candles + %(candles)s, error = NULL,"
                " state = CASE WHEN %(reached)s >= until THEN 'done' ELSE state END,"
                " ended_at = CASE WHEN %(reached)s >= until THEN clock_timestamp() END"
                " WHERE id = %(id)s AND ended_at IS NULL",
                {"id": load.id, "reached": reached, "candles": candles},
            )

    def failed(self, load: Load, error: str) -> None:
        """Note why a load does not go on for the moment."""
        with self._pool.connection() as connection:
            connection.execute("UPDATE service.candle_loads SET error = %s WHERE id = %s", (error[:300], load.id))

    def forget_old(self) -> None:
        """Drop loads that ended long ago."""
        with self._pool.connection() as connection:
            connection.execute(
                "DELETE FROM service.candle_loads WHERE ended_at < now() - make_interval(days => %s)", (KEPT_DAYS,)
            )

    def _read(self, which: str, values: tuple[Any, ...]) -> list[Load]:
        with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Load)) as cursor:
            return cursor.execute(f"{_LOADS} {which}".encode(), values).fetchall()
