"""The check of a strategy: its code read, then tried on real bars, then asked how much history it needs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

from application.ports.sandbox import Forged, Overrun, Worker
from application.strategies.dry_run import DryRun, Fault, dry_run
from application.strategies.history import LONGEST, LOOKS, Needs, needs_of
from application.strategies.static_check import Problem, problems_of
from domain.candles.anchor import HISTORY
from domain.candles.columns import Columns

MOST_CANDLES = LONGEST + LOOKS
"""The newest candles that a check can use."""
Workers = Callable[[], AbstractContextManager[Worker]]


@dataclass(frozen=True)
class Checked:
    """The result of a check. Without candles a strategy is not tried: `run.asked` is then 0."""

    problems: list[Problem] = field(default_factory=list)
    run: DryRun = field(default_factory=DryRun)
    needs: Needs | None = None

    @property
    def first_fault(self) -> Fault | None:
        """The first thing that is wrong with the code, None when it may be used."""
        if self.problems:
            first = self.problems[0]
            return Fault(first.code, first.line, first.about)
        return self.run.fault


def check(
    workers: Workers, code: str, stored: Callable[[], Columns], timeframe: str, history: int = HISTORY
) -> Checked:
    """Check the code of a strategy for a timeframe and a history.

    `stored` returns the newest candles of a real market. Neither they nor a worker are needed for code that is wrong as
    it stands. Raises `SandboxError` when the sandbox is away: then nothing is known of the code.
    """
    if problems := problems_of(code):
        return Checked(problems)
    candles = stored()
    with workers() as worker:
        run = dry_run(worker, code, candles, timeframe, history)
        needs = None
        if run.fault is None:
            with suppress(Overrun, Forged):  # it is valid all the same: no more is known of its history
                needs = needs_of(worker, candles)
    return Checked([], run, needs)
