"""Rebuilding all read models from the log, against a raw binary server-side cursor that only reads the same rows.

The log is filled with whole flows: a webhook, the engine's decision on it, and its order until the last fill. The
rebuild runs in a process of its own. Target: at least 20,000 events/s, and memory that does not grow with the log: the
second half of the rebuild peaks at most 20 MB above the first.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from shared.figures import keep
from shared.flows import fill

from adapters.database.migrate import grant, migrate
from adapters.log.eventstore import Store, open_pool
from adapters.vault.keys import MasterKey
from aristobot.servers.postgres import Postgres
from projections.books import rebuild

TARGET, GROWTH_TARGET = 20_000, 20.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def _raw(url: str) -> float:
    """Return the rows per second of a cursor that decodes nothing."""
    with (
        psycopg.connect(url) as connection,
        connection.cursor("raw", binary=True) as cursor,
    ):
        cursor.itersize = 4000
        began, count = time.perf_counter(), 0
        cursor.execute("SELECT position, recorded_at, stream, version, topic, state FROM log.events ORDER BY position")
        for _ in cursor:
            count += 1
        return count / (time.perf_counter() - began)


def _rebuild(url: str, events: int, told: multiprocessing.Queue[dict[str, float]]) -> None:
    sizes: list[tuple[int, int]] = []
    with psycopg.connect(url, autocommit=True) as connection, open_pool(url) as pool:
        store = Store(pool, MasterKey("benchmark"))

        def read(after: int, limit: int, stop: int | None) -> Sequence[Any]:
            sizes.append((after, int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES))
            return store.read(after, limit, stop)

        began, cpu = time.perf_counter(), time.process_time()
        position = rebuild.rebuild(connection, read, grant)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        parked = connection.execute("SELECT count(*) FROM books.parked").fetchone()
    assert position == events, position
    assert parked == (0,), parked
    first = max(size for after, size in sizes if after <= events // 2)
    second = max(size for after, size in sizes if after > events // 2)
    told.put(
        {
            "seconds": round(seconds, 2),
            "events_per_second": round(events / seconds),
            "python_cpu_share": round(cpu / seconds, 2),
            "growth_mb": round((second - first) / 2**20, 1),
            "max_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200_000, help="events in the log")
    wanted = parser.parse_args().count
    home, master = Path(tempfile.mkdtemp(prefix="ab-", dir="/tmp")), MasterKey("benchmark")
    home.chmod(0o755)
    server, context = Postgres(home, master), multiprocessing.get_context("spawn")
    server.start()
    try:
        migrate(server.url, master)
        began = time.perf_counter()
        events = fill(server.url, master, wanted)
        filled = round(time.perf_counter() - began, 1)
        raw = round(max(_raw(server.url) for _ in range(2)))
        told: multiprocessing.Queue[dict[str, float]] = context.Queue()
        child = context.Process(target=_rebuild, args=(server.url, events, told))
        child.start()
        figures = told.get(timeout=300)
        child.join()
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
    met = figures["events_per_second"] >= TARGET and figures["growth_mb"] <= GROWTH_TARGET
    print(
        f"replay of {events} events: {figures['events_per_second']}/s (target {TARGET}), raw cursor {raw}/s, ratio"
        f" {figures['events_per_second'] / raw:.3f}; memory +{figures['growth_mb']} MB in the second half (target"
        f" {GROWTH_TARGET:.0f}), peak {figures['max_rss_mb']} MB; {'met' if met else 'missed'}"
    )
    target = {"events_per_second": TARGET, "growth_mb": GROWTH_TARGET}
    figures |= {"raw_cursor_per_second": raw, "filling_seconds": filled}
    keep("replay", figures=figures, count=events, target=target, met=met)


if __name__ == "__main__":
    main()
