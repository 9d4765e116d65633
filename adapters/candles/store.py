"""The candle store: reads candles as columns, takes new ones in, and packs old minutes into blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg_pool import ConnectionPool

from adapters.candles.blocks import FLAGS_FROM, MINUTES, SLOTS, Grid, hash_of, packed, unpacked
from adapters.candles.derived import Derived
from adapters.candles.rows import delete_rows, insert_rows, keys_of, rows_are_exact, rows_between
from adapters.candles.series import SeriesNumbers
from domain.candles.bar import Bar
from domain.candles.columns import AMOUNTS, Columns, Flag, columns_of, concatenated, is_exact, larger
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE, TIMEFRAMES, moment

CLOSED_AFTER = timedelta(hours=24)
"""The age of the last minute of a block at which the block closes."""


@dataclass(frozen=True)
class Taken:
    """The numbers of candles that were new, and of those that differed from what was known and took its place."""

    new: int
    changed: int


class CandleStore:
    """The candles of all series. `now` tells which minutes are old enough for a block; `keeps` fills the cache."""

    def __init__(self, pool: ConnectionPool, now: Callable[[], datetime], *, keeps: bool = True) -> None:
        self._pool = pool
        self._now = now
        self._series = SeriesNumbers(pool)
        self._derived = Derived(keeps=keeps)

    # --- reading -----------------------------------------------------------------------------------------------

    def read(self, series: Series, timeframe: str, start: int, end: int) -> Columns:
        """Return the candles that open from `start` on and before `end` (milliseconds), as they are known now.

        Larger ones are made of minutes. Where those do not make one, the exchange's own stands, flagged as native.
        """
        number = self._series.find(series)
        if number is None or start >= end:
            return columns_of([])
        with self._pool.connection() as connection:
            if timeframe == MINUTES.timeframe:
                return _minutes(connection, number, start, end)
            grid = Grid(timeframe)
            made = self._made(connection, number, grid, start, end)
            return made.over(_blocks(connection, number, grid, start, end))

    def newest(self, series: Series, timeframe: str, before: int, count: int) -> Columns:
        """Return the newest so many candles that open before a time (milliseconds), as `read` does."""
        number, length = self._series.find(series), TIMEFRAMES[timeframe] * MINUTE
        found, end, width = columns_of([]), before, count
        while number is not None and len(found) < count:
            with self._pool.connection() as connection:
                held = _newest_before(connection, number, timeframe, end)
            if held is None:
                break
            last = held // length * length
            start = last - width * length
            older = self.read(series, timeframe, start, min(end, last + length))
            # Nothing here may be a hole of years within a block: look further each time.
            width = width if len(older) else 2 * width
            found, end = concatenated([older, found]), start
        return found.chosen(slice(max(len(found) - count, 0), None))

    def _made(self, connection: Connection[Any], series: int, grid: Grid, start: int, end: int) -> Columns:
        """Return the larger bars that minutes make: those of cached blocks, and the others anew."""

        def make(since: int, until: int) -> Columns:
            # The last bar opens before `until`, and its minutes go beyond it.
            minutes = _minutes(connection, series, since, until + grid.length - MINUTE)
            return larger(minutes, TIMEFRAMES[grid.timeframe])

        parts, at = [], -(-start // grid.length) * grid.length
        for number, bars in self._derived.blocks(connection, series, grid, start, end, make):
            parts += [make(at, max(grid.start(number), at)), bars]
            at = grid.end(number)
        return concatenated([*parts, make(at, max(end, at))]).between(start, end)

    # --- taking in ---------------------------------------------------------------------------------------------

    def put(
        self, series: Series, timeframe: str, bars: Sequence[Bar], *, outranks: bool = False, absent: Sequence[int] = ()
    ) -> Taken:
        """Take in bars: all of them or none. `absent` are opening times of which the exchange has no candle.

        Bars that outrank replace all that differs. Others, which are the exchange's own, replace nothing that a person
        has imported, and are flagged where they correct. Minutes of blocks that are not closed yet, and amounts that
        no binary number can hold, become rows; everything else goes into blocks.
        """
        number = self._series.meet(series)
        with self._pool.connection() as connection, connection.transaction():
            _lock(connection, number)
            ordered = sorted({bar.opened_at: bar for bar in bars}.values(), key=lambda bar: bar.opened_at)
            if timeframe != MINUTES.timeframe:
                columns = columns_of(ordered, Flag.NATIVE)
                return _put_blocks(connection, number, Grid(timeframe), columns, absent, outranks=outranks)
            for_rows, for_blocks = self._parted(connection, number, ordered)
            new, changed = insert_rows(connection, number, for_rows, outranks=outranks)
            taken = _put_blocks(connection, number, MINUTES, columns_of(for_blocks), absent, outranks=outranks)
        return Taken(new + taken.new, changed + taken.changed)

    def _parted(self, connection: Connection[Any], series: int, bars: Sequence[Bar]) -> tuple[list[Bar], list[Bar]]:
        """Return the minutes that become rows, and those that go into blocks, whose rows become part of them first."""
        for_rows, for_blocks, closed = list[Bar](), list[Bar](), self._newest_closed()
        size = MINUTES.length * SLOTS
        for number, some in groupby(bars, key=lambda bar: bar.opened_at // size):
            group = [*some]
            fits = number <= closed and all(is_exact(amount) for bar in group for amount in bar.amounts)
            goes = fits and (not _has_rows(connection, series, number) or _close(connection, series, number))
            (for_blocks if goes else for_rows).extend(group)
        return for_rows, for_blocks

    def put_columns(self, series: Series, timeframe: str, candles: Columns) -> Taken:
        """Take in candles of closed blocks, as `put`."""
        number = self._series.meet(series)
        with self._pool.connection() as connection, connection.transaction():
            _lock(connection, number)
            return _put_blocks(connection, number, Grid(timeframe), candles, (), outranks=False)

    def ripe(self) -> list[tuple[Series, int]]:
        """Return the blocks that can be closed and whose minutes are rows still, oldest first."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT DISTINCT s.exchange, s.venue, s.symbol, (extract(epoch FROM c.opened_at) / 60)::bigint / %s"
                " FROM service.candles AS c JOIN service.series AS s ON s.id = c.series WHERE c.opened_at < %s"
                " ORDER BY 4",
                (SLOTS, moment(MINUTES.end(self._newest_closed()))),
            ).fetchall()
        return [(Series(*row[:3]), row[3]) for row in rows]

    def _newest_closed(self) -> int:
        """Return the number of the newest block of minutes that is old enough to be closed."""
        return MINUTES.number(int((self._now() - CLOSED_AFTER).timestamp() * 1000)) - 1

    def close_block(self, series: Series, number: int, absent: Sequence[int] = ()) -> bool:
        """Make a block of the rows of its minutes. Return False if one of them has amounts that no block can hold.

        `absent` are the minutes of which the exchange has no candle.
        """
        one = self._series.meet(series)
        with self._pool.connection() as connection, connection.transaction():
            _lock(connection, one)
            return _close(connection, one, number, np.array(absent, np.int64))


