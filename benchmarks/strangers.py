"""Honest alerts beside a crowd without tokens, and a burst of honest ones alone: answered when, recorded when.

A thousand connections with wrong tokens ask as fast as they are answered, from a process of their own. Beside them come
five honest alerts a second. Then a thousand honest alerts come within one second. Latency counts from the scheduled
moment; the time of recording is the log's own. Targets: each honest alert answered within 3 s (then TradingView gives
up), p99 below 1 s, recorded within 2 s; of the burst none lost, each answered within 3 s, all recorded within 10 s.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from collections import Counter
from multiprocessing.synchronize import Event
from typing import Any

import aiohttp
import psycopg
from shared.door import OpenDoor, alert, open_door
from shared.figures import keep

STRANGERS, HONEST_PER_SECOND, BURST = 1000, 5, 1000
GIVES_UP, P99, RECORDED, DRAINED = 3.0, 1.0, 2.0, 10.0
REFUSED = (0, 401, 429)
LATENESS = """
    SELECT extract(epoch FROM recorded_at - (state ->> 'received_at')::timestamptz)::float8
    FROM log.event_log WHERE topic = 'Webhook.Received' AND position > %s
"""


def _crowd(address: str, seconds: float, ready: Event, answers: Any) -> None:
    """Ask with wrong tokens over many connections, and put the count of each status into `answers`."""
    answers.put(asyncio.run(_ask(address, seconds, ready)))


async def _ask(address: str, seconds: float, ready: Event) -> Counter[int]:
    told, until = Counter[int](), time.monotonic() + seconds

    async def stranger(number: int, session: aiohttp.ClientSession) -> None:
        while time.monotonic() < until:
            try:
                async with session.post(f"{address}?token=wrong{number}", data=alert(number)) as answer:
                    told[answer.status] += 1
            except (aiohttp.ClientError, TimeoutError):
                told[0] += 1

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        ready.set()
        await asyncio.gather(*(stranger(number, session) for number in range(STRANGERS)))
    return told


async def _honest(url: str, first: int, count: int, per_second: float) -> list[float]:
    """Send alerts on schedule and return the seconds from each scheduled moment to its answer."""
    begin, took = time.perf_counter() + 0.1, list[float]()

    async def post(number: int, session: aiohttp.ClientSession) -> None:
        scheduled = begin + number / per_second
        await asyncio.sleep(max(scheduled - time.perf_counter(), 0))
        async with session.post(url, data=alert(first + number)) as answer:
            if answer.status == 200:
                took.append(time.perf_counter() - scheduled)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(post(number, session) for number in range(count)))
    return sorted(took)


def _recorded(door: OpenDoor, after: int, count: int, seconds: float) -> list[float]:
    """Wait until `count` alerts after a position are recorded, and return how late each was, in seconds."""
    until = time.monotonic() + seconds
    while True:
        with psycopg.connect(door.database) as connection:
            late = sorted(row[0] for row in connection.execute(LATENESS, (after,)))
        if len(late) >= count or time.monotonic() > until:
            return late
        time.sleep(0.2)


def _head(door: OpenDoor) -> int:
    with psycopg.connect(door.database) as connection:
        [(head,)] = connection.execute("SELECT coalesce(max(position), 0) FROM log.events").fetchall()
        return int(head)


def _beside_strangers(door: OpenDoor, seconds: float) -> dict[str, Any]:
    spawn = multiprocessing.get_context("spawn")
    ready, answers = spawn.Event(), spawn.Queue()
    crowd = spawn.Process(target=_crowd, args=(door.address, seconds, ready, answers))
    after, count = _head(door), round(seconds * HONEST_PER_SECOND)
    crowd.start()
    ready.wait(60)
    took = asyncio.run(_honest(door.url, 0, count, HONEST_PER_SECOND))
    told = answers.get(timeout=60)
    crowd.join(60)
    late = _recorded(door, after, count, 60)
    return {
        "sent": count, "answered": len(took), "worst_s": round(took[-1], 3), "p99_s": round(_percentile(took, 99), 3),
        "recorded": len(late), "recorded_worst_s": round(late[-1], 3),
        "strangers": sum(told.values()), "let_in": sum(told.values()) - sum(told[status] for status in REFUSED),
    }  # fmt: skip


def _burst(door: OpenDoor) -> dict[str, Any]:
    after, began = _head(door), time.monotonic()
    took = asyncio.run(_honest(door.url, 1_000_000, BURST, BURST))
    late = _recorded(door, after, BURST, 60)
    return {
        "sent": BURST, "answered": len(took), "worst_s": round(took[-1], 3), "p99_s": round(_percentile(took, 99), 3),
        "recorded": len(late), "recorded_worst_s": round(late[-1], 3), "drained_s": round(time.monotonic() - began, 1),
    }  # fmt: skip


def _percentile(values: list[float], percent: int) -> float:
    return values[min(len(values) * percent // 100, len(values) - 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="how long the strangers ask")
    given = parser.parse_args()
    with open_door() as door:
        asyncio.run(_until_open(door))
        beside, burst = _beside_strangers(door, given.seconds), _burst(door)
    met = (
        beside["answered"] == beside["recorded"] == beside["sent"]
        and not beside["let_in"]
        and (beside["worst_s"] < GIVES_UP and beside["p99_s"] < P99 and beside["recorded_worst_s"] < RECORDED)
        and burst["answered"] == burst["recorded"] == BURST
        and (burst["worst_s"] < GIVES_UP and burst["drained_s"] < DRAINED)
    )
    print(f"beside {STRANGERS} strangers: {beside}; a burst: {burst}; {'met' if met else 'missed'}")
    keep("strangers", beside=beside, burst=burst, met=met)


async def _until_open(door: OpenDoor) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(600):
            try:
                async with session.get(door.address):
                    return
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.05)


if __name__ == "__main__":
    main()
