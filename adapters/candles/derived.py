"""The cache of larger bars: a thousand of them as a block, with the hash of the blocks of minutes they are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from psycopg import Connection

from adapters.candles.blocks import MINUTES, Grid, packed, unpacked
from domain.candles.columns import Columns
from domain.candles.timeframes import moment


class Derived:
    """The cache. It holds a block only where every minute of it lies in a closed block of minutes.

    With `keeps` it is filled; a role that may only read makes what is not there anew each time.
    """

    def __init__(self, *, keeps: bool) -> None:
        self._keeps = keeps

    def blocks(
        self, connection: Connection[Any], series: int, grid: Grid, start: int, end: int,
        make: Callable[[int, int], Columns],
    ) -> Iterator[tuple[int, Columns]]:  # fmt: skip
        """Yield the blocks within a time (milliseconds) that can be cached, oldest first: each number and its bars.

        `make` makes the bars that open from one time on and before another.
        """
        for number in self._numbers(connection, series, grid, start, end):
            basis = self._basis(connection, series, grid.start(number), grid.end(number))
            if basis is not None:
                yield number, self._block(connection, series, grid, number, basis, make)

    def _numbers(self, connection: Connection[Any], series: int, grid: Grid, start: int, end: int) -> range:
        """Return the numbers of the blocks within a time, as far as there are minutes in blocks."""
        held = connection.execute(
            "SELECT min(number), max(number) FROM service.candle_blocks WHERE series = %s AND timeframe = '1m'",
            (series,),
        ).fetchone()
        if held is None or held[0] is None:
            return range(0)
        first, last = max(start, MINUTES.start(held[0])), min(end, MINUTES.end(held[1]))
        return range(grid.number(first), grid.number(last - 1) + 1) if first < last else range(0)

    def _basis(self, connection: Connection[Any], series: int, start: int, end: int) -> bytes | None:
        """Return the hash of the blocks of minutes within a time, None when a minute of it is in no block."""
        first, last = MINUTES.number(start), MINUTES.number(end - 1)
        hashes = connection.execute(
            "SELECT DISTINCT ON (number) sha256 FROM service.candle_blocks JOIN service.candle_bytes USING (sha256)"
            " WHERE series = %s AND timeframe = '1m'"
            " AND number BETWEEN %s AND %s AND NOT EXISTS (SELECT FROM service.candles WHERE series = %s"
            " AND opened_at >= %s AND opened_at < %s) ORDER BY number, revision DESC",
            (series, first, last, series, moment(start), moment(end)),
        ).fetchall()
        whole = len(hashes) == last - first + 1
        return hashlib.sha256(b"".join(row[0] for row in hashes)).digest() if whole else None

    def _block(
        self, connection: Connection[Any], series: int, grid: Grid, number: int, basis: bytes,
        make: Callable[[int, int], Columns],
    ) -> Columns:  # fmt: skip
        key, start = (series, grid.timeframe, number), grid.start(number)
        with connection.cursor(binary=True) as cursor:
            found = cursor.execute(
                "SELECT data FROM service.derived_blocks WHERE (series, timeframe, number) = (%s, %s, %s)"
                " AND basis = %s",
                (*key, basis),
            ).fetchone()
        if found is not None:
            return unpacked(found[0], start, grid.length)
        made = make(start, grid.end(number))
        if self._keeps:
            connection.execute(
                "INSERT INTO service.derived_blocks VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (series, timeframe, number) DO UPDATE SET basis = excluded.basis, data = excluded.data",
                (*key, basis, packed(made, start, grid.length)),
            )
        return made