# --- the tables of one series, within a transaction ----------------------------------------------------------------


def _lock(connection: Connection[Any], series: int) -> None:
    """Let nobody else change the blocks of a series until the transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('candles'), %s)", (series,))


def _newest_before(connection: Connection[Any], series: int, timeframe: str, end: int) -> int | None:
    """Return the opening time of a candle, or of a minute, that is held before a time; None without one."""
    row = connection.execute(
        "SELECT max(at) FROM (SELECT max(least(last_at, %(end)s - interval '1 minute')) AS at"
        " FROM service.candle_blocks WHERE series = %(series)s AND timeframe IN ('1m', %(timeframe)s)"
        " AND first_at < %(end)s UNION ALL SELECT max(opened_at) FROM service.candles"
        " WHERE series = %(series)s AND opened_at < %(end)s) AS held",
        {"series": series, "timeframe": timeframe, "end": moment(end)},
    ).fetchone()
    return None if row is None or row[0] is None else int(row[0].timestamp() * 1000)


def _blocks(connection: Connection[Any], series: int, grid: Grid, start: int, end: int) -> Columns:
    """Return what blocks hold of a time (milliseconds)."""
    with connection.cursor(binary=True) as cursor:
        found = cursor.execute(
            "SELECT n.number, b.data FROM (SELECT DISTINCT ON (number) number, sha256 FROM service.candle_blocks"
            " WHERE series = %s AND timeframe = %s AND number BETWEEN %s AND %s ORDER BY number, revision DESC) AS n"
            " JOIN service.candle_bytes AS b USING (sha256) ORDER BY n.number",
            (series, grid.timeframe, grid.number(start), grid.number(end - 1)),
        ).fetchall()
    parts = [unpacked(data, grid.start(number), grid.length) for number, data in found]
    return concatenated(parts).between(start, end)


def _minutes(connection: Connection[Any], series: int, start: int, end: int) -> Columns:
    """Return the minutes of a time (milliseconds): what rows say stands before what blocks hold."""
    if start >= end:
        return columns_of([])
    # Rows first: what becomes part of a block meanwhile is then met twice, not missed.
    rows = rows_between(connection, series, start, end)
    return _standing(rows, _blocks(connection, series, MINUTES, start, end))


def _standing(rows: Columns, blocks: Columns) -> Columns:
    """Return rows and, where there are none, what blocks hold. What a person has imported stays, unless it is a row."""
    there, places = _places(rows, blocks)
    imported = there.copy()
    imported[there] = blocks.flags[places[there]] & int(Flag.IMPORTED) != 0
    return rows.chosen(~imported | (rows.flags & int(Flag.IMPORTED) != 0)).over(blocks)


def _places(some: Columns, others: Columns) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Return which candles others have too, and the places where."""
    places = np.searchsorted(others.opened_at, some.opened_at)
    there = places < len(others)
    there[there] = others.opened_at[places[there]] == some.opened_at[there]
    return there, places


