"""The candle store: what is put in comes back exactly, old minutes lie in blocks, and nothing known is overwritten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.candles import store as storing
from adapters.candles.beats import BeatTable
from adapters.candles.blocks import MINUTES, SIZE, Grid, packed, unpacked
from adapters.candles.coverage import Coverage
from adapters.candles.store import CandleStore, Taken
from application.market.beat import Beat, Telling, ToldBar
from application.market.failover import Source
from application.ports.candles import Hole
from domain.candles.bar import Bar, Proof, joined
from domain.candles.columns import Flag, columns_of, exact, is_exact
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE, moment

BTC, ETH = Series("binance", "paper", "BTC/USDT"), Series("binance", "paper", "ETH/USDT")
BLOCK = 29_000
START = MINUTES.start(BLOCK)
LATER = moment(START) + timedelta(days=30)
H4 = Grid("4h")


def bar(number: int, price: str | int = 100, proof: Proof = Proof.CONFIRMED, volume: str = "1.5") -> Bar:
    low, high = Decimal(price), Decimal(price) + 2
    return Bar(START + number * MINUTE, 1, low, high, low, high, Decimal(volume), 7, None, None, proof)


def minutes(first: int, last: int) -> list[Bar]:
    return [bar(number, 100 + number % 17) for number in range(first, last)]


@pytest.fixture
def store(database) -> CandleStore:
    return CandleStore(database.store().pool, lambda: LATER)


def read(store: CandleStore, timeframe: str = "1m", first: int = 0, last: int = 10_000) -> list[Bar]:
    length = Grid(timeframe).length // MINUTE
    return [*store.read(BTC, timeframe, START + first * MINUTE, START + last * MINUTE).bars(length)]


amounts = st.decimals(min_value=Decimal("1e-12"), max_value=Decimal("1e12"), allow_nan=False, allow_infinity=False)


@given(amounts.map(lambda amount: Decimal(f"{amount:.15g}")))
def test_a_decimal_of_fifteen_digits_comes_back_exactly(amount):
    """Law: IEEE 754 promises it, and whatever is said to be exact is."""
    assert is_exact(amount)
    assert exact(float(amount)) == amount


@given(amounts)
def test_what_is_said_to_be_exact_is(amount):
    assert is_exact(amount) == (exact(float(amount)) == amount)


def test_a_block_comes_back_from_its_bytes():
    candles = columns_of([bar(0), bar(3, "0.000000000001", Proof.PROVED), bar(999, volume="0")])
    data = packed(candles, START, MINUTE, np.array([START + MINUTE]))
    assert len(data) == SIZE
    assert [*unpacked(data, START, MINUTE).bars(1)] == [*candles.bars(1)]
    assert data[-1000:][:4] == bytes([0x44, int(Flag.MISSING | Flag.CONFIRMED), 1, int(Flag.PROVED)])


@pytest.mark.parametrize("proof", Proof)
def test_the_proof_of_a_candle_is_kept(proof):
    assert [one.proof for one in columns_of([bar(0, proof=proof, volume="0")]).bars(1)] == [proof]


def test_minutes_come_back_exactly_wherever_they_lie(store, database):
    """Given two old blocks, one in the middle, and minutes of a day that is not over."""
    recent = int((LATER - timedelta(hours=3)).timestamp() * 1000 - START) // MINUTE
    told = [*minutes(0, 1500), *minutes(2100, 2103), *minutes(recent, recent + 4)]
    assert store.put(BTC, "1m", told) == Taken(len(told), 0)
    assert read(store, last=recent + 9) == told
    assert read(store, first=999, last=1001) == told[999:1001]
    assert len(store.read(ETH, "1m", START, START + 9 * MINUTE)) == 0
    rows, blocks = (
        database.connect().execute(f"SELECT count(*) FROM service.{table}").fetchone()[0]
        for table in ("candles", "candle_blocks")
    )
    assert (rows, blocks) == (4, 3)


def test_amounts_that_no_binary_number_holds_stay_rows(store, database):
    odd = bar(1, "12345678.123456789012")
    store.put(BTC, "1m", [bar(0), odd])
    rows = database.connect().execute("SELECT open FROM service.candles ORDER BY opened_at").fetchall()
    assert [row[0] for row in rows] == [100, odd.open]
    assert not store.close_block(BTC, BLOCK)
    assert len(store.read(BTC, "1m", START, START + 2 * MINUTE)) == 2


def test_taking_in_twice_changes_nothing(store, database):
    for _ in range(2):
        taken = store.put(BTC, "1m", minutes(0, 50))
    assert taken == Taken(0, 0)
    assert database.connect().execute("SELECT count(*) FROM service.candle_blocks").fetchone() == (1,)


def test_what_the_exchange_says_differently_is_a_flagged_revision_and_an_import_stands(store, database):
    store.put(BTC, "1m", [bar(0), bar(1)])
    store.put(BTC, "1m", [bar(1, 200, Proof.IMPORTED), bar(2, 300, Proof.IMPORTED)], outranks=True)
    assert store.put(BTC, "1m", [bar(0, 150), bar(1, 100), bar(2, 100), bar(3)]) == Taken(1, 1)
    assert [(one.low, one.proof) for one in read(store)] == [
        (150, Proof.CORRECTED), (200, Proof.IMPORTED), (300, Proof.IMPORTED), (100, Proof.CONFIRMED),
    ]  # fmt: skip
    kept = database.connect().execute("SELECT revision, present FROM service.candle_blocks ORDER BY 1").fetchall()
    assert kept == [(0, 2), (1, 3), (2, 4)]


def test_rows_become_blocks_with_their_corrections_as_revisions(database, store):
    """Given what the heartbeat told and corrected, and one minute that the exchange itself has not."""
    beats = BeatTable(database.store().pool)
    told = [ToldBar(BTC, bar(n, proof=Proof.PROVED), Telling.CLOSED) for n in (0, 1, 3)]
    wrong = ToldBar(BTC, bar(1, 500, Proof.CORRECTED), Telling.CORRECTED, told[1].bar)
    beats.tell(Beat(bars=told), Source.PRIMARY)
    beats.tell(Beat(bars=[wrong]), Source.PRIMARY)
    before = read(store)
    assert store.ripe() == [(BTC, BLOCK)]
    assert store.close_block(BTC, BLOCK, [START + 2 * MINUTE])
    assert read(store) == before
    assert store.ripe() == []
    lows = (
        database.connect()
        .execute(
            "SELECT service.float8_at(data, 16000 + 8) FROM service.candle_blocks JOIN service.candle_bytes"
            " USING (sha256) ORDER BY revision"
        )
        .fetchall()
    )
    assert lows == [(100.0,), (500.0,)]
    assert Coverage(database.store().pool).held()[0].holes == (Hole(START + 2 * MINUTE, START + 2 * MINUTE, True),)


def test_a_row_that_comes_while_its_block_is_closed_is_not_lost(database, store, monkeypatch):
    """Another process tells a late minute between the reading of the rows and their end."""
    beats = BeatTable(database.store().pool)
    beats.tell(Beat(bars=[ToldBar(BTC, bar(n), Telling.CLOSED) for n in range(3)]), Source.PRIMARY)
    delete = storing.delete_rows

    def late(*given):
        beats.tell(Beat(bars=[ToldBar(BTC, bar(7, 700), Telling.CLOSED)]), Source.PRIMARY)
        delete(*given)

    monkeypatch.setattr(storing, "delete_rows", late)
    assert store.close_block(BTC, BLOCK)
    assert [one.low for one in read(store)] == [100, 100, 100, 700]


def test_a_late_minute_and_a_correction_stand_before_a_block(database, store):
    store.put(BTC, "1m", [bar(0), bar(1), bar(2, proof=Proof.IMPORTED)], outranks=True)
    late = [ToldBar(BTC, bar(n, 700 + n), Telling.CLOSED) for n in (1, 2, 4)]
    BeatTable(database.store().pool).tell(Beat(bars=late), Source.PRIMARY)
    expected = [100, 701, 100, 704]
    assert [one.low for one in read(store)] == expected
    assert store.close_block(BTC, BLOCK)
    assert [one.low for one in read(store)] == expected


def test_larger_bars_are_sums_of_minutes_and_the_cache_follows_a_correction(database, store):
    """A block of a thousand bars of four hours needs 240 blocks of minutes; three minutes are enough for one of 3m."""
    grid = Grid("3m")
    number = grid.number(START)
    first = (grid.start(number) - START) // MINUTE
    store.put(BTC, "1m", minutes(first, first + 3000))
    made = read(store, "3m", first, first + 3000)
    assert made == [replace(joined(minutes(at, at + 3)), proof=Proof.CONFIRMED) for at in range(first, first + 3000, 3)]
    cached = database.connect().execute("SELECT count(*) FROM service.derived_blocks").fetchone()
    assert cached == (1,)
    assert read(store, "3m", first, first + 3000) == made
    store.put(BTC, "1m", [bar(first + 4, 999)])
    assert read(store, "3m", first, first + 6)[1].high == 1001
    assert [one.opened_at for one in read(store, "3m", first + 1, first + 9)] == [one.opened_at for one in made[1:3]]


def test_a_larger_bar_that_lacks_a_minute_is_left_out_and_volumes_add_up(store):
    store.put(BTC, "1m", [bar(n, volume="0.1") for n in range(20, 50) if n != 31])
    found = {one.opened_at: one for one in read(store, "5m", 20, 60)}
    assert START + 30 * MINUTE not in found
    assert {one.volume for one in found.values()} == {Decimal("0.5")}


def test_native_history_stands_where_minutes_make_nothing_and_is_never_mixed_within_a_bar(store):
    hours = [
        Bar(START - START % H4.length + n * H4.length, 240, *[Decimal(50 + n)] * 4, Decimal(9), 1, None, None,
            Proof.CONFIRMED)
        for n in range(8)
    ]  # fmt: skip
    store.put(BTC, "4h", hours)
    from_minute = (hours[3].opened_at - START) // MINUTE - 60
    store.put(BTC, "1m", minutes(from_minute, from_minute + 600))
    found = store.read(BTC, "4h", hours[0].opened_at, hours[7].ended_at)
    native = found.flags & int(Flag.NATIVE) != 0
    assert native.tolist() == [True] * 3 + [False] * 2 + [True] * 3
    assert [one.low for one in found.bars(240)][:3] == [50, 51, 52]
    later = store.read(BTC, "4h", hours[5].opened_at, hours[7].ended_at)
    assert [*later.bars(240)] == [*found.bars(240)][5:]  # whatever part is asked for
    store.put(BTC, "4h", [replace(hours[0], high=Decimal(70))])
    corrected = store.read(BTC, "4h", hours[0].opened_at, hours[1].opened_at)
    assert corrected.flags[0] == int(Flag.NATIVE | Flag.CORRECTED)
    assert len(store.read(BTC, "4h", hours[0].opened_at, hours[2].ended_at)) == 3


def test_the_newest_are_found_beyond_holes(store):
    store.put(BTC, "1m", [*minutes(0, 10), *minutes(5000, 5003)])
    assert [*store.newest(BTC, "1m", START + 9000 * MINUTE, 6).bars(1)] == [*minutes(7, 10), *minutes(5000, 5003)]
    assert [*store.newest(BTC, "1m", START + 5001 * MINUTE, 2).bars(1)] == [*minutes(9, 10), *minutes(5000, 5001)]
    assert len(store.newest(BTC, "1m", START, 5)) == 0
    assert len(store.newest(ETH, "1m", START, 5)) == 0


def test_holes_are_told_and_lost_or_changed_blocks_named(database, store):
    store.put(BTC, "1m", [*minutes(0, 900), *minutes(950, 2100), *minutes(7000, 8000)])
    pool = database.store().pool
    [held] = Coverage(pool).held()
    assert (held.count, held.first, held.missing) == (3050, START, 4950)
    assert held.holes == (
        Hole(START + 900 * MINUTE, START + 949 * MINUTE, False),
        Hole(START + 2100 * MINUTE, START + 6999 * MINUTE, False),
    )
    assert [*Coverage(pool).wrong()] == []
    with database.connect() as owner:
        owner.execute("ALTER TABLE service.candle_bytes DROP CONSTRAINT candle_bytes_check")
        owner.execute(
            "UPDATE service.candle_bytes SET data = set_byte(data, 9, 1) WHERE sha256 ="
            " (SELECT sha256 FROM service.candle_blocks WHERE number = %s)",
            (BLOCK + 1,),
        )
        owner.execute(
            "DELETE FROM service.candle_bytes WHERE sha256 ="
            " (SELECT sha256 FROM service.candle_blocks WHERE number = %s)",
            (BLOCK + 7,),
        )
    assert [said for _, said in Coverage(pool).wrong()] == [
        f"block {BLOCK + n} of 1m, revision 0, is lost or was changed" for n in (1, 7)
    ]


def test_the_tables_can_be_asked_in_sql(database, store):
    """The function unpacks blocks exactly and lets rows stand before them."""
    prices = ["64250.10", "0.000000000001", "1e12", "123456789.012345"]
    store.put(BTC, "1m", [bar(n, price) for n, price in enumerate(prices)])
    late = ToldBar(BTC, bar(1, 5), Telling.CLOSED)
    BeatTable(database.store().pool).tell(Beat(bars=[late]), Source.PRIMARY)
    rows = (
        database.connect()
        .execute(
            "SELECT opened_at, open::numeric, volume FROM service.candles_in("
            "(SELECT id FROM service.series), '1m', %s, %s)",
            (moment(START), moment(START + 4 * MINUTE)),
        )
        .fetchall()
    )
    assert [row[1] for row in rows] == [Decimal("64250.10"), 5, Decimal("1e12"), Decimal("123456789.012345")]
    assert rows[0][0] == datetime.fromtimestamp(START / 1000, UTC)
    assert {row[2] for row in rows} == {1.5}


def test_a_lost_block_comes_back_by_being_loaded_again(database, store):
    """Also for the larger bars that were asked for meanwhile."""
    grid = Grid("3m")
    number = grid.number(START)
    first = (grid.start(number) - START) // MINUTE
    told = minutes(first, first + 3000)
    store.put(BTC, "1m", told)
    with database.connect() as owner:
        owner.execute("DELETE FROM service.candle_bytes")
    assert read(store, first=first, last=first + 3000) == read(store, "3m", first, first + 3000) == []
    store.put(BTC, "1m", told)
    assert read(store, first=first, last=first + 3000) == told
    assert len(read(store, "3m", first, first + 3000)) == 1000


def test_what_the_exchange_has_not_is_remembered_over_corrections(store, database):
    gone = [START + n * MINUTE for n in (4, 5)]
    store.put(BTC, "1m", [bar(n) for n in range(9) if n not in {4, 5}], absent=gone)
    store.put(BTC, "1m", [bar(2, 500)])
    [held] = Coverage(database.store().pool).held()
    assert held.holes == (Hole(gone[0], gone[1], True),)


def test_bars_in_any_order_and_twice_are_each_taken_once(store):
    assert store.put(BTC, "1m", [bar(3), bar(1), bar(2), bar(1)]) == Taken(3, 0)
    assert read(store) == [bar(1), bar(2), bar(3)]
    assert store.put(BTC, "1m", []) == Taken(0, 0)


def test_one_odd_amount_keeps_only_its_own_block_from_being_closed(store, database):
    odd = bar(1500, "12345678.123456789012")
    store.put(BTC, "1m", [*minutes(0, 1000), odd, *minutes(2000, 3000)])
    rows = database.connect().execute("SELECT count(*) FROM service.candles").fetchone()
    assert rows == (1,)
    store.put(BTC, "1m", [replace(odd, high=odd.low, close=odd.low, proof=Proof.IMPORTED)], outranks=True)
    assert read(store, first=1500, last=1501)[0].proof is Proof.IMPORTED


def test_what_a_person_has_imported_outranks_the_heartbeat_also_among_rows(store, database):
    beats = BeatTable(database.store().pool)
    now = int((LATER - timedelta(hours=2)).timestamp() * 1000 - START) // MINUTE
    store.put(BTC, "1m", [bar(now, 300, Proof.IMPORTED)], outranks=True)
    beats.tell(Beat(bars=[ToldBar(BTC, bar(now), Telling.SETTLED)]), Source.PRIMARY)
    beats.tell(Beat(bars=[ToldBar(BTC, bar(now, 100, Proof.CORRECTED), Telling.CORRECTED, bar(now))]), Source.PRIMARY)
    [told] = read(store, first=now, last=now + 1)
    assert (told.low, told.proof) == (300, Proof.IMPORTED)


def test_a_hole_of_years_is_stepped_over_at_once(store):
    store.put(BTC, "1m", [bar(0), bar(999)])
    assert [*store.newest(BTC, "1m", START + 900 * MINUTE, 1).bars(1)] == [bar(0)]
    far = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1000)
    assert len(store.newest(BTC, "3m", far, 5)) == 0
    assert [*store.newest(BTC, "1m", far, 1).bars(1)] == [bar(999)]


@pytest.mark.parametrize("volume", ["25379894133", "123456789012.25", "0.1"])
def test_sums_of_volumes_have_no_invented_fractions(store, volume):
    store.put(BTC, "1m", [bar(n, volume=volume) for n in range(20, 25)])
    [five] = read(store, "5m", 20, 25)
    assert five.volume == 5 * Decimal(volume)
