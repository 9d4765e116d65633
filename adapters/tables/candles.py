"""Candles: the bars of the followed markets, the messages about them and the clock's signals, in the service tables."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from application.market.beat import Beat, Series, Signal, Telling, ToldBar
from application.market.failover import Source
from domain.candles.bar import Bar, Proof
from domain.candles.timeframes import NAMES, moment

KEPT_DAYS = 90
"""Days for which messages and signals are kept. Candles stay."""
_NEWEST = "(SELECT max(revision) FROM service.candles WHERE series = %s AND opened_at = %s)"
_COLUMNS = "series, opened_at, open, high, low, close, volume, trades, first_id, last_id, proof"


def columns_of(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Return rows of so many values as columns, empty ones for no row."""
    return [[row[place] for row in rows] for place in range(width)]


def amounts_of(bar: Bar) -> tuple[Any, ...]:
    """Return what a row of a bar holds beside its series and opening time."""
    return (
        bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades, bar.first_id, bar.last_id, bar.proof,
    )  # fmt: skip


def version_of(told: ToldBar) -> str:
    """Return what tells this message about a bar from others on the same occasion; nothing for the one that closes."""
    bar = told.bar
    if told.telling is Telling.CLOSED:
        return ""
    if told.telling is Telling.SETTLED:
        return bar.proof
    return f"{zlib.crc32(repr((bar.open, bar.high, bar.low, bar.close, bar.volume)).encode()):08x}"


@dataclass(frozen=True)
class Held:
    """The minutes that are stored of a series: how many, the first and the last one (UTC)."""

    series: Series
    count: int
    first: datetime
    last: datetime

    @property
    def minutes(self) -> int:
        """The number of minutes from the first to the last."""
        return int((self.last - self.first).total_seconds()) // 60 + 1


