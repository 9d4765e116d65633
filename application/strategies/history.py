"""The history check: how many bars a strategy needs before a block, so that more of them would change nothing.

An exponential average never quite forgets where it began, and a sum over all bars never does. A frame is shortest at
the first bar of its block: so each history is tried with no more bars than that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from application.ports.sandbox import Reply, Rows, Worker
from application.strategies.dry_run import BALANCE, held_since
from application.strategies.frame import rows_of
from domain.candles.anchor import HISTORIES
from domain.candles.columns import Columns

LOOKS = 20
LONGEST = 2 * HISTORIES[-1]
"""The bars with which all others are compared, or as many as there are."""
TOLERANCE = 1e-5
"""The most by which a line may differ, as a fraction: where crossings begin to differ, as was measured."""


@dataclass(frozen=True)
class Needs:
    """The history that a strategy needs.

    `enough` is the shortest one with which nothing differed that was looked at, None when none of the `tried` ones was.
    `decisions` counts by history the bars at which the strategy decided otherwise. `lines` are the indicators that
    differ even with the longest of all histories: they depend on how many bars there are. None is named, and `enough`
    may be None, where fewer bars are stored than the longest needs.
    """

    looked: int
    tried: tuple[int, ...]
    enough: int | None
    decisions: Mapping[int, int]
    lines: tuple[str, ...]


def needs_of(worker: Worker, candles: Columns) -> Needs | None:
    """Return the history that the strategy needs which a worker has loaded; None when too few bars are stored.

    It is asked at `LOOKS` bars, flat and with a position. Raises `SandboxError`.
    """
    longest = min(LONGEST, len(candles) - LOOKS)
    tried = tuple(history for history in HISTORIES if history < longest)
    if not tried:
        return None
    decisions = dict.fromkeys(tried, 0)
    differing: dict[int, set[str]] = {history: set() for history in tried}
    for end in np.linspace(longest, len(candles), LOOKS, dtype=int).tolist():
        known = rows_of(candles.chosen(slice(end - longest, end)))
        truth = _asked(worker, known)
        for history in tried:
            told = _asked(worker, {name: row[-history - 1 :] for name, row in known.items()})
            decisions[history] += not all(map(_agree, told, truth))
            differing[history] |= _differing(told[0], truth[0])
    enough = [history for history in tried if not decisions[history] and not differing[history]]
    always = differing[HISTORIES[-1]] if HISTORIES[-1] in tried else set()
    return Needs(LOOKS, tried, min(enough, default=None), decisions, tuple(sorted(always)))


def _asked(worker: Worker, rows: Rows) -> list[Reply]:
    price, at = float(rows["close"][-1]), int(rows["opened_at"][-1])
    held: list[Mapping[str, Any] | None] = [None, held_since(at, price)]
    return [worker.decide(rows, BALANCE, position, lines=True) for position in held]


def _agree(told: Reply, truth: Reply) -> bool:
    """Return whether two replies decide the same, but for last digits that sums over a window never share."""
    one, other = told.decision or {}, truth.decision or {}
    return one.keys() == other.keys() and all(np.isclose(one[name], other[name], TOLERANCE, 0) for name in one)


def _differing(told: Reply, truth: Reply) -> set[str]:
    """Return the lines whose last value differs, or is there with one history alone."""
    return {
        name for name, line in truth.lines.items()
        if name not in told.lines or not np.isclose(told.lines[name][-1], line[-1], TOLERANCE, 0, equal_nan=True)
    }  # fmt: skip
