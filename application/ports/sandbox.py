"""The sandbox: where the code of a strategy runs, and can reach nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Rows = Mapping[str, NDArray[np.float64]]
"""Bars as rows of one length: `opened_at` (milliseconds, UTC), `open` to `close` (quote), `volume` (base)."""


MOST_LINES, LONGEST_LINE_NAME = 16, 60
"""The indicators of a strategy that are told, and the characters of the name of each."""


class SandboxError(Exception):
    """Code that has not answered; `code` says why."""

    code = "sandbox_away"


class Overrun(SandboxError):
    """A call that took longer than it may, or a worker that a limit has ended."""

    code = "strategy_overrun"


class Forged(SandboxError):
    """A reply that the host in a worker never writes."""

    code = "strategy_forged"


@dataclass(frozen=True)
class Reply:
    """The answer of a strategy: a decision or a fault, and its log.

    `decision` has `long` with `size`, `stop` and `target`, or `short`. `fault` has `kind`, `message`,
    `line` (None where none is at fault) and `traceback`.
    """

    decision: Mapping[str, Any] | None
    fault: Mapping[str, Any] | None
    log: list[str]
    lines: Rows = field(default_factory=dict)
    """The indicators of the strategy at every bar of its frame, by name; only where they were asked for."""


class Worker(Protocol):
    """One locked process for the code of one strategy. After an error it is gone."""

    def load(self, code: str) -> Reply:
        """Load the code of a strategy. Raises as `decide`."""

    def decide(
        self, rows: Rows, balance: float, position: Mapping[str, Any] | None = None, *, lines: bool = False
    ) -> Reply:
        """Ask the strategy at the close of the last of these bars, and for its indicators too if `lines`.

        Raises `Overrun` when it does not answer in time, `Forged` when what comes is no reply.
        """
