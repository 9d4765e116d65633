"""The sandbox: a worker that is ready, a call of the reference strategy, the memory of a worker, a zygote that is back.

Times are medians; memory is what only the worker has (USS). A call is timed beside the same class called here, turn by
turn, which gives the ratio.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from shared.figures import keep

from adapters.sandbox.host import Host, Log
from adapters.sandbox.sandbox import Sandbox, start_zygote

WORKERS, CALLS, BARS = 200, 200, 2000
READY, CALL, MEMORY, BACK = 6.0, 3.0, 15.0, 2.0
EMA = """import pandas_ta as ta


class Crossover(Strategy):
    def __init__(self, candles, balance, position=None):
        self.candles, self.balance, self.position = candles, balance, position
        self.candles["ema10"] = ta.ema(self.candles["close"], length=10)
        self.candles["ema20"] = ta.ema(self.candles["close"], length=20)

    def should_long(self):
        fast, slow = self.candles["ema10"], self.candles["ema20"]
        return fast.iloc[-2] < slow.iloc[-2] and fast.iloc[-1] > slow.iloc[-1]
"""


def bars() -> dict[str, Any]:
    """Return bars of a random walk."""
    close = np.cumsum(np.random.default_rng(1).normal(0, 9, BARS)) + 30_000
    times = np.arange(BARS) * 60_000.0 + 1.7e12
    return {"opened_at": times, "open": close, "high": close, "low": close, "close": close, "volume": close * 0 + 1}


def timed(work: Any) -> float:
    """Return the milliseconds that something takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def own_memory(pid: int) -> float:
    """Return the megabytes that only this process has."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def main() -> int:
    """Measure, print and keep the figures; return 1 when one is missed."""
    import pandas_ta_classic

    sys.modules["pandas_ta"] = pandas_ta_classic
    rows, here = bars(), Host(EMA, Log())
    with tempfile.TemporaryDirectory() as folder:
        address = Path(folder) / "socket"
        process = start_zygote(address, subprocess.DEVNULL)
        sandbox = Sandbox(address)
        ready = []
        for _ in range(WORKERS):
            began = time.perf_counter()
            with sandbox.worker():
                ready.append((time.perf_counter() - began) * 1000)
        worker = sandbox.worker()
        worker.load(EMA)
        calls = [
            (timed(lambda: worker.decide(rows, 1000.0)), timed(lambda: here.decide(rows, 1000.0, None)))
            for _ in range(CALLS)
        ]
        children = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        memory = max(own_memory(pid) for pid in children)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        began = time.perf_counter()
        process = start_zygote(address, subprocess.DEVNULL)
        Sandbox(address).worker().close()
        back = time.perf_counter() - began
        process.kill()
        process.wait()
    inside, outside = (statistics.median(side) for side in zip(*calls, strict=True))
    figures = {
        "ready_ms": round(statistics.median(ready), 2), "call_ms": round(inside, 2),
        "call_ratio": round(inside / outside, 2), "memory_mb": round(memory, 1), "back_s": round(back, 2),
    }  # fmt: skip
    for name, value in figures.items():
        print(f"{name:12} {value}")
    keep("sandbox", **figures)
    missed = [figures["ready_ms"] > READY, figures["call_ms"] > CALL, memory > MEMORY, back > BACK]
    return int(any(missed))


if __name__ == "__main__":
    sys.exit(main())