def _put_blocks(
    connection: Connection[Any], series: int, grid: Grid, brought: Columns, absent: Sequence[int], *, outranks: bool
) -> Taken:  # fmt: skip
    """Take in candles; each block in which one is new, differs or is absent now gets a new revision."""
    if not len(brought):
        return Taken(0, 0)
    first, last = grid.number(int(brought.opened_at[0])), grid.number(int(brought.opened_at[-1]))
    known = _blocks(connection, series, grid, grid.start(first), grid.end(last))
    there, differs = _compared(brought, known, outranks=outranks)
    if not outranks:
        flags = brought.flags & int(Flag.NATIVE | Flag.NO_TRADES) | int(Flag.CORRECTED)
        brought = replace(brought, flags=np.where(differs, flags, brought.flags).astype(np.uint8))
    chosen, gone = brought.chosen(~there | differs), np.array(sorted(absent), np.int64)
    merged = chosen.over(known)
    for number in np.unique(np.append(chosen.opened_at, gone) // (grid.length * SLOTS)).tolist():
        start, end = grid.start(number), grid.end(number)
        held = merged.between(start, end)
        if len(held):
            _store(connection, series, grid, number, held, None, gone[(gone >= start) & (gone < end)])
    return Taken(int((~there).sum()), int(differs.sum()))


def _compared(brought: Columns, known: Columns, *, outranks: bool) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which candles are known, and which of them differ and may replace what is known."""
    there, places = _places(brought, known)
    mine, theirs, differs = brought.chosen(there), known.chosen(places[there]), there.copy()
    same = np.all([getattr(mine, name) == getattr(theirs, name) for name in AMOUNTS], axis=0)
    kept = np.zeros(len(mine), bool) if outranks else theirs.flags & int(Flag.IMPORTED) != 0
    differs[there] = ~same & ~kept
    return there, differs


def _has_rows(connection: Connection[Any], series: int, number: int) -> bool:
    """Return whether a minute of a block is a row."""
    return bool(keys_of(connection, series, MINUTES.start(number), MINUTES.end(number)))


def _close(
    connection: Connection[Any], series: int, number: int, absent: NDArray[np.int64] | None = None
) -> bool:  # fmt: skip
    """Make a block of rows, with a revision for each of theirs. Return False if no block can hold them."""
    start, end = MINUTES.start(number), MINUTES.end(number)
    if not rows_are_exact(connection, series, start, end):
        return False
    before = _blocks(connection, series, MINUTES, start, end)
    keys = keys_of(connection, series, start, end)
    for revision, rows in groupby(keys, key=itemgetter(1)):
        known_at = max(known for _, _, known in rows)
        told = _standing(rows_between(connection, series, start, end, revision), before)
        _store(connection, series, MINUTES, number, told, known_at, absent)
    delete_rows(connection, series, keys)
    return True


def _store(
    connection: Connection[Any], series: int, grid: Grid, number: int, candles: Columns,
    known_at: datetime | None = None, absent: NDArray[np.int64] | None = None,
) -> None:  # fmt: skip
    """Store a block as its newest revision, unless that is the same already. What was absent before still is."""
    key, start = (series, grid.timeframe, number), grid.start(number)
    newest = connection.execute(
        f"SELECT revision, b.sha256, substring(data FROM {FLAGS_FROM}) FROM service.candle_blocks AS b"
        " LEFT JOIN service.candle_bytes USING (sha256) WHERE (series, timeframe, number) = (%s, %s, %s)"
        " ORDER BY revision DESC LIMIT 1",
        key,
    ).fetchone()
    gone = np.array([], np.int64) if absent is None else absent
    if newest is not None and newest[2] is not None:
        slots = np.flatnonzero(np.frombuffer(newest[2], np.uint8) == int(Flag.MISSING | Flag.CONFIRMED))
        gone = np.append(gone, start + slots * grid.length)
    data = packed(candles, start, grid.length, gone)
    sha256 = hash_of(data)
    with connection.cursor(binary=True) as cursor:
        # Also those of a block that is known: they may be lost.
        cursor.execute("INSERT INTO service.candle_bytes VALUES (%s, %s) ON CONFLICT DO NOTHING", (sha256, data))
    if newest is not None and newest[1] == sha256:
        return
    connection.execute(
        "INSERT INTO service.candle_blocks (series, timeframe, number, revision, present, first_at, last_at, sha256,"
        " known_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, coalesce(%s, clock_timestamp()))",
        (
            *key, 0 if newest is None else newest[0] + 1, len(candles), moment(int(candles.opened_at[0])),
            moment(int(candles.opened_at[-1])), sha256, known_at,
        ),
    )  # fmt: skip
