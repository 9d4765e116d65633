"""Beats: the bars and signals of the heartbeat, stored before they are published, and its newest minutes as rows."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from adapters.candles.rows import COLUMNS, amounts_of
from adapters.candles.series import SeriesNumbers
from application.market.beat import Beat, Signal, Telling, ToldBar
from application.market.failover import Source
from domain.candles.bar import Bar, Proof
from domain.candles.series import Series
from domain.candles.timeframes import NAMES, moment

KEPT_DAYS = 90
"""Days for which messages and signals are kept. Candles stay."""
_NEWEST = "(SELECT max(revision) FROM service.candles WHERE series = %s AND opened_at = %s)"


def transposed(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Return rows of so many values as columns, empty ones for no row."""
    return [[row[place] for row in rows] for place in range(width)]


def version_of(told: ToldBar) -> str:
    """Return what tells this message about a bar from others on the same occasion; nothing for the one that closes."""
    bar = told.bar
    if told.telling is Telling.CLOSED:
        return ""
    if told.telling is Telling.SETTLED:
        return bar.proof
    return f"{zlib.crc32(repr(bar.amounts).encode()):08x}"


class BeatTable:
    """The tables of bars and signals, and the rows of the newest minutes."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._series = SeriesNumbers(pool)

    def tell(self, beat: Beat, source: Source) -> Beat:
        """Store signals and bars in one transaction, and return those that were not told before, without the doubts."""
        numbers = {series: self._series.meet(series) for series in {told.series for told in beat.bars}}
        with self._pool.connection() as connection:
            self._store(connection, numbers, [told for told in beat.bars if told.bar.minutes == 1])
            bars = self._tell_bars(connection, numbers, beat.bars)
            signals = self._tell_signals(connection, beat.signals, source)
        return Beat(signals, bars)

    @staticmethod
    def _tell_bars(
        connection: Connection[Any], numbers: Mapping[Series, int], bars: Sequence[ToldBar]
    ) -> list[ToldBar]:  # fmt: skip
        keys = [
            (
                numbers[told.series], NAMES[told.bar.minutes], moment(told.bar.ended_at), told.telling,
                version_of(told),
            )
            for told in bars
        ]  # fmt: skip
        series, timeframes, ends, tellings, versions = transposed(keys, 5)
        new = connection.execute(
            "INSERT INTO service.bars (series, timeframe, closed_at, telling, version, proof)"
            " SELECT * FROM unnest(%s::int[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[])"
            " ON CONFLICT DO NOTHING RETURNING series, timeframe, closed_at, telling, version",
            (series, timeframes, ends, tellings, versions, [told.bar.proof for told in bars]),
        ).fetchall()
        found = {*new}
        return [told for told, key in zip(bars, keys, strict=True) if key in found]

    @staticmethod
    def _tell_signals(connection: Connection[Any], signals: Sequence[Signal], source: Source) -> list[Signal]:
        timeframes, ends, emitted = transposed(
            [(signal.timeframe, moment(signal.closed_at), moment(signal.emitted_at)) for signal in signals], 3
        )
        new = connection.execute(
            "INSERT INTO service.signals (timeframe, closed_at, emitted_at, source)"
            " SELECT *, %s FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[])"
            " ON CONFLICT DO NOTHING RETURNING timeframe, closed_at",
            (source, timeframes, ends, emitted),
        ).fetchall()
        found = {*new}
        return [signal for signal in signals if (signal.timeframe, moment(signal.closed_at)) in found]

    @staticmethod
    def _store(connection: Connection[Any], numbers: Mapping[Series, int], minutes: Sequence[ToldBar]) -> None:
        """Store closed minutes at once, and then what settles or corrects them, in its order."""
        rows = [
            (numbers[told.series], moment(told.bar.opened_at), *amounts_of(told.bar))
            for told in minutes
            if told.telling is Telling.CLOSED
        ]
        connection.execute(
            f"INSERT INTO service.candles ({COLUMNS}) SELECT * FROM unnest(%s::int[], %s::timestamptz[],"
            " %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::int[], %s::bigint[],"
            " %s::bigint[], %s::text[]) ON CONFLICT DO NOTHING",
            transposed(rows, 11),
        )
        for told in minutes:
            key = (numbers[told.series], moment(told.bar.opened_at))
            if told.telling is Telling.SETTLED:
                connection.execute(
                    "UPDATE service.candles SET proof = %s WHERE series = %s AND opened_at = %s"
                    f" AND proof <> 'imported' AND revision = {_NEWEST}",
                    (told.bar.proof, *key, *key),
                )
            elif told.telling is Telling.CORRECTED:
                connection.execute(
                    f"INSERT INTO service.candles ({COLUMNS}, revision)"
                    " SELECT %s::int, %s::timestamptz, %s::numeric, %s::numeric, %s::numeric, %s::numeric,"
                    f" %s::numeric, %s::int, %s::bigint, %s::bigint, %s::text, coalesce({_NEWEST} + 1, 0)"
                    " WHERE NOT EXISTS (SELECT FROM service.candles WHERE series = %s AND opened_at = %s"
                    f" AND proof = 'imported' AND revision = {_NEWEST})",
                    (*key, *amounts_of(told.bar), *key, *key, *key),
                )

    def last_signal(self, source: Source) -> int | None:
        """Return the end of the newest minute that a source has signalled (milliseconds), None before the first."""
        with self._pool.connection() as connection:
            row = connection.execute(
                "SELECT max(closed_at) FROM service.signals WHERE timeframe = '1m' AND source = %s", (source,)
            ).fetchone()
        return int(row[0].timestamp() * 1000) if row and row[0] else None

    def minutes(self, series: Series, count: int) -> Sequence[Bar]:
        """Return the newest minutes of a series that are rows, oldest first, each as it is known now."""
        number = self._series.meet(series)
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT DISTINCT ON (opened_at) opened_at, open, high, low, close, volume, trades, first_id, last_id,"
                " proof FROM service.candles WHERE series = %s ORDER BY opened_at DESC, revision DESC LIMIT %s",
                (number, count),
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
    """Return a row of `BeatTable.minutes` as a bar."""
    opened_at, *prices, trades, first_id, last_id, proof = row
    opened, high, low, close, volume = (Decimal(price) for price in prices)
    at = int(opened_at.timestamp() * 1000)
    return Bar(at, 1, opened, high, low, close, volume, trades, first_id, last_id, Proof(proof))
