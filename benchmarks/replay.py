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
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from shared.figures import keep

from adapters.database.migrate import grant, migrate
from adapters.log.eventstore import Store, open_pool
from adapters.vault.keys import MasterKey
from aristobot.servers.postgres import Postgres
from domain.aggregate import Aggregate, Personal, carrying
from domain.orders.order import Order
from domain.orders.wish import Side, Source, Type, Wish
from domain.webhooks.webhook import Webhook
from projections.books import rebuild

TARGET, GROWTH_TARGET = 20_000, 20.0
FLOWS_AT_ONCE = 100
USERS, BROKERS = 5, 10
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SENDER = uuid4()
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def _flow(number: int) -> list[Aggregate]:
    """Return a webhook and its order: eight events."""
    user, now = number % USERS + 1, NOW + timedelta(seconds=number)
    webhook_id, order_id, quantity = uuid4(), uuid4(), Decimal("0.0125")
    body = f'{{"Symbol":"BTCUSDT","Action":"BuyMarket","PourCent":5,"UserID":{user},"Bar":{number}}}'.encode()
    with carrying(user=str(user), source="receiver", correlation_id=str(webhook_id)):
        webhook = Webhook.receive(webhook_id, user, body, "127.0.0.1", now)
        order = Order.place(
            order_id=order_id, user=user, broker=number % BROKERS + 1,
            wish=Wish("BTC/USDT", Side.BUY, Type.MARKET, quantity=quantity), source=Source.WEBHOOK,
            requester="Webhooks", client_order_id=f"ARISTO_{order_id.hex[:20]}", cause=webhook_id,
        )  # fmt: skip
        webhook.take([order_id])
        valid_until = now + timedelta(seconds=5)
        order.submit(SENDER, now=now, valid_until=valid_until, quantity=quantity, cost=None, price=None)
        order.accept(f"X{number}", Personal(f'{{"orderId":{number},"status":"FILLED","executedQty":"0.0125"}}'))
        for part, share in enumerate((Decimal("0.01"), Decimal("0.0025"))):
            trade, raw = f"{number}-{part}", Personal(f'{{"tradeId":{number},"price":"64250.10"}}')
            order.fill(trade, share, Decimal("64250.1"), share * 64, "USDT", now, None, raw)
    return [webhook, order]


def _fill(url: str, master: MasterKey, events: int) -> int:
    with open_pool(url) as pool:
        store = Store(pool, master)
        number, position = 0, 0
        while position < events:
            flows = [a for n in range(number, number + FLOWS_AT_ONCE) for a in _flow(n)]
            position = store.save(*flows)[-1]
            number += FLOWS_AT_ONCE
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE log.events")
    return position


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
        events = _fill(server.url, master, wanted)
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
