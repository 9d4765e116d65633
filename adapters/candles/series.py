"""The series: the markets that have candles, by number."""

from __future__ import annotations

from psycopg_pool import ConnectionPool

from domain.candles.series import Series


class SeriesNumbers:
    """The numbers of series. Once known, one never changes."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._known: dict[Series, int] = {}

    def find(self, series: Series) -> int | None:
        """Return the number of a series, None when it has never had a candle."""
        if series not in self._known:
            with self._pool.connection() as connection:
                found = connection.execute(
                    "SELECT id FROM service.series WHERE (exchange, venue, symbol) = (%s, %s, %s)",
                    (series.exchange, series.venue, series.symbol),
                ).fetchone()
            if found is None:
                return None
            self._known[series] = found[0]
        return self._known[series]

    def meet(self, series: Series) -> int:
        """Return the number of a series, a new one if it has none."""
        if (known := self.find(series)) is not None:
            return known
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO service.series (exchange, venue, symbol) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (series.exchange, series.venue, series.symbol),
            )
        return self.meet(series)
