"""From a webhook's delivery to its accepted order, and to the trade's row on the live socket, on `aristobot run`.

Ten paper brokers of one user take turns, the paper exchange's limits are off, and alerts are sent on an open-loop
schedule. Latency counts from the scheduled moment: to `recorded_at` of `Order.Accepted` in the log, and to the first
message on `/api/live` that shows the row with the exchange's id. Targets: p95 below 150 ms and below 250 ms, and every
alert arrives.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from shared.alerts import BROKERS, accepted, alerts, connect_brokers, delays, listen, percentile, post, schedule
from shared.figures import keep
from shared.running import Running, running

ACCEPTED_TARGET_MS, SOCKET_TARGET_MS = 150.0, 250.0
SETTLE_SECONDS = 5.0


async def _measure(
    platform: Running, brokers: list[int], seconds: float, rate: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Send the alerts; return when each webhook was due, and when its trade was on the socket (Unix time)."""
    told, seen, count = platform.told, dict[str, float](), round(seconds * rate)
    bodies = alerts(told["user_number"], brokers, range(count))
    listening = asyncio.create_task(listen(told, seen, count))
    await asyncio.sleep(2)
    scheduled = schedule(told["user_number"], bodies, time.time() + 0.5, rate)
    await post(told["webhook_url"], bodies, scheduled.values())
    done, _ = await asyncio.wait([listening], timeout=SETTLE_SECONDS)
    listening.cancel()
    for ended in done:
        ended.result()
    return scheduled, seen


def _figures(scheduled: dict[str, float], there: dict[str, float]) -> dict[str, float]:
    """Return percentiles over everything that was sent. What never arrived counts as infinite."""
    took = delays(scheduled, there)
    told = {f"p{p}_ms": round(percentile(took, p) * 1000, 1) for p in (50, 95, 99)}
    return told | {"arrived": len(scheduled.keys() & there.keys())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=20, help="alerts per second")
    given = parser.parse_args()
    with running() as platform:
        house = platform.house()
        with house.pool:
            brokers = connect_brokers(platform, house)
        scheduled, seen = asyncio.run(_measure(platform, brokers, given.seconds, given.rate))
        figures = {"accepted": _figures(scheduled, accepted(platform.owner)), "socket": _figures(scheduled, seen)}
    complete = all(each["arrived"] == len(scheduled) for each in figures.values())
    fast = figures["accepted"]["p95_ms"] < ACCEPTED_TARGET_MS and figures["socket"]["p95_ms"] < SOCKET_TARGET_MS
    met = complete and fast
    each = "; ".join(
        f"{n} {f['p50_ms']}/{f['p95_ms']}/{f['p99_ms']} ({f['arrived']} of {len(scheduled)})"
        for n, f in figures.items()
    )
    print(
        f"signal to order at {given.rate:.0f}/s, {BROKERS} brokers: p50/p95/p99 in ms: {each}; p95 targets"
        f" {ACCEPTED_TARGET_MS:.0f} and {SOCKET_TARGET_MS:.0f}; {'met' if met else 'missed'}"
    )
    target = {"accepted_p95_ms": ACCEPTED_TARGET_MS, "socket_p95_ms": SOCKET_TARGET_MS}
    keep("signal_to_order", figures=figures, rate=given.rate, target=target, met=met)


if __name__ == "__main__":
    main()
