"""The indicators of a chart: what their formulas give, on frames that do not depend on what is looked at."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from adapters.candles.blocks import MINUTES
from adapters.candles.store import CandleStore
from adapters.sandbox import sandbox
from adapters.sandbox.drawing import Drawing
from application.market.charting import Charting
from domain.candles.bar import Bar, Proof
from domain.candles.indicators import indicator_of
from domain.candles.series import Series
from domain.candles.timeframes import MINUTE, moment

BTC = Series("binance", "paper", "BTC/USDT")
START = MINUTES.start(29_000)
LATER = moment(START) + timedelta(days=30)
BARS = 2600
EMA, RSI, MACD, BOLLINGER = map(indicator_of, ("ema:20", "rsi:14", "macd:12:26:9", "bollinger:20:2"))
EVERY = (EMA, RSI, MACD, BOLLINGER)


def bar(number: int, close: str, proof: Proof = Proof.CONFIRMED) -> Bar:
    price = Decimal(close)
    return Bar(START + number * MINUTE, 1, price, price + 2, price - 2, price, Decimal("1.5"), 7, None, None, proof)


def walk() -> list[float]:
    steps = np.random.default_rng(7).normal(0, 5, BARS)
    return [float(f"{price:.2f}") for price in 60_000 + steps.cumsum()]


@pytest.fixture(scope="module")
def drawing(zygote) -> Drawing:
    return Drawing(zygote)


@pytest.fixture
def store(database) -> CandleStore:
    made = CandleStore(database.store().pool, lambda: LATER)
    made.put(BTC, "1m", [bar(number, str(price)) for number, price in enumerate(walk())])
    return made


@pytest.fixture
def drawn(store, drawing):
    """Return `drawn(count, before)`, what charting draws at so many bars before one of them."""
    charting = Charting(store, drawing.draw)

    def draw(count=500, before=BARS, series=BTC):
        return charting.draw(series, "1m", START + before * MINUTE, count, EVERY)

    return draw


def ema(prices: list[float], length: int) -> list[float]:
    """An exponential average that begins with the plain one of its first prices."""
    value = sum(prices[:length]) / length
    found = [value]
    for price in prices[length:]:
        value += (price - value) * 2 / (length + 1)
        found.append(value)
    return found


def test_each_line_is_what_its_formula_gives(drawn):
    told = drawn(50)
    prices = walk()
    frame = prices[1000:]  # the block of the newest bars begins at 2,000
    assert [*told.opened_at] == [START + number * MINUTE for number in range(BARS - 50, BARS)]
    assert told.lines[EMA]["ema"] == pytest.approx(ema(frame, 20)[-50:])
    macd = np.array(ema(frame, 12)[-len(ema(frame, 26)) :]) - ema(frame, 26)
    signal = ema([*macd], 9)[-50:]
    assert told.lines[MACD]["macd"] == pytest.approx(macd[-50:], abs=1e-6)
    assert told.lines[MACD]["signal"] == pytest.approx(signal, abs=1e-6)
    assert told.lines[MACD]["histogram"] == pytest.approx(macd[-50:] - signal, abs=1e-6)
    last = np.array(prices[-20:])
    bands = [told.lines[BOLLINGER][name][-1] for name in ("lower", "middle", "upper")]
    assert bands == pytest.approx([last.mean() - 2 * last.std(), last.mean(), last.mean() + 2 * last.std()])
    rises = np.diff(frame)
    up, down = _smoothed([*rises.clip(min=0)]), _smoothed([*(-rises).clip(min=0)])
    assert told.lines[RSI]["rsi"][-1] == pytest.approx(100 * up / (up + down), abs=1e-6)


def _smoothed(moves: list[float]) -> float:
    """Wilder's average of 14."""
    value = sum(moves[:14]) / 14
    for move in moves[14:]:
        value += (move - value) / 14
    return value


def test_a_bar_has_the_same_bits_whatever_is_looked_at_beside_it(drawn):
    """Law: pages of a chart join, across the edges of blocks too, and later bars change nothing before them."""
    whole = drawn(1600)
    for count, before in ((1, BARS), (700, BARS), (3, 2001), (400, 2100), (999, 2000)):
        part = drawn(count, before)
        places = np.searchsorted(whole.opened_at, part.opened_at)
        for one in EVERY:
            for name, line in part.lines[one].items():
                assert line.tobytes() == whole.lines[one][name][places].tobytes(), (one, name, count, before)


def test_a_corrected_bar_changes_what_follows_from_it(store, drawn):
    before = drawn(10)
    store.put(BTC, "1m", [bar(BARS - 5, "59000", Proof.CORRECTED)], outranks=True)
    after = drawn(10)
    same = before.lines[EMA]["ema"] == after.lines[EMA]["ema"]
    assert [*same] == [True] * 5 + [False] * 5


def test_a_line_begins_where_its_bars_are_enough(drawn):
    """The bars of a young market: no line has a value before it can."""
    told = drawn(1000, 30)
    begins = {name: int(np.isnan(line).sum()) for one in EVERY for name, line in told.lines[one].items()}
    assert begins == {
        "ema": 19, "rsi": 14, "macd": 25, "histogram": 30, "signal": 30, "lower": 19, "middle": 19, "upper": 19,
    }  # fmt: skip
    few = drawn(1000, 5)
    assert len(few.opened_at) == 5
    assert all(np.isnan(line).all() and len(line) == 5 for one in EVERY for line in few.lines[one].values())


def test_a_market_without_bars_has_lines_without_values(drawn):
    none = drawn(series=Series("binance", "paper", "ETH/USDT"))
    assert len(none.opened_at) == 0
    assert {name: [*line] for name, line in none.lines[MACD].items()} == {"macd": [], "histogram": [], "signal": []}


def test_a_worker_that_has_ended_is_replaced(zygote, drawn, drawing):
    """The charts of everybody come from one worker: neither its end nor that of its connection is seen."""
    drawn(10, 50)
    drawing._worker.close()
    assert len(drawn(11, 60).opened_at) == 11
    drawing._sandbox.close()
    assert len(drawn(12, 70).opened_at) == 12


def test_a_worker_that_has_worked_enough_is_replaced(drawn, drawing, monkeypatch):
    drawn(10, 50)
    first = drawing._worker
    monkeypatch.setattr(sandbox, "MOST_CALLS", 1)
    drawn(11, 60)
    assert drawing._worker is not first
    assert first.is_spent