class CandleTable:
    """The tables of series, candles, bars and signals."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._numbers: dict[Series, int] = {}

    def tell(self, beat: Beat, source: Source) -> Beat:
        """Store signals and bars in one transaction, and return those that were not told before, without the doubts."""
        self._meet({told.series for told in beat.bars})
        with self._pool.connection() as connection:
            self._store(connection, [told for told in beat.bars if told.bar.minutes == 1])
            bars = self._tell_bars(connection, beat.bars)
            signals = self._tell_signals(connection, beat.signals, source)
        return Beat(signals, bars)

    def _tell_bars(self, connection: Connection[Any], bars: Sequence[ToldBar]) -> list[ToldBar]:
        keys = [
            (
                self._numbers[told.series], NAMES[told.bar.minutes], moment(told.bar.ended_at), told.telling,
                version_of(told),
            )
            for told in bars
        ]  # fmt: skip
        series, timeframes, ends, tellings, versions = columns_of(keys, 5)
        new = connection.execute(
            "INSERT INTO service.bars (series, timeframe, closed_at, telling, version, proof)"
            " SELECT * FROM unnest(%s::int[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[])"
            " ON CONFLICT DO NOTHING RETURNING series, timeframe, closed_at, telling, version",
            (series, timeframes, ends, tellings, versions, [told.bar.proof for told in bars]),
        ).fetchall()
        found = {*new}
        return [told for told, key in zip(bars, keys, strict=True) if key in found]

    def _tell_signals(self, connection: Connection[Any], signals: Sequence[Signal], source: Source) -> list[Signal]:
        timeframes, ends, emitted = columns_of(
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

    def _store(self, connection: Connection[Any], minutes: Sequence[ToldBar]) -> None:
        """Store closed minutes at once, and then what settles or corrects them, in its order."""
        rows = [
            (self._numbers[told.series], moment(told.bar.opened_at), *amounts_of(told.bar))
            for told in minutes
            if told.telling is Telling.CLOSED
        ]
        connection.execute(
            f"INSERT INTO service.candles ({_COLUMNS}) SELECT * FROM unnest(%s::int[], %s::timestamptz[],"
            " %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::int[], %s::bigint[],"
            " %s::bigint[], %s::text[]) ON CONFLICT DO NOTHING",
            columns_of(rows, 11),
        )
        for told in minutes:
            key = (self._numbers[told.series], moment(told.bar.opened_at))
            if told.telling is Telling.SETTLED:
                connection.execute(
                    "UPDATE service.candles SET proof = %s WHERE series = %s AND opened_at = %s"
                    f" AND revision = {_NEWEST}",
                    (told.bar.proof, *key, *key),
                )
            elif told.telling is Telling.CORRECTED:
                connection.execute(
                    f"INSERT INTO service.candles ({_COLUMNS}, revision)"
                    f" VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, coalesce({_NEWEST} + 1, 0))",
                    (*key, *amounts_of(told.bar), *key),
                )

    def _meet(self, series: AbstractSet[Series]) -> None:
        """Learn the numbers of these series. What is known was committed."""
        for one in series - self._numbers.keys():
            key = (one.exchange, one.venue, one.symbol)
            with self._pool.connection() as connection:
                connection.execute(
                    "INSERT INTO service.series (exchange, venue, symbol) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                    key,
                )
                found = connection.execute(
                    "SELECT id FROM service.series WHERE (exchange, venue, symbol) = (%s, %s, %s)", key
                ).fetchone()
            if found is not None:
                self._numbers[one] = found[0]

    def _number(self, series: Series) -> int:
        self._meet({series})
        return self._numbers[series]

    def last_signal(self, source: Source) -> int | None:
        """Return the end of the newest minute that a source has signalled (milliseconds), None before the first."""
        with self._pool.connection() as connection:
            row = connection.execute(
                "SELECT max(closed_at) FROM service.signals WHERE timeframe = '1m' AND source = %s", (source,)
            ).fetchone()
        return int(row[0].timestamp() * 1000) if row and row[0] else None

    def minutes(self, series: Series, count: int) -> Sequence[Bar]:
        """Return the newest minutes of a series, oldest first, each as it is known now."""
        number = self._number(series)
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT DISTINCT ON (opened_at) opened_at, open, high, low, close, volume, trades, first_id, last_id,"
                " proof FROM service.candles WHERE series = %s ORDER BY opened_at DESC, revision DESC LIMIT %s",
                (number, count),
            ).fetchall()
        return [bar_of_row(row) for row in reversed(rows)]

    def held(self) -> list[Held]:
        """Return what is stored of each series that has candles."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT s.exchange, s.venue, s.symbol, count(*), min(c.opened_at), max(c.opened_at)"
                " FROM service.series AS s JOIN service.candles AS c ON c.series = s.id AND c.revision = 0"
                " GROUP BY s.id ORDER BY s.id"
            ).fetchall()
        return [Held(Series(*row[:3]), *row[3:]) for row in rows]

    def gaps(self, series: Series) -> list[tuple[datetime, datetime]]:
        """Return the first and last missing minute of each gap, oldest first."""
        number = self._number(series)
        with self._pool.connection() as connection:
            return connection.execute(
                "SELECT opened_at + interval '1 minute', next - interval '1 minute' FROM (SELECT opened_at,"
                " lead(opened_at) OVER (ORDER BY opened_at) AS next FROM service.candles"
                " WHERE series = %s AND revision = 0) AS held WHERE next - opened_at > interval '1 minute'",
                (number,),
            ).fetchall()

    def wrong(self, series: Series) -> list[datetime]:
        """Return the opening times of candles that no market can have."""
        number = self._number(series)
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT opened_at FROM service.candles WHERE series = %s AND NOT (low > 0 AND volume >= 0"
                " AND low <= least(open, close) AND high >= greatest(open, close)) ORDER BY opened_at",
                (number,),
            ).fetchall()
        return [row[0] for row in rows]

    def import_minutes(self, series: Series, bars: Sequence[Bar]) -> tuple[int, int]:
        """Store brought minutes, in place of what is known where they differ. Return how many are new, and changed.

        What was known stays as an earlier revision.
        """
        number = self._number(series)
        with self._pool.connection() as connection, connection.transaction():
            connection.execute(
                "CREATE TEMP TABLE brought (opened_at timestamptz, open numeric, high numeric, low numeric, close"
                " numeric, volume numeric, trades int, first_id bigint, last_id bigint, proof text) ON COMMIT DROP"
            )
            with connection.cursor() as cursor, cursor.copy("COPY brought FROM STDIN") as copy:
                for bar in bars:
                    copy.write_row((moment(bar.opened_at), *amounts_of(bar)))
            rows = connection.execute(
                f"INSERT INTO service.candles ({_COLUMNS}, revision)"
                " SELECT %s, b.*, coalesce(known.revision + 1, 0) FROM brought AS b LEFT JOIN LATERAL ("
                " SELECT * FROM service.candles WHERE series = %s AND opened_at = b.opened_at"
                " ORDER BY revision DESC LIMIT 1) AS known ON true WHERE known.revision IS NULL"
                " OR (known.open, known.high, known.low, known.close, known.volume)"
                " <> (b.open, b.high, b.low, b.close, b.volume) RETURNING revision",
                (number, number),
            ).fetchall()
        new = sum(row[0] == 0 for row in rows)
        return new, len(rows) - new

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
