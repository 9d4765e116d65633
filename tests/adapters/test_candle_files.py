"""Importing candles from files: all of a file or nothing of it, and what was known stays as a revision."""

from __future__ import annotations

import gzip
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from adapters.candles.beats import BeatTable
from adapters.candles.coverage import Coverage
from adapters.candles.files import COLUMNS, NoCandles, minutes_of
from adapters.candles.store import CandleStore
from adapters.log.eventstore import open_pool
from application.market.beat import Beat, Telling, ToldBar
from aristobot.commands.candles import import_file, list_series, verify
from aristobot.wiring import utc_now
from domain.candles.bar import Bar, Proof
from domain.candles.series import Series

HEADER = "open_time,open,high,low,close,volume"
LINES = (
    "2023-03-10 00:00:00,20367.5,20370,20350.01,20351,1.5",
    "2023-03-10 00:01:00,20351,20351,20351,20351,0",
    "2023-03-10 00:03:00,20351,20400,20340,20399.99,2",
)
START = int(datetime(2023, 3, 10, tzinfo=UTC).timestamp() * 1000)
BTC = Series("binance", "paper", "BTC/USDT")


def written(folder: Path, *lines: str, name: str = "candles.csv") -> Path:
    file = folder / name
    text = "\n".join([HEADER, *lines, ""])
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return file


@pytest.fixture
def beats(database) -> BeatTable:
    return BeatTable(database.store().pool)


@pytest.fixture
def pool(database):
    """Return connections as the owner's commands have them."""
    with open_pool(database.url) as pool:
        yield pool


@pytest.mark.parametrize("name", ["candles.csv", "candles.csv.gz"])
def test_a_file_is_read_exactly_and_in_order(tmp_path, name):
    first, quiet, last = minutes_of(written(tmp_path, *reversed(LINES), name=name))
    assert (first.opened_at, first.open, first.low) == (START, Decimal("20367.5"), Decimal("20350.01"))
    assert (quiet.volume, last.close, last.proof) == (0, Decimal("20399.99"), Proof.IMPORTED)


@pytest.mark.parametrize(
    "time", ["2023-03-10T00:00:00Z", "2023-03-10 01:00:00+01:00", "2023-03-10", str(START), "2023-03-10 00:00:00.000"]
)
def test_times_of_any_zone_are_brought_to_utc(tmp_path, time):
    [bar] = minutes_of(written(tmp_path, f"{time},1,2,0.5,1.5,3"))
    assert bar.opened_at == START


@pytest.mark.parametrize("kind", ["timestamp", "timestamp of a zone", "milliseconds", "texts"])
def test_a_parquet_file_says_the_same(tmp_path, kind):
    expected = minutes_of(written(tmp_path, *LINES))
    times = [datetime.fromtimestamp(bar.opened_at / 1000, UTC) for bar in expected]
    ways = {
        "timestamp": [at.replace(tzinfo=None) for at in times],
        "timestamp of a zone": times,
        "milliseconds": [bar.opened_at for bar in expected],
        "texts": [at.isoformat() for at in times],
    }
    amounts = {
        name: [float(getattr(bar, name)) for bar in expected] for name in ("open", "high", "low", "close", "volume")
    }
    file = tmp_path / "candles.parquet"
    parquet.write_table(pa.table({"open_time": ways[kind], **amounts}), file)
    assert minutes_of(file) == expected


def test_a_parquet_file_of_something_else_or_half_of_one_is_told(tmp_path):
    file = tmp_path / "candles.parquet"
    parquet.write_table(pa.table({"open_time": [START], "close": [1.0]}), file)
    with pytest.raises(NoCandles, match="no column open, high, low, volume"):
        minutes_of(file)
    parquet.write_table(pa.table({"open_time": [START], **{name: [None] for name in COLUMNS[1:]}}), file)
    with pytest.raises(NoCandles, match="line 2: no candle of a market"):
        minutes_of(file)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(NoCandles, match="cannot be read"):
        minutes_of(file)


def test_without_pyarrow_a_parquet_file_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(NoCandles, match=r"pip install 'aristobot\[parquet\]'"):
        minutes_of(tmp_path / "candles.parquet")


def test_the_same_candle_twice_counts_once_and_another_contradicts(tmp_path):
    assert len(minutes_of(written(tmp_path, *LINES, LINES[0]))) == 3
    with pytest.raises(NoCandles, match="line 5: another candle of 2023-03-10"):
        minutes_of(written(tmp_path, *LINES, LINES[0].replace("20367.5", "20368")))


