"""The console's reads with 100,000 orders in the books, over HTTP as the console asks for them.

The log gets complete trades, written as the platform would record them, and the running projector catches up with them.
The books are vacuumed and the metrics calculated once, as after months of trading. Then every list is read in turns:
its newest page, a page from the middle, and narrowed in every way that the console offers, among them a text that
occurs nowhere, for which everything has to be looked through. Target: the p95 of all reads below 50 ms. The slowest
kinds are listed, with the time that the metrics take after another trade is complete.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import defaultdict

import httpx
import psycopg
from shared.alerts import percentile
from shared.figures import keep
from shared.running import Running, running
from shared.trades import write_trades

from adapters.log.eventstore import Store

ORDERS, ROUNDS, TARGET_MS = 100_000, 20, 50.0
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
LISTS = {
    "/api/orders": ("state=live", "state=closed", "side=buy", "text=sol", "text=nowhere", "state=live&text=nowhere"),
    "/api/trades": ("side=sell", "text=btc", "text=nowhere"),
    "/api/gains": ("text=eth", "text=nowhere"),
    "/api/webhooks/history": ("status=executed", "text=nowhere"),
    "/api/alerts": ("severity=critical",),
    "/api/reconciliations": (),
}
ABSENT = 99
"""A broker that nobody is connected to: no terminal acts on its orders meanwhile."""
OTHERS = ("/api/positions", "/api/metrics", "/api/brokers", "/api/portfolio", "/api/webhooks/stats")


def fill(platform: Running, orders: int) -> None:
    """Write complete trades of the demo user, two orders each, and wait until the books show them."""
    house = platform.house()
    for symbol in SYMBOLS:
        write_trades(house.store, platform.told["user_number"], ABSENT, symbol, orders // 2 // len(SYMBOLS))
    _await_books(platform, house.store)
    with psycopg.connect(platform.owner, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def _await_books(platform: Running, store: Store) -> None:
    with psycopg.connect(platform.owner, autocommit=True) as connection:
        while True:
            row = connection.execute("SELECT position FROM books.position").fetchone()
            if row and store.head() - row[0] < 100:
                return
            time.sleep(1)


def kinds(client: httpx.Client) -> dict[str, list[str]]:
    """Return the addresses of each kind of read."""
    found: dict[str, list[str]] = {path: [path] for path in OTHERS}
    for path, narrowed in LISTS.items():
        cursors = [f"?cursor={cursor}" for cursor in _cursors(client, path, 20)]
        found |= {path: [path, f"{path}?limit=200"], f"{path}?cursor": cursors} if cursors else {path: [path]}
        found |= {f"{path}?{query}": [f"{path}?{query}"] for query in (*narrowed, f"broker={ABSENT}")}
    return found


def _cursors(client: httpx.Client, path: str, pages: int) -> list[str]:
    """Return the cursors of the first pages of a list."""
    found: list[str] = []
    while len(found) < pages:
        query = {"limit": "200", **({"cursor": found[-1]} if found else {})}
        following = client.get(path, params=query).raise_for_status().json()["next"]
        if following is None:
            break
        found.append(following)
    return found


def measure(client: httpx.Client, rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each kind of read."""
    addresses = {kind: itertools.cycle(each) for kind, each in kinds(client).items()}
    took: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for kind, each in addresses.items():
            began = time.perf_counter()
            client.get(next(each)).raise_for_status()
            took[kind].append((time.perf_counter() - began) * 1000)
    return took


def main() -> int:
    """Return 0 when the target is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    orders = parser.parse_args().orders
    with running() as platform:
        fill(platform, orders)
        with httpx.Client(base_url=platform.told["console"], timeout=60) as client:
            login = {"username": platform.told["user"], "password": platform.told["password"]}
            client.post("/api/session", json=login).raise_for_status()
            began = time.perf_counter()
            client.get("/api/metrics").raise_for_status()
            first = time.perf_counter() - began
            took = measure(client, ROUNDS)
    overall = percentile(itertools.chain(*took.values()), 95)
    by_kind = {kind: percentile(times, 95) for kind, times in took.items()}
    for kind, p95 in sorted(by_kind.items(), key=lambda one: -one[1])[:12]:
        print(f"{p95:8.1f} ms p95  {kind}")
    print(f"metrics after a trade {first * 1000:.0f} ms, once")
    print(f"reads with {orders} orders: p95 {overall:.1f} ms (< {TARGET_MS:.0f}): {overall / TARGET_MS:.2f} of it")
    keep("reads", overall_p95_ms=overall, p95_ms=by_kind)
    return 0 if overall < TARGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
