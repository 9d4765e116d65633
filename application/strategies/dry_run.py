"""The dry run: a strategy is asked at each of the last bars, as live trading would ask it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from application.ports.sandbox import Rows, SandboxError, Worker
from domain.candles.anchor import anchored
from domain.candles.columns import AMOUNTS, Columns

BARS = 100
BALANCE = 10_000.0
"""The capital (quote) of a dry run. Every second call is asked as one that holds something."""


@dataclass
class DryRun:
    """The result of a dry run: the bars it was asked at, its signals, its log, and the fault that ended it."""

    asked: int = 0
    longs: int = 0
    shorts: int = 0
    log: list[str] = field(default_factory=list)
    fault: Mapping[str, Any] | None = None


def dry_run(worker: Worker, code: str, candles: Columns, timeframe: str, bars: int = BARS) -> DryRun:
    """Load a strategy and ask it at the last so many bars, each with its anchored frame, until one is at fault."""
    run = DryRun()
    try:
        told = worker.load(code)
        run.log, run.fault = told.log, told.fault
        for at in candles.opened_at[-bars:].tolist():
            if run.fault is not None:
                break
            _ask(run, worker, candles, timeframe, at)
    except SandboxError as error:
        run.fault = {"kind": error.code, "message": str(error), "line": None, "traceback": ""}
    return run


def _ask(run: DryRun, worker: Worker, candles: Columns, timeframe: str, at: int) -> None:
    [block] = anchored(timeframe, at, at)
    rows = rows_of(candles.between(block.start, at + 1))
    price = float(rows["close"][-1])
    holding = {"entry_price": price, "quantity": BALANCE / price, "entry_time": at, "stop": None, "target": None}
    told = worker.decide(rows, BALANCE, holding if run.asked % 2 else None)
    run.asked += 1
    run.log += told.log
    run.fault = told.fault
    run.longs += bool(told.decision and told.decision.get("long"))
    run.shorts += bool(told.decision and told.decision.get("short"))


def rows_of(candles: Columns) -> Rows:
    """Return bars as a strategy gets them."""
    return {"opened_at": candles.opened_at.astype(np.float64), **{name: getattr(candles, name) for name in AMOUNTS}}
