"""Signals per second that the platform carries from the door to `Order.Accepted`, alone and beside busy loops.

Ten paper brokers of one user take turns, and the paper exchange's limits are off. Steps of an open-loop schedule offer
one rate each, from the target upwards until one is not sustained, or downwards until one is; the gap between the two is
then halved. Each step begins at rest. A rate is sustained when every alert is accepted, the median delay (from the
scheduled moment to `recorded_at` of `Order.Accepted`) in the last quarter of the step is at most 1.5 times that of the
first quarter plus 50 ms, and the last order is accepted within 2 s of the last alert. An overload of a few per cent
already shows in the second condition. The rate accepted under an overload would be higher, since larger batches are
cheaper, but at an unacceptable delay.

The same is then measured beside one busy process per core. Targets: 80 per second alone, 40 beside the busy processes.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import psycopg
from shared.alerts import BROKERS, accepted, alerts, await_rest, connect_brokers, delays, head, post, schedule
from shared.figures import keep
from shared.running import Running, running

TARGETS = {"alone": 80.0, "beside busy loops": 40.0}
STEP, HALVINGS, LOWEST = 1.25, 1, 1.0
MOST_GROWTH, MOST_MORE, DRAIN_SECONDS = 1.5, 0.05, 2.0
WARM_UP_RATE, WARM_UP_SECONDS = 20.0, 5.0
BUSY = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): sum(range(100_000))"
"""A loop that ends with the process that started it."""


class Load:
    """Offers alerts, never the same one twice, and judges how they were carried."""

    def __init__(self, platform: Running, brokers: list[int], seconds: float) -> None:
        self._platform = platform
        self._brokers = brokers
        self._seconds = seconds
        self._numbers = itertools.count()
        self._log = psycopg.connect(platform.owner, autocommit=True)

    def offer(self, rate: float, seconds: float | None = None) -> dict[str, Any]:
        """Offer a rate; return the delays in ms, the drain in s, and whether the rate was sustained."""
        told, before = self._platform.told, head(self._log)
        numbers = itertools.islice(self._numbers, round(rate * (seconds or self._seconds)))
        bodies = alerts(told["user_number"], self._brokers, numbers)
        scheduled = schedule(told["user_number"], bodies, time.time() + 0.5 + len(bodies) / 5000, rate)
        asyncio.run(post(told["webhook_url"], bodies, scheduled.values()))
        await_rest(self._platform.owner)
        there = accepted(self._platform.owner, before)
        took = delays(scheduled, there)
        quarter = max(len(took) // 4, 1)
        first, last = median(took[:quarter]), median(took[-quarter:])
        drain = max(there.get(name, math.inf) for name in scheduled) - max(scheduled.values())
        sustained = drain <= DRAIN_SECONDS and last <= first * MOST_GROWTH + MOST_MORE
        step = {
            "rate": round(rate, 1), "offered": len(took), "accepted": len(scheduled.keys() & there.keys()),
            "first_quarter_p50_ms": round(first * 1000, 1), "last_quarter_p50_ms": round(last * 1000, 1),
            "drain_s": round(drain, 2), "sustained": sustained,
        }  # fmt: skip
        print(step, file=sys.stderr)
        return step


def highest(offer: Callable[[float], dict[str, Any]], target: float) -> tuple[float, list[dict[str, Any]]]:
    """Return the highest rate that was sustained (0 if there was none), and all steps."""
    steps = [offer(target)]
    up = steps[0]["sustained"]
    low, high = (target, math.inf) if up else (0.0, target)
    while high == math.inf or (not low and high > LOWEST):
        steps.append(offer(low * STEP if up else high / STEP))
        low, high = _bounds(steps[-1], low, high)
    for _ in range(HALVINGS):
        steps.append(offer((low + high) / 2))
        low, high = _bounds(steps[-1], low, high)
    return low, steps


def _bounds(step: dict[str, Any], low: float, high: float) -> tuple[float, float]:
    return (step["rate"], high) if step["sustained"] else (low, step["rate"])


@contextmanager
def busy_loops() -> Iterator[None]:
    """Run one busy process per core meanwhile."""
    command = [sys.executable, "-c", BUSY, str(os.getpid())]
    loops = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=12, help="how long each rate is offered")
    given = parser.parse_args()
    with running() as platform:
        house = platform.house()
        with house.pool:
            brokers = connect_brokers(platform, house)
        load = Load(platform, brokers, given.seconds)
        load.offer(WARM_UP_RATE, WARM_UP_SECONDS)
        alone = highest(load.offer, TARGETS["alone"])
        with busy_loops():
            beside = highest(load.offer, TARGETS["beside busy loops"])
    rates, steps = {}, {}
    for name, (rate, offered) in zip(TARGETS, (alone, beside), strict=True):
        rates[name], steps[name] = rate, offered
    met = all(rates[name] >= target for name, target in TARGETS.items())
    each = ", ".join(f"{rate:.0f}/s {name} (target {TARGETS[name]:.0f})" for name, rate in rates.items())
    print(f"capacity from the door to accepted orders, {BROKERS} brokers: {each}; {'met' if met else 'missed'}")
    keep("capacity", rates=rates, steps=steps, seconds=given.seconds, target=TARGETS, met=met)


if __name__ == "__main__":
    main()
