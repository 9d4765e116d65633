"""The tables of bars and signals: told once, corrected by revisions, read as known now."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from adapters.candles.beats import BeatTable
from application.market.beat import Beat, Signal, Telling, ToldBar
from application.market.failover import Source
from domain.candles.bar import Bar, Proof
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE

BTC, ETH = Series("binance", "paper", "BTC/USDT"), Series("binance", "paper", "ETH/USDT")
START = 29_000_000 * MINUTE
PRICES = [Decimal(text) for text in ("64250.10", "64251.00000001", "0.000000000001", "64250.1", "0.00001")]


def bar(number: int, proof: Proof = Proof.TIMED) -> Bar:
    return Bar(START + number * MINUTE, 1, *PRICES, 7, 100 * number, 100 * number + 6, proof)


def closed(number: int, proof: Proof = Proof.TIMED, series: Series = BTC) -> ToldBar:
    return ToldBar(series, bar(number, proof), Telling.CLOSED)


@pytest.fixture
def table(database) -> BeatTable:
    return BeatTable(database.store().pool)


def test_bars_come_back_exactly_and_in_order(table):
    table.tell(Beat(bars=[closed(1), closed(0), closed(2), closed(1, series=ETH)]), Source.PRIMARY)
    assert table.minutes(BTC, 10) == [bar(0), bar(1), bar(2)]
    assert table.minutes(BTC, 2) == [bar(1), bar(2)]
    assert table.minutes(ETH, 10) == [bar(1)]


def test_what_was_told_is_not_told_again(table):
    """Also by another process, which has started meanwhile."""
    beat = Beat([Signal("1m", START, START + 9)], [closed(0)])
    assert table.tell(beat, Source.PRIMARY) == Beat(beat.signals, beat.bars)
    assert table.tell(beat, Source.PRIMARY) == Beat()
    assert table.tell(Beat(beat.signals), Source.SECONDARY).signals == beat.signals


def test_a_proof_is_written_to_the_bar_and_a_correction_beside_it(table, database):
    table.tell(Beat(bars=[closed(0)]), Source.PRIMARY)
    table.tell(Beat(bars=[ToldBar(BTC, bar(0, Proof.PROVED), Telling.SETTLED)]), Source.PRIMARY)
    assert table.minutes(BTC, 1) == [bar(0, Proof.PROVED)]
    after = replace(bar(0, Proof.CORRECTED), high=Decimal(70000))
    table.tell(Beat(bars=[ToldBar(BTC, after, Telling.CORRECTED, bar(0))]), Source.PRIMARY)
    table.tell(Beat(bars=[ToldBar(BTC, after.proved_by(Proof.CONFIRMED), Telling.SETTLED)]), Source.PRIMARY)
    assert table.minutes(BTC, 9) == [after.proved_by(Proof.CONFIRMED)]
    kept = database.connect().execute("SELECT revision, high, proof FROM service.candles ORDER BY revision").fetchall()
    assert kept == [(0, PRICES[1], "proved"), (1, Decimal(70000), "confirmed")]


def test_larger_bars_are_told_and_not_stored(table, database):
    """They follow from the minutes."""
    larger = replace(bar(0), minutes=5)
    assert table.tell(Beat(bars=[ToldBar(BTC, larger, Telling.CLOSED)]), Source.PRIMARY).bars != []
    assert database.connect().execute("SELECT timeframe, telling FROM service.bars").fetchall() == [("5m", "closed")]
    assert table.minutes(BTC, 9) == []


def test_messages_and_signals_are_kept_for_ninety_days(table, database):
    """Candles stay."""
    table.tell(Beat([Signal("1m", START, START)], [closed(0)]), Source.PRIMARY)
    table.tell(Beat([Signal("1m", START + 2_000_000 * MINUTE, START)]), Source.PRIMARY)
    table.forget_old()
    connection = database.connect()
    assert connection.execute("SELECT count(*) FROM service.bars").fetchone()[0] == 0
    assert connection.execute("SELECT count(*) FROM service.signals").fetchone()[0] == 1
    assert table.minutes(BTC, 1) == [bar(0)]
