"""Files of one-minute candles with the columns open_time, open, high, low, close, volume.

They are CSV, plain or gzipped, or Parquet.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from adapters.candles import parquet
from domain.candles.bar import Bar, Proof, check_bar
from domain.candles.timeframes import moment

Row = tuple[int, dict[str, str]]
"""A row and the number of its line."""
COLUMNS = ("open_time", "open", "high", "low", "close", "volume")


LATEST = 4_102_444_800_000
"""The year 2100 in milliseconds: a larger number counts something else, such as microseconds."""


class NoCandles(ValueError):
    """A file, or a pair, whose candles cannot be used. The message names it and says what is wrong there."""


def opened(file: Path) -> TextIO:
    """Open a text file, plain or gzipped. Raises `OSError`; reading raises what decompressing does."""
    return gzip.open(file, "rt", encoding="utf-8-sig") if file.suffix == ".gz" else file.open(encoding="utf-8-sig")


def minutes_of(file: Path) -> list[Bar]:
    """Return the candles of a file, oldest first. Times without a zone are UTC, whole numbers milliseconds since 1970.

    The same candle twice counts once. Gaps are no fault of a file. Raises `NoCandles` at the first line that is no
    candle, and when two lines contradict each other.
    """
    found: dict[int, Bar] = {}
    try:
        with _table(file) as (names, rows):
            _check_columns(names)
            for number, bar in _bars(rows):
                if found.setdefault(bar.opened_at, bar) != bar:
                    raise NoCandles(f"{file}, line {number}: another candle of {_said(bar)}")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise NoCandles(f"{file} cannot be read: {error}") from error
    except ImportError as error:
        raise NoCandles(f"{file} cannot be read without pyarrow: pip install 'aristobot[parquet]'") from error
    except _Wrong as wrong:
        raise NoCandles(f"{file}, {wrong}") from wrong
    if not found:
        raise NoCandles(f"{file} has no candles")
    return [found[at] for at in sorted(found)]


class _Wrong(ValueError):
    pass


@contextmanager
def _table(file: Path) -> Iterator[tuple[Sequence[str], Iterable[Row]]]:
    """Yield the names of the columns, and the rows with their numbers."""
    if file.suffix == ".parquet":
        names, rows = parquet.rows_of(file)
        yield names, enumerate(rows, 2)  # as if the names stood in the first line
    else:
        with opened(file) as lines:
            table = csv.DictReader(lines)
            yield table.fieldnames or (), ((table.line_num, row) for row in table)


def _check_columns(names: Sequence[str]) -> None:
    if missing := [name for name in COLUMNS if name not in names]:
        raise _Wrong(f"line 1: no column {', '.join(missing)}; needed are {', '.join(COLUMNS)}")


def _bars(rows: Iterable[Row]) -> Iterator[tuple[int, Bar]]:
    for number, row in rows:
        try:
            yield number, _bar(row)
        except (ArithmeticError, ValueError, TypeError) as error:
            raise _Wrong(f"line {number}: no candle of a market ({', '.join(map(str, row.values()))})") from error


def _bar(row: dict[str, str]) -> Bar:
    opened, high, low, close, volume = (Decimal(row[name]) for name in COLUMNS[1:])
    bar = Bar(_milliseconds(row["open_time"]), 1, opened, high, low, close, volume, 0, None, None, Proof.IMPORTED)
    check_bar(bar)
    return bar


def _milliseconds(said: str) -> int:
    if said.strip().isdigit():
        if int(said) >= LATEST:
            raise ValueError(f"{said} is no time in milliseconds")
        return int(said)
    at = datetime.fromisoformat(said.strip())
    exact = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000
    if exact != int(exact):
        raise ValueError(f"{said} is no whole millisecond")
    return int(exact)


def _said(bar: Bar) -> str:
    return moment(bar.opened_at).isoformat()
