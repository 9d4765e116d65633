"""The heartbeat: whether the platform's clock beats, the bars of the followed markets, and the raw stream."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from numpy.typing import NDArray
from psycopg.rows import dict_row

from application.market.beat import LATE_AFTER, SILENT_SIGNALS
from domain.amounts import plain
from domain.candles.bar import Bar
from domain.candles.columns import AMOUNTS
from domain.candles.indicators import indicator_of
from domain.candles.series import PAIR, Series
from domain.candles.timeframes import MINUTE, TIMEFRAMES, moment
from web.access.at_once import AtOnce
from web.context import By, Context, InContext
from web.forms import heartbeat as forms

router = APIRouter(prefix="/api/heartbeat", tags=["heartbeat"])
PRIMARY = "primary"
LONGEST_LIST, NEWEST = 500, 3
LONGEST_CHART = 1000
_calculations = AtOnce(4)
Symbol = Annotated[str, Query(pattern=f"^{PAIR}$")]
Place = Annotated[str, Query(pattern="^[a-z]{1,20}$")]
Limit = Annotated[int, Query(ge=1, le=LONGEST_CHART)]
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_NEWEST_FRAMES = """
    SELECT s.exchange, s.venue, s.symbol, f.timeframe, b.closed_at, b.proof
    FROM service.series AS s CROSS JOIN unnest(%s::text[]) WITH ORDINALITY AS f (timeframe, place)
    LEFT JOIN LATERAL (
        SELECT closed_at, proof FROM service.bars
        WHERE series = s.id AND timeframe = f.timeframe ORDER BY closed_at DESC LIMIT 1
    ) AS b ON true
    ORDER BY s.id, f.place
"""
_NEWEST_SIGNALS = """
    SELECT n.timeframe, n.closed_at, n.source, n.emitted_at
    FROM unnest(%s::text[]) AS f (timeframe) CROSS JOIN LATERAL (
        SELECT * FROM service.signals WHERE timeframe = f.timeframe ORDER BY closed_at DESC, source LIMIT %s
    ) AS n
