"""The teller of the heartbeat: what is published is stored, as old as it is by then; its end is noticed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from adapters.bus import Bus
from adapters.candles.beats import BeatTable
from application.market.beat import Beat, Signal, Telling, ToldBar
from application.market.failover import Source
from aristobot.terminals.heartbeat.teller import Teller
from domain.candles.bar import Bar, Proof
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE
from tests.support.log import Log

BTC = Series("binance", "paper", "BTC/USDT")
END = 29_000_000 * MINUTE


def bar(ended_at: int = END) -> Bar:
    return Bar(ended_at - MINUTE, 1, *[Decimal(100)] * 4, Decimal(2), 2, 1, 2, Proof.PROVED)


class Heard:
    """Everything that is published, by a thread that listens."""

    def __init__(self, url: str, eventually: Callable[..., Any]) -> None:
        self.messages: list[dict[str, Any]] = []
        threading.Thread(target=self._listen, args=(Bus(url),), daemon=True).start()
        client = Bus(url)._client
        eventually(lambda: client.pubsub_numsub("heartbeat:primary")[0][1] > 0)

    def _listen(self, bus: Bus) -> None:
        for message in bus.beats(Source.PRIMARY):
            self.messages.append(message)


@pytest.fixture
def heard(valkey, eventually) -> Heard:
    return Heard(valkey.url, eventually)


def told(database, valkey, now: int) -> Teller:
    """Return a teller at this time of the exchange's clock."""
    teller = Teller(BeatTable(database.store().pool), Bus(valkey.url), Source.PRIMARY, lambda: now, Log())
    teller.start()
    return teller


@pytest.mark.parametrize(("waited", "late"), [(300, False), (5 * MINUTE, True)])
def test_a_signal_is_as_old_as_it_is_when_it_is_stored(database, valkey, heard, eventually, waited, late):
    """It was made in time, and has waited for the database since."""
    teller = told(database, valkey, END + waited)
    teller.tell(Beat([Signal("1m", END, END + 250)], [ToldBar(BTC, bar(), Telling.CLOSED)]))
    [message] = eventually(lambda: heard.messages)
    teller.close()
    [signal] = message["signals"]
    assert (signal["signal_id"], signal["late"], signal["timestamp"]) == (f"1m_{END}", late, END + waited)
    assert [one["closed_at"] for one in message["bars"]] == [END]


def test_a_bar_of_the_past_is_stored_only_and_a_correction_always_told(database, valkey, heard, eventually):
    teller = told(database, valkey, END + 60 * MINUTE)
    corrected = replace(bar(), high=Decimal(101), proof=Proof.CORRECTED)
    newest = bar(END + 60 * MINUTE)
    teller.tell(Beat(bars=[ToldBar(BTC, bar(), Telling.CLOSED), ToldBar(BTC, newest, Telling.CLOSED)]))
    teller.tell(Beat(bars=[ToldBar(BTC, corrected, Telling.CORRECTED, bar())]))
    eventually(lambda: sum(len(message["bars"]) for message in heard.messages) == 2)
    teller.close()
    published = [(one["closed_at"], one["telling"]) for message in heard.messages for one in message["bars"]]
    assert published == [(newest.ended_at, "closed"), (END, "corrected")]
    assert BeatTable(database.store().pool).minutes(BTC, 9) == [corrected, newest]


def test_its_end_is_noticed(database, valkey):
    """A bar that no table takes ends it: the terminal ends too, and the next one begins from what is stored."""
    teller = told(database, valkey, END)
    teller.tell(Beat(bars=[ToldBar(BTC, replace(bar(), trades=2**40), Telling.CLOSED)]))
    teller.wait()
    assert teller.waiting == 0


def test_each_correction_of_a_bar_is_told_once(database):
    """The same one by another source is not."""
    table = BeatTable(database.store().pool)
    table.tell(Beat(bars=[ToldBar(BTC, bar(), Telling.CLOSED)]), Source.PRIMARY)
    for high, times in ((101, 1), (102, 1), (102, 0)):
        after = replace(bar(), high=Decimal(high), proof=Proof.CORRECTED)
        assert len(table.tell(Beat(bars=[ToldBar(BTC, after, Telling.CORRECTED, bar())]), Source.PRIMARY).bars) == times
    for proof, times in ((Proof.PROVED, 1), (Proof.CONFIRMED, 1), (Proof.CONFIRMED, 0)):
        after = bar().proved_by(proof)
        assert len(table.tell(Beat(bars=[ToldBar(BTC, after, Telling.SETTLED)]), Source.PRIMARY).bars) == times


def test_a_tick_is_published_and_not_stored_and_an_old_one_is_left_out(database, valkey, heard, eventually):
    teller = told(database, valkey, END + 20_500)
    for tick in (END, END + 20_000):
        teller.tell(Beat(ticked_at=tick))
        eventually(lambda: not teller.waiting)
    eventually(lambda: [message for message in heard.messages if message["tick"]])
    teller.close()
    assert [message["tick"] for message in heard.messages if message["tick"]] == [END + 20_000]
    assert database.connect().execute("SELECT count(*) FROM service.signals").fetchone() == (0,)
