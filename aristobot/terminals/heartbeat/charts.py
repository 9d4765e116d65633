"""Charts: the indicators that pages ask for, which need a library that the web terminal does not load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.candles.indicators import draw
from adapters.candles.store import CandleStore
from application.ports.requests import Request
from domain.candles.indicators import Indicator, indicator_of
from domain.candles.series import Series, series_of
from domain.candles.timeframes import TIMEFRAMES

MOST_BARS, MOST_INDICATORS = 1000, 8
ASK_SECONDS = 10.0
"""Seconds for which a page waits for indicators."""


class WrongRequest(Exception):
    """A request that is not valid."""


def indicators_for(candles: CandleStore, request: Request) -> dict[str, Any]:
    """Return the lines that a request asks for: opening times in milliseconds, and values, NaN where there is none.

    Raises `WrongRequest` for one that is not valid.
    """
    try:
        series, timeframe, before, count, wanted = _read(request.params)
    except (ValueError, TypeError, LookupError) as error:
        raise WrongRequest(str(error)) from None
    drawn = draw(candles, series, timeframe, before, count, wanted)
    lines = [
        {"indicator": str(one), "line": name, "values": line.tolist()}
        for one, found in drawn.lines.items()
        for name, line in found.items()
    ]
    return {"opened_at": drawn.opened_at.tolist(), "lines": lines}


def _read(asked: Mapping[str, Any]) -> tuple[Series, str, int, int, list[Indicator]]:
    timeframe, count = asked["timeframe"], int(asked["count"])
    wanted = [indicator_of(text) for text in asked["indicators"]]
    if timeframe not in TIMEFRAMES or not 0 < count <= MOST_BARS or not 0 < len(wanted) <= MOST_INDICATORS:
        raise ValueError("a known timeframe, 1 to 1,000 bars and 1 to 8 indicators are needed")
    return series_of(asked["series"]), timeframe, int(asked["before"]), count, wanted