"""


@router.get("/status")
def status(_: By, context: InContext) -> forms.HeartbeatState:
    """Return the state of the clock, the newest bars of the followed markets and the newest signals."""
    return heartbeat_of(context)


@router.get("/signals")
def signals(
    _: By, context: InContext, timeframe: forms.Timeframe, limit: Annotated[int, Query(ge=1, le=LONGEST_LIST)] = 60
) -> forms.ClockSignals:
    """List the newest signals of a timeframe, newest first."""
    return forms.ClockSignals(items=_signals(context, [timeframe], limit))


@router.get("/candles")
def candles(
    _: By,
    context: InContext,
    symbol: Symbol,
    timeframe: forms.Timeframe,
    exchange: Place = "binance",
    venue: Place = "paper",
    before: datetime | None = None,
    limit: Limit = 500,
) -> forms.ChartCandles:
    """List the newest bars of a market before a moment, oldest first, each as it is known now."""
    series, length = Series(exchange, venue, symbol), TIMEFRAMES[timeframe]
    # A bar that has not ended by then lacks a minute, and is left out.
    found = context.records.candles.newest(series, timeframe, _end(before), limit)
    return forms.ChartCandles(items=[candle_of(bar) for bar in found.bars(length)])


@router.get("/indicators")
def indicators(
    by: By,
    context: InContext,
    symbol: Symbol,
    timeframe: forms.Timeframe,
    show: Annotated[list[forms.AskedIndicator], Query(min_length=1, max_length=forms.MOST_INDICATORS)],
    exchange: Place = "binance",
    venue: Place = "paper",
    before: datetime | None = None,
    limit: Limit = 500,
) -> forms.ChartIndicators:
    """Compute indicators at the bars that `candles` lists for the same market, moment and limit.

    They begin a thousand bars or more before the first one, so that the same bar always has the same value.
    """
    series, wanted = Series(exchange, venue, symbol), [indicator_of(one) for one in show]
    with _calculations.one_of(by.user):
        drawn = context.platform.draw(series, timeframe, _end(before), limit, wanted)
    lines = [
        forms.IndicatorLine(indicator=str(one), line=name, values=values_of(line))
        for one, found in drawn.lines.items()
        for name, line in found.items()
    ]
    return forms.ChartIndicators(opened_at=[moment(at) for at in drawn.opened_at.tolist()], lines=lines)


def values_of(line: NDArray[np.float64]) -> list[float | None]:
    """Return a line as it is told: null where it has no value."""
    return [value if math.isfinite(value) else None for value in line.tolist()]


def _end(before: datetime | None) -> int:
    """Return the moment before which bars are asked for, in milliseconds."""
    end = before or datetime.now(UTC)
    return int(_clamped(end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp() * 1000)


def _clamped(at: datetime) -> datetime:
    """Return a time, or the first or last one that matters where it lies beyond them or beyond all calendars."""
    try:
        return min(at.astimezone(UTC), LAST)
    except OverflowError:
        return FIRST if at.year == 1 else LAST


def candle_of(bar: Bar) -> forms.ChartCandle:
    """Return a bar as charts take it."""
    prices = dict(zip(AMOUNTS, map(plain, bar.amounts), strict=True))
    return forms.ChartCandle(opened_at=moment(bar.opened_at), **prices, trades=bar.trades, proof=bar.proof)


@router.put("/needs", status_code=204)
def need(_: By, context: InContext, needed: forms.NeededSeries) -> None:
    """Let the heartbeat follow a market for another minute. It does if its exchange lists it."""
    context.platform.need_series(str(Series(needed.exchange, needed.venue, needed.symbol)))


def heartbeat_of(context: Context, _: int = 0) -> forms.HeartbeatState:
    """Return the state of the heartbeat, the same for every user."""
    terminals = {one["name"]: one for one in context.platform.terminals()}
    terminal = terminals.get("heartbeat", {})
    # What a terminal said before it froze or died says nothing of now.
    figures: dict[str, Any] = terminal.get("figures", {}) if terminal.get("state") == "up" else {}
    newest = _signals(context, [*TIMEFRAMES], NEWEST)
    return forms.HeartbeatState(
        clock=_clock(context, figures, newest), series=_series(context, figures), signals=newest
    )


def raw_of(context: Context, _: int = 0) -> forms.RawStream:
    """Return the raw stream, and ask for more of it: it is told only while a page shows it."""
    context.platform.want_raw()
    return forms.RawStream(lines=[*context.records.wakes.raw])


def _clock(context: Context, figures: dict[str, Any], newest: Sequence[forms.ClockSignal]) -> forms.ClockState | None:
    rows = _rows(context, "SELECT * FROM service.heartbeat WHERE source = %s", (PRIMARY,))
    if not rows:
        return None
    ends = [signal.closed_at for signal in newest if signal.timeframe == "1m"]
    last = max(ends, default=None)
    now = moment(figures["now"]) if "now" in figures else datetime.now(UTC)
    missed = 0 if last is None else (now - last) // timedelta(milliseconds=MINUTE)
    return forms.ClockState(
        **rows[0],
        connected=bool(figures.get("connected")),
        coherent=bool(figures.get("coherent")),
        missing=[moment(at) for at in figures.get("missing", [])],
        silent=max(missed if missed >= SILENT_SIGNALS else 0, int(figures.get("silent", 0))),
        last_closed_at=last,
        at=datetime.now(UTC),
    )


def _series(context: Context, figures: dict[str, Any]) -> list[forms.FollowedSeries]:
    gaps: dict[str, int] = figures.get("gaps", {})
    found: dict[tuple[str, str, str], list[forms.Frame]] = {}
    for row in _rows(context, _NEWEST_FRAMES, ([*TIMEFRAMES],)):
        frames = found.setdefault((row["exchange"], row["venue"], row["symbol"]), [])
        if row["closed_at"] is not None:
            frames.append(forms.Frame(**row))
    followed = {series: frames for series, frames in found.items() if frames or "/".join(series) in gaps}
    return [
        forms.FollowedSeries(
            exchange=exchange, venue=venue, symbol=symbol, frames=frames,
            gaps=gaps.get(name := f"{exchange}/{venue}/{symbol}"), running=_running(figures, name),
        )
        for (exchange, venue, symbol), frames in followed.items()
    ]  # fmt: skip


def _running(figures: dict[str, Any], series: str) -> forms.ChartCandle | None:
    told = figures.get("running", {}).get(series)
    if told is None:
        return None
    return forms.ChartCandle(**told | {"opened_at": moment(told["opened_at"]), "proof": "running"})


def _signals(context: Context, timeframes: list[str], limit: int) -> list[forms.ClockSignal]:
    return [
        forms.ClockSignal(
            **row,
            signal_id=f"{row['timeframe']}_{int(row['closed_at'].timestamp() * 1000)}",
            late=(row["emitted_at"] - row["closed_at"]).total_seconds() * 1000 > LATE_AFTER,
        )
        for row in _rows(context, _NEWEST_SIGNALS, (timeframes, limit))
    ]


def _rows(context: Context, query: str, values: Any) -> list[dict[str, Any]]:
    """Read tables that belong to no user."""
    with context.records.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()
