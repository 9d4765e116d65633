"""Indicators as they are asked for, and the frames that they are calculated of."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.candles.anchor import BLOCK, HISTORY, anchored
from domain.candles.indicators import DEFAULTS, Indicator, indicator_of
from domain.candles.timeframes import MINUTE, TIMEFRAMES


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        ("ema:50", Indicator("ema", (50,))), ("ema", Indicator("ema", (20,))), ("rsi:014", Indicator("rsi", (14,))),
        ("macd:8:21:5", Indicator("macd", (8, 21, 5))), ("bollinger:200:5", Indicator("bollinger", (200, 5))),
    ],
)  # fmt: skip
def test_an_indicator_is_read_as_it_is_asked_for(asked, read):
    assert indicator_of(asked) == read
    assert indicator_of(str(read)) == read


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("sma:20", "'sma' is not one of ema, rsi, macd, bollinger"), ("", "'' is not"), ("ema:", "not a whole one"),
        ("ema:1.5", "not a whole one"), ("ema:-2", "not a whole one"), ("ema:²", "not a whole one"),
        ("ema:1", "from 2 to 200"), ("ema:201", "from 2 to 200"), ("rsi:101", "from 2 to 100"),
        ("ema:9999", "from 2 to 200"),
        ("ema:20:50", "ema has 1 numbers"), ("macd:12:26", "macd has 3 numbers, as in macd:12:26:9"),
        ("macd:26:12:9", "the shorter one"), ("macd:12:12:9", "the shorter one"), ("bollinger:20:6", "1 to 5"),
        ("bollinger:1:2", "from 2 to 200"), ("bollinger:20:0", "1 to 5"),
    ],
)  # fmt: skip
def test_what_is_no_indicator_is_refused_with_the_reason(asked, said):
    with pytest.raises(ValueError, match=said):
        indicator_of(asked)


def test_the_common_numbers_are_indicators():
    assert all(indicator_of(name).numbers == numbers for name, numbers in DEFAULTS.items())


@given(
    st.sampled_from(sorted(TIMEFRAMES)), st.integers(2 * 10**9, 2 * 10**12), st.integers(0, 2500), st.integers(0, 1000)
)
def test_every_bar_lies_in_one_block_whose_frame_depends_on_nothing_else(timeframe, at, bars, history):
    """Law: bars of one block have one beginning, whatever is asked for, `history` bars before the block."""
    length = TIMEFRAMES[timeframe] * MINUTE
    first = at // length * length
    last = first + bars * length
    blocks = [*anchored(timeframe, first, last, history)]
    assert blocks[0].since <= first < blocks[0].until
    assert blocks[-1].since <= last < blocks[-1].until
    assert all(one.until == after.since for one, after in pairwise(blocks))
    assert {(block.since - block.start, block.until - block.since) for block in blocks} == {
        (history * length, BLOCK * length)
    }
    assert [*anchored(timeframe, last, last, history)] == blocks[-1:]
    assert next(anchored(timeframe, last, last)).start == blocks[-1].since - HISTORY * length
