"""The candle store: a million bars stored beside a bare COPY of the same rows, and reads as arrays.

Ours and the bare COPY take turns, nine pairs in one run; a tenth of a million each time, as the ratio does not depend
on the number, and a whole million once. Reads are of closed blocks. Figures are in seconds and milliseconds.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psycopg
from psycopg_pool import ConnectionPool
from shared.figures import keep

from adapters.candles.blocks import MINUTES
from adapters.candles.store import CandleStore
from adapters.database.migrate import migrate
from adapters.log.eventstore import open_pool
from adapters.vault.keys import MasterKey
from aristobot.servers.postgres import Postgres
from domain.candles.columns import Columns, Flag
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE, TIMEFRAMES

START = MINUTES.start(27_000)
PART, WHOLE, PAIRS, READS = 100_000, 1_000_000, 9, 60
STORED, READ = 1.5, {10_000: 2.0, 100_000: 15.0}


def candles(count: int) -> Columns:
    """Return bars of a random walk, on cents."""
    walk = np.random.default_rng(1)
    close = np.round(30_000 + np.cumsum(walk.normal(0, 9, count)), 2)
    opened, volume = np.roll(close, 1), np.round(walk.gamma(2, 3, count), 5)
    high, low = np.maximum(opened, close) + 1, np.minimum(opened, close) - 1
    return Columns(
        np.arange(START, START + count * MINUTE, MINUTE, dtype=np.int64), opened, high, low, close, volume,
        walk.integers(1, 999, count).astype(np.uint32), np.full(count, int(Flag.CONFIRMED | Flag.PROVED), np.uint8),
    )  # fmt: skip


def rows_of(bars: Columns) -> str:
    """Return bars as the text of a COPY."""
    text = io.StringIO()
    for at, *amounts in zip(
        bars.opened_at.tolist(), bars.open.tolist(), bars.high.tolist(), bars.low.tolist(), bars.close.tolist(),
        bars.volume.tolist(), bars.trades.tolist(), strict=True,
    ):  # fmt: skip
        text.write(f"1\t{datetime.fromtimestamp(at / 1000, UTC)}\t" + "\t".join(map(repr, amounts)) + "\n")
    return text.getvalue()


def bare(connection: psycopg.Connection[object], rows: str) -> float:
    """Return the seconds of a COPY into an empty table with the same key."""
    connection.execute("DROP TABLE IF EXISTS bare")
    connection.execute(
        "CREATE TABLE bare (series int, opened_at timestamptz, open float8, high float8, low float8, close float8,"
        " volume float8, trades int, PRIMARY KEY (series, opened_at))"
    )
    began = time.perf_counter()
    with connection.cursor() as cursor, cursor.copy("COPY bare FROM STDIN") as copy:
        copy.write(rows)
    return time.perf_counter() - began


def ours(store: CandleStore, name: str, bars: Columns) -> float:
    """Return the seconds in which the store takes the bars in, as a new series."""
    began = time.perf_counter()
    store.put_columns(Series("binance", "paper", name), "1m", bars)
    return time.perf_counter() - began


def reads(store: CandleStore, timeframe: str, count: int) -> float:
    """Return the median milliseconds of reading so many bars of a timeframe as arrays."""
    series, length = Series("binance", "paper", "WHOLE/USDT"), TIMEFRAMES[timeframe] * MINUTE
    took = []
    for turn in range(READS):
        start = START + (turn * 7_919 % (WHOLE - count * length // MINUTE + 1)) * MINUTE // length * length
        began = time.perf_counter()
        found = store.read(series, timeframe, start, start + count * length)
        took.append((time.perf_counter() - began) * 1000)
        assert len(found) >= count - 1
    return statistics.median(took)


def measure(url: str, pool: ConnectionPool) -> int:
    """Print the figures and return 0 when they are reached."""
    store = CandleStore(pool, lambda: datetime.now(UTC))
    part, whole = candles(PART), candles(WHOLE)
    rows = rows_of(part)
    ratios = []
    with psycopg.connect(url, autocommit=True) as connection:
        for turn in range(PAIRS):
            mine = ours(store, f"PART{turn}/USDT", part)
            ratios.append(mine / bare(connection, rows))
        million, copied = ours(store, "WHOLE/USDT", whole), bare(connection, rows_of(whole))
        connection.execute("DROP TABLE bare")
    ratio = statistics.median(ratios)
    print(f"{PART} bars stored / bare COPY, median of {PAIRS} pairs: {ratio:.2f} (<= {STORED})")
    print(f"{WHOLE} bars stored in {million:.2f} s, bare COPY {copied:.2f} s: {million / copied:.2f}")
    took = {count: reads(store, "1m", count) for count in READ}
    for count, milliseconds in took.items():
        print(f"{count} read as arrays: {milliseconds:.2f} ms (< {READ[count]:.0f}): {milliseconds / READ[count]:.2f}")
    hours = reads(store, "1h", 10_000)
    print(f"10000 bars of 1h, made of 600,000 minutes, whole blocks from the cache: {hours:.1f} ms")
    keep("candles", ratios=ratios, million=million, copied=copied, reads=took, hours=hours)
    return 0 if ratio <= STORED and all(took[count] < READ[count] for count in READ) else 1


def main() -> int:
    """Measure on an embedded PostgreSQL."""
    master = MasterKey("the secret of the benchmark")
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder), master)
        server.start()
        try:
            migrate(server.url, master)
            with open_pool(server.url, 2) as pool:
                return measure(server.url, pool)
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
