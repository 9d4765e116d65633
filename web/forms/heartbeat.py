"""The heartbeat: signals of the platform's clock, bars of the followed markets, and whether both can be trusted."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from domain.candles.indicators import indicator_of
from domain.candles.series import PAIR

Timeframe = Literal["1m", "3m", "5m", "10m", "15m", "1h", "2h", "4h"]
MOST_INDICATORS = 8
AskedIndicator = Annotated[str, Field(max_length=20), AfterValidator(lambda text: str(indicator_of(text)))]
"""An indicator by its name and numbers (`ema:20`); without numbers it has the common ones."""
Indicators = Annotated[list[AskedIndicator], Field(max_length=MOST_INDICATORS)]


class ClockSignal(BaseModel):
    """The clock's message that a bar of a timeframe ended. Nothing is decided on a `late` one."""

    signal_id: str
    timeframe: Timeframe
    closed_at: datetime
    emitted_at: datetime
    source: str
    late: bool


class ClockSignals(BaseModel):
    """Signals of one timeframe, newest first."""

    items: list[ClockSignal]
    next: str | None = None


class Frame(BaseModel):
    """The newest bar of a timeframe: the end of it, and why it is believed (timed, proved, confirmed, corrected)."""

    timeframe: Timeframe
    closed_at: datetime
    proof: str


class ChartCandle(BaseModel):
    """A bar of a chart, by the time at which it opened. Prices are in quote, the volume in base."""

    opened_at: datetime
    open: str
    high: str
    low: str
    close: str
    volume: str
    trades: int
    proof: str


class FollowedSeries(BaseModel):
    """A followed market at an exchange and venue: the newest bar of each timeframe, and the minutes that are missing.

    `gaps` counts the missing minutes among those remembered, at most eight hours; null while that is not known.
    `running` is the minute that has not ended, null before its first trade.
    """

    exchange: str
    venue: str
    symbol: str
    frames: list[Frame]
    gaps: int | None
    running: ChartCandle | None


class ClockState(BaseModel):
    """The state of the clock.

    `clock` is its series. `connected` is false while the exchange is not heard; `coherent` is false while its time
    disagrees with ours, or one of the minutes in `missing` has no bar. `silent` counts the signals that were missed in
    a row, once there are three. Times are null for what has not happened.
    """

    source: str
    clock: str
    connected: bool
    coherent: bool
    missing: list[datetime]
    silent: int
    started_at: datetime
    stopped_at: datetime | None
    connected_at: datetime | None
    lost_at: datetime | None
    last_error: str | None
    last_closed_at: datetime | None
    at: datetime


class HeartbeatState(BaseModel):
    """The clock, null before it first ran, the followed markets, and the newest signals of every timeframe."""

    clock: ClockState | None
    series: list[FollowedSeries]
    signals: list[ClockSignal]


class ChartCandles(BaseModel):
    """Bars of one market and timeframe, oldest first. A bar that lacks a minute is left out."""

    items: list[ChartCandle]
    next: str | None = None


class IndicatorLine(BaseModel):
    """One line of an indicator: a value for each bar, null where the line has not begun.

    `line` is `ema`, `rsi` (percent), `macd`, `signal`, `histogram`, `lower`, `middle` or `upper` (quote).
    """

    indicator: str
    line: str
    values: list[float | None]


class ChartIndicators(BaseModel):
    """Indicators at bars of one market and timeframe that have closed, by the times at which the bars opened."""

    opened_at: list[datetime]
    lines: list[IndicatorLine]


class NeededSeries(BaseModel):
    """A market that somebody looks at."""

    exchange: Annotated[str, Field(pattern="^[a-z]{1,20}$")] = "binance"
    venue: Annotated[str, Field(pattern="^[a-z]{1,20}$")] = "paper"
    symbol: Annotated[str, Field(pattern=f"^{PAIR}$")]


class RawStream(BaseModel):
    """The newest messages of the market's stream as they came, newest last."""

    lines: list[str]