@pytest.mark.parametrize(
    "line",
    [
        "2023-03-10 00:00:00,1,2", "2023-03-10 00:00:00,1,2,0.5,1.5,", "yesterday,1,2,0.5,1.5,3", ",1,2,0.5,1.5,3",
        "2023-03-10 00:00:30,1,2,0.5,1.5,3", "2023-03-10 00:00:00,0,2,0,1.5,3", "2023-03-10 00:00:00,-1,2,-1,1.5,3",
        "2023-03-10 00:00:00,1,2,0.5,NaN,3", "2023-03-10 00:00:00,1,Infinity,0.5,1.5,3",
        "2023-03-10 00:00:00,3,2,0.5,1.5,3", "2023-03-10 00:00:00,1,2,0.5,1.5,-3", "2023-03-10 00:00:00,1,2,0.5,1.5,x",
    ],
)  # fmt: skip
def test_a_line_that_is_no_candle_is_named_and_nothing_is_imported(tmp_path, pool, line):
    with pytest.raises(NoCandles, match="line 3"):
        import_file(CandleStore(pool, utc_now), written(tmp_path, LINES[0], line), BTC, print)
    assert Coverage(pool).held() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,open,high,low,close,volume\n1,1,1,1,1,1\n", "no column open_time"),
        (HEADER + "\n", "has no candles"),
        ("", "no column open_time"),
    ],
)
def test_a_file_of_something_else_says_what_is_missing(tmp_path, text, said):
    file = tmp_path / "other.csv"
    file.write_text(text)
    with pytest.raises(NoCandles, match=said):
        minutes_of(file)


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path):
    broken = tmp_path / "broken.csv.gz"
    whole = written(
        tmp_path, *(f"{START + n * 60_000},{n + 1},{n + 3},{n + 1},{n + 2},1" for n in range(9999)), name="w.gz"
    )
    broken.write_bytes(whole.read_bytes()[:20_000])
    latin = tmp_path / "latin.csv"
    latin.write_bytes(b"\xff\xfe\xff")
    for file in (tmp_path / "nowhere.csv", tmp_path, broken, latin):
        with pytest.raises(NoCandles, match="cannot be read"):
            minutes_of(file)


def test_an_import_replaces_what_differs_and_keeps_it_as_a_revision(tmp_path, pool, beats, database):
    """What is the same stays under its own proof."""
    same, other = minutes_of(written(tmp_path, *LINES))[:2]
    known = [same.proved_by(Proof.CONFIRMED), Bar(other.opened_at, 1, *[Decimal(7)] * 5, 1, 1, 1, Proof.PROVED)]
    beats.tell(Beat(bars=[ToldBar(BTC, bar, Telling.CLOSED) for bar in known]), "primary")
    said: list[str] = []
    store = CandleStore(pool, utc_now)
    for _ in range(2):
        import_file(store, written(tmp_path, *LINES), BTC, said.append)
    assert said == [
        "binance/paper/BTC/USDT: 1 new, 1 changed, 1 known already",
        "binance/paper/BTC/USDT: 0 new, 0 changed, 3 known already",
    ]
    now = [*store.newest(BTC, "1m", START + 10 * 60_000, 9).bars(1)]
    assert [(bar.close, bar.proof) for bar in now] == [
        (20351, Proof.CONFIRMED), (20351, Proof.IMPORTED), (Decimal("20399.99"), Proof.IMPORTED),
    ]  # fmt: skip
    kept = database.connect().execute("SELECT revision, present FROM service.candle_blocks ORDER BY revision")
    assert kept.fetchall() == [(0, 2), (1, 3)]


def test_holes_are_listed_and_verified(tmp_path, pool):
    store, coverage = CandleStore(pool, utc_now), Coverage(pool)
    import_file(store, written(tmp_path, *LINES), BTC, lambda _: None)
    listed, verified = [], []
    list_series(coverage, listed.append)
    assert not verify(coverage, verified.append)
    span = "2023-03-10 00:00 UTC to 2023-03-10 00:03 UTC"
    assert listed == [f"binance/paper/BTC/USDT 1m: 3 candles, {span}, 1 missing"]
    assert verified == ["binance/paper/BTC/USDT 1m: no candles from 2023-03-10 00:02 UTC to 2023-03-10 00:02 UTC"]
    import_file(store, written(tmp_path, "2023-03-10 00:02:00,1,1,1,1,1"), BTC, lambda _: None)
    assert verify(coverage, verified.append)


def test_a_file_with_a_mark_of_its_encoding_is_read_and_one_in_microseconds_is_told(tmp_path):
    file = tmp_path / "candles.csv"
    file.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\n{START},1,2,0.5,1.5,3\n".encode())
    assert minutes_of(file)[0].opened_at == START
    with pytest.raises(NoCandles, match="line 2: no candle of a market"):
        minutes_of(written(tmp_path, f"{START * 1000},1,2,0.5,1.5,3"))


def test_what_has_not_ended_yet_is_not_imported(tmp_path, pool):
    """Local times without a zone are taken for UTC, and may lie in the future."""
    tomorrow = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=1)
    with pytest.raises(NoCandles, match="has not ended yet"):
        import_file(CandleStore(pool, utc_now), written(tmp_path, f"{tomorrow.isoformat()},1,2,0.5,1.5,3"), BTC, print)
    assert Coverage(pool).held() == []
