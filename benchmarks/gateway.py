"""One placed and parsed limit order, and a list of 1,000 open ones: our client, `ccxt.async_support`, and HTTP's floor.

All three take turns in one process against the paper exchange in another, whose limits are off, each on its own
account. The figures are this process's CPU time and the median wall time per order, and the CPU time of reading a list.
Ours should need at most so much of ccxt's time:

| | CPU of an order | wall time of an order | reading 1,000 orders |
|---|---|---|---|
| Binance, over the WebSocket API | 0.38 | 0.50 | 0.25 |
| Bitget, whose answer to an order is its id alone: ours hears the order over its stream too | 0.45 | not set | 0.25 |
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from itertools import cycle, islice
from statistics import median
from typing import Any

import aiohttp
import uvloop
from shared.figures import keep
from shared.running import free_ports
from shared.ways import HTTP_OK, WAYS, Way

BLOCK, WARM_UP = 25, 20
LISTED, READINGS = 1000, 20
PORTS = {"binance": 1, "bitget": 2}
"""The port of each exchange after that of the control API."""
TARGETS = {
    "binance": {"cpu_ms": 0.38, "wall_p50_ms": 0.50, "read_ms": 0.25},
    "bitget": {"cpu_ms": 0.45, "read_ms": 0.25},
}


async def _paper(session: aiohttp.ClientSession, control: str, exchange: str) -> list[dict[str, str]]:
    """Wait for the exchange, switch its limits off, let any number of orders rest, and return three new accounts."""
    for _ in range(200):
        try:
            async with session.put(f"{control}/paper/limits", json={"exchange": exchange, "enabled": False}):
                break
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.05)
    many = {"exchange": exchange, "symbol": "BTC/USDT", "filters": {"MAX_NUM_ORDERS": {"maxNumOrders": 1_000_000}}}
    async with session.put(f"{control}/paper/markets", json=many) as answer:
        assert answer.status == HTTP_OK, await answer.text()
    accounts = []
    for _ in range(3):
        body = {"exchange": exchange, "balances": {"USDT": "100000000"}, "passphrase": "a phrase"}
        async with session.post(f"{control}/paper/accounts", json=body) as answer:
            accounts.append(await answer.json())
    return accounts


async def _measure(port: int, exchange: str, count: int) -> dict[str, dict[str, float]]:
    url = f"http://127.0.0.1:{port + PORTS[exchange]}"
    async with aiohttp.ClientSession() as session:
        accounts = await _paper(session, f"http://127.0.0.1:{port}", exchange)
    ways = {name: await make(url, keys) for (name, make), keys in zip(WAYS[exchange].items(), accounts, strict=True)}
    try:
        figures = await _place(ways, count)
        for name, milliseconds in (await _read(ways)).items():
            figures[name]["read_ms"] = milliseconds
    finally:
        for way in ways.values():
            await way.close()
    return figures


async def _place(ways: dict[str, Way], count: int) -> dict[str, dict[str, float]]:
    cpu, wall = dict.fromkeys(ways, 0.0), {name: list[float]() for name in ways}
    for name, way in ways.items():
        for number in range(WARM_UP):
            await way.place(f"warm-{name}-{number}")
    for start in range(0, count, BLOCK):
        for name, way in ways.items():
            began = time.process_time()
            for number in range(start, min(start + BLOCK, count)):
                asked = time.perf_counter()
                await way.place(f"{name}-{number}")
                wall[name].append(time.perf_counter() - asked)
            cpu[name] += time.process_time() - began
    return {
        name: {"cpu_ms": round(cpu[name] / count * 1000, 3), "wall_p50_ms": round(median(wall[name]) * 1000, 3)}
        for name in ways
    }


async def _read(ways: dict[str, Way]) -> dict[str, float]:
    """Return the CPU time (milliseconds) of reading the open orders of ours, repeated until they are a thousand."""
    listed = ways["ours"].listed
    assert listed is not None
    raw = f"[{','.join(islice(cycle(await listed()), LISTED))}]".encode()
    cpu: dict[str, float] = {}
    for _ in range(READINGS):
        for name, way in ways.items():
            if way.read is not None:
                began = time.process_time()
                assert len(way.read(raw)) == LISTED
                cpu[name] = cpu.get(name, 0.0) + time.process_time() - began
    return {name: round(spent / READINGS * 1000, 3) for name, spent in cpu.items()}


def _ratios(figures: dict[str, dict[str, float]], way: str) -> dict[str, float]:
    return {kind: round(value / figures["ccxt"][kind], 3) for kind, value in figures[way].items()}


def _told(exchange: str, count: int, figures: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Print the figures of one exchange and return them."""
    ratios, floor, target = _ratios(figures, "ours"), _ratios(figures, "floor"), TARGETS[exchange]
    met = all(ratios[kind] <= most for kind, most in target.items())
    each = ", ".join(f"{name} {one['cpu_ms']:.2f}/{one['wall_p50_ms']:.2f}" for name, one in figures.items())
    lists = ", ".join(f"{name} {one['read_ms']:.1f}" for name, one in figures.items() if "read_ms" in one)
    print(
        f"gateway, {exchange}, {count} orders: CPU/wall p50 in ms: {each}; 1,000 open orders read in ms: {lists};"
        f" ours / ccxt: {ratios} (target {target}); floor / ccxt: {floor}; {'met' if met else 'missed'}"
    )
    return {"figures": figures, "ratios": ratios, "floor": floor, "count": count, "target": target, "met": met}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500, help="orders for each of the three")
    parser.add_argument("--exchange", choices=WAYS, action="append", help="default: all of them")
    given, port = parser.parse_args(), free_ports(1 + len(PORTS))
    paper = subprocess.Popen([sys.executable, "-m", "aristobot", "paper", "--port", str(port)])
    try:
        told = {
            exchange: _told(exchange, given.count, uvloop.run(_measure(port, exchange, given.count)))
            for exchange in given.exchange or WAYS
        }
    finally:
        paper.terminate()
        paper.wait(20)
    keep("gateway", **told)


if __name__ == "__main__":
    main()
