"""Half an hour of trading in one market, which may make neither the next signal slower nor a terminal larger.

One paper broker takes two alerts per second on an open-loop schedule, a buy and the sale of everything held in turns,
so that a position opens and closes every second. Results are given in thirtieths of the time (minutes, for half an
hour). The time of a signal counts from `recorded_at` of `Webhook.Received` to that of the first `Order.Submitted`, with
which the gateway takes a wish; it is infinite for one that is never submitted. Memory is the proportional set size
(PSS) of a terminal's process. Targets: the p95 of the last five thirtieths is at most 1.2 times that of the second to
the sixth, every alert is submitted, and at the end engine and gateway are at most 3 % larger than after half the time.
The machine has to be left alone meanwhile. Each thirtieth is reported on stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from shared.alerts import BUY, SELL, alerts, connect_brokers, percentile, post, schedule
from shared.figures import keep
from shared.running import Running, running

RATE = 2.0
PARTS, START, END, HALF = 30, range(2, 7), range(26, 31), 15
"""Thirtieths, numbered from one."""
TERMINALS = ("engine", "gateway")
RATIO_TARGET, GROWTH_TARGET = 1.2, 0.03
GRACE_SECONDS = 2.0
"""Seconds that the last alerts of a thirtieth get before the log is read for them."""
STEPS = """
    SELECT topic, state -> 'metadata' ->> 'correlation_id', extract(epoch FROM recorded_at)::float8, position
    FROM log.event_log WHERE topic IN ('Webhook.Received', 'Order.Submitted') AND position > %s ORDER BY position
"""


class Ways:
    """The times at which alerts were received and submitted, read from the log bit by bit."""

    def __init__(self, owner: str) -> None:
        self._log = psycopg.connect(owner, autocommit=True)
        self._read_to = 0
        self._at: dict[str, dict[str, float]] = {"Webhook.Received": {}, "Order.Submitted": {}}

    def read(self) -> None:
        """Read the events that are new."""
        for topic, name, at, position in self._log.execute(STEPS, (self._read_to,)):
            self._at[topic].setdefault(name, at)
            self._read_to = position

    def of(self, name: str) -> float:
        """Return the milliseconds that an alert took, infinite while it is not submitted."""
        received, submitted = (self._at[topic].get(name, math.inf) for topic in self._at)
        return math.inf if submitted == math.inf else (submitted - received) * 1000


def memory(pid: int) -> float:
    """Return the proportional set size of a process in MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


async def measure(platform: Running, broker: int, seconds: float, pids: dict[str, int]) -> list[dict[str, Any]]:
    """Return the signals' times (ms) and the terminals' sizes (MB) in each thirtieth."""
    user = platform.told["user_number"]
    bodies = alerts(user, [broker], range(round(seconds * RATE)), (BUY, SELL))
    ways, begin, parts = Ways(platform.owner), time.time() + 2, list[dict[str, Any]]()
    scheduled = schedule(user, bodies, begin, RATE)
    posting = asyncio.create_task(post(platform.told["webhook_url"], bodies, scheduled.values()))
    for number in range(1, PARTS + 1):
        first, end = (begin + seconds * part / PARTS for part in (number - 1, number))
        await asyncio.sleep(end - time.time())
        sizes = {name: round(memory(pid), 2) for name, pid in pids.items()}
        await asyncio.sleep(GRACE_SECONDS)
        await asyncio.to_thread(ways.read)
        took = [ways.of(name) for name, due in scheduled.items() if first <= due < end]
        parts.append({"part": number, "ways_ms": took, "pss_mb": sizes})
        p50, p95 = (percentile(took, percent) for percent in (50, 95))
        print(f"{number}/{PARTS}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, PSS in MB {sizes}", file=sys.stderr)
    await posting
    return parts


def _p95(parts: list[dict[str, Any]], numbers: range) -> float:
    return percentile([way for part in parts if part["part"] in numbers for way in part["ways_ms"]], 95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="for how long, not less than 2")
    given = parser.parse_args()
    with running() as platform:
        house = platform.house()
        with house.pool:
            [broker] = connect_brokers(platform, house, 1)
        pids = {one["name"]: one["figures"]["pid"] for one in house.bus.terminals(TERMINALS)}
        parts = asyncio.run(measure(platform, broker, given.minutes * 60, pids))
    start, end = _p95(parts, START), _p95(parts, END)
    ratio = round(end / start, 2)
    half, last = (parts[number - 1]["pss_mb"] for number in (HALF, PARTS))
    growth = {name: round(last[name] / half[name] - 1, 4) for name in TERMINALS}
    lost = sum(way == math.inf for part in parts for way in part["ways_ms"])
    met = ratio <= RATIO_TARGET and max(growth.values()) <= GROWTH_TARGET and not lost
    sizes = ", ".join(f"{name} {half[name]} to {last[name]} MB ({of:+.1%})" for name, of in growth.items())
    print(
        f"{given.minutes:g} minutes of {RATE:.0f}/s in one market: p95 to the gateway {start:.1f} ms at the start,"
        f" {end:.1f} ms at the end, ratio {ratio} (target {RATIO_TARGET}), {lost} lost; PSS from half the time to its"
        f" end: {sizes} (target {GROWTH_TARGET:+.0%}); {'met' if met else 'missed'}"
    )
    series = [
        {"p50_ms": round(percentile(part["ways_ms"], 50), 1), "p95_ms": round(percentile(part["ways_ms"], 95), 1)}
        | {"pss_mb": part["pss_mb"]}
        for part in parts
    ]
    figures = {"start_p95_ms": start, "end_p95_ms": end, "ratio": ratio, "growth": growth, "lost": lost}
    target = {"ratio": RATIO_TARGET, "growth": GROWTH_TARGET}
    keep("steady", figures=figures, series=series, minutes=given.minutes, target=target, met=met)


if __name__ == "__main__":
    main()
