"""The dry run: a strategy is asked at each of the last bars, as live trading would ask it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from application.ports.sandbox import Forged, Overrun, Reply, Worker
from application.strategies.deciding import refusal_of
from application.strategies.frame import frame_at
from domain.candles.anchor import HISTORY
from domain.candles.columns import Columns

BARS = 100
BALANCE = 10_000.0
"""The capital (quote) of a dry run. Every second call is asked as one that holds something."""
MOST_LINES = 200
"""The lines of the log that are kept."""


@dataclass(frozen=True)
class Fault:
    """A fault of a strategy: a code, the line of its code (None for no line), and what it is about."""

    code: str
    line: int | None = None
    about: str = ""
    traceback: str = ""


@dataclass
class DryRun:
    """The result of a dry run: the bars it was asked at, its signals, its log, and the fault that ended it.

    `short` of the bars had less history than the strategy asks for, because no more is stored.
    """

    asked: int = 0
    short: int = 0
    longs: int = 0
    shorts: int = 0
    log: list[str] = field(default_factory=list)
    fault: Fault | None = None


def dry_run(
    worker: Worker, code: str, candles: Columns, timeframe: str, history: int = HISTORY, bars: int = BARS
) -> DryRun:
    """Load a strategy and ask it at the last so many bars, each with its anchored frame, until one is at fault.

    Raises `SandboxError` when the sandbox is away.
    """
    run = DryRun()
    try:
        loaded = worker.load(code)
        run.log, run.fault = loaded.log[:MOST_LINES], fault_of(loaded, code)
        for at in candles.opened_at[-bars:].tolist():
            if run.fault is not None:
                break
            rows = frame_at(candles, timeframe, at, history)
            price = float(rows["close"][-1])
            told = worker.decide(rows, BALANCE, held_since(at, price) if run.asked % 2 else None)
            _count(run, told, len(rows["close"]) <= history, code)
    except (Overrun, Forged) as error:
        run.fault = Fault(error.code, about=str(error))
    return run


def _count(run: DryRun, told: Reply, short: bool, code: str) -> None:
    run.asked += 1
    run.short += short
    run.log += told.log[: max(MOST_LINES - len(run.log), 0)]
    run.fault = fault_of(told, code)
    run.longs += buys(told)
    run.shorts += sells(told)


def buys(told: Reply) -> bool:
    """Return whether a reply buys something: an amount of zero is no order."""
    return bool(told.decision and told.decision.get("long") and told.decision["size"] > 0)


def sells(told: Reply) -> bool:
    """Return whether a reply sells what is held."""
    return bool(told.decision and told.decision.get("short"))


def held_since(at: int, price: float) -> dict[str, float | int | None]:
    """Return the facts of a position of the whole capital that was bought at the close of a bar, as it is asked."""
    return {"entry_price": price, "quantity": BALANCE / price, "entry_time": at, "stop": None, "target": None}


def fault_of(told: Reply, code: str) -> Fault | None:
    """Return what a reply is at fault for, numbers included that no order can have; None for nothing."""
    if told.fault is not None:
        said = told.fault
        return Fault(said["kind"], said["line"], said["message"], said["traceback"])
    if told.decision is not None and (refused := refusal_of(told.decision)) is not None:
        return Fault(refused.code, _line_of(refused.method, code), f"{refused.method}: {refused.about}")
    return None


def _line_of(method: str | None, code: str) -> int | None:
    """Return the line at which a method stands, the last one of its name: an heir's comes after its base's."""
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)]
    lines = [node.lineno for node in nodes if node.name == method]
    return max(lines, default=None)
