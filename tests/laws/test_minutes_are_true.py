"""The law of the bars: whatever is lost, late or doubled on the way, no bar is told as proved that is not true."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.candles.bar import Bar, MarketTrade, Proof, bar_of, flat
from domain.candles.minutes import Closed, Corrected, Doubted, Minutes, Outcome
from domain.candles.timeframes import MINUTE, minute_of

PROVED = {Proof.PROVED, Proof.CONFIRMED}


@st.composite
def markets(draw):
    """Return the trades of some minutes, with quiet ones among them, in the order of their ids."""
    steps = draw(
        st.lists(st.tuples(st.integers(0, 90_000), st.integers(1, 9), st.integers(1, 5)), min_size=1, max_size=30)
    )
    at, trades = 10 * MINUTE, []
    for number, (wait, price, quantity) in enumerate(steps, start=100):
        at += wait
        trades.append(MarketTrade(number, Decimal(price), Decimal(quantity), at))
    return trades


def truth_of(trades: list[MarketTrade]) -> dict[int, Bar]:
    """Return the true bar of every minute from the first trade to the last, as the exchange's candles tell it."""
    bars: dict[int, Bar] = {}
    for trade in trades:
        minute = minute_of(trade.at)
        for quiet in range(max(bars, default=minute) + MINUTE, minute, MINUTE):
            bars[quiet] = flat(quiet, bars[quiet - MINUTE].close, Proof.CONFIRMED)
        bars[minute] = bars[minute].with_trade(trade) if minute in bars else bar_of(trade, minute)
    return bars


def outcomes_of(
    minutes: Minutes, trades: list[MarketTrade], truth: dict[int, Bar], data: st.DataObject
) -> list[Outcome]:
    """Return what became of the trades, of which some are lost or doubled, while the clock and the candles run."""
    outcomes: list[Outcome] = []
    for trade, after in [*pairwise(trades), (trades[-1], trades[-1])]:
        if data.draw(st.integers(0, 4)) == 0:  # the clock has gone on while this trade was on its way
            outcomes += minutes.close(trade.at + data.draw(st.sampled_from([1, MINUTE, 2 * MINUTE])))
        fate = data.draw(st.sampled_from(["heard", "heard", "heard", "lost", "doubled"]))
        for _ in range({"heard": 1, "lost": 0, "doubled": 2}[fate]):
            outcomes += minutes.hear(trade)
        if data.draw(st.booleans()):  # the clock runs ahead of the trades that are on their way
            outcomes += minutes.close(after.at)
        ended = [one for one in truth if one + MINUTE <= trade.at and one != max(truth)]
        if ended and data.draw(st.booleans()):
            outcomes += minutes.witness(truth[data.draw(st.sampled_from(ended))])
    return outcomes


def told(outcomes: list[Outcome], before: dict[int, Bar]) -> dict[int, Bar]:
    """Return the bars as last told. Check that each was closed once, and only settled or corrected afterwards."""
    bars = {**before}
    for outcome in outcomes:
        if isinstance(outcome, Doubted):
            assert outcome.opened_at not in bars
            continue
        bar = outcome.after if isinstance(outcome, Corrected) else outcome.bar
        assert isinstance(outcome, Closed) == (bar.opened_at not in bars)
        bars[bar.opened_at] = bar
    return bars


@given(markets(), st.data())
def test_nothing_is_proved_that_is_not_true(trades, data):
    """And the exchange's candles end every doubt, and correct whatever is wrong."""
    truth, minutes = truth_of(trades), Minutes()
    outcomes = outcomes_of(minutes, trades, truth, data)
    for number in range(1, len(outcomes) + 1):
        for bar in told(outcomes[:number], {}).values():
            assert bar.proof not in PROVED or bar.says_the_same(truth[bar.opened_at])
    last = max(truth)
    later = [outcome for one in sorted(truth) if one != last for outcome in minutes.witness(truth[one])]
    bars = told(later, told(outcomes, {}))
    recent = [one for one in truth if one != last and one >= last - 10 * MINUTE]
    assert all(bars[one].says_the_same(truth[one]) for one in recent)
    assert not {one for one in minutes.doubts if one in truth and one != last}


@given(markets())
def test_trades_alone_prove_every_minute_but_the_first(trades):
    """Without a loss there is no doubt after the first minute, of which only a part was heard.

    Each trade comes twice, as from two connections.
    """
    truth, minutes, bars, doubts = truth_of(trades), Minutes(), {}, []
    for trade in trades:
        for outcome in [*minutes.hear(trade), *minutes.hear(trade)]:
            if isinstance(outcome, Doubted):
                doubts.append(outcome.opened_at)
            else:
                bars[outcome.bar.opened_at] = outcome.bar
    first, last = min(truth), max(truth)
    assert doubts == ([first] if last > first else [])
    assert {one: bar.proof for one, bar in bars.items()} == {one: Proof.PROVED for one in truth if first < one < last}
    assert all(bar.says_the_same(truth[one]) for one, bar in bars.items())
