"""Coverage: what the candle store holds of each series and timeframe, and where it has holes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg_pool import ConnectionPool

from adapters.candles.blocks import FLAGS_FROM, MINUTES, SLOTS, Grid, hash_of, runs
from application.ports.candles import Held, Hole
from domain.candles.columns import Flag
from domain.candles.series import Series


class Coverage:
    """The tables of candles, as a person looks at them."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def held(self) -> list[Held]:
        """Return what is stored of each series and timeframe that has candles."""
        with self._pool.connection() as connection:
            found = connection.execute(
                "SELECT DISTINCT s.id, s.exchange, s.venue, s.symbol, h.timeframe FROM service.series AS s JOIN"
                " (SELECT series, timeframe FROM service.candle_blocks UNION SELECT series, '1m' FROM service.candles)"
                " AS h ON h.series = s.id ORDER BY s.id, h.timeframe"
            ).fetchall()
            held = [
                _held(connection, number, Series(exchange, venue, symbol), Grid(timeframe))
                for number, exchange, venue, symbol, timeframe in found
            ]
        return [one for one in held if one is not None]

    def wrong(self) -> Iterator[tuple[Series, str]]:
        """Yield what is wrong: candles that no market can have, and blocks whose bytes are lost or another's."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT s.exchange, s.venue, s.symbol, c.opened_at FROM service.candles AS c JOIN service.series AS s"
                " ON s.id = c.series WHERE NOT (low > 0 AND volume >= 0 AND low <= least(open, close)"
                " AND high >= greatest(open, close)) ORDER BY c.opened_at"
            ).fetchall()
            for *series, at in rows:
                yield Series(*series), f"the candle of {at:%Y-%m-%d %H:%M} UTC contradicts itself"
            with connection.transaction(), connection.cursor("blocks", binary=True) as cursor:
                cursor.itersize = 100
                cursor.execute(
                    "SELECT s.exchange, s.venue, s.symbol, b.timeframe, b.number, b.revision, b.sha256, d.data"
                    " FROM service.candle_blocks AS b JOIN service.series AS s ON s.id = b.series"
                    " LEFT JOIN service.candle_bytes AS d USING (sha256)"
                    " ORDER BY s.id, b.timeframe, b.number, b.revision"
                )
                for exchange, venue, symbol, timeframe, number, revision, sha256, data in cursor:
                    if data is None or hash_of(data) != bytes(sha256):
                        said = f"block {number} of {timeframe}, revision {revision}, is lost or was changed"
                        yield Series(exchange, venue, symbol), said


def _held(connection: Connection[Any], number: int, series: Series, grid: Grid) -> Held | None:
    """Return what is stored of a series, None for nothing. Only blocks with holes are read."""
    spans, absent = list[tuple[int, int]](), set[int]()
    if grid.timeframe == MINUTES.timeframe:
        # Rows first: what becomes part of a block meanwhile is then met twice, not missed.
        spans += _row_runs(connection, number)
    with connection.cursor(binary=True) as cursor:
        blocks = cursor.execute(
            f"SELECT n.number, n.present, CASE WHEN n.present < %s THEN substring(b.data FROM {FLAGS_FROM}) END FROM ("
            " SELECT DISTINCT ON (number) number, present, sha256 FROM service.candle_blocks"
            " WHERE series = %s AND timeframe = %s ORDER BY number, revision DESC) AS n"
            " LEFT JOIN service.candle_bytes AS b USING (sha256) ORDER BY n.number",
            (SLOTS, number, grid.timeframe),
        ).fetchall()
    for block, present, said in blocks:
        start = grid.start(block)
        if present == SLOTS or said is None:
            spans.append((start, grid.end(block) - grid.length))
            continue
        flags = np.frombuffer(said, np.uint8)
        there = np.flatnonzero(flags & int(Flag.MISSING) == 0)
        spans += runs(start + there * grid.length, grid.length)
        gone = np.flatnonzero(flags == int(Flag.MISSING | Flag.CONFIRMED))
        absent.update((start + gone * grid.length).tolist())
    return _joined(series, grid, _merged(sorted(spans), grid.length), absent) if spans else None


def _row_runs(connection: Connection[Any], series: int) -> list[tuple[int, int]]:
    rows = connection.execute(
        "SELECT DISTINCT (extract(epoch FROM opened_at) * 1000)::bigint FROM service.candles"
        " WHERE series = %s ORDER BY 1",
        (series,),
    ).fetchall()
    return [*runs(np.array([row[0] for row in rows], np.int64), MINUTES.length)]


def _merged(spans: list[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """Return spans, which may overlap, as spans with holes between them."""
    merged = [spans[0]]
    for first, last in spans[1:]:
        if first <= merged[-1][1] + length:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _joined(series: Series, grid: Grid, spans: list[tuple[int, int]], absent: set[int]) -> Held:
    length, holes = grid.length, []
    for (_, before), (after, _) in pairwise(spans):
        missing = range(before + length, after, length)
        holes.append(Hole(missing[0], missing[-1], absent.issuperset(missing)))
    count = sum((last - first) // length + 1 for first, last in spans)
    return Held(series, grid.timeframe, count, spans[0][0], spans[-1][1], tuple(holes))
