"""Drawing: one worker that calculates indicators for all charts, and lists the functions that there are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from adapters.sandbox.sandbox import Sandbox, Worker
from application.ports.sandbox import Rows, SandboxError
from domain.candles.indicators import Indicator

T = TypeVar("T")
WAIT_SECONDS = 5.0
"""Seconds for which a chart waits for a sandbox that is being started again."""


class Drawing:
    """The worker of the charts, forked at the first one and replaced when it is spent. One thread at a time uses it."""

    def __init__(self, address: Path) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._sandbox: Sandbox | None = None
        self._worker: Worker | None = None
        self.functions = lru_cache(1)(self._functions)
        """Return the functions of pandas-ta-classic: `name`, `parameters` and `about`. Raises `SandboxError`."""

    def draw(self, close: NDArray[np.float64], indicator: Indicator) -> Rows:
        """Return the lines of an indicator at each of these prices (quote). Raises `SandboxError`."""
        return self._with_worker(lambda worker: worker.draw(close, indicator))

    def _functions(self) -> list[dict[str, str]]:
        return self._with_worker(lambda worker: worker.functions())

    def _with_worker(self, work: Callable[[Worker], T]) -> T:
        """Do what runs no code but ours, so that it can be done again where the worker has died meanwhile."""
        with self._lock:
            try:
                return work(self._ready())
            except SandboxError:
                return work(self._ready())

    def _ready(self) -> Worker:
        if self._sandbox is None or self._sandbox.has_died():
            self._sandbox, self._worker = Sandbox(self._address, WAIT_SECONDS), None
        if self._worker is None or self._worker.is_spent:
            if self._worker is not None:
                self._worker.close()
            self._worker = self._sandbox.worker()
        return self._worker
