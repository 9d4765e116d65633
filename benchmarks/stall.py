"""The time until signals are as fast as before, after a terminal stood still for three seconds.

Ten paper brokers of one user take 20 alerts per second on an open-loop schedule. One terminal after the other is
stopped (SIGSTOP) and continued (SIGCONT). The delay counts from the scheduled moment: to `recorded_at` of
`Order.Accepted` for a terminal on the path to the order, and for every terminal to the first message on `/api/live`
that shows the accepted trade. It is back with the first of two seconds in a row whose median delay is at most 1.2 times
the median before the stall, or 10 ms above it. The figure is the end of that second, counted from when the terminal
continued. A delay that is not back before the alerts end counts as infinite. A terminal whose stop delayed nothing was
not measured, which is an error. Target: back within 5 s, and every alert arrives.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import signal
import time
from collections.abc import Mapping
from itertools import pairwise
from statistics import median
from typing import Any

from shared.alerts import BROKERS, accepted, alerts, await_rest, connect_brokers, delays, listen, post, schedule
from shared.figures import keep
from shared.running import Running, running

from aristobot.wiring import House

WAYS = {
    "receiver": ("accepted", "socket"),
    "engine": ("accepted", "socket"),
    "gateway": ("accepted", "socket"),
    "projector": ("socket",),
    "web": ("socket",),
}
"""The measured paths that lead through each terminal."""
TARGET_SECONDS = 5.0
MOST_TIMES, MOST_MORE = 1.2, 0.010
WARM_UP, BEFORE, AFTER = 5, 8, 10
"""Seconds of alerts at first, before each stall and after it. The next stall begins once everything is at rest."""
FELT = 0.5
"""The fraction of a stall's length that the longest delay has to reach."""


class Stalls:
    """Offers alerts around stalls, never the same one twice, and notes when they were due and seen (Unix time)."""

    def __init__(self, platform: Running, brokers: list[int], rate: float, stall: float) -> None:
        self._told, self._owner = platform.told, platform.owner
        self._brokers, self._rate, self._stall = brokers, rate, stall
        self._sent, self._seen = 0, dict[str, float]()

    async def each(self, house: House) -> dict[str, dict[str, Any]]:
        """Stop each terminal in turn and return the figures of the paths through it."""
        listening = asyncio.create_task(listen(self._told, self._seen))
        await asyncio.sleep(2)
        await self._offer(WARM_UP, None)
        figures = {}
        for terminal in house.bus.terminals(tuple(WAYS)):
            name = terminal["name"]
            scheduled, stopped, continued = await self._offer(BEFORE + self._stall + AFTER, terminal["figures"]["pid"])
            there = {"accepted": accepted(self._owner), "socket": self._seen}
            figures[name] = {way: self._figures(scheduled, there[way], stopped, continued) for way in WAYS[name]}
            for way, found in figures[name].items():
                if found["longest_s"] < self._stall * FELT:
                    raise RuntimeError(f"the stall of {name} delayed nothing on the way to {way}: {found}")
        listening.cancel()
        return figures

    async def _offer(self, seconds: float, pid: int | None) -> tuple[dict[str, float], float, float]:
        """Offer alerts and stop a process meanwhile; return when they were due, and when it stopped and continued."""
        numbers = range(self._sent, self._sent + round(seconds * self._rate))
        self._sent = numbers.stop
        bodies = alerts(self._told["user_number"], self._brokers, numbers)
        scheduled = schedule(self._told["user_number"], bodies, time.time() + 0.5, self._rate)
        posting = asyncio.create_task(post(self._told["webhook_url"], bodies, scheduled.values()))
        stopped = continued = math.inf
        if pid is not None:
            await asyncio.sleep(min(scheduled.values()) + BEFORE - time.time())
            os.kill(pid, signal.SIGSTOP)
            stopped = time.time()
            try:
                await asyncio.sleep(self._stall)
            finally:
                os.kill(pid, signal.SIGCONT)
            continued = time.time()
        await posting
        await asyncio.to_thread(await_rest, self._owner)
        return scheduled, stopped, continued

    def _figures(
        self, scheduled: Mapping[str, float], there: Mapping[str, float], stopped: float, continued: float
    ) -> dict[str, Any]:
        """Return the medians before the stall and of each second after it, the longest delay, and when it was back."""
        ways = list(zip(scheduled.values(), delays(scheduled, there), strict=True))
        before = median(delay for due, delay in ways if due < stopped)
        after = [
            median(delay for due, delay in ways if number <= due - continued < number + 1) for number in range(AFTER)
        ]
        highest = max(before * MOST_TIMES, before + MOST_MORE)
        back = (number + 1 for number, pair in enumerate(pairwise(after)) if max(pair) <= highest)
        return {
            "before_p50_ms": round(before * 1000, 1), "after_p50_ms": [round(each * 1000, 1) for each in after],
            "longest_s": round(max(delay for _, delay in ways), 2), "back_s": next(back, math.inf),
            "lost": sum(delay == math.inf for _, delay in ways),
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=20, help="alerts per second")
    parser.add_argument("--stall", type=float, default=3, help="how many seconds each terminal stands still")
    given = parser.parse_args()
    with running() as platform:
        house = platform.house()
        with house.pool:
            brokers = connect_brokers(platform, house)
        figures = asyncio.run(Stalls(platform, brokers, given.rate, given.stall).each(house))
    found = [each for ways in figures.values() for each in ways.values()]
    met = all(each["back_s"] <= TARGET_SECONDS and not each["lost"] for each in found)
    each = "; ".join(
        f"{name} " + ", ".join(f"{way} {of['back_s']} s ({of['lost']} lost)" for way, of in ways.items())
        for name, ways in figures.items()
    )
    print(
        f"back after {given.stall:.0f} s of stall at {given.rate:.0f}/s, {BROKERS} brokers: {each}; target"
        f" {TARGET_SECONDS:.0f} s, none lost; {'met' if met else 'missed'}"
    )
    keep("stall", figures=figures, rate=given.rate, stall_s=given.stall, target_s=TARGET_SECONDS, met=met)


if __name__ == "__main__":
    main()
