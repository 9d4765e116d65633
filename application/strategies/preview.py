"""The preview: what a strategy would have signalled at the last bars, and its indicators at them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from application.ports.sandbox import Forged, Overrun, Rows, Worker
from application.strategies.dry_run import BALANCE, Fault, buys, fault_of, held_since, sells
from application.strategies.frame import frame_at
from domain.candles.anchor import HISTORY, anchored
from domain.candles.columns import Columns
from domain.orders.wish import Side


@dataclass(frozen=True)
class Signal:
    """A signal at the close of the bar that opens at a time (milliseconds)."""

    opened_at: int
    side: Side


@dataclass
class Preview:
    """Signals and lines at the last bars. A line has NaN where it has not begun. Neither stops nor targets are told."""

    candles: Columns
    signals: list[Signal] = field(default_factory=list)
    lines: Rows = field(default_factory=dict)
    fault: Fault | None = None


def preview(worker: Worker, code: str, candles: Columns, timeframe: str, bars: int, history: int = HISTORY) -> Preview:
    """Ask a strategy at each of the last bars: flat until it would buy, then as one that holds until it would sell.

    Raises `SandboxError` when the sandbox is away.
    """
    shown = candles.chosen(slice(max(len(candles) - bars, 0), None))
    told = Preview(shown)
    try:
        told.fault = fault_of(worker.load(code), code)
        if told.fault is None and len(shown):
            _walk(told, worker, code, candles, timeframe, history)
    except (Overrun, Forged) as error:
        told.fault = Fault(error.code, about=str(error))
    return told


def _walk(told: Preview, worker: Worker, code: str, candles: Columns, timeframe: str, history: int) -> None:
    times = told.candles.opened_at.tolist()
    position, begun = None, 0
    lines: dict[str, NDArray[np.float64]] = {}
    for place, at in enumerate(times):
        [block] = anchored(timeframe, at, at, history)
        is_last = place + 1 == len(times) or times[place + 1] >= block.until
        rows = frame_at(candles, timeframe, at, history)
        reply = worker.decide(rows, BALANCE, position, lines=is_last)
        told.fault = fault_of(reply, code)
        if told.fault is not None:
            return
        if buys(reply):
            told.signals.append(Signal(at, Side.BUY))
            position = held_since(at, float(rows["close"][-1]))
        elif sells(reply):
            told.signals.append(Signal(at, Side.SELL))
            position = None
        if is_last:  # its frame holds all bars of the block
            for name, line in reply.lines.items():
                lines.setdefault(name, np.full(len(times), np.nan))[begun : place + 1] = line[begun - place - 1 :]
            begun = place + 1
    told.lines = lines
